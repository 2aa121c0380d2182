/* Message brokers. */
#include <string.h>

#include "identify/parts.h"

/* ---- AMQP 0-9-1: 2.2.4 the header, 1.4.2.1 connection.start ---- */

size_t say_amqp(uint8_t *out, const struct asking *to)
{
	return to->stage > 0 ? 0 : say_bytes(out, "AMQP\0\0\x09\x01", 8);
}

/* A long string of the table of server properties. */
static size_t property(const uint8_t **value, const struct hearing *heard, const char *name)
{
	const size_t length = strlen(name);
	char field[32];
	field[0] = (char)length;
	memcpy(field + 1, name, length);
	field[length + 1] = 'S';
	const uint8_t *at = memmem(heard->bytes, heard->length, field, length + 2);
	if (at == NULL) {
		return 0;
	}
	at += length + 2;
	const size_t left = (size_t)(heard->bytes + heard->length - at);
	if (left < 4 || be32_at(at) > left - 4) {
		return 0;
	}
	*value = at + 4;
	return be32_at(at);
}

enum reading read_amqp(struct identity *identity, const struct hearing *heard)
{
	static const uint8_t start[] = { 0, 10, 0, 10 };
	const uint8_t *value = NULL;
	/* Who does not understand us says which version it speaks, to anybody. */
	if (begins(heard, "AMQP") && heard->length >= 8) {
		return READING_NAMED;
	}
	if (heard->asked != IDENTIFY_TALK_AMQP || heard->length == 0 || heard->bytes[0] != 1) {
		return READING_OTHER;
	}
	if (heard->length < 11) {
		return READING_MORE;
	}
	if (memcmp(heard->bytes + 7, start, sizeof(start)) != 0) {
		return READING_OTHER;
	}
	if (heard->length < (size_t)be32_at(heard->bytes + 3) + 8 && !heard->whole) {
		return READING_MORE;
	}
	size_t length = property(&value, heard, "product");
	take_text(identity->product, sizeof(identity->product), value, length);
	length = property(&value, heard, "version");
	take_version(identity, value, length);
	return READING_NAMED;
}

/* ---- MQTT 3.1.1: 3.1 CONNECT, 3.2 CONNACK, 3.14 DISCONNECT ---- */

size_t say_mqtt(uint8_t *out, const struct asking *to)
{
	/* A clean session without a name leaves nothing behind. */
	static const uint8_t connect[] = { 0x10, 12, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 10, 0, 0 };
	static const uint8_t disconnect[] = { 0xe0, 0 };
	return to->stage == 0   ? say_bytes(out, connect, sizeof(connect))
	       : to->stage == 1 ? say_bytes(out, disconnect, sizeof(disconnect))
				: 0;
}

enum reading read_mqtt(struct identity *identity, const struct hearing *heard)
{
	enum { ACCEPTED, IDENTIFIER = 2, UNAVAILABLE, BAD_USER, NOT_AUTHORIZED };
	if (heard->stage > 0) {
		return READING_NAMED;
	}
	if (heard->asked != IDENTIFY_TALK_MQTT || heard->length < 4 || heard->bytes[0] != 0x20 ||
	    heard->bytes[1] != 2 || heard->bytes[2] > 1 || heard->bytes[3] > NOT_AUTHORIZED) {
		return READING_OTHER;
	}
	const uint8_t code = heard->bytes[3];
	identity->without_login = code == ACCEPTED ? IDENTIFY_TOLD_YES
				  : code == BAD_USER || code == NOT_AUTHORIZED
					  ? IDENTIFY_TOLD_NO
					  : IDENTIFY_TOLD_NOTHING;
	return code == ACCEPTED ? READING_ASK : READING_NAMED;
}

/* ---- NATS: its greeting ---- */

enum reading read_nats(struct identity *identity, const struct hearing *heard)
{
	size_t length = 0;
	if (!begins(heard, "INFO {")) {
		return READING_OTHER;
	}
	if (!has_line(heard) && !heard->whole) {
		return READING_MORE;
	}
	const uint8_t *at = behind(heard, "\"version\":\"", &length);
	if (at != NULL) {
		take_version(identity, at, length);
	}
	identity->without_login = (uint8_t)told(!has_text(heard, "\"auth_required\":true"));
	identity->starttls = (uint8_t)told(has_text(heard, "\"tls_required\":true") ||
					   has_text(heard, "\"tls_available\":true"));
	return READING_NAMED;
}
