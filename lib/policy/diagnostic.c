/* Faults: collected with the line they stand in, sorted, shown. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/reader.h"
#include "text/text.h"

enum {
	EXCERPT_BEFORE = 50, /* columns of a long line that are shown before the place */
	EXCERPT_AFTER = 50,  /* and after it; a line of both together is shown whole */
	TAB_COLUMNS = 8,
};

/* Bytes of the character at `at`; a broken byte counts as one. */
static size_t character(const char *at, const char *end)
{
	uint32_t code = 0;
	size_t bytes = text_character(&code, at, (size_t)(end - at));
	return bytes == 0 ? 1 : bytes;
}

/* Columns that a character takes; a tab is taken as one, which is near enough to cut a line. */
static size_t columns(const char *at, size_t bytes)
{
	char text[8] = "";
	memcpy(text, at, bytes);
	return text_width(text);
}

/* Steps over at most `count` characters of a line. */
static const char *forward(const char *at, const char *end, uint32_t count)
{
	while (count > 0 && at < end && *at != '\n') {
		at += character(at, end);
		count--;
	}
	return at;
}

/* Steps over characters of a line that take at most `most` columns. */
static const char *forward_columns(const char *at, const char *end, size_t most)
{
	while (at < end && *at != '\n') {
		size_t bytes = character(at, end);
		size_t width = columns(at, bytes);
		if (width > most) {
			break;
		}
		most -= width;
		at += bytes;
	}
	return at;
}

static const char *backward_columns(const char *at, const char *start, size_t most)
{
	while (at > start) {
		const char *before = at - 1;
		while (before > start && ((unsigned char)*before & 0xc0) == 0x80) {
			before--;
		}
		size_t width = at - before > 4 ? 1 : columns(before, (size_t)(at - before));
		if (width > most) {
			break;
		}
		most -= width;
		at = before;
	}
	return at;
}

static const char *line_start(const struct source *source, uint32_t line)
{
	const char *at = source->bytes;
	const char *end = source->bytes + source->length;
	while (line > 0 && at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		at = newline == NULL ? end : newline + 1;
		line--;
	}
	return at;
}

/* Copies the part of the line that a person needs to see. A NUL would end it: it becomes 0x01. */
static void excerpt(struct policy_diagnostic *d, struct arena *arena, const struct mark *mark)
{
	const struct source *source = mark->source;
	const char *end = source->bytes + source->length;
	const char *start = line_start(source, mark->line);
	const char *place = forward(start, end, mark->column);
	const char *first = start;
	const char *last = forward_columns(start, end, EXCERPT_BEFORE + EXCERPT_AFTER);
	if (last < end && *last != '\n') {
		first = backward_columns(place, start, EXCERPT_BEFORE);
		last = forward_columns(place, end, EXCERPT_AFTER);
	}
	d->cut_left = first > start;
	d->cut_right = last < end && *last != '\n';
	while (last > place && last[-1] == '\r') {
		last--;
	}
	char *copy = arena_strndup(arena, first, (size_t)(last - first));
	for (size_t i = 0; copy != NULL && i < (size_t)(last - first); i++) {
		if (copy[i] == '\0') {
			copy[i] = '\x01';
		}
	}
	const char *token_end = forward(place, last, mark->length);
	d->excerpt = copy;
	d->excerpt_offset = (uint32_t)(place - first);
	d->excerpt_length = (uint32_t)(token_end - place);
}

static int copy_arguments(struct policy_diagnostic *d, struct arena *arena,
			  const struct message_argument *arguments)
{
	for (; arguments->name != NULL && d->argument_count < POLICY_ARGUMENTS_MAX; arguments++) {
		char *value = arena_strdup(arena, arguments->value);
		if (value == NULL) {
			return -ENOMEM;
		}
		d->arguments[d->argument_count++] =
			(struct message_argument){ arguments->name, value };
	}
	return 0;
}

static enum policy_level level_of(const char *id)
{
	const struct message *message = message_find(id);
	return message != NULL && strcmp(message->severity, "warning") == 0 ? POLICY_WARNING
									    : POLICY_ERROR;
}

void fault_at(struct reader *reader, const struct mark *mark, const char *id, const char *near,
	      const struct message_argument *arguments)
{
	struct policy_diagnostics *all = reader->diagnostics;
	enum policy_level level = level_of(id);
	if (level == POLICY_ERROR) {
		all->errors++;
	} else {
		all->warnings++;
	}
	if (reader->faults.count == POLICY_DIAGNOSTICS_MAX) {
		all->dropped++;
		return;
	}
	struct policy_diagnostic *d = vec_push(&reader->faults);
	if (d == NULL) {
		reader->error = -ENOMEM;
		return;
	}
	d->id = id;
	d->level = level;
	d->place = (struct policy_place){ arena_strdup(&all->arena, mark->source->name),
					  mark->line + 1, mark->column + 1 };
	d->near = arena_strdup(&all->arena, near);
	excerpt(d, &all->arena, mark);
	if (copy_arguments(d, &all->arena, arguments) < 0 || d->place.file == NULL ||
	    d->excerpt == NULL || (near != NULL && d->near == NULL)) {
		reader->error = -ENOMEM;
		reader->faults.count--;
	}
}

void fault(struct reader *reader, const struct node *node, const char *id, const char *near,
	   const struct message_argument *arguments)
{
	bool empty = node->kind == NODE_TEXT && node->text[0] == '\0' && node->mark.length == 0;
	fault_at(reader, empty && node->key != NULL ? &node->key->mark : &node->mark, id, near,
		 arguments);
}

const char *place_text(struct reader *reader, const struct mark *mark)
{
	char *text = arena_printf(&reader->arena, "%s:%u:%u", mark->source->name, mark->line + 1,
				  mark->column + 1);
	return text == NULL ? "" : text;
}

/* Files come in the order of reading: the number of the first fault in each decides. */
static int compare(const void *left, const void *right, void *names)
{
	const struct policy_diagnostic *a = left;
	const struct policy_diagnostic *b = right;
	if (strcmp(a->place.file, b->place.file) != 0) {
		for (const struct source *s = names; s != NULL; s = s->next) {
			if (strcmp(s->name, a->place.file) == 0) {
				return -1;
			}
			if (strcmp(s->name, b->place.file) == 0) {
				return 1;
			}
		}
	}
	if (a->place.line != b->place.line) {
		return a->place.line < b->place.line ? -1 : 1;
	}
	if (a->place.column != b->place.column) {
		return a->place.column < b->place.column ? -1 : 1;
	}
	return strcmp(a->id, b->id);
}

int faults_finish(struct reader *reader)
{
	struct policy_diagnostics *all = reader->diagnostics;
	size_t count = reader->faults.count;
	if (count == 0) {
		return 0;
	}
	qsort_r(reader->faults.items, count, sizeof(*reader->faults.items), compare,
		reader->sources);
	all->list.items = arena_alloc(&all->arena, count * sizeof(*all->list.items));
	if (all->list.items == NULL) {
		return -ENOMEM;
	}
	memcpy(all->list.items, reader->faults.items, count * sizeof(*all->list.items));
	all->list.count = count;
	return 0;
}

void policy_diagnostics_deinit(struct policy_diagnostics *diagnostics)
{
	if (diagnostics != NULL) {
		arena_deinit(&diagnostics->arena);
		*diagnostics = (struct policy_diagnostics){ 0 };
	}
}

const char *policy_level_name(enum policy_level level)
{
	return level == POLICY_ERROR ? "error" : "warning";
}

static void fill(struct str *out, const char *id, bool advice, enum language language,
		 const struct message_argument *arguments, size_t count)
{
	const struct message *message = message_find(id);
	if (message != NULL) {
		message_fill(out, text_in(advice ? message->advice : message->text, language),
			     arguments, count);
	}
}

void policy_diagnostic_sentence(struct str *out, const struct policy_diagnostic *diagnostic,
				enum language language)
{
	fill(out, diagnostic->id, false, language, diagnostic->arguments,
	     diagnostic->argument_count);
}

void policy_diagnostic_advice(struct str *out, const struct policy_diagnostic *diagnostic,
			      enum language language)
{
	fill(out, diagnostic->id, true, language, diagnostic->arguments,
	     diagnostic->argument_count);
}

/* Appends foreign bytes harmlessly, tabs as spaces. @return the column after them. */
static size_t add_line(struct str *out, const char *bytes, size_t length, size_t column)
{
	size_t start = column;
	const char *end = bytes + length;
	while (bytes < end) {
		size_t plain = strcspn(bytes, "\t\\");
		plain = plain > (size_t)(end - bytes) ? (size_t)(end - bytes) : plain;
		char piece[1024];
		if (plain > 0) {
			plain = plain >= sizeof(piece) ? sizeof(piece) - 1 : plain;
			memcpy(piece, bytes, plain);
			piece[plain] = '\0';
			size_t before = out->length;
			text_escape(out, piece);
			column += text_width(str_text(out) + before);
			bytes += plain;
		} else if (*bytes == '\\') {
			str_add_char(out, *bytes++);
			column++;
		} else {
			size_t spaces = TAB_COLUMNS - column % TAB_COLUMNS;
			str_printf(out, "%*s", (int)spaces, "");
			column += spaces;
			bytes++;
		}
	}
	return column - start;
}

static void repeat(struct str *out, char c, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		str_add_char(out, c);
	}
}

static void render_line(struct str *out, const struct policy_diagnostic *d,
			const struct style *style)
{
	size_t length = strlen(d->excerpt);
	size_t after = d->excerpt_offset + d->excerpt_length;
	size_t begin = d->cut_left ? 2 : 0;
	char number[16];
	int digits = snprintf(number, sizeof(number), "%5u", d->place.line);
	str_printf(out, "%s | %s", number, d->cut_left ? ".." : "");
	size_t before = add_line(out, d->excerpt, d->excerpt_offset, begin);
	size_t width =
		add_line(out, d->excerpt + d->excerpt_offset, d->excerpt_length, begin + before);
	(void)add_line(out, d->excerpt + after, length - after, begin + before + width);
	str_add(out, d->cut_right ? "..\n" : "\n");
	str_printf(out, "%*s | %*s%s^", digits, "", (int)(begin + before), "",
		   style_ink(style, d->level == POLICY_ERROR ? INK_BAD : INK_WARN));
	repeat(out, '~', width > 1 ? width - 1 : 0);
	str_printf(out, "%s\n", style_ink(style, INK_PLAIN));
}

static void render_one(struct str *out, const struct policy_diagnostic *d, enum language language,
		       const struct style *style)
{
	const char *plain = style_ink(style, INK_PLAIN);
	str_add(out, style_ink(style, INK_BOLD));
	text_escape(out, d->place.file);
	str_printf(out, ":%u:%u:%s %s%s:%s ", d->place.line, d->place.column, plain,
		   style_ink(style, d->level == POLICY_ERROR ? INK_BAD : INK_WARN),
		   policy_level_name(d->level), plain);
	policy_diagnostic_sentence(out, d, language);
	str_printf(out, " [%s]\n", d->id);
	render_line(out, d, style);
	str_add(out, "        ");
	policy_diagnostic_advice(out, d, language);
	str_add_char(out, '\n');
	if (d->near != NULL) {
		const struct message_argument near = { "near", d->near };
		str_add(out, "        ");
		fill(out, "note-did-you-mean", false, language, &near, 1);
		str_add_char(out, '\n');
	}
}

void policy_diagnostics_render(struct str *out, const struct policy_diagnostics *diagnostics,
			       enum language language, const struct style *style)
{
	for (size_t i = 0; i < diagnostics->list.count; i++) {
		render_one(out, &diagnostics->list.items[i], language, style);
	}
	if (diagnostics->dropped > 0) {
		char count[16];
		(void)snprintf(count, sizeof(count), "%u", diagnostics->dropped);
		const struct message_argument more = { "count", count };
		fill(out, "note-more-faults", false, language, &more, 1);
		str_add_char(out, '\n');
	}
}
