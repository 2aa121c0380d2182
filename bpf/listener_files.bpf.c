/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Iterator over descriptors: listening sockets and who holds them, for processes that hold many. */
#include "kernel.h"
#include "listener.h"
#include "records.h"
#include "task.h"

char _license[] SEC("license") = "Dual MIT/GPL";

SEC("iter/task_file")
int listener_files(struct bpf_iter__task_file *ctx)
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
	struct listener_record record = { 0 };
	describe_holder(&record, task);
	describe_socket(&record, sk, file->f_inode->i_ino, ctx->fd);
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}
