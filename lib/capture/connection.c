/* What crosses between minato and minato-probe about packets of a connection. */
#include <string.h>

#include "base/str.h"
#include "capture/capture.h"

static bool is_address(const struct addr *address)
{
	return address->family == ADDR_IPV4 || address->family == ADDR_IPV6;
}

bool capture_connection_valid(const struct capture_connection *connection)
{
	if ((connection->protocol != PROTOCOL_TCP && connection->protocol != PROTOCOL_UDP) ||
	    connection->peer_count == 0 || connection->peer_count > CAPTURE_PEERS_MAX ||
	    connection->local_port == 0 || connection->remote_port == 0) {
		return false;
	}
	for (uint32_t i = 0; i < connection->peer_count; i++) {
		if (!is_address(&connection->peers[i])) {
			return false;
		}
	}
	return true;
}

bool capture_packet_valid(const struct capture_packet *packet)
{
	static const uint8_t protocols[] = { PROTOCOL_TCP, PROTOCOL_UDP, 1, 58 };
	return is_address(&packet->source) && packet->source.family == packet->destination.family &&
	       memchr(protocols, packet->protocol, sizeof(protocols)) != NULL &&
	       packet->sent <= 1 && packet->flags <= 0x3f && packet->content < CAPTURE_CONTENTS &&
	       packet->kept <= CAPTURE_PACKET_BYTES &&
	       packet->ip_bytes >= (packet->source.family == ADDR_IPV4 ? 20 : 40) &&
	       packet->header_bytes >= (packet->protocol == PROTOCOL_TCP ? 20 : 8) &&
	       packet->ip_bytes + packet->header_bytes <= packet->kept &&
	       packet->data_bytes <= UINT16_MAX && packet->time >= 0 &&
	       str_is_printable(packet->words, sizeof(packet->words));
}
