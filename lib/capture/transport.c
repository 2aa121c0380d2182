/* TCP, UDP, ICMP behind an IP header. */
#include "transport.h"

#include <string.h>

#include "base/be.h"
#include "model/protocol.h"

enum {
	ICMP = 1,
	ICMPV6 = 58,
	ICMP_HEADER = 8,
	TCP_HEADER = 20,
};

static int tcp(struct packet_note *note, const uint8_t *bytes, size_t length)
{
	if (length < 16) { /* ports, sequence, flags, window: what a note needs */
		return CAPTURE_MALFORMED;
	}
	const size_t header = (size_t)(bytes[12] >> 4) * 4;
	if (header < TCP_HEADER) {
		return CAPTURE_MALFORMED;
	}
	note->source_port = be16_at(bytes);
	note->destination_port = be16_at(bytes + 2);
	note->tcp_sequence = be32_at(bytes + 4);
	note->flags = bytes[13] & 0x3f;
	note->window = be16_at(bytes + 14);
	note->option_bytes = (uint8_t)(header - TCP_HEADER);
	if (length > TCP_HEADER &&
	    packet_offers_sack(bytes + TCP_HEADER,
			       (length < header ? length : header) - TCP_HEADER)) {
		note->marks |= PACKET_SACK;
	}
	if (length > header) {
		note->marks |= PACKET_DATA;
	}
	return CAPTURE_NOTE;
}

static int udp(struct packet_note *note, const uint8_t *bytes, size_t length)
{
	if (length < 8 ||
	    (be16_at(bytes + 4) < 8 && be16_at(bytes + 4) != 0)) { /* 0: a jumbogram */
		return CAPTURE_MALFORMED;
	}
	note->source_port = be16_at(bytes);
	note->destination_port = be16_at(bytes + 2);
	if (length > 8) {
		note->marks |= PACKET_DATA;
	}
	return CAPTURE_NOTE;
}

/* ---- ICMP errors: they quote what the other side sent ---- */

static bool is_error(const struct packet_note *ip, uint8_t type)
{
	if (ip->protocol == ICMPV6) {
		return type >= 1 && type <= 4; /* RFC 4443 2.1 */
	}
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12; /* RFC 792 */
}

/* The quoted IP header. @return its length, 0 when it is none. */
static size_t quoted_header(struct packet_note *note, const uint8_t *bytes, size_t length)
{
	if (length >= 20 && bytes[0] >> 4 == 4) {
		note->source = addr_from_ipv4(bytes + 12);
		note->destination = addr_from_ipv4(bytes + 16);
		note->protocol = bytes[9];
		const size_t header = (size_t)(bytes[0] & 0x0f) * 4;
		return header >= 20 ? header : 0;
	}
	if (length >= 40 && bytes[0] >> 4 == 6) {
		note->source = addr_from_ipv6(bytes + 8);
		note->destination = addr_from_ipv6(bytes + 24);
		note->protocol = bytes[6];
		return 40;
	}
	return 0;
}

static int icmp(struct packet_note *note, const uint8_t *bytes, size_t length)
{
	if (length < ICMP_HEADER) {
		return CAPTURE_MALFORMED;
	}
	if (!is_error(note, bytes[0])) {
		return CAPTURE_OTHER;
	}
	bytes += ICMP_HEADER;
	length -= ICMP_HEADER;
	const size_t header = quoted_header(note, bytes, length);
	if (header == 0 || length < header + 4) {
		return CAPTURE_MALFORMED;
	}
	if (note->protocol != PROTOCOL_TCP && note->protocol != PROTOCOL_UDP) {
		return CAPTURE_OTHER;
	}
	note->source_port = be16_at(bytes + header);
	note->destination_port = be16_at(bytes + header + 2);
	note->marks |= PACKET_ERROR;
	return CAPTURE_NOTE;
}

int transport_read(struct packet_note *out, const struct packet_note *ip, const uint8_t *bytes,
		   size_t length)
{
	struct packet_note note = *ip;
	int r = CAPTURE_OTHER;
	switch (ip->protocol) {
	case PROTOCOL_TCP:
		r = tcp(&note, bytes, length);
		break;
	case PROTOCOL_UDP:
		r = udp(&note, bytes, length);
		break;
	case ICMP:
	case ICMPV6:
		r = icmp(&note, bytes, length);
		break;
	default:
		break;
	}
	if (r == CAPTURE_NOTE) {
		*out = note;
	}
	return r;
}

/* ---- fragments ---- */

static struct capture_fragment *find(struct capture_fragments *all, const struct packet_note *ip,
				     uint32_t id)
{
	for (size_t i = 0; i < CAPTURE_FRAGMENTS; i++) {
		struct capture_fragment *f = &all->items[i];
		if (f->protocol == ip->protocol && f->id == id && f->protocol != 0 &&
		    addr_compare(&f->source, &ip->source) == 0 &&
		    addr_compare(&f->destination, &ip->destination) == 0) {
			return f;
		}
	}
	struct capture_fragment *f = &all->items[all->next++ % CAPTURE_FRAGMENTS];
	*f = (struct capture_fragment){ .source = ip->source,
					.destination = ip->destination,
					.id = id,
					.protocol = ip->protocol };
	return f;
}

/* Bytes from the first on that are there. */
static size_t contiguous(const struct capture_fragment *f)
{
	return ~f->have == 0 ? CAPTURE_FRAGMENT_BYTES : (size_t)__builtin_ctzll(~f->have);
}

/* What a header needs before a note can be made of it. */
static size_t needed(const struct capture_fragment *f, size_t have)
{
	if (f->protocol == PROTOCOL_UDP) {
		return 8;
	}
	if (f->protocol != PROTOCOL_TCP || have <= 12) {
		return TCP_HEADER;
	}
	const size_t header = (size_t)(f->bytes[12] >> 4) * 4;
	return header < TCP_HEADER ? TCP_HEADER : header;
}

int fragments_add(struct packet_note *out, struct capture_fragments *fragments,
		  const struct packet_note *ip, uint32_t id, uint16_t offset, const uint8_t *bytes,
		  size_t length)
{
	if ((ip->protocol != PROTOCOL_TCP && ip->protocol != PROTOCOL_UDP) ||
	    offset >= CAPTURE_FRAGMENT_BYTES) {
		return CAPTURE_OTHER;
	}
	struct capture_fragment *f = find(fragments, ip, id);
	for (size_t i = 0; i < length && offset + i < CAPTURE_FRAGMENT_BYTES; i++) {
		/* The first that came counts, so that a later one cannot change what was said. */
		if ((f->have >> (offset + i) & 1) == 0) {
			f->bytes[offset + i] = bytes[i];
			f->have |= (uint64_t)1 << (offset + i);
		}
	}
	const size_t have = contiguous(f);
	if (f->done != 0 || have < needed(f, have)) {
		return CAPTURE_OTHER;
	}
	f->done = 1;
	const int r = transport_read(out, ip, f->bytes, have);
	if (r == CAPTURE_NOTE) {
		out->marks |= PACKET_FRAGMENT;
	}
	return r;
}
