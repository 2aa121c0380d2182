/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Iterator over tasks: listening sockets and who holds them. It looks through a task's descriptors
 * by itself, which costs a fraction of the kernel's own iterator over descriptors (that one takes
 * a reference on every file).
 *
 * What is read may change meanwhile: an address that became wrong is survived by probe reads, and
 * the descriptor is looked at again before anything is told of it.
 */
#include "kernel.h"
#include "listener.h"
#include "records.h"
#include "task.h"

char _license[] SEC("license") = "Dual MIT/GPL";

/* include/uapi/linux/stat.h, include/linux/fs.h */
#define S_IFMT 00170000
#define S_IFSOCK 0140000

/* All records of a task must fit the 32 KiB that the kernel keeps for one reading. */
#define RECORDS_MAX 256
/* More descriptors would keep this CPU for too long at once (about 10 ms). */
#define DESCRIPTORS_MAX 65536

struct walk {
	struct seq_file *seq;
	struct file **files;
	void *socket_operations; /* NULL until a socket was met */
	/* Records written = count - zero. Starting from a number that the verifier cannot know
	 * keeps it from following every possible count. */
	__u64 zero;
	__u64 count;
	struct listener_record record;
};

static __always_inline struct file *file_at(struct file **files, __u32 fd)
{
	struct file *file = NULL;
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	return file;
}

/*
 * The socket behind a file; NULL for any other file. All sockets have the same operations, so that
 * the inode, one more piece of memory that is not in the cache, is asked for the first one alone.
 */
static __always_inline struct socket *socket_behind(struct walk *walk, struct file *file)
{
	void *operations = BPF_CORE_READ(file, f_op);
	struct socket *socket = BPF_CORE_READ(file, private_data);
	if (socket == NULL || operations == walk->socket_operations) {
		return socket; /* without private data: a path opened with O_PATH */
	}
	if (walk->socket_operations != NULL ||
	    (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK) {
		return NULL;
	}
	walk->socket_operations = operations;
	return socket;
}

static long look(__u32 fd, struct walk *walk)
{
	struct file *file = file_at(walk->files, fd);
	struct socket *socket = file == NULL ? NULL : socket_behind(walk, file);
	if (socket == NULL) {
		return 0;
	}
	struct sock *sk = BPF_CORE_READ(socket, sk);
	unsigned short family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if ((family != AF_INET && family != AF_INET6) || !waits(sk)) {
		return 0;
	}
	describe_socket(&walk->record, sk, BPF_CORE_READ(file, f_inode, i_ino), fd);
	if (file_at(walk->files, fd) != file) {
		return 0; /* closed meanwhile */
	}
	if (++walk->count - walk->zero > RECORDS_MAX) {
		return 1;
	}
	bpf_seq_write(walk->seq, &walk->record, sizeof(walk->record));
	return 0;
}

SEC("iter/task")
int listener_owners(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	if (task == NULL || task->files == NULL) {
		return 0;
	}
	/* Threads share their leader's table, unless they have one of their own. */
	if (task->pid != task->tgid && task->files == task->group_leader->files) {
		return 0;
	}
	struct walk walk = { .seq = ctx->meta->seq,
			     .files = task->files->fdt->fd,
			     .zero = bpf_ktime_get_ns() };
	walk.count = walk.zero;
	describe_holder(&walk.record, task);
	__u32 descriptors = task->files->fdt->max_fds;
	if (descriptors <= DESCRIPTORS_MAX) {
		bpf_loop(descriptors, look, &walk, 0);
	}
	if (descriptors > DESCRIPTORS_MAX || walk.count - walk.zero > RECORDS_MAX) {
		walk.record.fd = LISTENER_RECORD_MORE;
		bpf_seq_write(ctx->meta->seq, &walk.record, sizeof(walk.record));
	}
	return 0;
}
