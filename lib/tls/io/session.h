/* One whole handshake by OpenSSL, over bytes that others carry. */
#pragma once

#include <openssl/ssl.h>

#include "tls/tls.h"

enum session_state {
	SESSION_GOES_ON, /* say what session_said() has, then feed what comes */
	SESSION_DONE,
	SESSION_FAILED,
};

struct session {
	SSL *ssl;
	BIO *in, *out;
	bool ask;         /* for HTTP */
	bool shaken;      /* the handshake is done */
	const char *host; /* "" = none: the address is named to HTTP */
	const char *address;
	size_t heard, taken;
	char answer[8192]; /* of HTTP */
};

/* @return 0 or -ENOMEM. `s` needs session_end() in any case. */
int session_begin(struct session *s, SSL_CTX *context, const char *host, const char *address,
		  bool ask);
/* Takes bytes; none at the beginning. */
enum session_state session_feed(struct session *s, const uint8_t *bytes, size_t length);
/* What is to be sent. @return how many bytes, 0 = none. */
size_t session_said(struct session *s, uint8_t *out, size_t room);
/* Fills in what is known by now: certificate, shaken, http, hsts. */
void session_tell(struct session *s, SSL_CTX *context, struct tls_record *record,
		  const char *named);
void session_end(struct session *s);
