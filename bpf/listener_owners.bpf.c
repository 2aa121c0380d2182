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

/* Descriptors looked at together. The size of a table is a multiple of 64 (fs/file.c). */
#define BATCH 8

/* Descriptors looked at together. The size of a table is a multiple of 64 (fs/file.c). */
#define BATCH 8

/* The operations of every file that is a socket; NULL until the first one was met. */
static void *socket_operations;

struct walk {
	struct seq_file *seq;
	struct file **files;
	/* Records written = count - zero. Starting from a number that the verifier cannot know
	 * keeps it from following every possible count. */
	__u64 zero;
	__u64 count;
	struct listener_record record;
};

/* All bits where both are equal, else none. Without a branch: the verifier would follow both ways
 * for each descriptor of a batch. */
static __always_inline __u64 mask_equal(__u64 a, __u64 b)
{
	__u64 differs = a ^ b;
	differs |= -differs;
	asm volatile("" : "+r"(differs)); /* lest the compiler knows better */
	return (differs >> 63) - 1;
}

static __always_inline struct file *file_at(struct file **files, __u32 fd)
{
	struct file *file = NULL;
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	return file;
}

static __always_inline int none(struct file *const *files)
{
	__u64 any = 0;
#pragma unroll
	for (int i = 0; i < BATCH; i++) {
		any |= (__u64)files[i];
	}
	return any == 0;
}

/* Learns what a socket's file looks like from the first one among these. */
static __always_inline void learn(struct file *const *files)
{
	for (int i = 0; i < BATCH && socket_operations == NULL; i++) {
		if ((BPF_CORE_READ(files[i], f_inode, i_mode) & S_IFMT) == S_IFSOCK) {
			socket_operations = BPF_CORE_READ(files[i], f_op);
		}
	}
}

/* The socket behind a file; 0 for any other file, and for one opened with O_PATH. */
static __always_inline __u64 socket_behind(struct file *file)
{
	__u64 operations = (__u64)BPF_CORE_READ(file, f_op);
	__u64 socket = (__u64)BPF_CORE_READ(file, private_data);
	return socket & mask_equal(operations, (__u64)socket_operations);
}

/* The sock of what could wait for somebody; a TCP connection is told apart by its socket. */
static __always_inline __u64 unconnected(const struct socket *socket)
{
	__u64 state = BPF_CORE_READ(socket, state);
	__u64 sk = (__u64)BPF_CORE_READ(socket, sk);
	return sk & mask_equal(state, SS_UNCONNECTED);
}

static __always_inline int is_internet(struct sock *sk)
{
	unsigned short family = BPF_CORE_READ(sk, __sk_common.skc_family);
	return family == AF_INET || family == AF_INET6;
}

static __always_inline int tell(struct walk *walk, __u32 fd, struct file *file, struct sock *sk)
{
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

/*
 * Nearly all time goes into waiting for memory that is in no cache: the file, its socket, its
 * sock. So each step is done for the whole batch before the next, and the processor waits for many
 * at once instead of for one after the other. Reading behind NULL gives 0.
 */
static long look(__u32 batch, struct walk *walk)
{
	struct file *files[BATCH];
	__u64 found[BATCH]; /* the socket, then its sock; 0 = none */
	bpf_probe_read_kernel(files, sizeof(files), walk->files + batch * BATCH);
	if (none(files)) {
		return 0;
	}
	learn(files);
#pragma unroll
	for (int i = 0; i < BATCH; i++) {
		found[i] = socket_behind(files[i]);
	}
#pragma unroll
	for (int i = 0; i < BATCH; i++) {
		found[i] = unconnected((void *)found[i]);
	}
	for (int i = 0; i < BATCH; i++) {
		struct sock *sk = (void *)found[i];
		if (sk != NULL && is_internet(sk) && waits(sk) &&
		    tell(walk, batch * BATCH + i, files[i], sk)) {
			return 1;
		}
	}
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
		bpf_loop(descriptors / BATCH, look, &walk, 0);
	}
	if (descriptors > DESCRIPTORS_MAX || walk.count - walk.zero > RECORDS_MAX) {
		walk.record.fd = LISTENER_RECORD_MORE;
		bpf_seq_write(ctx->meta->seq, &walk.record, sizeof(walk.record));
	}
	return 0;
}
