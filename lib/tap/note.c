/* A record of the kernel's side to a note. */
#include <errno.h>
#include <string.h>

#include "bpf/tap.h"
#include "model/protocol.h"
#include "tap/tap.h"

_Static_assert(TAP_MARK_DATA == PACKET_DATA && TAP_MARK_ERROR == PACKET_ERROR &&
		       TAP_MARK_FRAGMENT == PACKET_FRAGMENT && TAP_MARK_OPEN == PACKET_OPEN &&
		       TAP_MARK_SENT == PACKET_SENT && TAP_MARK_THROUGH == PACKET_THROUGH &&
		       TAP_MARK_DEVICE == PACKET_DEVICE,
	       "the kernel's side uses the marks of the model");

enum {
	KERNEL_MARKS = TAP_MARK_DATA | TAP_MARK_ERROR | TAP_MARK_FRAGMENT | TAP_MARK_OPEN |
		       TAP_MARK_SENT | TAP_MARK_THROUGH | TAP_MARK_DEVICE
};

/* @return false when it is none of that family. */
static bool read_address(struct addr *out, uint8_t family, const uint8_t *bytes)
{
	const struct addr address = addr_from_ipv6(bytes);
	*out = family == 4 ? addr_unmap(&address) : address;
	return out->family == (family == 4 ? ADDR_IPV4 : ADDR_IPV6);
}

static bool is_sound(const struct tap_record *r)
{
	return (r->family == 4 || r->family == 6) &&
	       (r->protocol == PROTOCOL_TCP || r->protocol == PROTOCOL_UDP) && r->flags <= 0x3f &&
	       (r->marks & ~KERNEL_MARKS) == 0 && r->option_bytes <= TAP_OPTION_BYTES;
}

int tap_note_read(struct packet_note *out, const void *record, size_t length, usec_t boot_offset)
{
	struct tap_record r;
	struct packet_note note = { 0 };
	if (length != sizeof(r)) {
		return -EBADMSG;
	}
	memcpy(&r, record, sizeof(r));
	if (!is_sound(&r) || !read_address(&note.source, r.family, r.source) ||
	    !read_address(&note.destination, r.family, r.destination)) {
		return -EBADMSG;
	}
	note.time = (usec_t)(r.time_ns / 1000) + boot_offset;
	note.source_port = r.source_port;
	note.destination_port = r.destination_port;
	note.protocol = r.protocol;
	note.flags = r.flags;
	note.ttl = r.ttl;
	note.marks = r.marks;
	note.option_bytes = r.option_bytes;
	note.window = r.window;
	note.ipv4_id = r.ipv4_id;
	note.tcp_sequence = r.tcp_sequence;
	if (packet_offers_sack(r.options, r.option_bytes)) {
		note.marks |= PACKET_SACK;
	}
	*out = note;
	return 0;
}
