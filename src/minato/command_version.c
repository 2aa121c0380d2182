/* minato version: which minato this is. */
#include <stddef.h>

#include "command.h"
#include "config.h"
#include "view/view.h"
#include "words.h"

struct config {
	bool json;
};

static int run(const struct context *context, const void *given, const char *const *arguments,
	       unsigned count)
{
	(void)arguments, (void)count; /* none are taken */
	const struct config *config = given;
	struct str out = STR_INIT(4096);
	if (config->json) {
		json_t *document = view_document(context->now);
		json_object_set_new(document, "version", json_string(MINATO_VERSION));
		(void)view_print(&out, document, context->out_terminal); /* kept in out.error */
	} else {
		str_printf(&out, "minato %s\n", MINATO_VERSION);
	}
	int code = print_text(&out);
	str_deinit(&out);
	return code;
}

static const struct config defaults = { 0 };
static const struct option options[] = {
	{ "json", 'j', OPTION_FLAG, offsetof(struct config, json), NULL,
	  N_("everything, for machines") },
};

const struct command command_version = {
	.name = "version",
	.summary = N_("which minato this is"),
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.defaults = &defaults,
	.run = run,
};
