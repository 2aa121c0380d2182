/* What the keeper knows of the policy that holds: what it opens, and what of it has ended. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io/clock.h"
#include "common/say.h"
#include "keeper.h"

enum { ENDED_TOLD_MAX = 256 };

/* What the engine knows it by, whichever state brings it: the same words each time. */
static struct event ended(const struct policy_declaration *declaration,
			  const struct enforce_environment *environment, unsigned number)
{
	const struct policy_ports *ports = &declaration->ports.items[0];
	char day[POLICY_DATE_TEXT_BYTES];
	struct event event = { .time = environment->day_end(declaration->until),
			       .kind = EVENT_DECLARATION_EXPIRED,
			       .uid = UINT32_MAX,
			       .count = number,
			       .protocol = ports->protocol,
			       .port = ports->first };
	(void)snprintf(event.detail, sizeof(event.detail), "%.64s until %s: %s",
		       declaration->entry.name, policy_date_format(declaration->until, day),
		       declaration->purpose != NULL ? declaration->purpose : "");
	return event;
}

static void tell_ended(struct keeper *keeper, const struct policy *policy,
		       const struct enforce_environment *environment)
{
	unsigned told = 0;
	for (size_t i = 0; i < policy->declarations.count && told < ENDED_TOLD_MAX; i++) {
		const struct policy_declaration *d = &policy->declarations.items[i];
		if (enforce_has_ended(d, environment)) {
			const struct event event = ended(d, environment, keeper->policy.number);
			told++;
			(void)keeper_tell_news(keeper, &event); /* with the next policy again */
		}
	}
}

static int read_policy(struct keeper *keeper, const struct enforce_states *states, usec_t now,
		       struct err *e)
{
	struct keeper_policy *known = &keeper->policy;
	const struct enforce_environment environment = enforce_environment_at(now);
	struct policy policy = { 0 };
	if (known->ports == NULL) {
		known->ports = malloc(sizeof(*known->ports));
	}
	int r = known->ports == NULL ? err_system(e, ENOMEM, "cannot read the policy that holds")
				     : enforce_states_policy(&policy, states, known->number, e);
	if (r == 0) {
		r = enforce_ports(known->ports, &policy, &environment, e);
	}
	if (r == 0) {
		known->repair = policy.defaults.repair;
		tell_ended(keeper, &policy, &environment);
		keeper_defence_take(keeper, &policy);
	}
	policy_deinit(&policy);
	return r;
}

static bool is_current(const struct keeper_policy *known, unsigned number, usec_t now)
{
	return known->number == number &&
	       (number == 0 || known->ports->until == 0 || now < known->ports->until);
}

void keeper_policy_take(struct keeper *keeper, const struct enforce_states *states, unsigned number,
			usec_t now)
{
	struct keeper_policy *known = &keeper->policy;
	struct err e = ERR_INIT;
	/* Rules that are lost, or a policy that cannot be read just now, are no other policy: whom
	 * it keeps out stays out, and its decoys stay. */
	const bool none = number == 0 && enforce_states_confirmed(states) == NULL;
	if (none && keeper->defence.knows != KEEPER_KNOWS_NONE) {
		keeper_defence_take(keeper, NULL);
	}
	if (is_current(known, number, now)) {
		return;
	}
	known->number = number;
	known->repair = false;
	if (number != 0 && read_policy(keeper, states, now, &e) < 0) {
		say(SAY_WARNING, "%s", err_text(&e));
		known->number = 0;
	}
	keeper_others_soon(keeper, true);
}

usec_t keeper_policy_ends_at(const struct keeper *keeper)
{
	const struct keeper_policy *known = &keeper->policy;
	if (known->number == 0 || known->ports->until == 0) {
		return INT64_MAX;
	}
	return clock_monotonic() + known->ports->until - clock_now();
}
