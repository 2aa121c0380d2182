/* Small handshakes. */
#include <string.h>

#include "identify/parts.h"

/* ---- SOCKS 5: RFC 1928 3 ---- */

size_t say_socks(uint8_t *out, const struct asking *to)
{
	static const uint8_t methods[] = { 5, 2, 0, 2 }; /* none, name and password */
	return to->stage > 0 ? 0 : say_bytes(out, methods, sizeof(methods));
}

enum reading read_socks(struct identity *identity, const struct hearing *heard)
{
	if (heard->asked != IDENTIFY_TALK_SOCKS || heard->length != 2 || heard->bytes[0] != 5 ||
	    (heard->bytes[1] > 2 && heard->bytes[1] != 0xff)) {
		return READING_OTHER;
	}
	identity->without_login = (uint8_t)told(heard->bytes[1] == 0);
	return READING_NAMED;
}

/* ---- X11: connection setup without a cookie ---- */

size_t say_x11(uint8_t *out, const struct asking *to)
{
	static const uint8_t setup[] = { 'l', 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	return to->stage > 0 ? 0 : say_bytes(out, setup, sizeof(setup));
}

enum reading read_x11(struct identity *identity, const struct hearing *heard)
{
	/* Failed, success or authenticate; then the version of the protocol. */
	if (heard->asked != IDENTIFY_TALK_X11 || heard->length < 8 || heard->bytes[0] > 2 ||
	    (heard->bytes[0] < 2 && (heard->bytes[2] != 11 || heard->bytes[3] != 0))) {
		return READING_OTHER;
	}
	identity->without_login = (uint8_t)told(heard->bytes[0] == 1);
	return READING_NAMED;
}

/* ---- ONC RPC: RFC 5531, procedure 0 of program 100000 version 2 ---- */

enum { RPC_ID = 0x6d696e61 };

size_t say_rpc(uint8_t *out, const struct asking *to)
{
	static const uint8_t call[] = {
		0x80, 0, 0, 40, 'm', 'i', 'n', 'a', 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0x86, 0xa0, 0,
		0,    0, 2, 0,  0,   0,   0,   0,   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,    0,    0,
	};
	uint8_t whole[44] = { 0 };
	memcpy(whole, call, sizeof(call));
	const size_t skipped = to->port->protocol == PROTOCOL_UDP ? 4 : 0;
	return to->stage > 0 ? 0 : say_bytes(out, whole + skipped, sizeof(whole) - skipped);
}

enum reading read_rpc(struct identity *identity, const struct hearing *heard)
{
	(void)identity;
	const uint8_t *reply = heard->bytes;
	size_t length = heard->length;
	if (heard->asked != IDENTIFY_TALK_RPC || length < 12) {
		return READING_OTHER;
	}
	if ((reply[0] & 0x80) != 0) {
		reply += 4;
		length -= 4;
	}
	return length >= 8 && be32_at(reply) == RPC_ID && be32_at(reply + 4) == 1 ? READING_NAMED
										  : READING_OTHER;
}

/* ---- Erlang's port mapper: NAMES_REQ ---- */

size_t say_epmd(uint8_t *out, const struct asking *to)
{
	return to->stage > 0 ? 0 : say_bytes(out, "\0\x01n", 3);
}

enum reading read_epmd(struct identity *identity, const struct hearing *heard)
{
	/* Its own port, then "name rabbit at port 25672" lines. */
	if (heard->asked != IDENTIFY_TALK_EPMD || heard->length < 4 || be16_at(heard->bytes) != 0) {
		return READING_OTHER;
	}
	const struct hearing names = { .bytes = heard->bytes + 4, .length = heard->length - 4 };
	if (names.length > 0 && !begins(&names, "name ")) {
		return READING_OTHER;
	}
	if (!heard->whole) {
		return READING_MORE;
	}
	take_line(identity->detail, sizeof(identity->detail), names.bytes, names.length);
	identity->without_login = IDENTIFY_TOLD_YES;
	return READING_NAMED;
}

/* ---- AJP 1.3: CPing and CPong ---- */

size_t say_ajp(uint8_t *out, const struct asking *to)
{
	static const uint8_t ping[] = { 0x12, 0x34, 0, 1, 10 };
	return to->stage > 0 ? 0 : say_bytes(out, ping, sizeof(ping));
}

enum reading read_ajp(struct identity *identity, const struct hearing *heard)
{
	static const uint8_t pong[] = { 'A', 'B', 0, 1, 9 };
	if (heard->length < sizeof(pong) || memcmp(heard->bytes, pong, sizeof(pong)) != 0) {
		return READING_OTHER;
	}
	identity->without_login = IDENTIFY_TOLD_YES;
	return READING_NAMED;
}

/* ---- FastCGI: 4.1 FCGI_GET_VALUES ---- */

size_t say_fastcgi(uint8_t *out, const struct asking *to)
{
	static const uint8_t get_values[] = { 1,   9,   0,   0,   0,   17,  7,   0,   15,  0,   'F',
					      'C', 'G', 'I', '_', 'M', 'P', 'X', 'S', '_', 'C', 'O',
					      'N', 'N', 'S', 0,   0,   0,   0,   0,   0,   0 };
	return to->stage > 0 ? 0 : say_bytes(out, get_values, sizeof(get_values));
}

enum reading read_fastcgi(struct identity *identity, const struct hearing *heard)
{
	enum { GET_VALUES_RESULT = 10 };
	if (heard->asked != IDENTIFY_TALK_FASTCGI || heard->length < 8 || heard->bytes[0] != 1 ||
	    heard->bytes[1] != GET_VALUES_RESULT || heard->bytes[2] != 0) {
		return READING_OTHER;
	}
	identity->without_login = IDENTIFY_TOLD_YES;
	return READING_NAMED;
}
