/* The socket of one port: connecting, TLS, sending, hearing. */
#include "identify/io/slot.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sockaddr.h"

enum {
	READ_BYTES = 16 * 1024,
	CONNECTION_BYTES_MAX = 256 * 1024, /* of one connection; who sends more is cut off */
};

void slot_hang_up(struct slot *slot)
{
	slot->session = identify_session_free(slot->session);
	close_fdp(&slot->socket);
	slot->connecting = false;
	slot->read = 0;
}

/* ---- doing what the conversation says ---- */

int slot_connect(struct slot *slot, const struct identify_order *order, bool may_wait)
{
	struct sockaddr_storage to;
	const struct identify_port *port = slot->talking.port;
	const bool six = order->address.family == ADDR_IPV6;
	slot_hang_up(slot);
	const socklen_t length = sockaddr_from_addr(&to, &order->address, port->port);
	const int type = port->protocol == PROTOCOL_UDP ? SOCK_DGRAM : SOCK_STREAM;
	slot->socket = socket(six ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (slot->socket < 0) {
		if ((errno == EMFILE || errno == ENFILE) && may_wait) {
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

void slot_shake(struct slot *slot, const struct identify_order *order,
		struct identify_tls_context *tls)
{
	slot->session = identify_session_new(tls, order, slot->talking.alpn_http);
	if (slot->session == NULL) {
		identify_not_secured(&slot->talking, false);
		return;
	}
	shake(slot);
}

void slot_say(struct slot *slot)
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

void slot_hear(struct slot *slot)
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

void slot_connected(struct slot *slot)
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

void slot_time_out(struct slot *slot)
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
