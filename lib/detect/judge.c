/* One packet by itself: what it probes for, and whose marks it carries. */
#include "base/be.h"
#include "state.h"

enum {
	TRACEROUTE_TTL = 30, /* most hops that traceroute(8) tries */
	SYSTEM_PORTS = 1024,
};

/* traceroute(8) counts up from 33434, three probes for each of 30 hops; tracepath(8) from 44444. */
static bool is_traceroute(const struct packet_note *note)
{
	const uint16_t port = note->destination_port;
	return note->ttl <= TRACEROUTE_TTL &&
	       ((port >= 33434 && port < 33434 + 256) || (port >= 44444 && port < 44444 + 64));
}

/* A service that still answers a connection which the host has forgotten. */
static bool is_late(const struct detect_parameters *p, const struct packet_note *note)
{
	return note->source_port < SYSTEM_PORTS && note->destination_port >= p->ephemeral_first;
}

int judge_probe(const struct detect_parameters *parameters, const struct packet_note *note)
{
	if (note->protocol == PROTOCOL_UDP) {
		return is_traceroute(note) || is_late(parameters, note) ? -1 : DETECT_UDP;
	}
	if (note->protocol != PROTOCOL_TCP || (note->flags & TCP_FLAG_RST) != 0) {
		return -1;
	}
	if (parameters->through && (note->flags & TCP_FLAG_ACK) != 0) {
		return -1;
	}
	const uint8_t flags = note->flags & (uint8_t) ~(TCP_FLAG_PSH | TCP_FLAG_URG);
	switch (flags) {
	case TCP_FLAG_SYN:
		return (note->marks & PACKET_SACK) != 0 ? DETECT_CONNECT : DETECT_SYN;
	case TCP_FLAG_SYN | TCP_FLAG_FIN:
		return DETECT_SYN;
	case 0:
		return note->flags == 0 ? DETECT_NULL : DETECT_XMAS;
	case TCP_FLAG_FIN:
		return note->flags == TCP_FLAG_FIN ? DETECT_FIN : DETECT_XMAS;
	case TCP_FLAG_FIN | TCP_FLAG_ACK:
		return is_late(parameters, note) ? -1 : DETECT_MAIMON;
	case TCP_FLAG_ACK:
		/* With data it belongs to a connection that one side has forgotten. */
		return is_late(parameters, note) || (note->marks & PACKET_DATA) != 0 ? -1
										     : DETECT_ACK;
	default:
		return -1; /* SYN-ACK and mixtures of it: an answer to what somebody forged */
	}
}

/* masscan 1.3 src/templ-pkt.c: the identification repeats target, port and sequence number; in
 * IPv6, which has none, it sends a SYN without any option. */
static bool is_masscan(const struct packet_note *note)
{
	if (note->source.family == ADDR_IPV6) {
		return note->window == 1024 && note->option_bytes == 0;
	}
	const uint32_t address = be32_at(note->destination.bytes);
	return ((address ^ note->destination_port ^ note->tcp_sequence) & 0xffff) == note->ipv4_id;
}

enum detect_tool judge_tool(const struct packet_note *note, enum detect_probe probe)
{
	enum { ZMAP_ID = 54321 }; /* zmap src/probe_modules/packet.c */
	if (note->source.family == ADDR_IPV4 && note->ipv4_id == ZMAP_ID) {
		return DETECT_ZMAP;
	}
	if (probe == DETECT_UDP || probe == DETECT_CONNECT) {
		return DETECT_TOOL_NONE;
	}
	if (probe == DETECT_SYN && is_masscan(note)) {
		return DETECT_MASSCAN;
	}
	/* nmap scan_engine_raw.cc: 1 to 4 times 1024; a SYN has the maximum segment size alone. */
	const bool window =
		note->window >= 1024 && note->window <= 4096 && note->window % 1024 == 0;
	const uint8_t options = probe == DETECT_SYN ? 4 : 0;
	return window && note->option_bytes == options ? DETECT_NMAP : DETECT_TOOL_NONE;
}
