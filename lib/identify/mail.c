/* Mail and files: replies of three digits, or of a word, and lists of what the service can. */
#include <string.h>

#include "identify/parts.h"

static bool is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

/* RFC 5321 4.2, RFC 959 4.2: the last line has a space behind its number. */
static bool reply_ended(const struct hearing *heard)
{
	size_t end = heard->length;
	if (end == 0 || heard->bytes[end - 1] != '\n') {
		return false;
	}
	end--;
	while (end > 0 && heard->bytes[end - 1] != '\n') {
		end--;
	}
	const uint8_t *line = heard->bytes + end;
	return heard->length - end >= 4 && is_digit(line[0]) && is_digit(line[1]) &&
	       is_digit(line[2]) && line[3] != '-';
}

static enum reading wait_for_reply(const struct hearing *heard)
{
	return reply_ended(heard) || heard->whole ? READING_NAMED : READING_MORE;
}

static void take_word(struct identity *identity, const struct hearing *heard,
		      const char *const *words)
{
	for (; *words != NULL; words++) {
		size_t length = 0;
		if (has_word(heard, *words)) {
			set_product(identity, *words);
			const uint8_t *at = behind(heard, *words, &length);
			while (at != NULL && length > 0 && (*at == ' ' || *at == '/')) {
				at++;
				length--;
			}
			if (at != NULL && length > 0 && is_digit(*at)) {
				take_version(identity, at, length);
			}
			return;
		}
	}
}

static void take_greeting(struct identity *identity, const struct hearing *heard)
{
	take_line(identity->detail, sizeof(identity->detail), heard->bytes, heard->length);
}

/* ---- SMTP ---- */

size_t say_smtp(uint8_t *out, const struct asking *to)
{
	return to->stage == 1   ? say_text(out, "EHLO minato.invalid\r\n")
	       : to->stage == 2 ? say_text(out, "QUIT\r\n")
				: 0;
}

enum reading read_smtp(struct identity *identity, const struct hearing *heard)
{
	static const char *const words[] = { "Postfix", "Exim",        "Sendmail", "OpenSMTPD",
					     "Haraka",  "hMailServer", "Dovecot",  NULL };
	if (heard->stage == 0) {
		const bool greets = begins(heard, "220") || begins(heard, "554") ||
				    begins(heard, "421") || begins(heard, "521");
		/* RFC 5321 4.3.1: no word has to be in it; RFC 959 numbers are the same. */
		if (!greets || !(has_word(heard, "smtp") ||
				 (heard->usual == IDENTIFY_TALK_SMTP && !has_word(heard, "ftp")))) {
			return READING_OTHER;
		}
		const enum reading r = wait_for_reply(heard);
		if (r == READING_NAMED) {
			take_greeting(identity, heard);
			take_word(identity, heard, words);
			return begins(heard, "220") ? READING_ASK : READING_NAMED;
		}
		return r;
	}
	const enum reading r = wait_for_reply(heard);
	if (r == READING_NAMED && heard->stage == 1 && begins(heard, "250")) {
		identity->starttls = (uint8_t)told(has_text(heard, "STARTTLS"));
		return READING_ASK;
	}
	return r;
}

/* ---- FTP ---- */

size_t say_ftp(uint8_t *out, const struct asking *to)
{
	return to->stage == 1   ? say_text(out, "FEAT\r\n")
	       : to->stage == 2 ? say_text(out, "QUIT\r\n")
				: 0;
}

enum reading read_ftp(struct identity *identity, const struct hearing *heard)
{
	static const char *const words[] = { "vsFTPd",    "ProFTPD",       "Pure-FTPd",
					     "FileZilla", "Microsoft FTP", NULL };
	if (heard->stage == 0) {
		if (!begins(heard, "220") ||
		    !(has_word(heard, "ftp") ||
		      (heard->usual == IDENTIFY_TALK_FTP && !has_word(heard, "smtp")))) {
			return READING_OTHER;
		}
		const enum reading r = wait_for_reply(heard);
		if (r != READING_NAMED) {
			return r;
		}
		take_greeting(identity, heard);
		take_word(identity, heard, words);
		return READING_ASK;
	}
	const enum reading r = wait_for_reply(heard);
	if (r == READING_NAMED && heard->stage == 1 && heard->length >= 3) {
		if (begins(heard, "211")) {
			identity->starttls = (uint8_t)told(has_text(heard, "AUTH TLS") ||
							   has_text(heard, "AUTH SSL") ||
							   has_text(heard, "TLS;"));
		}
		return READING_ASK;
	}
	return r;
}

/* ---- POP3 ---- */

size_t say_pop3(uint8_t *out, const struct asking *to)
{
	return to->stage == 1   ? say_text(out, "CAPA\r\n")
	       : to->stage == 2 ? say_text(out, "QUIT\r\n")
				: 0;
}

enum reading read_pop3(struct identity *identity, const struct hearing *heard)
{
	static const char *const words[] = { "Dovecot", "Cyrus", "Courier", NULL };
	if (heard->stage == 0) {
		const bool refuses = heard->usual == IDENTIFY_TALK_POP3 && begins(heard, "-ERR");
		if (heard->asked == IDENTIFY_TALK_REDIS || (!begins(heard, "+OK") && !refuses)) {
			return READING_OTHER;
		}
		if (!has_line(heard) && !heard->whole) {
			return READING_MORE;
		}
		take_greeting(identity, heard);
		take_word(identity, heard, words);
		return refuses ? READING_NAMED : READING_ASK;
	}
	if (heard->stage == 1 && begins(heard, "+OK")) {
		if (!has_text(heard, "\r\n.\r\n") && !heard->whole) {
			return READING_MORE;
		}
		identity->starttls = (uint8_t)told(has_text(heard, "\nSTLS"));
		return READING_ASK;
	}
	return has_line(heard) ? READING_NAMED : READING_MORE;
}

/* ---- IMAP ---- */

size_t say_imap(uint8_t *out, const struct asking *to)
{
	return to->stage == 1   ? say_text(out, "m1 CAPABILITY\r\n")
	       : to->stage == 2 ? say_text(out, "m2 LOGOUT\r\n")
				: 0;
}

enum reading read_imap(struct identity *identity, const struct hearing *heard)
{
	static const char *const words[] = { "Dovecot", "Cyrus", "Courier", "Exchange", NULL };
	if (heard->stage == 0) {
		const bool free_for_all = begins(heard, "* PREAUTH");
		if (!free_for_all && !begins(heard, "* OK") && !begins(heard, "* BYE")) {
			return READING_OTHER;
		}
		if (!has_line(heard) && !heard->whole) {
			return READING_MORE;
		}
		take_greeting(identity, heard);
		take_word(identity, heard, words);
		identity->without_login = free_for_all ? IDENTIFY_TOLD_YES : IDENTIFY_TOLD_NOTHING;
		return begins(heard, "* BYE") ? READING_NAMED : READING_ASK;
	}
	if (heard->stage == 1) {
		if (!has_text(heard, "m1 ") && !heard->whole) {
			return READING_MORE;
		}
		identity->starttls = (uint8_t)told(has_word(heard, "STARTTLS"));
		return READING_ASK;
	}
	return has_text(heard, "m2 ") ? READING_NAMED : READING_MORE;
}
