/*
 * One port's conversation: what is said when, and when it is over. On one connection: a greeting
 * is waited for, then what the usual service understands is said. Only where that was not
 * understood another connection is made: HTTP, then TLS.
 */
#include <string.h>

#include "identify/talking.h"

void identify_begin(struct identify_talking *t, const struct identify_order *order,
		    const struct identify_port *port)
{
	memset(t, 0, sizeof(*t));
	t->order = order;
	t->port = port;
	t->identity.port = port->port;
	t->identity.protocol = port->protocol;
	(void)talking_take_step(t, STEP_USUAL);
	if (port->protocol == PROTOCOL_UDP) {
		/* HTTP over UDP is HTTP/3 (RFC 9114), within QUIC. */
		t->talk = port->talk == IDENTIFY_TALK_HTTP ? IDENTIFY_TALK_QUIC : port->talk;
	}
	talking_connect_again(t);
}

void identify_connected(struct identify_talking *t)
{
	t->identity.connections++;
	if (t->port->protocol == PROTOCOL_UDP) {
		talking_say_datagram(t);
	} else if (t->tls) {
		t->tried |= TRIED_TLS;
		t->alpn_http = t->talk == IDENTIFY_TALK_HTTP;
		talking_act(t, IDENTIFY_SHAKE, t->order->answer_time);
	} else if (t->stage == 0 || !talking_say(t)) {
		talking_speak_or_listen(t);
	}
}

void identify_not_connected(struct identify_talking *t)
{
	if (t->identity.connections == 0) {
		t->identity.outcome = IDENTIFY_UNREACHABLE;
	}
	talking_finish(t);
}

void identify_secured(struct identify_talking *t, const struct identify_tls *tls)
{
	struct identity *identity = &t->identity;
	t->secured = true;
	identity->encrypted = IDENTIFY_TOLD_YES;
	memcpy(identity->alpn, tls->alpn, sizeof(identity->alpn));
	memcpy(identity->tls_version, tls->version, sizeof(identity->tls_version));
	memcpy(identity->certificate, tls->certificate, sizeof(identity->certificate));
	identity->not_after = tls->not_after;
	t->heard.length = 0;
	talking_speak_or_listen(t);
}

void identify_not_secured(struct identify_talking *t, bool alert)
{
	if (alert) {
		t->identity.encrypted = IDENTIFY_TOLD_YES;
		t->secured = true;
		talking_finish(t);
		return;
	}
	if (t->identity.outcome == IDENTIFY_NOT_ASKED) {
		t->identity.outcome = IDENTIFY_SILENT;
	}
	talking_next_connection(t);
}

size_t identify_hear(struct identify_talking *t, const uint8_t *bytes, size_t length)
{
	const size_t room = sizeof(t->heard.bytes) - t->heard.length;
	const size_t taken = length < room ? length : room;
	if (t->action == IDENTIFY_SHAKE) {
		t->spoke = true; /* a handshake is something said; the answer is not one */
		talking_act(t, IDENTIFY_HEAR, t->order->greeting_time);
	}
	t->action = IDENTIFY_HEAR;
	memcpy(t->heard.bytes + t->heard.length, bytes, taken);
	t->heard.length += taken;
	(void)talking_consider(t, t->port->protocol == PROTOCOL_UDP);
	return taken;
}

static void nothing_came(struct identify_talking *t, enum identify_outcome outcome)
{
	if (t->identity.outcome == IDENTIFY_NAMED) {
		/* That no more comes may tell something, too. */
		if (!talking_consider(t, true)) {
			talking_finish(t);
		}
		return;
	}
	if (t->identity.outcome == IDENTIFY_NOT_ASKED) {
		t->identity.outcome = (uint8_t)outcome;
	}
	if (t->secured) {
		talking_finish(t);
	} else {
		talking_next_connection(t);
	}
}

void identify_quiet(struct identify_talking *t)
{
	if (t->port->protocol == PROTOCOL_UDP) {
		if (++t->tried < UDP_TRIES) {
			talking_say_datagram(t);
		} else {
			t->identity.outcome = t->identity.outcome == IDENTIFY_NOT_ASKED
						      ? IDENTIFY_SILENT
						      : t->identity.outcome;
			talking_finish(t);
		}
		return;
	}
	if (t->heard.length > 0) {
		(void)talking_consider(t, true);
	} else if (t->spoke || t->talk == IDENTIFY_TALK_LISTEN) {
		nothing_came(t, IDENTIFY_SILENT);
	} else if (!talking_say(t)) {
		/* It should have spoken: what most understand is said on the same connection. */
		t->talk = IDENTIFY_TALK_HTTP;
		if (!talking_say(t)) {
			nothing_came(t, IDENTIFY_SILENT);
		}
	}
}

void identify_ended(struct identify_talking *t)
{
	if (t->port->protocol == PROTOCOL_UDP) {
		t->identity.outcome = IDENTIFY_UNREACHABLE;
		talking_finish(t);
	} else if (t->heard.length > 0) {
		(void)talking_consider(t, true);
	} else {
		nothing_came(t, IDENTIFY_ENDED);
	}
}
