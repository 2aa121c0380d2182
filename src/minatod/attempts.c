/* The ring of the bind guard, on its way to the engine. */
#include "base/cleanup.h"
#include "daemon.h"

int attempts_send(const struct daemon *daemon, struct err *e)
{
	const struct wire_message message = {
		.type = WIRE_ATTEMPTS, .attempts = { .ring_bytes = daemon->attempts_bytes }
	};
	return wire_send(daemon->children[CHILD_ENGINE].socket, &message, &daemon->attempts_ring,
			 daemon->attempts_ring >= 0 ? 1 : 0, e);
}

void attempts_take(struct daemon *daemon, int *ring, uint32_t bytes)
{
	close_fdp(&daemon->attempts_ring);
	daemon->attempts_ring = steal_fd(ring);
	daemon->attempts_bytes = bytes;
	if (daemon->children[CHILD_ENGINE].socket >= 0) {
		(void)attempts_send(daemon, NULL); /* a new engine gets it anyway */
	}
}
