/* Heads, times, strings and printing of JSON documents. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
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

int view_print(struct str *out, json_t *document, bool indent)
{
	if (document == NULL) {
		return out->error = -ENOMEM;
	}
	_cleanup_(freep) char *text = json_dumps(document, indent ? JSON_INDENT(2) : JSON_COMPACT);
	json_decref(document);
	if (text == NULL) {
		return out->error = -ENOMEM;
	}
	str_add(out, text);
	return str_add_char(out, '\n');
}
