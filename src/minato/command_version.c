/* minato version: which minato this is. */
#include "command.h"
#include "config.h"
#include "words.h"

static int run(const struct context *context, const void *config, const char *const *arguments,
	       unsigned count)
{
	(void)context, (void)config, (void)arguments, (void)count; /* nothing to choose */
	struct str out = STR_INIT(4096);
	str_printf(&out, "minato %s\n", MINATO_VERSION);
	int code = print_text(&out);
	str_deinit(&out);
	return code;
}

const struct command command_version = {
	.name = "version",
	.summary = N_("which minato this is"),
	.run = run,
};
