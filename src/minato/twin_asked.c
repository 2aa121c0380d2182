/* What one answer of the twin says. */
#include <string.h>

#include "twin_ask.h"

static bool is_ours(const char *owner)
{
	return strcmp(owner, "minato") == 0;
}

bool twin_gets_in(const struct twin_answer *answer)
{
	return answer->outcome == TWIN_ACCEPTED || answer->outcome == TWIN_FORWARDED;
}

bool twin_is_kept_out(const struct twin_answer *answer)
{
	return (answer->outcome == TWIN_DROPPED || answer->outcome == TWIN_REJECTED) &&
	       (answer->deciding == NULL || !is_ours(answer->deciding->owner));
}

const struct twin_doubt *twin_asked_doubt(const struct twin_answer *answer)
{
	for (size_t i = 0; i < answer->doubts.count; i++) {
		if (!is_ours(answer->doubts.items[i].owner)) {
			return &answer->doubts.items[i];
		}
	}
	return NULL;
}

bool twin_is_doubtful(const struct twin_answer *answer)
{
	return answer->outcome == TWIN_UNKNOWN || twin_asked_doubt(answer) != NULL;
}

/* Whether a rule gives the packet another target: by translation, or by writing into it. */
static bool redirects(const struct twin_step *step)
{
	if (strcmp(step->hook, "prerouting") != 0 && strcmp(step->hook, "ingress") != 0) {
		return false;
	}
	return !step->policy &&
	       ((strcmp(step->type, "nat") == 0 && step->verdict == TWIN_VERDICT_ACCEPT) ||
		strstr(step->rule, "dport set ") != NULL ||
		strstr(step->rule, "daddr set ") != NULL);
}

const struct twin_step *twin_asked_rule(const struct twin_asked *asked)
{
	const struct twin_answer *answer = asked->answer;
	const bool same = addr_compare(&answer->to, &asked->packet->to) == 0 &&
			  answer->port == asked->packet->port;
	for (size_t i = 0; !same && twin_gets_in(answer) && i < answer->steps.count; i++) {
		if (redirects(&answer->steps.items[i])) {
			return &answer->steps.items[i];
		}
	}
	return answer->deciding;
}
