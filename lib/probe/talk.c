/* What is said to services, and what their bytes are. Everything here is given by whoever answers.
 */
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "base/str.h"
#include "probe/probe.h"

/* ---- questions ---- */

static size_t put(uint8_t *out, size_t room, const void *bytes, size_t length)
{
	if (length > room) {
		return 0;
	}
	memcpy(out, bytes, length);
	return length;
}

static size_t put_text(uint8_t *out, size_t room, const char *text)
{
	return put(out, room, text, strlen(text));
}

static size_t ask_http(uint8_t *out, size_t room, const struct probe_order *order)
{
	char text[PROBE_HOST_BYTES + PROBE_PATH_BYTES + 128];
	const bool six = strchr(order->host, ':') != NULL;
	(void)snprintf(text, sizeof(text),
		       "GET %s HTTP/1.1\r\nHost: %s%s%s\r\nUser-Agent: minato\r\n"
		       "Accept: */*\r\nConnection: close\r\n\r\n",
		       order->path, six ? "[" : "", order->host, six ? "]" : "");
	return put_text(out, room, text);
}

size_t probe_question(uint8_t *out, size_t room, const struct probe_order *order)
{
	/* RFC 1035 4.1: one question, the name servers of the root. */
	static const uint8_t dns[] = { 0x6d, 0x6e, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1 };
	/* RFC 5905 7.3: version 4, mode 3. */
	static const uint8_t ntp[48] = { 0x23 };
	switch (order->talk) {
	case PROBE_TALK_HTTP:
		return ask_http(out, room, order);
	case PROBE_TALK_REDIS:
		return put_text(out, room, "PING\r\n");
	case PROBE_TALK_DNS:
		return put(out, room, dns, sizeof(dns));
	case PROBE_TALK_NTP:
		return put(out, room, ntp, sizeof(ntp));
	default:
		return 0;
	}
}

/* ---- lines ---- */

static bool begins(const uint8_t *bytes, size_t length, const char *with)
{
	const size_t wanted = strlen(with);
	return length >= wanted && memcmp(bytes, with, wanted) == 0;
}

/* The last line, which may have an end or not. */
static const uint8_t *last_line(const uint8_t *bytes, size_t *length)
{
	size_t end = *length;
	while (end > 0 && (bytes[end - 1] == '\n' || bytes[end - 1] == '\r')) {
		end--;
	}
	size_t begin = end;
	while (begin > 0 && bytes[begin - 1] != '\n') {
		begin--;
	}
	*length = end - begin;
	return bytes + begin;
}

/* Three digits (RFC 5321 4.2, RFC 959 4.2); 0 = it is not one. */
static unsigned reply_code(const uint8_t *line, size_t length)
{
	uint64_t code = 0;
	return length >= 3 && parse_u64_bytes(&code, (const char *)line, 3, 100, 599) == 0
		       ? (unsigned)code
		       : 0;
}

/* A reply of several lines ends with one whose number is followed by a space. */
static bool reply_ended(const uint8_t *bytes, size_t length)
{
	size_t last = length;
	const uint8_t *line = last_line(bytes, &last);
	return length > 0 && bytes[length - 1] == '\n' && reply_code(line, last) != 0 &&
	       (last == 3 || line[3] == ' ');
}

static bool has_line(const uint8_t *bytes, size_t length)
{
	return memchr(bytes, '\n', length) != NULL;
}

bool probe_is_whole(enum probe_talk talk, const uint8_t *bytes, size_t length)
{
	if (probe_is_tls(bytes, length)) {
		return true;
	}
	switch (talk) {
	case PROBE_TALK_NONE:
	case PROBE_TALK_DNS:
	case PROBE_TALK_NTP:
	case PROBE_TALK_POSTGRESQL:
		return length > 0;
	case PROBE_TALK_SMTP:
	case PROBE_TALK_FTP:
		return reply_ended(bytes, length) ||
		       (has_line(bytes, length) && reply_code(bytes, length) == 0);
	case PROBE_TALK_MYSQL: /* three bytes of length, a number, and so much */
		return length >= 4 &&
		       length - 4 >= (bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16);
	case PROBE_TALK_LDAP:
		return length >= 2 && length - 2 >= bytes[1];
	default:
		return has_line(bytes, length);
	}
}

/* ---- answers ---- */

enum { MYSQL_ERROR = 0xff }; /* ERR_Packet */

bool probe_may_be_tls(const uint8_t *bytes, size_t length)
{
	/* RFC 8446 5.1: alert or handshake, version 3.x. */
	return length > 0 && (bytes[0] == 0x15 || bytes[0] == 0x16) &&
	       (length < 2 || bytes[1] == 3) && (length < 3 || bytes[2] <= 4);
}

bool probe_is_tls(const uint8_t *bytes, size_t length)
{
	return length >= 3 && probe_may_be_tls(bytes, length);
}

void probe_first_line(char *out, const uint8_t *bytes, size_t length)
{
	size_t used = 0;
	for (size_t i = 0; i < length && used + 1 < PROBE_TEXT_BYTES; i++) {
		if (bytes[i] == '\n' ||
		    (bytes[i] == '\r' && i + 1 < length && bytes[i + 1] == '\n')) {
			break;
		}
		/* Bytes of no known encoding come from whoever answers: ASCII alone is shown. */
		out[used++] = bytes[i] >= ' ' && bytes[i] <= '~' ? (char)bytes[i] : '.';
	}
	out[used] = '\0';
}

static unsigned http_status(const uint8_t *bytes, size_t length)
{
	return begins(bytes, length, "HTTP/1.") && length >= 12 ? reply_code(bytes + 9, length - 9)
								: 0;
}

/* A packet of protocol 10 (the greeting), or one of an error. */
static bool is_mysql(const uint8_t *bytes, size_t length)
{
	return length >= 7 && bytes[2] == 0 && bytes[3] == 0 &&
	       (bytes[4] == 10 || bytes[4] == MYSQL_ERROR);
}

/* LDAPMessage: a SEQUENCE of a number and an ExtendedResponse (RFC 4511 4.1.1, 4.12). */
static bool is_ldap(const uint8_t *bytes, size_t length)
{
	enum { SEQUENCE = 0x30, EXTENDED_RESPONSE = 0x78 };
	return length >= 7 && bytes[0] == SEQUENCE &&
	       memchr(bytes, EXTENDED_RESPONSE, length) != NULL;
}

static bool is_dns(const uint8_t *bytes, size_t length)
{
	return length >= 12 && bytes[0] == 0x6d && bytes[1] == 0x6e && (bytes[2] & 0x80) != 0;
}

static bool is_expected(struct probe_record *record, enum probe_talk talk, const uint8_t *bytes,
			size_t length)
{
	switch (talk) {
	case PROBE_TALK_HTTP:
		record->status = (uint16_t)http_status(bytes, length);
		return record->status != 0;
	case PROBE_TALK_SMTP:
	case PROBE_TALK_FTP:
	case PROBE_TALK_NNTP:
		record->status = (uint16_t)reply_code(bytes, length);
		return record->status != 0;
	case PROBE_TALK_IMAP:
		return begins(bytes, length, "* ");
	case PROBE_TALK_POP3:
		return begins(bytes, length, "+OK") || begins(bytes, length, "-ERR");
	case PROBE_TALK_SSH:
		return begins(bytes, length, "SSH-");
	case PROBE_TALK_POSTGRESQL:
		return (length == 1 && (bytes[0] == 'S' || bytes[0] == 'N')) ||
		       (length > 1 && bytes[0] == 'E');
	case PROBE_TALK_REDIS:
		return begins(bytes, length, "+PONG") || begins(bytes, length, "-");
	case PROBE_TALK_SIEVE:
		return begins(bytes, length, "\"") || begins(bytes, length, "OK") ||
		       begins(bytes, length, "NO") || begins(bytes, length, "BYE");
	case PROBE_TALK_IRC:
		return begins(bytes, length, ":") || begins(bytes, length, "NOTICE ") ||
		       begins(bytes, length, "ERROR ");
	case PROBE_TALK_XMPP:
		return memmem(bytes, length, "stream:stream", strlen("stream:stream")) != NULL;
	case PROBE_TALK_MYSQL:
		return is_mysql(bytes, length);
	case PROBE_TALK_LDAP:
		return is_ldap(bytes, length);
	case PROBE_TALK_DNS:
		return is_dns(bytes, length);
	case PROBE_TALK_NTP:
		return length >= 48 && (bytes[0] & 7) == 4;
	default:
		return length > 0;
	}
}

/* The version that the greeting begins with; of an error its number and what it says. */
static void read_mysql(struct probe_record *record, const uint8_t *bytes, size_t length)
{
	static const char prefix[] = "5.5.5-"; /* MariaDB's, for old replicas */
	char words[PROBE_TEXT_BYTES];
	if (bytes[4] == MYSQL_ERROR) {
		record->status = (uint16_t)(bytes[5] | bytes[6] << 8);
		probe_first_line(record->text, bytes + 7, length - 7);
		return;
	}
	const uint8_t *end = memchr(bytes + 5, '\0', length - 5);
	probe_first_line(words, bytes + 5, end == NULL ? length - 5 : (size_t)(end - bytes) - 5);
	const bool maria = strstr(words, "MariaDB") != NULL;
	const bool prefixed = strncmp(words, prefix, strlen(prefix)) == 0;
	(void)snprintf(record->text, sizeof(record->text), "%s %.*s", maria ? "MariaDB" : "MySQL",
		       200, words + (prefixed ? strlen(prefix) : 0));
}

void probe_read_answer(struct probe_record *record, enum probe_talk talk, const uint8_t *bytes,
		       size_t length)
{
	record->tls_bytes = probe_is_tls(bytes, length);
	record->outcome = !record->tls_bytes && is_expected(record, talk, bytes, length)
				  ? PROBE_OK
				  : PROBE_STRANGE;
	record->text[0] = '\0';
	if (record->tls_bytes) {
		return;
	}
	if (talk == PROBE_TALK_DNS && record->outcome == PROBE_OK) {
		(void)snprintf(record->text, sizeof(record->text), "DNS, code %u", bytes[3] & 15U);
	} else if (talk == PROBE_TALK_NTP && record->outcome == PROBE_OK) {
		(void)snprintf(record->text, sizeof(record->text), "NTP, stratum %u", bytes[1]);
	} else if (talk == PROBE_TALK_MYSQL && record->outcome == PROBE_OK) {
		read_mysql(record, bytes, length);
	} else if (talk != PROBE_TALK_POSTGRESQL) {
		probe_first_line(record->text, bytes, length);
	}
}
