/* The parent: what it holds. It starts the others, gives them what only root can get, and ends
 * them. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/str.h"
#include "base/when.h"
#include "guard/guard.h"
#include "tap/tap.h"
#include "wire/wire.h"

/* How port scans are seen. */
enum sentry_choice {
	SENTRY_AUTO,    /* by a program at each interface; else, or with --observe, by a socket */
	SENTRY_PACKETS, /* by a packet socket */
	SENTRY_OFF,
};

struct options {
	const char *runtime_directory;
	const char *state_directory;
	const char *policy;
	bool policy_given;
	const char *group; /* of the readers: name or number; NULL = minato, if there is one */
	const char *user_engine; /* name or number; NULL = _minato, if there is one */
	const char *user_face;
	const char *user_sentry;
	enum sentry_choice sentry;
	uint32_t sweep_seconds;
	uint32_t keep_days;
	bool observe;                /* only look: no keeper of the rules */
	const char *rules_directory; /* record of the rules */
};

/* @return 0 go on; 1 answered (--help, --version); -EINVAL with the sentence in `e`. */
int options_read(struct options *out, int argc, char **argv, struct err *e);

struct identity {
	uid_t uid;
	gid_t gid;
};

/* Who the children are, and the group of those who may read. */
struct identities {
	struct identity engine, face, sentry, decoy;
	gid_t readers;
};

/*
 * Names and numbers into ids. Without a name the accounts _minato, _minato-face and _minato-sentry
 * are taken when they exist, otherwise ids of systemd's range for dynamic users that nobody has.
 * @return 0; -ENOENT no such user or group; -EINVAL root was asked for, or both the same user.
 */
int identities_find(struct identities *out, const struct options *options, struct err *e);

enum {
	LISTEN_BACKLOG = 64,
};

/* The files of one running daemon. */
struct runtime {
	char path[WIRE_TEXT_BYTES];
	int directory; /* the runtime directory */
	int state;     /* the state directory */
	int lock;      /* held while it runs, by the helper too */
	int http;      /* listening, minatod.sock */
	int control;   /* listening, control.sock */
};

#define RUNTIME_INIT ((struct runtime){ "", -1, -1, -1, -1, -1 })

/*
 * Makes both directories, takes the lock, removes what an earlier run left behind, opens both
 * sockets. @return 0; -EBUSY another daemon runs there; other negative errno.
 */
int runtime_prepare(struct runtime *out, const struct options *options,
		    const struct identities *identities, struct err *e);

/* Removes sockets, pins, the mount, the lock file and (if then empty) the directory. Needs
 * CAP_SYS_ADMIN for the mount. */
void runtime_remove(const struct runtime *runtime);

/* Closes the descriptors. */
void runtime_close(struct runtime *runtime);

enum child_state {
	CHILD_STOPPED,
	CHILD_STARTED, /* has its set-up */
	CHILD_READY,
};

struct daemon;

struct child {
	struct daemon *daemon;
	const char *name;       /* "engine", "face", "keeper", "sentry" */
	const char *executable; /* file name; NULL = a fork of the parent */
	enum wire_sender role;
	struct identity identity;
	int program; /* descriptor of the executable: reachable whatever its folder's mode */
	enum child_state state;
	pid_t pid;
	int socket;
	uint32_t restarts;
	uint32_t deaths; /* in a row, each soon after the one before */
	usec_t started, died, last_pong;
	sd_event_source *io, *end, *again;
};

enum { CHILD_ENGINE, CHILD_FACE, CHILD_KEEPER, CHILD_SENTRY, CHILD_COUNT };

enum { DECOYS_MAX = 64 };

/* Ports where somebody is waited for. */
struct decoys {
	uint16_t ports[DECOYS_MAX]; /* as the keeper told last */
	unsigned count;
	uint16_t held[DECOYS_MAX]; /* those that could be had */
	unsigned held_count;
	pid_t pid;  /* of the process that holds them; 0 = none */
	int socket; /* to it, -1 = none */
	sd_event_source *io, *end, *again;
	unsigned deaths; /* in a row */
	usec_t began;    /* monotonic: when the process was started */
};

enum { ORDERS_MAX = 8 };

/* Somebody waits for what the keeper does. */
struct order {
	sd_event_source *source; /* owns the descriptor */
	uint32_t request;        /* 0 = none */
};

struct daemon {
	struct options options;
	struct identities identities;
	struct runtime runtime;
	usec_t started;
	sd_event *loop;
	struct child children[CHILD_COUNT];
	pid_t helper_pid;
	int helper; /* socket to the helper, -1 = it is gone */
	sd_event_source *helper_io;
	struct wire_ring ring; /* what the loader told */
	int ring_fds[WIRE_FDS_MAX];
	int attempts_rings[GUARD_HOOKS]; /* of the guards, -1 = there is none */
	uint32_t attempts_bytes[GUARD_HOOKS];
	struct wire_tap tap; /* how packets are heard, as the loader told */
	int tap_fds[WIRE_FDS_MAX];
	struct wire_rules rules; /* as the keeper told last, for an engine that is new */
	struct order orders[ORDERS_MAX];
	uint32_t last_order;
	struct decoys decoys;
	bool told_ready;
	bool stopping;
	sd_event_source *ping, *stop_limit;
};

/* Opens the programs beside this one, or in libexec. @return 0, -ENOENT. */
int children_find(struct daemon *daemon, struct err *e);
/* Whether that child belongs to this run: with --observe there is no keeper. */
bool child_is_wanted(const struct child *child);
/* Starts one child and sends its set-up. A failure is treated as a death: tried again. */
void child_start(struct child *child);
/* Asks all to end; the loop ends when they have. */
void children_stop(struct daemon *daemon);
/* Tells the engine to read the policy again. */
void children_reload(struct daemon *daemon);
/* Ends without asking those that are left and waits for them; for the way out. */
void children_end(struct daemon *daemon);
/* Asks all whether they live; a child that has been silent too long is killed. */
void children_ping(struct daemon *daemon);

/* Sends the engine the ring of the bind guard, or that there is none. The next engine goes on where
 * the last one ended, as with the ring of events. @return 0 or negative errno. */
int attempts_send(const struct daemon *daemon, struct err *e);
/* Takes a ring of that size (-1 = the guard is off) and passes it on. */
void attempts_take(struct daemon *daemon, enum guard_hook hook, int *ring, uint32_t bytes);

/* "audited ADDRESS": a person had a host audited that the policy does not declare. "port-opened
 * ADDRESS PROTOCOL PORT COUNT WORDS", "port-closed ...": what an audit found of one that it does;
 * COUNT = ports that it stands for. */
bool audits_is_order(const char *order, size_t length);
/* Hands it to the engine as an event. @return the answer. */
const char *audits_take(struct daemon *daemon, const char *order, size_t length);

/* Sends the sentry what packets are heard by; the programs themselves stay with the parent. The
 * next sentry goes on where the last one ended. @return 0 or negative errno. */
int tap_send(const struct daemon *daemon, struct err *e);

/* In the loader: loads the tap or opens a packet socket, and sends it with what was not possible.
 */
void taps_load(const struct daemon *daemon, int socket);
/* In keeper and helper: the tap that the loader loaded; NULL = there is none. */
struct tap *taps_open(const struct daemon *daemon);
/* Takes it off every interface, and its pins away; frees it. Needs CAP_NET_ADMIN. */
void taps_remove(struct tap *tap);

/* Handles a message of a child that asks the parent for something. @return 0 or
 * negative errno: the child is not to be trusted any more. */
int request_handle(struct daemon *daemon, const struct wire_message *message);

/* Watches the helper's answers. @return 0 or negative errno. */
int requests_watch(struct daemon *daemon, struct err *e);

/*
 * Forks the helper: it keeps CAP_SYS_ADMIN and CAP_SYS_PTRACE, opens diag sockets in other network
 * namespaces when the parent asks, and removes the runtime files when the parent has ended, however
 * that came. @return 0 or negative errno.
 */
int helper_start(struct daemon *daemon, struct err *e);

/* Tells the helper to clean up and waits for it. */
void helper_end(struct daemon *daemon);

/*
 * Loads and pins the BPF programs in a short-lived process, so that what loading takes of memory is
 * gone afterwards; keeps ring and links in daemon->ring_fds. Where that fails the reason is in
 * daemon->ring.reason. Likewise the tap, or a packet socket, in daemon->tap_fds. @return 0;
 * negative errno only when no process could be made.
 */
int loader_run(struct daemon *daemon, struct err *e);

/*
 * The keeper: a fork of the parent that gives away all rights but CAP_NET_ADMIN, hears what the
 * kernel tells of its rules, puts back what was confirmed and tells what others changed. In the new
 * process; `socket` leads to the parent.
 */
void keeper_main(const struct daemon *daemon, int socket) __attribute__((noreturn));

/* ---- decoys.c ---- */

/* The ports that the policy wants as decoys, "23,3389": a process without rights accepts there,
 * says nothing, and tells who came. */
void decoys_take(struct daemon *daemon, const char *text);
/* Tells the sentry which are held, so that they count as closed there. */
void decoys_tell(const struct daemon *daemon);
/* Ends it; for the way out. */
void decoys_end(struct daemon *daemon);

/* What the keeper answers to an order; request 0 = to all that wait. */
void control_ordered(struct daemon *daemon, uint32_t request, const char *text);

/* The socket for orders: 0600, the peer's user checked. @return 0 or negative errno. */
int control_watch(struct daemon *daemon, struct err *e);
