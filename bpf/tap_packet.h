/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* The tap's maps, and how it reads a packet: nothing in it is trusted. */
#pragma once

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "sip.h"
#include "tap.h"

#ifndef NULL
#define NULL ((void *)0)
#endif

#define PROTOCOL_ICMP 1
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define PROTOCOL_ICMPV6 58
#define ETHER_IPV4 0x0800
#define ETHER_IPV6 0x86dd
#define ETHER_VLAN 0x8100
#define ETHER_QINQ 0x88a8
#define VLAN_TAGS_MAX 4
#define EXTENSIONS_MAX 8
#define FAMILY_IPV4 2  /* AF_INET */
#define FAMILY_IPV6 10 /* AF_INET6 */
#define PACKET_TO_US 0 /* include/uapi/linux/if_packet.h: PACKET_HOST */
#define TCP_HEADER 20
#define UDP_HEADER 8
#define ICMP_HEADER 8
#define PULL_BYTES 256 /* all headers that we look at, as a rule */
#define SOURCE_SECONDS 60
#define SOURCE_HITS_MAX 64

union address {
	__u8 bytes[16];
	__u32 halves[4];
	__u64 words[2];
};

struct prefix_key {
	__u32 bits;
	__u32 family;
	union address address;
} __attribute__((packed, aligned(4)));

/* One cell of the sketch of sources. */
struct source_cell {
	__u32 tag;
	__u16 hits;
	__u16 stamp;
};

/* One port of TCP at which a listener was found. */
struct open_port {
	__u64 last_ns;       /* when it was found last; 0 = never */
	__u64 busy_until_ns; /* many connections have begun: those that are made are counted too */
	__u32 begun;         /* of the sample, in this second */
	__u32 second;        /* of 2^30 ns */
};

/* One source that no ban has, as far as that count of them goes. */
struct free_source {
	union address address;
	__u32 bans;
	__u32 family;
};

struct budget {
	__u64 at_ns;
	__u64 saved_ns;
};

/* A TCP header whose first 16 bytes come in two pieces (nmap -f). */
struct pieces {
	__u8 bytes[16];
	__u32 have; /* bit 0: the first eight, bit 1: the others */
	__u32 zero;
};

/* ---- maps ---- */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tap_settings);
} tap_settings_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20); /* the loader sets its own */
} tap_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* the loader makes one for each CPU */
	__type(key, __u32);
	__type(value, struct tap_counts);
} tap_counters SEC(".maps");

/* What is counted by port: TAP_PLACE_. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TAP_PLACES);
	__type(key, __u32);
	__type(value, __u64);
} tap_suppressed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TAP_BANS_MAX);
	__type(key, union address);
	__type(value, struct tap_ban_value);
} tap_bans SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, TAP_NETWORKS_MAX);
	__type(key, struct prefix_key);
	__type(value, struct tap_ban_value);
} tap_networks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, TAP_NEVER_MAX);
	__type(key, struct prefix_key);
	__type(value, __u32);
} tap_never SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, TAP_WATCHED_MAX);
	__type(key, struct prefix_key);
	__type(value, __u32);
} tap_watched SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, TAP_DEVICES_MAX);
	__type(key, struct prefix_key);
	__type(value, __u32);
} tap_devices SEC(".maps");

/* What is known of the ports of TCP. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct open_port);
} tap_open SEC(".maps");

/* When a question was noted last. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TAP_SEEN_MAX);
	__type(key, __u64);
	__type(value, __u64);
} tap_seen SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TAP_SOURCES_MAX);
	__type(key, __u32);
	__type(value, struct source_cell);
} tap_sources SEC(".maps");

/* By CPU: a source that another one writes at the same time would be half of each. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TAP_FREE_MAX);
	__type(key, __u32);
	__type(value, struct free_source);
} tap_free SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct budget);
} tap_budgets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TAP_FRAGMENTS_MAX);
	__type(key, __u64);
	__type(value, struct pieces);
} tap_fragments SEC(".maps");

/* Flows that go through this host, as flow_of() names them: enum flow. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TAP_FORWARDED_MAX);
	__type(key, __u64);
	__type(value, __u32);
} tap_forwarded SEC(".maps");

/* When a port of a machine behind this host answered last, as behind_of() names it. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TAP_BEHIND_MAX);
	__type(key, __u64);
	__type(value, __u64);
} tap_behind SEC(".maps");

static __always_inline const struct tap_settings *settings_now(void)
{
	__u32 first = 0;
	return bpf_map_lookup_elem(&tap_settings_map, &first);
}

/* On CLOCK_BOOTTIME, late by a tick at most: no clock is read for each packet. */
static __always_inline __u64 coarse_now(const struct tap_settings *settings)
{
	return bpf_ktime_get_coarse_ns() + settings->suspended_ns;
}

static __always_inline void count(__u32 which)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct tap_counts *counts = bpf_map_lookup_elem(&tap_counters, &cpu);
	if (counts != NULL) {
		counts->values[which & 15]++;
	}
}

/* ---- hashes that nobody outside can choose ---- */

static __always_inline __u64 hash3(const __u64 *secret, __u64 x, __u64 y, __u64 z)
{
	return sip3(secret[0], secret[1], x, y, z);
}

/* ---- one packet ---- */

struct packet {
	union address source;
	union address destination;
	__u32 at;  /* of what is read next, from the IP header on */
	__u32 end; /* of the IP packet, likewise */
	__u32 id;  /* of its fragments */
	__u32 sequence;
	__u16 source_port;
	__u16 destination_port;
	__u16 window;
	__u16 ipv4_id;
	__u16 offset; /* of this fragment */
	__u8 fragment;
	__u8 family;
	__u8 protocol; /* 0 = none that has ports */
	__u8 flags;
	__u8 ttl;
	__u8 marks;
	__u8 option_bytes;
	__u8 kind; /* enum tap_kind */
};

/* Of a packet in pages: they are drawn together when headers are needed first. */
static __noinline int load_pages(struct __sk_buff *skb, __u32 at, void *to, __u32 length)
{
	__u32 most = skb->len < PULL_BYTES ? skb->len : PULL_BYTES;
	if (bpf_skb_pull_data(skb, most) < 0) {
		return -1;
	}
	return bpf_skb_load_bytes_relative(skb, at, to, length, BPF_HDR_START_NET);
}

/* Bytes from the IP header on: how long the header of the link is depends on the device. */
static __always_inline int load(struct __sk_buff *skb, __u32 at, void *to, __u32 length)
{
	if (__builtin_expect(
		    bpf_skb_load_bytes_relative(skb, at, to, length, BPF_HDR_START_NET) == 0, 1)) {
		return 0;
	}
	return load_pages(skb, at, to, length);
}

static __always_inline __u16 be16(const __u8 *at)
{
	return (__u16)at[0] << 8 | at[1];
}

static __always_inline __u32 be32(const __u8 *at)
{
	return (__u32)be16(at) << 16 | be16(at + 2);
}

static __always_inline void map_ipv4(union address *out, const __u8 *bytes)
{
	out->words[0] = 0;
	out->halves[2] = bpf_htonl(0xffff);
	__builtin_memcpy(&out->halves[3], bytes, 4);
}

static __always_inline int read_ipv4(struct __sk_buff *skb, struct packet *p, __u32 at)
{
	__u8 h[20] __attribute__((aligned(8)));
	if (load(skb, at, h, sizeof(h)) < 0 || h[0] >> 4 != 4) {
		return -1;
	}
	__u32 header = (h[0] & 15) * 4;
	__u32 total = be16(h + 2);
	__u16 fragment = be16(h + 6);
	total = total == 0 ? 0xffffff : total; /* left to the card by segmentation offload */
	if (header < 20 || total < header) {
		return -1;
	}
	map_ipv4(&p->source, h + 12);
	map_ipv4(&p->destination, h + 16);
	p->family = 4;
	p->protocol = h[9];
	p->ttl = h[8];
	p->ipv4_id = be16(h + 4);
	p->id = p->ipv4_id;
	p->offset = (fragment & 0x1fff) * 8;
	p->fragment = (fragment & 0x3fff) != 0;
	p->at = at + header;
	p->end = at + total;
	return 0;
}

/* Steps over one extension header. @return 1 stepped, 0 it is none, -1 cut off. */
static __always_inline int step(struct __sk_buff *skb, struct packet *p)
{
	__u8 h[8] __attribute__((aligned(8)));
	__u8 kind = p->protocol;
	if (kind != 0 && kind != 43 && kind != 44 && kind != 51 && kind != 60 && kind != 135 &&
	    kind != 139 && kind != 140) {
		return 0;
	}
	if (load(skb, p->at, h, sizeof(h)) < 0) {
		return -1;
	}
	p->protocol = h[0];
	if (kind == 44) {
		p->offset = be16(h + 2) & 0xfff8;
		p->fragment = (be16(h + 2) & 0xfff9) != 0; /* else an atomic one, RFC 6946 */
		p->id = be32(h + 4);
		p->at += 8;
	} else {
		p->at += kind == 51 ? (h[1] + 2) * 4 : (h[1] + 1) * 8;
	}
	return p->at <= p->end ? 1 : -1;
}

static __always_inline int read_ipv6(struct __sk_buff *skb, struct packet *p, __u32 at)
{
	__u8 h[40] __attribute__((aligned(8)));
	if (load(skb, at, h, sizeof(h)) < 0 || h[0] >> 4 != 6) {
		return -1;
	}
	__u32 payload = be16(h + 4);
	__builtin_memcpy(&p->source, h + 8, 16);
	__builtin_memcpy(&p->destination, h + 24, 16);
	p->family = 6;
	p->protocol = h[6];
	p->ttl = h[7];
	p->at = at + 40;
	p->end = p->at + (payload == 0 ? 0xffffff : payload); /* 0: jumbo, or offload */
	return 0;
}

/* The IP header alone, behind at most four tags of VLANs: one more than the kernel has taken off.
 * @return 0; 1 no IP; -1 malformed. */
static __always_inline int read_ip(struct __sk_buff *skb, struct packet *p)
{
	__u32 at = 0;
	__u16 type = bpf_ntohs(skb->protocol);
#pragma unroll
	for (int i = 0; i < VLAN_TAGS_MAX; i++) {
		__u8 tag[4];
		if (__builtin_expect(type != ETHER_VLAN && type != ETHER_QINQ, 1)) {
			break;
		}
		if (load(skb, at, tag, sizeof(tag)) < 0) {
			return -1;
		}
		type = be16(tag + 2);
		at += sizeof(tag);
	}
	if (type == ETHER_IPV4) {
		return read_ipv4(skb, p, at);
	}
	return type == ETHER_IPV6 ? read_ipv6(skb, p, at) : 1;
}

/* ---- TCP, UDP, ICMP ---- */

static __always_inline __u8 kind_of(__u8 flags, int data)
{
	/* RST, SYN-ACK and mixtures of them are answers. Likewise lib/detect, judge_probe(). */
	__u8 rest = flags & ~(8 | 32); /* PSH, URG */
	if (rest == 2 || rest == 3) {
		return TAP_KIND_SYN;
	}
	if (flags == 0) {
		return TAP_KIND_NULL;
	}
	if (rest == 0) {
		return TAP_KIND_XMAS;
	}
	if (rest == 1) {
		return flags == 1 ? TAP_KIND_FIN : TAP_KIND_XMAS;
	}
	if (rest == 17) {
		return TAP_KIND_MAIMON;
	}
	/* With data it belongs to a connection, or to one that somebody has forgotten. */
	return rest == 16 && !data ? TAP_KIND_ACK : TAP_KIND_NONE;
}

/* The first 16 bytes of a TCP header, wherever they were. */
static __always_inline int take_tcp(struct packet *p, const __u8 *h)
{
	__u32 header = (h[12] >> 4) * 4;
	if (header < TCP_HEADER) {
		return -1;
	}
	p->source_port = be16(h);
	p->destination_port = be16(h + 2);
	p->sequence = be32(h + 4);
	p->flags = h[13] & 0x3f;
	p->window = be16(h + 14);
	p->option_bytes = header - TCP_HEADER;
	if (p->fragment) {
		p->marks |= TAP_MARK_FRAGMENT;
	} else if (p->at + header < p->end) {
		p->marks |= TAP_MARK_DATA;
	}
	p->kind = kind_of(p->flags, (p->marks & TAP_MARK_DATA) != 0);
	return 0;
}

/* Eight bytes of a header that is split after them: nmap -f. Whoever splits otherwise sends pieces
 * that the kernel would not put together either. @return 0; -1 malformed. */
static __always_inline int join(struct __sk_buff *skb, const struct tap_settings *settings,
				struct packet *p)
{
	struct pieces both = { .have = p->offset == 0 ? 1 : 2 };
	__u64 name = hash3(settings->secret, p->source.words[0] ^ ROTATE(p->source.words[1], 1),
			   p->destination.words[0] ^ ROTATE(p->destination.words[1], 1),
			   (__u64)p->protocol << 32 | p->id);
	if (load(skb, p->at, p->offset == 0 ? both.bytes : both.bytes + 8, 8) < 0) {
		return -1;
	}
	struct pieces *other = bpf_map_lookup_elem(&tap_fragments, &name);
	if (other == NULL || (other->have | both.have) != 3) {
		if (other == NULL) { /* the first that came counts */
			bpf_map_update_elem(&tap_fragments, &name, &both, BPF_ANY);
		}
		p->protocol = 0;
		return 0;
	}
	if (p->offset == 0) {
		__builtin_memcpy(both.bytes + 8, other->bytes + 8, 8);
	} else {
		__builtin_memcpy(both.bytes, other->bytes, 8);
	}
	bpf_map_delete_elem(&tap_fragments, &name);
	return take_tcp(p, both.bytes);
}

static __always_inline int read_tcp(struct __sk_buff *skb, const struct tap_settings *settings,
				    struct packet *p)
{
	__u8 h[TCP_HEADER] __attribute__((aligned(8)));
	__u32 left = p->end - p->at;
	if (p->fragment && (p->offset == 8 || (p->offset == 0 && left < 16))) {
		return join(skb, settings, p);
	}
	if (p->offset != 0) {
		p->protocol = 0;
		return 0;
	}
	if (left < 16 || load(skb, p->at, h, 16) < 0) {
		return -1;
	}
	return take_tcp(p, h);
}

static __always_inline int read_udp(struct __sk_buff *skb, struct packet *p)
{
	__u8 h[UDP_HEADER] __attribute__((aligned(8)));
	if (p->offset != 0) {
		p->protocol = 0;
		return 0;
	}
	if (p->at + UDP_HEADER > p->end || load(skb, p->at, h, sizeof(h)) < 0) {
		return -1;
	}
	__u32 length = be16(h + 4);
	if (length != 0 && length < UDP_HEADER) { /* 0: a jumbogram */
		return -1;
	}
	p->source_port = be16(h);
	p->destination_port = be16(h + 2);
	p->marks |= p->fragment ? TAP_MARK_FRAGMENT : 0;
	p->marks |= p->at + UDP_HEADER < p->end ? TAP_MARK_DATA : 0;
	p->kind = TAP_KIND_UDP;
	return 0;
}

static __always_inline int is_error(__u8 protocol, __u8 type)
{
	if (protocol == PROTOCOL_ICMPV6) {
		return type >= 1 && type <= 4; /* RFC 4443 2.1 */
	}
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12; /* RFC 792 */
}

/* The endpoints of an error are those of the packet it quotes: ours. */
static __always_inline int read_error(struct __sk_buff *skb, struct packet *p)
{
	__u8 h[ICMP_HEADER] __attribute__((aligned(8)));
	__u8 icmp = p->protocol;
	struct packet quoted = { 0 };
	p->protocol = 0;
	if (p->fragment) {
		return 0;
	}
	if (p->at + ICMP_HEADER > p->end || load(skb, p->at, h, sizeof(h)) < 0) {
		return -1;
	}
	if (!is_error(icmp, h[0])) {
		return 0;
	}
	__u32 at = p->at + ICMP_HEADER;
	int r = icmp == PROTOCOL_ICMP ? read_ipv4(skb, &quoted, at) : read_ipv6(skb, &quoted, at);
	if (r < 0 || quoted.at + 4 > p->end || load(skb, quoted.at, h, 4) < 0) {
		return -1;
	}
	if (quoted.protocol != PROTOCOL_TCP && quoted.protocol != PROTOCOL_UDP) {
		return 0;
	}
	p->source = quoted.source;
	p->destination = quoted.destination;
	p->protocol = quoted.protocol;
	p->source_port = be16(h);
	p->destination_port = be16(h + 2);
	p->marks = TAP_MARK_ERROR;
	p->kind = TAP_KIND_ERROR;
	return 0;
}

/* What stands behind the IP header. @return 0, also when nothing of ours does: then `protocol` is
 * 0; -1 malformed. */
static __always_inline int read_transport(struct __sk_buff *skb,
					  const struct tap_settings *settings, struct packet *p)
{
	int more = p->family == 6;
	for (int i = 0; more && i < EXTENSIONS_MAX; i++) {
		/* Behind the header of a later fragment stands its payload, no header. */
		int r = p->fragment && p->offset != 0 ? 0 : step(skb, p);
		if (r < 0) {
			return -1;
		}
		more = r > 0;
	}
	if (more) {
		return -1;
	}
	switch (p->protocol) {
	case PROTOCOL_TCP:
		return read_tcp(skb, settings, p);
	case PROTOCOL_UDP:
		return read_udp(skb, p);
	case PROTOCOL_ICMP:
	case PROTOCOL_ICMPV6:
		return read_error(skb, p);
	default:
		p->protocol = 0;
		return 0;
	}
}

/* ---- whose packet it is ---- */

enum owner {
	OWNER_UNKNOWN, /* not looked for yet */
	OWNER_NONE,
	OWNER_OPEN, /* somebody listens there */
	OWNER_FLOW, /* a connection, or a question of this host */
};

static __always_inline __u32 tuple_of(struct bpf_sock_tuple *out, const struct packet *p)
{
	if (p->family == 4) {
		out->ipv4.saddr = p->source.halves[3];
		out->ipv4.daddr = p->destination.halves[3];
		out->ipv4.sport = bpf_htons(p->source_port);
		out->ipv4.dport = bpf_htons(p->destination_port);
		return sizeof(out->ipv4);
	}
	__builtin_memcpy(out->ipv6.saddr, &p->source, 16);
	__builtin_memcpy(out->ipv6.daddr, &p->destination, 16);
	out->ipv6.sport = bpf_htons(p->source_port);
	out->ipv6.dport = bpf_htons(p->destination_port);
	return sizeof(out->ipv6);
}

static __always_inline enum owner tcp_owner(struct __sk_buff *skb, const struct packet *p)
{
	struct bpf_sock_tuple tuple;
	struct bpf_sock *sk = NULL;
	if (p->family == 4) {
		(void)tuple_of(&tuple, p);
		sk = bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	} else {
		(void)tuple_of(&tuple, p);
		sk = bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
	}
	if (sk == NULL) {
		return OWNER_NONE;
	}
	enum owner owner = sk->state == BPF_TCP_LISTEN ? OWNER_OPEN : OWNER_FLOW;
	bpf_sk_release(sk);
	return owner;
}

static __always_inline enum owner udp_owner(struct __sk_buff *skb, const struct packet *p)
{
	struct bpf_sock_tuple tuple;
	struct bpf_sock *sk = NULL;
	if (p->family == 4) {
		(void)tuple_of(&tuple, p);
		sk = bpf_sk_lookup_udp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	} else {
		(void)tuple_of(&tuple, p);
		sk = bpf_sk_lookup_udp(skb, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
	}
	if (sk == NULL) {
		return OWNER_NONE;
	}
	enum owner owner = sk->state == BPF_TCP_ESTABLISHED ? OWNER_FLOW : OWNER_OPEN;
	bpf_sk_release(sk);
	return owner;
}

/* Both directions of a flow have one name. @param out  whether this packet goes out. */
static __always_inline __u64 flow_of(const struct tap_settings *settings, const struct packet *p,
				     int out)
{
	const union address *peer = out ? &p->destination : &p->source;
	__u16 there = out ? p->destination_port : p->source_port;
	__u16 here = out ? p->source_port : p->destination_port;
	return hash3(settings->secret, peer->words[0], peer->words[1],
		     (__u64)p->protocol << 32 | (__u32)there << 16 | here);
}

enum flow {
	FLOW_IS = 1,
	FLOW_ASKS = 2, /* datagrams to a machine behind this host, which has not answered yet */
};

static __always_inline int is_forwarded(const struct tap_settings *settings, const struct packet *p)
{
	__u64 flow = flow_of(settings, p, 0);
	return bpf_map_lookup_elem(&tap_forwarded, &flow) != NULL;
}

static __always_inline enum owner
owner_of(struct __sk_buff *skb, const struct tap_settings *settings, const struct packet *p)
{
	enum owner owner = OWNER_NONE;
	if (p->kind == TAP_KIND_ERROR) {
		return OWNER_NONE;
	}
	owner = p->protocol == PROTOCOL_TCP ? tcp_owner(skb, p) : udp_owner(skb, p);
	if (owner != OWNER_NONE) {
		return owner;
	}
	__u32 port = (p->protocol == PROTOCOL_UDP ? 65536 : 0) + p->destination_port;
	if ((settings->published[port / 64 & (TAP_PORT_WORDS - 1)] >> (port % 64) & 1) != 0) {
		return OWNER_OPEN;
	}
	return is_forwarded(settings, p) ? OWNER_FLOW : OWNER_NONE;
}

/* ---- XDP: the source alone ---- */

/* @return the family, or 0. */
static __always_inline __u32 read_source(struct xdp_md *context, union address *out)
{
	const __u8 *at = (void *)(long)context->data;
	const __u8 *end = (void *)(long)context->data_end;
	if (at + 14 > end) {
		return 0;
	}
	__u16 type = be16(at + 12);
	at += 14;
#pragma unroll
	for (int i = 0; i < VLAN_TAGS_MAX; i++) {
		if (type != ETHER_VLAN && type != ETHER_QINQ) {
			break;
		}
		if (at + 4 > end) {
			return 0;
		}
		type = be16(at + 2);
		at += 4;
	}
	if (type == ETHER_IPV4 && at + 20 <= end) {
		map_ipv4(out, at + 12);
		return 4;
	}
	if (type == ETHER_IPV6 && at + 40 <= end) {
		__builtin_memcpy(out, at + 8, 16);
		return 6;
	}
	return 0;
}
