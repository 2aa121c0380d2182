/* Folding of words for comparison: case, width, kana, marks that writers use as they like. */
#include <errno.h>

#include "text/text.h"
#include "text/utf8.h"

enum {
	KATAKANA_FROM_HIRAGANA = 0x60,
	HALF_FIRST = 0xff65, /* HALFWIDTH KATAKANA MIDDLE DOT */
	HALF_LAST = 0xff9d,
	HALF_VOICED = 0xff9e,
	HALF_SEMI_VOICED = 0xff9f,
};

/* Full-width forms of U+FF65..U+FF9D (Unicode, Halfwidth and Fullwidth Forms). */
static const uint16_t full_width[HALF_LAST - HALF_FIRST + 1] = {
	0x30fb, 0x30f2, 0x30a1, 0x30a3, 0x30a5, 0x30a7, 0x30a9, 0x30e3, 0x30e5, 0x30e7,
	0x30c3, 0x30fc, 0x30a2, 0x30a4, 0x30a6, 0x30a8, 0x30aa, 0x30ab, 0x30ad, 0x30af,
	0x30b1, 0x30b3, 0x30b5, 0x30b7, 0x30b9, 0x30bb, 0x30bd, 0x30bf, 0x30c1, 0x30c4,
	0x30c6, 0x30c8, 0x30ca, 0x30cb, 0x30cc, 0x30cd, 0x30ce, 0x30cf, 0x30d2, 0x30d5,
	0x30d8, 0x30db, 0x30de, 0x30df, 0x30e0, 0x30e1, 0x30e2, 0x30e4, 0x30e6, 0x30e8,
	0x30e9, 0x30ea, 0x30eb, 0x30ec, 0x30ed, 0x30ef, 0x30f3,
};

/* The code in its ordinary width, katakana for hiragana, lower case for ASCII. */
static uint32_t ordinary(uint32_t code)
{
	if (code >= 0xff01 && code <= 0xff5e) { /* full-width ASCII */
		code -= 0xfee0;
	} else if (code >= HALF_FIRST && code <= HALF_LAST) {
		code = full_width[code - HALF_FIRST];
	}
	if (code >= 0x3041 && code <= 0x3096) {
		code += KATAKANA_FROM_HIRAGANA;
	}
	return code >= 'A' && code <= 'Z' ? code + ('a' - 'A') : code;
}

static bool may_be_voiced(uint32_t code)
{
	return code == 0x30a6 || (code >= 0x30ab && code <= 0x30db);
}

/* Half-width katakana carry their voicing mark as a character of its own. */
static uint32_t voiced(uint32_t code, uint32_t mark)
{
	if (code == 0x30a6) { /* ヴ; there is no semi-voiced one */
		return mark == HALF_VOICED ? 0x30f4 : code;
	}
	return mark == HALF_VOICED ? code + 1 : code + 2;
}

static bool separates(uint32_t code)
{
	return code <= ' ' || code == '-' || code == '_' || code == 0x3000 || code == 0x30fb;
}

static void add_code(struct str *out, uint32_t code)
{
	char bytes[4];
	size_t length = 0;
	if (code < 0x80) {
		bytes[length++] = (char)code;
	} else if (code < 0x800) {
		bytes[length++] = (char)(0xc0 | code >> 6);
	} else if (code < 0x10000) {
		bytes[length++] = (char)(0xe0 | code >> 12);
		bytes[length++] = (char)(0x80 | (code >> 6 & 0x3f));
	} else {
		bytes[length++] = (char)(0xf0 | code >> 18);
		bytes[length++] = (char)(0x80 | (code >> 12 & 0x3f));
		bytes[length++] = (char)(0x80 | (code >> 6 & 0x3f));
	}
	if (code >= 0x80) {
		bytes[length++] = (char)(0x80 | (code & 0x3f));
	}
	(void)str_add_bytes(out, bytes, length); /* kept in out->error */
}

/* Decodes one character; a broken byte stands for itself. */
static size_t next_code(uint32_t *code, const char *text, size_t length)
{
	size_t size = utf8_decode(code, text, length);
	if (size == 0) {
		*code = 0xfffd;
		size = 1;
	}
	return size;
}

int text_fold(struct str *out, const char *text, size_t length)
{
	bool waiting = false; /* a separator, written only between words */
	size_t start = out->length;
	size_t at = 0;
	while (at < length) {
		uint32_t code;
		uint32_t mark = 0;
		at += next_code(&code, text + at, length - at);
		code = ordinary(code);
		if (may_be_voiced(code) && at < length) {
			size_t size = next_code(&mark, text + at, length - at);
			if (mark == HALF_VOICED || mark == HALF_SEMI_VOICED) {
				code = voiced(code, mark);
				at += size;
			}
		}
		if (separates(code)) {
			waiting = out->length > start;
		} else if (code != 0x30fc) { /* サーバー is サーバ */
			if (waiting) {
				(void)str_add_char(out, ' '); /* kept in out->error */
			}
			waiting = false;
			add_code(out, code);
		}
	}
	return out->error;
}
