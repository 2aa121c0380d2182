/* minato plan: what the policy would change in the kernel. */
#include <string.h>

#include "refused.h"
#include "rules_apply.h"
#include "view/view.h"
#include "words.h"

static const char *const outputs[] = { "text", "nft", "json", NULL };
enum output { OUTPUT_TEXT, OUTPUT_NFT, OUTPUT_JSON };

struct config {
	bool json, keep_names;
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
	{ "json", 'j', OPTION_FLAG, FIELD(json), NULL, N_("everything, for machines") },
};

static int print_nft(const struct rules *rules, const struct context *context)
{
	struct str text = STR_INIT(ENFORCE_TEXT_BYTES_MAX);
	struct err e = ERR_INIT;
	const struct enforce_environment environment = rules_environment(context);
	const unsigned number = enforce_states_next(&rules->states, &rules->status);
	enforce_frame(&text, enforce_limits_outbound(&rules->wanted.policy));
	int code = EXIT_ERROR;
	if (enforce_rules(&text, &rules->wanted.policy, number, &environment, &e) < 0) {
		complain(context, err_text(&e), NULL);
	} else {
		code = print_text(&text);
	}
	str_deinit(&text);
	return code;
}

static int print_json(const struct rules *rules, const struct cuts *cuts,
		      const struct context *context)
{
	struct str text = STR_INIT(1 << 28);
	json_t *document = rules_json(rules, context);
	json_object_set_new(document, "connections_not_let_in_again", cuts_json(cuts));
	json_object_set_new(document, "outbound_programs_lost",
			    json_boolean(rules->verified && programs_lost(rules_before(rules))));
	(void)view_print(&text, document, context->out_terminal); /* kept in text.error */
	int code = print_text(&text);
	str_deinit(&text);
	return code;
}

static int print_plan(const struct rules *rules, const struct cuts *cuts,
		      const struct context *context)
{
	struct str text = STR_INIT(1 << 26);
	const bool differs = rules_differ(rules);
	rules_add_names(&text, rules);
	if (differs) {
		str_add(&text, _("The policy would change these rules:\n"));
		rules_add_changes(&text, rules, context);
		rules_add_shut(&text, rules, context);
		cuts_add(&text, cuts);
	} else {
		str_add(&text, _("The rules are those of the policy.\n"));
	}
	if (rules->verified && programs_lost(rules_before(rules))) {
		str_add(&text,
			_("  ! outbound: ports are not kept for their programs; minato apply "
			  "puts it right\n"));
	}
	str_add(&text, _("now: "));
	rules_add_state(&text, rules, rules->status.confirmed);
	str_add_char(&text, '\n');
	if (rules->status.candidate != 0) {
		str_printf(&text, _("state %u waits for minato confirm, %lld s are left\n"),
			   rules->status.candidate,
			   (long long)(rules->status.candidate_left / USEC_PER_SEC));
	} else if (differs) {
		str_add(&text, "  minato apply\n");
	}
	int code = print_text(&text);
	str_deinit(&text);
	if (!rules->verified) {
		complain(context,
			 _("only root may ask the kernel: this is compared with the record alone"),
			 "sudo minato plan");
	}
	return code;
}

static int print(struct rules *rules, const struct config *config, const struct context *context)
{
	if (config->output == OUTPUT_NFT) {
		return print_nft(rules, context);
	}
	struct cuts cuts = { 0 };
	int code = rules_look(rules, context);
	if (code == EXIT_IN_ORDER && cuts_find(&cuts, rules, context) < 0) {
		code = EXIT_ERROR;
	}
	if (code == EXIT_IN_ORDER) {
		code = config->output == OUTPUT_JSON ? print_json(rules, &cuts, context)
						     : print_plan(rules, &cuts, context);
	}
	vec_free(&cuts.list);
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
				     config.output == OUTPUT_JSON);
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
	    (rules_differ(&rules) || (rules.verified && programs_lost(rules_before(&rules))))) {
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
		   "differ. Without root it compares with the record of what was applied "
		   "last."),
	.examples = examples,
	.common = true,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.run = run,
};
