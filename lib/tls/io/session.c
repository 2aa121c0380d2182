/* One whole handshake by OpenSSL: the only way to the certificate of TLS 1.3, and to HTTP behind.
 */
#include "tls/io/session.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "tls/io/certificate.h"

/* Handshake and headers together: who sends more is not listened to. */
enum { HEARD_MAX = 256 * 1024 };

int session_begin(struct session *s, SSL_CTX *context, const char *host, const char *address,
		  bool ask)
{
	*s = (struct session){ .ask = ask, .host = host, .address = address };
	struct addr parsed;
	s->ssl = SSL_new(context);
	s->in = BIO_new(BIO_s_mem());
	s->out = BIO_new(BIO_s_mem());
	if (s->ssl == NULL || s->in == NULL || s->out == NULL) {
		BIO_free(s->in);
		BIO_free(s->out);
		return -ENOMEM;
	}
	SSL_set_bio(s->ssl, s->in, s->out);
	SSL_set_connect_state(s->ssl);
	if (host[0] != '\0' && addr_parse(&parsed, host) < 0) { /* RFC 6066 3: no addresses */
		(void)SSL_set_tlsext_host_name(s->ssl, host);
	}
	return 0;
}

static void ask_http(struct session *s)
{
	char text[TLS_HOST_BYTES + 128];
	const char *host = s->host[0] == '\0' ? s->address : s->host;
	const bool six = strchr(host, ':') != NULL;
	const int length = snprintf(text, sizeof(text),
				    "GET / HTTP/1.1\r\nHost: %s%s%s\r\nUser-Agent: minato\r\n"
				    "Accept: */*\r\nConnection: close\r\n\r\n",
				    six ? "[" : "", host, six ? "]" : "");
	(void)SSL_write(s->ssl, text, length); /* into memory, which takes it */
}

static bool is_over(const struct session *s)
{
	return s->taken + 1 >= sizeof(s->answer) ||
	       memmem(s->answer, s->taken, "\r\n\r\n", 4) != NULL ||
	       (s->taken >= 5 && memcmp(s->answer, "HTTP/", 5) != 0);
}

/* @return as session_feed(). */
static enum session_state read_answer(struct session *s)
{
	while (!is_over(s)) {
		const int r = SSL_read(s->ssl, s->answer + s->taken,
				       (int)(sizeof(s->answer) - 1 - s->taken));
		if (r <= 0) {
			const int reason = SSL_get_error(s->ssl, r);
			ERR_clear_error();
			return reason == SSL_ERROR_WANT_READ ? SESSION_GOES_ON : SESSION_DONE;
		}
		s->taken += (size_t)r;
	}
	return SESSION_DONE;
}

enum session_state session_feed(struct session *s, const uint8_t *bytes, size_t length)
{
	ERR_clear_error();
	s->heard += length;
	if (s->heard > HEARD_MAX || (length > 0 && BIO_write(s->in, bytes, (int)length) <= 0)) {
		return s->shaken ? SESSION_DONE : SESSION_FAILED;
	}
	if (!s->shaken) {
		const int r = SSL_do_handshake(s->ssl);
		if (r != 1) {
			const bool more = SSL_get_error(s->ssl, r) == SSL_ERROR_WANT_READ;
			ERR_clear_error();
			return more ? SESSION_GOES_ON : SESSION_FAILED;
		}
		s->shaken = true;
		if (!s->ask) {
			return SESSION_DONE;
		}
		ask_http(s);
	}
	return read_answer(s);
}

size_t session_said(struct session *s, uint8_t *out, size_t room)
{
	const int r = BIO_read(s->out, out, (int)room);
	return r > 0 ? (size_t)r : 0;
}

/* RFC 6797 6.1: Strict-Transport-Security: max-age=31536000; ... */
static void read_hsts(struct tls_record *record, const char *headers)
{
	static const char name[] = "\nstrict-transport-security:";
	const char *at = strcasestr(headers, name);
	if (at == NULL) {
		return;
	}
	at += sizeof(name) - 1;
	const size_t line = strcspn(at, "\r\n");
	const char *age = strcasestr(at, "max-age=");
	uint64_t seconds = 0;
	if (age != NULL && age < at + line) {
		age += strlen("max-age=");
		age += *age == '"';
		const size_t digits = strspn(age, "0123456789");
		if (digits == 0 || parse_u64_bytes(&seconds, age, digits, 0, UINT32_MAX) < 0) {
			seconds = 0;
		}
	}
	/* Zero takes it back (6.1.1). */
	record->hsts = seconds > 0;
	record->hsts_seconds = (int64_t)seconds;
}

void session_tell(struct session *s, SSL_CTX *context, struct tls_record *record, const char *named)
{
	record->shaken = s->shaken;
	STACK_OF(X509) *chain = s->ssl == NULL ? NULL : SSL_get_peer_cert_chain(s->ssl);
	if (chain != NULL) {
		certificate_judge(&record->certificate, chain, context, named);
	}
	s->answer[s->taken] = '\0';
	if (s->taken >= 5 && memcmp(s->answer, "HTTP/", 5) == 0) {
		record->http = 1;
		record->talk = TLS_TALK_HTTP;
		read_hsts(record, s->answer);
	}
}

void session_end(struct session *s)
{
	SSL_free(s->ssl); /* with both BIOs */
	s->ssl = NULL;
}
