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
