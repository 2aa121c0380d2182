/* TLS in memory, as a client that shakes hands with anybody: bytes in, bytes out. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "identify/io/run.h"

struct identify_tls_context {
	SSL_CTX *ssl;
};

struct identify_session {
	SSL *ssl;
	BIO *incoming, *outgoing; /* of the SSL */
};

struct identify_tls_context *identify_tls_prepare(void)
{
	struct identify_tls_context *context = calloc(1, sizeof(*context));
	if (context == NULL) {
		return NULL;
	}
	context->ssl = SSL_CTX_new(TLS_client_method());
	if (context->ssl == NULL) {
		free(context);
		return NULL;
	}
	/* Who speaks there is asked, not whether it is to be trusted: old and weak is spoken too.
	 */
	SSL_CTX_set_security_level(context->ssl, 0);
	(void)SSL_CTX_set_min_proto_version(context->ssl, TLS1_VERSION);
	(void)SSL_CTX_set_cipher_list(context->ssl, "ALL:@SECLEVEL=0");
	SSL_CTX_set_options(context->ssl,
			    SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_verify(context->ssl, SSL_VERIFY_NONE, NULL);
	return context;
}

struct identify_session *identify_session_free(struct identify_session *session)
{
	if (session != NULL) {
		SSL_free(session->ssl);
		free(session);
	}
	return NULL;
}

struct identify_session *identify_session_new(struct identify_tls_context *context,
					      const struct identify_order *order, bool alpn_http)
{
	static const unsigned char alpn[] = "\x08http/1.1";
	struct addr address;
	struct identify_session *session = calloc(1, sizeof(*session));
	if (session == NULL || context == NULL) {
		free(session);
		return NULL;
	}
	session->ssl = SSL_new(context->ssl);
	session->incoming = BIO_new(BIO_s_mem());
	session->outgoing = BIO_new(BIO_s_mem());
	if (session->ssl == NULL || session->incoming == NULL || session->outgoing == NULL) {
		BIO_free(session->incoming);
		BIO_free(session->outgoing);
		return identify_session_free(session);
	}
	(void)BIO_set_mem_eof_return(session->incoming, -1);
	SSL_set_bio(session->ssl, session->incoming, session->outgoing);
	SSL_set_connect_state(session->ssl);
	if (order->host[0] != '\0' && addr_parse(&address, order->host) < 0) {
		(void)SSL_set_tlsext_host_name(session->ssl, order->host);
	}
	if (alpn_http) {
		SSL_set_alpn_protos(session->ssl, alpn, sizeof(alpn) - 1);
	}
	return session;
}

int identify_session_take(struct identify_session *session, const uint8_t *bytes, size_t length)
{
	return BIO_write(session->incoming, bytes, (int)length) == (int)length ? 0 : -ENOMEM;
}

enum identify_progress identify_session_shake(struct identify_session *session)
{
	ERR_clear_error();
	const int r = SSL_do_handshake(session->ssl);
	if (r == 1) {
		return IDENTIFY_SECURED;
	}
	const int reason = SSL_get_error(session->ssl, r);
	ERR_clear_error();
	return reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE ? IDENTIFY_AGAIN
									       : IDENTIFY_REFUSED;
}

/* Foreign text, printable ASCII alone. */
static void copy_text(char *out, size_t room, const unsigned char *from, size_t length)
{
	size_t used = 0;
	for (; used < length && used + 1 < room; used++) {
		out[used] = (char)(from[used] >= ' ' && from[used] <= '~' ? from[used] : '.');
	}
	out[used] = '\0';
}

static void copy_name(struct identify_tls *out, X509 *certificate)
{
	char text[256];
	const int length = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate),
						     NID_commonName, text, sizeof(text));
	if (length > 0) {
		copy_text(out->certificate, sizeof(out->certificate), (unsigned char *)text,
			  (size_t)length);
		return;
	}
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	const GENERAL_NAME *first =
		sk_GENERAL_NAME_num(names) > 0 ? sk_GENERAL_NAME_value(names, 0) : NULL;
	if (first != NULL && first->type == GEN_DNS) {
		copy_text(out->certificate, sizeof(out->certificate),
			  ASN1_STRING_get0_data(first->d.dNSName),
			  (size_t)ASN1_STRING_length(first->d.dNSName));
	}
	GENERAL_NAMES_free(names);
}

void identify_session_facts(struct identify_tls *out, struct identify_session *session)
{
	const unsigned char *alpn = NULL;
	unsigned length = 0;
	struct tm end = { 0 };
	memset(out, 0, sizeof(*out));
	(void)str_copy(out->version, sizeof(out->version), SSL_get_version(session->ssl));
	SSL_get0_alpn_selected(session->ssl, &alpn, &length);
	copy_text(out->alpn, sizeof(out->alpn), alpn, length);
	X509 *certificate = SSL_get0_peer_certificate(session->ssl);
	if (certificate != NULL) {
		copy_name(out, certificate);
		if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1) {
			out->not_after = (usec_t)timegm(&end) * USEC_PER_SEC;
		}
	}
	ERR_clear_error();
}

long identify_session_read(struct identify_session *session, uint8_t *out, size_t room)
{
	ERR_clear_error();
	const int r = SSL_read(session->ssl, out, (int)room);
	if (r > 0) {
		return r;
	}
	const int reason = SSL_get_error(session->ssl, r);
	ERR_clear_error();
	return reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE ? 0 : -EPIPE;
}

int identify_session_write(struct identify_session *session, const uint8_t *bytes, size_t length)
{
	ERR_clear_error();
	return SSL_write(session->ssl, bytes, (int)length) == (int)length ? 0 : -EIO;
}

size_t identify_session_outgoing(struct identify_session *session, uint8_t *out, size_t room)
{
	const int r = BIO_read(session->outgoing, out, (int)room);
	return r > 0 ? (size_t)r : 0;
}
