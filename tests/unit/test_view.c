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

/* The same document twice: as a tree, and written piece by piece. */
static void pieces_and_tree_give_the_same_text(void **state)
{
	(void)state;
	static const int lists[] = { 0, 1, 3 };
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		for (int indent = 0; indent < 2; indent++) {
			struct str tree = STR_INIT(1 << 12);
			struct str pieces = STR_INIT(1 << 12);
			struct view_writer writer;
			json_t *rows = json_array();
			json_t *document = view_document(1);
			view_begin(&writer, &pieces, 1, indent);
			json_object_set_new(document, "name", json_string("a\nb"));
			view_member(&writer, "name", json_string("a\nb"));
			view_list_begin(&writer, "rows");
			for (int row = 0; row < lists[i]; row++) {
				json_t *one = json_pack("{s:i, s:[i, i]}", "n", row, "l", 1, 2);
				json_array_append(rows, one);
				view_row(&writer, one);
			}
			view_list_end(&writer);
			json_object_set_new(document, "rows", rows);
			json_object_set_new(document, "last", json_null());
			view_member(&writer, "last", json_null());
			view_end(&writer);
			assert_int_equal(view_print(&tree, document, indent), 0);
			assert_string_equal(str_text(&pieces), str_text(&tree));
			str_deinit(&tree);
			str_deinit(&pieces);
		}
	}
}

static void a_written_document_keeps_its_first_error(void **state)
{
	(void)state;
	struct str text = STR_INIT(64);
	struct view_writer writer;
	view_begin(&writer, &text, 1, false);
	view_member(&writer, "long", json_string("0123456789012345678901234567890123456789"));
	view_end(&writer);
	assert_int_equal(text.error, -EFBIG);
	str_clear(&text);
	view_begin(&writer, &text, 1, false);
	view_member(&writer, "none", NULL);
	assert_int_equal(text.error, -ENOMEM);
	str_deinit(&text);
}

static struct incident scanned(void)
{
	return (struct incident){
		.id = 12,
		.kind = "distributed",
		.probe = "syn",
		.probes = "syn,fin",
		.tool = "nmap",
		.ended = true,
		.through = true,
		.policy = true,
		.victim = { ADDR_IPV4, { 192, 0, 2, 1 } },
		.source_count = 2,
		.host_count = 1,
		.port_count = 3,
		.answer_count = 2,
		.undeclared_count = 1,
		.alarm_ports = 4,
		.alarm_usec = 1200,
		.packet_count = 7,
		.first = 1795311825544375,
		.last = 1795311834544375,
		.lasted = 9000000,
		.sources = { { ADDR_IPV4, { 192, 0, 2, 7 } }, { ADDR_IPV4, { 192, 0, 2, 8 } } },
		.ports = { 80, 23, 443 },
		.answered_count = 2,
		.answered = { { 22, PROTOCOL_TCP, true }, { 53, PROTOCOL_UDP, false } },
	};
}

static void incidents_come_back_as_they_went(void **state)
{
	(void)state;
	const struct incident before = scanned();
	json_t *json = view_incident(&before, false);
	struct incident back;
	bool going_on = true;
	assert_int_equal(view_incident_read(&back, &going_on, json), 0);
	assert_false(going_on);
	assert_memory_equal(&back, &before, sizeof(back));
	json_decref(json);
}

static void what_is_no_incident_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *key;
		json_int_t number; /* -1: the key is removed */
	} cases[] = { { "id", 0 },
		      { "kind", -1 },
		      { "probe", -1 },
		      { "port_count", 65537 },
		      { "undeclared_count", 9 } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct incident before = scanned();
		json_t *json = view_incident(&before, true);
		struct incident back;
		bool going_on = false;
		assert_int_equal(view_incident_read(&back, &going_on, json), 0);
		if (cases[i].number < 0) {
			json_object_del(json, cases[i].key);
		} else {
			json_object_set_new(json, cases[i].key, json_integer(cases[i].number));
		}
		assert_int_equal(view_incident_read(&back, &going_on, json), -EINVAL);
		json_decref(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_come_back_as_they_went),
		cmocka_unit_test(incidents_come_back_as_they_went),
		cmocka_unit_test(what_is_no_incident_is_refused),
		cmocka_unit_test(an_event_needs_a_known_kind),
		cmocka_unit_test(foreign_bytes_never_break_the_document),
		cmocka_unit_test(unknown_and_none_are_told_apart),
		cmocka_unit_test(pieces_and_tree_give_the_same_text),
		cmocka_unit_test(a_written_document_keeps_its_first_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
