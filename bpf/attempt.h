/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Of calls that do not fit: the counters, and the records that tell of them. What the guards of
 * bind() and connect() share. */
#pragma once

#include "identity.h"

#define PROTOCOL_MPTCP 262

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20); /* the loader sets its own */
} guard_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, GUARD_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} guard_counters SEC(".maps");

static __always_inline void count(__u32 which)
{
	__u64 *value = bpf_map_lookup_elem(&guard_counters, &which);
	if (value != NULL) {
		__sync_fetch_and_add(value, 1);
	}
}

static __always_inline int protocol_index(__u32 protocol)
{
	if (protocol == PROTOCOL_TCP || protocol == PROTOCOL_MPTCP) {
		return GUARD_TCP;
	}
	return protocol == PROTOCOL_UDP ? GUARD_UDP : -1;
}

/* What a call is about, on the way to the record. */
struct attempt {
	__u64 netns_cookie;
	__u32 port;
	__u32 index; /* of the protocol */
	__u32 family;
	__u32 refused;
	__u32 reason;
	__u32 rule;
	__u32 hook; /* GUARD_RECORD_CONNECT, or 0 */
};

/* Counts what does not fit. @return its record without the address, or NULL. */
static __always_inline struct guard_record *
begin_record(struct binder *binder, const struct guard_head *head, const struct attempt *attempt)
{
	struct task_struct *task = bpf_get_current_task_btf();
	count(attempt->refused ? GUARD_COUNT_REFUSED : GUARD_COUNT_WATCHED);
	if (!binder->placed) {
		place(binder, head);
	}
	struct guard_record *record = bpf_ringbuf_reserve(&guard_ring, sizeof(*record), 0);
	if (record == NULL) {
		count(GUARD_COUNT_LOST);
		return NULL;
	}
	__builtin_memset(record, 0, sizeof(*record));
	record->time_ns = bpf_ktime_get_boot_ns();
	record->netns_cookie = attempt->netns_cookie;
	record->set = head->made;
	record->pid = bpf_get_current_pid_tgid() >> 32;
	record->uid = binder->user;
	record->rule = attempt->rule;
	record->port = attempt->port;
	record->protocol = attempt->index == GUARD_TCP ? PROTOCOL_TCP : PROTOCOL_UDP;
	record->family = attempt->family;
	record->reason = attempt->reason;
	record->flags = attempt->hook | (attempt->refused ? GUARD_RECORD_REFUSED : 0);
	BPF_CORE_READ_INTO(&record->name, task, group_leader, comm);
	/* Whoever is refused may end before anybody could look. */
	__builtin_memcpy(record->unit, binder->top.words, sizeof(record->unit));
	record->unit[sizeof(record->unit) - 1] = 0;
	return record;
}
