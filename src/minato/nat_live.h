/* Connections that this host passes on under its own address, to be drawn. */
#pragma once

#include "conntrack/conntrack.h"
#include "figure/figure.h"

enum {
	NAT_LIVE_ROWS = 5,
	NAT_LIVE_EACH = 2, /* of one device: the figure is about several */
};

/* The rows point into it: it is used where it was filled. Zeroes are an empty one. */
struct nat_live {
	char outside[ADDR_TEXT_BYTES];
	char inside[NAT_LIVE_ROWS][ADDR_TEXT_BYTES];
	char remote[NAT_LIVE_ROWS][ADDR_TEXT_BYTES];
	struct figure_nat_row rows[NAT_LIVE_ROWS];
	size_t count;
	uint64_t more; /* that have no room */
};

/* Takes an entry of the kernel's table, when it is a TCP or UDP connection whose source was
 * replaced; the first one decides which address is outside. Pure. */
void nat_live_take(struct nat_live *out, const struct conntrack_flow *flow);

/*
 * Reads the table of this host, unless nothing here ever tracked connections: asking would wake it.
 * @return 0, also when there is none (then `count` is 0); negative errno of conntrack_open() and
 *         conntrack_dump(): -EPERM without CAP_NET_ADMIN.
 */
int nat_live_read(struct nat_live *out);

/* A copy whose rows point into itself. */
void nat_live_copy(struct nat_live *out, const struct nat_live *from);

/* The figure of what was found. @param live  valid as long as the figure is. */
struct figure_nat nat_live_figure(const struct nat_live *live, enum language language);
