/*
 * The bind guard: only the program that a policy declares for a port binds it.
 *
 * A program in the kernel (bpf/bind_guard.bpf.c) is asked at every bind() below a cgroup, normally
 * the root of cgroup v2. The policy becomes a table that it looks into; who binds is told by names
 * that outlive restarts and upgrades, never by their numbers. docs/design/bind-guard.md says what
 * it holds against, and what not.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/portset.h"
#include "base/str.h"
#include "base/vec.h"
#include "base/when.h"
#include "model/inventory.h"
#include "model/protocol.h"
#include "policy/policy.h"

enum guard_mode {
	GUARD_OBSERVE, /* tell of every bind that does not fit, refuse none */
	GUARD_ENFORCE,
};

/* "observe", "enforce": the words of the command line and of JSON. */
const char *guard_mode_name(enum guard_mode mode);

/* ---- from the policy to a table (pure) ---- */

enum {
	GUARD_FILE_PATH_BYTES = 1024,
	GUARD_ID_BYTES = 64 + 1, /* a container's id and its NUL */
};

/* Where an executable lies, as the kernel tells of it in every mount namespace alike. */
struct guard_file {
	uint32_t device;                  /* of the super block: major << 20 | minor */
	char path[GUARD_FILE_PATH_BYTES]; /* inside that file system: "usr/sbin/sshd" */
};

/*
 * What the names of the policy stand for on this host. Each function answers 0, -ENOENT when there
 * is no such thing, or another negative errno.
 */
struct guard_environment {
	int (*user)(void *context, uint32_t *uid, const char *name);
	int (*executable)(void *context, struct guard_file *out, const char *path);
	/* The whole id. NULL = names of containers are not known, ids are. */
	int (*container)(void *context, char id[GUARD_ID_BYTES], const char *name);
	/* Whether the container of that id is known to have a network of its own. NULL = of none.
	 */
	bool (*own_network)(void *context, const char *id);
	void *context;
	uint64_t netns_cookie;  /* SO_NETNS_COOKIE of the one namespace to guard */
	uint64_t root;          /* inode of the cgroup where the names of units begin */
	uint32_t pid_namespace; /* inode; its process 1 opens the sockets of socket units */
	usec_t now;
};

struct guard_options {
	enum guard_mode mode;
	bool even_never_cut; /* refuse also where guard_is_spared() says to only watch */
};

/* Whether there is anything to guard: a `program:`, and no `guard: off`. */
bool guard_is_wanted(const struct policy *policy);
/* The mode that `defaults: guard:` says; never_cut is left alone. */
struct guard_options guard_options_of(const struct policy *policy);

/* What a person should know about a declaration's guard. */
enum guard_note_kind {
	/* Watched only, whatever the mode: */
	GUARD_NOTE_SPARED,        /* people whom never_cut names depend on it */
	GUARD_NOTE_NO_USER,       /* no such user */
	GUARD_NOTE_NO_EXECUTABLE, /* its folder does not exist */
	GUARD_NOTE_NO_CONTAINER,  /* no container of that name: its id is not known */
	GUARD_NOTE_TOO_LONG,      /* a path or name longer than the kernel's side compares */
	/* Not guarded at all: */
	GUARD_NOTE_PROTOCOL, /* neither TCP nor UDP */
	GUARD_NOTE_TOO_MANY, /* more programs for a port, or in all, than a table holds */
	/* Guarded, with a weakness: */
	GUARD_NOTE_WEAK,      /* by executable alone: everybody may start it, with LD_PRELOAD */
	GUARD_NOTE_CONTAINER, /* by container alone: user and executable lie inside of it */
	/* Of outbound: alone: it has a network of its own, so that this host sends nothing for it.
	 */
	GUARD_NOTE_OWN_NETWORK,
};

/* "spared", "no_user", ... for JSON. */
const char *guard_note_name(enum guard_note_kind kind);

struct guard_note {
	enum guard_note_kind kind;
	const struct policy_declaration *declaration; /* of the policy that was compiled */
};

struct guard_set; /* bpf/guard.h */

/* The policy as the kernel's side reads it. */
struct guard_table {
	struct guard_set *set; /* 2.6 MiB */
	VEC(struct guard_note) notes;
	uint32_t ports;       /* guarded ones, TCP and UDP counted apart */
	uint32_t enforced;    /* of them, those whose binds are refused when the mode is enforce */
	struct portset owned; /* guarded ports of either protocol, for guard_reserve() */
};

/*
 * Makes the table. Declarations without `program:` leave their ports free, also when another one
 * names a program for the same port: it says that anybody may.
 * @param out     free with guard_table_deinit; untouched on failure. Notes point into the policy.
 * @return 0, -ENOMEM, or what a function of the environment answered beyond -ENOENT.
 */
int guard_compile(struct guard_table *out, const struct policy *policy,
		  const struct guard_options *options, const struct guard_environment *environment,
		  struct err *e);
void guard_table_deinit(struct guard_table *table);

/*
 * Whether a mistake in this declaration could lock somebody out: it is the secure shell, or opens
 * to somebody whom never_cut names. `from: any` alone is not: then every public port would be.
 */
bool guard_is_spared(const struct policy *policy, const struct policy_declaration *declaration);

/* How many rules a port has in the table, 0 = free; `watched`, if not NULL, whether none refuses.
 */
unsigned guard_table_rules(const struct guard_table *table, enum protocol protocol, uint16_t port,
			   bool *watched);

/* The programs that are declared for a port, as the policy writes them: "unit: web.service, user:
 * www-data", several with " | " between; nothing when there is none. Appends. */
void guard_programs_format(struct str *out, const struct policy *policy, enum protocol protocol,
			   uint16_t port);

/* ---- what would change (pure) ---- */

enum guard_change_kind {
	GUARD_KEPT,    /* the port was free for everybody, now it is for its programs */
	GUARD_FREED,   /* the reverse */
	GUARD_ALTERED, /* for other programs, or refused instead of watched */
};

/* Neighbouring ports of a protocol that change alike. Strings in the arena. */
struct guard_change {
	enum guard_change_kind kind;
	bool refused_before, refused_after; /* others are refused, not only watched */
	const char *ports;                  /* "5432/tcp", "8000-8010/udp" */
	const char *before, *after;         /* as guard_programs_format(); "" = free */
};

struct guard_changes {
	struct arena arena;
	VEC(struct guard_change) list; /* by protocol and port */
};

/*
 * What the guard that `after` asks for does otherwise than that of `before`. What only the host can
 * tell, as a user who does not exist, is left out of account.
 * @param before,after  NULL = no policy holds, nothing is guarded.
 * @param out           free with guard_changes_deinit in every case.
 * @return 0; -ENOMEM.
 */
int guard_changes(struct guard_changes *out, const struct policy *before,
		  const struct policy *after, struct err *e);
void guard_changes_deinit(struct guard_changes *changes);
/* "kept", "freed", "altered". */
const char *guard_change_name(enum guard_change_kind kind);

/* ---- a bind or a connect that did not fit (pure) ---- */

/* What did not fit first. The numbers are those of bpf/guard.h. */
enum guard_misfit {
	GUARD_MISFIT_USER = 1,
	GUARD_MISFIT_EXECUTABLE = 2,
	GUARD_MISFIT_UNIT = 3,
	GUARD_MISFIT_CONTAINER = 4,
	GUARD_MISFIT_DESTINATION = 5, /* not one that this program may connect to */
	GUARD_MISFIT_ENDED = 6,       /* the last day is over, or who is meant is not known here */
};

/* "user", "executable", "unit", "container" as keys of `program:`; "destination", "ended". */
const char *guard_misfit_name(enum guard_misfit misfit);

enum { GUARD_PROCESS_BYTES = 16, GUARD_UNIT_NAME_BYTES = 64 };

struct guard_attempt {
	usec_t time;                       /* wall */
	int32_t pid;                       /* in the first pid namespace */
	uint32_t uid;                      /* effective */
	char process[GUARD_PROCESS_BYTES]; /* any bytes: escape before showing */
	char unit[GUARD_UNIT_NAME_BYTES];  /* "ssh.service", "docker-ID.scope"; "" = none; likewise
					    */
	enum protocol protocol;
	uint16_t port;
	struct addr
		address; /* the socket's own; with `outgoing` the other end, and so is the port */
	uint64_t netns_cookie;
	enum guard_misfit misfit;
	bool refused;  /* false = it would have been */
	bool outgoing; /* a connect or a datagram; else a bind */
};

/* Reads a record of the ring. @return 0; -EBADMSG with `out` untouched. */
int guard_attempt_read(struct guard_attempt *out, const void *record, size_t length,
		       usec_t boot_offset);

enum { GUARD_REPEATS_MAX = 256 };

struct guard_repeat {
	struct guard_attempt attempt; /* the last one */
	usec_t told;
	uint64_t waiting; /* so many since then */
};

/* What was told lately; zeroed = nothing. Beyond GUARD_REPEATS_MAX different ones within a minute
 * all others share the last slot: a program that runs over every port fills no disk. */
struct guard_repeats {
	struct guard_repeat slots[GUARD_REPEATS_MAX + 1];
};

/* @param count  attempts that this one stands for, at least 1. */
typedef void guard_told_function(const struct guard_attempt *attempt, uint64_t count, void *data);

/* The first attempt of somebody at a port is told at once, what repeats it within a minute is
 * counted. */
void guard_repeats_add(struct guard_repeats *repeats, const struct guard_attempt *attempt,
		       guard_told_function *function, void *data);
/* Tells what was counted and not told yet. @param all  also within the minute: the end. */
void guard_repeats_flush(struct guard_repeats *repeats, usec_t now, bool all,
			 guard_told_function *function, void *data);

/* ---- reserved ports (pure) ---- */

/* Outcome of guard_reserve. */
enum guard_reserve_outcome {
	GUARD_RESERVE_TOO_MUCH = 1, /* less than half of the ephemeral range would stay free */
};

/*
 * listen() without bind() takes a port of the ephemeral range and asks nobody: the kernel must not
 * pick a guarded one. ip_local_reserved_ports keeps them out.
 * @param out    `now` and the owned ports.
 * @param added  what that adds to `now`: keep it, for guard_unreserve(). Both untouched on outcome.
 * @return 0; GUARD_RESERVE_TOO_MUCH.
 */
int guard_reserve(struct portset *out, struct portset *added, const struct portset *now,
		  const struct portset *owned, const struct port_range *ephemeral);
/* What `now` was before `added` came to it; what others added since then stays. */
void guard_unreserve(struct portset *out, const struct portset *now, const struct portset *added);
/* The kernel's list form: "3000,8000-8010". Appends. */
void guard_ports_format(struct str *out, const struct portset *ports);

/* The ports that are kept with the table, see guard_status.reserved. */
void guard_table_keep(struct guard_table *table, const struct portset *added);

/* ---- what this host connects to (pure) ---- */

/*
 * `outbound:` is held by the packet filter (lib/enforce), but for the unit and the executable of a
 * program: those are asked where a program connects or sends (bpf/connect_guard.bpf.c).
 */

/* "unit: postfix.service to relay", whom a declaration of outbound: is for, "anybody" without a
 * program. Appends. */
void guard_declaration_format(struct str *out, const struct policy *policy,
			      const struct policy_declaration *declaration);
/* "unit: postfix.service | user: mail to relay", by whom a port of outbound: may be used. Appends;
 * nothing when nobody is declared. */
void guard_outbound_format(struct str *out, const struct policy *policy, enum protocol protocol,
			   uint16_t port);

/* Whether a declaration of `outbound:` keeps a port for a program. */
bool guard_keeps_outbound(const struct policy *policy);

struct connect_set; /* bpf/connect.h */

struct guard_connect {
	struct connect_set *set;      /* 3.7 MiB */
	VEC(struct guard_note) notes; /* of declarations that fit nobody, or are weak */
	uint32_t ports;               /* kept ones, TCP and UDP counted apart */
};

/* When days end, for `until:`. */
struct guard_days {
	usec_t (*day_end)(int32_t day); /* as struct enforce_environment has it */
	usec_t boot;                    /* `now` of the environment on CLOCK_BOOTTIME */
};

/*
 * Makes the set of a policy; a policy that not guard_keeps_outbound() keeps nothing. Who cannot be
 * told as it is meant fits nobody. With `mode: observe` nobody is refused.
 * @param out     free with guard_connect_deinit; untouched on failure. Notes point into the policy.
 * @return 0; -E2BIG more than 511 declarations, or 64 networks of one; -ENOMEM; what a function of
 * the environment answered beyond -ENOENT.
 */
int guard_connect_compile(struct guard_connect *out, const struct policy *policy,
			  const struct guard_days *days,
			  const struct guard_environment *environment, struct err *e);
void guard_connect_deinit(struct guard_connect *connect);
/* Whether both decide alike, whenever they were made; their days may end a minute apart, as the
 * clock is set right. */
bool guard_connect_alike(const struct connect_set *a, const struct connect_set *b);

/* ---- the kernel ---- */

/* Where the guard stands. */
struct guard_place {
	const char *directory; /* for its pins; below a mounted bpffs, is made when missing */
	const char *cgroup;    /* everything below it is guarded; NULL = the root of cgroup v2 */
	bool without_bpf;      /* MINATO_WITHOUT=bpf */
};

/*
 * Whether a guard could stand there: BPF is not taken away, cgroup v2 is there, the pins' folder
 * lies on a bpffs. Rights are not looked at. @return 0; -EOPNOTSUPP; -ENOENT; -ENOTTY; errno.
 */
int guard_possible(const struct guard_place *place, struct err *e);

/*
 * Fills in the environment from this process: its namespaces, the accounts, mounts and the cgroup.
 * `container` stays NULL. @return 0; -ENOENT no cgroup v2, -EOPNOTSUPP a kernel before 5.14, ...
 */
int guard_environment_read(struct guard_environment *out, const struct guard_place *place,
			   usec_t now, struct err *e);

/*
 * Makes the table hold. A guard that stands there already gets the new table in one step: each
 * bind is judged by the old one or by the new one as a whole. Needs root.
 * @return 0; -EPERM; -EBUSY it guards another cgroup; -EOPNOTSUPP without BPF or for an old
 *         kernel; -ENOENT no cgroup v2; -ENOTTY no bpffs; others of the system calls.
 */
int guard_load(const struct guard_place *place, const struct guard_table *table, struct err *e);

/*
 * Whether a guard stands there, for this network namespace, that decides as the table does. Needs
 * root. @return 0; -EPERM; others of the system calls.
 */
int guard_holds(bool *out, const struct guard_place *place, const struct guard_table *table,
		struct err *e);

/* Takes the guard away; none is fine. @return 0; -EPERM; others of the system calls. */
int guard_unload(const struct guard_place *place, struct err *e);

struct guard_status {
	bool loaded;
	bool attached; /* false = the cgroup is gone, and with it the guard */
	bool here;     /* it guards the network namespace of this process */
	bool outdated; /* another version of minato loaded it: the next guard_load replaces it */
	enum guard_mode mode;
	uint32_t rules;
	uint32_t ports;   /* guarded ones */
	usec_t made;      /* wall time of the table */
	uint64_t allowed; /* binds of guarded ports, since the guard was loaded first */
	uint64_t refused;
	uint64_t watched;        /* did not fit and went through */
	uint64_t lost;           /* of the two above, those whose record found no room */
	struct portset reserved; /* what guard_table_keep() kept */
};

/* @return 0, also when nothing is loaded; -EPERM; -EOPNOTSUPP; others of the system calls. */
int guard_status(struct guard_status *out, const struct guard_place *place, struct err *e);

/* The refusals of a guard that is loaded, as they come. One reader at a time. */
struct guard_attempts;
typedef void guard_attempt_function(const struct guard_attempt *attempt, void *data);

/* Which calls are asked. Each has a place of its own: guard_place_of(). */
enum guard_hook { GUARD_HOOK_BIND, GUARD_HOOK_CONNECT };
enum { GUARD_HOOKS = 2, GUARD_DIRECTORY_BYTES = 512 };

/* Where the guard of connect() stands, beside that of bind(). @param directory  of
 * GUARD_DIRECTORY_BYTES, is pointed into. */
struct guard_place guard_place_of(enum guard_hook hook, const struct guard_place *bind,
				  char *directory);

/*
 * The ring of a guard that is loaded, to be handed to its one reader; closed by the caller.
 * @param bytes receives its size. @return the descriptor; -ENOENT no guard is loaded; -EPERM; ...
 */
int guard_ring(uint32_t *bytes, enum guard_hook hook, const struct guard_place *place,
	       struct err *e);
/* Begins to read it, without any rights; `ring` stays the caller's and may be closed afterwards.
 * @return 0; -EINVAL no such ring; -ENOMEM; others of mmap. Free with guard_attempts_free. */
int guard_attempts_open(struct guard_attempts **out, int ring, uint32_t bytes, struct err *e);
/* Readable when something waits. */
int guard_attempts_fd(const struct guard_attempts *attempts);
/* Hands over at most `max`. @return how many. */
unsigned guard_attempts_read(struct guard_attempts *attempts, unsigned max,
			     guard_attempt_function *function, void *data);
/* @return NULL. NULL is allowed. */
struct guard_attempts *guard_attempts_free(struct guard_attempts *attempts);

/* Ports that this network namespace reserves, and its ephemeral range. */
int guard_reserved_read(struct portset *out, struct port_range *ephemeral, struct err *e);
/* Needs root of the namespace. @return 0; -EPERM, -EACCES; others. */
int guard_reserved_write(const struct portset *ports, struct err *e);

/* ---- what this host connects to: the kernel ---- */

/*
 * Whether this host can hold it at all, as far as that is told without loading anything. The place
 * has a directory of its own, beside that of the bind guard. @return 0; as guard_connect_hold.
 */
int guard_connect_check(const struct guard_place *place, struct err *e);

/* Makes the set hold, and ends what is tried: in one step where an older one holds. Needs root.
 * @return as guard_load. */
int guard_connect_hold(const struct guard_place *place, const struct guard_connect *connect,
		       struct err *e);
/*
 * Makes the set hold until then, before what is confirmed, and the latter again afterwards: the
 * kernel looks at its clock, so that no process has to live for it.
 * @param until  on CLOCK_MONOTONIC, as the timeouts of nft are. @return as guard_load.
 */
int guard_connect_try(const struct guard_place *place, const struct guard_connect *connect,
		      usec_t until, struct err *e);
/* Ends what is tried, also when its time is over; none is fine. Where nothing is confirmed
 * everything goes. @return 0; -EPERM; others of the system calls. */
int guard_connect_cancel(const struct guard_place *place, struct err *e);
/* Takes it away; none is fine. @return 0; -EPERM; others of the system calls. */
int guard_connect_release(const struct guard_place *place, struct err *e);

/* Whether what is confirmed decides as this set does. @return 0; -EPERM; others. */
int guard_connect_holds(bool *out, const struct guard_place *place,
			const struct guard_connect *connect, struct err *e);

struct guard_connect_status {
	bool attached;    /* programs are asked, of whatever set */
	bool held;        /* a confirmed set holds, for this network namespace */
	bool enforced;    /* it refuses; else it only tells */
	uint64_t allowed; /* connections and datagrams to kept ports, since it was loaded */
	uint64_t refused;
	uint64_t watched; /* did not fit and went through */
	uint64_t lost;    /* of the two above, those whose record found no room */
	usec_t made;      /* wall time of the set */
};

/* @return 0, also when nothing is loaded; -EPERM; others. */
int guard_connect_status(struct guard_connect_status *out, const struct guard_place *place,
			 struct err *e);
