/* The rings of the guards, on their way to the engine. */
#include "base/cleanup.h"
#include "daemon.h"

static int send_one(const struct daemon *daemon, enum guard_hook hook, struct err *e)
{
	const int *ring = &daemon->attempts_rings[hook];
	const struct wire_message message = {
		.type = WIRE_ATTEMPTS,
		.attempts = { .hook = (uint8_t)hook, .ring_bytes = daemon->attempts_bytes[hook] },
	};
	return wire_send(daemon->children[CHILD_ENGINE].socket, &message, ring, *ring >= 0 ? 1 : 0,
			 e);
}

int attempts_send(const struct daemon *daemon, struct err *e)
{
	int r = send_one(daemon, GUARD_HOOK_BIND, e);
	return r < 0 ? r : send_one(daemon, GUARD_HOOK_CONNECT, e);
}

void attempts_take(struct daemon *daemon, enum guard_hook hook, int *ring, uint32_t bytes)
{
	close_fdp(&daemon->attempts_rings[hook]);
	daemon->attempts_rings[hook] = steal_fd(ring);
	daemon->attempts_bytes[hook] = bytes;
	if (daemon->children[CHILD_ENGINE].socket >= 0) {
		(void)send_one(daemon, hook, NULL); /* a new engine gets it anyway */
	}
}
