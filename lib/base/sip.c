/* SipHash of whole words. */
#include "base/sip.h"

struct sip {
	uint64_t a, b, c, d;
};

static uint64_t turn(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static void mix(struct sip *s, unsigned times)
{
	for (; times > 0; times--) {
		s->a += s->b;
		s->b = turn(s->b, 13) ^ s->a;
		s->a = turn(s->a, 32);
		s->c += s->d;
		s->d = turn(s->d, 16) ^ s->c;
		s->a += s->d;
		s->d = turn(s->d, 21) ^ s->a;
		s->c += s->b;
		s->b = turn(s->b, 17) ^ s->c;
		s->c = turn(s->c, 32);
	}
}

static void take(struct sip *s, uint64_t word, unsigned times)
{
	s->d ^= word;
	mix(s, times);
	s->a ^= word;
}

/* @param each  rounds for each word. @param last  rounds at the end. */
static inline uint64_t sip(const uint64_t key[2], const uint64_t *words, size_t count,
			   unsigned each, unsigned last)
{
	struct sip s = { key[0] ^ 0x736f6d6570736575ULL, key[1] ^ 0x646f72616e646f6dULL,
			 key[0] ^ 0x6c7967656e657261ULL, key[1] ^ 0x7465646279746573ULL };
	for (size_t i = 0; i < count; i++) {
		take(&s, words[i], each);
	}
	take(&s, (uint64_t)count * 8 << 56,
	     each); /* the number of bytes, of which one byte counts */
	s.c ^= 0xff;
	mix(&s, last);
	return s.a ^ s.b ^ s.c ^ s.d;
}

uint64_t sip13(const uint64_t key[2], const uint64_t *words, size_t count)
{
	return sip(key, words, count, 1, 3);
}

uint64_t sip24(const uint64_t key[2], const uint64_t *words, size_t count)
{
	return sip(key, words, count, 2, 4);
}
