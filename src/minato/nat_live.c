/* Connections that this host passes on under its own address, to be drawn. */
#include "nat_live.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool has_room_for(const struct nat_live *live, const char *outside, const char *inside)
{
	size_t same = 0;
	for (size_t i = 0; i < live->count; i++) {
		same += strcmp(live->inside[i], inside) == 0;
	}
	return live->count < NAT_LIVE_ROWS && same < NAT_LIVE_EACH &&
	       (live->count == 0 || strcmp(live->outside, outside) == 0);
}

void nat_live_take(struct nat_live *out, const struct conntrack_flow *flow)
{
	char outside[ADDR_TEXT_BYTES];
	char inside[ADDR_TEXT_BYTES];
	const struct conntrack_tuple *sent = &flow->original;
	if ((flow->status & CONNTRACK_SNAT) == 0 || (flow->status & CONNTRACK_DNAT) != 0 ||
	    (flow->protocol != PROTOCOL_TCP && flow->protocol != PROTOCOL_UDP)) {
		return;
	}
	(void)addr_format(&flow->reply.destination, outside);
	(void)addr_format(&sent->source, inside);
	if (!has_room_for(out, outside, inside)) {
		out->more++;
		return;
	}
	const size_t at = out->count++;
	(void)str_copy(out->outside, sizeof(out->outside), outside);
	(void)str_copy(out->inside[at], sizeof(out->inside[at]), inside);
	(void)addr_format(&sent->destination, out->remote[at]);
	out->rows[at] = (struct figure_nat_row){
		.inside = out->inside[at],
		.inside_port = sent->source_port,
		.outside_port = flow->reply.destination_port,
		.remote = out->remote[at],
		.remote_port = sent->destination_port,
	};
}

static int take(const struct conntrack_flow *flow, void *data)
{
	nat_live_take(data, flow);
	return 0;
}

int nat_live_read(struct nat_live *out)
{
	const bool without = conntrack_without(getenv("MINATO_WITHOUT"));
	struct conntrack *conntrack = NULL;
	if (without || access("/proc/sys/net/netfilter/nf_conntrack_count", F_OK) != 0) {
		return 0;
	}
	int r = conntrack_open(&conntrack, without, NULL);
	if (r == 0) {
		r = conntrack_dump(conntrack, AF_UNSPEC, take, out, NULL);
	}
	(void)conntrack_close(conntrack);
	return r;
}

void nat_live_copy(struct nat_live *out, const struct nat_live *from)
{
	*out = *from;
	for (size_t i = 0; i < out->count; i++) {
		out->rows[i].inside = out->inside[i];
		out->rows[i].remote = out->remote[i];
	}
}

struct figure_nat nat_live_figure(const struct nat_live *live, enum language language)
{
	return (struct figure_nat){ .language = language,
				    .outside = live->outside,
				    .source = FIGURE_NAT_LIVE,
				    .rows = live->rows,
				    .count = live->count,
				    .more = live->more };
}
