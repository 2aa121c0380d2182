/* minato findings: everything that differs or endangers, worst first. */
#include <stdint.h>

#include "command.h"
#include "findings_rows.h"
#include "judge.h"
#include "look.h"
#include "observe/observe.h"
#include "review/review.h"
#include "view/view.h"
#include "words.h"

struct config {
	bool json;
	int fail_on, severity; /* enum severity */
};

#define FIELD(name) offsetof(struct config, name)

static const struct option options[] = {
	{ "json", 'j', OPTION_FLAG, FIELD(json), NULL, N_("everything, for machines") },
	{ "severity", 's', OPTION_CHOICE, FIELD(severity), "low|medium|high|critical",
	  N_("show only those at least that bad"), .choices = severity_choices },
	{ "fail-on", 'f', OPTION_CHOICE, FIELD(fail_on), "low|medium|high|critical",
	  N_("exit with 2 when a finding is at least that bad (high)"),
	  .choices = severity_choices },
};

static void add_json(struct str *out, const struct context *context,
		     const struct judgement *judgement, size_t count)
{
	const struct view view = { .language = context->language,
				   .policy = judgement_policy(judgement) };
	json_t *document = view_document(context->now);
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++) {
		json_array_append_new(list,
				      view_finding(&view, &judgement->findings.list.items[i]));
	}
	json_object_set_new(document, "findings", list);
	(void)view_print(out, document, context->out_terminal); /* kept in out->error */
}

static int print(const struct context *context, const struct config *config,
		 const struct inventory *inventory, const struct judgement *judgement)
{
	size_t count = review_count(&judgement->findings, (enum severity)config->severity);
	struct str out = STR_INIT(1 << 26);
	if (config->json) {
		add_json(&out, context, judgement, count);
	} else {
		rows_findings(&out, context, &judgement->findings, count);
		if (count == 0) {
			str_add(&out, _("no findings\n"));
		}
	}
	int code = print_text(&out);
	str_deinit(&out);
	if (!config->json) {
		complain_of_coverage(context, inventory);
	}
	return code == EXIT_IN_ORDER ? judgement_exit(judgement, (enum severity)config->fail_on)
				     : code;
}

static int run(const struct context *context, const void *given, const char *const *arguments,
	       unsigned count)
{
	(void)arguments, (void)count; /* none are taken */
	struct inventory inventory;
	int code = look_or_complain(&inventory, context,
				    OBSERVE_OWNERS | OBSERVE_ALL_NETNS | OBSERVE_PUBLISHED |
					    OBSERVE_DETAILS);
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	struct judgement judgement;
	code = judge(&judgement, context, &inventory);
	if (code == EXIT_IN_ORDER) {
		judge_other_tools(&judgement, context, NULL);
	}
	if (code == EXIT_IN_ORDER) {
		code = print(context, given, &inventory, &judgement);
	}
	judgement_deinit(&judgement);
	inventory_deinit(&inventory);
	return code;
}

static const struct config defaults = { .fail_on = SEVERITY_HIGH };
static const char *const examples[] = {
	"minato findings --severity medium",
	N_("what is worth a look, each with the one thing that mends it"),
	"minato findings --fail-on critical --json",
	N_("for a check in a script"),
	NULL,
};

const struct command command_findings = {
	.name = "findings",
	.summary = N_("all that is dangerous or differs from the policy, worst first"),
	.examples = examples,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.defaults = &defaults,
	.run = run,
};
