/* What connections begin with: packets to yes and no. Everything in a packet is foreign. */
#include <string.h>

#include "base/be.h"
#include "base/fnv.h"
#include "tls/tls.h"

enum {
	PROTOCOL_NUMBER_TCP = 6,
	FLAG_SYN = 2,
	FLAG_ACK = 16,
	SIDE_CLIENT = 1,
	SIDE_SERVER = 2,
};

/* The parts of one packet of TCP. */
struct segment {
	struct addr source, destination;
	uint16_t source_port, destination_port;
	uint32_t sequence;
	uint8_t flags;
	const uint8_t *data;
	size_t length;
};

/* @return whether there is a whole header of TCP, in no fragment but the first. */
static bool read_tcp(struct segment *out, const uint8_t *tcp, size_t length, size_t packet)
{
	if (length < 20) {
		return false;
	}
	const size_t header = (size_t)(tcp[12] >> 4) * 4;
	if (header < 20 || header > length || header > packet) {
		return false;
	}
	out->source_port = be16_at(tcp);
	out->destination_port = be16_at(tcp + 2);
	out->sequence = be32_at(tcp + 4);
	out->flags = tcp[13];
	out->data = tcp + header;
	/* Short frames are padded: what the IP header does not count is no data. */
	out->length = length < packet ? length - header : packet - header;
	return true;
}

static bool read_packet(struct segment *out, const uint8_t *b, size_t length)
{
	if (length >= 20 && b[0] >> 4 == 4) {
		const size_t header = (size_t)(b[0] & 15) * 4;
		if (header < 20 || header > length || b[9] != PROTOCOL_NUMBER_TCP ||
		    (be16_at(b + 6) & 0x1fff) != 0 || be16_at(b + 2) < header) {
			return false;
		}
		out->source = addr_from_ipv4(b + 12);
		out->destination = addr_from_ipv4(b + 16);
		return read_tcp(out, b + header, length - header, be16_at(b + 2) - header);
	}
	if (length >= 40 && b[0] >> 4 == 6 && b[6] == PROTOCOL_NUMBER_TCP) {
		out->source = addr_from_ipv6(b + 8);
		out->destination = addr_from_ipv6(b + 24);
		return read_tcp(out, b + 40, length - 40, be16_at(b + 4));
	}
	return false;
}

/* ---- flows ---- */

/* The place of a connection: chosen ones that meet there only take it from each other. */
static struct tls_flow *place_of(struct tls_watch *watch, const struct addr *client,
				 uint16_t client_port, uint16_t server_port)
{
	uint32_t hash = (uint32_t)client_port << 16 | server_port;
	hash = fnv32_add(hash, client->bytes, sizeof(client->bytes));
	hash ^= hash >> 15;
	return &watch->flows[hash % TLS_FLOWS_MAX];
}

static bool is_of(const struct tls_flow *flow, const struct addr *client, uint16_t client_port,
		  const struct addr *server, uint16_t server_port)
{
	return flow->family != ADDR_NONE && flow->client_port == client_port &&
	       flow->server_port == server_port && addr_compare(&flow->client, client) == 0 &&
	       addr_compare(&flow->server, server) == 0;
}

static void begin(struct tls_watch *watch, const struct segment *s)
{
	*place_of(watch, &s->source, s->source_port, s->destination_port) = (struct tls_flow){
		.family = s->source.family,
		.client_port = s->source_port,
		.server_port = s->destination_port,
		.client_next = s->sequence + 1,
		.client = s->source,
		.server = s->destination,
	};
}

static struct tls_seen *seen_of(struct tls_watch *watch, uint16_t port)
{
	for (size_t i = 0; i < watch->seen_count; i++) {
		if (watch->seen[i].port == port) {
			return &watch->seen[i];
		}
	}
	if (watch->seen_count == TLS_SEEN_MAX) {
		watch->left_out++;
		return NULL;
	}
	watch->seen[watch->seen_count] = (struct tls_seen){ .port = port };
	return &watch->seen[watch->seen_count++];
}

/* The first bytes of one side. */
static void tell(struct tls_watch *watch, struct tls_flow *flow, const struct segment *s,
		 unsigned side)
{
	const enum tls_first first = tls_first_bytes(s->data, s->length, side == SIDE_CLIENT);
	struct tls_seen *seen =
		first == TLS_FIRST_UNKNOWN ? NULL : seen_of(watch, flow->server_port);
	if (seen != NULL) {
		seen->connections += flow->told == 0;
		if (side == SIDE_CLIENT) {
			seen->client |= (uint8_t)(1 << first);
		} else {
			seen->server |= (uint8_t)(1 << first);
		}
	}
	flow->told |= (uint8_t)side;
	if (flow->told == (SIDE_CLIENT | SIDE_SERVER)) {
		flow->family = ADDR_NONE;
	}
}

void tls_watch_take(struct tls_watch *watch, const uint8_t *bytes, size_t length, bool comes_in)
{
	struct segment s = { 0 };
	if (!read_packet(&s, bytes, length) || s.source_port == 0 || s.destination_port == 0) {
		return;
	}
	if ((s.flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN) {
		if (comes_in) {
			begin(watch, &s);
		}
		return;
	}
	struct tls_flow *flow = place_of(watch, &s.source, s.source_port, s.destination_port);
	if (is_of(flow, &s.source, s.source_port, &s.destination, s.destination_port)) {
		if (s.length > 0 && s.sequence == flow->client_next &&
		    (flow->told & SIDE_CLIENT) == 0) {
			tell(watch, flow, &s, SIDE_CLIENT);
		}
		return;
	}
	flow = place_of(watch, &s.destination, s.destination_port, s.source_port);
	if (!is_of(flow, &s.destination, s.destination_port, &s.source, s.source_port)) {
		return;
	}
	if ((s.flags & FLAG_SYN) != 0) {
		flow->server_next = s.sequence + 1;
		flow->has_server = true;
	} else if (s.length > 0 && flow->has_server && s.sequence == flow->server_next &&
		   (flow->told & SIDE_SERVER) == 0) {
		tell(watch, flow, &s, SIDE_SERVER);
	}
}

bool tls_seen_valid(const struct tls_seen *seen)
{
	return seen->port != 0 && seen->client < 1 << (TLS_FIRST_PLAIN + 1) &&
	       seen->server < 1 << (TLS_FIRST_PLAIN + 1);
}
