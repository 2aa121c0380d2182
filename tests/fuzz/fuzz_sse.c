/* A stream of server-sent events: the first byte says how the rest is cut into pieces. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "fuzz.h"
#include "sse.h"

enum { TOLD_BYTES_MAX = 16 << 20, ENDED = 1 };

/* What a reader was told, frame after frame. */
struct told {
	struct str text;
	size_t frames, frames_max;
};

static int tell(const struct client_frame *frame, void *data)
{
	struct told *told = data;
	assert(strchr(frame->name, '\n') == NULL && strchr(frame->id, '\n') == NULL);
	assert(frame->data[0] != '\0' && strlen(frame->data) <= CLIENT_FRAME_BYTES_MAX);
	told->frames++;
	str_printf(&told->text, "%s\n%s\n%s\n\n", frame->id, frame->name, frame->data);
	return told->frames == told->frames_max ? ENDED : 0;
}

/* @param piece bytes at once, 0 = all of them. */
static int follow(struct told *told, const char *bytes, size_t length, size_t piece)
{
	struct sse sse;
	int r = 0;
	sse_init(&sse, tell, told);
	for (size_t at = 0; at < length && r == 0;) {
		const size_t left = length - at;
		const size_t now = piece == 0 || piece > left ? left : piece;
		/* Its own memory, so that a sanitizer sees a read beyond the piece. */
		_cleanup_(freep) char *copy = malloc(now);
		assert(copy != NULL);
		memcpy(copy, bytes + at, now);
		r = sse_feed(&sse, copy, now);
		at += now;
	}
	sse_deinit(&sse);
	assert(r == 0 || r == -EFBIG || r == ENDED);
	assert((r == ENDED) == (told->frames == told->frames_max));
	return r;
}

/* Lines that hold nothing, each of which ends at most one frame. */
static size_t empty_lines(const char *bytes, size_t length)
{
	size_t count = 0;
	size_t start = 0;
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] == '\n') {
			count += i == start || (i == start + 1 && bytes[start] == '\r');
			start = i + 1;
		}
	}
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (length == 0) {
		return 0;
	}
	const char *stream = (const char *)bytes + 1;
	const size_t frames_max = 1 + bytes[0] / 8;
	struct told whole = { .text = STR_INIT(TOLD_BYTES_MAX), .frames_max = frames_max };
	struct told pieces = { .text = STR_INIT(TOLD_BYTES_MAX), .frames_max = frames_max };
	int r = follow(&whole, stream, length - 1, 0);
	const size_t piece = 1 + bytes[0] % 8 + length / 256; /* long streams in larger ones */
	assert(follow(&pieces, stream, length - 1, piece) == r);
	assert(whole.frames == pieces.frames);
	assert(whole.text.error == 0 && pieces.text.error == 0);
	assert(strcmp(str_text(&whole.text), str_text(&pieces.text)) == 0);
	assert(whole.frames <= empty_lines(stream, length - 1));
	str_deinit(&whole.text);
	str_deinit(&pieces.text);
	return 0;
}
