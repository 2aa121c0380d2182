/* minato plan: what the policy would change in the kernel. */
#include <string.h>

#include "proof.h"
#include "refused.h"
#include "rules_apply.h"
#include "store_directory.h"
#include "view/view.h"
#include "words.h"

static const char *const outputs[] = { "text", "nft", "json", NULL };
enum output { OUTPUT_TEXT, OUTPUT_NFT, OUTPUT_JSON };

struct config {
	bool json, unproven, keep_names;
	int output; /* enum output */
	usec_t would_block;
};

#define FIELD(name) offsetof(struct config, name)

static const struct option options[] = {
	{ "output", 'o', OPTION_CHOICE, FIELD(output), "text|nft|json",
	  N_("nft: the rules as nft(8) reads them"), .choices = outputs },
	{ "would-block", 0, OPTION_SPAN, FIELD(would_block), "SPAN",
	  N_("whom mode: observe would have refused within that time: 7d") },
	{ "keep-names", 0, OPTION_FLAG, FIELD(keep_names), NULL, KEEP_NAMES_HELP },
	{ "unproven", 0, OPTION_FLAG, FIELD(unproven), NULL,
	  N_("without asking the kernel whether other rules of this host agree") },
	{ "json", 'j', OPTION_FLAG, FIELD(json), NULL, N_("everything, for machines") },
};

/* What is shown, with what was found out about it. */
struct plan {
	const struct rules *rules;
	const struct context *context;
	struct cuts cuts;
	struct proof proof;
	bool asked;     /* there is a proof */
	struct err why; /* there is none */
};

static int write_rules(struct str *out, unsigned *number, const struct rules *rules,
		       const struct context *context, struct err *e)
{
	struct enforce_environment environment = rules_environment(context);
	environment.grace = enforce_states_grace(&rules->states, environment.now);
	*number = enforce_states_next(&rules->states, &rules->status);
	return enforce_rules(out, &rules->wanted.policy, *number, &environment, e);
}

static int print_nft(const struct rules *rules, const struct context *context)
{
	struct str text = STR_INIT(ENFORCE_TEXT_BYTES_MAX);
	struct err e = ERR_INIT;
	unsigned number = 0;
	enforce_frame(&text, enforce_limits_outbound(&rules->wanted.policy));
	int code = EXIT_ERROR;
	if (write_rules(&text, &number, rules, context, &e) < 0) {
		complain(context, err_text(&e), NULL);
	} else {
		code = print_text(&text);
	}
	str_deinit(&text);
	return code;
}

static void prove(struct plan *plan)
{
	struct str text = STR_INIT(ENFORCE_TEXT_BYTES_MAX);
	unsigned number = 0;
	int r = write_rules(&text, &number, plan->rules, plan->context, &plan->why);
	const struct proof_rules candidate = { .text = str_text(&text), .number = number };
	r = r < 0 ? r
		  : proof_make(&plan->proof, plan->rules, plan->context, &candidate, &plan->why);
	plan->asked = r == 0;
	str_deinit(&text);
}

static json_t *plan_proof_json(const struct plan *plan)
{
	if (plan->asked) {
		return proof_json(&plan->proof);
	}
	return plan->why.code == 0 ? json_null()
				   : json_pack("{s:o}", "error", view_string(err_text(&plan->why)));
}

static int print_json(const struct plan *plan)
{
	struct str text = STR_INIT(1 << 28);
	json_t *document = rules_json(plan->rules, plan->context);
	json_object_set_new(document, "connections_not_let_in_again", cuts_json(&plan->cuts));
	json_object_set_new(document, "proof", plan_proof_json(plan));
	json_object_set_new(document, "outbound_programs_lost",
			    json_boolean(plan->rules->verified &&
					 programs_lost(rules_before(plan->rules), plan->context)));
	(void)view_print(&text, document, plan->context->out_terminal); /* kept in text.error */
	int code = print_text(&text);
	str_deinit(&text);
	return code;
}

static void add_state(struct str *out, const struct plan *plan, bool differs)
{
	const struct rules *rules = plan->rules;
	str_add(out, _("now: "));
	rules_add_state(out, rules, rules->status.confirmed);
	str_add_char(out, '\n');
	if (rules->status.candidate != 0) {
		str_printf(out, _("state %u waits for minato confirm, %lld s are left\n"),
			   rules->status.candidate,
			   (long long)(rules->status.candidate_left / USEC_PER_SEC));
	} else if (differs) {
		str_add(out, "  minato apply\n");
	}
}

static int print_plan(const struct plan *plan)
{
	const struct rules *rules = plan->rules;
	struct str text = STR_INIT(1 << 26);
	const bool differs = rules_differ(rules);
	rules_add_names(&text, rules);
	if (differs) {
		str_add(&text, _("The policy would change these rules:\n"));
		rules_add_changes(&text, rules, plan->context);
		rules_add_shut(&text, rules, plan->context);
		cuts_add(&text, &plan->cuts);
	} else {
		str_add(&text, _("The rules are those of the policy.\n"));
	}
	if (rules->verified && programs_lost(rules_before(rules), plan->context)) {
		str_add(&text,
			_("  ! outbound: ports are not kept for their programs; minato apply "
			  "puts it right\n"));
	}
	if (plan->asked) {
		proof_add(&text, &plan->proof);
	}
	add_state(&text, plan, differs);
	int code = print_text(&text);
	str_deinit(&text);
	if (!rules->verified) {
		complain(plan->context,
			 _("only root may ask the kernel: this is compared with the record alone"),
			 "sudo minato plan");
	}
	if (plan->why.code != 0) {
		proof_complain(plan->context, &plan->why);
	}
	return code;
}

static int print(struct rules *rules, const struct config *config, const struct context *context)
{
	if (config->output == OUTPUT_NFT) {
		return print_nft(rules, context);
	}
	struct plan plan = { .rules = rules, .context = context, .why = ERR_INIT };
	int code = rules_look(rules, context);
	if (code == EXIT_IN_ORDER && cuts_find(&plan.cuts, rules, context) < 0) {
		code = EXIT_ERROR;
	}
	if (code == EXIT_IN_ORDER) {
		if (!config->unproven) {
			prove(&plan);
		}
		code = config->output == OUTPUT_JSON ? print_json(&plan) : print_plan(&plan);
	}
	if (code == EXIT_IN_ORDER && plan.proof.disproved > 0) {
		code = EXIT_DIFFERS;
	}
	vec_free(&plan.cuts.list);
	proof_deinit(&plan.proof);
	return code;
}

static int run(const struct context *context, const void *given, const char *const *arguments,
	       unsigned count)
{
	struct config config = *(const struct config *)given;
	(void)arguments, (void)count; /* none are taken */
	if (config.json) {
		config.output = OUTPUT_JSON;
	}
	if (config.would_block != 0) {
		return refused_print(context, true, context->now - config.would_block,
				     config.output == OUTPUT_JSON, store_directory(NULL));
	}
	struct rules rules = { RULES_INIT, .keep_names = config.keep_names };
	int code = rules_want(&rules, context, NULL);
	if (code == EXIT_IN_ORDER) {
		code = rules_open(&rules, context, false);
	}
	if (code == EXIT_IN_ORDER) {
		code = rules_compare(&rules, context);
	}
	if (code == EXIT_IN_ORDER) {
		code = print(&rules, &config, context);
	}
	if (code == EXIT_IN_ORDER &&
	    (rules_differ(&rules) ||
	     (rules.verified && programs_lost(rules_before(&rules), context)))) {
		code = EXIT_DIFFERS;
	}
	rules_close(&rules);
	return code;
}

static const char *const examples[] = {
	"minato plan",
	N_("what would change, and whose connections could not come in again"),
	"minato plan -o nft",
	N_("the rules themselves"),
	NULL,
};

const struct command command_plan = {
	.name = "plan",
	.summary = N_("what the policy would change in the firewall"),
	.description =
		N_("Changes nothing. Exit code 0: the rules are those of the policy; 2: they "
		   "differ, or other rules of this host contradict the policy: packets through a "
		   "copy of the whole packet filter show it. Without root it compares with the "
		   "record of what was applied last."),
	.examples = examples,
	.common = true,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.run = run,
};
