/* minato audit self, seen from outside: all TCP ports through a copy of this host's rules. */
#pragma once

#include <jansson.h>

#include "base/portset.h"
#include "reach.h"

/* Packets of one family to all ports. */
struct audit_outside {
	struct addr from, to;
	bool anywhere;         /* `from` is an address that nobody names; else of a network here */
	uint32_t asked;        /* ports, spread over all that were wanted */
	struct portset let_in; /* the rules let it in, or send it on to somewhere */
	struct portset
		unheard;   /* of them those on which nothing listens, and nothing is published */
	uint32_t unproven; /* ports: what decides is not in the copy */
};

struct audit_self {
	struct reach reach; /* what listens, is published or declared, and who reaches it */
	struct inventory inventory;
	struct audit_outside outside[2];
	size_t count;    /* families in which somebody can come here */
	uint32_t wanted; /* ports, of each family */
	struct err why;  /* what kept us from asking; code 0 = nothing did */
	usec_t took;
};

/* Never fails: see `why`. @param tcp  the ports to ask for. */
void audit_self_find(struct audit_self *out, const struct context *context,
		     const struct policy *policy, const struct portset *tcp);
void audit_self_deinit(struct audit_self *self);
/* What listens and who reaches it, what the rules let in beside, and what that proves. Appends. */
void audit_self_add(struct str *out, const struct audit_self *self, const struct context *context);
json_t *audit_self_json(const struct audit_self *self);
