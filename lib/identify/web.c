/* HTTP, and the languages that took their form from it. */
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "identify/parts.h"
#include "identify/tables.h"

enum { BODY_ENOUGH = 4096 };

/* ---- HTTP ---- */

size_t say_http(uint8_t *out, const struct asking *to)
{
	char text[IDENTIFY_HOST_BYTES + 160];
	const char *host = to->order->host;
	const bool six = strchr(host, ':') != NULL;
	if (to->stage > 0) {
		return 0;
	}
	if (!to->usual || host[0] == '\0') {
		/* Without a header: some take "Host:" for an attack, and log it (Redis). */
		return say_text(out, "GET / HTTP/1.0\r\n\r\n");
	}
	(void)snprintf(text, sizeof(text),
		       "GET %s HTTP/1.1\r\nHost: %s%s%s\r\nUser-Agent: minato\r\nAccept: */*\r\n"
		       "Connection: close\r\n\r\n",
		       identify_http_path(to->port->port), six ? "[" : "", host, six ? "]" : "");
	return say_text(out, text);
}

struct parts_of_http {
	struct hearing head, body; /* parts of what was heard */
};

/* @return whether the head is complete. */
static bool split(struct parts_of_http *out, const struct hearing *heard)
{
	const uint8_t *end = memmem(heard->bytes, heard->length, "\r\n\r\n", 4);
	size_t more = 4;
	if (end == NULL) {
		end = memmem(heard->bytes, heard->length, "\n\n", 2);
		more = 2;
	}
	const size_t head = end == NULL ? heard->length : (size_t)(end - heard->bytes);
	const size_t body = end == NULL ? heard->length : head + more;
	out->head = out->body = *heard;
	out->head.length = head;
	out->body.bytes = heard->bytes + body;
	out->body.length = heard->length - body;
	return end != NULL;
}

/* A header's value. @return its bytes; 0 = it is not there. */
static size_t header(const uint8_t **value, const struct hearing *head, const char *name)
{
	const size_t wanted = strlen(name);
	for (size_t i = 0; i + wanted < head->length; i++) {
		const struct hearing rest = { .bytes = head->bytes + i, .length = wanted };
		if ((i == 0 || head->bytes[i - 1] == '\n') && has_word(&rest, name) &&
		    head->bytes[i + wanted] == ':') {
			size_t at = i + wanted + 1;
			while (at < head->length && head->bytes[at] == ' ') {
				at++;
			}
			size_t end = at;
			while (end < head->length && head->bytes[end] != '\r' &&
			       head->bytes[end] != '\n') {
				end++;
			}
			*value = head->bytes + at;
			return end - at;
		}
	}
	return 0;
}

static bool body_is_there(const struct parts_of_http *parts)
{
	const uint8_t *text = NULL;
	uint64_t wanted = 0;
	const size_t length = header(&text, &parts->head, "Content-Length");
	if (length > 0 &&
	    parse_u64_bytes(&wanted, (const char *)text, length, 0, UINT32_MAX) == 0 &&
	    parts->body.length >= wanted) {
		return true;
	}
	return parts->body.length >= BODY_ENOUGH;
}

/* "HTTP/1.1 200 OK", "RTSP/1.0 ...", "SIP/2.0 ...". @return the number; 0 = it is none. */
static uint16_t status_of(const struct hearing *heard, const char *protocol)
{
	const size_t length = strlen(protocol);
	uint64_t status = 0;
	if (!begins(heard, protocol) || heard->length < length + 7 || heard->bytes[length] != '/' ||
	    heard->bytes[length + 4] != ' ' ||
	    parse_u64_bytes(&status, (const char *)heard->bytes + length + 5,
			    heard->length >= length + 8 ? 3 : 2, 100, 999) < 0) {
		return 0;
	}
	return (uint16_t)status;
}

static void take_mark(struct identity *identity, const struct http_mark *mark,
		      const struct parts_of_http *parts)
{
	size_t length = 0;
	take_text(identity->service, sizeof(identity->service), (const uint8_t *)mark->service,
		  strlen(mark->service));
	if (mark->product[0] != '\0') {
		set_product(identity, mark->product);
		identity->version[0] = '\0';
	}
	if (mark->version[0] != '\0') {
		const uint8_t *at = behind(&parts->head, mark->version, &length);
		at = at == NULL ? behind(&parts->body, mark->version, &length) : at;
		while (at != NULL && length > 0 && (*at == ' ' || *at == ':' || *at == '"')) {
			at++;
			length--;
		}
		if (at != NULL) {
			take_version(identity, at, length);
		}
	}
	if (mark->tells_login) {
		const uint16_t status = identity->status;
		identity->without_login = status >= 200 && status < 300    ? IDENTIFY_TOLD_YES
					  : status == 401 || status == 403 ? IDENTIFY_TOLD_NO
									   : IDENTIFY_TOLD_NOTHING;
	}
}

static void take_product_of_http(struct identity *identity, const struct parts_of_http *parts)
{
	const uint8_t *value = NULL;
	const size_t server = header(&value, &parts->head, "Server");
	size_t count = 0;
	const struct http_mark *marks = identify_http_marks(&count);
	if (server > 0) {
		take_product(identity, value, server);
	}
	for (size_t i = 0; i < count; i++) {
		if (has_word(marks[i].in_body ? &parts->body : &parts->head, marks[i].text)) {
			take_mark(identity, &marks[i], parts);
			return;
		}
	}
}

/* RFC 9113 3.4: who speaks HTTP/2 alone sends its SETTINGS at once. */
static bool is_http2(const struct hearing *heard)
{
	return heard->asked == IDENTIFY_TALK_HTTP && heard->length >= 9 && heard->bytes[0] == 0 &&
	       heard->bytes[1] == 0 && heard->bytes[2] % 6 == 0 && heard->bytes[3] == 4 &&
	       heard->bytes[4] == 0 && be32_at(heard->bytes + 5) == 0;
}

enum reading read_http(struct identity *identity, const struct hearing *heard)
{
	struct parts_of_http parts;
	if (is_http2(heard)) {
		set_product(identity, "HTTP/2");
		return READING_NAMED;
	}
	identity->status = status_of(heard, "HTTP");
	if (identity->status == 0) {
		return begins(heard, "HTTP/") && heard->length < 12 ? READING_MORE : READING_OTHER;
	}
	const bool headed = split(&parts, heard);
	if (!heard->whole && (!headed || !body_is_there(&parts))) {
		return READING_MORE;
	}
	/* nginx, Apache, Go: plain HTTP came to a port of HTTPS. */
	if (identity->status == 400 && !heard->secured &&
	    (has_word(&parts.body, "to HTTPS port") ||
	     has_word(&parts.body, "SSL-enabled server") ||
	     has_word(&parts.body, "to an HTTPS server") ||
	     has_word(&parts.body, "requires TLS"))) {
		return READING_TLS;
	}
	take_line(identity->detail, sizeof(identity->detail), heard->bytes, heard->length);
	take_product_of_http(identity, &parts);
	return READING_NAMED;
}

/* ---- RTSP, SIP ---- */

size_t say_rtsp(uint8_t *out, const struct asking *to)
{
	return to->stage > 0
		       ? 0
		       : say_text(out,
				  "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: minato\r\n\r\n");
}

static enum reading read_like_http(struct identity *identity, const struct hearing *heard,
				   const char *protocol, const char *agent)
{
	struct parts_of_http parts;
	const uint8_t *value = NULL;
	identity->status = status_of(heard, protocol);
	if (identity->status == 0) {
		return begins(heard, protocol) && heard->length < strlen(protocol) + 8
			       ? READING_MORE
			       : READING_OTHER;
	}
	if (!split(&parts, heard) && !heard->whole) {
		return READING_MORE;
	}
	size_t length = header(&value, &parts.head, "Server");
	length = length == 0 ? header(&value, &parts.head, agent) : length;
	if (length > 0) {
		take_product(identity, value, length);
	}
	take_line(identity->detail, sizeof(identity->detail), heard->bytes, heard->length);
	return READING_NAMED;
}

enum reading read_rtsp(struct identity *identity, const struct hearing *heard)
{
	return read_like_http(identity, heard, "RTSP", "User-Agent");
}

size_t say_sip(uint8_t *out, const struct asking *to)
{
	char text[512];
	if (to->stage > 0) {
		return 0;
	}
	(void)snprintf(
		text, sizeof(text),
		"OPTIONS sip:minato SIP/2.0\r\nVia: SIP/2.0/%s minato;branch=z9hG4bKm;rport\r\n"
		"From: <sip:minato@minato>;tag=m\r\nTo: <sip:minato>\r\nCall-ID: minato\r\n"
		"CSeq: 1 OPTIONS\r\nMax-Forwards: 1\r\nContent-Length: 0\r\n\r\n",
		to->port->protocol == PROTOCOL_UDP ? "UDP" : "TCP");
	return say_text(out, text);
}

enum reading read_sip(struct identity *identity, const struct hearing *heard)
{
	return read_like_http(identity, heard, "SIP", "User-Agent");
}

/* ---- XMPP: RFC 6120 4.2, 5.4.1 ---- */

size_t say_xmpp(uint8_t *out, const struct asking *to)
{
	char text[IDENTIFY_HOST_BYTES + 200];
	if (to->stage > 0) {
		return 0;
	}
	(void)snprintf(text, sizeof(text),
		       "<?xml version='1.0'?><stream:stream to='%s' xmlns='jabber:%s' "
		       "xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>",
		       to->order->host[0] == '\0' || strpbrk(to->order->host, "'<&>") != NULL
			       ? "localhost"
			       : to->order->host,
		       to->port->port == 5269 ? "server" : "client");
	return say_text(out, text);
}

enum reading read_xmpp(struct identity *identity, const struct hearing *heard)
{
	const bool features = has_text(heard, "</stream:features>");
	if (!has_text(heard, "<stream:stream")) {
		return begins(heard, "<?xml") && !heard->whole ? READING_MORE : READING_OTHER;
	}
	if (!features && !has_text(heard, "</stream:stream>") && !heard->whole) {
		return READING_MORE;
	}
	if (features) {
		identity->starttls = (uint8_t)told(has_text(heard, "<starttls"));
	}
	return READING_NAMED;
}
