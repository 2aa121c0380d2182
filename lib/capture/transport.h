/* TCP, UDP, ICMP behind an IP header, whole or in fragments. Private to lib/capture. */
#pragma once

#include "capture/capture.h"

/*
 * @param ip  what the IP header said: addresses, protocol, TTL, time.
 * @return enum capture_outcome; `out` is written for CAPTURE_NOTE alone.
 */
int transport_read(struct packet_note *out, const struct packet_note *ip, const uint8_t *bytes,
		   size_t length);

/* One fragment, at that offset in bytes; the note comes with the fragment that completes the
 * header. @return as transport_read(). */
int fragments_add(struct packet_note *out, struct capture_fragments *fragments,
		  const struct packet_note *ip, uint32_t id, uint16_t offset, const uint8_t *bytes,
		  size_t length);
