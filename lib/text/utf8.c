/* UTF-8: decoding, width, escaping, wrapping. */
#include "text/utf8.h"

#include <string.h>

#include "text/text.h"
#include "text/width-table.h"

size_t utf8_decode(uint32_t *code, const char *bytes, size_t length)
{
	const unsigned char *b = (const unsigned char *)bytes;
	if (length == 0) {
		return 0;
	}
	if (b[0] < 0x80) {
		*code = b[0];
		return 1;
	}
	static const struct {
		unsigned char mask, mark;
		uint32_t least;
	} forms[] = { { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };
	for (size_t form = 0; form < 3; form++) {
		if ((b[0] & forms[form].mask) != forms[form].mark) {
			continue;
		}
		size_t size = form + 2;
		uint32_t value = b[0] & (unsigned char)~forms[form].mask;
		for (size_t i = 1; i < size; i++) {
			if (i >= length || (b[i] & 0xc0) != 0x80) {
				return 0;
			}
			value = value << 6 | (b[i] & 0x3f);
		}
		if (value < forms[form].least || value > 0x10ffff ||
		    (value >= 0xd800 && value <= 0xdfff)) {
			return 0;
		}
		*code = value;
		return size;
	}
	return 0;
}

size_t text_character(uint32_t *code, const char *bytes, size_t length)
{
	return utf8_decode(code, bytes, length);
}

static bool in_ranges(uint32_t code, const struct width_range *ranges, size_t count)
{
	size_t low = 0;
	size_t high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (code > ranges[middle].last) {
			low = middle + 1;
		} else if (code < ranges[middle].first) {
			high = middle;
		} else {
			return true;
		}
	}
	return false;
}

static size_t code_width(uint32_t code)
{
	if (code < 0x300) {
		return 1;
	}
	if (in_ranges(code, width_zero, width_zero_count)) {
		return 0;
	}
	return in_ranges(code, width_wide, width_wide_count) ? 2 : 1;
}

/* Length and width of the character at `text`; a bad byte counts as one column. */
static size_t step(const char *text, size_t left, size_t *width)
{
	uint32_t code = 0;
	size_t length = utf8_decode(&code, text, left);
	*width = length == 0 ? 1 : code_width(code);
	return length == 0 ? 1 : length;
}

size_t text_width(const char *text)
{
	size_t left = strlen(text);
	size_t total = 0;
	while (left > 0) {
		size_t width = 0;
		size_t length = step(text, left, &width);
		total += width;
		text += length;
		left -= length;
	}
	return total;
}

size_t text_fit(const char *text, size_t columns)
{
	size_t length = strlen(text);
	size_t used = 0;
	size_t at = 0;
	while (at < length) {
		size_t width = 0;
		size_t size = step(text + at, length - at, &width);
		if (used + width > columns) {
			break;
		}
		used += width;
		at += size;
	}
	return at;
}

long text_utf8_invalid(const char *bytes, size_t length)
{
	size_t at = 0;
	while (at < length) {
		uint32_t code = 0;
		size_t size = utf8_decode(&code, bytes + at, length - at);
		if (size == 0 || code == 0) {
			return (long)at;
		}
		at += size;
	}
	return -1;
}

/* C0, DEL, C1, line and paragraph separators, bidi controls (Trojan Source, CVE-2021-42574), BOM.
 */
static bool is_harmful(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x200b && code <= 0x200f) ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
	       code == 0xfeff;
}

void text_escape(struct str *out, const char *bytes)
{
	size_t left = strlen(bytes);
	while (left > 0) {
		uint32_t code = 0;
		size_t size = utf8_decode(&code, bytes, left);
		if (size == 0) {
			str_printf(out, "\\x%02x", (unsigned char)bytes[0]);
			size = 1;
		} else if (code == '\\') {
			str_add(out, "\\\\");
		} else if (is_harmful(code)) {
			str_printf(out, code < 0x80 ? "\\x%02x" : "\\u{%04x}", code);
		} else {
			str_add_bytes(out, bytes, size);
		}
		bytes += size;
		left -= size;
	}
}

/* Marks that must not begin a line (JIS X 4051, kinsoku). */
static bool is_closing(const char *at)
{
	static const char *const marks[] = { "。", "、", "」", "）", "，", "．", "：", "；",
					     "！", "？", "ー", ")",  ",",  ".",  "』", "ッ",
					     "ャ", "ュ", "ョ", "っ", "ゃ", "ゅ", "ょ" };
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (strncmp(at, marks[i], strlen(marks[i])) == 0) {
			return true;
		}
	}
	return false;
}

/* Marks that must not end a line. */
static bool is_opening(const char *at)
{
	static const char *const marks[] = { "「", "『", "（", "【", "(", "[", "<" };
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (strncmp(at, marks[i], strlen(marks[i])) == 0) {
			return true;
		}
	}
	return false;
}

/* Whether a line may end before the byte at `at` (> 0): at spaces, and beside Japanese. */
static bool may_break(const char *text, size_t at)
{
	const unsigned char first_wide = 0xe3; /* U+3000 and beyond */
	if (text[at] == ' ') {
		return true;
	}
	size_t before = at - 1;
	while (before > 0 && ((unsigned char)text[before] & 0xc0) == 0x80) {
		before--;
	}
	bool character = ((unsigned char)text[at] & 0xc0) != 0x80;
	bool wide =
		(unsigned char)text[at] >= first_wide || (unsigned char)text[before] >= first_wide;
	return character && wide && !is_closing(text + at) && !is_opening(text + before);
}

/* Bytes of the first line of `text` within `columns`; at least one character. */
static size_t line_length(const char *text, size_t columns)
{
	size_t fit = text_fit(text, columns);
	if (text[fit] == '\0' || text[fit] == ' ') {
		return fit;
	}
	for (size_t at = fit; at > 0; at--) {
		if (may_break(text, at)) {
			return at;
		}
	}
	return fit > 0 ? fit : text_fit(text, 2);
}

static void wrap(struct str *out, const char *text, size_t room_first, size_t room, size_t indent)
{
	bool first = true;
	while (*text != '\0') {
		if (!first) {
			str_printf(out, "\n%*s", (int)indent, "");
		}
		size_t length = line_length(text, first ? room_first : room);
		size_t shown = length;
		while (shown > 0 && text[shown - 1] == ' ' && text[length] != '\0') {
			shown--; /* a break after a space leaves none at the end of the line */
		}
		str_add_bytes(out, text, shown);
		text += length;
		text += strspn(text, " ");
		first = false;
	}
}

static size_t room_behind(size_t indent, size_t columns)
{
	return columns > indent + 8 ? columns - indent : 8;
}

void text_wrap(struct str *out, const char *text, size_t columns, size_t indent)
{
	wrap(out, text, columns, room_behind(indent, columns), indent);
}

void text_wrap_behind(struct str *out, const char *text, size_t columns, size_t indent)
{
	const size_t room = room_behind(indent, columns);
	wrap(out, text, room, room, indent);
}
