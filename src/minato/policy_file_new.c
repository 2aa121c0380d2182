/* A policy file that was not there before: init and import write one. */
#include "policy_file_new.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "words.h"

static int refuse_existing(const struct context *context, const char *path, const char *command)
{
	struct str sentence = STR_INIT(8192);
	char next[64];
	str_printf(&sentence, _("%s exists; it is never overwritten"), path);
	(void)snprintf(next, sizeof(next), "%s --output -", command);
	complain(context, str_text(&sentence), next);
	str_deinit(&sentence);
	return EXIT_ERROR;
}

static int complain_of(const struct context *context, const char *path, int error,
		       const char *command)
{
	struct str sentence = STR_INIT(8192);
	char next[64];
	str_printf(&sentence, _("%s cannot be written: %s"), path, strerror(error));
	(void)snprintf(next, sizeof(next), "%s --output policy.yaml", command);
	complain(context, str_text(&sentence), next);
	str_deinit(&sentence);
	return error == EACCES ? EXIT_RIGHTS : EXIT_ERROR;
}

/* O_EXCL: what is there stays, also when it appears between two looks. */
static int create(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
}

static bool make_folder(const char *path)
{
	char folder[PATH_MAX];
	if (strlen(path) >= sizeof(folder)) {
		return false;
	}
	memcpy(folder, path, strlen(path) + 1);
	return mkdir(dirname(folder), 0755) == 0;
}

bool policy_file_absent(const struct context *context, const char *path, const char *command)
{
	if (access(path, F_OK) != 0) {
		return true;
	}
	(void)refuse_existing(context, path, command);
	return false;
}

int policy_file_new(const struct context *context, const char *path, const struct str *text,
		    const char *command)
{
	_cleanup_(close_fdp) int fd = create(path);
	if (fd < 0 && errno == ENOENT && strcmp(path, context->policy_path) == 0 &&
	    make_folder(path)) {
		fd = create(path);
	}
	if (fd < 0) {
		return errno == EEXIST ? refuse_existing(context, path, command)
				       : complain_of(context, path, errno, command);
	}
	int r = write_all(fd, str_text(text), text->length);
	r = r < 0 || fsync(fd) == 0 ? r : -errno;
	if (r < 0) {
		(void)unlink(path); /* half a policy is worse than none; the reason is said */
		return complain_of(context, path, -r, command);
	}
	return EXIT_IN_ORDER;
}

int policy_file_tell(const char *path)
{
	struct str out = STR_INIT(8192);
	str_printf(&out, _("%s is written; every CONFIRM in it waits for you\n"), path);
	str_printf(&out, "  minato policy validate %s\n", path);
	const int code = print_text(&out);
	str_deinit(&out);
	return code;
}
