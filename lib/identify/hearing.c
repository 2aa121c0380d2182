/* What was heard in one port's conversation, and what follows from it. */
#include <string.h>

#include "identify/talking.h"

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
		talking_want_tls(t);
		return;
	}
	identity->outcome = IDENTIFY_UNKNOWN;
	take_line(identity->detail, sizeof(identity->detail), t->heard.bytes, t->heard.length);
	if (!t->secured && t->port->protocol != PROTOCOL_UDP) {
		identity->encrypted = IDENTIFY_TOLD_NO;
	}
	if (!t->spoke && t->port->talk != IDENTIFY_TALK_LISTEN &&
	    t->port->protocol != PROTOCOL_UDP && talking_say(t)) {
		return; /* a greeting that nobody knows: perhaps the answer is known */
	}
	if (t->port->protocol == PROTOCOL_UDP || t->secured) {
		talking_finish(t);
	} else {
		talking_next_connection(t);
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
		if (!talking_say(t)) {
			talking_finish(t);
		}
		return true;
	case READING_AGAIN:
		if (t->identity.connections >= IDENTIFY_CONNECTIONS_MAX) {
			talking_finish(t);
		} else {
			const uint8_t stage = t->stage;
			talking_connect_again(t);
			t->stage = stage + 1;
		}
		return true;
	case READING_TLS:
		talking_want_tls(t);
		return true;
	case READING_NAMED:
		talking_finish(t);
		return true;
	default:
		if (t->identity.outcome == IDENTIFY_NAMED) {
			talking_finish(t);
		} else {
			not_understood(t);
		}
		return true;
	}
}

/* So few bytes may become anything but a line, and a line that has not ended, too. */
static bool may_grow(const struct hearing *heard)
{
	enum { FEW = 16, LINE_MAX_BYTES = 1024 };
	size_t text = 0;
	while (text < heard->length && heard->bytes[text] >= ' ' && heard->bytes[text] <= '~') {
		text++;
	}
	if (text == heard->length) {
		return text < LINE_MAX_BYTES;
	}
	return heard->length < FEW && heard->bytes[text] != '\r' &&
	       (text == 0 || heard->bytes[text] != '\n');
}

bool talking_consider(struct identify_talking *t, bool whole)
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
