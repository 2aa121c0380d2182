/* The text of a policy file by lines and places, and changes made to it. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "policy/edit.h"
#include "text/text.h"

enum { STRIDE = 256, SHEET_BYTES_MAX = 256 * 1024 * 1024 };

/* ---- reading ---- */

static size_t character_bytes(const struct sheet *sheet, size_t at)
{
	uint32_t code = 0;
	if ((unsigned char)sheet->bytes[at] < 0x80) {
		return 1;
	}
	size_t bytes = text_character(&code, sheet->bytes + at, sheet->length - at);
	return bytes == 0 ? 1 : bytes;
}

static void find_lines(struct sheet *sheet)
{
	size_t character = 0;
	bool begins = true;
	for (size_t at = 0; at < sheet->length && sheet->error == 0; character++) {
		size_t *step = character % STRIDE == 0 ? vec_push(&sheet->steps) : NULL;
		size_t *line = begins ? vec_push(&sheet->lines) : NULL;
		if ((character % STRIDE == 0 && step == NULL) || (begins && line == NULL)) {
			sheet->error = -ENOMEM;
			return;
		}
		if (step != NULL) {
			*step = at;
		}
		if (line != NULL) {
			*line = at;
		}
		begins = sheet->bytes[at] == '\n';
		at += character_bytes(sheet, at);
	}
}

static const char *find_eol(const char *bytes, size_t length)
{
	const char *newline = memchr(bytes, '\n', length);
	return newline != NULL && newline > bytes && newline[-1] == '\r' ? "\r\n" : "\n";
}

int sheet_init(struct sheet *sheet, const struct policy_text *text,
	       const struct policy_environment *environment)
{
	const struct node *root = NULL;
	*sheet = (struct sheet){ .bytes = text->bytes,
				 .length = text->length,
				 .eol = find_eol(text->bytes, text->length) };
	sheet->source =
		(struct source){ .name = text->name, .bytes = text->bytes, .length = text->length };
	sheet->reader.environment = environment;
	sheet->reader.diagnostics = &sheet->ignored;
	arena_init(&sheet->arena, SHEET_BYTES_MAX);
	arena_init(&sheet->reader.arena, SHEET_BYTES_MAX);
	arena_init(&sheet->reader.policy.arena, SHEET_BYTES_MAX);
	find_lines(sheet);
	if (text->reading != NULL) {
		sheet->clean = true;
		sheet->root = text->reading->root;
		return sheet->error;
	}
	sheet->clean = source_check(&sheet->reader, &sheet->source);
	if (sheet->error == 0 && sheet->clean) {
		sheet->error = tree_read(&root, &sheet->reader, &sheet->source);
	}
	bool sound = sheet->ignored.errors == 0 && root != NULL && root->kind == NODE_MAPPING;
	sheet->root = sound && root->count > 0 ? root : NULL;
	return sheet->error;
}

void sheet_deinit(struct sheet *sheet)
{
	vec_free(&sheet->lines);
	vec_free(&sheet->steps);
	vec_free(&sheet->splices);
	vec_free(&sheet->reader.waiting);
	vec_free(&sheet->reader.faults);
	arena_deinit(&sheet->arena);
	arena_deinit(&sheet->reader.arena);
	arena_deinit(&sheet->reader.policy.arena);
	policy_diagnostics_deinit(&sheet->ignored);
}

/* ---- places ---- */

/* Bytes before a character. */
static size_t offset(const struct sheet *sheet, uint32_t character)
{
	if (character / STRIDE >= sheet->steps.count) {
		return sheet->length;
	}
	size_t at = sheet->steps.items[character / STRIDE];
	for (uint32_t i = character % STRIDE; i > 0 && at < sheet->length; i--) {
		at += character_bytes(sheet, at);
	}
	return at;
}

size_t sheet_value(const struct sheet *sheet, const struct node *node)
{
	return offset(sheet, node->start);
}

size_t sheet_start(const struct sheet *sheet, const struct node *node)
{
	return sheet_value(sheet, node->key == NULL ? node : node->key);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

size_t sheet_end(const struct sheet *sheet, const struct node *node)
{
	while (node->kind != NODE_TEXT && !node->flow && node->last != NULL) {
		node = node->last;
	}
	size_t start = sheet_value(sheet, node);
	size_t end = offset(sheet, node->end);
	/* libyaml ends a text in block style (|, >) where the next line begins. */
	while (node->kind == NODE_TEXT && end > start && is_space(sheet->bytes[end - 1])) {
		end--;
	}
	return end;
}

size_t sheet_line(const struct sheet *sheet, size_t at)
{
	size_t low = 0;
	size_t high = sheet->lines.count;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (sheet->lines.items[middle] <= at) {
			low = middle;
		} else {
			high = middle;
		}
	}
	return low;
}

size_t line_begin(const struct sheet *sheet, size_t line)
{
	return line < sheet->lines.count ? sheet->lines.items[line] : sheet->length;
}

size_t line_next(const struct sheet *sheet, size_t line)
{
	return line_begin(sheet, line + 1);
}

size_t line_end(const struct sheet *sheet, size_t line)
{
	size_t begin = line_begin(sheet, line);
	size_t end = line_next(sheet, line);
	while (end > begin && (sheet->bytes[end - 1] == '\n' || sheet->bytes[end - 1] == '\r')) {
		end--;
	}
	return end;
}

size_t line_indent(const struct sheet *sheet, size_t line)
{
	size_t begin = line_begin(sheet, line);
	size_t at = begin;
	size_t end = line_end(sheet, line);
	while (at < end && sheet->bytes[at] == ' ') {
		at++;
	}
	return at - begin;
}

/* The first byte of the line from `at` on that is neither space nor tab; 0 when there is none. */
static char first_of(const struct sheet *sheet, size_t at)
{
	size_t end = line_end(sheet, sheet_line(sheet, at));
	while (at < end && is_space(sheet->bytes[at])) {
		at++;
	}
	return at < end ? sheet->bytes[at] : '\0';
}

bool line_blank(const struct sheet *sheet, size_t line)
{
	return first_of(sheet, line_begin(sheet, line)) == '\0';
}

bool line_comment(const struct sheet *sheet, size_t line)
{
	return line < sheet->lines.count && first_of(sheet, line_begin(sheet, line)) == '#';
}

bool rest_empty(const struct sheet *sheet, size_t at)
{
	char first = first_of(sheet, at);
	return first == '\0' || (first == '#' && at < sheet->length && is_space(sheet->bytes[at]));
}

bool line_begun_by(const struct sheet *sheet, size_t start, const char *marks)
{
	size_t at = line_begin(sheet, sheet_line(sheet, start));
	unsigned seen = 0;
	for (; at < start; at++) {
		bool mark = sheet->bytes[at] != ' ' && strchr(marks, sheet->bytes[at]) != NULL;
		if (sheet->bytes[at] != ' ' && (!mark || seen++ > 0)) {
			return false;
		}
	}
	return true;
}

size_t line_trailing(const struct sheet *sheet, size_t line, size_t indent)
{
	size_t last = line;
	for (size_t next = line + 1; next < sheet->lines.count; next++) {
		bool comment = line_comment(sheet, next);
		if (comment ? line_indent(sheet, next) < indent : !line_blank(sheet, next)) {
			break;
		}
		last = comment ? next : last;
	}
	return last;
}

size_t line_heading(const struct sheet *sheet, size_t line, size_t floor)
{
	size_t indent = line_indent(sheet, line);
	while (line > floor && line_comment(sheet, line - 1) &&
	       line_indent(sheet, line - 1) == indent) {
		line--;
	}
	return line;
}

/* ---- changes ---- */

const char *sheet_keep(struct sheet *sheet, struct str *s)
{
	int error = s->error;
	const char *copy = error != 0 ? NULL : arena_strdup(&sheet->arena, str_text(s));
	str_deinit(s);
	if (copy == NULL) {
		sheet->error = error != 0 ? error : -ENOMEM;
	}
	return copy == NULL ? "" : copy;
}

const char *sheet_printf(struct sheet *sheet, const char *format, ...)
{
	char *text = NULL;
	va_list arguments;
	va_start(arguments, format);
	int length = vasprintf(&text, format, arguments);
	va_end(arguments);
	const char *copy = length < 0 ? NULL : arena_strdup(&sheet->arena, text);
	if (length >= 0) {
		free(text);
	}
	if (copy == NULL) {
		sheet->error = -ENOMEM;
	}
	return copy == NULL ? "" : copy;
}

void sheet_splice(struct sheet *sheet, size_t start, size_t end, const char *text)
{
	struct splice *splice = vec_push(&sheet->splices);
	if (splice == NULL) {
		sheet->error = -ENOMEM;
		return;
	}
	*splice = (struct splice){ start, end, text, sheet->splices.count };
}

void sheet_insert_lines(struct sheet *sheet, size_t line, const char *lines)
{
	size_t at = line_next(sheet, line);
	if (at > 0 && sheet->bytes[at - 1] != '\n') { /* the last line, not ended: nor is ours */
		size_t length = strlen(lines) - strlen(sheet->eol);
		lines = sheet_printf(sheet, "%s%.*s", sheet->eol, (int)length, lines);
	}
	sheet_splice(sheet, at, at, lines);
}

static int compare_splices(const void *left, const void *right)
{
	const struct splice *a = left;
	const struct splice *b = right;
	if (a->start != b->start) {
		return a->start < b->start ? -1 : 1;
	}
	bool a_inserts = a->start == a->end;
	bool b_inserts = b->start == b->end;
	if (a_inserts != b_inserts) {
		return a_inserts ? -1 : 1;
	}
	return a->order < b->order ? -1 : a->order > b->order;
}

int sheet_apply(struct str *out, struct sheet *sheet)
{
	size_t at = 0;
	if (sheet->error != 0 || sheet->unsure) {
		return sheet->error != 0 ? sheet->error : POLICY_EDIT_BY_HAND;
	}
	if (sheet->splices.count > 0) {
		qsort(sheet->splices.items, sheet->splices.count, sizeof(*sheet->splices.items),
		      compare_splices);
	}
	for (size_t i = 0; i < sheet->splices.count; i++) {
		const struct splice *s = &sheet->splices.items[i];
		if (s->start < at && s->start < s->end && s->text[0] != '\0') {
			return POLICY_EDIT_BY_HAND;
		}
		if (s->start > at) {
			str_add_bytes(out, sheet->bytes + at, s->start - at);
		}
		str_add(out, s->text);
		at = s->end > at ? s->end : at;
	}
	str_add_bytes(out, sheet->bytes + at, sheet->length - at);
	return out->error;
}
