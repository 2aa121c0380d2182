/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Iterator over descriptors: every Internet socket and who holds it. */
#include "kernel.h"
#include "records.h"
#include "task.h"

char _license[] SEC("license") = "Dual MIT/GPL";

SEC("iter/task_file")
int connection_owners(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	if (task == NULL || file == NULL) {
		return 0;
	}
	struct sock *sk = socket_of(file);
	if (sk == NULL) {
		return 0;
	}
	struct connection_record record = {
		.inode = file->f_inode->i_ino,
		.pid = pid_for_reader(task->group_leader),
		.fd = ctx->fd,
		.uid = task->real_cred->euid.val,
		.netns = netns_of(sk),
	};
	bpf_core_read(record.name, sizeof(record.name), &task->group_leader->comm);
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}
