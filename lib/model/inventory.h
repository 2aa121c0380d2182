/* Everything that is open on the host at one moment. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/portset.h"
#include "base/vec.h"
#include "base/when.h"
#include "model/connection.h"
#include "model/listener.h"
#include "model/process.h"

enum netns_kind {
	NETNS_HOST,      /* that of pid 1 (or the reader's own, when pid 1 is not readable) */
	NETNS_CONTAINER, /* a container's */
	NETNS_NAMED,     /* /run/netns/NAME */
	NETNS_OTHER,
};

struct netns {
	uint32_t inode;  /* of /proc/PID/ns/net: what `ip netns` and lsns show */
	uint64_t cookie; /* SO_NETNS_COOKIE, 0 = not known */
	enum netns_kind kind;
	const char *name; /* "host", the container's name, the netns' name; NULL = none */
	int32_t pid;      /* one process in it, 0 = none known */
	bool visible;     /* its sockets could be listed */
};

struct owner {
	uint32_t listener; /* index into inventory.listeners */
	uint32_t process;  /* index into inventory.processes */
	int32_t fd;        /* descriptor number in that process, -1 = not known */
};

struct port_range {
	uint16_t first, last; /* both included */
};

/* How the owners were found. */
enum owner_source {
	OWNER_SOURCE_NONE,
	OWNER_SOURCE_PINNED, /* BPF iterator pinned by the daemon */
	OWNER_SOURCE_BPF,    /* BPF iterator loaded by this process */
	OWNER_SOURCE_PROC,   /* /proc/PID/fd */
};

/* What could not be seen, for the one line that says so. */
struct coverage {
	enum owner_source owner_source;
	bool owners_complete;      /* every process of this pid namespace was looked into */
	uint32_t processes_hidden; /* processes whose descriptors could not be read */
	uint32_t listeners_hidden; /* listeners whose owner is therefore not known */
	uint32_t netns_hidden;     /* network namespaces that could not be entered */
	bool published_known;      /* packet filter rules could be read */
	bool connections_known;    /* connections were asked for */
};

struct inventory {
	struct arena arena; /* every string below */
	usec_t time;
	const char *hostname;
	struct port_range ephemeral; /* net.ipv4.ip_local_port_range of the host's namespace */
	struct portset reserved;     /* net.ipv4.ip_local_reserved_ports */
	struct coverage coverage;
	VEC(struct netns) netns;
	VEC(struct listener) listeners; /* sorted: see inventory_sort */
	VEC(struct owner) owners;
	VEC(struct process) processes; /* sorted by pid */
	VEC(struct connection) connections;
	VEC(struct published) published;
};

/* Makes it empty. @param limit_bytes bound of the strings' memory, 0 = none. */
void inventory_init(struct inventory *inventory, size_t limit_bytes);
/* Frees all of it; usable again after inventory_init. NULL is allowed. */
void inventory_deinit(struct inventory *inventory);

/*
 * Stable order: netns (host first), port, protocol, family (IPv4 first), address, interface, inode.
 * Reorders `owners` along; owners of one listener stay adjacent, by pid and descriptor.
 * @return 0 or -ENOMEM (then the order is unchanged).
 */
int inventory_sort(struct inventory *inventory);

/* The process with this pid; NULL when it is not there. Needs `processes` sorted. */
struct process *inventory_process(const struct inventory *inventory, int32_t pid);

/* Whether the kernel gives this number to outgoing connections by itself: in the ephemeral range of
 * the host and not reserved. */
bool inventory_is_ephemeral(const struct inventory *inventory, uint16_t port);

/* Whether a namespace is the host's own; without any entry everything is the host's. */
bool inventory_is_host(const struct inventory *inventory, uint32_t netns);

/* A socket of the host that would get a packet for there; NULL = nobody listens. */
const struct listener *inventory_listener_at(const struct inventory *inventory,
					     enum protocol protocol, const struct addr *to,
					     uint16_t port);

/* First owner's process of a listener; NULL without owner. */
const struct process *inventory_listener_process(const struct inventory *inventory,
						 const struct listener *listener);
