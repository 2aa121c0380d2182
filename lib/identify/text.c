/* Foreign bytes, read and made harmless. */
#include <string.h>
#include <strings.h>

#include "identify/parts.h"

size_t say_bytes(uint8_t *out, const void *bytes, size_t length)
{
	if (length > IDENTIFY_SAY_MAX) {
		return 0;
	}
	memcpy(out, bytes, length);
	return length;
}

size_t say_text(uint8_t *out, const char *text)
{
	return say_bytes(out, text, strlen(text));
}

bool begins(const struct hearing *heard, const char *with)
{
	const size_t length = strlen(with);
	return heard->length >= length && memcmp(heard->bytes, with, length) == 0;
}

bool has_bytes(const struct hearing *heard, const void *bytes, size_t length)
{
	return memmem(heard->bytes, heard->length, bytes, length) != NULL;
}

bool has_text(const struct hearing *heard, const char *text)
{
	return has_bytes(heard, text, strlen(text));
}

bool has_word(const struct hearing *heard, const char *word)
{
	const size_t length = strlen(word);
	for (size_t i = 0; i + length <= heard->length; i++) {
		if (strncasecmp((const char *)heard->bytes + i, word, length) == 0) {
			return true;
		}
	}
	return false;
}

bool has_line(const struct hearing *heard)
{
	return memchr(heard->bytes, '\n', heard->length) != NULL;
}

void take_text(char *out, size_t room, const uint8_t *bytes, size_t length)
{
	size_t used = 0;
	for (; used < length && used + 1 < room; used++) {
		const uint8_t byte = bytes[used];
		out[used] = (char)(byte >= ' ' && byte <= '~' ? byte : '.');
	}
	memset(out + used, 0, room - used);
}

static size_t line_length(const uint8_t *bytes, size_t length)
{
	size_t end = 0;
	while (end < length && bytes[end] != '\r' && bytes[end] != '\n') {
		end++;
	}
	return end;
}

void take_line(char *out, size_t room, const uint8_t *bytes, size_t length)
{
	take_text(out, room, bytes, line_length(bytes, length));
}

static bool is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

static bool is_of_version(uint8_t byte)
{
	return is_digit(byte) || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       byte == '.' || byte == '-' || byte == '_' || byte == '+' || byte == '~' ||
	       byte == ':';
}

void take_version(struct identity *identity, const uint8_t *bytes, size_t length)
{
	size_t end = 0;
	while (end < length && is_of_version(bytes[end])) {
		end++;
	}
	take_text(identity->version, sizeof(identity->version), bytes, end);
}

void take_product(struct identity *identity, const uint8_t *bytes, size_t length)
{
	const size_t line = line_length(bytes, length);
	size_t end = 0;
	while (end < line && bytes[end] != '/' && bytes[end] != '(' &&
	       !(bytes[end] == ' ' && end + 1 < line && is_digit(bytes[end + 1]))) {
		end++;
	}
	size_t name = end;
	while (name > 0 && bytes[name - 1] == ' ') {
		name--;
	}
	take_text(identity->product, sizeof(identity->product), bytes, name);
	identity->version[0] = '\0';
	if (end < line && bytes[end] != '(') {
		take_version(identity, bytes + end + 1, line - end - 1);
	}
}

void set_product(struct identity *identity, const char *product)
{
	take_text(identity->product, sizeof(identity->product), (const uint8_t *)product,
		  strlen(product));
}

const uint8_t *behind(const struct hearing *heard, const char *mark, size_t *length)
{
	const uint8_t *at = memmem(heard->bytes, heard->length, mark, strlen(mark));
	if (at == NULL) {
		return NULL;
	}
	at += strlen(mark);
	*length = line_length(at, (size_t)(heard->bytes + heard->length - at));
	return at;
}

enum identify_told told(bool yes)
{
	return yes ? IDENTIFY_TOLD_YES : IDENTIFY_TOLD_NO;
}
