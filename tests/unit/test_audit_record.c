/* audit: what one audit found beside the ones before. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/audit.h"
#include "base/cleanup.h"
#include "check.h"
#include "temporary.h"

static const usec_t DAY = USEC_PER_DAY;

/* "open closed rejected filtered left": lists of ports, "-" = none. */
static struct audit_layer layer_of(enum protocol protocol, usec_t time, const char *sets)
{
	struct audit_layer layer = { .protocol = protocol, .time = time };
	struct portset *to[] = { &layer.open, &layer.closed, &layer.rejected, &layer.filtered,
				 &layer.left };
	char text[256];
	char *rest = text;
	(void)str_copy(text, sizeof(text), sets);
	for (unsigned i = 0; i < 5; i++) {
		const char *word = strsep(&rest, " ");
		if (word != NULL && strcmp(word, "-") != 0) {
			assert_int_equal(portset_parse(to[i], word), 0);
		}
	}
	return layer;
}

static struct audit_record *record_of(const char *const *layers)
{
	struct audit_record *record = calloc(1, sizeof(*record));
	assert_non_null(record);
	assert_int_equal(addr_parse(&record->address, "192.0.2.1"), 0);
	for (unsigned i = 0; layers[i] != NULL; i++) {
		const struct audit_layer layer =
			layer_of(PROTOCOL_TCP, (usec_t)(i + 1) * DAY, layers[i]);
		audit_record_take(record, &layer);
	}
	return record;
}

static void test_what_a_sweep_knows(void **state)
{
	(void)state;
	static const struct {
		enum protocol protocol;
		enum sweep_state found;
		bool proven, ended;
		const char *sets;
	} cases[] = {
		{ PROTOCOL_TCP, SWEEP_OPEN, false, false, "7 - - - -" },
		{ PROTOCOL_TCP, SWEEP_CLOSED, false, false, "- 7 - - -" },
		{ PROTOCOL_TCP, SWEEP_REJECTED, false, false, "- - 7 - -" },
		{ PROTOCOL_TCP, SWEEP_SILENT, true, false, "- - - 7 -" },
		{ PROTOCOL_TCP, SWEEP_SILENT, false, false, "- - - - -" },
		{ PROTOCOL_TCP, SWEEP_SILENT, false, true, "- - - - 7" },
		{ PROTOCOL_TCP, SWEEP_UNASKED, false, true, "- - - - 7" },
		{ PROTOCOL_TCP, SWEEP_UNASKED, true, false, "- - - - -" },
		{ PROTOCOL_TCP, SWEEP_OPEN, false, true, "7 - - - -" },
		{ PROTOCOL_UDP, SWEEP_OPEN, false, false, "7 - - - -" },
		{ PROTOCOL_UDP, SWEEP_SILENT, true, false, "- - - - -" },
		{ PROTOCOL_UDP, SWEEP_HELD, true, false, "- - - - -" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static uint8_t states[65536];
		struct portset asked = { 0 };
		struct audit_layer made;
		const struct audit_layer wanted = layer_of(cases[i].protocol, DAY, cases[i].sets);
		portset_add(&asked, 7);
		states[7] = (uint8_t)cases[i].found;
		states[8] = SWEEP_OPEN; /* not asked for */
		audit_layer_make(&made, cases[i].protocol, DAY, states, &asked, cases[i].proven,
				 cases[i].ended);
		if (memcmp(&made, &wanted, sizeof(made)) != 0) {
			fail_msg("case %zu", i);
		}
	}
}

/* ---- comparing ---- */

static void test_only_what_both_knew_is_compared(void **state)
{
	(void)state;
	static const struct {
		const char *before, *now;
		const char *changes; /* "port+day" opened, "port-day" closed */
		usec_t since;
	} cases[] = {
		{ "22 80 - - -", "22 80 - - -", "", DAY },
		{ "22 80 - - -", "80 22 - - -", "22-1 80+1", DAY },
		{ "22 - - - -", "- - 22 - -", "22-1", DAY },
		{ "22 - - - -", "- - - 22 -", "22-1", DAY },
		/* Neither open nor was: no change that is told. */
		{ "- 80 - - -", "- - - 80 -", "", DAY },
		{ "- - 80 - -", "80 - - - -", "80+1", DAY },
		/* Not asked, or not known, on one side. */
		{ "22 - - - -", "80 - - - -", "", 0 },
		{ "22 - - - -", "- - - - 22", "", 0 },
		{ "- - - - 22", "22 - - - -", "", 0 },
		{ "22 - - - -", "- - - - -", "", 0 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *layers[] = { cases[i].before, NULL };
		_cleanup_(freep) struct audit_record *record = record_of(layers);
		const struct audit_layer now = layer_of(PROTOCOL_TCP, 9 * DAY, cases[i].now);
		struct audit_change changes[8];
		struct str text = STR_INIT(256);
		usec_t since = 77;
		const size_t count = audit_record_compare(changes, 8, &since, record, &now);
		for (size_t k = 0; k < count; k++) {
			str_printf(&text, "%s%u%c%d", k == 0 ? "" : " ", changes[k].port,
				   changes[k].now == SWEEP_OPEN ? '+' : '-',
				   (int)(changes[k].since / DAY));
		}
		if (strcmp(str_text(&text), cases[i].changes) != 0 || since != cases[i].since) {
			fail_msg("case %zu: %s", i, str_text(&text));
		}
		str_deinit(&text);
	}
}

static void test_udp_is_not_held_against_tcp(void **state)
{
	(void)state;
	const char *layers[] = { "53 - - - -", NULL };
	_cleanup_(freep) struct audit_record *record = record_of(layers);
	const struct audit_layer now = layer_of(PROTOCOL_UDP, 2 * DAY, "- 53 - - -");
	struct audit_change changes[2];
	usec_t since;
	assert_int_equal(audit_record_compare(changes, 2, &since, record, &now), 0);
	audit_record_take(record, &now);
	assert_int_equal(record->count, 2);
}

static void test_an_audit_of_few_ports_leaves_the_others_their_date(void **state)
{
	(void)state;
	const char *layers[] = { "22,80 443,8080 - - -", "- 80 - - -", NULL };
	_cleanup_(freep) struct audit_record *record = record_of(layers);
	const struct audit_layer now = layer_of(PROTOCOL_TCP, 9 * DAY, "80,8080 22 - - -");
	struct audit_change changes[8];
	usec_t since;
	assert_int_equal(audit_record_compare(changes, 8, &since, record, &now), 3);
	assert_int_equal(since, 2 * DAY);
	assert_true(changes[0].port == 22 && changes[0].since == DAY);
	assert_true(changes[1].port == 80 && changes[1].since == 2 * DAY);
	assert_true(changes[2].port == 8080 && changes[2].since == DAY);
	audit_record_take(record, &now);
	assert_int_equal(record->count, 2); /* 80 was all that the second one had */
}

static void test_going_on(void **state)
{
	(void)state;
	static uint8_t states[65536];
	struct portset asked = { 0 };
	struct audit_layer now = layer_of(PROTOCOL_TCP, 2 * DAY, "80 81 - 82 -");
	const struct audit_layer before = layer_of(PROTOCOL_TCP, DAY, "22,81 23 24 - 80-82");
	const struct audit_layer both = layer_of(PROTOCOL_TCP, DAY, "22,80 23,81 24 82 -");
	audit_layer_join(&now, &before);
	assert_memory_equal(&now, &both, sizeof(now));
	audit_layer_states(states, &asked, &now);
	assert_int_equal(portset_count(&asked), 6);
	assert_true(states[22] == SWEEP_OPEN && states[81] == SWEEP_CLOSED &&
		    states[24] == SWEEP_REJECTED && states[82] == SWEEP_SILENT &&
		    states[25] == SWEEP_UNASKED);
}

/* ---- bounds ---- */

static void test_the_oldest_layer_goes(void **state)
{
	(void)state;
	const char *none[] = { NULL };
	_cleanup_(freep) struct audit_record *record = record_of(none);
	for (unsigned i = 1; i <= 30; i++) {
		char sets[32];
		(void)snprintf(sets, sizeof(sets), "%u - - - -", i);
		const struct audit_layer tcp = layer_of(PROTOCOL_TCP, (usec_t)i * DAY, sets);
		const struct audit_layer udp = layer_of(PROTOCOL_UDP, (usec_t)i * DAY, sets);
		audit_record_take(record, &tcp);
		audit_record_take(record, &udp);
	}
	assert_int_equal(record->count, 2 * AUDIT_LAYERS_MAX);
	assert_int_equal(record->layers[0].time, 23 * DAY);
	assert_int_equal(record->layers[record->count - 1].time, 30 * DAY);
}

static void test_what_was_left_is_known_until_the_next_audit(void **state)
{
	(void)state;
	const char *layers[] = { "22 - - - 80-90", NULL };
	_cleanup_(freep) struct audit_record *record = record_of(layers);
	const struct audit_layer *left = audit_record_unfinished(record, PROTOCOL_TCP);
	assert_non_null(left);
	assert_int_equal(portset_count(&left->left), 11);
	assert_null(audit_record_unfinished(record, PROTOCOL_UDP));
	const struct audit_layer now = layer_of(PROTOCOL_TCP, 2 * DAY, "80 - - - -");
	audit_record_take(record, &now);
	assert_null(audit_record_unfinished(record, PROTOCOL_TCP));
}

/* ---- as text ---- */

static void test_text_and_back(void **state)
{
	(void)state;
	const char *layers[] = { "22,80 1-21,65535 7 23-79 -", "81 - - - 100-200", NULL };
	_cleanup_(freep) struct audit_record *record = record_of(layers);
	_cleanup_(freep) struct audit_record *read = calloc(1, sizeof(*read));
	struct str text = STR_INIT(AUDIT_RECORD_BYTES_MAX);
	/* 7 is closed and rejected at once: that is no record that comes of a sweep. */
	assert_int_equal(audit_record_print(&text, record), 0);
	assert_int_equal(audit_record_parse(read, text.text, text.length), -EBADMSG);
	record->layers[0].rejected = (struct portset){ 0 };
	str_clear(&text);
	assert_int_equal(audit_record_print(&text, record), 0);
	assert_int_equal(audit_record_parse(read, text.text, text.length), 0);
	assert_memory_equal(read, record, sizeof(*record));
	str_deinit(&text);
}

static void test_the_worst_record_fits(void **state)
{
	(void)state;
	const char *none[] = { NULL };
	_cleanup_(freep) struct audit_record *record = record_of(none);
	_cleanup_(freep) struct audit_record *read = calloc(1, sizeof(*read));
	for (unsigned i = 0; i < 2 * AUDIT_LAYERS_MAX; i++) {
		struct audit_layer *layer = &record->layers[record->count++];
		*layer = (struct audit_layer){ .protocol = i % 2 == 0 ? PROTOCOL_TCP : PROTOCOL_UDP,
					       .time = DAY };
		for (unsigned port = 1; port < 65536; port += 2) {
			portset_add(&layer->left, (uint16_t)port);
		}
	}
	struct str text = STR_INIT(AUDIT_RECORD_BYTES_MAX);
	assert_int_equal(audit_record_print(&text, record), 0);
	assert_int_equal(audit_record_parse(read, text.text, text.length), 0);
	str_deinit(&text);
}

#define HEAD "{\"schema\":1,\"address\":\"192.0.2.1\",\"audits\":"
#define AUDIT "{\"protocol\":\"tcp\",\"time\":\"2026-11-27T00:00:00Z\""

static void test_what_is_no_record(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int r;
	} cases[] = {
		{ HEAD "[]}", 0 },
		{ HEAD "[" AUDIT ",\"open\":\"22\"}]}", 0 },
		{ HEAD "[" AUDIT "}]}", 0 },
		{ "", -EBADMSG },
		{ "[]", -EBADMSG },
		{ HEAD "[]", -EBADMSG },
		{ "{\"schema\":2,\"address\":\"192.0.2.1\",\"audits\":[]}", -EBADMSG },
		{ "{\"schema\":1,\"address\":\"nas\",\"audits\":[]}", -EBADMSG },
		{ "{\"schema\":1,\"address\":\"192.0.2.1\"}", -EBADMSG },
		{ HEAD "[7]}", -EBADMSG },
		{ HEAD "[" AUDIT ",\"open\":\"0\"}]}", -EBADMSG },
		{ HEAD "[" AUDIT ",\"open\":\"70000\"}]}", -EBADMSG },
		{ HEAD "[" AUDIT ",\"open\":22}]}", -EBADMSG },
		{ HEAD "[" AUDIT ",\"open\":\"22\",\"closed\":\"20-30\"}]}", -EBADMSG },
		{ HEAD "[{\"protocol\":\"sctp\",\"time\":\"2026-11-27\",\"open\":\"22\"}]}",
		  -EBADMSG },
		{ HEAD "[{\"protocol\":\"tcp\",\"time\":\"soon\",\"open\":\"22\"}]}", -EBADMSG },
		{ HEAD "[{\"protocol\":\"tcp\",\"open\":\"22\"}]}", -EBADMSG },
		{ HEAD "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}", -EBADMSG },
	};
	_cleanup_(freep) struct audit_record *read = calloc(1, sizeof(*read));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const int r = audit_record_parse(read, cases[i].text, strlen(cases[i].text));
		if (r != cases[i].r) {
			fail_msg("case %zu: %d", i, r);
		}
	}
}

/* ---- the folder ---- */

static void test_a_damaged_record_is_set_aside(void **state)
{
	const char *above = ((struct temporary *)*state)->path;
	char path[300], file[350], aside[AUDIT_RECORD_NAME_BYTES];
	struct err e = ERR_INIT;
	const char *layers[] = { "22 - - - -", NULL };
	_cleanup_(freep) struct audit_record *record = record_of(layers);
	_cleanup_(freep) struct audit_record *read = calloc(1, sizeof(*read));
	(void)snprintf(path, sizeof(path), "%s/state/audits", above);
	int folder = audit_records_open(path, &e);
	assert_true(folder >= 0);
	assert_int_equal(
		audit_record_read(read, aside, folder, &record->address, AUDIT_RECORD_KEPT, &e),
		AUDIT_RECORD_NONE);
	assert_int_equal(audit_record_write(folder, record, AUDIT_RECORD_KEPT, &e), 0);
	assert_int_equal(
		audit_record_read(read, aside, folder, &record->address, AUDIT_RECORD_KEPT, &e),
		AUDIT_RECORD_READ);
	assert_memory_equal(read, record, sizeof(*record));
	(void)snprintf(file, sizeof(file), "%s/192.0.2.1.json", path);
	assert_int_equal(truncate(file, 40), 0);
	assert_int_equal(
		audit_record_read(read, aside, folder, &record->address, AUDIT_RECORD_KEPT, &e),
		AUDIT_RECORD_DAMAGED);
	assert_string_equal(aside, "192.0.2.1.damaged");
	assert_int_equal(read->count, 0);
	assert_int_equal(faccessat(folder, aside, F_OK, 0), 0);
	close_fdp(&folder);
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(audit_records_open(path, &e), -EPERM);
}

static void test_there_are_not_too_many(void **state)
{
	const char *above = ((struct temporary *)*state)->path;
	char path[300];
	struct err e = ERR_INIT;
	const char *layers[] = { "22 - - - -", NULL };
	_cleanup_(freep) struct audit_record *record = record_of(layers);
	(void)snprintf(path, sizeof(path), "%s/audits", above);
	_cleanup_(close_fdp) int folder = audit_records_open(path, &e);
	assert_true(folder >= 0);
	for (unsigned i = 1; i <= AUDIT_RECORDS_MAX + 3; i++) {
		const struct timespec times[2] = { { .tv_sec = 1000 + i }, { .tv_sec = 1000 + i } };
		char name[AUDIT_RECORD_NAME_BYTES];
		(void)snprintf(name, sizeof(name), "198.51.%u.%u.json", i >> 8, i & 255);
		_cleanup_(close_fdp) int file = openat(folder, name, O_WRONLY | O_CREAT, 0600);
		assert_int_equal(futimens(file, times), 0);
	}
	assert_int_equal(audit_record_write(folder, record, AUDIT_RECORD_KEPT, &e), 0);
	assert_int_equal(faccessat(folder, "192.0.2.1.json", F_OK, 0), 0);
	for (unsigned i = 1; i <= 6; i++) {
		char name[AUDIT_RECORD_NAME_BYTES];
		(void)snprintf(name, sizeof(name), "198.51.0.%u.json", i);
		assert_int_equal(faccessat(folder, name, F_OK, 0), i <= 4 ? -1 : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_sweep_knows),
		cmocka_unit_test(test_only_what_both_knew_is_compared),
		cmocka_unit_test(test_udp_is_not_held_against_tcp),
		cmocka_unit_test(test_an_audit_of_few_ports_leaves_the_others_their_date),
		cmocka_unit_test(test_going_on),
		cmocka_unit_test(test_the_oldest_layer_goes),
		cmocka_unit_test(test_what_was_left_is_known_until_the_next_audit),
		cmocka_unit_test(test_text_and_back),
		cmocka_unit_test(test_the_worst_record_fits),
		cmocka_unit_test(test_what_is_no_record),
		cmocka_unit_test_setup_teardown(test_a_damaged_record_is_set_aside, temporary_setup,
						temporary_teardown),
		cmocka_unit_test_setup_teardown(test_there_are_not_too_many, temporary_setup,
						temporary_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
