/* One slot for each question, found by a hash that nobody outside can choose. */
#include "seen.h"

#include <string.h>

#include "model/protocol.h"

#define ROTATE(x, n) ((x) << (n) | (x) >> (64 - (n)))

struct sip {
	uint64_t a, b, c, d;
};

static void sip_round(struct sip *s)
{
	s->a += s->b;
	s->b = ROTATE(s->b, 13) ^ s->a;
	s->a = ROTATE(s->a, 32);
	s->c += s->d;
	s->d = ROTATE(s->d, 16) ^ s->c;
	s->a += s->d;
	s->d = ROTATE(s->d, 21) ^ s->a;
	s->c += s->b;
	s->b = ROTATE(s->b, 17) ^ s->c;
	s->c = ROTATE(s->c, 32);
}

/* SipHash-1-3 (Aumasson, Bernstein 2012) of whole words. */
static uint64_t sip(const uint64_t secret[2], const uint64_t *words, unsigned count)
{
	const uint64_t last = (uint64_t)(count * 8) << 56;
	struct sip s = { secret[0] ^ 0x736f6d6570736575ULL, secret[1] ^ 0x646f72616e646f6dULL,
			 secret[0] ^ 0x6c7967656e657261ULL, secret[1] ^ 0x7465646279746573ULL };
	for (unsigned i = 0; i <= count; i++) {
		const uint64_t word = i < count ? words[i] : last;
		s.d ^= word;
		sip_round(&s);
		s.a ^= word;
	}
	s.c ^= 0xff;
	for (unsigned i = 0; i < 3; i++) {
		sip_round(&s);
	}
	return s.a ^ s.b ^ s.c ^ s.d;
}

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
	const uint64_t question = sip(seen->secret, words, 5);
	struct seen_slot *slot = &seen->slots[question % SEEN_SLOTS];
	const bool before = slot->question == question && note->time >= slot->time &&
			    note->time - slot->time < USEC_PER_MIN;
	if (!before) {
		*slot = (struct seen_slot){ question, note->time };
	}
	return before;
}
