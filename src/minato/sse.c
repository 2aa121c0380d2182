/* Server-sent events out of the bytes of a stream. */
#include "sse.h"

#include <errno.h>
#include <string.h>

void sse_init(struct sse *sse, client_frame_function *function, void *data)
{
	const struct str empty = STR_INIT(CLIENT_FRAME_BYTES_MAX);
	*sse = (struct sse){ .function = function,
			     .data = data,
			     .line = empty,
			     .id = empty,
			     .name = empty,
			     .text = empty };
}

void sse_deinit(struct sse *sse)
{
	str_deinit(&sse->line);
	str_deinit(&sse->id);
	str_deinit(&sse->name);
	str_deinit(&sse->text);
}

/* The value of "field: value" when the line has that field, else NULL. */
static const char *value_of(const char *line, const char *field)
{
	size_t length = strlen(field);
	if (strncmp(line, field, length) != 0 || (line[length] != ':' && line[length] != '\0')) {
		return NULL;
	}
	line += length + (line[length] == ':');
	return line + (line[0] == ' ');
}

static int hand_over(struct sse *sse)
{
	const struct client_frame frame = { .id = str_text(&sse->id),
					    .name = str_text(&sse->name),
					    .data = str_text(&sse->text) };
	int r = sse->text.length == 0 ? 0 : sse->function(&frame, sse->data);
	str_clear(&sse->name);
	str_clear(&sse->text);
	return r;
}

static int take_line(struct sse *sse)
{
	if (sse->line.length > 0 && sse->line.text[sse->line.length - 1] == '\r') {
		sse->line.text[--sse->line.length] = '\0';
	}
	const char *line = str_text(&sse->line);
	const char *value = NULL;
	if (sse->line.length == 0) { /* a line of NUL bytes is not empty */
		return hand_over(sse);
	}
	if ((value = value_of(line, "data")) != NULL) {
		str_printf(&sse->text, "%s%s", sse->text.length > 0 ? "\n" : "", value);
	} else if ((value = value_of(line, "event")) != NULL) {
		str_clear(&sse->name);
		str_add(&sse->name, value);
	} else if ((value = value_of(line, "id")) != NULL) {
		str_clear(&sse->id);
		str_add(&sse->id, value);
	}
	return sse->text.error;
}

int sse_feed(struct sse *sse, const char *bytes, size_t length)
{
	while (length > 0) {
		const char *end = memchr(bytes, '\n', length);
		size_t piece = end == NULL ? length : (size_t)(end - bytes);
		int r = str_add_bytes(&sse->line, bytes, piece);
		if (r == 0 && end != NULL) {
			r = take_line(sse);
			str_clear(&sse->line);
		}
		if (r != 0) {
			return r;
		}
		piece += end != NULL;
		bytes += piece;
		length -= piece;
	}
	return 0;
}
