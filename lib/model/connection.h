/* A connected socket of this host. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "model/protocol.h"

enum direction {
	DIRECTION_UNKNOWN,
	DIRECTION_INBOUND,  /* its local end is a port that we listen on */
	DIRECTION_OUTBOUND, /* the host chose the local port */
};

struct connection {
	enum protocol protocol;
	uint8_t state; /* kernel's TCP state, include/net/tcp_states.h: 1 = ESTABLISHED */
	enum direction direction;
	struct addr local, remote;
	uint16_t local_port, remote_port;
	uint32_t netns; /* index into inventory.netns */
	uint64_t inode;
	uint64_t cookie;
	uint32_t uid;
	uint32_t process; /* index into inventory.processes, UINT32_MAX = not known */
};
