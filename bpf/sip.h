/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* SipHash-1-3 (Aumasson, Bernstein 2012) as the kernel runs it, written out; a test holds it to
 * that of lib/base/sip.h. */
#pragma once

#include <linux/types.h>

#define ROTATE(x, n) ((x) << (n) | (x) >> (64 - (n)))

struct sip {
	__u64 a, b, c, d;
};

static __always_inline void sip_round(struct sip *s)
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

/* SipHash-1-3 of three words. */
static __noinline __u64 sip3(__u64 k, __u64 l, __u64 x, __u64 y, __u64 z)
{
	struct sip s = { k ^ 0x736f6d6570736575ULL, l ^ 0x646f72616e646f6dULL,
			 k ^ 0x6c7967656e657261ULL, l ^ 0x7465646279746573ULL };
	s.d ^= x;
	sip_round(&s);
	s.a ^= x;
	s.d ^= y;
	sip_round(&s);
	s.a ^= y;
	s.d ^= z;
	sip_round(&s);
	s.a ^= z;
	s.d ^= 24ULL << 56;
	sip_round(&s);
	s.a ^= 24ULL << 56;
	s.c ^= 0xff;
	sip_round(&s);
	sip_round(&s);
	sip_round(&s);
	return s.a ^ s.b ^ s.c ^ s.d;
}
