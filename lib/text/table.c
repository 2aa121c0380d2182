/* Tables for terminals, by display width. */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "text/text.h"

enum { CELL_MAX_BYTES = 64 * 1024, GAP = 2 };

void table_init(struct table *table, const struct table_column *columns, size_t column_count)
{
	*table = (struct table){ .columns = columns, .column_count = column_count };
}

void table_deinit(struct table *table)
{
	for (size_t i = 0; i < table->cells.count; i++) {
		free(table->cells.items[i].text);
	}
	vec_free(&table->cells);
}

void table_cell(struct table *table, enum ink ink, const char *text)
{
	struct str safe = STR_INIT(CELL_MAX_BYTES);
	text_escape(&safe, text == NULL || text[0] == '\0' ? "-" : text);
	struct table_cell *cell = vec_push(&table->cells);
	if (cell == NULL || safe.text == NULL) {
		table->error = table->error != 0 ? table->error : -ENOMEM;
		str_deinit(&safe);
		return;
	}
	*cell = (struct table_cell){ .text = safe.text, .ink = ink };
}

void table_printf(struct table *table, enum ink ink, const char *format, ...)
{
	_cleanup_(freep) char *text = NULL;
	va_list args;
	va_start(args, format);
	int length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0) {
		text = NULL;
		table->error = table->error != 0 ? table->error : -ENOMEM;
		return;
	}
	table_cell(table, ink, text);
}

static bool has_heading(const struct table *table)
{
	for (size_t c = 0; c < table->column_count; c++) {
		if (table->columns[c].title != NULL) {
			return true;
		}
	}
	return false;
}

static void measure(const struct table *table, size_t *widths)
{
	assert(table->column_count > 0);
	for (size_t c = 0; c < table->column_count; c++) {
		const char *title = table->columns[c].title;
		widths[c] = title == NULL ? 0 : text_width(title);
	}
	for (size_t i = 0; i < table->cells.count; i++) {
		size_t width = text_width(table->cells.items[i].text);
		size_t *column = &widths[i % table->column_count];
		*column = width > *column ? width : *column;
	}
	for (size_t c = 0; c < table->column_count; c++) {
		size_t max = table->columns[c].max_columns;
		widths[c] = max != 0 && widths[c] > max ? max : widths[c];
	}
}

/* Takes one column at a time from the widest that may shrink, until the row fits. */
static void squeeze(const struct table *table, size_t *widths, size_t columns)
{
	size_t total = GAP * (table->column_count - 1);
	for (size_t c = 0; c < table->column_count; c++) {
		total += widths[c];
	}
	while (total > columns) {
		size_t best = SIZE_MAX;
		for (size_t c = 0; c < table->column_count; c++) {
			size_t min = table->columns[c].min_columns;
			bool may = min != 0 && widths[c] > min;
			if (may && (best == SIZE_MAX || widths[c] > widths[best])) {
				best = c;
			}
		}
		if (best == SIZE_MAX) {
			break;
		}
		widths[best]--;
		total--;
	}
}

/* Where the numbers at the end begin, with the space or colon before them; the end if none do. */
static size_t number_tail(const char *text)
{
	size_t length = strlen(text);
	size_t at = length;
	while (at > 0 && strchr("0123456789+: ", text[at - 1]) != NULL) {
		at--;
	}
	while (at < length && text[at] != ' ' && text[at] != ':') {
		at++;
	}
	return at;
}

/* The cell's text, cut with ".." if it is wider than the column. @return its width. */
static size_t put_cut(struct str *out, const char *text, size_t width, bool keep_number)
{
	size_t have = text_width(text);
	if (have <= width) {
		str_add(out, text);
		return have;
	}
	const size_t dots = width > 2 ? 2 : 0;
	const char *tail = text + (keep_number ? number_tail(text) : strlen(text));
	if (text_width(tail) + dots + 1 > width) {
		tail = "";
	}
	size_t bytes = text_fit(text, width - dots - text_width(tail));
	_cleanup_(freep) char *head = strndup(text, bytes);
	str_add_bytes(out, text, bytes);
	str_add(out, dots > 0 ? ".." : "");
	str_add(out, tail);
	return (head == NULL ? 0 : text_width(head)) + dots + text_width(tail);
}

static void put_cell(struct str *out, const char *text, size_t width,
		     const struct table_column *column, const char *begin, const char *end)
{
	struct str shown = STR_INIT(CELL_MAX_BYTES);
	size_t used = put_cut(&shown, text, width, column->keep_number);
	int pad = width > used ? (int)(width - used) : 0;
	str_printf(out, "%*s%s%s%s%*s", column->align == ALIGN_RIGHT ? pad : 0, "", begin,
		   str_text(&shown), end, column->align == ALIGN_LEFT ? pad : 0, "");
	str_deinit(&shown);
}

static void end_line(struct str *out)
{
	while (out->length > 0 && out->text[out->length - 1] == ' ') {
		out->text[--out->length] = '\0';
	}
	str_add_char(out, '\n');
}

static void put_heading(struct str *out, const struct table *table, const size_t *widths,
			const struct style *style)
{
	for (size_t c = 0; c < table->column_count; c++) {
		const char *title = table->columns[c].title == NULL ? "" : table->columns[c].title;
		str_printf(out, "%*s", c == 0 ? 0 : GAP, "");
		put_cell(out, title, widths[c], &table->columns[c], style_ink(style, INK_DIM),
			 style_ink(style, INK_PLAIN));
	}
	end_line(out);
}

int table_render(struct str *out, const struct table *table, size_t columns,
		 const struct style *style)
{
	_cleanup_(freep) size_t *widths = calloc(table->column_count + 1, sizeof(*widths));
	if (table->error != 0 || widths == NULL) {
		return table->error != 0 ? table->error : -ENOMEM;
	}
	measure(table, widths);
	if (columns != 0) {
		squeeze(table, widths, columns);
	}
	if (has_heading(table)) {
		put_heading(out, table, widths, style);
	}
	for (size_t i = 0; i < table->cells.count; i++) {
		size_t c = i % table->column_count;
		const struct table_cell *cell = &table->cells.items[i];
		bool inked = cell->ink != INK_PLAIN;
		str_printf(out, "%*s", c == 0 ? 0 : GAP, "");
		put_cell(out, cell->text, widths[c], &table->columns[c],
			 inked ? style_ink(style, cell->ink) : "",
			 inked ? style_ink(style, INK_PLAIN) : "");
		if (c + 1 == table->column_count) {
			end_line(out);
		}
	}
	return out->error;
}
