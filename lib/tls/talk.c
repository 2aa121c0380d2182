/* Protocols in which TLS may begin later: which one a greeting is of, and what is usual where. */
#include <string.h>

#include "tls/talk.h"

static const struct {
	const char *name;
	uint16_t ports[5]; /* IANA's registry; 0 ends */
} talks[TLS_TALKS] = {
	[TLS_TALK_NONE] = { "", { 0 } },
	[TLS_TALK_HTTP] = { "http", { 80, 8080, 0 } },
	[TLS_TALK_SSH] = { "ssh", { 22, 0 } },
	[TLS_TALK_SMTP] = { "smtp", { 25, 587, 2525, 0 } },
	[TLS_TALK_IMAP] = { "imap", { 143, 0 } },
	[TLS_TALK_POP3] = { "pop3", { 110, 0 } },
	[TLS_TALK_FTP] = { "ftp", { 21, 0 } },
	[TLS_TALK_NNTP] = { "nntp", { 119, 433, 0 } },
	[TLS_TALK_SIEVE] = { "sieve", { 4190, 2000, 0 } },
	[TLS_TALK_MYSQL] = { "mysql", { 3306, 0 } },
	[TLS_TALK_IRC] = { "irc", { 6667, 6660, 6668, 194, 0 } },
	[TLS_TALK_XMPP] = { "xmpp", { 5222, 0 } },
	[TLS_TALK_XMPP_SERVER] = { "xmpp-server", { 5269, 0 } },
	[TLS_TALK_LDAP] = { "ldap", { 389, 3268, 0 } },
	[TLS_TALK_POSTGRESQL] = { "postgresql", { 5432, 0 } },
};

const char *tls_talk_name(enum tls_talk talk)
{
	return talks[talk].name;
}

enum tls_talk tls_talk_at(uint16_t port)
{
	for (unsigned talk = 0; talk < TLS_TALKS; talk++) {
		for (const uint16_t *at = talks[talk].ports; *at != 0; at++) {
			if (*at == port) {
				return (enum tls_talk)talk;
			}
		}
	}
	return TLS_TALK_NONE;
}

bool tls_talk_has_starttls(enum tls_talk talk)
{
	return talk >= TLS_TALK_SMTP;
}

bool tls_talk_greets(enum tls_talk talk)
{
	return talk >= TLS_TALK_SSH && talk <= TLS_TALK_MYSQL;
}

/* ---- parts of text ---- */

bool talk_begins(const uint8_t *bytes, size_t length, const char *with)
{
	const size_t wanted = strlen(with);
	return length >= wanted && memcmp(bytes, with, wanted) == 0;
}

bool talk_names(const uint8_t *bytes, size_t length, const char *word)
{
	const size_t wanted = strlen(word);
	for (size_t i = 0; i + wanted <= length; i++) {
		size_t same = 0;
		while (same < wanted && (bytes[i + same] & ~0x20) == (word[same] & ~0x20)) {
			same++;
		}
		if (same == wanted) {
			return true;
		}
	}
	return false;
}

/* ---- greetings ---- */

/* A packet of protocol 10: its length, number 0, and 10. */
static bool is_mysql(const uint8_t *bytes, size_t length)
{
	return length >= 5 && bytes[3] == 0 && bytes[4] == 10 && bytes[2] == 0 &&
	       (size_t)(bytes[0] | bytes[1] << 8) + 4 <= length;
}

/* "220 " begins SMTP and FTP alike. */
static enum tls_talk of_220(const uint8_t *bytes, size_t length, enum tls_talk usual)
{
	const bool ftp = talk_names(bytes, length, "FTP");
	const bool mail = talk_names(bytes, length, "SMTP");
	if (ftp != mail) {
		return ftp ? TLS_TALK_FTP : TLS_TALK_SMTP;
	}
	return usual == TLS_TALK_FTP ? TLS_TALK_FTP : TLS_TALK_SMTP;
}

enum tls_talk tls_talk_of(const uint8_t *bytes, size_t length, enum tls_talk usual)
{
	if (talk_begins(bytes, length, "220 ") || talk_begins(bytes, length, "220-")) {
		return of_220(bytes, length, usual);
	}
	if (talk_begins(bytes, length, "200 ") || talk_begins(bytes, length, "201 ")) {
		return TLS_TALK_NNTP;
	}
	if (is_mysql(bytes, length)) {
		return TLS_TALK_MYSQL;
	}
	static const struct {
		const char *begins;
		enum tls_talk talk;
	} greetings[] = {
		{ "SSH-", TLS_TALK_SSH },
		{ "* OK", TLS_TALK_IMAP },
		{ "* PREAUTH", TLS_TALK_IMAP },
		{ "+OK", TLS_TALK_POP3 },
		{ "\"IMPLEMENTATION\"", TLS_TALK_SIEVE },
		{ "HTTP/", TLS_TALK_HTTP },
		{ "\"STARTTLS\"", TLS_TALK_SIEVE },
		{ "\"SIEVE\"", TLS_TALK_SIEVE },
	};
	for (size_t i = 0; i < sizeof(greetings) / sizeof(greetings[0]); i++) {
		if (talk_begins(bytes, length, greetings[i].begins)) {
			return greetings[i].talk;
		}
	}
	const bool irc =
		talk_names(bytes, length, "NOTICE AUTH") || talk_names(bytes, length, "NOTICE *");
	return irc ? TLS_TALK_IRC : TLS_TALK_NONE;
}
