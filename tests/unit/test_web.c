/* web: targets into questions, refusals that help, frames of the stream, the document. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "model/severity.h"
#include "web/web.h"

static int parse(struct web_request *out, struct web_fault *fault, const char *target)
{
	return web_parse(out, fault, "GET", target, strlen(target));
}

/* ---- targets ---- */

static void paths_find_their_route(void **state)
{
	(void)state;
	static const struct {
		const char *target, *path;
		enum web_kind kind;
	} cases[] = {
		{ "/v1/status", "/v1/status", WEB_QUESTION },
		{ "/v1/ports", "/v1/ports", WEB_QUESTION },
		{ "/v1/ports?", "/v1/ports", WEB_QUESTION },
		{ "/v1/ports/22", "/v1/ports/{port}", WEB_QUESTION },
		{ "/v1/%70orts", "/v1/ports", WEB_QUESTION },
		{ "/v1/events", "/v1/events", WEB_QUESTION },
		{ "/v1/events/stream", "/v1/events/stream", WEB_STREAM },
		{ "/v1/openapi.json", "/v1/openapi.json", WEB_DOCUMENT },
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct web_request request;
		struct web_fault fault;
		assert_int_equal(parse(&request, &fault, cases[i].target), 0);
		assert_string_equal(request.route->path, cases[i].path);
		assert_int_equal(request.route->kind, cases[i].kind);
	}
}

static void filters_become_typed(void **state)
{
	(void)state;
	struct web_request request;
	struct web_fault fault;
	assert_int_equal(parse(&request, &fault,
			       "/v1/ports?port=8000-8100&class=user&protocol=udp&exposure=private"
			       "&process=my%20app&pid=77&connections=true"),
			 0);
	assert_int_equal(request.query.question, WIRE_QUESTION_PORTS);
	assert_true(request.query.port_given && request.query.connections);
	assert_int_equal(request.query.first_port, 8000);
	assert_int_equal(request.query.last_port, 8100);
	assert_int_equal(request.query.class, 2);
	assert_int_equal(request.query.protocol, PROTOCOL_UDP);
	assert_int_equal(request.query.exposure, 1 + EXPOSURE_PRIVATE);
	assert_string_equal(request.query.process, "my app");
	assert_int_equal(request.query.pid, 77);
	assert_int_equal(parse(&request, &fault,
			       "/v1/events?since=2026-11-22T01:00:00Z&after=18446&limit=5"
			       "&kind=listener_opened,listener_closed&address=2001:db8::/32"),
			 0);
	assert_int_equal(request.query.kinds,
			 EVENT_BIT(EVENT_LISTENER_OPENED) | EVENT_BIT(EVENT_LISTENER_CLOSED));
	assert_int_equal(request.query.after, 18446);
	assert_int_equal(request.query.limit, 5);
	assert_int_equal(request.query.address.bits, 32);
	assert_int_equal(request.query.since, 1795309200 * USEC_PER_SEC);
}

static void faults_say_what_and_what_next(void **state)
{
	(void)state;
	static const struct {
		const char *target, *code, *part;
		unsigned status;
	} cases[] = {
		{ "/", "not_found", "there is no /", 404 },
		{ "", "not_found", "there is no", 404 },
		{ "/v1/ports/", "not_found", "/v1/ports/", 404 },
		{ "/v1/ports/22/x", "not_found", "22/x", 404 },
		{ "/v1/ports/+22", "bad_value", "not a port", 400 },
		{ "/v1/ports/65536", "bad_value", "not a port", 400 },
		{ "/v1/ports?prot=tcp", "unknown_parameter", "\"port\"", 400 },
		{ "/v1/ports/22?{port}=23", "unknown_parameter", "{port}", 400 },
		{ "/v1/ports?port=22&port=23", "repeated_parameter", "port", 400 },
		{ "/v1/ports?port=", "bad_value", "range", 400 },
		{ "/v1/ports?port", "bad_value", "range", 400 },
		{ "/v1/ports?port=9-8", "bad_value", "range", 400 },
		{ "/v1/ports?connections=yes", "bad_value", "true or false", 400 },
		{ "/v1/ports?process=%00", "bad_encoding", "RFC 3986", 400 },
		{ "/v1/ports?process=%4", "bad_encoding", "RFC 3986", 400 },
		{ "/v1/ports?process=%zz", "bad_encoding", "RFC 3986", 400 },
		{ "/v1/ports?process=%1b[2J", "bad_value", "control", 400 },
		{ "/v1/ports?process=%ff", "bad_value", "control", 400 },
		{ "/v1/%", "bad_encoding", "RFC 3986", 400 },
		{ "/v1/events?kind=opened", "bad_value", "kinds", 400 },
		{ "/v1/events?limit=10001", "bad_value", "range", 400 },
		{ "/v1/events?since=1969-01-01", "bad_value", "time", 400 },
		{ "/v1/events?address=192.0.2.1/24", "bad_value", "prefix", 400 },
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct web_request request = { 0 };
		struct web_fault fault = { 0 };
		assert_int_equal(parse(&request, &fault, cases[i].target), -EINVAL);
		assert_string_equal(fault.code, cases[i].code);
		assert_int_equal(fault.status, cases[i].status);
		assert_non_null(strstr(fault.message, cases[i].part));
		assert_null(request.route);
	}
}

static void other_methods_and_long_targets_are_refused(void **state)
{
	(void)state;
	struct web_request request;
	struct web_fault fault;
	static const char *const methods[] = { "POST", "HEAD", "get", "", "OPTIONS" };
	for (unsigned i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		assert_int_equal(web_parse(&request, &fault, methods[i], "/v1/status", 10),
				 -EINVAL);
		assert_int_equal(fault.status, 405);
	}
	char target[WEB_TARGET_BYTES_MAX + 2];
	memset(target, 'a', sizeof(target));
	memcpy(target, "/v1/ports?process=", 18);
	assert_int_equal(web_parse(&request, &fault, "GET", target, sizeof(target)), -EINVAL);
	assert_int_equal(fault.status, 414);
	assert_int_equal(web_parse(&request, &fault, "GET", target, WEB_TARGET_BYTES_MAX), -EINVAL);
	assert_int_equal(fault.status, 400);
}

static void a_fault_is_json_whatever_was_sent(void **state)
{
	(void)state;
	struct web_request request;
	struct web_fault fault;
	assert_int_equal(parse(&request, &fault, "/\xff\x1b\"\\x"), -EINVAL);
	char *text = web_fault_text(&fault);
	json_t *document = json_loads(text, 0, NULL);
	assert_non_null(document);
	const json_t *error = json_object_get(document, "error");
	assert_string_equal(json_string_value(json_object_get(error, "code")), "not_found");
	assert_non_null(json_string_value(json_object_get(error, "next")));
	json_decref(document);
	free(text);
}

/* ---- the document ---- */

/* Follows "$ref": "#/a/b/c". */
static const json_t *resolved(const json_t *root, const json_t *node)
{
	const char *reference = json_string_value(json_object_get(node, "$ref"));
	if (reference == NULL) {
		return node;
	}
	const json_t *at = root;
	char copy[128];
	char *rest = NULL;
	(void)snprintf(copy, sizeof(copy), "%s", reference + 2);
	for (char *part = strtok_r(copy, "/", &rest); part != NULL;
	     part = strtok_r(NULL, "/", &rest)) {
		at = json_object_get(at, part);
	}
	assert_non_null(at);
	return at;
}

static bool has_parameter(const struct web_route *route, const char *name, bool in_path)
{
	char braced[64];
	(void)snprintf(braced, sizeof(braced), in_path ? "{%s}" : "%s", name);
	for (size_t i = 0; i < route->parameter_count; i++) {
		if (strcmp(route->parameters[i].name, braced) == 0) {
			return true;
		}
	}
	return false;
}

/* Every documented parameter is understood, and there are as many as the route has. */
static void compare_parameters(const json_t *root, const struct web_route *route,
			       const json_t *operation)
{
	const json_t *list = json_object_get(operation, "parameters");
	assert_int_equal(json_array_size(list), route->parameter_count);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *parameter = resolved(root, json_array_get(list, i));
		const char *name = json_string_value(json_object_get(parameter, "name"));
		const char *in = json_string_value(json_object_get(parameter, "in"));
		assert_true(has_parameter(route, name, strcmp(in, "path") == 0));
	}
}

/* Every word that the document allows for a parameter is understood. */
static void try_words(const json_t *root, const struct web_route *route, const json_t *operation)
{
	const json_t *list = json_object_get(operation, "parameters");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *parameter = resolved(root, json_array_get(list, i));
		const json_t *schema = resolved(root, json_object_get(parameter, "schema"));
		const json_t *items = json_object_get(schema, "items");
		const json_t *words =
			json_object_get(items != NULL ? resolved(root, items) : schema, "enum");
		for (size_t w = 0; w < json_array_size(words); w++) {
			char target[256];
			struct web_request request;
			struct web_fault fault;
			const char *path =
				strchr(route->path, '{') != NULL ? "/v1/ports/22" : route->path;
			(void)snprintf(target, sizeof(target), "%s?%s=%s", path,
				       json_string_value(json_object_get(parameter, "name")),
				       json_string_value(json_array_get(words, w)));
			assert_int_equal(parse(&request, &fault, target), 0);
		}
	}
}

static void the_document_and_the_routes_agree(void **state)
{
	(void)state;
	size_t count = 0;
	const struct web_route *routes = web_routes(&count);
	json_t *root = json_loadb(web_openapi, web_openapi_bytes, 0, NULL);
	const json_t *paths = json_object_get(root, "paths");
	assert_int_equal(json_object_size(paths), count);
	for (size_t i = 0; i < count; i++) {
		const json_t *path = json_object_get(paths, routes[i].path);
		assert_non_null(path);
		assert_int_equal(json_object_size(path), 1);
		const json_t *get = json_object_get(path, "get");
		assert_non_null(get);
		compare_parameters(root, &routes[i], get);
		try_words(root, &routes[i], get);
	}
	json_decref(root);
}

static void the_document_knows_every_kind_of_event(void **state)
{
	(void)state;
	json_t *root = json_loadb(web_openapi, web_openapi_bytes, 0, NULL);
	const json_t *kinds = json_object_get(
		json_object_get(json_object_get(json_object_get(root, "components"), "schemas"),
				"Kind"),
		"enum");
	size_t known = 0;
	for (unsigned kind = 1; kind <= EVENT_KIND_LAST; kind++) {
		if (event_kind_is_known(kind)) {
			assert_string_equal(json_string_value(json_array_get(kinds, known++)),
					    event_kind_name((enum event_kind)kind));
		}
	}
	assert_int_equal(json_array_size(kinds), known);
	json_decref(root);
}

/* ---- stream ---- */

static struct event opened(uint64_t id, uint16_t port)
{
	struct event event = { .time = (usec_t)id,
			       .id = id,
			       .kind = EVENT_LISTENER_OPENED,
			       .protocol = PROTOCOL_TCP,
			       .port = port,
			       .pid = 5,
			       .process = "web" };
	event.address = (struct addr){ ADDR_IPV4, { 127, 0, 0, 1 } };
	return event;
}

static void fill(struct web_stream *stream, uint64_t first, uint64_t count)
{
	for (uint64_t id = first; id < first + count; id++) {
		const struct event event = opened(id, (uint16_t)(id % 65536));
		assert_int_equal(web_stream_add(stream, &event), 0);
	}
}

/* Reads to the end; @return how many frames with an id there were. */
static unsigned read_all(struct web_cursor *cursor, const struct web_stream *stream)
{
	static char text[4 * WEB_FRAME_BYTES_MAX + 1];
	unsigned frames = 0;
	long n;
	while ((n = web_cursor_read(cursor, stream, text, sizeof(text) - 1)) > 0) {
		text[n] = '\0';
		assert_string_equal(text + n - 2, "\n\n");
		for (const char *at = text; (at = strstr(at, "id: ")) != NULL; at++) {
			frames++;
		}
	}
	assert_int_equal(n, 0);
	return frames;
}

static void a_subscriber_gets_what_comes_after_it(void **state)
{
	(void)state;
	struct web_stream stream;
	struct web_cursor cursor;
	const struct wire_query all = { 0 };
	char text[WEB_FRAME_BYTES_MAX];
	assert_int_equal(web_stream_init(&stream), 0);
	fill(&stream, 1, 5);
	assert_true(web_cursor_start(&cursor, &stream, 0, &all));
	assert_int_equal(web_cursor_read(&cursor, &stream, text, sizeof(text)), 0);
	fill(&stream, 6, 1);
	long n = web_cursor_read(&cursor, &stream, text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	assert_ptr_equal(strstr(text, "id: 6\nevent: listener_opened\ndata: {"), text);
	assert_int_equal(web_cursor_read(&cursor, &stream, text, sizeof(text)), 0);
	web_stream_deinit(&stream);
}

static void a_returning_subscriber_goes_on_where_it_was(void **state)
{
	(void)state;
	struct web_stream stream;
	struct web_cursor cursor;
	const struct wire_query all = { 0 };
	assert_int_equal(web_stream_init(&stream), 0);
	fill(&stream, 100, 10);
	assert_true(web_cursor_start(&cursor, &stream, 105, &all));
	assert_int_equal(read_all(&cursor, &stream), 4);
	fill(&stream, 110, WEB_FRAMES_MAX);
	assert_false(web_cursor_start(&cursor, &stream, 104, &all));
	assert_int_equal(read_all(&cursor, &stream), WEB_FRAMES_MAX);
	web_stream_deinit(&stream);
}

static void a_slow_subscriber_is_told_how_much_it_missed(void **state)
{
	(void)state;
	struct web_stream stream;
	struct web_cursor cursor;
	char text[WEB_FRAME_BYTES_MAX];
	const struct wire_query all = { 0 };
	assert_int_equal(web_stream_init(&stream), 0);
	assert_true(web_cursor_start(&cursor, &stream, 0, &all));
	fill(&stream, 1, WEB_FRAMES_MAX + 3);
	assert_int_equal(web_cursor_read(&cursor, &stream, text, sizeof(text)), -EOVERFLOW);
	assert_true(cursor.missed >= 3);
	assert_true(stream.bytes <= WEB_STREAM_BYTES_MAX);
	web_stream_deinit(&stream);
}

static void filters_let_only_theirs_through_and_notes_always(void **state)
{
	(void)state;
	struct web_stream stream;
	struct web_cursor cursor;
	char text[WEB_FRAME_BYTES_MAX];
	static const char *const targets[] = {
		"/v1/events/stream?port=80",
		"/v1/events/stream?port=80-90&protocol=tcp&process=web&pid=5&address=127.0.0.0/8",
		"/v1/events/stream?kind=listener_opened&port=80",
	};
	assert_int_equal(web_stream_init(&stream), 0);
	for (unsigned i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		struct web_request request;
		struct web_fault fault;
		assert_int_equal(parse(&request, &fault, targets[i]), 0);
		assert_true(web_cursor_start(&cursor, &stream, 0, &request.query));
		fill(&stream, 70, 1);
		fill(&stream, 80, 1);
		assert_int_equal(web_stream_note(&stream, "written", "id", 80), 0);
		long n = web_cursor_read(&cursor, &stream, text, sizeof(text) - 1);
		text[n] = '\0';
		assert_null(strstr(text, "id: 70"));
		assert_non_null(strstr(text, "id: 80"));
		assert_non_null(strstr(text, "event: written\ndata: {\"id\":80}\n\n"));
	}
	static const char *const others[] = {
		"/v1/events/stream?protocol=udp", "/v1/events/stream?process=we",
		"/v1/events/stream?pid=6",        "/v1/events/stream?address=127.0.0.2",
		"/v1/events/stream?port=81",      "/v1/events/stream?kind=listener_closed",
	};
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct web_request request;
		struct web_fault fault;
		assert_int_equal(parse(&request, &fault, others[i]), 0);
		assert_true(web_cursor_start(&cursor, &stream, 0, &request.query));
		fill(&stream, 80, 1);
		assert_int_equal(read_all(&cursor, &stream), 0);
	}
	web_stream_deinit(&stream);
}

/* Every string at its longest and of bytes that JSON writes with six: it still fits a frame. */
static void the_longest_event_fits_a_frame(void **state)
{
	(void)state;
	struct web_stream stream;
	struct event event = opened(UINT64_MAX >> 1, 1);
	memset(event.process, 1, sizeof(event.process) - 1);
	memset(event.executable, 1, sizeof(event.executable) - 1);
	memset(event.unit, 1, sizeof(event.unit) - 1);
	memset(event.container, 1, sizeof(event.container) - 1);
	memset(event.finding, 1, sizeof(event.finding) - 1);
	memset(event.detail, 1, sizeof(event.detail) - 1);
	assert_int_equal(web_stream_init(&stream), 0);
	assert_int_equal(web_stream_add(&stream, &event), 0);
	web_stream_deinit(&stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_find_their_route),
		cmocka_unit_test(filters_become_typed),
		cmocka_unit_test(faults_say_what_and_what_next),
		cmocka_unit_test(other_methods_and_long_targets_are_refused),
		cmocka_unit_test(a_fault_is_json_whatever_was_sent),
		cmocka_unit_test(the_document_and_the_routes_agree),
		cmocka_unit_test(the_document_knows_every_kind_of_event),
		cmocka_unit_test(a_subscriber_gets_what_comes_after_it),
		cmocka_unit_test(a_returning_subscriber_goes_on_where_it_was),
		cmocka_unit_test(a_slow_subscriber_is_told_how_much_it_missed),
		cmocka_unit_test(filters_let_only_theirs_through_and_notes_always),
		cmocka_unit_test(the_longest_event_fits_a_frame),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
