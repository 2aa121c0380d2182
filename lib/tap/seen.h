/* What was noted lately, for the reader that has no table in the kernel; private to lib/tap. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/packet.h"

enum { SEEN_SLOTS = 65536 };

struct seen_slot {
	uint64_t question;
	usec_t time;
};

/* Zeroed = nothing was noted yet. */
struct seen {
	uint64_t secret[2];
	struct seen_slot
		slots[SEEN_SLOTS]; /* 1 MiB; a new question takes the place of an old one */
};

/* Whether a note asks the same as one of the minute before it; if not it is remembered. Ports of
 * answers (SYN-ACK) are those that they come from. */
bool seen_before(struct seen *seen, const struct packet_note *note);
