/* Many ports at once: sockets that do not block, each with its conversation. */
#include "identify/io/run.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/sockaddr.h"

enum {
	READ_BYTES = 16 * 1024,
	CONNECTION_BYTES_MAX = 256 * 1024, /* of one connection; who sends more is cut off */
};

/* One port at work. */
struct slot {
	struct identify_talking talking;
	struct identify_session *session;
	int socket; /* -1 = none */
	bool busy, connecting;
	size_t read;  /* bytes of this connection */
	usec_t until; /* of the present action */
	usec_t begun;
};

struct running {
	const struct identify_order *order;
	struct identify_tls_context *tls;
	identify_tell_function *tell;
	void *data;
	struct slot *slots;
	size_t slot_count; /* fewer once descriptors have run out */
	size_t busy;
	uint32_t next; /* port */
	int error;
};

static void hang_up(struct slot *slot)
{
	slot->session = identify_session_free(slot->session);
	close_fdp(&slot->socket);
	slot->connecting = false;
	slot->read = 0;
}

static void end_port(struct running *run, struct slot *slot, usec_t now)
{
	struct identity *identity = &slot->talking.identity;
	identity->took = now - slot->begun;
	hang_up(slot);
	slot->busy = false;
	run->busy--;
	run->error = run->error < 0 ? run->error : run->tell(run->data, identity);
}

/* ---- doing what the conversation says ---- */

/* @return 0; 1 no descriptor is left, and others have some: later. */
static int connect_slot(struct running *run, struct slot *slot)
{
	struct sockaddr_storage to;
	const struct identify_port *port = slot->talking.port;
	const bool six = run->order->address.family == ADDR_IPV6;
	hang_up(slot);
	const socklen_t length = sockaddr_from_addr(&to, &run->order->address, port->port);
	const int type = port->protocol == PROTOCOL_UDP ? SOCK_DGRAM : SOCK_STREAM;
	slot->socket = socket(six ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (slot->socket < 0) {
		if ((errno == EMFILE || errno == ENFILE) && run->busy > 1) {
			return 1;
		}
		identify_not_connected(&slot->talking);
		return 0;
	}
	if (connect(slot->socket, (struct sockaddr *)&to, length) == 0) {
		identify_connected(&slot->talking);
	} else if (errno == EINPROGRESS) {
		slot->connecting = true;
	} else {
		identify_not_connected(&slot->talking);
	}
	return 0;
}

/* @return whether all of it went out; our words are shorter than any empty buffer. */
static bool put(const struct slot *slot, const uint8_t *bytes, size_t length)
{
	return length == 0 ||
	       send(slot->socket, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length;
}

static bool put_outgoing(struct slot *slot)
{
	uint8_t bytes[4096];
	size_t length = 0;
	while ((length = identify_session_outgoing(slot->session, bytes, sizeof(bytes))) > 0) {
		if (!put(slot, bytes, length)) {
			return false;
		}
	}
	return true;
}

static void shake(struct slot *slot)
{
	struct identify_tls facts;
	const enum identify_progress progress = identify_session_shake(slot->session);
	const bool sent = put_outgoing(slot);
	if (progress == IDENTIFY_SECURED) {
		identify_session_facts(&facts, slot->session);
		identify_secured(&slot->talking, &facts);
	} else if (progress == IDENTIFY_REFUSED) {
		identify_not_secured(&slot->talking, true);
	} else if (!sent) {
		identify_not_secured(&slot->talking, false);
	}
}

static void begin_shake(struct running *run, struct slot *slot)
{
	slot->session = identify_session_new(run->tls, run->order, slot->talking.alpn_http);
	if (slot->session == NULL) {
		identify_not_secured(&slot->talking, false);
		return;
	}
	shake(slot);
}

static void say(struct slot *slot)
{
	struct identify_talking *t = &slot->talking;
	const bool fine = slot->session == NULL ? put(slot, t->bytes, t->length)
						: identify_session_write(slot->session, t->bytes,
									 t->length) == 0 &&
							  put_outgoing(slot);
	if (!fine) {
		identify_ended(t);
	}
}

/* @return 0; 1 it has to wait for a descriptor. */
static int perform(struct running *run, struct slot *slot)
{
	struct identify_talking *t = &slot->talking;
	while (slot->busy && t->fresh) {
		const usec_t now = clock_monotonic();
		t->fresh = false;
		slot->until = now + t->wait;
		switch (t->action) {
		case IDENTIFY_CONNECT:
			if (connect_slot(run, slot) != 0) {
				t->fresh = true;
				return 1;
			}
			break;
		case IDENTIFY_SHAKE:
			begin_shake(run, slot);
			break;
		case IDENTIFY_SAY:
			say(slot);
			break;
		case IDENTIFY_DONE:
			end_port(run, slot, now);
			break;
		case IDENTIFY_HEAR:
			break;
		}
	}
	return 0;
}

/* ---- hearing ---- */

static void take_plain(struct slot *slot)
{
	uint8_t bytes[READ_BYTES];
	long length = 0;
	struct identify_talking *t = &slot->talking;
	while (!t->fresh &&
	       (length = identify_session_read(slot->session, bytes, sizeof(bytes))) > 0) {
		(void)identify_hear(t, bytes, (size_t)length);
	}
	if (length < 0 && !t->fresh) {
		identify_ended(t);
	}
}

static void take_bytes(struct slot *slot, const uint8_t *bytes, size_t length)
{
	struct identify_talking *t = &slot->talking;
	if (slot->session == NULL) {
		(void)identify_hear(t, bytes, length);
		return;
	}
	/* RFC 8446 5.1: a handshake or an alert, of version 3.x. Nothing else goes to OpenSSL. */
	if (slot->read == length &&
	    ((bytes[0] != 0x16 && bytes[0] != 0x15) || (length > 1 && bytes[1] != 3))) {
		slot->session = identify_session_free(slot->session);
		(void)identify_hear(t, bytes, length);
		return;
	}
	if (identify_session_take(slot->session, bytes, length) < 0) {
		identify_ended(t);
	} else if (t->action == IDENTIFY_SHAKE) {
		shake(slot);
		if (t->action != IDENTIFY_SHAKE && !t->fresh) {
			take_plain(slot);
		}
	} else {
		take_plain(slot);
	}
}

static void ended(struct slot *slot)
{
	if (slot->talking.action == IDENTIFY_SHAKE) {
		identify_not_secured(&slot->talking, false);
	} else {
		identify_ended(&slot->talking);
	}
}

static void hear(struct slot *slot)
{
	uint8_t bytes[READ_BYTES];
	const ssize_t length = recv(slot->socket, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	if (length <= 0 || slot->read > CONNECTION_BYTES_MAX) {
		ended(slot);
		return;
	}
	slot->read += (size_t)length;
	take_bytes(slot, bytes, (size_t)length);
}

static void connected(struct slot *slot)
{
	int error = 0;
	socklen_t length = sizeof(error);
	slot->connecting = false;
	if (getsockopt(slot->socket, SOL_SOCKET, SO_ERROR, &error, &length) < 0 || error != 0) {
		identify_not_connected(&slot->talking);
	} else {
		identify_connected(&slot->talking);
	}
}

static void time_out(struct slot *slot)
{
	struct identify_talking *t = &slot->talking;
	if (slot->connecting) {
		identify_not_connected(t);
	} else if (t->action == IDENTIFY_SHAKE) {
		identify_not_secured(t, false);
	} else {
		identify_quiet(t);
	}
}

/* ---- all of them ---- */

static void begin_port(struct running *run, struct slot *slot)
{
	slot->busy = true;
	run->busy++;
	slot->begun = clock_monotonic();
	identify_begin(&slot->talking, run->order, &run->order->ports[run->next++]);
}

static void begin_some(struct running *run)
{
	for (size_t i = 0; i < run->slot_count && run->next < run->order->port_count; i++) {
		if (!run->slots[i].busy) {
			begin_port(run, &run->slots[i]);
		}
	}
	for (size_t i = 0; i < run->order->at_once && run->error == 0; i++) {
		if (run->slots[i].busy && perform(run, &run->slots[i]) != 0) {
			/* Fewer at once from now on; this one goes on when another is done. */
			run->slot_count = run->slot_count > 1 ? run->slot_count - 1 : 1;
		}
	}
}

static int time_left(const struct running *run, usec_t now)
{
	usec_t until = now + USEC_PER_SEC;
	for (size_t i = 0; i < run->order->at_once; i++) {
		const struct slot *slot = &run->slots[i];
		if (slot->busy && !slot->talking.fresh && slot->until < until) {
			until = slot->until;
		}
	}
	return until <= now ? 0 : (int)((until - now + 999) / 1000);
}

/* What has come about at a socket, or that nothing has in time. */
static void take_event(struct slot *slot, usec_t now, bool ready)
{
	if (now >= slot->until) {
		time_out(slot); /* also when something is there: it may be there without end */
	} else if (ready && slot->connecting) {
		connected(slot);
	} else if (ready) {
		hear(slot);
	}
}

static void wait_for_any(struct running *run)
{
	/* Those that have a socket alone: poll(2) takes no more than there may be descriptors. */
	struct pollfd waits[IDENTIFY_AT_ONCE_MAX];
	struct slot *slots[IDENTIFY_AT_ONCE_MAX];
	nfds_t count = 0;
	for (size_t i = 0; i < run->order->at_once; i++) {
		struct slot *slot = &run->slots[i];
		if (slot->busy && !slot->talking.fresh) {
			slots[count] = slot;
			waits[count++] = (struct pollfd){ slot->socket,
							  slot->connecting ? POLLOUT : POLLIN, 0 };
		}
	}
	const int ready = poll(waits, count, time_left(run, clock_monotonic()));
	const usec_t now = clock_monotonic();
	for (nfds_t i = 0; i < count; i++) {
		take_event(slots[i], now, ready > 0 && waits[i].revents != 0);
	}
}

int identify_run(const struct identify_order *order, struct identify_tls_context *tls,
		 identify_tell_function *tell, void *data)
{
	struct running run = { .order = order, .tls = tls, .tell = tell, .data = data };
	const usec_t until = clock_monotonic() + order->total_time;
	run.slots = calloc(order->at_once, sizeof(*run.slots));
	run.slot_count = order->at_once;
	if (run.slots == NULL) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < order->at_once; i++) {
		run.slots[i].socket = -1;
	}
	while (run.error == 0 && clock_monotonic() < until) {
		begin_some(&run);
		if (run.busy == 0 && run.next == order->port_count) {
			break;
		}
		wait_for_any(&run);
	}
	for (size_t i = 0; i < order->at_once; i++) {
		hang_up(&run.slots[i]);
	}
	free(run.slots);
	return run.error;
}
