/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* What both iterators over listening sockets share. Pointers may be unchecked ones: all is read by
 * BPF_CORE_READ, which survives any address. */
#pragma once

#include "kernel.h"
#include "records.h"
#include "task.h"

/* Does it wait for somebody: LISTEN, or bound UDP without a peer? */
static __always_inline int waits(struct sock *sk)
{
	unsigned char state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (state == TCP_LISTEN) {
		return 1;
	}
	if (state != TCP_CLOSE || BPF_CORE_READ(sk, __sk_common.skc_num) == 0) {
		return 0;
	}
	unsigned short protocol = BPF_CORE_READ(sk, sk_protocol);
	return protocol == PROTOCOL_UDP || protocol == PROTOCOL_UDPLITE;
}

static __always_inline void describe_holder(struct listener_record *record,
					    struct task_struct *task)
{
	record->pid = pid_for_reader(task->group_leader);
	record->uid = task->real_cred->euid.val;
	bpf_core_read(record->name, sizeof(record->name), &task->group_leader->comm);
}

static __always_inline void describe_socket(struct listener_record *record, struct sock *sk,
					    unsigned long inode, int fd)
{
	record->inode = inode;
	record->fd = fd;
	record->cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	record->netns = netns_of(sk);
	record->socket_uid = BPF_CORE_READ(sk, sk_uid.val);
	record->interface = BPF_CORE_READ(sk, __sk_common.skc_bound_dev_if);
	record->protocol = BPF_CORE_READ(sk, sk_protocol);
	record->port = BPF_CORE_READ(sk, __sk_common.skc_num);
	record->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	record->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	record->v6_only = BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_ipv6only);
	if (record->state == TCP_LISTEN) {
		record->receive_queue = BPF_CORE_READ(sk, sk_ack_backlog);
		record->send_queue = BPF_CORE_READ(sk, sk_max_ack_backlog);
	} else {
		record->receive_queue = BPF_CORE_READ(sk, sk_backlog.rmem_alloc.counter);
		record->send_queue = 0;
	}
	__builtin_memset(record->address, 0, sizeof(record->address));
	copy_address(record->address, sk);
}
