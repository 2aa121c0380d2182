/*
 * One port's conversation: what is said when, and when it is over. On one connection: a greeting
 * is waited for, then what the usual service understands is said. Only where that was not
 * understood another connection is made: HTTP, then TLS.
 */
#include <string.h>

#include "identify/parts.h"
#include "sweep/sweep.h"

enum { UDP_TRIES = 2 };

/* Who speaks first may look up who we are before it does. */
static usec_t patience(const struct identify_order *order)
{
	return 2 * order->answer_time;
}

static void act(struct identify_talking *t, enum identify_action action, usec_t wait)
{
	t->action = action;
	t->wait = wait;
	t->fresh = true;
}

static bool speaks_first(enum identify_talk talk)
{
	const struct language *language = language_of(talk);
	return talk == IDENTIFY_TALK_LISTEN || (language != NULL && language->speaks_first);
}

static void finish(struct identify_talking *t)
{
	struct identity *identity = &t->identity;
	if (identity->outcome != IDENTIFY_NAMED && t->secured) {
		identity->outcome = IDENTIFY_NAMED;
		identity->talk = IDENTIFY_TALK_TLS;
	}
	if (identity->outcome == IDENTIFY_NAMED) {
		const enum identify_talk talk = (enum identify_talk)identity->talk;
		const bool encrypts = identity->encrypted == IDENTIFY_TOLD_YES ||
				      talk == IDENTIFY_TALK_SSH || talk == IDENTIFY_TALK_QUIC;
		identity->encrypted = (uint8_t)told(encrypts);
		identity->starttls = t->secured ? IDENTIFY_TOLD_NOTHING : identity->starttls;
	}
	act(t, IDENTIFY_DONE, 0);
}

static void connect_again(struct identify_talking *t)
{
	t->heard.length = 0;
	t->stage = 0;
	t->spoke = false;
	t->secured = false;
	act(t, IDENTIFY_CONNECT, t->order->connect_time);
}

/* ---- which connection is next ---- */

/* Steps in their order, each a connection. */
enum { STEP_USUAL, STEP_HTTP, STEP_TLS, STEPS };

enum { TRIED_HTTP = 1 << 0, TRIED_TLS = 1 << 1 };

static bool take_step(struct identify_talking *t, unsigned step)
{
	const struct identify_port *port = t->port;
	const bool plain_speech = t->identity.encrypted == IDENTIFY_TOLD_NO;
	switch (step) {
	case STEP_USUAL:
		t->talk = port->talk == IDENTIFY_TALK_NONE ? IDENTIFY_TALK_HTTP : port->talk;
		t->tls = port->tls != 0;
		return true;
	case STEP_HTTP:
		t->talk = IDENTIFY_TALK_HTTP;
		t->tls = false;
		return (t->tried & TRIED_HTTP) == 0;
	case STEP_TLS:
		/* What speaks a plain word does not wait for a handshake. */
		t->talk = port->talk == IDENTIFY_TALK_NONE || !port->tls ? IDENTIFY_TALK_HTTP
									 : port->talk;
		t->tls = true;
		return (t->tried & TRIED_TLS) == 0 && !plain_speech;
	default:
		return false;
	}
}

static void next_connection(struct identify_talking *t)
{
	const bool only_listens = t->port->talk == IDENTIFY_TALK_LISTEN;
	while (!only_listens && t->identity.connections < IDENTIFY_CONNECTIONS_MAX &&
	       t->step + 1U < STEPS) {
		t->step++;
		if (take_step(t, t->step)) {
			connect_again(t);
			return;
		}
	}
	finish(t);
}

static void want_tls(struct identify_talking *t)
{
	t->identity.encrypted = IDENTIFY_TOLD_YES;
	t->step = STEP_TLS - 1;
	if ((t->tried & TRIED_TLS) != 0) { /* a handshake was refused before */
		t->secured = true;
		finish(t);
		return;
	}
	next_connection(t);
}

/* ---- speaking ---- */

static void say_datagram(struct identify_talking *t)
{
	const struct language *language = language_of((enum identify_talk)t->talk);
	const struct asking to = { .order = t->order, .port = t->port, .usual = true };
	t->length = language != NULL && language->udp && language->say != NULL
			    ? language->say(t->bytes, &to)
			    : sweep_udp_question(t->bytes, sizeof(t->bytes), t->port->port);
	t->heard.length = 0;
	t->spoke = true;
	act(t, IDENTIFY_SAY, t->order->answer_time / UDP_TRIES);
}

/* The question of this stage. @return whether there is one. */
static bool say(struct identify_talking *t)
{
	const struct language *language = language_of((enum identify_talk)t->talk);
	const struct asking to = { .order = t->order,
				   .port = t->port,
				   .stage = t->stage,
				   .usual = t->port->talk == t->talk,
				   .note = t->identity.detail,
				   .note_length = strlen(t->identity.detail) };
	t->length = language == NULL || language->say == NULL ? 0 : language->say(t->bytes, &to);
	t->heard.length = 0;
	if (t->length > 0) {
		t->spoke = true;
		t->tried |= t->talk == IDENTIFY_TALK_HTTP && !t->secured ? TRIED_HTTP : 0;
		act(t, IDENTIFY_SAY, t->order->answer_time);
	}
	return t->length > 0;
}

static void speak_or_listen(struct identify_talking *t)
{
	act(t, IDENTIFY_HEAR,
	    speaks_first((enum identify_talk)t->talk) ? patience(t->order)
						      : t->order->greeting_time);
}

/* ---- hearing ---- */

static bool is_alert_or_handshake(const struct hearing *heard)
{
	/* RFC 8446 5.1, RFC 6101: alert or handshake, version 3.x. */
	return heard->length >= 2 && (heard->bytes[0] == 0x15 || heard->bytes[0] == 0x16) &&
	       heard->bytes[1] == 3;
}

static enum reading read_as(struct identify_talking *t, enum identify_talk talk,
			    const struct hearing *heard)
{
	const struct language *language = language_of(talk);
	const bool udp = t->port->protocol == PROTOCOL_UDP;
	if (language == NULL || language->read == NULL || !(udp ? language->udp : language->tcp)) {
		return READING_OTHER;
	}
	const struct identity before = t->identity;
	const enum reading reading = language->read(&t->identity, heard);
	if (reading == READING_OTHER || reading == READING_MORE) {
		t->identity = before;
	} else if (reading != READING_TLS) {
		t->talk = (uint8_t)talk;
		t->identity.talk = (uint8_t)talk;
		t->identity.outcome = IDENTIFY_NAMED;
	}
	return reading;
}

/* The one that was spoken first, then all others. */
static enum reading read_any(struct identify_talking *t, const struct hearing *heard)
{
	const enum identify_talk expected = (enum identify_talk)t->talk;
	enum reading reading = read_as(t, expected, heard);
	bool more = reading == READING_MORE;
	for (unsigned i = 0;
	     i < IDENTIFY_TALKS && (reading == READING_OTHER || reading == READING_MORE); i++) {
		if (i != expected) {
			reading = read_as(t, (enum identify_talk)i, heard);
			more |= reading == READING_MORE;
		}
	}
	return reading != READING_OTHER ? reading : more ? READING_MORE : READING_OTHER;
}

static void not_understood(struct identify_talking *t)
{
	struct identity *identity = &t->identity;
	const struct hearing heard = { .bytes = t->heard.bytes, .length = t->heard.length };
	if (t->port->protocol != PROTOCOL_UDP && !t->secured && is_alert_or_handshake(&heard)) {
		want_tls(t);
		return;
	}
	identity->outcome = IDENTIFY_UNKNOWN;
	take_line(identity->detail, sizeof(identity->detail), t->heard.bytes, t->heard.length);
	if (!t->secured && t->port->protocol != PROTOCOL_UDP) {
		identity->encrypted = IDENTIFY_TOLD_NO;
	}
	if (!t->spoke && t->port->talk != IDENTIFY_TALK_LISTEN &&
	    t->port->protocol != PROTOCOL_UDP && say(t)) {
		return; /* a greeting that nobody knows: perhaps the answer is known */
	}
	if (t->port->protocol == PROTOCOL_UDP || t->secured) {
		finish(t);
	} else {
		next_connection(t);
	}
}

/* What to do after a reading. @return whether it is settled, else more is waited for. */
static bool settle(struct identify_talking *t, enum reading reading)
{
	switch (reading) {
	case READING_MORE:
		return false;
	case READING_ASK:
		t->stage++;
		if (!say(t)) {
			finish(t);
		}
		return true;
	case READING_AGAIN:
		if (t->identity.connections >= IDENTIFY_CONNECTIONS_MAX) {
			finish(t);
		} else {
			const uint8_t stage = t->stage;
			connect_again(t);
			t->stage = stage + 1;
		}
		return true;
	case READING_TLS:
		want_tls(t);
		return true;
	case READING_NAMED:
		finish(t);
		return true;
	default:
		if (t->identity.outcome == IDENTIFY_NAMED) {
			finish(t);
		} else {
			not_understood(t);
		}
		return true;
	}
}

/* So few bytes may become anything, and a line that has not ended, too. */
static bool may_grow(const struct hearing *heard)
{
	enum { FEW = 16, LINE_MAX_BYTES = 1024 };
	size_t text = 0;
	while (text < heard->length && heard->bytes[text] >= ' ' && heard->bytes[text] <= '~') {
		text++;
	}
	return !has_line(heard) &&
	       (heard->length < FEW || (text == heard->length && text < LINE_MAX_BYTES));
}

static bool consider(struct identify_talking *t, bool whole)
{
	const struct hearing heard = {
		.bytes = t->heard.bytes,
		.length = t->heard.length,
		.whole = whole || t->heard.length == sizeof(t->heard.bytes),
		.stage = t->stage,
		.asked = t->spoke ? (enum identify_talk)t->talk : IDENTIFY_TALK_NONE,
		.usual = (enum identify_talk)t->port->talk,
		.secured = t->secured,
	};
	enum reading reading = t->identity.outcome == IDENTIFY_NAMED
				       ? read_as(t, (enum identify_talk)t->talk, &heard)
				       : read_any(t, &heard);
	if (reading == READING_OTHER && !heard.whole && may_grow(&heard)) {
		reading = READING_MORE;
	}
	if (reading == READING_MORE && heard.whole) {
		reading = READING_OTHER;
	}
	return settle(t, reading);
}

/* ---- events ---- */

void identify_begin(struct identify_talking *t, const struct identify_order *order,
		    const struct identify_port *port)
{
	memset(t, 0, sizeof(*t));
	t->order = order;
	t->port = port;
	t->identity.port = port->port;
	t->identity.protocol = port->protocol;
	(void)take_step(t, STEP_USUAL);
	if (port->protocol == PROTOCOL_UDP) {
		t->talk = port->talk;
	}
	connect_again(t);
}

void identify_connected(struct identify_talking *t)
{
	t->identity.connections++;
	if (t->port->protocol == PROTOCOL_UDP) {
		say_datagram(t);
	} else if (t->tls) {
		t->tried |= TRIED_TLS;
		t->alpn_http = t->talk == IDENTIFY_TALK_HTTP;
		act(t, IDENTIFY_SHAKE, t->order->answer_time);
	} else if (t->stage == 0 || !say(t)) {
		speak_or_listen(t);
	}
}

void identify_not_connected(struct identify_talking *t)
{
	if (t->identity.connections == 0) {
		t->identity.outcome = IDENTIFY_UNREACHABLE;
	}
	finish(t);
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
	speak_or_listen(t);
}

void identify_not_secured(struct identify_talking *t, bool alert)
{
	if (alert) {
		t->identity.encrypted = IDENTIFY_TOLD_YES;
		t->secured = true;
		finish(t);
		return;
	}
	if (t->identity.outcome == IDENTIFY_NOT_ASKED) {
		t->identity.outcome = IDENTIFY_SILENT;
	}
	next_connection(t);
}

size_t identify_hear(struct identify_talking *t, const uint8_t *bytes, size_t length)
{
	const size_t room = sizeof(t->heard.bytes) - t->heard.length;
	const size_t taken = length < room ? length : room;
	if (t->action == IDENTIFY_SHAKE) {
		t->spoke = true; /* a handshake is something said; the answer is not one */
		act(t, IDENTIFY_HEAR, t->order->greeting_time);
	}
	t->action = IDENTIFY_HEAR;
	memcpy(t->heard.bytes + t->heard.length, bytes, taken);
	t->heard.length += taken;
	(void)consider(t, t->port->protocol == PROTOCOL_UDP);
	return taken;
}

static void nothing_came(struct identify_talking *t, enum identify_outcome outcome)
{
	if (t->identity.outcome == IDENTIFY_NAMED) {
		/* That no more comes may tell something, too. */
		if (!consider(t, true)) {
			finish(t);
		}
		return;
	}
	if (t->identity.outcome == IDENTIFY_NOT_ASKED) {
		t->identity.outcome = (uint8_t)outcome;
	}
	if (t->secured) {
		finish(t);
	} else {
		next_connection(t);
	}
}

void identify_quiet(struct identify_talking *t)
{
	if (t->port->protocol == PROTOCOL_UDP) {
		if (++t->tried < UDP_TRIES) {
			say_datagram(t);
		} else {
			t->identity.outcome = t->identity.outcome == IDENTIFY_NOT_ASKED
						      ? IDENTIFY_SILENT
						      : t->identity.outcome;
			finish(t);
		}
		return;
	}
	if (t->heard.length > 0) {
		(void)consider(t, true);
	} else if (t->spoke || t->talk == IDENTIFY_TALK_LISTEN) {
		nothing_came(t, IDENTIFY_SILENT);
	} else if (!say(t)) {
		/* It should have spoken: what most understand is said on the same connection. */
		t->talk = IDENTIFY_TALK_HTTP;
		if (!say(t)) {
			nothing_came(t, IDENTIFY_SILENT);
		}
	}
}

void identify_ended(struct identify_talking *t)
{
	if (t->port->protocol == PROTOCOL_UDP) {
		t->identity.outcome = IDENTIFY_UNREACHABLE;
		finish(t);
	} else if (t->heard.length > 0) {
		(void)consider(t, true);
	} else {
		nothing_came(t, IDENTIFY_ENDED);
	}
}
