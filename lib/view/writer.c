/* A JSON document written member by member, so that long lists never stand in memory whole. */
#include <errno.h>
#include <string.h>

#include "view/view.h"

enum { INDENT = 2 };

/* A text that jansson hands over may have line breaks between tokens only: inside of strings they
 * are escaped. So each break is where the depth of the surrounding document belongs. */
static int add_indented(struct view_writer *writer, const char *bytes, size_t length)
{
	for (const char *end = bytes + length; bytes < end;) {
		const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
		size_t line = (size_t)((newline == NULL ? end : newline + 1) - bytes);
		(void)str_add_bytes(writer->out, bytes, line); /* kept in out->error */
		bytes += line;
		for (unsigned i = 0; newline != NULL && i < writer->depth * INDENT; i++) {
			(void)str_add_char(writer->out, ' '); /* likewise */
		}
	}
	return writer->out->error;
}

static int add_piece(const char *bytes, size_t length, void *data)
{
	struct view_writer *writer = data;
	return writer->indent ? add_indented(writer, bytes, length)
			      : str_add_bytes(writer->out, bytes, length);
}

static void add_value(struct view_writer *writer, json_t *value)
{
	const size_t flags =
		JSON_ENCODE_ANY | (writer->indent ? JSON_INDENT(INDENT) : JSON_COMPACT);
	int r = value == NULL ? -1 : json_dump_callback(value, add_piece, writer, flags);
	json_decref(value);
	if (r < 0 && writer->out->error == 0) {
		writer->out->error = -ENOMEM;
	}
}

/* Before a member or a row: the comma after the last one, and a line of its own. */
static void separate(struct view_writer *writer)
{
	if (!writer->empty) {
		(void)add_piece(",", 1, writer); /* kept in out->error */
	}
	if (writer->indent) {
		(void)add_piece("\n", 1, writer); /* likewise */
	}
	writer->empty = false;
}

static void open_level(struct view_writer *writer, char bracket)
{
	(void)str_add_char(writer->out, bracket); /* kept in out->error */
	writer->depth++;
	writer->empty = true;
}

static void close_level(struct view_writer *writer, char bracket)
{
	writer->depth--;
	if (writer->indent && !writer->empty) {
		(void)add_piece("\n", 1, writer); /* kept in out->error */
	}
	(void)str_add_char(writer->out, bracket); /* likewise */
	writer->empty = false;
}

static void add_key(struct view_writer *writer, const char *key)
{
	separate(writer);
	(void)str_printf(writer->out, writer->indent ? "\"%s\": " : "\"%s\":", key); /* likewise */
}

void view_begin(struct view_writer *out, struct str *text, usec_t time, bool indent)
{
	*out = (struct view_writer){ .out = text, .indent = indent };
	open_level(out, '{');
	view_member(out, "schema", json_integer(VIEW_SCHEMA));
	view_member(out, "time", view_time(time));
}

void view_member(struct view_writer *writer, const char *key, json_t *value)
{
	add_key(writer, key);
	add_value(writer, value);
}

void view_list_begin(struct view_writer *writer, const char *key)
{
	add_key(writer, key);
	open_level(writer, '[');
}

void view_row(struct view_writer *writer, json_t *row)
{
	separate(writer);
	add_value(writer, row);
}

void view_list_end(struct view_writer *writer)
{
	close_level(writer, ']');
}

void view_end(struct view_writer *writer)
{
	close_level(writer, '}');
	(void)str_add_char(writer->out, '\n'); /* kept in out->error */
}
