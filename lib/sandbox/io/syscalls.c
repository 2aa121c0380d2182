/* The system calls of each process of the daemon, as data. */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "sandbox/sandbox.h"

/* Every process: memory, descriptors it has, waiting, clocks, signals, its end. */
static const char *const common[] = {
	"brk",
	"mmap",
	"munmap",
	"mprotect",
	"mremap",
	"madvise",
	"read",
	"readv",
	"write",
	"writev",
	"close",
	"lseek",
	"fstat",
	"newfstatat",
	"fcntl",
	"dup",
	"poll",
	"ppoll",
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"timerfd_create",
	"timerfd_settime",
	"eventfd2",
	"signalfd4",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigtimedwait",
	"sigaltstack",
	"restart_syscall",
	"clock_gettime",
	"clock_getres",
	"clock_nanosleep",
	"nanosleep",
	"gettimeofday",
	"time",
	"getrandom",
	"futex",
	"sched_yield",
	"getpid",
	"gettid",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getppid",
	"sendmsg",
	"sendto",
	"recvmsg",
	"recvfrom",
	"getsockname",
	"getpeername",
	"getsockopt",
	"setsockopt",
	"shutdown",
	"uname",
	"sysinfo",
	"prlimit64",
	"set_robust_list",
	"rseq",
	"exit",
	"exit_group",
	"tgkill",
	"sched_getaffinity",
	"getrusage",
};

static const char *const face_only[] = {
	"accept",
	"accept4",
	"sendfile",
	"pread64",
};

/* Files by name: the store's, /proc, the pinned iterators, configuration. */
static const char *const files[] = {
	"openat",    "open",       "stat",     "lstat",      "statx",      "access",
	"faccessat", "faccessat2", "readlink", "readlinkat", "getdents64", "statfs",
	"fstatfs",   "getcwd",     "pread64",  "preadv",     "pipe2",      "flock",
};

static const char *const decoy_only[] = { "accept4" };

static const char *const engine_only[] = {
	"pwrite64", "pwritev", "fsync",     "fdatasync",    "ftruncate", "fallocate", "unlink",
	"unlinkat", "rename",  "renameat",  "renameat2",    "mkdir",     "mkdirat",   "rmdir",
	"umask",    "fchmod",  "utimensat", "memfd_create", "bind",
};

/* Starting, watching and ending children; its own sockets and files. */
static const char *const parent_only[] = {
	"clone",
	"clone3",
	"vfork",
	"fork",
	"execveat",
	"wait4",
	"waitid",
	"kill",
	"setgroups",
	"setresuid",
	"setresgid",
	"prctl",
	"close_range",
	"dup2",
	"dup3",
	"setsid",
	"socketpair",
	"accept4",
	"capget",
	"capset",
	"seccomp",
	"connect",
	"arch_prctl",
	"set_tid_address",
	"landlock_create_ruleset",
	"landlock_restrict_self",
	"mlock",
	"openat2",
	"pidfd_open",
	"pidfd_send_signal",
	"socket",
	"umask",
	"fchmod",
	"fchown",
	"unlink",
	"unlinkat",
	"rmdir",
	"chmod",
	"chown",
	"bind",
	"listen",
	"name_to_handle_at",
};

static const char *const helper_only[] = {
	"setns", "umount2", "unlink",  "unlinkat", "rmdir",
	"clone", "clone3",  "madvise", "bind",     "prctl",
};

/* The record's files, and what libnftables waits with. */
static const char *const keeper_only[] = {
	"bind",   "mkdir",    "mkdirat",   "select",   "pselect6",
	"rename", "renameat", "renameat2", "unlinkat", "fsync",
};

/* Sockets to resolvers; more of it by argument, see allow_resolving(). */
static const char *const resolver_only[] = { "connect", "bind", "sendmmsg", "recvmmsg" };

struct list {
	const char *const *names;
	size_t count;
};

#define LIST(names)                                                                                \
	{                                                                                          \
		names, sizeof(names) / sizeof((names)[0])                                          \
	}
#define END                                                                                        \
	{                                                                                          \
		NULL, 0                                                                            \
	}

/* Connections; what kind of socket is told by argument, see allow_probing(). */
static const char *const prober_only[] = { "connect", "bind" };
static const char *const sweeper_only[] = { "connect", "bind", "sendmmsg", "recvmmsg" };

/* A filter stays with the children, so the parent's holds what theirs do. */
static const struct list roles[][7] = {
	[SANDBOX_PARENT] = { LIST(common), LIST(files), LIST(face_only), LIST(engine_only),
			     LIST(parent_only), LIST(keeper_only), END },
	[SANDBOX_HELPER] = { LIST(common), LIST(files), LIST(helper_only), END },
	[SANDBOX_ENGINE] = { LIST(common), LIST(files), LIST(engine_only), END },
	[SANDBOX_KEEPER] = { LIST(common), LIST(files), LIST(keeper_only), END },
	[SANDBOX_FACE] = { LIST(common), LIST(face_only), END },
	[SANDBOX_DECOY] = { LIST(common), LIST(decoy_only), END },
	[SANDBOX_SENTRY] = { LIST(common), END },
	[SANDBOX_RESOLVER] = { LIST(common), LIST(files), LIST(resolver_only), END },
	[SANDBOX_READER] = { LIST(common), END },
	[SANDBOX_PROBER] = { LIST(common), LIST(files), LIST(prober_only), END },
	[SANDBOX_SWEEPER] = { LIST(common), LIST(sweeper_only), END },
};

static void release(scmp_filter_ctx *filter)
{
	if (*filter != NULL) {
		seccomp_release(*filter);
	}
}

static int allow(scmp_filter_ctx filter, const struct list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		int number = seccomp_syscall_resolve_name(list->names[i]);
		/* Negative: this architecture or libseccomp does not have it, so nothing to allow.
		 */
		int r = number < 0 ? 0 : seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
		if (r < 0 && r != -EEXIST) {
			return r;
		}
	}
	return 0;
}

/* Sockets of one family only: asking the kernel about sockets, never talking to the network. */
static int allow_netlink(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				SCMP_A0_32(SCMP_CMP_EQ, AF_NETLINK));
}

/* The tables of a tap that is loaded already: opened, read, written. Nothing is loaded or attached.
 */
static int allow_tap(scmp_filter_ctx filter)
{
	static const int commands[] = {
		BPF_OBJ_GET,         BPF_OBJ_GET_INFO_BY_FD, BPF_MAP_LOOKUP_ELEM,
		BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM,    BPF_MAP_GET_NEXT_KEY,
	};
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(bpf), 1,
				     SCMP_A0_32(SCMP_CMP_EQ, commands[i]));
	}
	return r;
}

/*
 * What getaddrinfo() does: sockets to DNS servers and to daemons of the host, addresses of
 * interfaces from rtnetlink, the number of bytes that wait, and threads, but never a process.
 */
static int allow_resolving(scmp_filter_ctx filter)
{
	static const int families[] = { AF_INET, AF_INET6, AF_UNIX };
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(families) / sizeof(families[0]); i++) {
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				     SCMP_A0_32(SCMP_CMP_EQ, families[i]));
	}
	if (r == 0) {
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
				     SCMP_A0_32(SCMP_CMP_EQ, AF_NETLINK),
				     SCMP_A2_32(SCMP_CMP_EQ, NETLINK_ROUTE));
	}
	if (r == 0) {
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				     SCMP_A1_32(SCMP_CMP_EQ, FIONREAD));
	}
	if (r == 0) {
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	}
	/* Its flags lie in memory, where a filter cannot look; glibc takes clone() then. */
	return r < 0 ? r : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static int allow_probing(scmp_filter_ctx filter)
{
	static const int families[] = { AF_INET, AF_INET6 };
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(families) / sizeof(families[0]); i++) {
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				     SCMP_A0_32(SCMP_CMP_EQ, families[i]));
	}
	return r;
}

int sandbox_syscalls(enum sandbox_role role, struct err *e)
{
	_cleanup_(release) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (filter == NULL) {
		return err_set(e, ENOMEM, "no memory for the list of system calls");
	}
	int r = 0;
	for (const struct list *list = roles[role]; list->names != NULL && r == 0; list++) {
		r = allow(filter, list);
	}
	if (r == 0 &&
	    (role == SANDBOX_ENGINE || role == SANDBOX_HELPER || role == SANDBOX_KEEPER)) {
		r = allow_netlink(filter);
	}
	if (r == 0 &&
	    (role == SANDBOX_PARENT || role == SANDBOX_HELPER || role == SANDBOX_KEEPER)) {
		r = allow_tap(filter);
	}
	if (r == 0 && role == SANDBOX_RESOLVER) {
		r = allow_resolving(filter);
	}
	if (r == 0 && (role == SANDBOX_PROBER || role == SANDBOX_SWEEPER)) {
		r = allow_probing(filter);
	}
	if (r == 0) {
		/* A binary search in the kernel: the lists are long. */
		(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
		r = seccomp_load(filter);
	}
	return r < 0 ? err_system(e, r, "the system calls cannot be limited") : 0;
}
