/* Packets of our own: a SYN whose number only who got it can know, and what comes back. */
#include <string.h>

#include "base/be.h"
#include "base/checksum.h"
#include "base/sip.h"
#include "sweep/sweep.h"

enum {
	IPV4_BYTES = 20,
	TCP_BYTES = 24, /* with one option */
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_ACK = 0x10,
};

uint32_t sweep_cookie(uint64_t seed, const struct addr *target, uint16_t port, uint16_t source)
{
	const uint64_t key[2] = { seed, seed ^ UINT64_C(0x9e3779b97f4a7c15) };
	uint64_t words[3];
	memcpy(words, target->bytes, sizeof(target->bytes));
	words[2] = (uint64_t)target->family << 32 | (uint32_t)port << 16 | source;
	const uint64_t hash = sip24(key, words, 3);
	return (uint32_t)(hash ^ hash >> 32);
}

/* ---- what is sent ---- */

static void put_tcp(uint8_t out[TCP_BYTES], const struct sweep_order *order, uint16_t port,
		    uint16_t source)
{
	be16_put(out, source);
	be16_put(out + 2, port);
	be32_put(out + 4, sweep_cookie(order->seed, &order->target, port, source));
	out[12] = TCP_BYTES / 4 << 4;
	out[13] = TCP_SYN;
	be16_put(out + 14, 64240); /* as Linux begins: nothing shall look at it for its oddity */
	out[20] = 2; /* maximum segment size (RFC 9293 3.7.1): some drop a SYN without */
	out[21] = 4;
	be16_put(out + 22, 1460);
}

size_t sweep_syn(uint8_t out[SWEEP_PACKET_BYTES], const struct sweep_order *order,
		 const struct addr *from, uint16_t port, uint16_t source)
{
	memset(out, 0, SWEEP_PACKET_BYTES);
	if (order->target.family == ADDR_IPV6) {
		put_tcp(out, order, port, source);
		return TCP_BYTES;
	}
	uint8_t *tcp = out + IPV4_BYTES;
	out[0] = 0x45;
	be16_put(out + 2, IPV4_BYTES + TCP_BYTES);
	out[6] = 0x40; /* don't fragment */
	out[8] = 64;
	out[9] = 6;
	memcpy(out + 12, from->bytes, 4);
	memcpy(out + 16, order->target.bytes, 4);
	be16_put(out + 10, checksum_end(checksum_add(0, out, IPV4_BYTES)));
	put_tcp(tcp, order, port, source);
	const uint32_t pseudo_header = checksum_add(6 + TCP_BYTES, out + 12, 8);
	be16_put(tcp + 16, checksum_end(checksum_add(pseudo_header, tcp, TCP_BYTES)));
	return IPV4_BYTES + TCP_BYTES;
}

/* ---- what comes back ---- */

/* @return the TCP header; NULL when it is none from the target. */
static const uint8_t *find_tcp(const struct sweep_order *order, const uint8_t *bytes,
			       size_t *length)
{
	if (order->target.family == ADDR_IPV4) {
		const size_t header = *length < IPV4_BYTES ? 0 : (size_t)(bytes[0] & 0xf) * 4;
		if (header < IPV4_BYTES || *length < header || bytes[0] >> 4 != 4 ||
		    bytes[9] != 6 || memcmp(bytes + 12, order->target.bytes, 4) != 0) {
			return NULL;
		}
		bytes += header;
		*length -= header;
	}
	return *length < 20 ? NULL : bytes;
}

bool sweep_read_answer(const struct sweep_order *order, const uint8_t *bytes, size_t length,
		       uint16_t *port, uint16_t *source, enum sweep_state *state)
{
	const uint8_t *tcp = find_tcp(order, bytes, &length);
	if (tcp == NULL) {
		return false;
	}
	const uint8_t flags = tcp[13] & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK);
	*port = be16_at(tcp);
	*source = be16_at(tcp + 2);
	if (*source < order->source_first || *source > order->source_last || *port == 0 ||
	    (flags != (TCP_SYN | TCP_ACK) && flags != (TCP_RST | TCP_ACK)) ||
	    be32_at(tcp + 8) != sweep_cookie(order->seed, &order->target, *port, *source) + 1) {
		return false;
	}
	*state = (flags & TCP_RST) != 0 ? SWEEP_CLOSED : SWEEP_OPEN;
	return true;
}
