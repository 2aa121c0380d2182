/* minato init: a first policy from what is listening. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "command.h"
#include "look.h"
#include "observe/observe.h"
#include "policy/policy.h"
#include "words.h"

struct config {
	const char *output;
};

static const struct option options[] = {
	{ "output", 'o', OPTION_STRING, offsetof(struct config, output), "FILE",
	  N_("where to write it; - is standard output") },
};

static void complain_about(const struct context *context, const char *format, const char *path,
			   const char *reason, const char *next)
{
	struct str sentence = STR_INIT(8192);
	str_printf(&sentence, format, path, reason);
	complain(context, str_text(&sentence), next);
	str_deinit(&sentence);
}

/* O_EXCL: what is there stays, also when it appears between two looks. */
static int create(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
}

/* The folder of the policy may be missing on a new host: /etc/minato. One level, no more. */
static bool make_folder(const char *path)
{
	char folder[PATH_MAX];
	if (strlen(path) >= sizeof(folder)) {
		return false;
	}
	memcpy(folder, path, strlen(path) + 1);
	return mkdir(dirname(folder), 0755) == 0;
}

static int write_new(const struct context *context, const char *path, const struct str *text)
{
	_cleanup_(close_fdp) int fd = create(path);
	if (fd < 0 && errno == ENOENT && path == context->policy_path && make_folder(path)) {
		fd = create(path);
	}
	if (fd < 0 && errno == EEXIST) {
		complain_about(context, _("%s exists; it is never overwritten"), path, "",
			       "minato init --output -");
		return EXIT_ERROR;
	}
	if (fd < 0) {
		int code = errno == EACCES ? EXIT_RIGHTS : EXIT_ERROR;
		complain_about(context, _("%s cannot be written: %s"), path, strerror(errno),
			       "minato init --output policy.yaml");
		return code;
	}
	int r = write_all(fd, str_text(text), text->length);
	r = r < 0 || fsync(fd) == 0 ? r : -errno;
	if (r < 0) {
		complain_about(context, _("%s cannot be written: %s"), path, strerror(-r), NULL);
		(void)unlink(path); /* half a policy is worse than none; the reason was said */
		return EXIT_ERROR;
	}
	return EXIT_IN_ORDER;
}

static int write_policy(const struct context *context, const char *path, const struct str *text)
{
	if (strcmp(path, "-") == 0) {
		return print_text(text);
	}
	int code = write_new(context, path, text);
	if (code == EXIT_IN_ORDER) {
		struct str out = STR_INIT(8192);
		str_printf(&out, _("%s is written; every CONFIRM in it waits for you\n"), path);
		str_printf(&out, "  minato policy validate %s\n", path);
		code = print_text(&out);
		str_deinit(&out);
	}
	return code;
}

static int run(const struct context *context, const void *given, const char *const *arguments,
	       unsigned count)
{
	const struct config *config = given;
	const char *path = config->output != NULL ? config->output : context->policy_path;
	struct inventory inventory;
	struct err e = ERR_INIT;
	(void)arguments, (void)count; /* none are taken */
	if (strcmp(path, "-") != 0 && access(path, F_OK) == 0) {
		complain_about(context, _("%s exists; it is never overwritten"), path, "",
			       "minato init --output -");
		return EXIT_ERROR;
	}
	unsigned flags = OBSERVE_OWNERS | OBSERVE_DETAILS | OBSERVE_PUBLISHED;
	if (look(&inventory, context, flags, &e) < 0) {
		complain(context, err_text(&e), NULL);
		return EXIT_ERROR;
	}
	struct str text = STR_INIT(POLICY_FILE_BYTES_MAX);
	int code = EXIT_ERROR;
	if (policy_init(&text, &inventory, context->language) < 0) {
		complain(context,
			 text.error == -EFBIG
				 ? _("more listens here than a policy file of 1 MiB can name")
				 : strerror(-text.error),
			 "minato ports");
	} else {
		code = write_policy(context, path, &text);
		complain_of_coverage(context, &inventory);
	}
	str_deinit(&text);
	inventory_deinit(&inventory);
	return code;
}

static const char *const examples[] = {
	"minato init --output policy.yaml",
	N_("a first policy from what is listening now"),
	NULL,
};

const struct command command_init = {
	.name = "init",
	.summary = N_("write a first policy from what is listening now"),
	.description = N_("One declaration for each service that listens, with what the catalogue "
			  "knows about it. Owners are left to confirm: CONFIRM marks them. A file "
			  "that exists is never overwritten."),
	.examples = examples,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.run = run,
};
