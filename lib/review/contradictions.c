/* Rules of other tools that contradict the policy, as findings. */
#include <stdlib.h>

#include "review/rules.h"

static const struct {
	const char *id;
	enum severity severity;
} kinds[] = {
	[CONTRADICTION_OPENS] = { "opened-by-another-tool", SEVERITY_HIGH },
	[CONTRADICTION_IN_VAIN] = { "opened-in-vain-by-another-tool", SEVERITY_LOW },
	[CONTRADICTION_CLOSES] = { "closed-by-another-tool", SEVERITY_MEDIUM },
	[CONTRADICTION_UNCLEAR] = { "unclear-by-another-tool", SEVERITY_LOW },
};

/* Ways around the rules, or to a port that is asked for by another number, say so. */
static const char *id_of(const struct contradiction *contradiction)
{
	if (contradiction->kind == CONTRADICTION_UNCLEAR) {
		return contradiction->chain[0] == '\0' ? "unread-by-another-tool"
						       : kinds[contradiction->kind].id;
	}
	return contradiction->protocol == PROTOCOL_NONE ? "way-around-by-another-tool"
	       : contradiction->through_port != 0       ? "redirected-by-another-tool"
							: kinds[contradiction->kind].id;
}

static void add_ports(struct review *review, struct finding *finding,
		      const struct contradiction *contradiction)
{
	if (contradiction->protocol == PROTOCOL_NONE) {
		return;
	}
	if (contradiction->first_port == contradiction->last_port) {
		review_fact_printf(review, finding, "port", "%u", contradiction->first_port);
	} else {
		review_fact_printf(review, finding, "port", "%u-%u", contradiction->first_port,
				   contradiction->last_port);
	}
	review_fact(review, finding, "protocol", protocol_name(contradiction->protocol));
	if (contradiction->through_port != 0) {
		review_fact_printf(review, finding, "through", "%u", contradiction->through_port);
	}
}

bool review_is_contradiction(const struct finding *finding)
{
	return finding_fact(finding, "tool") != NULL;
}

int review_contradictions(struct findings *out, const struct contradiction *list, size_t count)
{
	struct review review = { .out = out };
	for (size_t i = 0; i < count; i++) {
		const struct contradiction *c = &list[i];
		struct finding *finding = review_add(&review, id_of(c), kinds[c->kind].severity);
		add_ports(&review, finding, c);
		review_fact(&review, finding, "table", c->table);
		review_fact(&review, finding, "chain", c->chain);
		review_fact(&review, finding, "rule", c->rule);
		review_fact(&review, finding, "tool", c->tool);
		review_fact(&review, finding, "process", c->process);
		if (c->pid > 0) {
			review_fact_printf(&review, finding, "pid", "%d", c->pid);
		}
	}
	review_sort(out);
	return review.error;
}
