/* What the lists of questions share. Private to lib/enforce. */
#pragma once

#include "enforce/enforce.h"

/* Addresses at the ends of a network. */
enum edge {
	EDGE_FIRST,  /* that a host can have */
	EDGE_LAST,   /* likewise */
	EDGE_BEFORE, /* just outside */
	EDGE_AFTER,
	EDGES,
};

/*
 * The address at an edge, or the next one towards the middle (or away from the network, for those
 * outside) where the host has that itself. @return whether there is one that packets come from.
 */
bool questions_edge(struct addr *out, const struct enforce_asking *asking,
		    const struct prefix *prefix, enum edge edge);

/* How many networks one item of `from:` names, and one of them. */
size_t questions_networks(const struct policy *policy, const struct policy_from *from);
const struct prefix *questions_network(const struct policy *policy, const struct policy_from *from,
				       size_t number);

/* The next number of a sequence that its start decides (splitmix64). */
uint64_t questions_random(uint64_t *seed);
