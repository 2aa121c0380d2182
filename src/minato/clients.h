/* The host's own connections, summed up by program and use. */
#pragma once

#include "base/vec.h"
#include "catalog/catalog.h"
#include "model/inventory.h"

enum { CLIENT_PORTS_MAX = 5 };

struct client_port {
	uint16_t port;
	uint32_t connections;
};

/* Connections of one program (all its processes) for one use. */
struct client_group {
	const char *program; /* process name; NULL = not visible */
	const struct client_use *use;
	uint32_t connections;
	uint32_t port_count;                        /* of `ports`, the most frequent first */
	struct client_port ports[CLIENT_PORTS_MAX]; /* remote ports */
};

struct clients {
	VEC(struct client_group) groups; /* most connections first */
	uint32_t connections;            /* all of them */
	uint32_t ephemeral_ports;        /* distinct local ports inside the ephemeral range */
};

/* @return 0 or -ENOMEM; free `groups` with vec_free. The inventory must outlive it. */
int clients_gather(struct clients *out, const struct inventory *inventory);
