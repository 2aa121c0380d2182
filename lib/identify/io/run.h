/* Carrying an order out: the part that meets foreign bytes, for a process without rights. */
#pragma once

#include "identify/identify.h"

struct identify_session;

/* TLS over a socket that does not block. @return NULL without memory. */
struct identify_session *identify_session_new(struct identify_tls_context *context,
					      const struct identify_order *order, bool alpn_http);
/* @return NULL. */
struct identify_session *identify_session_free(struct identify_session *session);

enum identify_progress {
	IDENTIFY_AGAIN, /* what there is has been sent; more has to come */
	IDENTIFY_SECURED,
	IDENTIFY_REFUSED, /* by an alert, or by us */
};

/* Takes what came from the socket, and hands what has to go out over `out`. */
int identify_session_take(struct identify_session *session, const uint8_t *bytes, size_t length);
/* Goes on with the handshake. @return enum identify_progress; what is to be sent is given by
 * identify_session_outgoing(). */
enum identify_progress identify_session_shake(struct identify_session *session);
void identify_session_facts(struct identify_tls *out, struct identify_session *session);
/* Plain bytes of what was taken. @return how many; 0 = none yet; -EPIPE no more will come. */
long identify_session_read(struct identify_session *session, uint8_t *out, size_t room);
/* @return 0; -EIO. */
int identify_session_write(struct identify_session *session, const uint8_t *bytes, size_t length);
/* Bytes for the socket. @return how many. */
size_t identify_session_outgoing(struct identify_session *session, uint8_t *out, size_t room);
