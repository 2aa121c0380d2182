/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Iterator over processes: what /proc tells of them to their own user alone. */
#include "kernel.h"
#include "records.h"
#include "task.h"

char _license[] SEC("license") = "Dual MIT/GPL";

SEC("iter/task")
int process_details(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	if (task == NULL || task->pid != task->tgid) {
		return 0;
	}
	struct process_record record = {
		.started_ns = task->start_boottime,
		.pid = pid_for_reader(task),
		.parent_pid = pid_for_reader(task->real_parent->group_leader),
		.uid = task->real_cred->euid.val,
		.netns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum),
	};
	bpf_core_read(record.name, sizeof(record.name), &task->comm);
	struct mm_struct *mm = task->mm;
	if (mm == NULL) {
		return 0; /* a kernel thread, or ending */
	}
	/* On the stack: a buffer per CPU could be overwritten by another reader that preempts us.
	 */
	char path[RECORD_PATH_BYTES];
	long length = bpf_d_path(&mm->exe_file->f_path, path, sizeof(path));
	if (length > 1 && length <= RECORD_PATH_BYTES) {
		record.path_bytes = length - 1;
	}
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	if (length > 1 && length <= RECORD_PATH_BYTES) {
		bpf_seq_write(ctx->meta->seq, path, length - 1);
	}
	return 0;
}
