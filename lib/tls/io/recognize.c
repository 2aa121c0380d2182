/* What a port is, by the first bytes that come: TLS, plaintext, or a protocol that leads to TLS. */
#include "tls/io/run.h"

void recognize_over(struct subject *s, enum tls_kind kind)
{
	s->record.kind = (uint8_t)kind;
	s->attempt = ATTEMPT_OVER;
}

void recognize_found(struct subject *s, enum tls_kind kind)
{
	s->record.kind = (uint8_t)kind;
	s->attempt = s->engine->order->quick != 0 ? ATTEMPT_OVER : ATTEMPT_QUESTION;
	tls_plan_begin(&s->plan);
}

void recognize_not_started(struct subject *s, bool refused)
{
	s->record.talk = (uint8_t)(refused || s->start_known ? s->start.talk : TLS_TALK_NONE);
	s->record.whole &= refused || !s->start_known; /* it greeted, and then fell silent */
	if (refused || s->start_known) {
		recognize_over(s, TLS_KIND_PLAIN);
	} else if (!s->greeted) {
		s->attempt = ATTEMPT_GREETING;
	} else if (s->tried_database) {
		recognize_over(s, TLS_KIND_UNKNOWN);
	} else {
		s->attempt = ATTEMPT_HTTP;
	}
}

static struct tls_start start_of(const struct subject *s, enum tls_talk talk)
{
	return (struct tls_start){ .talk = talk, .host = s->engine->order->host };
}

void recognize_text(struct subject *s)
{
	const enum tls_talk talk = tls_talk_of(s->text, s->heard, tls_talk_at(s->record.port));
	s->record.talk = (uint8_t)talk;
	if (talk == TLS_TALK_SSH) {
		recognize_over(s, TLS_KIND_SSH);
	} else if (tls_talk_has_starttls(talk)) {
		s->start = start_of(s, talk);
		s->start_known = true;
		s->attempt = ATTEMPT_START;
	} else {
		recognize_over(s, TLS_KIND_PLAIN);
	}
	connection_close(s);
}

void recognize_answer(struct subject *s)
{
	const struct tls_flight *f = &s->flight;
	if (f->is_tls && f->state != TLS_ANSWER_STRANGE) {
		recognize_found(s, TLS_KIND_TLS);
		connection_close(s);
	} else if (!f->is_tls) {
		recognize_text(s);
	} else {
		recognize_over(s, TLS_KIND_UNKNOWN); /* begins like TLS, and breaks its rules */
		s->record.whole = 0;
		connection_close(s);
	}
}

void recognize_otherwise(struct subject *s)
{
	const enum tls_talk usual = tls_talk_at(s->record.port);
	if (tls_talk_has_starttls(usual) && !s->tried_start) {
		s->tried_start = true;
		s->start = start_of(s, usual);
		s->attempt = ATTEMPT_START;
	} else {
		s->attempt = ATTEMPT_HTTP;
	}
	connection_close(s);
}

void recognize_http(struct subject *s)
{
	connection_close(s);
	if (s->heard > 0 && tls_first_bytes(s->text, s->heard, false) != TLS_FIRST_TLS) {
		s->record.talk = (uint8_t)tls_talk_of(s->text, s->heard, TLS_TALK_NONE);
		recognize_over(s, TLS_KIND_PLAIN);
	} else if (s->heard > 0 && !s->tried_database) {
		recognize_found(s, TLS_KIND_TLS); /* an alert about plain text */
	} else if (s->tried_start && s->start.talk == TLS_TALK_POSTGRESQL) {
		recognize_over(s, TLS_KIND_UNKNOWN);
	} else {
		s->tried_database = true;
		s->start = start_of(s, TLS_TALK_POSTGRESQL);
		s->attempt = ATTEMPT_START;
	}
}
