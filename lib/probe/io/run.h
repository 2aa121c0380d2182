/* Carrying an order out: the part that meets foreign bytes, for a process without rights. */
#pragma once

#include "probe/probe.h"

/* ---- connections (connect.c) ---- */

struct probing {
	const struct probe_order *order;
	struct probe_tls_context *tls;
	probe_tell_function *tell;
	void *data;
	usec_t start;             /* monotonic */
	int socket;               /* the one that is used */
	struct probe_record base; /* to, local: of that connection */
};

usec_t probing_now(const struct probing *p);
/* Waits for these events of poll(2). @return 1, 0 in time nothing came; negative errno. */
int probing_wait(const struct probing *p, short events, usec_t until);
/* Fills in what the kernel knows of an error of the socket. */
void probing_error(struct probe_record *record, int socket, int error);
/* @return 0 with p->socket set; 1 nobody could be connected, which was told; negative errno. */
int probing_connect(struct probing *p);

/* ---- bytes (line.c) ---- */

/* Where they go: through TLS, or not. */
struct probe_line {
	struct probing *p;
	struct probe_session *session; /* NULL = plain */
	struct probing own;            /* of probe_line_open */
};

/* ---- questions and answers (hear.c) ---- */

struct heard {
	size_t length;
	uint8_t bytes[16 * 1024]; /* of one answer; the rest is not read */
};

/* When an answer that is waited for from now on is too late. */
usec_t probe_answer_limit(const struct probing *p);
/* Says all of it, which may be nothing. @return 0 or negative errno. */
int probe_say(const struct probe_line *line, const uint8_t *bytes, size_t length);
/* Waits for bytes. @return 0 some came; 1 the other side ended; -ETIMEDOUT, -EMSGSIZE it is full,
 * or another negative errno. */
int probe_hear_more(const struct probe_line *line, struct heard *heard, usec_t until);
/* Fills in what was heard when waiting ended with `r`, and how long it took. */
void probe_judge_hearing(const struct probe_line *line, struct probe_record *record,
			 const struct heard *heard, int r);

/* ---- TLS within a protocol (start.c) ---- */

/* Speaks until TLS begins or is not to be had, which `offered` says; the record becomes that of the
 * first answer. */
void probe_start_tls(const struct probe_line *line, struct probe_record *record);

/* ---- TLS (tls.c) ---- */

struct probe_session;
/* Shakes hands over p->socket and tells of it. @return NULL when there is no session. */
struct probe_session *probe_session_begin(struct probing *p, int *error);
void probe_session_end(struct probe_session *session);
/* As read(2) and write(2) that wait until `until`: -ETIMEDOUT; 0 = ended. */
long probe_session_read(struct probe_session *session, const struct probing *p, void *bytes,
			size_t room, usec_t until);
long probe_session_write(struct probe_session *session, const struct probing *p, const void *bytes,
			 size_t length, usec_t until);
