/*
 * Giving rights away: capabilities, user ids, system calls, files. Each step is one call that
 * cannot be taken back; a program makes them in the order of this file.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/when.h"

/*
 * Keeps these capabilities (numbers of linux/capability.h) in the permitted and effective sets, as
 * far as the process has them, and no other; empties the inheritable, ambient and bounding sets, so
 * that no program it starts can have any. Needs CAP_SETPCAP for the bounding set, which stays as it
 * is without.
 * @return 0; -EPERM and the like from capset(2), prctl(2).
 */
int sandbox_capabilities(const int *keep, size_t count, struct err *e);

/* Becomes this user with these groups only (the first is the main one), without a way back. Where
 * no other user exists (account_is_alone()) it stays who it is.
 * @return 0; -EPERM without CAP_SETUID, CAP_SETGID; -EINVAL without a group. */
int sandbox_become(uid_t uid, const gid_t *groups, size_t count, struct err *e);

/* Neither this process nor a program it starts can gain rights by exec (PR_SET_NO_NEW_PRIVS).
 * @return 0 or negative errno. */
int sandbox_no_new_privileges(struct err *e);

/* No file can be opened any more, by Landlock (kernel >= 5.13); open descriptors stay.
 * @return 0; -EOPNOTSUPP where the kernel has no Landlock; other negative errno. */
int sandbox_no_files(struct err *e);

/*
 * Files below these folders, and these files, can be opened for reading and no other file in any
 * way, by Landlock; open descriptors stay.
 * @param paths  NULL-terminated; links are followed, what does not exist is left out.
 * @return as sandbox_no_files.
 */
int sandbox_only_read(const char *const *paths, struct err *e);

/*
 * Of a child's descriptors these stay, as 3, 4 and so on; 0, 1 and 2 lead nowhere, all others, such
 * as the parent's locks, are closed.
 * @param fds  changed on the way.
 * @return 0 or negative errno.
 */
int sandbox_keep_descriptors(int *fds, unsigned count);

/*
 * Programs of ours that work without rights, started by whoever needs one. SANDBOX_CHANNEL is a
 * socket to who started them, which keeps the borders of messages.
 */
enum {
	SANDBOX_CHANNEL = 3,
	/* What such a program ends with when it could not give its rights away. */
	SANDBOX_EXIT_RIGHTS = 125,
};

/*
 * Starts such a program, which has nothing of ours: no environment, no descriptor but the socket.
 * It is killed when this process ends, and ignores Ctrl-C, which is for who started it.
 * @param channel  gets our end of the socket (SOCK_SEQPACKET, close-on-exec), which the caller
 *                 closes.
 * @param child    to be given to sandbox_finish. Both untouched on failure.
 * @param name     as of run_open_own(); stands in the sentences.
 * @param role     the one word of its command line: which of its tasks is wanted; NULL = it has
 * one.
 * @return 0; -ENOENT it is not installed; other negative errno of open(2), socketpair(2), fork(2).
 *         What fails later than that is told by sandbox_finish.
 */
int sandbox_start(int *channel, pid_t *child, const char *name, const char *role, struct err *e);

/*
 * Waits for the end of such a program. One that was not started, as a library or a descriptor is
 * missing, or that failed at its start, could not be spoken to: its end tells why.
 * @param error    negative errno of talking to it: it is killed; 0 = it ends by itself.
 * @param library  that a host may lack, named where one is missing; NULL = none.
 * @return 0; -ELIBACC a library is missing; -EIO it failed otherwise; `error`.
 */
int sandbox_finish(pid_t child, int error, const char *name, const char *library, struct err *e);

/*
 * What crosses on such a socket: values of fixed size, each a message of its own. Whoever receives
 * one judges its fields before it believes them.
 */
enum { SANDBOX_FDS_MAX = 2 };

/* @return 0; -EIO nobody is there to receive it. */
int sandbox_send(int channel, const void *message, size_t bytes);
/* With descriptors, which stay open here. @param count  1 to SANDBOX_FDS_MAX. */
int sandbox_send_fds(int channel, const void *message, size_t bytes, const int *fds,
		     unsigned count);

/*
 * For who started the program.
 * @param until  monotonic. Signals do not end the waiting.
 * @return 1; 0 no more will come; -ETIMEDOUT; -EBADMSG it has another size; other negative errno.
 */
int sandbox_receive(int channel, void *message, size_t bytes, usec_t until);

/* For the program: what it was started for. @return 0; -EBADMSG it has another size. */
int sandbox_take_order(int channel, void *order, size_t bytes);
/* With just so many descriptors, which are the caller's then. @return 0; -EBADMSG not so. */
int sandbox_take_order_fds(int channel, void *order, size_t bytes, int *fds, unsigned count);

/*
 * For a child that reads foreign bytes: nobody when it was root, no capability, no core file, no
 * way back by exec. Files and system calls are left to its own lists. In a user namespace that has
 * one user alone it stays that one.
 * @return 0 or negative errno.
 */
int sandbox_nobody(struct err *e);

enum sandbox_role {
	SANDBOX_PARENT,   /* what its children need, and starting them */
	SANDBOX_HELPER,   /* diag sockets in other namespaces, the way out */
	SANDBOX_ENGINE,   /* files of the store, netlink, memory files */
	SANDBOX_KEEPER,   /* netlink, the record of rules */
	SANDBOX_FACE,     /* descriptors it has and connections it accepts */
	SANDBOX_DECOY,    /* accepts connections */
	SANDBOX_SENTRY,   /* descriptors it has */
	SANDBOX_RESOLVER, /* threads, and talking to resolvers */
	SANDBOX_READER,   /* descriptors it has: reads one, writes another */
	SANDBOX_PROBER,   /* connections to anywhere, files that it may read */
	SANDBOX_SWEEPER,  /* connections to anywhere, and descriptors it has */
};

/*
 * Allows the system calls of the role and answers every other with EPERM (seccomp). Needs
 * no_new_privileges before it.
 * @return 0; negative errno from seccomp(2); -ENOMEM.
 */
int sandbox_syscalls(enum sandbox_role role, struct err *e);
