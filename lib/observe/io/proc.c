/* What /proc says of processes: the way that needs nothing of the kernel but patience. */
#include "observe/io/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/parse.h"
#include "observe/process-text.h"

/* include/linux/proc_ns.h: PROC_PID_INIT_INO */
#define FIRST_PID_NAMESPACE_INODE 0xEFFFFFFCU

enum { LINK_BYTES = 64, STATUS_BYTES = 8 * 1024, PATH_BYTES = 32 };

static void closedirp(DIR **dir)
{
	if (*dir != NULL) {
		(void)closedir(*dir); /* read only */
	}
}

bool proc_sees_all(void)
{
	struct stat status;
	struct stat first;
	/* With hidepid= other users' processes are not even listed; pid 1 is the probe. */
	return stat("/proc/self/ns/pid", &status) == 0 &&
	       status.st_ino == FIRST_PID_NAMESPACE_INODE && stat("/proc/1/stat", &first) == 0;
}

bool proc_is_quick(void)
{
	/* Loading takes as long as looking into some 500 processes; kernel threads count little. */
	enum { FEW = 400 };
	_cleanup_(closedirp) DIR *proc = opendir("/proc");
	unsigned processes = 0;
	for (const struct dirent *entry; proc != NULL && (entry = readdir(proc)) != NULL;) {
		processes += entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
	}
	return proc != NULL && processes < FEW;
}

/* "socket:[1234]" -> 1234. @return 0 or -EINVAL. */
static int socket_inode(uint64_t *out, const char *link, size_t length)
{
	static const char head[] = "socket:[";
	size_t skip = sizeof(head) - 1;
	if (length < skip + 2 || memcmp(link, head, skip) != 0 || link[length - 1] != ']') {
		return -EINVAL;
	}
	return parse_u64_bytes(out, link + skip, length - skip - 1, 1, UINT64_MAX);
}

static void name_holder(struct holding *holding, int process_dir)
{
	char text[STATUS_BYTES];
	struct process_stat stat;
	if (file_read_into(text, sizeof(text), process_dir, "stat") > 0 &&
	    process_stat_parse(&stat, text) == 0) {
		memcpy(holding->name, stat.name, sizeof(holding->name));
	}
	holding->uid = UINT32_MAX;
	if (file_read_into(text, sizeof(text), process_dir, "status") > 0) {
		(void)process_status_uid(&holding->uid, text); /* else it stays unknown */
	}
}

static int take_descriptors(struct holdings *out, struct holding *holder, int process_dir, DIR *fds)
{
	for (const struct dirent *entry; (entry = readdir(fds)) != NULL;) {
		uint64_t number = 0;
		char link[LINK_BYTES];
		if (parse_u64(&number, entry->d_name, 0, INT32_MAX) < 0) {
			continue;
		}
		ssize_t length = readlinkat(dirfd(fds), entry->d_name, link, sizeof(link));
		if (length <= 0 || socket_inode(&holder->inode, link, (size_t)length) < 0) {
			continue;
		}
		if (holder->name[0] == '\0') {
			name_holder(holder, process_dir);
		}
		holder->fd = (int32_t)number;
		struct holding *holding = vec_push(&out->list);
		if (holding == NULL) {
			return -ENOMEM;
		}
		*holding = *holder;
	}
	return 0;
}

/* Kernel threads hold no descriptors. */
static bool is_kernel_thread(int process)
{
	char text[STATUS_BYTES];
	struct process_stat stat;
	return file_read_into(text, sizeof(text), process, "stat") > 0 &&
	       process_stat_parse(&stat, text) == 0 && stat.kernel_thread;
}

/* @return 0 also for a process that has ended meanwhile; -EACCES; -ENOMEM. */
static int take_process(struct holdings *out, int proc, const char *pid_text, int32_t pid)
{
	_cleanup_(close_fdp) int process = openat(proc, pid_text, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (process < 0) {
		return errno == ENOENT ? 0 : -errno;
	}
	int fd = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		int r = -errno;
		return r == -ENOENT || r == -ESRCH || is_kernel_thread(process) ? 0 : r;
	}
	_cleanup_(closedirp) DIR *fds = fdopendir(fd);
	if (fds == NULL) {
		int r = -errno;
		(void)close(fd); /* read only */
		return r;
	}
	struct holding holder = { .pid = pid };
	return take_descriptors(out, &holder, process, fds);
}

int proc_holdings(struct holdings *out, struct proc_coverage *coverage, struct err *e)
{
	*coverage = (struct proc_coverage){ 0 };
	_cleanup_(closedirp) DIR *proc = opendir("/proc");
	if (proc == NULL) {
		return err_system(e, errno, "/proc");
	}
	for (const struct dirent *entry; (entry = readdir(proc)) != NULL;) {
		uint64_t pid = 0;
		if (parse_u64(&pid, entry->d_name, 1, INT32_MAX) < 0) {
			continue;
		}
		int r = take_process(out, dirfd(proc), entry->d_name, (int32_t)pid);
		if (r == -ENOMEM) {
			return err_system(e, r, "owners");
		}
		coverage->processes_hidden += r < 0;
	}
	coverage->complete = coverage->processes_hidden == 0 && proc_sees_all();
	return 0;
}

int proc_holdings_of(struct holdings *out, int32_t pid)
{
	char path[PATH_BYTES];
	(void)snprintf(path, sizeof(path), "/proc/%d", pid);
	return take_process(out, AT_FDCWD, path, pid);
}
