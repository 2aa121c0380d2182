/* The connection whose four numbers the lesson shows. */
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/sockaddr.h"
#include "learn.h"
#include "look.h"
#include "observe/observe.h"

enum { ESTABLISHED = 1 }; /* include/net/tcp_states.h */

/* Higher is better to show: one that leaves this machine, that this side began, of a known program.
 */
static int worth(const struct inventory *inventory, const struct connection *c)
{
	if (c->protocol != PROTOCOL_TCP || c->state != ESTABLISHED ||
	    !inventory_is_host(inventory, c->netns)) {
		return 0;
	}
	return 1 + (addr_exposure(&c->remote) != EXPOSURE_LOOPBACK ? 4 : 0) +
	       (c->direction == DIRECTION_OUTBOUND ? 2 : 0) + (c->process != UINT32_MAX ? 1 : 0);
}

static void show_connection(struct lesson *lesson, const struct connection *c)
{
	char local[ADDR_TEXT_BYTES], remote[ADDR_TEXT_BYTES];
	const bool called = c->direction != DIRECTION_INBOUND;
	const uint16_t client = called ? c->local_port : c->remote_port;
	const uint16_t server = called ? c->remote_port : c->local_port;
	lesson_know(lesson, LEARN_LOCAL_ADDRESS, "%s", addr_format(&c->local, local));
	lesson_know(lesson, LEARN_LOCAL_PORT, "%u", c->local_port);
	lesson_know(lesson, LEARN_REMOTE_ADDRESS, "%s", addr_format(&c->remote, remote));
	lesson_know(lesson, LEARN_REMOTE_PORT, "%u", c->remote_port);
	lesson_know(lesson, LEARN_CLIENT_PORT, "%u", client);
	lesson_know(lesson, LEARN_SERVER_PORT, "%u", server);
	if (lesson->looked && inventory_is_ephemeral(&lesson->inventory, client)) {
		lesson_know(lesson, LEARN_CHOSEN_BY_KERNEL, "%u", client);
	}
	if (c->process != UINT32_MAX) {
		lesson_know(lesson, LEARN_CONNECTION_PROGRAM, "%s",
			    lesson->inventory.processes.items[c->process].name);
	}
	lesson->has_connection = true;
	lesson->header = (struct figure_port){ .language = lesson->context->language,
					       .ascii = lesson->context->out_style.ascii,
					       .protocol = PROTOCOL_TCP,
					       .port = server,
					       .client_port = client,
					       .ephemeral = lesson->inventory.ephemeral };
}

/* A listener of our own and a caller, both here. @return whether there is one. */
static bool make_connection(struct connection *out)
{
	const uint8_t loopback[] = { 127, 0, 0, 1 };
	const struct addr here = addr_from_ipv4(loopback);
	struct sockaddr_storage at, from;
	socklen_t length = sockaddr_from_addr(&at, &here, 0);
	_cleanup_(close_fdp) int listens = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	_cleanup_(close_fdp) int calls = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listens < 0 || calls < 0 || bind(listens, (struct sockaddr *)&at, length) < 0 ||
	    listen(listens, 1) < 0 || getsockname(listens, (struct sockaddr *)&at, &length) < 0 ||
	    connect(calls, (struct sockaddr *)&at, length) < 0 ||
	    getsockname(calls, (struct sockaddr *)&from, &length) < 0) {
		return false;
	}
	*out = (struct connection){ .protocol = PROTOCOL_TCP,
				    .state = ESTABLISHED,
				    .direction = DIRECTION_OUTBOUND,
				    .local = here,
				    .remote = here,
				    .local_port = sockaddr_port((struct sockaddr *)&from),
				    .remote_port = sockaddr_port((struct sockaddr *)&at),
				    .process = UINT32_MAX };
	return true;
}

void lesson_know_connection(struct lesson *lesson)
{
	const struct connection *best = NULL;
	struct connection made;
	for (size_t i = 0; lesson->looked && i < lesson->inventory.connections.count; i++) {
		const struct connection *c = &lesson->inventory.connections.items[i];
		const int value = worth(&lesson->inventory, c);
		if (value > 0 && (best == NULL || value > worth(&lesson->inventory, best))) {
			best = c;
		}
	}
	if (best == NULL && make_connection(&made)) {
		lesson_know(lesson, LEARN_CONNECTION_MADE, "%u", made.local_port);
		best = &made;
	}
	if (best != NULL) {
		show_connection(lesson, best);
	}
}
