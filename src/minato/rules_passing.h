/* What this host passes on between others, as far as its addresses and routes tell of it. */
#pragma once

#include <ifaddrs.h>

#include "rules.h"
#include "twin/twin.h"

/* Where the host's routes lead to. */
struct passing_way {
	struct addr to;
	char interface[TWIN_INTERFACE_BYTES]; /* "" = not known */
};

enum { PASSING_WAYS = 256 };

/* About 10 KiB. Zero but for the first four. */
struct passing {
	const struct policy *policy;
	struct enforce_environment environment;
	const struct ifaddrs *interfaces;      /* of this host; NULL = not known */
	int route;                             /* for twin_way() */
	struct passing_way ways[PASSING_WAYS]; /* asked already; by the last byte of the address */
};

/* The interface that has the address; NULL = it is not one of this host. */
const char *passing_interface_of(const struct ifaddrs *list, const struct addr *address);

/*
 * enforce_decide_forward(), where the routes say which interfaces it uses.
 * @param packet  without interfaces.
 */
enum enforce_verdict passing_decide(struct passing *passing, const struct enforce_packet *packet);
