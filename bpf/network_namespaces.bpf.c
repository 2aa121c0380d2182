/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Iterator over tasks: which network namespaces are in use. */
#include "kernel.h"
#include "records.h"
#include "task.h"

char _license[] SEC("license") = "Dual MIT/GPL";

SEC("iter/task")
int network_namespaces(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	if (task == NULL) {
		return 0;
	}
	struct task_struct *reader = bpf_get_current_task_btf();
	struct namespace_record record = {
		.netns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum),
	};
	if (record.netns == 0 || record.netns == BPF_CORE_READ(reader, nsproxy, net_ns, ns.inum)) {
		return 0;
	}
	record.tid = pid_for_reader(task);
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}
