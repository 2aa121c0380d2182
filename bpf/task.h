/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* What our programs share: numbers of tasks, sockets behind descriptors. */
#pragma once

#include "kernel.h"

/* include/linux/pid_namespace.h: MAX_PID_NS_LEVEL */
#define PID_LEVEL_MAX 32

/* The number that the reader's pid namespace has for a task; 0 = it is not seen there. */
static __always_inline int pid_for_reader(struct task_struct *task)
{
	struct task_struct *reader = bpf_get_current_task_btf();
	struct pid *pid = task->thread_pid;
	unsigned int level = BPF_CORE_READ(reader, thread_pid, level);
	if (pid == NULL || level > PID_LEVEL_MAX || level > BPF_CORE_READ(pid, level)) {
		return 0;
	}
	int number = 0;
	unsigned long offset = level * bpf_core_type_size(struct upid);
	bpf_probe_read_kernel(&number, sizeof(number),
			      (char *)__builtin_preserve_access_index(&pid->numbers[0].nr) +
				      offset);
	return number;
}

static __always_inline unsigned int netns_of(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
}

/* The Internet socket behind a descriptor, or NULL. */
static __always_inline struct sock *socket_of(struct file *file)
{
	struct socket *socket = bpf_sock_from_file(file);
	if (socket == NULL) {
		return NULL;
	}
	struct sock *sk = socket->sk;
	if (sk == NULL) {
		return NULL;
	}
	unsigned short family = sk->__sk_common.skc_family;
	return family == AF_INET || family == AF_INET6 ? sk : NULL;
}

/* The local address in network order; IPv4 fills the first four bytes. */
static __always_inline void copy_address(__u8 *to, const struct sock *sk)
{
	if (BPF_CORE_READ(sk, __sk_common.skc_family) != AF_INET6) {
		bpf_core_read(to, 4, &sk->__sk_common.skc_rcv_saddr);
	} else if (bpf_core_field_exists(sk->__sk_common.skc_v6_rcv_saddr)) {
		bpf_core_read(to, 16, &sk->__sk_common.skc_v6_rcv_saddr);
	}
}
