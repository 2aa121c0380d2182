/* minato rollback: back to an earlier state. */
#include <string.h>

#include "base/io/clock.h"
#include "base/parse.h"
#include "rules_apply.h"
#include "view/view.h"
#include "words.h"

struct config {
	bool list, json, even_if;
	uint64_t seconds;
};

#define FIELD(name) offsetof(struct config, name)

static const struct option options[] = {
	{ "list", 'l', OPTION_FLAG, FIELD(list), NULL,
	  N_("the states that are kept, newest first") },
	{ "json", 'j', OPTION_FLAG, FIELD(json), NULL, N_("with --list: for machines") },
	{ "timeout", 't', OPTION_NUMBER, FIELD(seconds), "SECONDS",
	  N_("until unconfirmed rules are taken back (60)"), APPLY_SECONDS_MIN, APPLY_SECONDS_MAX },
	{ "even-if-it-cuts-me", 0, OPTION_FLAG, FIELD(even_if), NULL,
	  N_("also when you or a never_cut: one could not come in again") },
};

/* ---- list ---- */

static const char *kind_words(enum enforce_state_kind kind)
{
	static const char *const words[] = { N_("pending"), N_("confirmed"), N_("taken back"),
					     N_("off") };
	return _(words[kind]);
}

static void add_rows(struct str *out, const struct rules *rules)
{
	for (size_t i = rules->states.count; i-- > 0;) {
		const struct enforce_state *state = &rules->states.items[i];
		char time[TIME_TEXT_BYTES];
		str_printf(out, "%c %4u  %.16sZ  %s  %s",
			   state->number == rules->status.confirmed ? '*' : ' ', state->number,
			   time_format(state->applied, time), kind_words(state->kind), state->by);
		if (state->from[0] != '\0') {
			str_printf(out, _(" from %s"), state->from);
		}
		str_printf(out, "  %s: %s\n", state->command, state->summary);
	}
}

static void add_json(struct str *out, const struct rules *rules, const struct context *context)
{
	json_t *document = view_document(context->now);
	json_t *list = json_array();
	for (size_t i = rules->states.count; i-- > 0;) {
		const struct enforce_state *state = &rules->states.items[i];
		json_array_append_new(
			list,
			json_pack("{s:i, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "number",
				  (int)state->number, "state", enforce_state_name(state->kind),
				  "active", state->number == rules->status.confirmed, "time",
				  view_time(state->applied), "settled", view_time(state->settled),
				  "user", view_string(state->by), "source",
				  view_string(state->from), "command", view_string(state->command),
				  "summary", view_string(state->summary)));
	}
	json_object_set_new(document, "states", list);
	(void)view_print(out, document, context->out_terminal); /* kept in out->error */
}

static int list(const struct context *context, const struct config *config)
{
	struct rules rules = { RULES_INIT };
	int code = rules_open(&rules, context, false);
	if (code == EXIT_IN_ORDER) {
		struct str out = STR_INIT(1 << 24);
		if (config->json) {
			add_json(&out, &rules, context);
		} else {
			add_rows(&out, &rules);
		}
		code = print_text(&out);
		str_deinit(&out);
	}
	rules_close(&rules);
	return code;
}

/* ---- back ---- */

static int fail(const struct context *context, const struct err *e)
{
	complain(context, err_text(e), "minato rollback --list");
	return EXIT_ERROR;
}

/* What is only tried ends at once. */
static int cancel(struct rules *rules, const struct context *context)
{
	struct err e = ERR_INIT;
	const unsigned number = rules->status.candidate;
	if (rules_cancel(rules, context, number, &e) < 0) {
		return fail(context, &e);
	}
	struct str text = STR_INIT(256);
	str_printf(&text, _("state %u is taken back; the rules are as they were before\n"), number);
	int code = print_text(&text);
	str_deinit(&text);
	return code;
}

/* The confirmed state before the one that holds. */
static unsigned previous(const struct rules *rules)
{
	for (size_t i = rules->states.count; i-- > 0;) {
		const struct enforce_state *state = &rules->states.items[i];
		if (state->kind == ENFORCE_CONFIRMED && state->number != rules->status.confirmed) {
			return state->number;
		}
	}
	return 0;
}

static int choose(unsigned *out, const struct rules *rules, const struct context *context,
		  const char *argument)
{
	uint64_t number = 0;
	if (argument != NULL && parse_u64(&number, argument, 1, ENFORCE_GENERATION_MAX) < 0) {
		complain(context, _("a state is a number"), "minato rollback --list");
		return EXIT_USAGE;
	}
	*out = argument == NULL ? previous(rules) : (unsigned)number;
	const struct enforce_state *state = enforce_states_find(&rules->states, *out);
	if (state == NULL || state->kind != ENFORCE_CONFIRMED) {
		complain(context,
			 argument == NULL ? _("there is no earlier confirmed state")
					  : _("no confirmed state has that number"),
			 argument == NULL ? "minato off" : "minato rollback --list");
		return EXIT_ERROR;
	}
	return EXIT_IN_ORDER;
}

static int go_back(struct rules *rules, const struct context *context, const struct config *config,
		   unsigned number)
{
	struct err e = ERR_INIT;
	char command[64];
	const struct enforce_environment environment = rules_environment(context);
	if (enforce_states_policy(&rules->wanted.policy, &rules->states, number, &e) < 0 ||
	    enforce_changes(&rules->changes, rules_before(rules), &rules->wanted.policy,
			    &environment, &e) < 0 ||
	    rules_compare_guard(rules, context, &e) < 0) {
		return fail(context, &e);
	}
	(void)snprintf(command, sizeof(command), "rollback %u", number);
	const struct apply apply = { .seconds = (unsigned)config->seconds,
				     .even_if = config->even_if,
				     .command = command };
	int code = rules_look(rules, context);
	if (code == EXIT_IN_ORDER) {
		code = rules_apply(rules, context, &apply);
	}
	if (code == EXIT_IN_ORDER) {
		complain(context, _("the policy file still says what it said"), "minato plan");
	}
	return code;
}

static int run(const struct context *context, const void *given, const char *const *arguments,
	       unsigned count)
{
	const struct config *config = given;
	if (config->list) {
		return list(context, config);
	}
	struct rules rules = { RULES_INIT };
	unsigned number = 0;
	int code = rules_open(&rules, context, true);
	if (code == EXIT_IN_ORDER && rules.status.candidate != 0 && count == 0) {
		code = cancel(&rules, context);
	} else if (code == EXIT_IN_ORDER) {
		code = choose(&number, &rules, context, count == 0 ? NULL : arguments[0]);
		if (code == EXIT_IN_ORDER) {
			code = go_back(&rules, context, config, number);
		}
	}
	rules_close(&rules);
	return code;
}

static const char *const aliases[] = { "undo", NULL };
static const struct config defaults = { .seconds = APPLY_SECONDS };
static const char *const examples[] = {
	"sudo minato rollback",
	N_("what is tried ends; else back to the state confirmed before"),
	"minato rollback --list",
	N_("who changed what, when, from where"),
	NULL,
};

const struct command command_rollback = {
	.name = "rollback",
	.aliases = aliases,
	.arguments = "[STATE]",
	.summary = N_("back to an earlier state of the firewall"),
	.description = N_("The last 20 confirmed states are kept. Going back is a change like any "
			  "other: it is tried, and wants to be confirmed."),
	.examples = examples,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.defaults = &defaults,
	.max_arguments = 1,
	.run = run,
};
