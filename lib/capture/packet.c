/* One packet of a connection, with what a person wants to see of it. */
#include <string.h>

#include "base/be.h"
#include "capture/capture.h"

enum {
	ICMP = 1,
	ICMPV6 = 58,
	TCP_HEADER = 20,
	UDP_HEADER = 8,
	ICMP_HEADER = 8,
};

static bool is_peer(const struct capture_connection *c, const struct addr *address)
{
	for (uint32_t i = 0; i < c->peer_count; i++) {
		if (addr_compare(&c->peers[i], address) == 0) {
			return true;
		}
	}
	return false;
}

/* ---- IP ---- */

/* Of an IP header: the packet's own, or one that ICMP quotes. */
struct ip {
	struct addr source, destination;
	uint8_t protocol, ttl;
	size_t header, total; /* bytes; of a quoted one as it claims */
};

static bool read_ip(struct ip *out, const uint8_t *bytes, size_t length)
{
	if (length >= 20 && bytes[0] >> 4 == 4) {
		*out = (struct ip){
			.source = addr_from_ipv4(bytes + 12),
			.destination = addr_from_ipv4(bytes + 16),
			.protocol = bytes[9],
			.ttl = bytes[8],
			.header = (size_t)(bytes[0] & 0x0f) * 4,
			.total = be16_at(bytes + 2),
		};
		const bool first = (be16_at(bytes + 6) & 0x1fff) == 0;
		return first && out->header >= 20 && out->header <= length &&
		       out->total >= out->header;
	}
	if (length >= 40 && bytes[0] >> 4 == 6) {
		*out = (struct ip){
			.source = addr_from_ipv6(bytes + 8),
			.destination = addr_from_ipv6(bytes + 24),
			.protocol = bytes[6],
			.ttl = bytes[7],
			.header = 40,
			.total = (size_t)be16_at(bytes + 4) + 40,
		};
		return true;
	}
	return false;
}

/* ---- the data ---- */

/* Handshake messages of TLS (RFC 8446 4, RFC 5246 7.4). */
static const char *handshake_name(uint8_t type)
{
	switch (type) {
	case 1:
		return "ClientHello";
	case 2:
		return "ServerHello";
	case 4:
		return "NewSessionTicket";
	case 11:
		return "Certificate";
	case 12:
		return "ServerKeyExchange";
	case 14:
		return "ServerHelloDone";
	case 16:
		return "ClientKeyExchange";
	default:
		return "handshake";
	}
}

static bool read_tls(struct capture_packet *out, const uint8_t *data, size_t length)
{
	const char *name = NULL;
	if (length < 6 || data[1] != 3 || data[2] > 4 || be16_at(data + 3) > (1 << 14) + 256) {
		return false;
	}
	switch (data[0]) {
	case 20:
		name = "ChangeCipherSpec";
		break;
	case 21:
		name = "Alert";
		break;
	case 22:
		name = handshake_name(data[5]);
		break;
	case 23:
		name = "encrypted";
		break;
	default:
		return false;
	}
	out->content = CAPTURE_CONTENT_TLS;
	memcpy(out->words, name, strlen(name) + 1);
	return true;
}

/* A line of text is one as far as it goes: a single byte that is none makes bytes of it. */
static bool read_text(struct capture_packet *out, const uint8_t *data, size_t length)
{
	size_t used = 0;
	while (used < length && used + 1 < sizeof(out->words) && data[used] >= ' ' &&
	       data[used] <= '~') {
		out->words[used] = (char)data[used];
		used++;
	}
	const bool whole = used == length || used + 1 == sizeof(out->words) || data[used] == '\r' ||
			   data[used] == '\n';
	out->words[whole ? used : 0] = '\0';
	out->content = whole && used > 0 ? CAPTURE_CONTENT_TEXT : CAPTURE_CONTENT_BYTES;
	return true;
}

static void read_data(struct capture_packet *out, const struct ip *ip, size_t length)
{
	const size_t headers = (size_t)out->ip_bytes + out->header_bytes;
	const size_t end = ip->total > headers ? ip->total : headers;
	const size_t seen = (length < end ? length : end) - headers;
	out->data_bytes = (uint32_t)(end - headers);
	if (out->data_bytes > 0 && out->protocol != ICMP && out->protocol != ICMPV6) {
		(void)(read_tls(out, out->bytes + headers, seen) ||
		       read_text(out, out->bytes + headers, seen));
	}
}

/* ---- what follows IP ---- */

static bool read_ports(struct capture_packet *out, const struct capture_connection *c,
		       const uint8_t *at, const struct ip *ip)
{
	out->source_port = be16_at(at);
	out->destination_port = be16_at(at + 2);
	out->sent = out->source_port == c->local_port && out->destination_port == c->remote_port &&
		    is_peer(c, &ip->destination);
	return out->sent != 0 ||
	       (out->source_port == c->remote_port && out->destination_port == c->local_port &&
		is_peer(c, &ip->source));
}

static bool read_tcp(struct capture_packet *out, const struct capture_connection *c,
		     const struct ip *ip, const uint8_t *at, size_t left)
{
	if (left < TCP_HEADER || !read_ports(out, c, at, ip)) {
		return false;
	}
	out->header_bytes = (uint16_t)((at[12] >> 4) * 4);
	out->sequence = be32_at(at + 4);
	out->acknowledgement = be32_at(at + 8);
	out->flags = at[13] & 0x3f;
	out->window = be16_at(at + 14);
	return out->header_bytes >= TCP_HEADER && out->header_bytes <= left;
}

static bool read_icmp(struct capture_packet *out, const struct capture_connection *c,
		      const uint8_t *at, size_t left)
{
	struct ip quoted;
	if (left < ICMP_HEADER || !read_ip(&quoted, at + ICMP_HEADER, left - ICMP_HEADER) ||
	    left < ICMP_HEADER + quoted.header + 4 || quoted.protocol != c->protocol) {
		return false;
	}
	out->icmp_type = at[0];
	out->icmp_code = at[1];
	out->header_bytes = ICMP_HEADER;
	const bool about =
		read_ports(out, c, at + ICMP_HEADER + quoted.header, &quoted) && out->sent != 0;
	out->sent = 0;
	return about;
}

static bool read_transport(struct capture_packet *out, const struct capture_connection *c,
			   const struct ip *ip, size_t length)
{
	const uint8_t *at = out->bytes + ip->header;
	const size_t left = length - ip->header;
	if (ip->protocol == (out->source.family == ADDR_IPV4 ? ICMP : ICMPV6)) {
		return read_icmp(out, c, at, left);
	}
	if (ip->protocol != c->protocol) {
		return false;
	}
	if (ip->protocol == PROTOCOL_TCP) {
		return read_tcp(out, c, ip, at, left);
	}
	out->header_bytes = UDP_HEADER;
	return left >= UDP_HEADER && read_ports(out, c, at, ip);
}

bool capture_packet_read(struct capture_packet *out, const struct capture_connection *connection,
			 const uint8_t *bytes, size_t length)
{
	struct ip ip;
	struct capture_packet packet = { .time = out->time, .interface = out->interface };
	length = length < CAPTURE_PACKET_BYTES ? length : CAPTURE_PACKET_BYTES;
	if (!read_ip(&ip, bytes, length)) {
		return false;
	}
	memcpy(packet.bytes, bytes, length);
	packet.kept = (uint16_t)(length < ip.total ? length : ip.total); /* behind it is padding */
	packet.source = ip.source;
	packet.destination = ip.destination;
	packet.protocol = ip.protocol;
	packet.ttl = ip.ttl;
	packet.ip_bytes = (uint16_t)ip.header;
	if (!read_transport(&packet, connection, &ip, packet.kept)) {
		return false;
	}
	read_data(&packet, &ip, packet.kept);
	*out = packet;
	return true;
}

bool capture_packet_same(const struct capture_packet *a, const struct capture_packet *b)
{
	return a->interface != b->interface && a->protocol == b->protocol &&
	       addr_compare(&a->source, &b->source) == 0 &&
	       addr_compare(&a->destination, &b->destination) == 0 &&
	       a->source_port == b->source_port && a->destination_port == b->destination_port &&
	       a->flags == b->flags && a->sequence == b->sequence &&
	       a->acknowledgement == b->acknowledgement && a->data_bytes == b->data_bytes &&
	       a->icmp_type == b->icmp_type && a->icmp_code == b->icmp_code;
}
