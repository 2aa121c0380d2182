/* Rules of other tools against the rules that hold. */
#include <stdlib.h>
#include <unistd.h>

#include "common/contradictions.h"
#include "judge.h"
#include "review/review.h"
#include "rules.h"
#include "view/view.h"

static void take_told(struct contradictions *out, const json_t *told)
{
	size_t index = 0;
	const json_t *object = NULL;
	json_array_foreach(told, index, object)
	{
		struct contradiction *one =
			out->list.count < CONTRADICTIONS_MAX ? vec_push(&out->list) : NULL;
		if (one != NULL && !view_contradiction_read(one, object)) {
			out->list.count--;
		}
	}
}

/* What holds stands in the record; nothing is judged where nothing holds. */
static int ask_kernel(struct contradictions *out, const struct enforce_states *states, usec_t now)
{
	const struct enforce_environment environment = enforce_environment_at(now);
	struct enforce_ports *ports = malloc(sizeof(*ports));
	struct enforce_status status = { 0 };
	struct policy policy = { 0 };
	int r = ports == NULL ? -1 : enforce_status(&status, NULL);
	if (r == 0 && status.confirmed != 0 && status.framed) {
		r = enforce_states_policy(&policy, states, status.confirmed, NULL);
		r = r == 0 ? enforce_ports(ports, &policy, &environment, NULL) : r;
		r = r == 0 ? contradictions_find(out, ports, NULL) : r;
	}
	policy_deinit(&policy);
	free(ports);
	return r;
}

/* The twin has sent a packet there: what the kernel proved says more than what a rule reads like.
 */
static bool is_proven(const struct judgement *judgement, const struct contradiction *one)
{
	const struct reach *reach = &judgement->reach;
	for (size_t i = 0; i < reach->contradictions.count; i++) {
		const struct review_contradiction *proven = &reach->contradictions.items[i];
		if (proven->protocol == one->protocol && proven->port >= one->first_port &&
		    proven->port <= one->last_port &&
		    proven->let_in == (one->kind == CONTRADICTION_OPENS)) {
			return true;
		}
	}
	return false;
}

static void leave_out_proven(struct contradictions *found, const struct judgement *judgement)
{
	size_t kept = 0;
	for (size_t i = 0; i < found->list.count; i++) {
		if (!is_proven(judgement, &found->list.items[i])) {
			found->list.items[kept++] = found->list.items[i];
		}
	}
	found->list.count = kept;
}

void judge_other_tools(struct judgement *judgement, const struct context *context,
		       const json_t *told)
{
	struct contradictions found = { 0 };
	struct enforce_states states = { .directory = -1, .lock = -1 };
	if (told != NULL) {
		take_told(&found, told);
	} else if (geteuid() == 0 &&
		   enforce_states_open(&states, rules_directory(), false, NULL) == 0) {
		/* What cannot be read is judged by whoever may. */
		(void)ask_kernel(&found, &states, context->now);
	}
	enforce_states_close(&states);
	leave_out_proven(&found, judgement);
	/* Without memory for one the others are shown all the same. */
	(void)review_contradictions(&judgement->findings, found.list.items, found.list.count);
	contradictions_deinit(&found);
}
