/* Languages of the wire: a row each, and what they are read with. Private to lib/identify. */
#pragma once

#include "base/be.h"
#include "identify/identify.h"

/* What a recogniser makes of bytes. */
enum reading {
	READING_OTHER, /* not mine; after the first stage: no more is to be learnt */
	READING_MORE,  /* mine perhaps: more has to come */
	READING_NAMED, /* mine, and that is all */
	READING_ASK,   /* mine, and there is a question more: say() of the next stage */
	READING_AGAIN, /* the same, on a new connection */
	READING_TLS,   /* it wants TLS first */
};

struct hearing {
	const uint8_t *bytes;
	size_t length;
	bool whole;               /* no more will come */
	unsigned stage;           /* 0: a greeting, or the answer to the opening */
	enum identify_talk asked; /* in which language was spoken; NONE = nothing was said yet */
	enum identify_talk usual; /* of the port */
	bool secured;             /* within TLS */
};

/* Whom to ask. */
struct asking {
	const struct identify_order *order;
	const struct identify_port *port;
	unsigned stage;
	bool usual;       /* the language is the usual one of the port */
	const char *note; /* what the stage before kept in `detail` */
	size_t note_length;
};

struct language {
	const char *name;
	bool tcp, udp;
	bool speaks_first; /* the server does */
	/* @return bytes, at most IDENTIFY_SAY_MAX; 0 = nothing is said. NULL = never is. */
	size_t (*say)(uint8_t *out, const struct asking *to);
	/* @param identity  gets what is told; NULL never. */
	enum reading (*read)(struct identity *identity, const struct hearing *heard);
};

/* NULL for those that have none. */
const struct language *language_of(enum identify_talk talk);

/* ---- bytes and text (text.c) ---- */

size_t say_bytes(uint8_t *out, const void *bytes, size_t length);
size_t say_text(uint8_t *out, const char *text);

bool begins(const struct hearing *heard, const char *with);
bool has_bytes(const struct hearing *heard, const void *bytes, size_t length);
bool has_text(const struct hearing *heard, const char *text);
/* Regardless of ASCII case. */
bool has_word(const struct hearing *heard, const char *word);
bool has_line(const struct hearing *heard);

static inline uint32_t le32_at(const uint8_t *bytes)
{
	return (uint32_t)bytes[3] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[1] << 8 |
	       bytes[0];
}

/* To the end of the line; what is not printable ASCII becomes a dot. */
void take_line(char *out, size_t room, const uint8_t *bytes, size_t length);
/* All bytes so. */
void take_text(char *out, size_t room, const uint8_t *bytes, size_t length);
/* "nginx/1.22.1 (Debian)", "Dovecot 2.3": what is before the first slash, or before a space that a
 * digit follows, and what is behind it up to the next space. */
void take_product(struct identity *identity, const uint8_t *bytes, size_t length);
void set_product(struct identity *identity, const char *product);
/* A version: digits, letters, dots and the like from `bytes` on. */
void take_version(struct identity *identity, const uint8_t *bytes, size_t length);
/* What stands behind `mark` in what was heard, up to the end of the line; NULL = not there. */
const uint8_t *behind(const struct hearing *heard, const char *mark, size_t *length);
enum identify_told told(bool yes);

/* ---- languages ---- */

#define LANGUAGE(name)                                                                             \
	size_t say_##name(uint8_t *out, const struct asking *to);                                  \
	enum reading read_##name(struct identity *identity, const struct hearing *heard)

/* Those that greet with lines (lines.c, mail.c). */
enum reading read_ssh(struct identity *identity, const struct hearing *heard);
LANGUAGE(smtp);
LANGUAGE(ftp);
LANGUAGE(pop3);
LANGUAGE(imap);
enum reading read_nntp(struct identity *identity, const struct hearing *heard);
enum reading read_sieve(struct identity *identity, const struct hearing *heard);
enum reading read_telnet(struct identity *identity, const struct hearing *heard);
enum reading read_rsync(struct identity *identity, const struct hearing *heard);
enum reading read_irc(struct identity *identity, const struct hearing *heard);
LANGUAGE(vnc);
/* HTTP and its kin (web.c). */
LANGUAGE(http);
LANGUAGE(rtsp);
LANGUAGE(sip);
LANGUAGE(xmpp);
/* Databases (stores.c, mongodb.c). */
LANGUAGE(mysql);
LANGUAGE(postgresql);
LANGUAGE(redis);
LANGUAGE(memcached);
LANGUAGE(mongodb);
LANGUAGE(mssql);
LANGUAGE(cassandra);
/* Queues (queues.c). */
LANGUAGE(amqp);
LANGUAGE(mqtt);
enum reading read_nats(struct identity *identity, const struct hearing *heard);
/* Directories and desktops (ldap.c, windows.c). */
LANGUAGE(ldap);
LANGUAGE(smb);
LANGUAGE(rdp);
/* Others (others.c). */
LANGUAGE(socks);
LANGUAGE(x11);
LANGUAGE(rpc);
LANGUAGE(epmd);
LANGUAGE(ajp);
LANGUAGE(fastcgi);
/* Datagrams (datagrams.c); DNS also over TCP. */
LANGUAGE(dns);
LANGUAGE(ntp);
LANGUAGE(snmp);
LANGUAGE(ssdp);
LANGUAGE(quic);
LANGUAGE(stun);
LANGUAGE(tftp);
LANGUAGE(netbios);
LANGUAGE(coap);
