/* What is done next in one port's conversation: connections, and what is said. */
#include <string.h>

#include "identify/talking.h"
#include "sweep/sweep.h"

/* Who speaks first may look up who we are before it does. */
static usec_t patience(const struct identify_order *order)
{
	return 2 * order->answer_time;
}

void talking_act(struct identify_talking *t, enum identify_action action, usec_t wait)
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

void talking_finish(struct identify_talking *t)
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
	talking_act(t, IDENTIFY_DONE, 0);
}

void talking_connect_again(struct identify_talking *t)
{
	t->heard.length = 0;
	t->stage = 0;
	t->spoke = false;
	t->secured = false;
	talking_act(t, IDENTIFY_CONNECT, t->order->connect_time);
}

/* ---- which connection is next ---- */

bool talking_take_step(struct identify_talking *t, unsigned step)
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

void talking_next_connection(struct identify_talking *t)
{
	const bool only_listens = t->port->talk == IDENTIFY_TALK_LISTEN;
	while (!only_listens && t->identity.connections < IDENTIFY_CONNECTIONS_MAX &&
	       t->step + 1U < STEPS) {
		t->step++;
		if (talking_take_step(t, t->step)) {
			talking_connect_again(t);
			return;
		}
	}
	talking_finish(t);
}

void talking_want_tls(struct identify_talking *t)
{
	t->identity.encrypted = IDENTIFY_TOLD_YES;
	t->step = STEP_TLS - 1;
	if ((t->tried & TRIED_TLS) != 0) { /* a handshake was refused before */
		t->secured = true;
		talking_finish(t);
		return;
	}
	talking_next_connection(t);
}

/* ---- speaking ---- */

void talking_say_datagram(struct identify_talking *t)
{
	const struct language *language = language_of((enum identify_talk)t->talk);
	const struct asking to = { .order = t->order, .port = t->port, .usual = true };
	t->length = language != NULL && language->udp && language->say != NULL
			    ? language->say(t->bytes, &to)
			    : sweep_udp_question(t->bytes, sizeof(t->bytes), t->port->port);
	t->heard.length = 0;
	t->spoke = true;
	talking_act(t, IDENTIFY_SAY, t->order->answer_time / UDP_TRIES);
}

bool talking_say(struct identify_talking *t)
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
		talking_act(t, IDENTIFY_SAY, t->order->answer_time);
	}
	return t->length > 0;
}

void talking_speak_or_listen(struct identify_talking *t)
{
	talking_act(t, IDENTIFY_HEAR,
		    speaks_first((enum identify_talk)t->talk) ? patience(t->order)
							      : t->order->greeting_time);
}
