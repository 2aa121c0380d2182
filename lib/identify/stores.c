/* Databases and caches. */
#include <stdio.h>
#include <string.h>

#include "identify/parts.h"

/* ---- MySQL: "Protocol::HandshakeV10", "ERR_Packet" ---- */

size_t say_mysql(uint8_t *out, const struct asking *to)
{
	(void)out;
	(void)to;
	return 0;
}

static void take_mysql_version(struct identity *identity, const uint8_t *text, size_t length)
{
	/* MariaDB puts this before its own, for clients of 5.5 (its source, sql/sql_acl.cc). */
	static const char prefix[] = "5.5.5-";
	const struct hearing version = { .bytes = text, .length = length };
	const bool maria = has_word(&version, "mariadb");
	set_product(identity, maria ? "MariaDB" : "MySQL");
	if (maria && begins(&version, prefix)) {
		text += sizeof(prefix) - 1;
		length -= sizeof(prefix) - 1;
	}
	take_version(identity, text, length);
}

enum { CLIENT_SSL = 0x0800 };

enum reading read_mysql(struct identity *identity, const struct hearing *heard)
{
	if (heard->length < 5 || heard->bytes[3] != 0) {
		return READING_OTHER;
	}
	const size_t packet = heard->bytes[0] | (size_t)heard->bytes[1] << 8;
	if (heard->bytes[2] != 0 || packet < 8 || packet > 1024) {
		return READING_OTHER;
	}
	if (heard->bytes[4] != 10 && heard->bytes[4] != 0xff) {
		return READING_OTHER;
	}
	if (heard->length < packet + 4) {
		return READING_MORE;
	}
	if (heard->bytes[4] == 0xff) { /* this address may not connect */
		const bool refuses = has_text(heard, "is not allowed to connect") ||
				     has_text(heard, "is blocked because of") ||
				     has_text(heard, "Too many connections");
		if (refuses) {
			set_product(identity, has_text(heard, "MariaDB") ? "MariaDB" : "MySQL");
			take_text(identity->detail, sizeof(identity->detail), heard->bytes + 7,
				  heard->length - 7);
			identity->without_login = IDENTIFY_TOLD_NO;
		}
		return refuses ? READING_NAMED : READING_OTHER;
	}
	const uint8_t *text = heard->bytes + 5;
	const uint8_t *end = memchr(text, '\0', heard->length - 5);
	if (end == NULL) {
		return READING_OTHER;
	}
	take_mysql_version(identity, text, (size_t)(end - text));
	/* Behind it: number of the connection (4), scramble (8), 0, lower half of what it can. */
	const size_t at = (size_t)(end - heard->bytes) + 1 + 4 + 8 + 1;
	if (at + 2 <= heard->length) {
		const unsigned can = heard->bytes[at] | (unsigned)heard->bytes[at + 1] << 8;
		identity->starttls = (uint8_t)told((can & CLIENT_SSL) != 0);
	}
	return READING_NAMED;
}

/* ---- PostgreSQL: "SSLRequest" ---- */

size_t say_postgresql(uint8_t *out, const struct asking *to)
{
	static const uint8_t request[] = { 0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f };
	return to->stage > 0 ? 0 : say_bytes(out, request, sizeof(request));
}

enum reading read_postgresql(struct identity *identity, const struct hearing *heard)
{
	if (heard->asked != IDENTIFY_TALK_POSTGRESQL) {
		return READING_OTHER;
	}
	if (heard->length == 1 && (heard->bytes[0] == 'S' || heard->bytes[0] == 'N')) {
		identity->starttls = (uint8_t)told(heard->bytes[0] == 'S');
		return READING_NAMED;
	}
	/* An error in its form, when there are too many connections. */
	return heard->length > 5 && heard->bytes[0] == 'E' && has_text(heard, "FATAL")
		       ? READING_NAMED
		       : READING_OTHER;
}

/* ---- Redis ---- */

size_t say_redis(uint8_t *out, const struct asking *to)
{
	return to->stage > 0 ? 0 : say_text(out, "PING\r\n");
}

enum reading read_redis(struct identity *identity, const struct hearing *heard)
{
	const bool refuses = begins(heard, "-NOAUTH") || begins(heard, "-DENIED");
	const bool wrong = begins(heard, "-ERR wrong number of arguments for 'get'") ||
			   begins(heard, "-ERR unknown command");
	if (heard->asked == IDENTIFY_TALK_NONE && !begins(heard, "-DENIED")) {
		return READING_OTHER;
	}
	if (!begins(heard, "+PONG") && !refuses && !wrong) {
		return READING_OTHER;
	}
	if (!has_line(heard) && !heard->whole) {
		return READING_MORE;
	}
	take_line(identity->detail, sizeof(identity->detail), heard->bytes, heard->length);
	/* "wrong number" comes before the question who asks only in versions below 6. */
	identity->without_login = begins(heard, "+PONG") ? IDENTIFY_TOLD_YES
				  : refuses              ? IDENTIFY_TOLD_NO
							 : IDENTIFY_TOLD_NOTHING;
	return READING_NAMED;
}

/* ---- memcached: protocol.txt ---- */

size_t say_memcached(uint8_t *out, const struct asking *to)
{
	static const uint8_t frame[] = { 0x6d, 0x69, 0, 0, 0, 1, 0, 0 }; /* of UDP */
	if (to->stage > 0) {
		return 0;
	}
	if (to->port->protocol != PROTOCOL_UDP) {
		return say_text(out, "version\r\n");
	}
	const size_t length = say_bytes(out, frame, sizeof(frame));
	return length + say_text(out + length, "version\r\n");
}

enum reading read_memcached(struct identity *identity, const struct hearing *heard)
{
	struct hearing text = *heard;
	size_t length = 0;
	if (heard->length > 8 && heard->bytes[0] == 0x6d && heard->bytes[1] == 0x69) {
		text.bytes += 8;
		text.length -= 8;
	}
	if (heard->asked == IDENTIFY_TALK_MEMCACHED && begins(&text, "VERSION ")) {
		const uint8_t *at = behind(&text, "VERSION ", &length);
		take_version(identity, at, length);
		identity->without_login = IDENTIFY_TOLD_YES;
		return has_line(&text) || heard->whole ? READING_NAMED : READING_MORE;
	}
	if (heard->asked == IDENTIFY_TALK_MEMCACHED &&
	    begins(&text, "CLIENT_ERROR unauthenticated")) {
		identity->without_login = IDENTIFY_TOLD_NO;
		return READING_NAMED;
	}
	/* To "GET / HTTP/1.0". */
	return heard->asked == IDENTIFY_TALK_HTTP && (begins(&text, "ERROR\r\nERROR\r\n") ||
						      begins(&text, "ERROR too many"))
		       ? READING_NAMED
		       : READING_OTHER;
}

/* ---- SQL Server: MS-TDS 2.2.6.5 ---- */

size_t say_mssql(uint8_t *out, const struct asking *to)
{
	/* PRELOGIN: version 0, encryption "I do not have it", end. */
	static const uint8_t prelogin[] = { 0x12, 1, 0,    0x1a, 0, 0,    0, 0, 0, 0, 0x0b, 0, 6,
					    1,    0, 0x11, 0,    1, 0xff, 0, 0, 0, 0, 0,    0, 2 };
	return to->stage > 0 ? 0 : say_bytes(out, prelogin, sizeof(prelogin));
}

enum reading read_mssql(struct identity *identity, const struct hearing *heard)
{
	if (heard->asked != IDENTIFY_TALK_MSSQL || heard->length < 8 || heard->bytes[0] != 4 ||
	    be16_at(heard->bytes + 2) < 8) {
		return READING_OTHER;
	}
	if (heard->length < be16_at(heard->bytes + 2)) {
		return READING_MORE;
	}
	const uint8_t *options = heard->bytes + 8;
	const size_t length = heard->length - 8;
	for (size_t i = 0; i + 5 <= length && options[i] != 0xff; i += 5) {
		const size_t at = be16_at(options + i + 1);
		if (options[i] == 0 && at + 4 <= length) {
			char text[32];
			(void)snprintf(text, sizeof(text), "%u.%u.%u", options[at], options[at + 1],
				       be16_at(options + at + 2));
			take_version(identity, (const uint8_t *)text, strlen(text));
		}
		if (options[i] == 1 && at + 1 <= length) {
			identity->starttls = (uint8_t)told(options[at] != 2);
		}
	}
	set_product(identity, "Microsoft SQL Server");
	return READING_NAMED;
}

/* ---- Cassandra: native_protocol_v4.spec, OPTIONS and SUPPORTED ---- */

size_t say_cassandra(uint8_t *out, const struct asking *to)
{
	static const uint8_t options[] = { 4, 0, 0, 0, 5, 0, 0, 0, 0 };
	return to->stage > 0 ? 0 : say_bytes(out, options, sizeof(options));
}

enum reading read_cassandra(struct identity *identity, const struct hearing *heard)
{
	(void)identity;
	return heard->asked == IDENTIFY_TALK_CASSANDRA && heard->length >= 9 &&
			       (heard->bytes[0] & 0xf0) == 0x80 &&
			       (heard->bytes[4] == 6 || heard->bytes[4] == 0) &&
			       be32_at(heard->bytes + 5) < 65536
		       ? READING_NAMED
		       : READING_OTHER;
}
