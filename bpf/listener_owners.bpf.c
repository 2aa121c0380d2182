/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Iterator over descriptors: listening sockets and who holds them. */
#include "kernel.h"
#include "records.h"
#include "task.h"

char _license[] SEC("license") = "Dual MIT/GPL";

static __always_inline int waits(struct sock *sk)
{
	unsigned char state = sk->__sk_common.skc_state;
	if (state == TCP_LISTEN) {
		return 1;
	}
	unsigned short protocol = sk->sk_protocol;
	return (protocol == PROTOCOL_UDP || protocol == PROTOCOL_UDPLITE) && state == TCP_CLOSE &&
	       sk->__sk_common.skc_num != 0;
}

SEC("iter/task_file")
int listener_owners(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	if (task == NULL || file == NULL) {
		return 0;
	}
	struct sock *sk = socket_of(file);
	if (sk == NULL || !waits(sk)) {
		return 0;
	}
	struct listener_record record = {
		.inode = file->f_inode->i_ino,
		.cookie = sk->__sk_common.skc_cookie.counter,
		.netns = netns_of(sk),
		.pid = pid_for_reader(task->group_leader),
		.fd = ctx->fd,
		.uid = task->real_cred->euid.val,
		.socket_uid = sk->sk_uid.val,
		.interface = sk->__sk_common.skc_bound_dev_if,
		.protocol = sk->sk_protocol,
		.port = sk->__sk_common.skc_num,
		.family = sk->__sk_common.skc_family,
		.state = sk->__sk_common.skc_state,
		.v6_only = BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_ipv6only),
	};
	if (record.state == TCP_LISTEN) {
		record.receive_queue = sk->sk_ack_backlog;
		record.send_queue = sk->sk_max_ack_backlog;
	} else {
		record.receive_queue = sk->sk_backlog.rmem_alloc.counter;
	}
	copy_address(record.address, sk);
	bpf_core_read(record.name, sizeof(record.name), &task->group_leader->comm);
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}
