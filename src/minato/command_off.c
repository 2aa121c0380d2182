/* minato off: the rules go, all of them. minato restore: the confirmed ones come again. */
#include "base/io/clock.h"
#include "guard_follow.h"
#include "move.h"
#include "rules.h"
#include "words.h"

static int fail(const struct context *context, const struct err *e)
{
	complain(context, err_text(e), NULL);
	return EXIT_ERROR;
}

static int switch_off(struct rules *rules, const struct context *context)
{
	struct err e = ERR_INIT;
	struct enforce_state state;
	login_find(&rules->login, NULL);
	rules_order(&state, rules, context, enforce_states_next(&rules->states, &rules->status),
		    "off", "every packet is let in");
	state.kind = ENFORCE_OFF;
	state.settled = context->now;
	/* First the record: the next start of the host must not bring them back. */
	if (enforce_states_add(&rules->states, &state, "minato: 1\n", &e) < 0 ||
	    enforce_off(&e) < 0) {
		return fail(context, &e);
	}
	struct str text = STR_INIT(256);
	str_add(&text, _("the rules of minato are removed; the policy file stays\n"));
	int code = print_text(&text);
	str_deinit(&text);
	return code;
}

static int run_off(const struct context *context, const void *given, const char *const *arguments,
		   unsigned count)
{
	(void)given, (void)arguments, (void)count; /* none are taken */
	struct rules rules = { RULES_INIT };
	int code = rules_open(&rules, context, true);
	if (code == EXIT_IN_ORDER) {
		code = switch_off(&rules, context);
	}
	if (code == EXIT_IN_ORDER) {
		code = guard_off(context, true);
	}
	if (code == EXIT_IN_ORDER) {
		code = programs_release(context);
	}
	rules_close(&rules);
	return code;
}

const struct command command_off = {
	.name = "off",
	.summary = N_("remove every rule of minato from the firewall"),
	.description =
		N_("Removes the table of minato, ends the bind guard and gives back the ports "
		   "that it reserved; nothing else. minato apply makes the rules again."),
	.run = run_off,
};

/* ---- restore ---- */

/* With the guard and the programs of outbound: too, where a state is confirmed: else nobody asked
 * for them here. */
static int restore_guard(const struct rules *rules, const struct context *context)
{
	const struct enforce_state *state = enforce_states_confirmed(&rules->states);
	struct policy policy = { 0 };
	struct err e = ERR_INIT;
	if (state == NULL) {
		return EXIT_IN_ORDER;
	}
	if (enforce_states_policy(&policy, &rules->states, state->number, &e) < 0) {
		return fail(context, &e);
	}
	guard_follow(context, &policy, true);
	/* What is tried goes on: it has its own end. */
	int code = rules->status.candidate != 0 ? EXIT_IN_ORDER : programs_hold(&policy, context);
	policy_deinit(&policy);
	return code;
}

static int restore(struct rules *rules, const struct context *context)
{
	struct err e = ERR_INIT;
	const struct enforce_environment environment = rules_environment(context);
	unsigned number = 0;
	int r = enforce_restore(&rules->states, &rules->status, &environment, &number, &e);
	if (r == ENFORCE_IN_PLACE) {
		return EXIT_IN_ORDER;
	}
	if (r < 0) {
		return fail(context, &e);
	}
	struct str text = STR_INIT(256);
	str_printf(&text, _("state %u holds again\n"), number);
	int code = print_text(&text);
	str_deinit(&text);
	return code;
}

static int run_restore(const struct context *context, const void *given,
		       const char *const *arguments, unsigned count)
{
	(void)given, (void)arguments, (void)count; /* none are taken */
	struct rules rules = { RULES_INIT };
	int code = rules_open(&rules, context, true);
	if (code == EXIT_IN_ORDER) {
		code = restore(&rules, context);
	}
	if (code == EXIT_IN_ORDER) {
		code = restore_guard(&rules, context);
	}
	rules_close(&rules);
	moving_undo_interrupted(context);
	return code;
}

const struct command command_restore = {
	.name = "restore",
	.summary = N_("put the confirmed rules back, as at the start of the host"),
	.description = N_("What was confirmed last, whatever the policy file says meanwhile: a "
			  "change that nobody has tried must not come with a restart. The bind "
			  "guard of that state comes with it. A move of a port that was under way "
			  "is undone."),
	.run = run_restore,
};
