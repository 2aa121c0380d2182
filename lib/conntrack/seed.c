/* From a socket to the entry that the kernel would have for it. Pure. */
#include <netinet/in.h>

#include "conntrack/conntrack.h"

/* States of sockets, include/net/tcp_states.h. */
enum {
	STATE_ESTABLISHED = 1,
	STATE_SYN_SENT,
	STATE_SYN_RECV,
	STATE_FIN_WAIT1,
	STATE_FIN_WAIT2,
	STATE_TIME_WAIT,
	STATE_CLOSE,
	STATE_CLOSE_WAIT,
	STATE_LAST_ACK,
	STATE_LISTEN,
	STATE_CLOSING,
	STATE_NEW_SYN_RECV,
	STATES,
};

enum closer { CLOSER_NONE, CLOSER_LOCAL, CLOSER_REMOTE };

/*
 * What conntrack would have seen on the way to each state, by the table of
 * net/netfilter/nf_conntrack_proto_tcp.c: FIN leads to FIN_WAIT, its acknowledgement to CLOSE_WAIT,
 * the other FIN to LAST_ACK, whichever side they come from. Who closed first must be told, or the
 * SYN of a new connection on the same ports is taken for a part of the old one and let in.
 */
static const struct {
	enum conntrack_tcp_state state; /* NONE: has no peer */
	enum closer closer;
} tcp_states[STATES] = {
	[STATE_ESTABLISHED] = { CONNTRACK_TCP_ESTABLISHED, CLOSER_NONE },
	[STATE_SYN_SENT] = { CONNTRACK_TCP_SYN_SENT, CLOSER_NONE },
	[STATE_SYN_RECV] = { CONNTRACK_TCP_SYN_RECV, CLOSER_NONE },
	[STATE_NEW_SYN_RECV] = { CONNTRACK_TCP_SYN_RECV, CLOSER_NONE },
	[STATE_FIN_WAIT1] = { CONNTRACK_TCP_FIN_WAIT, CLOSER_LOCAL },
	[STATE_FIN_WAIT2] = { CONNTRACK_TCP_CLOSE_WAIT, CLOSER_LOCAL },
	[STATE_CLOSING] = { CONNTRACK_TCP_LAST_ACK, CLOSER_LOCAL },
	[STATE_TIME_WAIT] = { CONNTRACK_TCP_TIME_WAIT, CLOSER_LOCAL },
	[STATE_CLOSE_WAIT] = { CONNTRACK_TCP_CLOSE_WAIT, CLOSER_REMOTE },
	[STATE_LAST_ACK] = { CONNTRACK_TCP_LAST_ACK, CLOSER_REMOTE },
};

struct conntrack_defaults conntrack_kernel_defaults(void)
{
	return (struct conntrack_defaults){
		.tcp_timeout_s = {
			[CONNTRACK_TCP_SYN_SENT] = 120,
			[CONNTRACK_TCP_SYN_RECV] = 60,
			[CONNTRACK_TCP_ESTABLISHED] = 5 * 24 * 3600,
			[CONNTRACK_TCP_FIN_WAIT] = 120,
			[CONNTRACK_TCP_CLOSE_WAIT] = 60,
			[CONNTRACK_TCP_LAST_ACK] = 30,
			[CONNTRACK_TCP_TIME_WAIT] = 120,
			[CONNTRACK_TCP_CLOSE] = 10,
			[CONNTRACK_TCP_SYN_SENT2] = 120,
		},
		.udp_stream_timeout_s = 120,
		.ephemeral_first = 32768,
		.ephemeral_last = 60999,
	};
}

static bool is_multicast(const struct addr *address)
{
	/* 224.0.0.0/4 (RFC 5771) and the limited broadcast; ff00::/8 (RFC 4291 2.7). */
	return address->family == ADDR_IPV4 ? address->bytes[0] >= 224 : address->bytes[0] == 0xff;
}

static bool is_ephemeral(uint16_t port, const struct conntrack_defaults *defaults)
{
	return port >= defaults->ephemeral_first && port <= defaults->ephemeral_last;
}

static bool is_inbound(const struct connection *connection,
		       const struct conntrack_defaults *defaults)
{
	bool tcp = protocol_registry(connection->protocol) == PROTOCOL_TCP;
	uint8_t state = connection->state;
	if (tcp && state == STATE_SYN_SENT) {
		return false;
	}
	if (tcp && (state == STATE_SYN_RECV || state == STATE_NEW_SYN_RECV)) {
		return true;
	}
	if (connection->direction == DIRECTION_INBOUND) {
		return true;
	}
	/* What a listener accepted that has closed since is taken for outbound. */
	bool local = is_ephemeral(connection->local_port, defaults);
	bool remote = is_ephemeral(connection->remote_port, defaults);
	if (local != remote) {
		return remote;
	}
	return connection->direction == DIRECTION_UNKNOWN &&
	       connection->local_port < connection->remote_port;
}

static void set_tcp(struct conntrack_flow *flow, uint8_t state, bool inbound,
		    const struct conntrack_defaults *defaults)
{
	enum closer closer = tcp_states[state].closer;
	/* What the kernel gives to a connection that it meets in the middle (tcp_new()). */
	uint8_t local = CONNTRACK_TCP_LIBERAL | CONNTRACK_TCP_SACK;
	uint8_t remote = CONNTRACK_TCP_LIBERAL | CONNTRACK_TCP_SACK;
	local |= closer == CLOSER_LOCAL ? CONNTRACK_TCP_CLOSE_INIT : 0;
	remote |= closer == CLOSER_REMOTE ? CONNTRACK_TCP_CLOSE_INIT : 0;
	flow->tcp_state = (uint8_t)tcp_states[state].state;
	flow->tcp_flags_original = inbound ? remote : local;
	flow->tcp_flags_reply = inbound ? local : remote;
	flow->timeout_s = defaults->tcp_timeout_s[flow->tcp_state];
	if (flow->tcp_state == CONNTRACK_TCP_SYN_SENT) {
		flow->status &= ~(uint32_t)(CONNTRACK_SEEN_REPLY | CONNTRACK_ASSURED);
	}
	if (flow->tcp_state == CONNTRACK_TCP_SYN_RECV) {
		/* The handshake of a stranger: may be given up when the table is full. */
		flow->status &= ~(uint32_t)CONNTRACK_ASSURED;
	}
}

static bool is_seeded(const struct connection *connection)
{
	switch (connection->protocol) {
	case PROTOCOL_TCP:
	case PROTOCOL_MPTCP: /* on the wire it is TCP, as its first subflow */
		return connection->state < STATES &&
		       tcp_states[connection->state].state != CONNTRACK_TCP_NONE;
	case PROTOCOL_UDP:
	case PROTOCOL_UDPLITE:
		return connection->state == STATE_ESTABLISHED;
	default: /* SCTP would need its verification tags, which sock_diag does not tell */
		return false;
	}
}

static bool have_both_ends(const struct connection *connection, const struct addr *local,
			   const struct addr *remote)
{
	return (local->family == ADDR_IPV4 || local->family == ADDR_IPV6) &&
	       local->family == remote->family && connection->local_port != 0 &&
	       connection->remote_port != 0 && !addr_is_any(local) && !addr_is_any(remote) &&
	       !is_multicast(local) && !is_multicast(remote);
}

/* Also to an address of its own: that goes through `lo`, whatever the address. */
static bool is_loopback(const struct addr *local, const struct addr *remote)
{
	return addr_exposure(local) == EXPOSURE_LOOPBACK ||
	       addr_exposure(remote) == EXPOSURE_LOOPBACK || addr_compare(local, remote) == 0;
}

enum conntrack_fit conntrack_flow_of(struct conntrack_flow *out,
				     const struct connection *connection,
				     const struct conntrack_defaults *defaults)
{
	const struct addr local = addr_unmap(&connection->local);
	const struct addr remote = addr_unmap(&connection->remote);
	if (!is_seeded(connection) || !have_both_ends(connection, &local, &remote)) {
		return CONNTRACK_UNFIT;
	}
	const struct conntrack_tuple sent = { .source = local,
					      .destination = remote,
					      .source_port = connection->local_port,
					      .destination_port = connection->remote_port };
	const struct conntrack_tuple received = { .source = remote,
						  .destination = local,
						  .source_port = connection->remote_port,
						  .destination_port = connection->local_port };
	bool inbound = is_inbound(connection, defaults);
	bool tcp = protocol_registry(connection->protocol) == PROTOCOL_TCP;
	*out = (struct conntrack_flow){
		.original = inbound ? received : sent,
		.reply = inbound ? sent : received,
		.protocol = tcp ? IPPROTO_TCP : (uint8_t)connection->protocol,
		.status = CONNTRACK_SEEN_REPLY | CONNTRACK_ASSURED | CONNTRACK_CONFIRMED,
		.timeout_s = defaults->udp_stream_timeout_s,
	};
	if (tcp) {
		set_tcp(out, connection->state, inbound, defaults);
	}
	return is_loopback(&local, &remote) ? CONNTRACK_LOOPBACK : CONNTRACK_FITS;
}
