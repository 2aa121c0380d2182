/* Transport protocols that have ports. */
#pragma once

#include <stdbool.h>

/* Numbers of IANA's "Protocol Numbers" registry; MPTCP is Linux's own IPPROTO_MPTCP. */
enum protocol {
	PROTOCOL_NONE = 0,
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	PROTOCOL_DCCP = 33,
	PROTOCOL_SCTP = 132,
	PROTOCOL_UDPLITE = 136,
	PROTOCOL_MPTCP = 262,
};

/* "tcp", "udp", "dccp", "sctp", "udplite", "mptcp"; "?" for anything else. */
const char *protocol_name(enum protocol protocol);

/* The reverse, lower case only. @return 0 or -EINVAL. */
int protocol_parse(enum protocol *out, const char *name);

/* The protocol whose port numbers it uses: MPTCP listens on TCP ports, UDP-Lite has UDP's names. */
enum protocol protocol_registry(enum protocol protocol);
