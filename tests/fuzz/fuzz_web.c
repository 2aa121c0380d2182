/*
 * Requests to the API: "METHOD TARGET", the first space parts them; bytes without one are tried as
 * a value of every parameter.
 */
#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "fuzz.h"
#include "text/text.h"
#include "web/value.h"

/* What was understood can be asked: the engine reads the question as the face meant it. */
static void ask(const struct wire_query *query)
{
	const struct wire_message message = { .type = WIRE_QUERY, .request = 1, .query = *query };
	struct wire_message back;
	uint8_t bytes[WIRE_BYTES_MAX];
	uint8_t again[WIRE_BYTES_MAX];
	long length = wire_encode(bytes, sizeof(bytes), &message);
	assert(length > 0);
	assert(wire_decode(&back, bytes, (size_t)length, WIRE_FACE, 0) == 0);
	assert(wire_encode(again, sizeof(again), &back) == length);
	assert(memcmp(bytes, again, (size_t)length) == 0);
	assert(query->limit <= WEB_LIMIT_MAX && query->since >= 0 && query->until >= 0);
	assert(query->port_given || (query->first_port == 0 && query->last_port == 0));
}

static void show(const struct web_fault *fault)
{
	assert(fault->status >= 400 && fault->status < 500);
	assert(memchr(fault->message, '\0', sizeof(fault->message)) != NULL);
	_cleanup_(freep) char *text = web_fault_text(fault);
	assert(text != NULL && text_utf8_invalid(text, strlen(text)) < 0);
	json_auto_t *document = json_loads(text, 0, NULL);
	const json_t *said = json_object_get(document, "error");
	assert(json_is_string(json_object_get(said, "code")));
	assert(json_string_length(json_object_get(said, "message")) > 0);
	assert(json_string_length(json_object_get(said, "next")) > 0);
}

static void take_request(const char *method, const char *target, size_t length)
{
	struct web_request request;
	struct web_request untouched;
	struct web_fault fault = { 0 };
	memset(&request, 0xa5, sizeof(request));
	memset(&untouched, 0xa5, sizeof(untouched));
	int r = web_parse(&request, &fault, method, target, length);
	if (r == 0) {
		struct wire_query query = request.query;
		assert(request.route != NULL && length <= WEB_TARGET_BYTES_MAX);
		assert(request.route->kind != WEB_QUESTION || query.question != 0);
		/* A stream's filter is no question, but has to hold what one holds. */
		query.question = query.question != 0 ? query.question : WIRE_QUESTION_EVENTS;
		ask(&query);
	} else {
		assert(r == -EINVAL);
		assert(memcmp(&request, &untouched, sizeof(request)) == 0);
		show(&fault);
	}
}

static void take_value(const char *text)
{
	size_t count = 0;
	const struct web_route *routes = web_routes(&count);
	for (size_t i = 0; i < count; i++) {
		for (size_t p = 0; p < routes[i].parameter_count; p++) {
			struct wire_query query = { .question = WIRE_QUESTION_PORTS };
			int r = value_read(&query, &routes[i].parameters[p], text);
			assert(r == 0 || r == -EINVAL);
			if (r == 0) {
				ask(&query);
			}
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	/* The method is a string, as is a value; the target comes with its length. */
	_cleanup_(freep) char *text = malloc(length + 1);
	assert(text != NULL);
	memcpy(text, bytes, length);
	text[length] = '\0';
	char *space = memchr(text, ' ', length);
	if (space == NULL) {
		take_value(text);
		return 0;
	}
	*space = '\0';
	take_request(text, (const char *)bytes + (space + 1 - text),
		     length - (size_t)(space + 1 - text));
	return 0;
}
