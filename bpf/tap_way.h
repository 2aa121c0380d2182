/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Where a packet goes that is not for this host: asked of the kernel's own table of routes. */
#pragma once

#include "tap_packet.h"

#define BEHIND_NS 600000000000ULL /* as long as the detector's grace */

enum way {
	WAY_HERE,   /* to this host, or to nowhere: it passes nothing on */
	WAY_BEHIND, /* to a machine of a network of this host's */
	WAY_BEYOND, /* further on: by another router, or where the default route goes */
};

#define BY_GATEWAY (1ULL << 32)

/* @return the interface where it goes out, and BY_GATEWAY when another router is next; 0 nowhere.
 */
static __noinline __u64 route(struct __sk_buff *skb, __u32 interface, const union address *from,
			      const union address *to, __u32 family)
{
	struct bpf_fib_lookup fib = { .ifindex = interface };
	__u64 gateway = 0;
	if (family == 4) {
		fib.family = FAMILY_IPV4;
		fib.ipv4_src = from->halves[3];
		fib.ipv4_dst = to->halves[3];
	} else {
		fib.family = FAMILY_IPV6;
		__builtin_memcpy(fib.ipv6_src, from, 16);
		__builtin_memcpy(fib.ipv6_dst, to, 16);
	}
	long r = bpf_fib_lookup(skb, &fib, sizeof(fib), 0);
	if (r == BPF_FIB_LKUP_RET_UNSUPP_LWT) {
		return interface | BY_GATEWAY; /* a tunnel without an interface */
	}
	if (r != BPF_FIB_LKUP_RET_SUCCESS && r != BPF_FIB_LKUP_RET_NO_NEIGH &&
	    r != BPF_FIB_LKUP_RET_FRAG_NEEDED) {
		return 0;
	}
	for (int i = family == 4 ? 3 : 0; i < 4; i++) {
		__u32 next = family == 4 ? fib.ipv4_dst : fib.ipv6_dst[i & 3];
		gateway |= next != to->halves[i & 3] ? BY_GATEWAY : 0;
	}
	return fib.ifindex | gateway;
}

/*
 * What comes in at that interface. An address that nobody has tells where the default route goes:
 * an uplink without a gateway (PPP) has the whole internet as its neighbour.
 */
static __noinline enum way way_of(struct __sk_buff *skb, __u32 interface, const union address *from,
				  const union address *to, __u32 family)
{
	union address nobody = { .bytes = { 0x3f, 0xff, [15] = 1 } }; /* RFC 9637 */
	__u64 out = route(skb, interface, from, to, family);
	if (out == 0) {
		return WAY_HERE;
	}
	if (out >= BY_GATEWAY || out == interface) {
		return WAY_BEYOND;
	}
	if (family == 4) {
		nobody.halves[3] = bpf_htonl(0xc0000008); /* 192.0.0.8, RFC 7600 */
	}
	return (__u32)route(skb, interface, from, &nobody, family) == (__u32)out ? WAY_BEYOND
										 : WAY_BEHIND;
}

/* A port of somebody. */
static __always_inline __u64 behind_of(const struct tap_settings *settings,
				       const union address *host, __u8 protocol, __u16 port)
{
	return hash3(settings->secret, host->words[0], host->words[1],
		     (__u64)protocol << 16 | port);
}

/* Whether it has answered somebody lately. */
static __always_inline int has_answered(const struct tap_settings *settings, const struct packet *p)
{
	__u64 port = behind_of(settings, &p->destination, p->protocol, p->destination_port);
	__u64 *last = bpf_map_lookup_elem(&tap_behind, &port);
	__u64 now = coarse_now(settings);
	/* What answered a moment ago can be later than the coarse clock. */
	return last != NULL && (now < *last || now - *last < BEHIND_NS);
}
