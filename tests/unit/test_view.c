/* view: the vocabulary, and events that survive the way out and back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "view/view.h"

static void events_come_back_as_they_went(void **state)
{
	(void)state;
	struct event event = { .time = 1795307890123456,
			       .id = 42,
			       .kind = EVENT_LISTENER_OPENED,
			       .protocol = PROTOCOL_UDP,
			       .port = 53,
			       .netns = 4026531840,
			       .pid = 7,
			       .uid = 0,
			       .count = 3,
			       .process = "dns \"x\"",
			       .unit = "dns.service",
			       .detail = "港" };
	assert_int_equal(addr_parse(&event.address, "2001:db8::53"), 0);
	json_t *json = view_event(&event);
	struct event back;
	assert_int_equal(view_event_read(&back, json), 0);
	assert_memory_equal(&event.address, &back.address, sizeof(event.address));
	assert_int_equal(event.time, back.time);
	assert_int_equal(event.id, back.id);
	assert_int_equal(event.kind, back.kind);
	assert_int_equal(event.protocol, back.protocol);
	assert_int_equal(event.port, back.port);
	assert_int_equal(event.netns, back.netns);
	assert_int_equal(event.pid, back.pid);
	assert_int_equal(event.uid, back.uid);
	assert_int_equal(event.count, back.count);
	assert_string_equal(event.process, back.process);
	assert_string_equal(event.unit, back.unit);
	assert_string_equal(event.detail, back.detail);
	json_decref(json);
}

static void an_event_needs_a_known_kind(void **state)
{
	(void)state;
	static const char *const texts[] = { "{}", "{\"kind\":\"x\"}", "{\"kind\":7}", "[]" };
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct event event;
		json_t *json = json_loads(texts[i], 0, NULL);
		assert_non_null(json);
		assert_int_equal(view_event_read(&event, json), -EINVAL);
		json_decref(json);
	}
}

static void foreign_bytes_never_break_the_document(void **state)
{
	(void)state;
	struct process process = { .pid = 1, .uid = UINT32_MAX, .name = "a\xff\033b" };
	json_t *json = view_process(&process);
	char *text = json_dumps(json, JSON_COMPACT);
	assert_string_equal(
		text, "{\"pid\":1,\"process\":\"a\\\\xff\\\\x1bb\",\"uid\":null,\"user\":null}");
	free(text);
	json_decref(json);
}

static void unknown_and_none_are_told_apart(void **state)
{
	(void)state;
	json_t *null = view_time(0);
	assert_true(json_is_null(null));
	json_decref(null);
	json_t *time = view_time(1);
	assert_string_equal(json_string_value(time), "1970-01-01T00:00:00.000001Z");
	json_decref(time);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_come_back_as_they_went),
		cmocka_unit_test(an_event_needs_a_known_kind),
		cmocka_unit_test(foreign_bytes_never_break_the_document),
		cmocka_unit_test(unknown_and_none_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
