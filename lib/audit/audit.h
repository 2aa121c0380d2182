/* What a sweep found, held against what is declared of that address. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/portset.h"
#include "model/protocol.h"
#include "policy/policy.h"
#include "sweep/sweep.h"

enum audit_verdict {
	AUDIT_IN_ORDER, /* open and declared for who asks, or declared for others and not reached */
	AUDIT_UNDECLARED,  /* open, and nobody declared it */
	AUDIT_OTHERS_ONLY, /* open from here, and declared for others only */
	AUDIT_CLOSED,      /* declared for who asks, and nobody listens */
	AUDIT_FILTERED, /* declared for who asks, and nothing comes back, or a firewall refuses */
	AUDIT_UNKNOWN,  /* UDP: nothing can be said */
	AUDIT_NOT_COMPARED, /* open, and there is no declaration of the address to compare with */
	AUDIT_NOT_ASKED,    /* declared, and it was ended before */
	AUDIT_VERDICTS,
};

/* "in_order", "open_undeclared", ...: the stable words of JSON. */
const char *audit_verdict_name(enum audit_verdict verdict);
/* Whether it differs from the policy. */
bool audit_differs(enum audit_verdict verdict);

/* What is declared of an address. */
struct audit_declared {
	const struct policy *policy; /* NULL: nothing is, so nothing is compared */
	const struct policy_declaration *items;
	size_t count;
	bool own; /* of this host: who asks is everybody, as rules do not see it otherwise */
	struct addr from; /* who asks; ADDR_NONE = not known, then everybody */
	int64_t today;    /* days since 1970-01-01: what has run out is not declared any more */
};

/* A port that something is to be said of. */
struct audit_row {
	uint16_t port;
	enum sweep_state state;
	enum audit_verdict verdict;
	const struct policy_declaration *declaration; /* NULL = none */
};

/*
 * Open ports, and declared ones that were asked, or should have been; by number.
 * @param states  65536 of enum sweep_state. @param asked  the ports of the order.
 * @param room  65536 is always enough. @return how many.
 */
size_t audit_compare(struct audit_row *out, size_t room, const uint8_t *states,
		     enum protocol protocol, const struct portset *asked,
		     const struct audit_declared *declared);

/* The declared ports of a protocol. @param out  is added to. */
void audit_declared_ports(struct portset *out, enum protocol protocol,
			  const struct audit_declared *declared);

/*
 * Reads "22,80,8000-8100". @return 0; -EINVAL it is none, or is empty, or names port 0; -ERANGE.
 */
int audit_parse_ports(struct portset *out, const char *text);
