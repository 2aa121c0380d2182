/* STARTTLS: what each protocol says on the way, and what the answers mean. */
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "tls/talk.h"

struct bytes {
	const uint8_t *at;
	size_t length;
};

/* ---- when an answer is whole ---- */

static bool ends_line(struct bytes b)
{
	return b.length > 0 && b.at[b.length - 1] == '\n';
}

/* The last line, without its end. */
static struct bytes last_line(struct bytes b)
{
	size_t end = b.length;
	while (end > 0 && (b.at[end - 1] == '\n' || b.at[end - 1] == '\r')) {
		end--;
	}
	size_t begin = end;
	while (begin > 0 && b.at[begin - 1] != '\n') {
		begin--;
	}
	return (struct bytes){ b.at + begin, end - begin };
}

/* Three digits (RFC 5321 4.2); 0 = there are none. */
static unsigned code_of(struct bytes b)
{
	uint64_t code = 0;
	return b.length >= 3 && parse_u64_bytes(&code, (const char *)b.at, 3, 100, 699) == 0
		       ? (unsigned)code
		       : 0;
}

/* A reply whose last line has a number and a space. */
static bool reply_is_whole(struct bytes b)
{
	const struct bytes line = last_line(b);
	return ends_line(b) && code_of(line) != 0 && (line.length == 3 || line.at[3] == ' ');
}

/* Lines until a dot alone, or one that refuses. */
static bool list_is_whole(struct bytes b, const char *good)
{
	if (b.length >= strlen(good) && !talk_begins(b.at, b.length, good)) {
		return ends_line(b);
	}
	const struct bytes line = last_line(b);
	return ends_line(b) && line.length == 1 && line.at[0] == '.';
}

/* IMAP: a line with the tag of the question. */
static bool is_tagged(struct bytes b, char tag)
{
	const struct bytes line = last_line(b);
	return ends_line(b) && line.length >= 2 && line.at[0] == (uint8_t)tag && line.at[1] == ' ';
}

/* Sieve: a line that begins with OK, NO or BYE. */
static bool sieve_is_whole(struct bytes b)
{
	const struct bytes line = last_line(b);
	return ends_line(b) && (talk_begins(line.at, line.length, "OK") ||
				talk_begins(line.at, line.length, "NO") ||
				talk_begins(line.at, line.length, "BYE"));
}

static bool names(struct bytes b, const char *word)
{
	return talk_names(b.at, b.length, word);
}

/* ---- steps ---- */

struct walk {
	struct tls_start *start;
	uint8_t *out;
	size_t *said;
};

static enum tls_start_state say_bytes(struct walk *w, unsigned step, const void *bytes,
				      size_t length)
{
	memcpy(w->out, bytes, length);
	*w->said = length;
	w->start->step = step;
	return TLS_START_SAY;
}

static enum tls_start_state say(struct walk *w, unsigned step, const char *text)
{
	return say_bytes(w, step, text, strlen(text));
}

static enum tls_start_state ready_if(bool yes)
{
	return yes ? TLS_START_READY : TLS_START_REFUSED;
}

static enum tls_start_state smtp(struct walk *w, struct bytes b)
{
	if (!reply_is_whole(b)) {
		/* A line of no number is of something else. */
		return ends_line(b) && code_of(b) == 0 ? TLS_START_STRANGE : TLS_START_WAIT;
	}
	const unsigned code = code_of(b);
	switch (w->start->step) {
	case 0:
		return code == 220 ? say(w, 1, "EHLO minato.invalid\r\n") : TLS_START_STRANGE;
	case 1:
		if (code != 250 || !names(b, "STARTTLS")) {
			return TLS_START_REFUSED;
		}
		/* No letter is sent: nobody is named to receive one. */
		return w->start->look ? say(w, 2, "MAIL FROM:<>\r\n") : say(w, 4, "STARTTLS\r\n");
	case 2:
		/* RFC 3207 4: 530 Must issue a STARTTLS command first. */
		w->start->required = code == 530 && names(b, "STARTTLS");
		return say(w, 3, "RSET\r\n");
	case 3:
		return say(w, 4, "STARTTLS\r\n");
	default:
		return ready_if(code == 220);
	}
}

static enum tls_start_state imap(struct walk *w, struct bytes b)
{
	switch (w->start->step) {
	case 0:
		return ends_line(b) ? say(w, 1, "a CAPABILITY\r\n") : TLS_START_WAIT;
	case 1:
		if (!is_tagged(b, 'a')) {
			return TLS_START_WAIT;
		}
		w->start->required = names(b, "LOGINDISABLED"); /* RFC 9051 6.2.3 */
		return names(b, "STARTTLS") ? say(w, 2, "b STARTTLS\r\n") : TLS_START_REFUSED;
	default:
		return is_tagged(b, 'b') ? ready_if(names(b, "b OK")) : TLS_START_WAIT;
	}
}

static enum tls_start_state pop3(struct walk *w, struct bytes b)
{
	switch (w->start->step) {
	case 0:
		return ends_line(b) ? say(w, 1, "CAPA\r\n") : TLS_START_WAIT;
	case 1:
		if (!list_is_whole(b, "+OK")) {
			return TLS_START_WAIT;
		}
		w->start->required = names(b, "STLS") && !names(b, "\nUSER") && !names(b, "SASL");
		return names(b, "STLS") ? say(w, 2, "STLS\r\n") : TLS_START_REFUSED;
	default:
		return ends_line(b) ? ready_if(talk_begins(b.at, b.length, "+OK")) : TLS_START_WAIT;
	}
}

static enum tls_start_state ftp(struct walk *w, struct bytes b)
{
	if (!reply_is_whole(b)) {
		return TLS_START_WAIT;
	}
	return w->start->step == 0 ? say(w, 1, "AUTH TLS\r\n") : ready_if(code_of(b) == 234);
}

static enum tls_start_state nntp(struct walk *w, struct bytes b)
{
	switch (w->start->step) {
	case 0:
		return ends_line(b) ? say(w, 1, "CAPABILITIES\r\n") : TLS_START_WAIT;
	case 1:
		if (!list_is_whole(b, "101")) {
			return TLS_START_WAIT;
		}
		return names(b, "STARTTLS") ? say(w, 2, "STARTTLS\r\n") : TLS_START_REFUSED;
	default:
		return reply_is_whole(b) ? ready_if(code_of(b) == 382) : TLS_START_WAIT;
	}
}

static enum tls_start_state sieve(struct walk *w, struct bytes b)
{
	if (!sieve_is_whole(b)) {
		return TLS_START_WAIT;
	}
	if (w->start->step == 0) {
		w->start->required = names(b, "\"SASL\" \"\"");
		return names(b, "\"STARTTLS\"") ? say(w, 1, "STARTTLS\r\n") : TLS_START_REFUSED;
	}
	const struct bytes line = last_line(b);
	return ready_if(talk_begins(line.at, line.length, "OK"));
}

/*
 * The greeting: protocol, version with NUL, 4 bytes, 9 bytes, then the lower half of what it can.
 * 0x0800 is CLIENT_SSL; the reply is 32 bytes of a login without a user.
 */
static enum tls_start_state mysql(struct walk *w, struct bytes b)
{
	static const uint8_t request[36] = { 32, 0, 0, 1, 0x00, 0x8a, 0, 0, 0, 0, 0, 1, 33 };
	if (b.length < 5) {
		return TLS_START_WAIT;
	}
	const uint8_t *end = memchr(b.at + 5, '\0', b.length - 5);
	if (end == NULL || (size_t)(end - b.at) + 16 > b.length) {
		return b.length > 256 ? TLS_START_STRANGE : TLS_START_WAIT;
	}
	const unsigned can = end[14] | (unsigned)end[15] << 8;
	if ((can & 0x0800) == 0) {
		return TLS_START_REFUSED;
	}
	(void)say_bytes(w, 1, request, sizeof(request));
	return TLS_START_READY; /* it says nothing before TLS */
}

static enum tls_start_state irc(struct walk *w, struct bytes b)
{
	if (w->start->step == 0) {
		return say(w, 1, "STARTTLS\r\n");
	}
	if (!ends_line(b)) {
		return TLS_START_WAIT;
	}
	/* 691 it fails; 421 and 451 it is not known. */
	return names(b, " 670 ")                                             ? TLS_START_READY
	       : names(b, " 691 ") || names(b, " 421 ") || names(b, " 451 ") ? TLS_START_REFUSED
									     : TLS_START_WAIT;
}

/* Only what a name can be made of goes into XML. */
static const char *stream_host(const struct tls_start *start)
{
	static const char fine[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:";
	const char *host = start->host;
	return host != NULL && host[0] != '\0' && strspn(host, fine) == strlen(host) &&
			       strlen(host) < TLS_HOST_BYTES
		       ? host
		       : "localhost";
}

static enum tls_start_state open_stream(struct walk *w)
{
	char text[TLS_QUESTION_BYTES];
	(void)snprintf(text, sizeof(text),
		       "<?xml version='1.0'?><stream:stream xmlns='jabber:%s' "
		       "xmlns:stream='http://etherx.jabber.org/streams' to='%s' version='1.0'>",
		       w->start->talk == TLS_TALK_XMPP ? "client" : "server",
		       stream_host(w->start));
	return say(w, 1, text);
}

static enum tls_start_state xmpp(struct walk *w, struct bytes b)
{
	if (w->start->step == 0) {
		return open_stream(w);
	}
	if (w->start->step == 1) {
		if (!names(b, "</stream:features>") && !names(b, "</stream:stream>")) {
			return TLS_START_WAIT;
		}
		w->start->required = names(b, "<required");
		return names(b, "<starttls")
			       ? say(w, 2, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
			       : TLS_START_REFUSED;
	}
	return names(b, "<proceed") ? TLS_START_READY
	       : names(b, ">")      ? TLS_START_REFUSED
				    : TLS_START_WAIT;
}

/* ExtendedRequest 1.3.6.1.4.1.1466.20037; the answer has its result in an ENUMERATED of one byte.
 */
static enum tls_start_state ldap(struct walk *w, struct bytes b)
{
	static const uint8_t request[] = { 0x30, 0x1d, 0x02, 0x01, 0x01, 0x77, 0x18, 0x80,
					   0x16, '1',  '.',  '3',  '.',  '6',  '.',  '1',
					   '.',  '4',  '.',  '1',  '.',  '1',  '4',  '6',
					   '6',  '.',  '2',  '0',  '0',  '3',  '7' };
	if (w->start->step == 0) {
		return say_bytes(w, 1, request, sizeof(request));
	}
	if (b.length > 0 && b.at[0] != 0x30) {
		return TLS_START_STRANGE;
	}
	const uint8_t *result = b.length < 3 ? NULL : memmem(b.at, b.length, "\x0a\x01", 2);
	if (result == NULL || result + 2 >= b.at + b.length) {
		return b.length > 256 ? TLS_START_STRANGE : TLS_START_WAIT;
	}
	return ready_if(result[2] == 0);
}

static enum tls_start_state postgresql(struct walk *w, struct bytes b)
{
	static const uint8_t request[] = { 0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f };
	if (w->start->step == 0) {
		return say_bytes(w, 1, request, sizeof(request));
	}
	if (b.length == 0) {
		return TLS_START_WAIT;
	}
	/* More than the one byte was said by who is between (CVE-2021-23222). */
	return b.length > 1                       ? TLS_START_STRANGE
	       : b.at[0] == 'S'                   ? TLS_START_READY
	       : b.at[0] == 'N' || b.at[0] == 'E' ? TLS_START_REFUSED
						  : TLS_START_STRANGE;
}

enum tls_start_state tls_start_feed(struct tls_start *start, const uint8_t *bytes, size_t length,
				    uint8_t *out, size_t *said)
{
	static enum tls_start_state (*const walks[TLS_TALKS])(struct walk *, struct bytes) = {
		[TLS_TALK_SMTP] = smtp,   [TLS_TALK_IMAP] = imap,
		[TLS_TALK_POP3] = pop3,   [TLS_TALK_FTP] = ftp,
		[TLS_TALK_NNTP] = nntp,   [TLS_TALK_SIEVE] = sieve,
		[TLS_TALK_MYSQL] = mysql, [TLS_TALK_IRC] = irc,
		[TLS_TALK_XMPP] = xmpp,   [TLS_TALK_XMPP_SERVER] = xmpp,
		[TLS_TALK_LDAP] = ldap,   [TLS_TALK_POSTGRESQL] = postgresql,
	};
	struct walk walk = { start, out, said };
	*said = 0;
	if (walks[start->talk] == NULL) {
		return TLS_START_STRANGE;
	}
	return walks[start->talk](&walk, (struct bytes){ bytes, length });
}
