/* A file that a command makes for people to look at. */
#include "page_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/parse.h"
#include "words.h"

/* A name in the environment is believed of root alone: then it is sudo that wrote it. */
static bool number_of(uint64_t *out, const char *name)
{
	const char *text = getenv(name);
	return geteuid() == 0 && text != NULL && parse_u64(out, text, 0, UINT32_MAX - 1) == 0;
}

static int give_to_caller(int fd)
{
	uint64_t user = 0;
	uint64_t group = 0;
	if (!number_of(&user, "SUDO_UID") || !number_of(&group, "SUDO_GID")) {
		return 0;
	}
	return fchown(fd, (uid_t)user, (gid_t)group) < 0 ? -errno : 0;
}

static int fill(int fd, const struct str *text)
{
	if (fchmod(fd, 0600) < 0) {
		return -errno;
	}
	int r = give_to_caller(fd);
	r = r < 0 ? r : write_all(fd, str_text(text), text->length);
	return r == 0 && fsync(fd) < 0 ? -errno : r;
}

static int replace(const char *path, const struct str *text)
{
	char temporary[PATH_MAX];
	const char *slash = strrchr(path, '/');
	const int folder = slash == NULL ? 0 : (int)(slash - path) + 1;
	const int length =
		snprintf(temporary, sizeof(temporary), "%.*s.minato-XXXXXX", folder, path);
	if (length < 0 || (size_t)length >= sizeof(temporary)) {
		return -ENAMETOOLONG;
	}
	_cleanup_(close_fdp) int fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		return -errno;
	}
	int r = fill(fd, text);
	if (r == 0 && rename(temporary, path) < 0) {
		r = -errno;
	}
	if (r < 0) {
		(void)unlink(temporary); /* the first failure is told */
	}
	return r;
}

/* Root would put a file in the place of /dev/stdout. */
static int check_place(const char *path)
{
	struct stat status;
	if (path[0] == '\0') {
		return -ENOENT;
	}
	if (stat(path, &status) < 0) {
		return 0; /* not there yet, or a link to nothing */
	}
	return S_ISDIR(status.st_mode) ? -EISDIR : S_ISREG(status.st_mode) ? 0 : -EINVAL;
}

static int complain_of_place(const struct context *context, const char *path, int code)
{
	struct err e = ERR_INIT;
	struct str safe = STR_INIT((size_t)4 * PATH_MAX);
	text_escape(&safe, path);
	if (code == -EINVAL) {
		(void)err_set(&e, EINVAL, _("%.300s is no ordinary file; - is standard output"),
			      str_text(&safe));
	} else {
		(void)err_system(&e, code, _("cannot write %.300s"), str_text(&safe));
	}
	complain(context, err_text(&e), NULL);
	str_deinit(&safe);
	return code == -EACCES || code == -EPERM ? EXIT_RIGHTS : EXIT_ERROR;
}

int page_file_write(const struct context *context, const char *path, const struct str *text)
{
	if (text->error != 0 || strcmp(path, "-") == 0) {
		return print_text(text);
	}
	int r = check_place(path);
	if (r == 0) {
		r = replace(path, text);
	}
	return r < 0 ? complain_of_place(context, path, r) : EXIT_IN_ORDER;
}
