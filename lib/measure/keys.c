/* Public keys in one line of text (sshd(8), RFC 4253 section 6.6). */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"
#include "measure/measure.h"

enum { BLOB_BYTES = 4096 }; /* RSA of 16,384 bits takes 2 KiB */

static int value_of(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c == '\0' ? NULL : strchr(digits, c);
	return at == NULL ? -1 : (int)(at - digits);
}

/* Base64 (RFC 4648 section 4) up to what is none. @return bytes. */
static size_t decode(uint8_t out[BLOB_BYTES], const char *text)
{
	size_t length = 0;
	uint32_t bits = 0;
	unsigned held = 0;
	for (int v = value_of(*text); v >= 0 && length < BLOB_BYTES; v = value_of(*++text)) {
		bits = bits << 6 | (uint32_t)v;
		held += 6;
		if (held >= 8) {
			held -= 8;
			out[length++] = (uint8_t)(bits >> held);
		}
	}
	return length;
}

/* A field with its length in front. @return false when it is not whole. */
static bool take_field(const uint8_t **field, uint32_t *size, const uint8_t **at,
		       const uint8_t *end)
{
	if (end - *at < 4) {
		return false;
	}
	*size = (uint32_t)(*at)[0] << 24 | (uint32_t)(*at)[1] << 16 | (uint32_t)(*at)[2] << 8 |
		(*at)[3];
	*field = *at + 4;
	if (*size > (size_t)(end - *field)) {
		return false;
	}
	*at = *field + *size;
	return true;
}

static unsigned bits_of(const uint8_t *number, uint32_t size)
{
	while (size > 0 && *number == 0) {
		number++;
		size--;
	}
	unsigned bits = size * 8;
	for (unsigned top = 0x80; size > 0 && top != 0 && (*number & top) == 0; top >>= 1) {
		bits--;
	}
	return bits;
}

int measure_public_key_parse(struct measure_public_key *out, const char *line)
{
	uint8_t blob[BLOB_BYTES];
	const uint8_t *at = blob, *field = NULL;
	uint32_t size = 0;
	const size_t name = strcspn(line, " \t\r\n");
	struct measure_public_key key = { .bits = 0 };
	if (name == 0 || name >= sizeof(key.type) || line[name] == '\0') {
		return -EBADMSG;
	}
	const uint8_t *end = blob + decode(blob, line + name + 1);
	/* The name stands within too. */
	if (!take_field(&field, &size, &at, end) || size != name ||
	    memcmp(field, line, name) != 0) {
		return -EBADMSG;
	}
	for (size_t i = 0; i < name; i++) {
		if (line[i] <= ' ' || line[i] > '~') {
			return -EBADMSG;
		}
		key.type[i] = line[i];
	}
	if (strcmp(key.type, "ssh-rsa") == 0) {
		/* The exponent, then the modulus. */
		for (int i = 0; i < 2; i++) {
			if (!take_field(&field, &size, &at, end)) {
				return -EBADMSG;
			}
		}
		key.bits = bits_of(field, size);
	}
	*out = key;
	return 0;
}
