/* What the host offers: its listening sockets, counted as a person counts services. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/vec.h"
#include "catalog/catalog.h"
#include "model/inventory.h"
#include "policy/policy.h"

/*
 * One program on one port of the host's own network namespace: its IPv4 and IPv6 sockets and its
 * SO_REUSEPORT siblings together.
 */
struct offering {
	uint32_t listener;      /* the socket that reaches furthest, the first of equals */
	enum protocol protocol; /* as registered: MPTCP is TCP */
	uint16_t port;
	enum exposure exposure;        /* of that socket */
	const struct process *process; /* its first owner; NULL = none or not seen */
	const struct port_knowledge
		*knowledge; /* what it is, as far as anybody can tell; or NULL */
	bool doubted;       /* `knowledge` is of the number alone; another program holds it */
	bool quiet;         /* known to be harmless and no service: nothing is said about it */
	const struct policy_declaration *declaration; /* covers it and fits its program; or the
							 first that covers it; or NULL */
	const char *wrong; /* what of the declaration's `program:` does not hold: "unit",
			      "executable", "user", "container"; NULL = it fits */
};

struct offerings {
	VEC(struct offering) list; /* in the inventory's order */
};

/* @param policy NULL = none. @return 0 or -ENOMEM; free `out->list` in either case. */
int offerings_find(struct offerings *out, const struct inventory *inventory,
		   const struct policy *policy);
