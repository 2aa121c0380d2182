/* minato apply: the policy becomes the rules. */
#include "rules_apply.h"
#include "words.h"

struct config {
	bool even_if, unproven, keep_names;
	uint64_t seconds;
};

#define FIELD(name) offsetof(struct config, name)

static const struct option options[] = {
	{ "timeout", 't', OPTION_NUMBER, FIELD(seconds), "SECONDS",
	  N_("until unconfirmed rules are taken back (60)"), APPLY_SECONDS_MIN, APPLY_SECONDS_MAX },
	{ "even-if-it-cuts-me", 0, OPTION_FLAG, FIELD(even_if), NULL,
	  N_("also when you or a never_cut: one could not come in again") },
	{ "unproven", 0, OPTION_FLAG, FIELD(unproven), NULL,
	  N_("without asking the kernel whether other rules of this host agree") },
	{ "keep-names", 0, OPTION_FLAG, FIELD(keep_names), NULL, KEEP_NAMES_HELP },
};

static int run(const struct context *context, const void *given, const char *const *arguments,
	       unsigned count)
{
	const struct config *config = given;
	const struct apply apply = { .seconds = (unsigned)config->seconds,
				     .even_if = config->even_if,
				     .unproven = config->unproven,
				     .keep_names = config->keep_names,
				     .refuse_disproved = true,
				     .command = "apply" };
	(void)arguments, (void)count; /* none are taken */
	return rules_apply_policy(context, &apply, NULL, NULL);
}

static const struct config defaults = { .seconds = APPLY_SECONDS };
static const char *const examples[] = {
	"sudo minato apply",
	N_("the policy becomes the firewall, for 60 s until you confirm"),
	NULL,
};

const struct command command_apply = {
	.name = "apply",
	.summary = N_("make the policy the firewall; unconfirmed it undoes itself"),
	.description =
		N_("New rules stand in front of the old ones with a time limit that the kernel "
		   "keeps: without minato confirm from a new login the old ones hold again, "
		   "whatever has happened to the connection or to minato. What only lets more "
		   "in holds at once. What would cut off the login it is typed in, or somebody "
		   "whom never_cut: names, is refused. So is a policy that other rules of this "
		   "host contradict (ufw, firewalld, Docker): packets through a copy of the whole "
		   "packet filter show it before anything is changed."),
	.examples = examples,
	.common = true,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.defaults = &defaults,
	.run = run,
};
