/* The entry of a connection that was met in the middle, with its ends exchanged. Pure. */
#include <netinet/in.h>

#include "conntrack/conntrack.h"

static bool was_met_in_the_middle(const struct conntrack_flow *flow)
{
	const unsigned both = flow->tcp_flags_original & flow->tcp_flags_reply;
	return flow->tcp_state == CONNTRACK_TCP_ESTABLISHED && (both & CONNTRACK_TCP_LIBERAL) != 0;
}

static bool is_ephemeral(uint16_t port, const struct conntrack_defaults *defaults)
{
	return port >= defaults->ephemeral_first && port <= defaults->ephemeral_last;
}

/* As conntrack_flow_of() has it: one port alone is ephemeral, or else the lower one is called. */
static bool is_called_by_its_source(const struct conntrack_tuple *original, bool likely,
				    const struct conntrack_defaults *defaults)
{
	const bool from = is_ephemeral(original->source_port, defaults);
	const bool to = is_ephemeral(original->destination_port, defaults);
	return from != to ? to : likely && original->source_port < original->destination_port;
}

bool conntrack_turned(struct conntrack_flow *out, const struct conntrack_flow *flow, bool likely,
		      const struct conntrack_defaults *defaults)
{
	const uint32_t translated = CONNTRACK_SNAT | CONNTRACK_DNAT;
	const bool tcp = flow->protocol == IPPROTO_TCP;
	const bool udp = flow->protocol == IPPROTO_UDP || flow->protocol == IPPROTO_UDPLITE;
	if ((!udp && !(tcp && was_met_in_the_middle(flow))) ||
	    (flow->status & CONNTRACK_SEEN_REPLY) == 0 || (flow->status & translated) != 0 ||
	    flow->zone != 0 || !is_called_by_its_source(&flow->original, likely, defaults)) {
		return false;
	}
	*out = (struct conntrack_flow){
		.original = flow->reply,
		.reply = flow->original,
		.protocol = flow->protocol,
		.tcp_state = flow->tcp_state,
		.tcp_flags_original = flow->tcp_flags_reply,
		.tcp_flags_reply = flow->tcp_flags_original,
		.status = CONNTRACK_SEEN_REPLY | CONNTRACK_ASSURED | CONNTRACK_CONFIRMED,
		.timeout_s = tcp ? defaults->tcp_timeout_s[CONNTRACK_TCP_ESTABLISHED]
				 : defaults->udp_stream_timeout_s,
		.mark = flow->mark,
	};
	return true;
}
