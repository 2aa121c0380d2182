/* Growing text with a maximum. */
#include "base/str.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void str_deinit(struct str *s)
{
	if (s == NULL) {
		return;
	}
	free(s->text);
	*s = STR_INIT(s->max_bytes);
}

static int reserve(struct str *s, size_t more)
{
	if (s->error != 0) {
		return s->error;
	}
	if (s->length > s->max_bytes || more > s->max_bytes - s->length) {
		return s->error = -EFBIG;
	}
	size_t need = s->length + more + 1;
	if (need <= s->room) {
		return 0;
	}
	size_t room = s->room == 0 ? 256 : s->room * 2;
	if (room < need) {
		room = need;
	}
	char *grown = realloc(s->text, room);
	if (grown == NULL) {
		return s->error = -ENOMEM;
	}
	s->text = grown;
	s->room = room;
	return 0;
}

int str_add_bytes(struct str *s, const char *bytes, size_t length)
{
	int r = reserve(s, length);
	if (r < 0) {
		return r;
	}
	memcpy(s->text + s->length, bytes, length);
	s->length += length;
	s->text[s->length] = '\0';
	return 0;
}

int str_add(struct str *s, const char *text)
{
	return str_add_bytes(s, text, strlen(text));
}

int str_add_char(struct str *s, char c)
{
	return str_add_bytes(s, &c, 1);
}

int str_printf(struct str *s, const char *format, ...)
{
	int r = reserve(s, 0);
	if (r < 0) {
		return r;
	}
	va_list args;
	va_start(args, format);
	va_list again;
	va_copy(again, args);
	/* Most pieces fit into the room that is there: formatted once. */
	const size_t room = s->room - s->length;
	int length = vsnprintf(s->text + s->length, room, format, args);
	va_end(args);
	r = length < 0 ? -EINVAL : reserve(s, (size_t)length);
	if (r == 0 && (size_t)length >= room) {
		(void)vsnprintf(s->text + s->length, (size_t)length + 1, format, again);
	}
	va_end(again);
	if (r == 0) {
		s->length += (size_t)length;
	} else {
		s->text[s->length] = '\0'; /* nothing of the piece stays */
	}
	return r;
}

void str_clear(struct str *s)
{
	s->length = 0;
	s->error = 0;
	if (s->text != NULL) {
		s->text[0] = '\0';
	}
}

void str_truncate(struct str *s, size_t length)
{
	assert(length <= s->length);
	s->length = length;
	if (s->text != NULL) {
		s->text[length] = '\0';
	}
}

const char *str_text(const struct str *s)
{
	return s->text == NULL ? "" : s->text;
}

bool str_is_printable(const char *text, size_t room)
{
	size_t i = 0;
	while (i < room && text[i] >= ' ' && text[i] <= '~') {
		i++;
	}
	return i < room && text[i] == '\0';
}

int str_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

size_t str_copy(char *to, size_t to_bytes, const char *from)
{
	size_t length = strlen(from);
	if (length >= to_bytes) {
		length = to_bytes - 1;
		while (length > 0 && ((unsigned char)from[length] & 0xc0) == 0x80) {
			length--;
		}
	}
	memcpy(to, from, length);
	to[length] = '\0';
	return length;
}
