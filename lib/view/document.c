/* Heads, times, strings and printing of JSON documents. */
#include <errno.h>
#include <string.h>

#include "view/view.h"

json_t *view_document(usec_t time)
{
	return json_pack("{s:i, s:o}", "schema", VIEW_SCHEMA, "time", view_time(time));
}

json_t *view_time(usec_t time)
{
	char text[TIME_TEXT_BYTES];
	return time == 0 ? json_null() : json_string(time_format(time, text));
}

json_t *view_string(const char *bytes)
{
	if (bytes == NULL || bytes[0] == '\0') {
		return json_null();
	}
	if (text_utf8_invalid(bytes, strlen(bytes)) < 0) {
		return json_string(bytes);
	}
	struct str safe = STR_INIT(1 << 20);
	text_escape(&safe, bytes);
	json_t *value = json_string(str_text(&safe));
	str_deinit(&safe);
	return value;
}

static int add_piece(const char *bytes, size_t length, void *data)
{
	return str_add_bytes(data, bytes, length);
}

int view_print(struct str *out, json_t *document, bool indent)
{
	if (document == NULL) {
		return out->error = -ENOMEM;
	}
	int r = json_dump_callback(document, add_piece, out,
				   indent ? JSON_INDENT(2) : JSON_COMPACT);
	json_decref(document);
	if (r < 0 && out->error == 0) {
		out->error = -ENOMEM;
	}
	return str_add_char(out, '\n');
}
