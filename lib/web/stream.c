/* Events as frames of a text/event-stream (WHATWG HTML, "Server-sent events"). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "view/view.h"
#include "web/web.h"

int web_stream_init(struct web_stream *stream)
{
	*stream = (struct web_stream){ .first = 1, .next = 1 };
	stream->frames = calloc(WEB_FRAMES_MAX, sizeof(*stream->frames));
	return stream->frames != NULL ? 0 : -ENOMEM;
}

static struct web_frame *frame_at(const struct web_stream *stream, uint64_t number)
{
	return &stream->frames[number % WEB_FRAMES_MAX];
}

static void drop_oldest(struct web_stream *stream)
{
	struct web_frame *frame = frame_at(stream, stream->first++);
	stream->bytes -= frame->length;
	free(frame->text);
	*frame = (struct web_frame){ 0 };
}

void web_stream_deinit(struct web_stream *stream)
{
	while (stream->frames != NULL && stream->first < stream->next) {
		drop_oldest(stream);
	}
	free(stream->frames);
	stream->frames = NULL;
}

/* Takes the text. */
static int push(struct web_stream *stream, const struct web_key *key, struct str *text)
{
	if (text->error != 0) {
		const int r = text->error;
		str_deinit(text);
		return r;
	}
	while (stream->first < stream->next &&
	       (stream->next - stream->first == WEB_FRAMES_MAX ||
		stream->bytes + text->length > WEB_STREAM_BYTES_MAX)) {
		drop_oldest(stream);
	}
	struct web_frame *frame = frame_at(stream, stream->next++);
	*frame = (struct web_frame){ .key = *key, .text = text->text, .length = text->length };
	stream->bytes += text->length;
	return 0;
}

int web_stream_add(struct web_stream *stream, const struct event *event)
{
	struct web_key key = {
		.id = event->id,
		.kind = event->kind,
		.protocol = event->protocol,
		.address = event->address,
		.port = event->port,
		.pid = event->pid,
	};
	(void)str_copy(key.process, sizeof(key.process), event->process);
	struct str text = STR_INIT(WEB_FRAME_BYTES_MAX);
	str_printf(&text, "id: %llu\nevent: %s\ndata: ", (unsigned long long)event->id,
		   event_kind_name(event->kind));
	(void)view_print(&text, view_event(event), false); /* kept in text.error; ends the line */
	str_add_char(&text, '\n');
	return push(stream, &key, &text);
}

int web_stream_note(struct web_stream *stream, const char *name, const char *key, uint64_t value)
{
	const struct web_key everybody = { .kind = EVENT_NONE };
	struct str text = STR_INIT(WEB_FRAME_BYTES_MAX);
	str_printf(&text, "event: %s\ndata: {\"%s\":%llu}\n\n", name, key,
		   (unsigned long long)value);
	return push(stream, &everybody, &text);
}

bool web_cursor_start(struct web_cursor *out, const struct web_stream *stream, uint64_t after,
		      const struct wire_query *filter)
{
	*out = (struct web_cursor){ .next = stream->next, .filter = *filter };
	if (after == 0) {
		return true;
	}
	bool reached = false;
	for (uint64_t n = stream->next; n > stream->first && !reached; n--) {
		const struct web_key *key = &frame_at(stream, n - 1)->key;
		reached = key->kind != EVENT_NONE && key->id <= after;
		if (!reached) {
			out->next = n - 1;
		}
	}
	return reached || stream->first == 1;
}

bool web_takes(const struct wire_query *filter, const struct web_key *key)
{
	if (key->kind == EVENT_NONE) {
		return true;
	}
	if (filter->kinds != 0 && (filter->kinds & EVENT_BIT(key->kind)) == 0) {
		return false;
	}
	if (filter->port_given &&
	    (key->protocol == PROTOCOL_NONE || key->port < filter->first_port ||
	     key->port > filter->last_port)) {
		return false;
	}
	if (filter->protocol != PROTOCOL_NONE && filter->protocol != key->protocol) {
		return false;
	}
	if (filter->address.address.family != ADDR_NONE &&
	    !prefix_has(&filter->address, &key->address)) {
		return false;
	}
	return (filter->process[0] == '\0' || strcmp(filter->process, key->process) == 0) &&
	       (filter->pid == 0 || filter->pid == key->pid);
}

long web_cursor_read(struct web_cursor *cursor, const struct web_stream *stream, char *out,
		     size_t room)
{
	size_t used = 0;
	if (cursor->next < stream->first) {
		cursor->missed = stream->first - cursor->next;
		return -EOVERFLOW;
	}
	while (cursor->next < stream->next) {
		const struct web_frame *frame = frame_at(stream, cursor->next);
		if (web_takes(&cursor->filter, &frame->key)) {
			if (frame->length > room - used) {
				break;
			}
			memcpy(out + used, frame->text, frame->length);
			used += frame->length;
		}
		cursor->next++;
	}
	return (long)used;
}
