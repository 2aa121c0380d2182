/*
 * Messages between the daemon's processes. The first byte chooses: with its highest bit set, the
 * rest lies in memory as a message and is written; else it came over a socket, and the low bits say
 * how many descriptors came beside it.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "wire/wire.h"

enum { IN_MEMORY = 0x80, SENDERS = 7 };

static void write_and_compare(const struct wire_message *message, const uint8_t *bytes,
			      size_t length)
{
	uint8_t written[WIRE_BYTES_MAX];
	assert(wire_encode(written, sizeof(written), message) == (long)length);
	assert(memcmp(written, bytes, length) == 0);
	for (size_t room = 0; room < length; room += 1 + length / 8) {
		assert(wire_encode(written, room, message) == -ENOBUFS);
	}
}

/* What one sender may say is the same message when another may say it too. */
static unsigned read_from_all(const uint8_t *bytes, size_t length, unsigned fds)
{
	unsigned accepted = 0;
	struct wire_message first;
	for (unsigned i = 0; i < SENDERS; i++) {
		struct wire_message message;
		memset(&message, 0xa5, sizeof(message));
		int r = wire_decode(&message, bytes, length, (enum wire_sender)(1U << i), fds);
		assert(r == 0 || r == -EBADMSG || r == -EPERM);
		if (r != 0) {
			continue;
		}
		assert(length <= WIRE_BYTES_MAX && fds <= WIRE_FDS_MAX);
		assert(strcmp(wire_type_name(message.type), "?") != 0);
		if (accepted++ == 0) {
			first = message;
			write_and_compare(&message, bytes, length);
		}
		assert(first.type == message.type && first.request == message.request);
	}
	return accepted;
}

static void take_packet(const uint8_t *bytes, size_t length, unsigned fds)
{
	/* A message is all of its bytes: none of its beginnings is one, nor more than it. */
	if (read_from_all(bytes, length, fds) > 0) {
		uint8_t longer[WIRE_BYTES_MAX + 1] = { 0 };
		memcpy(longer, bytes, length);
		assert(read_from_all(bytes, length - 1, fds) == 0);
		assert(read_from_all(longer, length + 1, fds) == 0);
	}
}

static void take_memory(const uint8_t *bytes, size_t length)
{
	struct wire_message message = { 0 };
	uint8_t written[WIRE_BYTES_MAX];
	memcpy(&message, bytes, length < sizeof(message) ? length : sizeof(message));
	long r = wire_encode(written, sizeof(written), &message);
	assert((r > 0 && r <= WIRE_BYTES_MAX) || r == -EINVAL);
	for (unsigned fds = 0; r > 0 && fds <= WIRE_FDS_MAX; fds++) {
		(void)read_from_all(written, (size_t)r, fds); /* refused is no fault here */
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (length > 0 && (bytes[0] & IN_MEMORY) != 0) {
		take_memory(bytes + 1, length - 1);
	} else if (length > 0) {
		take_packet(bytes + 1, length - 1, bytes[0]);
	}
	return 0;
}
