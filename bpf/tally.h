/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Connections to our ports, counted. Per port in a table that the reader has mapped; per address as
 * records of a ring, the first one each minute at once and then whenever the number has doubled, so
 * that a thousand connections of one address are eleven records. Uses the maps `ring`, `counters`.
 */
#pragma once

#include "kernel.h"
#include "records.h"
#include "task.h"

#define TALLY_TRIES 8
#define PEERS_MAX 16384
#define PEER_RECORDS_A_SECOND 2000 /* of one CPU */
#define NSEC_PER_SEC 1000000000ULL

struct peer_key {
	__u32 netns;
	__u16 port;
	__u16 family;
	__u8 address[16];
};

struct peer_count {
	__u32 minute;        /* since boot */
	__u32 opened, ended; /* in it */
	__u32 told_opened, told_ended;
};

/* Who was not there for longest gives way. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PEERS_MAX);
	__type(key, struct peer_key);
	__type(value, struct peer_count);
} peers SEC(".maps");

struct peer_rate {
	__u64 second, count;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct peer_rate);
} peer_rates SEC(".maps");

/* The place of a port. Two CPUs that claim the same free one at once lose one of two ports for as
 * long as nobody connects to it again. @return NULL = there is none. */
static __always_inline struct tally_record *tally_of(__u32 netns, __u16 port, int claim)
{
	const __u64 key = (__u64)netns << 32 | (__u64)port << 16 | 1;
	const __u32 start = (netns * 0x9e3779b1U) ^ (port * 0x85ebca6bU >> 16);
	for (int i = 0; i < TALLY_TRIES; i++) {
		__u32 index = 1 + ((start + i) & (TALLY_SLOTS - 1));
		struct tally_record *tally = bpf_map_lookup_elem(&counters, &index);
		if (tally == NULL) {
			return NULL;
		}
		if (tally->key == 0 && claim) {
			tally->key = key;
		}
		if (tally->key == key) {
			return tally;
		}
		if (tally->key == 0) {
			return NULL;
		}
	}
	return NULL;
}

/* A flood from everywhere may not push events of listeners out of the ring. */
static __always_inline int peer_may_tell(void)
{
	__u32 first = 0;
	const __u64 second = bpf_ktime_get_ns() / NSEC_PER_SEC;
	struct peer_rate *rate = bpf_map_lookup_elem(&peer_rates, &first);
	if (rate == NULL) {
		return 0;
	}
	if (rate->second != second) {
		rate->second = second;
		rate->count = 0;
	}
	return rate->count++ < PEER_RECORDS_A_SECOND;
}

static __always_inline void peer_tell(const struct peer_key *key, __u32 opened, __u32 ended)
{
	struct peer_record record = {
		.kind = EVENT_RECORD_PEER,
		.netns = key->netns,
		.opened = opened,
		.ended = ended,
		.port = key->port,
		.family = key->family,
	};
	__builtin_memcpy(record.address, key->address, sizeof(record.address));
	if (!peer_may_tell() || bpf_ringbuf_output(&ring, &record, sizeof(record), 0) != 0) {
		__u32 first = 0;
		struct tally_record *lost = bpf_map_lookup_elem(&counters, &first);
		if (lost != NULL) {
			__sync_fetch_and_add(&lost->opened, 1);
		}
	}
}

static __always_inline int is_power_of_two(__u32 number)
{
	return number != 0 && (number & (number - 1)) == 0;
}

/* Of a socket that closes skc_num is given back already (net/ipv4/tcp.c, tcp_set_state). */
static __always_inline __u16 port_of(const struct sock *sk)
{
	const struct inet_sock *inet = (const void *)sk;
	return bpf_ntohs(BPF_CORE_READ(inet, inet_sport));
}

/* Loads without a helper: the pointer of the tracepoint is a checked one. */
static __always_inline __u32 netns_here(const struct sock *sk)
{
	return sk->__sk_common.skc_net.net->ns.inum;
}

static __always_inline void peer_address(struct peer_key *key, const struct sock *sk)
{
	key->family = sk->__sk_common.skc_family;
	if (key->family != AF_INET6) {
		__be32 address = sk->__sk_common.skc_daddr;
		__builtin_memcpy(key->address, &address, sizeof(address));
	} else if (bpf_core_field_exists(sk->__sk_common.skc_v6_daddr)) {
		bpf_core_read(key->address, 16, &sk->__sk_common.skc_v6_daddr);
	}
}

static __always_inline void peer_begins(const struct peer_key *key, __u32 minute, __u32 opened,
					__u32 ended)
{
	const struct peer_count fresh = { minute, opened, ended, opened, ended };
	bpf_map_update_elem(&peers, key, &fresh, BPF_ANY);
	peer_tell(key, opened, ended);
}

static __always_inline void peer_count(const struct peer_key *key, __u32 opened, __u32 ended)
{
	const __u32 minute = bpf_ktime_get_boot_ns() / (60 * NSEC_PER_SEC);
	struct peer_count *count = bpf_map_lookup_elem(&peers, key);
	if (count == NULL) {
		peer_begins(key, minute, opened, ended);
		return;
	}
	const int begins = count->minute != minute;
	count->opened += opened;
	count->ended += ended;
	if (begins || (opened != 0 && is_power_of_two(count->opened)) ||
	    (ended != 0 && is_power_of_two(count->ended))) {
		const __u32 more_opened = count->opened - count->told_opened;
		const __u32 more_ended = count->ended - count->told_ended;
		if (begins) {
			count->minute = minute;
			count->opened = opened;
			count->ended = ended;
		}
		count->told_opened = count->opened;
		count->told_ended = count->ended;
		peer_tell(key, more_opened, more_ended);
	}
}

static __always_inline void tally_opened(const struct sock *sk)
{
	if (sk->sk_protocol != PROTOCOL_TCP) {
		return;
	}
	struct peer_key key = { .netns = netns_here(sk), .port = port_of(sk) };
	struct tally_record *tally = tally_of(key.netns, key.port, 1);
	if (tally != NULL) {
		__sync_fetch_and_add(&tally->opened, 1);
	}
	peer_address(&key, sk);
	peer_count(&key, 1, 0);
}

/* A connection that somebody else began: its local port has a place. */
static __always_inline void tally_ended(const struct sock *sk)
{
	const struct tcp_sock *tcp = (const void *)sk;
	if (sk->sk_protocol != PROTOCOL_TCP) {
		return;
	}
	struct peer_key key = { .netns = netns_here(sk), .port = port_of(sk) };
	struct tally_record *tally = tally_of(key.netns, key.port, 0);
	if (tally == NULL) {
		return;
	}
	const __u64 received = BPF_CORE_READ(tcp, bytes_received);
	__sync_fetch_and_add(&tally->ended, 1);
	__sync_fetch_and_add(&tally->bytes, received + BPF_CORE_READ(tcp, bytes_acked));
	if (received == 0) {
		__sync_fetch_and_add(&tally->silent, 1);
	}
	peer_address(&key, sk);
	peer_count(&key, 0, 1);
}
