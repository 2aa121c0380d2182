/* A socket that waits for somebody: TCP in LISTEN, UDP without a peer. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "model/protocol.h"

/* What is known of who holds the socket. */
enum ownership {
	OWNERSHIP_UNKNOWN, /* nobody looked */
	OWNERSHIP_OWNED,   /* at least one process holds a descriptor */
	OWNERSHIP_NONE,    /* everything was visible and no process holds it: kernel socket, or in
			      flight */
	OWNERSHIP_HIDDEN,  /* no owner seen, but not everything could be seen */
};

enum { LISTENER_PEERS_MAX = 3 };

struct listener_peer {
	struct addr address;
	uint32_t connections;
};

struct listener {
	enum protocol protocol;
	struct addr address;
	uint16_t port;
	bool v6_only;       /* an IPv6 socket that does not take IPv4 (IPV6_V6ONLY) */
	uint32_t interface; /* index it is bound to (SO_BINDTODEVICE), 0 = all */
	const char *interface_name;
	uint32_t netns;    /* index into inventory.netns */
	uint64_t inode;    /* of the socket, 0 = none */
	uint64_t cookie;   /* kernel's socket cookie, 0 = not known */
	uint32_t uid;      /* who made the socket */
	uint32_t queue;    /* TCP: connections waiting for accept(); UDP: bytes waiting */
	uint32_t backlog;  /* TCP: most that may wait; UDP: 0 */
	uint32_t siblings; /* sockets of the same SO_REUSEPORT group, itself included; 1 = alone */
	bool socket_activated; /* held by systemd (pid 1) for a unit */
	enum ownership ownership;
	uint32_t first_owner; /* index into inventory.owners; owners of one listener are adjacent */
	uint32_t owner_count;
	bool counted;         /* the next two are filled */
	uint32_t connections; /* TCP now established to it */
	uint32_t peer_count;  /* the most frequent ones, most first */
	struct listener_peer peers[LISTENER_PEERS_MAX];
};

/* A published port without a socket of its own: a DNAT or redirect rule answers it. */
struct published {
	enum protocol protocol;
	struct addr address; /* where it is published; any = all addresses */
	uint16_t first_port, last_port;
	struct addr target;   /* ADDR_NONE for a redirect to this host */
	uint16_t target_port; /* of first_port */
	const char *table;    /* "ip nat", as the packet filter names it */
	const char *chain;
	const char *
		owner; /* "docker", "podman", "libvirt", ... guessed by the chain; NULL = unknown */
	const char *container_name; /* of the target address, NULL = not known */
	uint32_t netns;
};
