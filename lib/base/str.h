/* Growing text with a maximum that is part of its creation. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct str {
	char *text;       /* NUL-terminated once anything was added; NULL before */
	size_t length;    /* bytes, without the NUL */
	size_t room;      /* bytes allocated */
	size_t max_bytes; /* more than this is refused */
	int error;        /* 0, or the first negative errno; then nothing more is added */
};

#define STR_INIT(max) ((struct str){ .max_bytes = (max) })

/* Frees the text; `s` is empty and usable afterwards. NULL is allowed. */
void str_deinit(struct str *s);

/*
 * Append. The first failure sticks in `s->error`, so a row of appends needs one check at its end.
 * @return 0, -ENOMEM, or -EFBIG beyond max_bytes (nothing of the piece is added then).
 */
int str_add(struct str *s, const char *text);
int str_add_bytes(struct str *s, const char *bytes, size_t length);
int str_add_char(struct str *s, char c);
int str_printf(struct str *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Makes it empty again, forgets the error and keeps the memory. */
void str_clear(struct str *s);

/* Takes away all behind `length`, which is at most s->length; keeps memory and error. */
void str_truncate(struct str *s, size_t length);

/* The text so far; never NULL. */
const char *str_text(const struct str *s);

/* Whether it ends within `room` bytes and is printable ASCII alone: what a terminal shows as it is.
 */
bool str_is_printable(const char *text, size_t room);

/* @return whether `text` begins with `prefix`. */
int str_starts(const char *text, const char *prefix);

/* Copies with truncation at a whole UTF-8 character and always terminates. @return bytes copied. */
size_t str_copy(char *to, size_t to_bytes, const char *from);
