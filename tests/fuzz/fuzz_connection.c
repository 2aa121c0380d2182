/* Packets of one connection. The first byte chooses TCP or UDP, or a record of minato-probe. */
#include <assert.h>
#include <string.h>

#include "capture/capture.h"
#include "fuzz.h"

static struct capture_connection connection(enum protocol protocol)
{
	static const uint8_t four[] = { 198, 51, 100, 1 };
	static const uint8_t six[16] = { 0x20, 0x01, 0x0d, 0xb8, 0, 1, [15] = 1 };
	return (struct capture_connection){ .protocol = protocol,
					    .peer_count = 2,
					    .local_port = 0xd903,
					    .remote_port = 80,
					    .peers = { addr_from_ipv4(four),
						       addr_from_ipv6(six) } };
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct capture_packet packet = { 0 };
	if (length == 0) {
		return 0;
	}
	if (bytes[0] == 0xff) {
		memcpy(&packet, bytes + 1,
		       length - 1 < sizeof(packet) ? length - 1 : sizeof(packet));
		if (capture_packet_valid(&packet)) {
			assert(strlen(packet.words) < CAPTURE_WORDS_BYTES);
			assert(packet.ip_bytes + packet.header_bytes <= CAPTURE_PACKET_BYTES);
		}
		return 0;
	}
	const struct capture_connection c =
		connection(bytes[0] % 2 == 0 ? PROTOCOL_TCP : PROTOCOL_UDP);
	if (capture_packet_read(&packet, &c, bytes + 1, length - 1)) {
		assert(capture_packet_valid(&packet));
	}
	return 0;
}
