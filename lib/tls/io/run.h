/* Many ports at once, one connection to each at a time: the part that meets foreign bytes. */
#pragma once

#include "tls/io/certificate.h"
#include "tls/io/session.h"
#include "tls/tls.h"

enum {
	SUBJECT_TEXT_BYTES = 4096, /* of a greeting or an answer within a protocol */
};

/* What a connection is made for. */
enum attempt {
	ATTEMPT_GREETING, /* listens, then asks by TLS */
	ATTEMPT_START,    /* is STARTTLS offered? */
	ATTEMPT_HTTP,     /* does it answer to plain HTTP? */
	ATTEMPT_QUESTION, /* one of the plan */
	ATTEMPT_SESSION,  /* a whole handshake */
	ATTEMPT_OVER,
};

/* Where the connection is. */
enum phase {
	PHASE_CONNECTING,
	PHASE_LISTENING, /* for a greeting */
	PHASE_STARTING,  /* on the way to TLS */
	PHASE_ASKED,     /* a question of TLS is out */
	PHASE_SHAKING,   /* by OpenSSL */
	PHASE_HTTP,      /* a question in plain text is out */
};

struct tls_engine {
	const struct tls_order *order;
	SSL_CTX *context;
	int epoll;
	char address[ADDR_TEXT_BYTES];
};

/* One port. */
struct subject {
	struct tls_engine *engine;
	enum attempt attempt;
	enum phase phase;
	int socket;
	usec_t begun, deadline;
	bool by_start;    /* TLS begins by STARTTLS */
	bool start_known; /* its talk was told by a greeting */
	bool tried_start, tried_database;
	bool greeted; /* GREETING was done */
	struct tls_start start;
	struct tls_plan plan;
	struct tls_question question;
	/* The first that came in plain, and the first with a key of another kind: who has both
	 * shows each to those who can use it. */
	STACK_OF(X509) * chains[2];
	struct session session;
	struct tls_record record;
	size_t heard;
	uint8_t text[SUBJECT_TEXT_BYTES];
	struct tls_flight flight;
};

/* ---- one subject (subject.c) ---- */

void subject_begin(struct subject *s, struct tls_engine *engine, uint16_t port, usec_t now);
/* The socket has something, or can be written to. */
void subject_ready(struct subject *s, usec_t now);
/* The deadline is over. */
void subject_late(struct subject *s, usec_t now);
static inline bool subject_is_over(const struct subject *s)
{
	return s->attempt == ATTEMPT_OVER;
}
void subject_end(struct subject *s);

/* ---- its connection (connection.c) ---- */

/* Begins to connect. @return 0; negative errno. */
int connection_open(struct subject *s, usec_t now);
/* Whether it is connected by now. @return 0; negative errno. */
int connection_opened(struct subject *s);
/* @return bytes; 0 = it ended; -EAGAIN; other negative errno. */
long connection_hear(struct subject *s, uint8_t *bytes, size_t room);
/* @return whether all of it went out. */
bool connection_say(struct subject *s, const uint8_t *bytes, size_t length);
void connection_close(struct subject *s);

/* ---- what a port is (recognize.c) ---- */

/* That is all that can be said of it. */
void recognize_over(struct subject *s, enum tls_kind kind);
/* It speaks TLS: questions follow, or nothing where that was all that was wanted. */
void recognize_found(struct subject *s, enum tls_kind kind);
/* STARTTLS was refused, or not understood, by who was asked whether it is offered. */
void recognize_not_started(struct subject *s, bool refused);
/* Text came, unasked or for something else: plaintext, unless it leads to TLS. */
void recognize_text(struct subject *s);
/* An answer to the first question of TLS came, or something else did. */
void recognize_answer(struct subject *s);
/* Nothing was said to TLS: other questions, each on a connection of its own. */
void recognize_otherwise(struct subject *s);
/* What came, or did not, for a question of plain HTTP. */
void recognize_http(struct subject *s);

/* ---- what comes next (steps.c) ---- */

/* A connection is there. */
void step_connected(struct subject *s, usec_t now);
/* Bytes came. */
void step_heard(struct subject *s, const uint8_t *bytes, size_t length, usec_t now);
/* No more will come: it ended (TLS_ANSWER_ENDED), or it took too long (TLS_ANSWER_SILENT). */
void step_quiet(struct subject *s, enum tls_answer how, usec_t now);
