/* Entries of lists and mappings, in block style and in brackets: taken away and put in. */
#include <string.h>

#include "policy/edit.h"

enum { NOWHERE = 0 }; /* no comma stands at the beginning of a file */

/* The comma that follows after spaces, line ends and comments. */
static size_t comma_after(const struct sheet *sheet, size_t at)
{
	for (; at < sheet->length; at++) {
		char c = sheet->bytes[at];
		if (c == ',') {
			return at;
		}
		if (c == '#') {
			at = line_end(sheet, sheet_line(sheet, at));
		} else if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
			break;
		}
	}
	return NOWHERE;
}

/* Where an entry of brackets ends, with its comma. */
static size_t end_with_comma(const struct sheet *sheet, const struct node *entry)
{
	size_t end = sheet_end(sheet, entry);
	size_t comma = comma_after(sheet, end);
	return comma == NOWHERE ? end : comma + 1;
}

/* ---- away ---- */

/*
 * Removes the lines of one entry: the comments right above it, and what is indented deeper below.
 * Of the blank lines on both sides of it, those on one side go with it.
 */
static void remove_lines(struct sheet *sheet, const struct node *entry, const struct node *previous)
{
	size_t first = sheet_line(sheet, sheet_start(sheet, entry));
	size_t last = sheet_line(sheet, sheet_end(sheet, entry));
	size_t floor = previous == NULL ? 0 : sheet_line(sheet, sheet_end(sheet, previous)) + 1;
	size_t count = sheet->lines.count;
	last = line_trailing(sheet, last, line_indent(sheet, first) + 1);
	first = line_heading(sheet, first, floor);
	bool blank_above = first > 0 && line_blank(sheet, first - 1);
	bool head = previous == NULL && entry->next != NULL;
	if (last + 1 == count) {
		while (first > floor && line_blank(sheet, first - 1)) {
			first--;
		}
	} else if (blank_above || head) {
		while (last + 1 < count && line_blank(sheet, last + 1)) {
			last++;
		}
	}
	sheet_splice(sheet, line_begin(sheet, first), line_next(sheet, last), "");
}

static void remove_block(struct sheet *sheet, const struct node *container, const bool *gone)
{
	const struct node *previous = NULL;
	size_t i = 0;
	for (const struct node *entry = container->first; entry != NULL; entry = entry->next) {
		if (gone[i++]) {
			bool alone = line_begun_by(sheet, sheet_start(sheet, entry), "-?") &&
				     rest_empty(sheet, sheet_end(sheet, entry));
			sheet->unsure = sheet->unsure || !alone;
			remove_lines(sheet, entry, previous);
		}
		previous = entry;
	}
}

static bool has_newline(const struct sheet *sheet, size_t start, size_t end)
{
	return end > start && memchr(sheet->bytes + start, '\n', end - start) != NULL;
}

/* Whether an entry of brackets has its lines for itself. */
static bool has_own_lines(const struct sheet *sheet, const struct node *entry)
{
	size_t end = sheet_end(sheet, entry);
	size_t after = end_with_comma(sheet, entry);
	return line_begun_by(sheet, sheet_start(sheet, entry), "") && rest_empty(sheet, after) &&
	       !has_newline(sheet, end, after);
}

/* Removes entries that stand beside each other, `first` to `last`, out of brackets. */
static void remove_run(struct sheet *sheet, const struct node *previous, const struct node *first,
		       const struct node *last)
{
	size_t start = sheet_start(sheet, first);
	size_t end = end_with_comma(sheet, last);
	if (last->next != NULL) {
		size_t next = sheet_start(sheet, last->next);
		/* A comment on the rest of the line is about what goes. */
		bool breaks = has_newline(sheet, end, next);
		end = breaks ? line_end(sheet, sheet_line(sheet, end)) : next;
	} else if (previous != NULL) {
		size_t before = sheet_end(sheet, previous);
		if (!has_newline(sheet, before, start)) {
			start = before;
			end = sheet_end(sheet, last);
		}
	}
	sheet_splice(sheet, start, end, "");
}

static void remove_flow(struct sheet *sheet, const struct node *container, const bool *gone)
{
	const struct node *previous = NULL; /* the entry before, kept */
	const struct node *above = NULL;    /* the entry before, kept or not */
	size_t i = 0;
	for (const struct node *entry = container->first; entry != NULL;
	     above = entry, entry = entry->next, i++) {
		if (!gone[i]) {
			previous = entry;
			continue;
		}
		if (has_own_lines(sheet, entry)) {
			remove_lines(sheet, entry, above);
			continue;
		}
		const struct node *first = entry;
		while (entry->next != NULL && gone[i + 1] && !has_own_lines(sheet, entry->next)) {
			entry = entry->next;
			i++;
		}
		remove_run(sheet, previous, first, entry);
	}
}

void entries_remove(struct sheet *sheet, const struct node *container, const bool *gone)
{
	if (container->flow) {
		remove_flow(sheet, container, gone);
	} else {
		remove_block(sheet, container, gone);
	}
}

/* ---- in ---- */

/* The entries stand one below the other: so does the new one. */
static void append_below(struct sheet *sheet, const struct node *last, const char *entry)
{
	size_t end = sheet_end(sheet, last);
	size_t comma = comma_after(sheet, end);
	size_t at = comma == NOWHERE ? end : comma + 1;
	int indent = (int)line_indent(sheet, sheet_line(sheet, sheet_start(sheet, last)));
	const char *below = sheet_printf(sheet, "%s%*s%s%s", sheet->eol, indent, "", entry,
					 comma == NOWHERE ? "" : ",");
	if (comma == NOWHERE) {
		sheet_splice(sheet, end, end, ",");
	}
	if (rest_empty(sheet, at)) {
		at = line_end(sheet, sheet_line(sheet, at));
	}
	sheet_splice(sheet, at, at, below);
}

/* Brackets that hold nothing; they may stand on lines of their own. */
static void append_first(struct sheet *sheet, const struct node *container, const char *entry)
{
	size_t open = sheet_value(sheet, container) + 1;
	size_t line = sheet_line(sheet, open);
	if (sheet_line(sheet, sheet_end(sheet, container)) > line && rest_empty(sheet, open)) {
		int indent = (int)line_indent(sheet, line) + STEP_USUAL;
		open = line_end(sheet, line);
		entry = sheet_printf(sheet, "%s%*s%s", sheet->eol, indent, "", entry);
	}
	sheet_splice(sheet, open, open, entry);
}

void entries_append_flow(struct sheet *sheet, const struct node *container, const char *entry)
{
	size_t open = sheet_value(sheet, container);
	const struct node *last = container->last;
	if (last == NULL) {
		append_first(sheet, container, entry);
		return;
	}
	size_t start = sheet_start(sheet, last);
	size_t end = sheet_end(sheet, last);
	size_t comma = comma_after(sheet, end);
	if (line_begun_by(sheet, start, "") && sheet_line(sheet, start) > sheet_line(sheet, open)) {
		append_below(sheet, last, entry);
	} else if (comma == NOWHERE) {
		sheet_splice(sheet, end, end, sheet_printf(sheet, ", %s", entry));
	} else {
		sheet_splice(sheet, comma + 1, comma + 1, sheet_printf(sheet, " %s,", entry));
	}
}

void entries_append(struct sheet *sheet, const struct node *list, const char *item)
{
	if (list->flow) {
		entries_append_flow(sheet, list, item);
		return;
	}
	size_t start = sheet_start(sheet, list->last);
	size_t end = sheet_end(sheet, list->last);
	size_t begin = line_begin(sheet, sheet_line(sheet, start));
	sheet->unsure =
		sheet->unsure || !line_begun_by(sheet, start, "-") || !rest_empty(sheet, end);
	const char *line = sheet_printf(sheet, "%.*s%s%s", (int)(start - begin),
					sheet->bytes + begin, item, sheet->eol);
	sheet_insert_lines(sheet, sheet_line(sheet, end), line);
}

void entries_insert(struct sheet *sheet, const struct node *mapping, const struct node *after,
		    const char *entry)
{
	size_t end = sheet_end(sheet, after);
	if (mapping->flow) {
		sheet_splice(sheet, end, end, sheet_printf(sheet, ", %s", entry));
		return;
	}
	size_t line = sheet_line(sheet, sheet_start(sheet, after));
	sheet->unsure = sheet->unsure || !rest_empty(sheet, end) ||
			!line_begun_by(sheet, sheet_start(sheet, after), "");
	const char *text = sheet_printf(sheet, "%*s%s%s", (int)line_indent(sheet, line), "", entry,
					sheet->eol);
	sheet_insert_lines(sheet, sheet_line(sheet, end), text);
}

bool entries_apart(const struct sheet *sheet, const struct node *mapping)
{
	if (mapping->count < 2) {
		return false;
	}
	size_t line = sheet_line(sheet, sheet_start(sheet, mapping->last));
	line = line_heading(sheet, line, 0);
	return line > 0 && line_blank(sheet, line - 1);
}
