/* The text of one policy file while it is edited. Private to policy. */
#pragma once

#include "base/vec.h"
#include "policy/policy.h"
#include "policy/reader.h"
#include "policy/tree.h"

enum { STEP_USUAL = 2 }; /* spaces of indentation where a file shows none */

/* Bytes that go, and what comes instead; start == end inserts. */
struct splice {
	size_t start, end;
	const char *text;
	size_t order; /* of two at one place the earlier comes first */
};

/* One reading of the text, as a tree, and what shall become of it. */
struct sheet {
	const char *bytes;
	size_t length;
	const char *eol; /* "\n" or "\r\n", as the file begins */
	bool clean;      /* no byte that no policy may hold */
	struct source source;
	struct policy_diagnostics ignored;
	struct reader reader;
	struct arena arena;      /* texts of splices */
	const struct node *root; /* a mapping; NULL when the text cannot be read as one */
	VEC(size_t) lines;       /* where each begins, in bytes */
	VEC(size_t) steps;       /* where each STRIDE-th character begins, in bytes */
	VEC(struct splice) splices;
	bool unsure; /* something is written in a way that is not known here */
	int error;
};

/* ---- edit_sheet.c: places, lines, splices ---- */

/*
 * Reads the bytes, which must outlive the sheet. A text that is no mapping gives a sheet without
 * root. @return 0 or -ENOMEM; free with sheet_deinit in both cases.
 */
int sheet_init(struct sheet *sheet, const struct policy_text *text,
	       const struct policy_environment *environment);
void sheet_deinit(struct sheet *sheet);

/* Where a node begins, its key if it has one; and where its content ends, without comments. */
size_t sheet_start(const struct sheet *sheet, const struct node *node);
size_t sheet_end(const struct sheet *sheet, const struct node *node);
/* Where the value itself begins. */
size_t sheet_value(const struct sheet *sheet, const struct node *node);

/* The line that a byte stands in; lines count from 0. */
size_t sheet_line(const struct sheet *sheet, size_t at);
/* Where a line begins; where it ends, without and with its line end. */
size_t line_begin(const struct sheet *sheet, size_t line);
size_t line_end(const struct sheet *sheet, size_t line);
size_t line_next(const struct sheet *sheet, size_t line);
/* Spaces that a line begins with. */
size_t line_indent(const struct sheet *sheet, size_t line);
bool line_blank(const struct sheet *sheet, size_t line);
bool line_comment(const struct sheet *sheet, size_t line);
/* Whether nothing but spaces and a comment follows on the line of this byte. */
bool rest_empty(const struct sheet *sheet, size_t at);
/* Whether nothing but spaces, and at most one of `marks`, stands before this byte on its line. */
bool line_begun_by(const struct sheet *sheet, size_t start, const char *marks);
/* The last line of comments below `line` that are indented by at least `indent`. */
size_t line_trailing(const struct sheet *sheet, size_t line, size_t indent);
/* The first line of the comments right above `line` at its own indentation, none before `floor`. */
size_t line_heading(const struct sheet *sheet, size_t line, size_t floor);

/* printf into the sheet; "" when out of memory, which sticks in sheet->error. */
const char *sheet_printf(struct sheet *sheet, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The text of `s` kept in the sheet; `s` is empty afterwards. */
const char *sheet_keep(struct sheet *sheet, struct str *s);

/* Takes note of a change; `text` must live as long as the sheet. */
void sheet_splice(struct sheet *sheet, size_t start, size_t end, const char *text);
/* Puts whole lines, each with its line end, after a line. */
void sheet_insert_lines(struct sheet *sheet, size_t line, const char *lines);

/*
 * Appends the text with all changes made.
 * @return 0; POLICY_EDIT_BY_HAND when changes overlap or the sheet is unsure; -ENOMEM, -EFBIG.
 */
int sheet_apply(struct str *out, struct sheet *sheet);

/* ---- edit_entries.c: items and keys of lists and mappings ---- */

/* Removes the entries whose place in `gone` is set; `gone` has container->count places. */
void entries_remove(struct sheet *sheet, const struct node *container, const bool *gone);
/* Puts "key: value" or an item at the end of a list or mapping in [ ] or { }. */
void entries_append_flow(struct sheet *sheet, const struct node *container, const char *entry);
/* Puts an item at the end of a list in either style. */
void entries_append(struct sheet *sheet, const struct node *list, const char *item);
/* Puts "key: value" right after an entry of a mapping in either style. */
void entries_insert(struct sheet *sheet, const struct node *mapping, const struct node *after,
		    const char *entry);
/* Whether the entries of a mapping in block style stand apart from each other by blank lines. */
bool entries_apart(const struct sheet *sheet, const struct node *mapping);

/* ---- edit_value.c: values as text ---- */

/* The values of a setting as YAML: one, or [several], in quotes only where they are needed; fits
 * both styles. Lives as long as the sheet. */
const char *value_text(struct sheet *sheet, const struct policy_setting *setting);

/* Makes a key of a declaration say what the setting says. */
void setting_write(struct sheet *sheet, const struct node *declaration,
		   const struct policy_setting *setting);
/* Whether the declaration, as read, says exactly that. */
bool setting_holds(const struct node *declaration, const struct policy_setting *setting);

/* ---- edit.c: what all edits share ---- */

/* One edit on its way. */
struct editing {
	struct policy_edit *out;
	const struct policy_text *text;
	const struct policy_environment *environment;
	const struct policy_reading *before;
	struct policy_reading *own;   /* `before`, when the caller had none */
	struct policy_reading *after; /* of `now`, once it is judged */
	struct str now;               /* the new text so far; empty before the first change */
	VEC(struct policy_part) parts;
};

/*
 * Reads the text that is to be edited; `out` is set up in every case.
 * @return 0; POLICY_EDIT_INVALID; -ENOMEM. End with editing_finish in every case.
 */
int editing_begin(struct editing *e, struct policy_edit *out, const struct policy_text *text,
		  const struct policy_environment *environment);
/* Opens the text as it is now. @return as sheet_init, also free as it says. */
int editing_sheet(struct editing *e, struct sheet *sheet);
/* Makes the sheet's changes the new text. @return as sheet_apply, but a text that is too long is
 * left to editing_judge. */
int editing_apply(struct editing *e, struct sheet *sheet);
/*
 * Reads the new text: e->after, and what differs from before.
 * @return 0; POLICY_EDIT_REFUSED; POLICY_EDIT_BY_HAND when it is no YAML; -ENOMEM.
 */
int editing_judge(struct editing *e);
/* Whether the declaration of the new text says what the settings say. @return 0; BY_HAND; -ENOMEM.
 */
int editing_confirm(struct editing *e, const char *name, const struct policy_setting *settings,
		    size_t count);
/* Adds to the parts; the strings are copied. @return 0 or -ENOMEM. */
int editing_part(struct editing *e, enum policy_part_kind kind, const struct policy_entry *entry);
/* What the old text reads as; what the new one does, once it is judged. */
const struct policy *editing_before(const struct editing *e);
const struct policy *editing_after(const struct editing *e);
/* Hands the new text out when `r` is 0, and frees what is left. @return `r`, or -ENOMEM. */
int editing_finish(struct editing *e, int r);

/* A declaration of the sheet; NULL when there is none. */
const struct node *sheet_declaration(const struct sheet *sheet, const char *name);
/* `ports:` of the sheet when it is a mapping, else NULL. */
const struct node *sheet_ports(const struct sheet *sheet);
/* Whether a declaration stands in the file that is edited. */
bool editing_here(const struct editing *e, const struct policy_entry *entry);
