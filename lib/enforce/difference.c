/* Which lines of two listings differ. */
#include <string.h>

#include "enforce/enforce.h"

struct part {
	const char *text;
	size_t length;
};

static size_t line_length(const struct part *part)
{
	const char *newline = memchr(part->text, '\n', part->length);
	return newline == NULL ? part->length : (size_t)(newline - part->text) + 1;
}

static void skip(struct part *part, size_t length)
{
	part->text += length;
	part->length -= length;
}

/* What both begin with and end with is the same, and mostly nearly everything. */
static void strip(struct part *a, struct part *b)
{
	while (a->length > 0 && b->length > 0) {
		const size_t length = line_length(a);
		if (length != line_length(b) || memcmp(a->text, b->text, length) != 0) {
			break;
		}
		skip(a, length);
		skip(b, length);
	}
	size_t same = 0;
	size_t whole = 0; /* of it, up to the beginning of a line */
	while (same < a->length && same < b->length &&
	       a->text[a->length - 1 - same] == b->text[b->length - 1 - same]) {
		same++;
		const bool begins_a = same == a->length || a->text[a->length - 1 - same] == '\n';
		const bool begins_b = same == b->length || b->text[b->length - 1 - same] == '\n';
		whole = begins_a && begins_b ? same : whole;
	}
	a->length -= whole;
	b->length -= whole;
}

/* Whether `part` has that line; then it goes on behind it. */
static bool find_line(struct part *part, const char *line, size_t length)
{
	struct part rest = *part;
	while (rest.length > 0) {
		const size_t other = line_length(&rest);
		const bool same = other == length && memcmp(rest.text, line, length) == 0;
		skip(&rest, other);
		if (same) {
			*part = rest;
			return true;
		}
	}
	return false;
}

/* The lines of `a` that `b` does not have, each marked. Both are in nft's order. */
static void add_missing(struct str *out, struct part a, struct part b, char mark,
			unsigned lines_max)
{
	for (unsigned told = 0; a.length > 0 && told < lines_max;) {
		const size_t length = line_length(&a);
		if (!find_line(&b, a.text, length)) {
			const bool ended = a.text[length - 1] == '\n';
			(void)str_printf(out, "%c %.*s\n", mark, (int)(length - ended),
					 a.text); /* kept in out->error */
			told++;
		}
		skip(&a, length);
	}
}

void enforce_difference(struct str *out, const char *now, const char *then, unsigned lines_max)
{
	struct part a = { now, strlen(now) };
	struct part b = { then, strlen(then) };
	strip(&a, &b);
	add_missing(out, a, b, '+', lines_max);
	add_missing(out, b, a, '-', lines_max);
}
