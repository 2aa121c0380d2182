/* devices: other machines of mine, what is declared of them, and what they were seen to offer. */
#include <errno.h>
#include <stdlib.h>

#include "devices/devices.h"
#include "parsed_policy.h"

static const char text[] = "minato: 1\n"
			   "defaults: {owner: me}\n"
			   "hosts:\n"
			   "  nas:\n"
			   "    address: [198.51.100.9, \"2001:db8::9\"]\n"
			   "    ports:\n"
			   "      web: {port: 80/tcp, for: pages}\n"
			   "      old: {port: 8080/tcp, for: trial, until: 2026-11-01}\n"
			   "  printer: {address: 198.51.100.10}\n";

static struct addr address_of(const char *written)
{
	struct addr address;
	assert_int_equal(addr_parse(&address, written), 0);
	return address;
}

static void a_machine_is_found_by_each_of_its_addresses_and_its_name(void **state)
{
	(void)state;
	static const struct {
		const char *address, *name;
	} cases[] = { { "198.51.100.9", "nas" },
		      { "2001:db8::9", "nas" },
		      { "198.51.100.10", "printer" },
		      { "198.51.100.11", NULL } };
	struct policy policy = parsed_policy(text);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct addr address = address_of(cases[i].address);
		const struct policy_host *host = devices_host_with(&policy, &address);
		if (cases[i].name == NULL) {
			assert_null(host);
		} else {
			assert_string_equal(host->entry.name, cases[i].name);
			assert_ptr_equal(devices_host_named(&policy, cases[i].name), host);
		}
		assert_null(devices_host_with(NULL, &address));
	}
	assert_null(devices_host_named(&policy, "camera"));
	policy_deinit(&policy);
}

static void what_has_run_out_is_declared_no_more(void **state)
{
	(void)state;
	struct policy policy = parsed_policy(text);
	const struct policy_host *nas = devices_host_named(&policy, "nas");
	assert_non_null(devices_declaration(nas, PROTOCOL_TCP, 80, TODAY));
	assert_null(devices_declaration(nas, PROTOCOL_UDP, 80, TODAY));
	assert_null(devices_declaration(nas, PROTOCOL_TCP, 23, TODAY));
	assert_null(devices_declaration(nas, PROTOCOL_TCP, 8080, TODAY));
	assert_non_null(devices_declaration(nas, PROTOCOL_TCP, 8080, TODAY - 40));
	policy_deinit(&policy);
}

static void a_device_is_due_when_its_time_has_gone_by(void **state)
{
	(void)state;
	static const struct {
		usec_t asked, now, at;
	} cases[] = {
		{ 0, 50, 50 },                                         /* never asked */
		{ 100, 150, 160 },                                     /* soon */
		{ 100, 160, 160 }, { 100, 500, 160 }, { 100, 90, 90 }, /* the clock was set back */
	};
	const struct policy_host host = { .every = 60 };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(devices_due_at(&host, cases[i].asked, cases[i].now), cases[i].at);
	}
}

/* ---- seen ---- */

static void a_port_is_news_once_until_it_closes_or_is_forgotten(void **state)
{
	(void)state;
	struct devices_seen seen = { 0 };
	const struct addr nas = address_of("198.51.100.9");
	const struct addr other = address_of("2001:db8::9");
	assert_int_equal(devices_see(&seen, &nas, PROTOCOL_TCP, 23, 1000), DEVICES_NEW);
	assert_int_equal(devices_see(&seen, &nas, PROTOCOL_TCP, 23, 2000), DEVICES_KNOWN);
	assert_int_equal(devices_see(&seen, &nas, PROTOCOL_UDP, 23, 2000), DEVICES_NEW);
	assert_int_equal(devices_see(&seen, &other, PROTOCOL_TCP, 23, 2000), DEVICES_NEW);
	devices_see_closed(&seen, &nas, PROTOCOL_TCP, 23);
	devices_see_closed(&seen, &nas, PROTOCOL_TCP, 24);
	assert_int_equal(devices_see(&seen, &nas, PROTOCOL_TCP, 23, 3000), DEVICES_NEW);
	/* Seen again in between, it stays known. */
	const usec_t late = 2000 + DEVICES_SEEN_USEC;
	assert_int_equal(devices_see(&seen, &other, PROTOCOL_TCP, 23, late), DEVICES_KNOWN);
	assert_int_equal(devices_see(&seen, &other, PROTOCOL_TCP, 23, late + DEVICES_SEEN_USEC),
			 DEVICES_KNOWN);
	assert_int_equal(devices_see(&seen, &nas, PROTOCOL_UDP, 23, late + DEVICES_SEEN_USEC),
			 DEVICES_NEW);
	devices_seen_deinit(&seen);
}

static void a_machine_that_answers_everywhere_is_told_of_once_more(void **state)
{
	(void)state;
	struct devices_seen seen = { 0 };
	const struct addr nas = address_of("198.51.100.9");
	const struct addr other = address_of("198.51.100.10");
	unsigned news[DEVICES_MANY + 1] = { 0 };
	for (unsigned port = 1; port <= UINT16_MAX; port++) {
		news[devices_see(&seen, &nas, PROTOCOL_TCP, (uint16_t)port, port)]++;
	}
	assert_int_equal(news[DEVICES_NEW], DEVICES_SEEN_PER_MACHINE);
	assert_int_equal(news[DEVICES_MANY], 1);
	assert_int_equal(devices_see(&seen, &other, PROTOCOL_TCP, 23, UINT16_MAX), DEVICES_NEW);
	devices_seen_deinit(&seen);
}

static void the_table_has_an_end(void **state)
{
	(void)state;
	struct devices_seen seen = { 0 };
	unsigned told = 0;
	for (unsigned n = 0; n < DEVICES_SEEN_MAX + 100; n++) {
		const uint8_t bytes[] = { 10, 0, (uint8_t)(n >> 8), (uint8_t)n };
		const struct addr address = addr_from_ipv4(bytes);
		told += devices_see(&seen, &address, PROTOCOL_TCP, 23, 5) == DEVICES_NEW;
	}
	assert_int_equal(told, DEVICES_SEEN_MAX);
	devices_seen_deinit(&seen);
}

/* ---- events ---- */

static void an_event_is_read_as_it_was_written(void **state)
{
	(void)state;
	struct devices_opening cases[] = {
		{ .host = "camera", .through = true, .port = 23 },
		{ .host = "nas.home", .port = 0 },
	};
	cases[0].asked_by = cases[1].asked_by = address_of("2001:db8::7");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct devices_opening back;
		struct event event;
		cases[i].time = 7;
		cases[i].protocol = PROTOCOL_TCP;
		cases[i].address = address_of("198.51.100.9");
		devices_write_event(&event, &cases[i]);
		assert_int_equal(devices_read_event(&back, &event), 0);
		assert_int_equal(back.port, cases[i].port);
		assert_int_equal(back.through, cases[i].through);
		assert_string_equal(back.host, cases[i].host);
		assert_int_equal(addr_compare(&back.asked_by, &cases[i].asked_by), 0);
		assert_int_equal(addr_compare(&back.address, &cases[i].address), 0);
	}
}

static void other_words_are_no_such_event(void **state)
{
	(void)state;
	static const char *const details[] = {
		"",
		"host=",
		"host=a",
		"host=a seen=own",
		"host=a seen=own asked_by=x",
		"seen=own",
		"nas: 23/tcp was closed",
		"host=a seen=own asked_by=192.0.2.1 more",
	};
	for (size_t i = 0; i < sizeof(details) / sizeof(details[0]); i++) {
		struct event event = { .kind = EVENT_PORT_OPENED };
		struct devices_opening back;
		(void)str_copy(event.detail, sizeof(event.detail), details[i]);
		assert_int_equal(devices_read_event(&back, &event), -EINVAL);
	}
	struct event other = { .kind = EVENT_AUDITED,
			       .detail = "host=a seen=own asked_by=192.0.2.1" };
	struct devices_opening back;
	assert_int_equal(devices_read_event(&back, &other), -EINVAL);
}

/* What an audit told, or a daemon before this one, is known; what it saw closed is not. */
static void events_of_the_past_are_taken_over(void **state)
{
	(void)state;
	struct devices_seen seen = { 0 };
	static const struct {
		enum event_kind kind;
		uint16_t port;
	} past[] = {
		{ EVENT_PORT_OPENED, 23 }, { EVENT_PORT_OPENED, 24 },  { EVENT_PORT_OPENED, 23 },
		{ EVENT_PORT_CLOSED, 24 }, { EVENT_SCAN_STARTED, 25 },
	};
	const struct addr nas = address_of("198.51.100.9");
	for (size_t i = 0; i < sizeof(past) / sizeof(past[0]); i++) {
		const struct event event = { .kind = past[i].kind,
					     .time = (usec_t)i,
					     .protocol = PROTOCOL_TCP,
					     .address = nas,
					     .port = past[i].port };
		devices_see_event(&seen, &event);
	}
	assert_int_equal(devices_see(&seen, &nas, PROTOCOL_TCP, 23, 9), DEVICES_KNOWN);
	assert_int_equal(devices_see(&seen, &nas, PROTOCOL_TCP, 24, 9), DEVICES_NEW);
	assert_int_equal(devices_see(&seen, &nas, PROTOCOL_TCP, 25, 9), DEVICES_NEW);
	devices_seen_deinit(&seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_machine_is_found_by_each_of_its_addresses_and_its_name),
		cmocka_unit_test(what_has_run_out_is_declared_no_more),
		cmocka_unit_test(a_device_is_due_when_its_time_has_gone_by),
		cmocka_unit_test(a_port_is_news_once_until_it_closes_or_is_forgotten),
		cmocka_unit_test(a_machine_that_answers_everywhere_is_told_of_once_more),
		cmocka_unit_test(the_table_has_an_end),
		cmocka_unit_test(an_event_is_read_as_it_was_written),
		cmocka_unit_test(other_words_are_no_such_event),
		cmocka_unit_test(events_of_the_past_are_taken_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
