/* What is said on a connection, and what the answer is taken for. */
#include <openssl/err.h>
#include <string.h>
#include <sys/random.h>

#include "tls/io/run.h"

/* Who speaks first does so at once, as a rule; a service that is known to greet is waited for. */
static const usec_t GREETING_TIME = USEC_PER_SEC * 15 / 100;
/* SSLv2 is passed over in silence by many. */
static const usec_t SSL2_TIME = USEC_PER_SEC / 2;

/* Half of it for questions of plain text to who said nothing to TLS: there are several. */
static usec_t answer_time(const struct subject *s)
{
	const bool another = s->attempt == ATTEMPT_HTTP || s->tried_database;
	return s->engine->order->answer_time / (another ? 2 : 1);
}

static bool is_found(const struct subject *s)
{
	return s->record.kind == TLS_KIND_TLS || s->record.kind == TLS_KIND_OFFERED ||
	       s->record.kind == TLS_KIND_REQUIRED;
}

/* ---- asking by TLS ---- */

static void ask(struct subject *s, usec_t now)
{
	uint8_t bytes[TLS_QUESTION_BYTES];
	s->flight = (struct tls_flight){ 0 };
	s->question.host = s->engine->order->host;
	if (getrandom(s->question.random, sizeof(s->question.random), 0) !=
	    (ssize_t)sizeof(s->question.random)) {
		memset(s->question.random, 0x6d, sizeof(s->question.random)); /* no secret */
	}
	const size_t length = tls_write_question(bytes, sizeof(bytes), &s->question);
	const usec_t limit = answer_time(s);
	s->phase = PHASE_ASKED;
	s->deadline =
		now +
		(s->question.version == TLS_VERSION_SSL2 && limit > SSL2_TIME ? SSL2_TIME : limit);
	if (!connection_say(s, bytes, length)) {
		step_quiet(s, TLS_ANSWER_ENDED, now);
	}
}

/* The question that tells whether there is TLS: any version, what is usual. */
static void ask_first(struct subject *s, usec_t now)
{
	struct tls_plan plan;
	tls_plan_begin(&plan);
	(void)tls_plan_next(&plan, &s->question);
	struct tls_question modern = s->question;
	plan.version = TLS_VERSION_12;
	(void)tls_plan_next(&plan, &s->question);
	for (size_t i = 0; tls_suite_at(i) != NULL; i++) {
		if (tls_set_has(&modern.suites, i)) {
			tls_set_add(&s->question.suites, i);
		}
	}
	for (size_t i = 0; tls_group_at(i) != NULL; i++) {
		if (!tls_set_has(&modern.groups, i)) {
			tls_set_remove(&s->question.groups, i);
		}
	}
	s->question.version = TLS_VERSION_13;
	s->question.any = true;
	ask(s, now);
}

static void shake(struct subject *s, const uint8_t *bytes, size_t length, usec_t now)
{
	uint8_t out[16384];
	const enum session_state state = session_feed(&s->session, bytes, length);
	for (size_t said = session_said(&s->session, out, sizeof(out)); said > 0;
	     said = session_said(&s->session, out, sizeof(out))) {
		if (!connection_say(s, out, said)) {
			step_quiet(s, TLS_ANSWER_ENDED, now);
			return;
		}
	}
	if (state != SESSION_GOES_ON) {
		step_quiet(s, TLS_ANSWER_ENDED, now);
	}
}

/* Ports where HTTP would only disturb. */
static bool may_be_http(const struct subject *s)
{
	static const uint16_t others[] = { 465, 563, 636,  853,  989,  990,  992,  993,
					   994, 995, 3269, 5223, 5671, 6514, 6697, 8883 };
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (others[i] == s->record.port) {
			return false;
		}
	}
	return !s->by_start;
}

static void begin_session(struct subject *s, usec_t now)
{
	const struct tls_engine *e = s->engine;
	s->phase = PHASE_SHAKING;
	s->deadline = now + answer_time(s);
	if (session_begin(&s->session, e->context, e->order->host, e->address, may_be_http(s)) <
	    0) {
		step_quiet(s, TLS_ANSWER_ENDED, now);
		return;
	}
	shake(s, NULL, 0, now);
}

/* TLS may begin now. */
static void go_on(struct subject *s, usec_t now)
{
	if (s->attempt == ATTEMPT_SESSION) {
		begin_session(s, now);
	} else {
		ask(s, now);
	}
}

/* ---- TLS within a protocol ---- */

static void start_step(struct subject *s, usec_t now)
{
	uint8_t out[TLS_QUESTION_BYTES];
	size_t said = 0;
	const enum tls_start_state state = tls_start_feed(&s->start, s->text, s->heard, out, &said);
	if (said > 0 && !connection_say(s, out, said)) {
		step_quiet(s, TLS_ANSWER_ENDED, now);
		return;
	}
	switch (state) {
	case TLS_START_SAY:
		s->heard = 0;
		s->deadline = now + answer_time(s);
		return;
	case TLS_START_WAIT:
		if (s->heard == sizeof(s->text)) {
			step_quiet(s, TLS_ANSWER_STRANGE, now);
		}
		return;
	case TLS_START_READY:
		if (s->attempt != ATTEMPT_START) {
			go_on(s, now);
			return;
		}
		s->by_start = true;
		s->record.talk = (uint8_t)s->start.talk;
		recognize_found(s, s->start.required ? TLS_KIND_REQUIRED : TLS_KIND_OFFERED);
		connection_close(s);
		return;
	default:
		if (s->attempt == ATTEMPT_START) {
			recognize_not_started(s, state == TLS_START_REFUSED);
			connection_close(s);
		} else {
			step_quiet(s, TLS_ANSWER_STRANGE, now);
		}
	}
}

static void begin_start(struct subject *s, usec_t now)
{
	s->start.step = 0;
	s->start.look = s->attempt == ATTEMPT_START;
	s->phase = PHASE_STARTING;
	s->deadline = now + answer_time(s);
	s->heard = 0;
	if (!tls_talk_greets(s->start.talk)) {
		start_step(s, now);
	}
}

/* ---- a connection ---- */

void step_connected(struct subject *s, usec_t now)
{
	static const char http[] = "GET / HTTP/1.0\r\n\r\n";
	switch (s->attempt) {
	case ATTEMPT_GREETING: {
		const bool greets = tls_talk_greets(tls_talk_at(s->record.port));
		s->phase = PHASE_LISTENING;
		s->deadline = now + (greets ? answer_time(s) : GREETING_TIME);
		return;
	}
	case ATTEMPT_HTTP:
		s->phase = PHASE_HTTP;
		s->deadline = now + answer_time(s);
		if (!connection_say(s, (const uint8_t *)http, sizeof(http) - 1)) {
			step_quiet(s, TLS_ANSWER_ENDED, now);
		}
		return;
	case ATTEMPT_START:
		begin_start(s, now);
		return;
	default:
		if (s->by_start) {
			begin_start(s, now);
		} else {
			go_on(s, now);
		}
	}
}

/* The whole of a greeting, as far as is needed to tell whose it is. */
static bool greeting_is_whole(const struct subject *s)
{
	return s->heard == sizeof(s->text) || memchr(s->text, '\n', s->heard) != NULL ||
	       tls_talk_of(s->text, s->heard, TLS_TALK_NONE) == TLS_TALK_MYSQL;
}

/* ---- answers of the plan ---- */

static X509 *read_certificate(const struct tls_flight *f, unsigned i)
{
	const uint8_t *at = f->bytes + f->chain[i].at;
	return d2i_X509(NULL, &at, (long)f->chain[i].length);
}

static STACK_OF(X509) * read_chain(const struct tls_flight *f)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	for (unsigned i = 0; chain != NULL && i < f->chain_count; i++) {
		X509 *one = read_certificate(f, i);
		if (one == NULL || sk_X509_push(chain, one) == 0) {
			X509_free(one);
			break;
		}
	}
	return chain;
}

/* EVP_PKEY_NONE where nobody knows. */
static int kind_of_key(const X509 *certificate)
{
	const EVP_PKEY *key = certificate == NULL ? NULL : X509_get0_pubkey(certificate);
	return key == NULL ? EVP_PKEY_NONE : EVP_PKEY_get_base_id(key);
}

static void keep_chain(struct subject *s)
{
	const struct tls_flight *f = &s->flight;
	if (f->chain_count == 0 || s->chains[1] != NULL) {
		return;
	}
	if (s->chains[0] == NULL) {
		s->chains[0] = read_chain(f);
		return;
	}
	X509 *first = read_certificate(f, 0);
	if (first != NULL && kind_of_key(first) != kind_of_key(sk_X509_value(s->chains[0], 0))) {
		s->chains[1] = read_chain(f);
	}
	X509_free(first);
	ERR_clear_error();
}

static void take_answer(struct subject *s, enum tls_answer how)
{
	if (how != TLS_ANSWER_HELLO && how != TLS_ANSWER_ALERT) {
		s->flight.state = how;
	}
	keep_chain(s);
	tls_plan_take(&s->plan, &s->flight);
	connection_close(s);
}

void step_heard(struct subject *s, const uint8_t *bytes, size_t length, usec_t now)
{
	/* The beginning is kept: it tells what speaks where there is no TLS. */
	const size_t room = sizeof(s->text) - s->heard;
	const size_t part = length < room ? length : room;
	memcpy(s->text + s->heard, bytes, part);
	s->heard += part;
	switch (s->phase) {
	case PHASE_LISTENING:
		if (greeting_is_whole(s)) {
			s->greeted = true;
			recognize_text(s);
		}
		return;
	case PHASE_STARTING:
		start_step(s, now);
		return;
	case PHASE_SHAKING:
		shake(s, bytes, length, now);
		return;
	case PHASE_HTTP:
		step_quiet(s, TLS_ANSWER_ENDED, now);
		return;
	default:
		break;
	}
	const enum tls_answer answer = s->question.version == TLS_VERSION_SSL2
					       ? tls_flight_feed_ssl2(&s->flight, bytes, length)
					       : tls_flight_feed(&s->flight, bytes, length);
	if (answer == TLS_ANSWER_MORE) {
		return;
	}
	if (s->attempt == ATTEMPT_GREETING) {
		recognize_answer(s);
	} else {
		take_answer(s, answer);
	}
}

/* ---- nothing more comes ---- */

static void quiet_at_first(struct subject *s, usec_t now)
{
	s->greeted = true;
	if (s->phase == PHASE_LISTENING && s->heard > 0) {
		recognize_text(s);
	} else if (s->phase == PHASE_LISTENING && s->socket >= 0) {
		ask_first(s, now);
	} else if (s->flight.is_tls) {
		recognize_found(s, TLS_KIND_TLS); /* slow, but it speaks it */
		connection_close(s);
	} else if (s->heard > 0) {
		recognize_text(s);
	} else {
		recognize_otherwise(s);
	}
}

void step_quiet(struct subject *s, enum tls_answer how, usec_t now)
{
	switch (s->attempt) {
	case ATTEMPT_GREETING:
		if (how == TLS_ANSWER_ENDED && s->phase == PHASE_LISTENING && s->heard == 0) {
			s->greeted = true;
			recognize_otherwise(s);
		} else {
			quiet_at_first(s, now);
		}
		return;
	case ATTEMPT_HTTP:
		recognize_http(s);
		return;
	case ATTEMPT_START:
		recognize_not_started(s, false);
		connection_close(s);
		return;
	case ATTEMPT_SESSION:
		session_tell(&s->session, s->engine->context, &s->record,
			     s->engine->order->unnamed != 0 ? "" : s->engine->order->host);
		s->attempt = ATTEMPT_OVER;
		connection_close(s);
		return;
	default:
		if (is_found(s)) {
			take_answer(s, how);
		} else {
			recognize_over(s, TLS_KIND_UNKNOWN);
			connection_close(s);
		}
	}
}
