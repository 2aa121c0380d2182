/* Connections that live before the first rules: conntrack is told of them, else they would stall.
 */
#include <stdlib.h>

#include "conntrack/conntrack.h"
#include "rules.h"

static bool without(void)
{
	return conntrack_without(getenv("MINATO_WITHOUT"));
}

int rules_check_conntrack(const struct rules *rules, struct err *e)
{
	struct conntrack_state state;
	int r = conntrack_look(&state, without(), e);
	const size_t wanted = rules->before != NULL ? 0 : rules->inventory.connections.count;
	return r < 0 ? r : conntrack_check(&state, wanted, e);
}

/* Where rules with conntrack held already, the kernel knows every connection. */
int rules_seed(struct rules *rules, const struct context *context, bool again, struct err *e)
{
	if (rules->before != NULL) {
		return 0;
	}
	if (again && rules_look(rules, context) != EXIT_IN_ORDER) {
		return 0; /* complained; those that were seeded before are the most by far */
	}
	struct conntrack *conntrack = NULL;
	struct conntrack_seeded seeded = { 0 };
	int r = conntrack_open(&conntrack, without(), e);
	if (r == 0) {
		r = conntrack_seed(conntrack, rules->inventory.connections.items,
				   rules->inventory.connections.count, 0, &seeded, e);
	}
	conntrack = conntrack_close(conntrack);
	return r;
}
