/* Numbers from text. */
#include "base/parse.h"

#include <errno.h>
#include <string.h>

int parse_u64_bytes(uint64_t *out, const char *text, size_t length, uint64_t min, uint64_t max)
{
	uint64_t value = 0;
	if (length == 0) {
		return -EINVAL;
	}
	int too_big = 0;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9') {
			return -EINVAL;
		}
		too_big |= __builtin_mul_overflow(value, 10U, &value);
		too_big |= __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value);
	}
	if (too_big || value < min || value > max) {
		return -ERANGE;
	}
	*out = value;
	return 0;
}

int parse_u64(uint64_t *out, const char *text, uint64_t min, uint64_t max)
{
	return parse_u64_bytes(out, text, strlen(text), min, max);
}

int parse_port(uint16_t *out, const char *text)
{
	uint64_t value = 0;
	int r = parse_u64(&value, text, 0, UINT16_MAX);
	if (r == 0) {
		*out = (uint16_t)value;
	}
	return r;
}

int parse_port_range(uint16_t *first, uint16_t *last, const char *text)
{
	const char *dash = strchr(text, '-');
	size_t length = dash == NULL ? strlen(text) : (size_t)(dash - text);
	uint64_t low = 0;
	uint64_t high = 0;
	int r = parse_u64_bytes(&low, text, length, 0, UINT16_MAX);
	if (r < 0) {
		return r;
	}
	high = low;
	if (dash != NULL) {
		r = parse_u64(&high, dash + 1, 0, UINT16_MAX);
		if (r < 0) {
			return r;
		}
	}
	if (low > high) {
		return -EINVAL;
	}
	*first = (uint16_t)low;
	*last = (uint16_t)high;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	if (c >= 'a' && c <= 'f') {
		return c - 'a' + 10;
	}
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int parse_hex_u64(uint64_t *out, const char *text, size_t length)
{
	uint64_t value = 0;
	if (length == 0) {
		return -EINVAL;
	}
	for (size_t i = 0; i < length; i++) {
		int digit = hex_digit(text[i]);
		if (digit < 0) {
			return -EINVAL;
		}
		if (value >> 60 != 0) {
			return -ERANGE;
		}
		value = value << 4 | (uint64_t)digit;
	}
	*out = value;
	return 0;
}
