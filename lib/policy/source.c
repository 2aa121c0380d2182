/* Bytes that no policy may hold, found before YAML sees them. */
#include <stdio.h>
#include <string.h>

#include "policy/reader.h"
#include "text/text.h"

/* A walk over the characters of a source. */
struct walk {
	struct reader *reader;
	const struct source *source;
	size_t at; /* byte */
	struct mark mark;
	bool clean;
};

static void complain_at(struct walk *w, const char *id, const struct message_argument *arguments)
{
	w->mark.length = 1;
	fault_at(w->reader, &w->mark, id, NULL, arguments);
	w->clean = false;
}

/*
 * Characters that a reader of the file cannot see, or that make it read differently from what it
 * is: controls, line breaks that editors do not count (NEL, LS, PS), the direction overrides of
 * "Trojan Source" (CVE-2021-42574), zero-width no-break space.
 */
bool character_hidden(uint32_t code)
{
	return (code < 0x20 && code != '\t' && code != '\n' && code != '\r') ||
	       (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 ||
	       (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
	       code == 0x200e || code == 0x200f || code == 0xfeff || (code & 0xfffe) == 0xfffe;
}

static void check_character(struct walk *w, uint32_t code, bool lone_return)
{
	if (code == 0) {
		complain_at(w, "policy-nul", NO_ARGUMENTS);
	} else if (character_hidden(code) || lone_return) {
		char text[16];
		(void)snprintf(text, sizeof(text), "U+%04X", code);
		complain_at(w, "policy-hidden-character", ARGUMENTS({ "character", text }));
	} else if (code == '%' && w->mark.column == 0) {
		complain_at(w, "policy-directive", NO_ARGUMENTS);
	}
}

/* What stands at w->at is no character. */
static void check_byte(struct walk *w)
{
	unsigned char bad = (unsigned char)w->source->bytes[w->at];
	char byte[8];
	(void)snprintf(byte, sizeof(byte), "0x%02x", bad);
	complain_at(w, "policy-utf8", ARGUMENTS({ "byte", byte }));
}

/* @return whether there is more to look at. */
static bool step(struct walk *w)
{
	const struct source *s = w->source;
	uint32_t code = 0;
	size_t length = text_character(&code, s->bytes + w->at, s->length - w->at);
	if (length == 0) {
		check_byte(w);
		return false; /* most likely the whole file is in another encoding */
	}
	bool lone_return = code == '\r' && (w->at + 1 >= s->length || s->bytes[w->at + 1] != '\n');
	check_character(w, code, lone_return);
	w->at += length;
	w->mark.column++;
	if (code == '\n') {
		w->mark.line++;
		w->mark.column = 0;
	}
	return code != 0; /* a binary file: one word about it is enough */
}

/* Printable ASCII is most of every file, and nothing is wrong with it: '%' aside. */
static void skip_plain(struct walk *w)
{
	const struct source *s = w->source;
	const size_t begin = w->at;
	while (w->at < s->length && s->bytes[w->at] >= ' ' && s->bytes[w->at] <= '~' &&
	       s->bytes[w->at] != '%') {
		w->at++;
	}
	w->mark.column += (unsigned)(w->at - begin);
}

bool source_check(struct reader *reader, const struct source *source)
{
	struct walk w = { .reader = reader, .source = source, .clean = true };
	w.mark.source = source;
	if (source->length >= 3 && memcmp(source->bytes, "\xef\xbb\xbf", 3) == 0) {
		complain_at(&w, "policy-byte-order-mark", NO_ARGUMENTS);
		w.at = 3;
	}
	do {
		skip_plain(&w);
	} while (w.at < source->length && step(&w));
	return w.clean;
}
