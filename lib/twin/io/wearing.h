/* While the twin puts the host's network on. */
#pragma once

#include "twin/io/build.h"
#include <libmnl/libmnl.h>

#include "base/io/netlink.h"

struct wearing {
	const struct twin_host *host;
	struct built_link *links; /* beside host->links */
	int route, far_route;     /* rtnetlink in both namespaces */
	int outside;              /* the namespace */
	int doubts;
	char buffer[NETLINK_REQUEST_BYTES] __attribute__((aligned(8)));
};

/* The index in the twin of an interface of the host; 0 = it is not there. */
uint32_t wearing_index(const struct wearing *wearing, uint32_t host_index);

/* What cannot be worn becomes a doubt. @return 0 or negative errno. */
int wear_addresses(struct wearing *wearing);
int wear_routes(struct wearing *wearing);
