/* minato init: a first policy from what is listening. */
#include <errno.h>
#include <string.h>

#include "command.h"
#include "look.h"
#include "observe/observe.h"
#include "policy/policy.h"
#include "policy_file_new.h"
#include "words.h"

struct config {
	const char *output;
};

static const struct option options[] = {
	{ "output", 'o', OPTION_STRING, offsetof(struct config, output), "FILE",
	  N_("where to write it; - is standard output") },
};

static const char command_words[] = "minato init";

static int write_policy(const struct context *context, const char *path, const struct str *text)
{
	if (strcmp(path, "-") == 0) {
		return print_text(text);
	}
	const int code = policy_file_new(context, path, text, command_words);
	return code == EXIT_IN_ORDER ? policy_file_tell(path) : code;
}

static int run(const struct context *context, const void *given, const char *const *arguments,
	       unsigned count)
{
	const struct config *config = given;
	const char *path = config->output != NULL ? config->output : context->policy_path;
	struct inventory inventory;
	struct err e = ERR_INIT;
	(void)arguments, (void)count; /* none are taken */
	if (strcmp(path, "-") != 0 && !policy_file_absent(context, path, command_words)) {
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
