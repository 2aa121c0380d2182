/*
 * What is open on this host, who holds it, and what changes.
 *
 * Two ways in: observe_inventory() looks at everything once, and the event stream tells of each
 * listener that opens or closes. Events are for freshness, the inventory is the truth:
 * observe_compare() makes events of the difference between two inventories.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/vec.h"
#include "base/when.h"
#include "model/event.h"
#include "model/foreign.h"
#include "model/inventory.h"

/* What an inventory shall hold beyond the listeners themselves. */
enum observe_flags {
	OBSERVE_OWNERS = 1 << 0,      /* pid, uid, name and descriptor of who holds each listener */
	OBSERVE_DETAILS = 1 << 1,     /* every field of struct process but `package` */
	OBSERVE_PACKAGES = 1 << 2,    /* package of each executable; implies OBSERVE_DETAILS */
	OBSERVE_COUNTS = 1 << 3,      /* connections and most frequent peers of each listener */
	OBSERVE_CONNECTIONS = 1 << 4, /* inventory.connections with owners; implies the counts */
	OBSERVE_PUBLISHED = 1 << 5,   /* DNAT and redirect rules of the packet filter */
	OBSERVE_ALL_NETNS = 1 << 6,   /* every network namespace, not only that of this process */
	OBSERVE_EVERYTHING = (1 << 7) - 1,
};

/* Features of the kernel or host to do without, for tests of the fallbacks: MINATO_WITHOUT. */
enum observe_without {
	OBSERVE_WITHOUT_BPF = 1 << 0,      /* "bpf": no bpf() and no pins */
	OBSERVE_WITHOUT_BTF = 1 << 1,      /* "btf": nothing can be loaded, pins may be read */
	OBSERVE_WITHOUT_ITERATOR = 1 << 2, /* "iterator": owners and details by /proc only */
	OBSERVE_WITHOUT_PIN = 1 << 3,      /* "pin": the daemon's pins are not looked for */
	OBSERVE_WITHOUT_NETNS = 1 << 4,    /* "netns": no other namespace may be entered */
	OBSERVE_WITHOUT_NFT = 1 << 5,      /* "nft": the packet filter cannot be read */
	OBSERVE_WITHOUT_DIAG = 1 << 6,     /* "diag": no sock_diag, /proc/net instead */
	OBSERVE_WITHOUT_PROC = 1 << 7,     /* "proc": owners not by /proc/PID/fd */
};

/*
 * Reads a comma separated list as in MINATO_WITHOUT; words of other libraries ("conntrack") are
 * passed over. @param list may be NULL. @return mask of enum observe_without.
 */
unsigned observe_without_parse(const char *list);

/* A network namespace with a NETLINK_SOCK_DIAG socket that was opened inside it. */
struct observe_socket {
	uint32_t inode;  /* of the namespace */
	uint64_t cookie; /* SO_NETNS_COOKIE, 0 = not known (before Linux 5.14) */
	enum netns_kind kind;
	char name[EVENT_NAME_BYTES]; /* "" = none */
	int32_t pid;                 /* one process (or thread) in it, 0 = none known */
	int fd;                      /* of the diag socket, -1 = could not be entered */
	uint32_t idle;               /* protocols that had no socket then; 0 = not known */
	bool by_proc;                /* no sock_diag: /proc/net of this process stands in, fd -1 */
	char path[EVENT_PATH_BYTES]; /* a file to enter it by; "" = it is that of this process */
};

/* Plain values and descriptors: it can be handed to another process with SCM_RIGHTS. */
struct observe_sockets {
	VEC(struct observe_socket) list; /* the process' own namespace first */
};

struct observe_request {
	unsigned flags;   /* enum observe_flags */
	unsigned without; /* enum observe_without */
	usec_t now;       /* wall time to stamp the inventory with */
	/* Directory of the daemon's pins (RUNTIME/bpf); NULL = none. */
	const char *bpf_directory;
	/* Namespaces opened before, for a caller that may not open them itself; NULL = opens them.
	 */
	const struct observe_sockets *sockets;
};

/*
 * Takes stock of the sockets of this host.
 * @param out      made by this function, sorted by inventory_sort(); the caller ends it with
 *                 inventory_deinit(). Untouched on failure.
 * @return 0; -EPERM, -EACCES when not even the own namespace could be listed; -ENOMEM; other
 *         negative errno from netlink. What merely could not be seen is told in out->coverage.
 */
int observe_inventory(struct inventory *out, const struct observe_request *request, struct err *e);

/*
 * Finds network namespaces (processes, /run/netns, bind mounts) and opens a diag socket in each.
 * The process itself never changes its namespace: a thread of its own does.
 * @param all      false: the own namespace only.
 * @param without  enum observe_without.
 * @return 0; -ENOMEM; other negative errno. A namespace that may not be entered stands in the list
 *         with fd -1; so does the own one where the kernel has no sock_diag, but with `by_proc`.
 */
int observe_sockets_open(struct observe_sockets *out, bool all, unsigned without, struct err *e);
/* Closes all sockets and frees the list; NULL is allowed. */
void observe_sockets_close(struct observe_sockets *sockets);

/*
 * Loads the owner iterators and pins them as DIRECTORY/listener_owners, listener_files,
 * connection_owners, process_details and network_namespaces, replacing older pins of these names.
 * Mounts a bpffs of its own on the directory (made when missing, mode 0755) unless it is one
 * already. Needs CAP_BPF and CAP_PERFMON, CAP_SYS_ADMIN for the mount, CAP_CHOWN for a foreign
 * group.
 * @param mode  of the pins, e.g. 0440. @param group of the pins, (gid_t)-1 = unchanged.
 * @return 0; -EPERM; -EOPNOTSUPP when the kernel lacks iterators or BTF; other negative errno.
 *         After a failure no pin of ours is left.
 */
int observe_pin(const char *directory, mode_t mode, gid_t group, struct err *e);
/* Removes the pins; with `unmount` also the bpffs mounted by observe_pin. Absent ones are fine. */
void observe_unpin(const char *directory, bool unmount);

/* ---- Events ---- */

enum { OBSERVE_EVENT_LINKS_MAX = 6 };

/* Which sources of events are attached. */
enum observe_event_source_mask {
	OBSERVE_EVENTS_TCP = 1 << 0,         /* TCP and MPTCP: listen and its end */
	OBSERVE_EVENTS_UDP_BIND = 1 << 1,    /* UDP, IPv4 and IPv6: bind */
	OBSERVE_EVENTS_UDP_RELEASE = 1 << 2, /* UDP: close */
};

/* Everything that keeps the event programs attached; they go when the last copy is closed. */
struct observe_event_fds {
	int ring;          /* ring buffer map; all that a consumer needs besides `counters` */
	size_t ring_bytes; /* its size */
	int counters; /* array map with the number of lost records; to be mapped, not looked up */
	int links[OBSERVE_EVENT_LINKS_MAX];
	unsigned link_count;
	unsigned sources; /* enum observe_event_source_mask: what could be attached */
};

/*
 * Loads and attaches the event programs. Needs CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN.
 * @param ring_bytes  size of the ring: a power of two, at least the page size.
 * @return 0 with at least one source attached; -EPERM; -EOPNOTSUPP when the kernel lacks BTF or
 *         ring buffers; other negative errno. `out` is untouched on failure.
 */
int observe_events_load(struct observe_event_fds *out, size_t ring_bytes, unsigned without,
			struct err *e);
/* Closes all descriptors. NULL is allowed. */
void observe_event_fds_close(struct observe_event_fds *fds);

struct observe_events;

/*
 * A consumer of the ring, without any privilege and without the bpf() system call; there may be
 * one at a time. The descriptors stay the caller's and may be closed afterwards.
 * @param ring_bytes as observe_events_load gave it.
 * @return 0, -ENOMEM, -EINVAL when they are not such maps, other negative errno from mmap.
 */
int observe_events_open(struct observe_events **out, int ring, size_t ring_bytes, int counters,
			struct err *e);
/* @return NULL. NULL is allowed. */
struct observe_events *observe_events_free(struct observe_events *events);

/* To be watched for EPOLLIN; owned by `events`. */
int observe_events_fd(const struct observe_events *events);

/*
 * Called for EVENT_LISTENER_OPENED and EVENT_LISTENER_CLOSED with time, protocol, address, port,
 * netns, cookie, pid, uid and process filled. `port` is 0 for a socket that listens without bind
 * (the kernel picks a port later): see observe_event_resolve. A closed event carries who opened the
 * socket, as far as it was seen.
 */
typedef void observe_event_function(const struct event *event, void *data);

/*
 * Hands over the waiting events, at most `max`.
 * @return how many, 0 = none.
 */
unsigned observe_events_read(struct observe_events *events, unsigned max,
			     observe_event_function *function, void *data);

/* Records lost since the programs were loaded, because the ring was full. */
uint64_t observe_events_lost(const struct observe_events *events);

/*
 * Completes address and port of an opened event by its socket cookie. An event with port 0 comes
 * while listen(2) is still at work, so that the socket may not be found yet: ask again a little
 * later.
 * @return 0; -ENOENT when there is no such socket yet or any more, or its namespace has no socket
 *         in `sockets`; other negative errno from netlink.
 */
int observe_event_resolve(struct event *event, const struct observe_sockets *sockets,
			  struct err *e);

/*
 * Fills executable, unit and container of an event from its pid, while that process lives.
 * @return 0; -ESRCH when it is gone; -EACCES when only part of it could be read.
 */
int observe_event_describe(struct event *event);

/*
 * The difference of two inventories as events: listeners opened, closed, and EVENT_OWNER_CHANGED
 * where the same socket, or a new socket on the same endpoint, is held by another program.
 * Sockets are told apart by namespace and cookie (or inode, where the kernel gave no cookie).
 * The events carry after->time. Pure. Closed ones come first, then opened, then changed.
 * @return how many events, or -ENOMEM before the first call of `function`.
 */
int observe_compare(const struct inventory *before, const struct inventory *after,
		    observe_event_function *function, void *data);

/*
 * Completes a closed event from the inventory that still had the socket: its endpoint, and who held
 * it. For sockets older than the events: the kernel no longer knows the number of one that listened
 * without bind(). Pure; looks at every listener.
 * @return false and no change when the inventory does not have the socket.
 */
bool observe_event_recall(struct event *event, const struct inventory *inventory);

/* ---- Rules of other tools ---- */

/*
 * Reads "nft -j list ruleset" (libnftables-json(5)): what rules outside table inet minato do with
 * new packets for this host. Pure. A condition that is not understood counts as one that some
 * packets meet.
 * @param out  made by foreign_rules_init(); what is found is appended.
 * @return 0; -EINVAL when it is no such document; -ENOMEM.
 */
int observe_foreign_rules(struct foreign_rules *out, const char *text, size_t length);

/* ---- Names out of a cgroup path ---- */

enum { OBSERVE_CONTAINER_ID_BYTES = 129 };

/* "" and NULL = the path does not say. */
struct observe_cgroup {
	char unit[EVENT_PATH_BYTES];
	char slice[EVENT_PATH_BYTES];
	char container_id[OBSERVE_CONTAINER_ID_BYTES];
	const char *runtime; /* "docker", "podman", "containerd", "cri-o", "lxc"; static string */
};

/*
 * The id of the container that has this name, by the state files of the runtimes: also of one that
 * does not run. @param root "" usually; tests give another one. @param id untouched on failure.
 * @return 0; -ENOENT no runtime that we may read knows the name.
 */
int observe_container_find(char *id, size_t room, const char *root, const char *name);

enum observe_network {
	OBSERVE_NETWORK_UNKNOWN,
	OBSERVE_NETWORK_HOST,
	OBSERVE_NETWORK_OWN, /* its own, or another container's */
};

/* In which network a container is to run, by the state files of the runtimes. @param root as
 * above. */
enum observe_network observe_container_network(const char *root, const char *id);

/*
 * Reads systemd unit, slice and container from a path of the v2 hierarchy or of systemd's v1
 * hierarchy ("/system.slice/ssh.service"). Pure. A user's own units win over user@UID.service.
 */
void observe_cgroup_parse(struct observe_cgroup *out, const char *path);
