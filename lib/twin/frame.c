/* The packets that are sent, as bytes, and what is recognised of them in a trace. */
#include "twin/frame.h"

#include <linux/if_ether.h>
#include <linux/in.h>
#include <string.h>

#include "base/be.h"
#include "base/checksum.h"

enum {
	IPV4_BYTES = 20,
	IPV6_BYTES = 40,
	TCP_BYTES = 24, /* with the option for the segment size, as a real SYN has it */
	UDP_BYTES = 8,
	ECHO_BYTES = 8,
	PAYLOAD_BYTES = 12, /* what a trace still shows of a datagram: 20 bytes with the header */
	HOPS = 64,
	PROTOCOL_ICMPV6 = 58,
};

static const uint32_t payload_magic = 0x6d696e61;

static size_t address_bytes(const struct addr *address)
{
	return address->family == ADDR_IPV4 ? 4 : 16;
}

static void put_payload(uint8_t *at, uint32_t cookie)
{
	be32_put(at, payload_magic);
	be32_put(at + 4, cookie);
	be32_put(at + 8, payload_magic);
}

static size_t put_tcp(uint8_t *at, const struct twin_packet *packet, const struct frame_mark *mark)
{
	be16_put(at, mark->from_port);
	be16_put(at + 2, packet->port);
	be32_put(at + 4, mark->cookie);
	at[12] = TCP_BYTES / 4 << 4;
	at[13] = 0x02; /* SYN */
	be16_put(at + 14, 64240);
	be32_put(at + 20, 0x020405b4); /* maximum segment size 1460 */
	return TCP_BYTES;
}

static size_t put_udp(uint8_t *at, const struct twin_packet *packet, const struct frame_mark *mark)
{
	be16_put(at, mark->from_port);
	be16_put(at + 2, packet->port);
	be16_put(at + 4, UDP_BYTES + PAYLOAD_BYTES);
	put_payload(at + UDP_BYTES, mark->cookie);
	return UDP_BYTES + PAYLOAD_BYTES;
}

static size_t put_echo(uint8_t *at, bool ipv6, const struct frame_mark *mark)
{
	at[0] = ipv6 ? 128 : 8; /* echo request: RFC 4443 4.1, RFC 792 */
	be16_put(at + 4, mark->from_port);
	be16_put(at + 6, 1);
	put_payload(at + ECHO_BYTES, mark->cookie);
	return ECHO_BYTES + PAYLOAD_BYTES;
}

/* The checksum over addresses, protocol, length and `at` (RFC 9293 3.1, RFC 8200 8.1). */
static void put_checksum(uint8_t *at, size_t length, size_t field, uint8_t protocol,
			 const struct twin_packet *packet)
{
	uint32_t total = 0;
	if (protocol != IPPROTO_ICMP) {
		total = checksum_add(total, packet->from.bytes, address_bytes(&packet->from));
		total = checksum_add(total, packet->to.bytes, address_bytes(&packet->to));
		total += protocol + (uint32_t)length;
	}
	uint16_t value = checksum_end(checksum_add(total, at, length));
	be16_put(at + field, value == 0 && protocol == IPPROTO_UDP ? 0xffff : value);
}

static void put_ipv4(uint8_t *at, const struct twin_packet *packet, uint8_t protocol, size_t length,
		     uint32_t cookie)
{
	at[0] = 0x45;
	be16_put(at + 2, (uint16_t)(IPV4_BYTES + length));
	be16_put(at + 4, (uint16_t)cookie);
	be16_put(at + 6, 0x4000); /* do not fragment, as every connection today */
	at[8] = HOPS;
	at[9] = protocol;
	memcpy(at + 12, packet->from.bytes, 4);
	memcpy(at + 16, packet->to.bytes, 4);
	be16_put(at + 10, checksum_end(checksum_add(0, at, IPV4_BYTES)));
}

static void put_ipv6(uint8_t *at, const struct twin_packet *packet, uint8_t protocol, size_t length)
{
	at[0] = 0x60;
	be16_put(at + 4, (uint16_t)length);
	at[6] = protocol;
	at[7] = HOPS;
	memcpy(at + 8, packet->from.bytes, 16);
	memcpy(at + 24, packet->to.bytes, 16);
}

static size_t put_transport(uint8_t *at, const struct twin_packet *packet, uint8_t protocol,
			    const struct frame_mark *mark)
{
	size_t length = 0;
	size_t field = 0;
	if (protocol == IPPROTO_TCP) {
		length = put_tcp(at, packet, mark);
		field = 16;
	} else if (protocol == IPPROTO_UDP) {
		length = put_udp(at, packet, mark);
		field = 6;
	} else {
		length = put_echo(at, protocol == PROTOCOL_ICMPV6, mark);
		field = 2;
	}
	put_checksum(at, length, field, protocol, packet);
	return length;
}

static void put_ethernet(uint8_t *out, const uint8_t *destination, const uint8_t *source,
			 uint16_t type)
{
	static const uint8_t somebody[TWIN_MAC_BYTES] = { 0x02, 0x6d, 0x6e, 0x74, 0x00, 0x01 };
	memcpy(out, destination, TWIN_MAC_BYTES);
	memcpy(out + TWIN_MAC_BYTES, source != NULL ? source : somebody, TWIN_MAC_BYTES);
	be16_put(out + TWIN_MAC_BYTES + TWIN_MAC_BYTES, type);
}

size_t frame_build(uint8_t *out, const struct twin_packet *packet, const uint8_t *destination,
		   const struct frame_mark *mark)
{
	const bool ipv6 = packet->to.family == ADDR_IPV6;
	uint8_t protocol = packet->protocol;
	if (packet->to.family == ADDR_NONE || packet->from.family != packet->to.family ||
	    (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP && protocol != IPPROTO_ICMP)) {
		return 0;
	}
	if (protocol == IPPROTO_ICMP && ipv6) {
		protocol = PROTOCOL_ICMPV6;
	}
	memset(out, 0, FRAME_MAX_BYTES);
	put_ethernet(out, destination, packet->has_mac ? packet->mac : NULL,
		     ipv6 ? ETH_P_IPV6 : ETH_P_IP);
	uint8_t *network = out + FRAME_ETHERNET_BYTES;
	size_t head = ipv6 ? IPV6_BYTES : IPV4_BYTES;
	size_t length = put_transport(network + head, packet, protocol, mark);
	if (ipv6) {
		put_ipv6(network, packet, protocol, length);
	} else {
		put_ipv4(network, packet, protocol, length, mark->cookie);
	}
	return FRAME_ETHERNET_BYTES + head + length;
}

size_t frame_marker(uint8_t *out, const uint8_t *destination, uint32_t cookie)
{
	memset(out, 0, FRAME_MAX_BYTES);
	put_ethernet(out, destination, NULL, FRAME_MARKER_TYPE);
	be32_put(out + FRAME_ETHERNET_BYTES, cookie);
	return FRAME_ETHERNET_BYTES + 46; /* the shortest that Ethernet carries */
}

static uint32_t payload_cookie(const uint8_t *at)
{
	const bool ours = be32_at(at) == payload_magic && be32_at(at + 8) == payload_magic;
	return ours ? be32_at(at + 4) : 0;
}

static void read_transport(struct frame_seen *out, const uint8_t *at)
{
	if (out->protocol == IPPROTO_TCP || out->protocol == IPPROTO_UDP) {
		out->from_port = be16_at(at);
		out->port = be16_at(at + 2);
	}
	if (out->protocol == IPPROTO_TCP) {
		out->cookie = (at[13] & 0x3f) == 0x02 ? be32_at(at + 4) : 0;
	} else if (out->protocol == IPPROTO_UDP) {
		out->cookie = payload_cookie(at + UDP_BYTES);
	} else if ((out->protocol == IPPROTO_ICMP && at[0] == 8) ||
		   (out->protocol == PROTOCOL_ICMPV6 && at[0] == 128)) {
		out->cookie = payload_cookie(at + ECHO_BYTES);
	}
}

bool frame_read(struct frame_seen *out, const uint8_t *network, size_t network_bytes,
		const uint8_t *transport, size_t transport_bytes)
{
	*out = (struct frame_seen){ 0 };
	if (network_bytes >= IPV4_BYTES && network[0] >> 4 == 4) {
		out->protocol = network[9];
		out->from = addr_from_ipv4(network + 12);
		out->to = addr_from_ipv4(network + 16);
	} else if (network_bytes >= IPV6_BYTES && network[0] >> 4 == 6) {
		out->protocol = network[6];
		out->from = addr_from_ipv6(network + 8);
		out->to = addr_from_ipv6(network + 24);
	} else {
		return false;
	}
	if (transport_bytes < UDP_BYTES + PAYLOAD_BYTES) {
		return false;
	}
	read_transport(out, transport);
	return true;
}
