/*
 * Words for people: the two languages, the message catalogue, widths on a terminal, tables,
 * foreign text made harmless, and the nearest known word for a mistyped one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"

/* ---- language ---- */

enum language {
	LANGUAGE_EN,
	LANGUAGE_JA,
};

/* A text of the data files in both languages; neither is NULL. Static memory. */
struct text {
	const char *en;
	const char *ja;
};

/* The text in that language. */
static inline const char *text_in(struct text text, enum language language)
{
	return language == LANGUAGE_JA ? text.ja : text.en;
}

/*
 * Chooses a language from the values of the environment variables, by gettext's precedence:
 * LANGUAGE (a colon list), then LC_ALL, LC_MESSAGES, LANG; LANGUAGE is ignored when the locale is
 * set to "C" or "POSIX". Any may be NULL. Unknown languages give English.
 */
enum language language_choose(const char *language, const char *lc_all, const char *lc_messages,
			      const char *lang);

/*
 * Chooses the language from the real environment, sets the C locale up (C.UTF-8 where the asked one
 * is not installed) and binds gettext's domain "minato" to the catalogue beside the executable
 * (build tree) or to the installed one. Call once, first thing in a program. @return the language.
 */
enum language language_init(void);

/* ---- messages: data/messages/ ---- */

/* One diagnostic or finding. Texts hold {name} where an argument goes. */
struct message {
	const char *id;       /* "undeclared-listener" */
	const char *severity; /* default severity word, "" when it has none */
	struct text text;     /* what is */
	struct text advice;   /* what to do; may be "" */
};

/* @return the message, or NULL when no such id exists. */
const struct message *message_find(const char *id);

/* All of them, sorted by id. */
const struct message *message_all(size_t *count);

/* An argument of a message. */
struct message_argument {
	const char *name;
	const char *value; /* foreign bytes are made harmless when they are filled in */
};

/* Fills {name}s from the arguments; an unknown name stays as it is. Appends to `out`. */
void message_fill(struct str *out, const char *template, const struct message_argument *arguments,
		  size_t count);

/* ---- terminal ---- */

/* Columns that valid or broken UTF-8 text takes: East Asian wide and fullwidth 2, combining 0. */
size_t text_width(const char *text);

/* Bytes of the longest prefix of whole characters that takes at most `columns` columns. */
size_t text_fit(const char *text, size_t columns);

/*
 * Appends foreign text so that it cannot do anything to a terminal or a log: control characters,
 * bidi overrides, invalid UTF-8 become \xNN or \u{NNNN}; a backslash becomes two.
 */
void text_escape(struct str *out, const char *bytes);

/* Whether the bytes are valid UTF-8 without NUL; @return -1, or the offset of the first bad byte.
 */
long text_utf8_invalid(const char *bytes, size_t length);

/*
 * Decodes one character (RFC 3629). @return its bytes, 1..4, with `*code` set; 0 when what stands
 * there is not valid UTF-8, or at the end. NUL is a character here.
 */
size_t text_character(uint32_t *code, const char *bytes, size_t length);

/*
 * Breaks a text at spaces (Japanese: between any characters, never before a closing mark) into
 * lines of at most `columns` columns, each line after the first indented by `indent` spaces.
 * Appends without a newline at the end.
 */
void text_wrap(struct str *out, const char *text, size_t columns, size_t indent);

/* The same behind something of `indent` columns that stands in the first line already. */
void text_wrap_behind(struct str *out, const char *text, size_t columns, size_t indent);

/* Colours and weights; all are "" when the style is plain. */
struct style {
	bool colour; /* escape sequences may be written */
	bool ascii;  /* only ASCII for lines and marks */
};

enum ink {
	INK_PLAIN,
	INK_BOLD,
	INK_DIM,
	INK_GOOD,
	INK_NOTE,
	INK_WARN,
	INK_BAD,
};

/* The escape sequence that begins an ink, or "" in a plain style. INK_PLAIN ends one. */
const char *style_ink(const struct style *style, enum ink ink);

enum align {
	ALIGN_LEFT,
	ALIGN_RIGHT,
};

struct table_column {
	const char *title; /* already in the reader's language; NULL = no heading */
	enum align align;
	uint16_t min_columns; /* may be cut down to this; 0 = never cut */
	uint16_t max_columns; /* never wider than this; 0 = as wide as its content */
	bool keep_number; /* a cut keeps the numbers at the end: "redis-s.. 16", "-> 192..:5432" */
};

struct table_cell {
	char *text;
	enum ink ink;
};

/* A table in memory; rows are filled cell by cell from the left. */
struct table {
	const struct table_column *columns;
	size_t column_count;
	VEC(struct table_cell) cells;
	int error; /* first negative errno of table_cell */
};

/* `columns` must live as long as the table. */
void table_init(struct table *table, const struct table_column *columns, size_t column_count);
void table_deinit(struct table *table);

/* Adds the next cell; foreign text is made harmless, NULL is shown as "-". */
void table_cell(struct table *table, enum ink ink, const char *text);
void table_printf(struct table *table, enum ink ink, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Appends the table as text: heading (if any column has one), then rows; two spaces between
 * columns; cells that do not fit are cut with "..". Trailing spaces are removed.
 * @param columns  width to fit, 0 = no limit.
 * @return 0 or the first error.
 */
int table_render(struct str *out, const struct table *table, size_t columns,
		 const struct style *style);

/* ---- nearest word ---- */

/*
 * The candidate nearest to `word` by Damerau-Levenshtein distance (optimal string alignment), if it
 * is near enough to be meant: at most one third of the length, at least 1. Of two equally near
 * ones that of the word's own length wins: letters are swapped more often than forgotten.
 * @return the candidate or NULL.
 */
const char *text_nearest(const char *word, const char *const *candidates, size_t count);

/* ---- folding ---- */

/*
 * Appends the text as it is compared in searches: ASCII in lower case, full-width ASCII and
 * half-width katakana in ordinary width, katakana for hiragana, no long-vowel mark, one space for
 * each run of spaces, hyphens, underscores and middle dots, none at the ends.
 * @return 0 or the first error of `out`.
 */
int text_fold(struct str *out, const char *text, size_t length);
