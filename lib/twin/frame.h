/* The packets that are sent, as bytes, and what is recognised of them in a trace. */
#pragma once

#include "twin/twin.h"

enum {
	FRAME_ETHERNET_BYTES = 14,
	FRAME_MAX_BYTES = 128,
	FRAME_MARKER_TYPE = 0x88b5, /* IEEE 802: for local experiments; no rule of a host has it */
};

/* What a probe carries through every translation: a TCP sequence number, or payload. */
struct frame_mark {
	uint32_t cookie;
	uint16_t from_port; /* of TCP and UDP; the identifier of an echo */
};

/*
 * Ethernet, IP and transport with right checksums: conntrack drops what has wrong ones.
 * @param out FRAME_MAX_BYTES.
 * @return length in bytes, or 0 when the packet cannot be.
 */
size_t frame_build(uint8_t *out, const struct twin_packet *packet, const uint8_t *destination,
		   const struct frame_mark *mark);

/* A frame that only the twin's own first chain sees. @return its length. */
size_t frame_marker(uint8_t *out, const uint8_t *destination, uint32_t cookie);

/* The ends of a packet as a trace shows them. */
struct frame_seen {
	uint8_t protocol;
	struct addr from, to;
	uint16_t from_port, port;
	uint32_t cookie; /* of a SYN, a datagram or an echo request; else 0 */
};

/*
 * @param family  ADDR_IPV4 or ADDR_IPV6.
 * @param network, transport  the first bytes of both headers as the kernel shows them.
 * @return whether it could be read.
 */
bool frame_read(struct frame_seen *out, const uint8_t *network, size_t network_bytes,
		const uint8_t *transport, size_t transport_bytes);
