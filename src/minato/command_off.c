/* minato off: the rules go, all of them. minato restore: the confirmed ones come again. */
#include "base/io/clock.h"
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
	struct rules rules;
	int code = rules_open(&rules, context, true);
	if (code == EXIT_IN_ORDER) {
		code = switch_off(&rules, context);
	}
	rules_close(&rules);
	return code;
}

const struct command command_off = {
	.name = "off",
	.summary = N_("remove every rule of minato from the firewall"),
	.description = N_("Removes the table of minato and nothing else. minato apply makes it "
			  "again."),
	.run = run_off,
};

/* ---- restore ---- */

static int load(const struct rules *rules, const struct policy *policy,
		const struct context *context, unsigned number, struct err *e)
{
	struct str text = STR_INIT(ENFORCE_TEXT_BYTES_MAX);
	const struct enforce_environment environment = rules_environment(context);
	const bool outbound = enforce_limits_outbound(policy);
	int r = enforce_rules(&text, policy, number, &environment, e);
	if (r == 0) {
		r = enforce_load(str_text(&text), number, outbound, &rules->status, e);
	}
	if (r == 0) {
		r = enforce_confirm(number, outbound, false, e);
	}
	str_deinit(&text);
	return r;
}

/* The rules may still be there, and only the way to them gone. */
static int put_back(const struct rules *rules, const struct context *context, unsigned number,
		    struct err *e)
{
	struct policy policy = { 0 };
	int r = enforce_states_policy(&policy, &rules->states, number, e);
	if (r == 0 && rules->status.confirmed == number) {
		r = enforce_reframe(enforce_limits_outbound(&policy), e);
	} else if (r == 0) {
		r = load(rules, &policy, context, number, e);
	}
	policy_deinit(&policy);
	return r;
}

static int restore(struct rules *rules, const struct context *context)
{
	struct err e = ERR_INIT;
	const struct enforce_state *state = enforce_states_confirmed(&rules->states);
	if (state == NULL || (rules->status.confirmed == state->number && rules->status.framed)) {
		return EXIT_IN_ORDER; /* nothing was confirmed, or it is there */
	}
	if (put_back(rules, context, state->number, &e) < 0) {
		return fail(context, &e);
	}
	struct str text = STR_INIT(256);
	str_printf(&text, _("state %u holds again\n"), state->number);
	int code = print_text(&text);
	str_deinit(&text);
	return code;
}

static int run_restore(const struct context *context, const void *given,
		       const char *const *arguments, unsigned count)
{
	(void)given, (void)arguments, (void)count; /* none are taken */
	struct rules rules;
	int code = rules_open(&rules, context, true);
	if (code == EXIT_IN_ORDER) {
		code = restore(&rules, context);
	}
	rules_close(&rules);
	return code;
}

const struct command command_restore = {
	.name = "restore",
	.summary = N_("put the confirmed rules back, as at the start of the host"),
	.description = N_("What was confirmed last, whatever the policy file says meanwhile: a "
			  "change that nobody has tried must not come with a restart."),
	.run = run_restore,
};
