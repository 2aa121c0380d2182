/* One port from its first connection to its record. */
#include <errno.h>
#include <string.h>

#include "tls/io/run.h"

enum { READS_AT_ONCE = 8 }; /* then the other ports have their turn */

/* It is the certificate where the handshake has shown none, and the other one where its key
 * differs.
 */
static void judge_chain(struct subject *s, STACK_OF(X509) * chain)
{
	struct tls_record *r = &s->record;
	struct tls_certificate leaf;
	const char *named = s->engine->order->unnamed != 0 ? "" : s->engine->order->host;
	if (sk_X509_num(chain) <= 0) {
		return; /* it could not be read */
	}
	if (r->certificate.given == 0) {
		certificate_judge(&r->certificate, chain, s->engine->context, named);
		return;
	}
	tls_certificate_read(&leaf, sk_X509_value(chain, 0), named);
	if (strcmp(leaf.key, r->certificate.key) != 0) {
		certificate_judge(&r->other, chain, s->engine->context, named);
	}
}

/* What is not found out by then is left out. */
static void finish(struct subject *s, usec_t now)
{
	struct tls_record *r = &s->record;
	connection_close(s);
	s->attempt = ATTEMPT_OVER;
	r->offer = s->plan.offer;
	r->took = now - s->begun;
	if (r->offer.incomplete != 0) {
		r->whole = 0;
	}
	for (unsigned i = 0; i < 2 && s->chains[i] != NULL; i++) {
		judge_chain(s, s->chains[i]);
	}
}

/* Nobody is there, or not any more. */
static void unconnected(struct subject *s, int error, usec_t now)
{
	if (s->record.questions <= 1 && s->record.kind == TLS_KIND_UNKNOWN) {
		s->record.kind = TLS_KIND_CLOSED;
		s->record.error = -error;
		s->attempt = ATTEMPT_OVER;
		return;
	}
	s->record.whole = 0;
	step_quiet(s, TLS_ANSWER_ENDED, now);
}

/* Connections follow each other until one has to be waited for. */
static void go_on(struct subject *s, usec_t now)
{
	while (s->attempt != ATTEMPT_OVER && s->socket < 0) {
		if (now - s->begun > s->engine->order->port_time) {
			s->record.whole = 0;
			s->attempt = ATTEMPT_OVER;
			break;
		}
		if (s->attempt == ATTEMPT_QUESTION && !tls_plan_next(&s->plan, &s->question)) {
			s->attempt = ATTEMPT_SESSION;
		}
		const int r = connection_open(s, now);
		if (r < 0) {
			unconnected(s, r, now);
			/* Who has no descriptor or no route left gets none by asking again. */
			if (s->socket < 0 && s->record.questions > 1) {
				s->record.whole = 0;
				s->attempt = ATTEMPT_OVER;
			}
		}
	}
	if (s->attempt == ATTEMPT_OVER) {
		finish(s, now);
	}
}

void subject_begin(struct subject *s, struct tls_engine *engine, uint16_t port, usec_t now)
{
	const enum tls_talk usual = tls_talk_at(port);
	s->engine = engine;
	s->socket = -1;
	s->begun = now;
	s->record.port = port;
	s->record.whole = 1;
	/* Who waits for the client is asked in its own protocol before it is asked by TLS. */
	if (tls_talk_has_starttls(usual) && !tls_talk_greets(usual)) {
		s->attempt = ATTEMPT_START;
		s->start.talk = usual;
		s->tried_start = true;
	}
	go_on(s, now);
}

void subject_ready(struct subject *s, usec_t now)
{
	uint8_t bytes[16384];
	if (s->phase == PHASE_CONNECTING) {
		const int r = connection_opened(s);
		if (r < 0) {
			connection_close(s);
			unconnected(s, r, now);
		} else {
			step_connected(s, now);
		}
		go_on(s, now);
		return;
	}
	for (unsigned i = 0; i < READS_AT_ONCE && s->socket >= 0; i++) {
		const long r = connection_hear(s, bytes, sizeof(bytes));
		if (r == -EAGAIN || r == -EINTR) {
			break;
		}
		if (r > 0) {
			step_heard(s, bytes, (size_t)r, now);
		} else {
			step_quiet(s, TLS_ANSWER_ENDED, now);
		}
	}
	go_on(s, now);
}

void subject_late(struct subject *s, usec_t now)
{
	if (s->phase == PHASE_CONNECTING) {
		connection_close(s);
		unconnected(s, -ETIMEDOUT, now);
	} else {
		step_quiet(s, TLS_ANSWER_SILENT, now);
	}
	go_on(s, now);
}

void subject_end(struct subject *s)
{
	connection_close(s);
	for (unsigned i = 0; i < 2; i++) {
		sk_X509_pop_free(s->chains[i], X509_free);
		s->chains[i] = NULL;
	}
}
