/* Server-sent events out of the bytes of a stream (WHATWG HTML, "Parsing an event stream"). */
#pragma once

#include "base/str.h"
#include "client.h"

struct sse {
	client_frame_function *function;
	void *data;
	struct str line, id, name, text; /* each with CLIENT_FRAME_BYTES_MAX as its maximum */
};

void sse_init(struct sse *sse, client_frame_function *function, void *data);
void sse_deinit(struct sse *sse);

/*
 * Takes the next bytes, cut anywhere. Lines end with LF or CRLF; comments are passed over; a frame
 * is handed over at its empty line. @return 0; what the function returned to end it; -EFBIG.
 */
int sse_feed(struct sse *sse, const char *bytes, size_t length);
