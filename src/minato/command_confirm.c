/* minato confirm: whoever still gets in says so. */
#include "rules_apply.h"
#include "words.h"

static int run(const struct context *context, const void *given, const char *const *arguments,
	       unsigned count)
{
	(void)given, (void)arguments, (void)count; /* none are taken */
	struct rules rules = { RULES_INIT };
	int code = rules_open(&rules, context, true);
	if (code == EXIT_IN_ORDER) {
		code = rules_look(&rules, context);
	}
	if (code == EXIT_IN_ORDER) {
		code = rules_confirm(&rules, context);
	}
	rules_close(&rules);
	return code;
}

const struct command command_confirm = {
	.name = "confirm",
	.summary = N_("keep the rules that minato apply tries"),
	.description =
		N_("Counts only where it proves something: in a login from the network that "
		   "was made after minato apply, or by a key on a terminal of this machine."),
	.common = true,
	.run = run,
};
