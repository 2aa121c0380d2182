/* Sets of numbers as sorted, disjoint ranges: ports, IPv4 and IPv6 addresses. Private to import. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"

typedef unsigned __int128 number_t; /* room for an IPv6 address */

struct span {
	number_t first, last; /* both included */
};

/* Never changed once made; NULL is never one: the empty set has count 0. */
struct spans {
	uint32_t count;
	struct span items[];
};

enum { SPANS_MAX = 1 << 20 };

/* The whole space of an address family, or of ports (1..65535) for ADDR_NONE. Static. */
const struct spans *spans_all(enum addr_family family);
extern const struct spans spans_none;

/* Makes a set of ranges in any order, overlapping or not; sorts `items`. NULL = out of memory. */
const struct spans *spans_make(struct arena *arena, struct span *items, size_t count);
const struct spans *spans_of_prefix(struct arena *arena, const struct prefix *prefix);
/* All return NULL when out of memory or beyond SPANS_MAX. */
const struct spans *spans_and(struct arena *arena, const struct spans *a, const struct spans *b);
const struct spans *spans_minus(struct arena *arena, const struct spans *a, const struct spans *b);
const struct spans *spans_or(struct arena *arena, const struct spans *a, const struct spans *b);
bool spans_equal(const struct spans *a, const struct spans *b);
/* Whether all of `a` is in `b`. */
bool spans_within(const struct spans *a, const struct spans *b);

/* Whether they have anything in common. */
bool spans_overlap(const struct spans *a, const struct spans *b);

/* First and last address of a prefix. */
struct span span_of_prefix(const struct prefix *prefix);
struct span span_of_address(const struct addr *address);
/*
 * The fewest prefixes that are exactly the set.
 * @param out receives at most `room`. @return how many it takes; `room` + 1 when more.
 */
size_t spans_prefixes(struct prefix *out, size_t room, const struct spans *set,
		      enum addr_family family);
