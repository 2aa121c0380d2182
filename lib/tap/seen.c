/* One slot for each question, found by a hash that nobody outside can choose. */
#include "seen.h"

#include <string.h>

#include "base/sip.h"
#include "model/protocol.h"

bool seen_before(struct seen *seen, const struct packet_note *note)
{
	const bool answer =
		note->protocol == PROTOCOL_TCP &&
		(note->flags & (TCP_FLAG_SYN | TCP_FLAG_ACK)) == (TCP_FLAG_SYN | TCP_FLAG_ACK);
	const uint16_t port = answer ? note->source_port : note->destination_port;
	uint64_t words[5];
	memcpy(words, note->source.bytes, 16);
	memcpy(words + 2, note->destination.bytes, 16);
	words[4] = (uint64_t)port << 32 | (uint64_t)note->protocol << 24 |
		   (uint64_t)note->flags << 16 | (note->marks & PACKET_ERROR) << 8 |
		   note->source.family;
	const uint64_t question = sip13(seen->secret, words, 5);
	struct seen_slot *slot = &seen->slots[question % SEEN_SLOTS];
	const bool before = slot->question == question && note->time >= slot->time &&
			    note->time - slot->time < USEC_PER_MIN;
	if (!before) {
		*slot = (struct seen_slot){ question, note->time };
	}
	return before;
}
