/* Services that greet with a line, and those that greet with few bytes. */
#include <string.h>

#include "identify/parts.h"

/* RFC 4253 4.2: other lines may come before it. */
enum reading read_ssh(struct identity *identity, const struct hearing *heard)
{
	size_t length = 0;
	const bool first = begins(heard, "SSH-");
	const uint8_t *at = behind(heard, first ? "SSH-" : "\nSSH-", &length);
	if (at == NULL) {
		return READING_OTHER;
	}
	if (memchr(at, '\n', (size_t)(heard->bytes + heard->length - at)) == NULL &&
	    !heard->whole) {
		return READING_MORE;
	}
	take_line(identity->detail, sizeof(identity->detail), at - 4, length + 4);
	const uint8_t *dash = memchr(at, '-', length);
	if (dash != NULL) {
		const size_t left = length - (size_t)(dash + 1 - at);
		const uint8_t *mark = memchr(dash + 1, '_', left);
		take_product(identity, dash + 1, left);
		if (mark != NULL) { /* OpenSSH_9.2p1 Debian-2 */
			take_text(identity->product, sizeof(identity->product), dash + 1,
				  (size_t)(mark - dash - 1));
			take_version(identity, mark + 1, (size_t)(at + length - mark - 1));
		}
	}
	return READING_NAMED;
}

enum reading read_nntp(struct identity *identity, const struct hearing *heard)
{
	if ((!begins(heard, "200 ") && !begins(heard, "201 ")) || !has_line(heard) ||
	    !(has_word(heard, "nntp") || has_word(heard, "news") || has_word(heard, "inn"))) {
		return READING_OTHER;
	}
	take_line(identity->detail, sizeof(identity->detail), heard->bytes, heard->length);
	return READING_NAMED;
}

enum reading read_sieve(struct identity *identity, const struct hearing *heard)
{
	size_t length = 0;
	const uint8_t *at = behind(heard, "\"IMPLEMENTATION\" \"", &length);
	if (at == NULL || heard->bytes[0] != '"') {
		return READING_OTHER;
	}
	if (!heard->whole && !has_text(heard, "\nOK")) {
		return READING_MORE;
	}
	const uint8_t *end = memchr(at, '"', length);
	take_product(identity, at, end == NULL ? length : (size_t)(end - at));
	identity->starttls = (uint8_t)told(has_text(heard, "\"STARTTLS\""));
	return READING_NAMED;
}

/* RFC 854: IAC, then WILL, WONT, DO or DONT. */
enum reading read_telnet(struct identity *identity, const struct hearing *heard)
{
	(void)identity;
	return heard->length >= 3 && heard->bytes[0] == 0xff && heard->bytes[1] >= 0xfb &&
			       heard->bytes[1] <= 0xfe
		       ? READING_NAMED
		       : READING_OTHER;
}

enum reading read_rsync(struct identity *identity, const struct hearing *heard)
{
	if (!begins(heard, "@RSYNCD: ")) {
		return READING_OTHER;
	}
	if (!has_line(heard) && !heard->whole) {
		return READING_MORE;
	}
	take_line(identity->detail, sizeof(identity->detail), heard->bytes, heard->length);
	return READING_NAMED;
}

/* Before anybody registers servers say what they look up; to HTTP they complain. */
enum reading read_irc(struct identity *identity, const struct hearing *heard)
{
	const bool spoken = heard->length > 1 && heard->bytes[0] == ':' &&
			    (has_text(heard, " NOTICE ") || has_text(heard, " 451 ") ||
			     has_text(heard, " 421 "));
	if (!spoken && !begins(heard, "NOTICE AUTH :") && !begins(heard, "ERROR :Closing")) {
		return READING_OTHER;
	}
	if (!has_line(heard) && !heard->whole) {
		return READING_MORE;
	}
	take_line(identity->detail, sizeof(identity->detail), heard->bytes, heard->length);
	return READING_NAMED;
}

/* ---- VNC: RFC 6143 7.1.1 and 7.1.2 ---- */

size_t say_vnc(uint8_t *out, const struct asking *to)
{
	return to->stage == 1 ? say_text(out, "RFB 003.008\n") : 0;
}

enum { VNC_NONE = 1, VNC_TLS = 18, VNC_VENCRYPT = 19 };

static enum reading read_security(struct identity *identity, const struct hearing *heard)
{
	if (heard->length < 1 || heard->length < 1U + heard->bytes[0]) {
		return READING_MORE;
	}
	bool open = false, tls = false;
	for (unsigned i = 1; i <= heard->bytes[0]; i++) {
		open |= heard->bytes[i] == VNC_NONE;
		tls |= heard->bytes[i] == VNC_TLS || heard->bytes[i] == VNC_VENCRYPT;
	}
	if (heard->bytes[0] > 0) { /* else it says why it does not want us */
		identity->without_login = (uint8_t)told(open);
		identity->starttls = (uint8_t)told(tls);
	}
	return READING_NAMED;
}

enum reading read_vnc(struct identity *identity, const struct hearing *heard)
{
	if (heard->stage > 0) {
		return read_security(identity, heard);
	}
	if (!begins(heard, "RFB ") || heard->length < 12) {
		return begins(heard, "RFB ") ? READING_MORE : READING_OTHER;
	}
	take_line(identity->detail, sizeof(identity->detail), heard->bytes, heard->length);
	/* Before 3.7 the server chooses, and its choice may already be a login. */
	return memcmp(heard->bytes + 4, "003.007", 7) >= 0 ? READING_ASK : READING_NAMED;
}
