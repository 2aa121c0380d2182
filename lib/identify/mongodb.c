/* MongoDB: OP_MSG (its wire protocol, "Message Header", "OP_MSG"); three questions that read only.
 */
#include <string.h>

#include "identify/parts.h"

enum { HEADER_BYTES = 16, OP_MSG = 2013, MONGODB_MESSAGE_MAX = 48 * 1000 * 1000 };

static uint8_t *put_le32(uint8_t *out, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++) {
		out[i] = (uint8_t)(value >> 8 * i);
	}
	return out + 4;
}

/* BSON: { COMMAND: 1, "nameOnly": 1, "$db": "admin" }. */
static size_t put_command(uint8_t *out, const char *command)
{
	static const char rest[] = "\x10nameOnly\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0";
	static const char listing[] = "listDatabases";
	const size_t name = strlen(command) + 1;
	const char *more = strcmp(command, listing) == 0 ? rest : rest + 14;
	const size_t more_length = (size_t)(rest + sizeof(rest) - 1 - more);
	const size_t document = 4 + 1 + name + 4 + more_length + 1;
	const size_t total = HEADER_BYTES + 4 + 1 + document;
	uint8_t *at = put_le32(out, (uint32_t)total);
	at = put_le32(at, 0x6d696e61);
	at = put_le32(at, 0);
	at = put_le32(at, OP_MSG);
	at = put_le32(at, 0);
	*at++ = 0; /* kind of section: a body */
	at = put_le32(at, (uint32_t)document);
	*at++ = 0x10;
	memcpy(at, command, name);
	at = put_le32(at + name, 1);
	memcpy(at, more, more_length);
	at[more_length] = 0;
	return total;
}

size_t say_mongodb(uint8_t *out, const struct asking *to)
{
	static const char *const commands[] = { "hello", "buildInfo", "listDatabases" };
	return to->stage < 3 ? put_command(out, commands[to->stage]) : 0;
}

/* A text of BSON: type 2, name, length with its NUL. */
static size_t text_of(const uint8_t **out, const struct hearing *heard, const char *name)
{
	char field[32];
	const size_t length = strlen(name) + 2;
	field[0] = 2;
	memcpy(field + 1, name, length - 1);
	const uint8_t *at = memmem(heard->bytes, heard->length, field, length);
	if (at == NULL) {
		return 0;
	}
	at += length;
	const size_t left = (size_t)(heard->bytes + heard->length - at);
	if (left < 4 || le32_at(at) > left - 4 || le32_at(at) == 0) {
		return 0;
	}
	*out = at + 4;
	return le32_at(at) - 1;
}

static bool succeeded(const struct hearing *heard)
{
	/* "ok": 1.0 as a double. */
	return has_bytes(heard, "\x01ok\0\0\0\0\0\0\0\xf0\x3f", 12);
}

enum reading read_mongodb(struct identity *identity, const struct hearing *heard)
{
	const uint8_t *value = NULL;
	if (has_text(heard, "trying to access MongoDB over HTTP")) {
		identity->encrypted = IDENTIFY_TOLD_NO;
		return READING_NAMED;
	}
	if (heard->asked != IDENTIFY_TALK_MONGODB || heard->length < HEADER_BYTES ||
	    le32_at(heard->bytes + 12) != OP_MSG || le32_at(heard->bytes) > MONGODB_MESSAGE_MAX) {
		return READING_OTHER;
	}
	if (heard->length < le32_at(heard->bytes) && !heard->whole) {
		return READING_MORE;
	}
	if (heard->stage == 0) {
		return has_text(heard, "maxWireVersion") ? READING_ASK : READING_OTHER;
	}
	if (heard->stage == 1) {
		const size_t length = text_of(&value, heard, "version");
		take_version(identity, value, length);
		return READING_ASK;
	}
	identity->without_login = succeeded(heard) ? IDENTIFY_TOLD_YES
				  : has_bytes(heard,
					      "\x10"
					      "code\0\x0d\0\0\0",
					      10)
					  ? IDENTIFY_TOLD_NO
					  : IDENTIFY_TOLD_NOTHING;
	return READING_NAMED;
}
