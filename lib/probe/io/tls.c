/* TLS as a client that wants to know everything and trusts nothing: it shakes hands with anybody.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/str.h"
#include "probe/io/run.h"
#include "tls/tls.h"

struct probe_tls_context {
	SSL_CTX *ssl;
};

struct probe_session {
	SSL *ssl;
	const struct probing *p;
	usec_t until; /* nothing is read later: what OpenSSL passes over may come without end */
};

enum { PEEK_BYTES = 256 };

struct probe_tls_context *probe_tls_prepare(void)
{
	struct probe_tls_context *context = calloc(1, sizeof(*context));
	if (context == NULL) {
		return NULL;
	}
	context->ssl = tls_context_new();
	if (context->ssl == NULL) {
		free(context);
		return NULL;
	}
	/* Who offers nothing but anonymous ciphers is to be told of, too. */
	(void)SSL_CTX_set_cipher_list(context->ssl, "ALL:@SECLEVEL=0");
	return context;
}

/* ---- waiting ---- */

/* Whether an operation of OpenSSL goes on after a wait. @return 1 again; 0 in time nothing came;
 * negative: it failed. */
static int wait_for(const struct probing *p, SSL *ssl, int result, usec_t until)
{
	const int reason = SSL_get_error(ssl, result);
	if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) {
		return -EPROTO;
	}
	return probing_wait(p, reason == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, until);
}

/* ---- what came ---- */

static void copy_text(char *out, size_t room, const char *from, size_t length)
{
	size_t used = 0;
	for (; used < length && used + 1 < room; used++) {
		out[used] = from[used] >= ' ' && from[used] <= '~' ? from[used] : '.';
	}
	out[used] = '\0';
}

static void take_certificate(struct probe_tls *out, const struct probe_order *order, SSL *ssl)
{
	struct tls_certificate read;
	X509 *certificate = SSL_get1_peer_certificate(ssl);
	if (certificate == NULL) {
		return; /* anonymous: nobody vouches for anything */
	}
	tls_certificate_read(&read, certificate, order->unnamed != 0 ? "" : order->host);
	X509_free(certificate);
	(void)str_copy(out->subject, sizeof(out->subject), read.subject);
	(void)str_copy(out->issuer, sizeof(out->issuer), read.issuer);
	out->not_before = read.not_before;
	out->not_after = read.not_after;
	out->name_matches = read.name_matches;
	out->self_signed = read.self_signed;
	out->key_bits = read.key_bits;
	out->weak_signature = read.hash != TLS_HASH_FINE;
}

static void take_session(struct probe_tls *out, const struct probe_order *order, SSL *ssl)
{
	const unsigned char *alpn = NULL;
	unsigned length = 0;
	out->tells = 1;
	(void)str_copy(out->version, sizeof(out->version), SSL_get_version(ssl));
	(void)str_copy(out->cipher, sizeof(out->cipher), SSL_get_cipher_name(ssl));
	SSL_get0_alpn_selected(ssl, &alpn, &length);
	copy_text(out->alpn, sizeof(out->alpn), (const char *)alpn, length);
	out->verify = (int32_t)SSL_get_verify_result(ssl);
	out->chain = (uint32_t)sk_X509_num(SSL_get_peer_cert_chain(ssl));
	take_certificate(out, order, ssl);
}

static void take_fault(struct probe_tls *out)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());
	copy_text(out->detail, sizeof(out->detail), reason == NULL ? "" : reason,
		  reason == NULL ? 0 : strlen(reason));
	ERR_clear_error();
}

/* ---- the handshake ---- */

/* Whether what waits in the socket is TLS at all; fills in the text when it is not. */
static bool is_tls_there(const struct probing *p, struct probe_record *record)
{
	uint8_t bytes[PEEK_BYTES];
	const ssize_t length = recv(p->socket, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
	if (length <= 0 || probe_may_be_tls(bytes, (size_t)length)) {
		return true; /* OpenSSL finds out the rest */
	}
	probe_first_line(record->text, bytes, (size_t)length);
	record->outcome = PROBE_STRANGE;
	record->error = 0;
	return false;
}

static SSL *make_ssl(const struct probing *p)
{
	static const unsigned char alpn[] = "\x02h2\x08http/1.1";
	SSL *ssl = SSL_new(p->tls->ssl);
	struct addr address;
	/* Nothing is read before somebody looked at it: see read_at_last(). */
	BIO *empty = BIO_new(BIO_s_mem());
	if (ssl == NULL || empty == NULL || SSL_set_wfd(ssl, p->socket) != 1) {
		BIO_free(empty);
		SSL_free(ssl);
		return NULL;
	}
	SSL_set0_rbio(ssl, empty);
	if (addr_parse(&address, p->order->host) < 0) { /* RFC 6066 3: no addresses */
		(void)SSL_set_tlsext_host_name(ssl, p->order->host);
	}
	if (p->order->talk == PROBE_TALK_HTTP) {
		(void)SSL_set_alpn_protos(ssl, alpn + 3,
					  sizeof(alpn) - 1 - 3); /* HTTP/1.1 is spoken */
	}
	return ssl;
}

/* BIO_callback_fn_ex: one call of OpenSSL reads on as long as there is something to pass over. */
static long read_in_time(BIO *socket, int operation, const char *bytes, size_t length, int number,
			 long more, int result, size_t *processed)
{
	const struct probe_session *session = (const void *)BIO_get_callback_arg(socket);
	(void)bytes;
	(void)length;
	(void)number;
	(void)more;
	(void)processed;
	if (operation == BIO_CB_READ && probing_now(session->p) >= session->until) {
		BIO_set_retry_read(socket);
		return -1;
	}
	return result;
}

/* @return whether OpenSSL reads from the socket from now on. */
static bool read_at_last(struct probe_session *session)
{
	BIO *socket = BIO_new_socket(session->p->socket, BIO_NOCLOSE);
	if (socket != NULL) {
		BIO_set_callback_ex(socket, read_in_time);
		BIO_set_callback_arg(socket, (char *)session);
		SSL_set0_rbio(session->ssl, socket);
	}
	return socket != NULL;
}

/* Fills in the outcome. */
static void shake_hands(struct probe_session *session, struct probe_record *record)
{
	const struct probing *p = session->p;
	SSL *ssl = session->ssl;
	const usec_t until = probing_now(p) + p->order->answer_time;
	bool peeked = false;
	session->until = until;
	record->outcome = PROBE_FAILED;
	record->error = ENOMEM;
	int r = 0;
	while ((r = SSL_connect(ssl)) != 1) {
		const int again = wait_for(p, ssl, r, until);
		if (again == 0) {
			record->outcome = PROBE_TIMED_OUT;
			record->error = 0;
			return;
		}
		if (again < 0) {
			const bool ended = SSL_get_error(ssl, r) == SSL_ERROR_ZERO_RETURN ||
					   ERR_peek_error() == 0 ||
					   ERR_GET_REASON(ERR_peek_error()) ==
						   SSL_R_UNEXPECTED_EOF_WHILE_READING;
			record->outcome = ended ? PROBE_ENDED : PROBE_FAILED;
			record->error = errno == ECONNRESET ? ECONNRESET : EPROTO;
			take_fault(&record->tls);
			return;
		}
		if (!peeked && SSL_want_read(ssl)) {
			peeked = read_at_last(session);
			if (!peeked || !is_tls_there(p, record)) {
				return;
			}
		}
		errno = 0;
	}
	record->outcome = PROBE_OK;
	record->error = 0;
	take_session(&record->tls, p->order, ssl);
}

struct probe_session *probe_session_begin(struct probing *p, int *error)
{
	struct probe_record record = p->base;
	record.step = PROBE_STEP_TLS;
	record.begun = probing_now(p);
	struct probe_session *session = calloc(1, sizeof(*session));
	if (session != NULL) {
		session->p = p;
		session->ssl = p->tls == NULL ? NULL : make_ssl(p);
	}
	if (session == NULL || session->ssl == NULL) {
		free(session);
		*error = -ENOMEM;
		return NULL;
	}
	ERR_clear_error();
	errno = 0;
	shake_hands(session, &record);
	record.took = probing_now(p) - record.begun;
	*error = p->tell(p->data, &record);
	if (record.outcome != PROBE_OK || *error != 0) {
		SSL_free(session->ssl);
		free(session);
		return NULL;
	}
	return session;
}

void probe_session_end(struct probe_session *session)
{
	if (session != NULL) {
		(void)SSL_shutdown(session->ssl); /* politeness; nobody waits for the reply */
		SSL_free(session->ssl);
		free(session);
	}
}

long probe_session_read(struct probe_session *session, const struct probing *p, void *bytes,
			size_t room, usec_t until)
{
	session->until = until;
	for (;;) {
		const int r = SSL_read(session->ssl, bytes, (int)room);
		if (r > 0) {
			return r;
		}
		if (SSL_get_error(session->ssl, r) == SSL_ERROR_ZERO_RETURN) {
			return 0;
		}
		const int again = wait_for(p, session->ssl, r, until);
		if (again <= 0) {
			ERR_clear_error();
			return again == 0 ? -ETIMEDOUT : again;
		}
	}
}

long probe_session_write(struct probe_session *session, const struct probing *p, const void *bytes,
			 size_t length, usec_t until)
{
	session->until = until;
	for (;;) {
		const int r = SSL_write(session->ssl, bytes, (int)length);
		if (r > 0) {
			return r;
		}
		const int again = wait_for(p, session->ssl, r, until);
		if (again <= 0) {
			ERR_clear_error();
			return again == 0 ? -ETIMEDOUT : again;
		}
	}
}
