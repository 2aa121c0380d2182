/* The policy, if there is one, and what differs from it. */
#include "judge.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "attempts.h"
#include "base/io/clock.h"
#include "review/review.h"
#include "rules.h"
#include "words.h"

const struct policy *judgement_policy(const struct judgement *judgement)
{
	return judgement->declared ? &judgement->policy : NULL;
}

void judgement_deinit(struct judgement *judgement)
{
	policy_deinit(&judgement->policy);
	findings_deinit(&judgement->findings);
	reach_deinit(&judgement->reach);
}

static int complain_of_faults(const struct context *context,
			      const struct policy_diagnostics *diagnostics)
{
	struct str text = STR_INIT(1 << 20);
	policy_diagnostics_render(&text, diagnostics, context->language, &context->err_style);
	(void)fputs(str_text(&text), stderr); /* nowhere left to complain */
	str_deinit(&text);
	struct str next = STR_INIT(PATH_MAX + 64);
	str_add(&next, "minato policy validate ");
	text_escape(&next, context->policy_path);
	complain(context, _("the policy has faults, so nothing was compared with it"),
		 str_text(&next));
	str_deinit(&next);
	return EXIT_ERROR;
}

void judge_take_names(struct policy *policy)
{
	struct enforce_states states;
	struct policy confirmed = { 0 };
	if (!policy_has_names(policy)) {
		return;
	}
	if (enforce_states_open(&states, rules_directory(), false, NULL) == 0) {
		const struct enforce_state *state = enforce_states_confirmed(&states);
		if (state != NULL &&
		    enforce_states_policy(&confirmed, &states, state->number, NULL) == 0) {
			/* Without memory they stay nobody. */
			(void)policy_freeze_as(policy, &confirmed);
		}
	}
	policy_deinit(&confirmed);
	enforce_states_close(&states);
}

int judge_policy(struct judgement *out, const struct context *context)
{
	*out = (struct judgement){ 0 };
	findings_init(&out->findings);
	struct policy_diagnostics diagnostics = { 0 };
	struct err e = ERR_INIT;
	int r = policy_load(&out->policy, &diagnostics, context->policy_path, context->now, &e);
	int code = EXIT_IN_ORDER;
	if (r == POLICY_INVALID) {
		code = complain_of_faults(context, &diagnostics);
	} else if (r == -ENOENT && !context->policy_given) {
		out->declared = false;
	} else if (r < 0) {
		complain(context, err_text(&e), NULL);
		code = r == -EACCES ? EXIT_RIGHTS : EXIT_ERROR;
	} else {
		out->declared = true;
		judge_take_names(&out->policy);
	}
	policy_diagnostics_deinit(&diagnostics);
	return code;
}

int judge(struct judgement *out, const struct context *context, const struct inventory *inventory)
{
	int code = judge_policy(out, context);
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	struct attempts attempts;
	attempts_recall(&attempts, context->now);
	reach_find(&out->reach, context, inventory, judgement_policy(out));
	const struct review_input input = {
		.inventory = inventory,
		.policy = judgement_policy(out),
		.today = clock_local_day(context->now),
		.now = context->now,
		.attempts = attempts.items,
		.attempt_count = attempts.count,
		.contradictions = out->reach.contradictions.items,
		.contradiction_count = out->reach.contradictions.count,
		.closed = out->reach.closed.items,
		.closed_count = out->reach.closed.count,
	};
	int r = review_findings(&out->findings, &input);
	if (r < 0) {
		complain(context, strerror(-r), NULL);
		return EXIT_ERROR;
	}
	return EXIT_IN_ORDER;
}

int judgement_exit(const struct judgement *judgement, enum severity fail_on)
{
	bool differs = fail_on != SEVERITY_NONE && review_count(&judgement->findings, fail_on) > 0;
	return differs ? EXIT_DIFFERS : EXIT_IN_ORDER;
}
