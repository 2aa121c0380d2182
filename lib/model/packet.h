/* What one packet says to whoever judges it: small, fixed, the same from a kernel tap or a file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/when.h"

/* Flags of a TCP header (RFC 9293 3.1). */
enum tcp_flag {
	TCP_FLAG_FIN = 0x01,
	TCP_FLAG_SYN = 0x02,
	TCP_FLAG_RST = 0x04,
	TCP_FLAG_PSH = 0x08,
	TCP_FLAG_ACK = 0x10,
	TCP_FLAG_URG = 0x20,
};

/* What else is told of a packet, as bits. */
enum packet_mark {
	PACKET_SACK = 1,     /* TCP: offers selective acknowledgement (RFC 2018), as systems do */
	PACKET_DATA = 2,     /* it carries bytes behind its header */
	PACKET_ERROR = 4,    /* an ICMP error; the endpoints are those of the packet it quotes */
	PACKET_FRAGMENT = 8, /* put together from fragments */
	PACKET_OPEN = 16,    /* somebody listens there, says the kernel that saw it */
	PACKET_SENT = 32,    /* it went out from the host; where the direction is known */
	PACKET_THROUGH = 64, /* this host passes it on to a machine behind it; with PACKET_SENT:
			      * such a machine sent it */
	/* A machine that is declared answers somebody who asked: with PACKET_SENT by way of this
	 * host, otherwise this host itself. */
	PACKET_DEVICE = 128,
	PACKET_MARKS = 255, /* all of them */
};

struct packet_note {
	usec_t time;        /* on the clock of who saw it */
	struct addr source; /* IPv4 or IPv6, never ADDR_NONE */
	struct addr destination;
	uint16_t source_port; /* 0 when the protocol has none */
	uint16_t destination_port;
	uint8_t protocol;      /* number of IANA's "Protocol Numbers": 6 TCP, 17 UDP */
	uint8_t flags;         /* TCP: enum tcp_flag, without ECE and CWR */
	uint8_t ttl;           /* what is left of it; hop limit of IPv6 */
	uint8_t marks;         /* enum packet_mark */
	uint8_t option_bytes;  /* TCP: 0..40 */
	uint16_t window;       /* TCP: as it stands in the header */
	uint16_t ipv4_id;      /* identification, 0 in IPv6 */
	uint32_t tcp_sequence; /* host order */
};

/* Whether options of a TCP header offer selective acknowledgement (RFC 2018); broken ones offer
 * nothing. */
bool packet_offers_sack(const uint8_t *options, size_t length);
