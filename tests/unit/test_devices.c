/* devices: other machines of mine, what is declared of them, and what they were seen to offer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

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

/* ---- neighbours ---- */

enum { TICKS = 100 };

struct built {
	_Alignas(struct nlmsghdr) char bytes[512];
};

static void add_attribute(struct built *message, uint16_t type, const void *data, size_t length)
{
	struct nlmsghdr *header = (void *)message->bytes;
	struct rtattr *attribute = (void *)(message->bytes + NLMSG_ALIGN(header->nlmsg_len));
	attribute->rta_type = type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(length);
	memcpy(RTA_DATA(attribute), data, length);
	header->nlmsg_len =
		(uint32_t)(NLMSG_ALIGN(header->nlmsg_len) + RTA_ALIGN(RTA_LENGTH(length)));
}

static struct built neighbour_of(uint16_t state, uint8_t flags)
{
	struct built message = { 0 };
	struct nlmsghdr *header = (void *)message.bytes;
	struct ndmsg *neighbour = NLMSG_DATA(header);
	header->nlmsg_type = RTM_NEWNEIGH;
	header->nlmsg_len = NLMSG_LENGTH(sizeof(*neighbour));
	neighbour->ndm_ifindex = 3;
	neighbour->ndm_state = state;
	neighbour->ndm_flags = flags;
	return message;
}

static const uint8_t four[] = { 192, 0, 2, 7 };
static const uint8_t hardware[] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };

static int parse(struct devices_neighbour *out, const struct built *message)
{
	return devices_parse_neighbour(out, (const void *)message->bytes, TICKS);
}

static void a_neighbour_is_read(void **state)
{
	(void)state;
	static const struct {
		uint16_t state;
		enum devices_state means;
		usec_t silent_for;
	} cases[] = {
		{ NUD_REACHABLE, DEVICES_ANSWERS, 5 * USEC_PER_SEC },
		{ NUD_STALE, DEVICES_STALE, 5 * USEC_PER_SEC },
		{ NUD_DELAY, DEVICES_STALE, 5 * USEC_PER_SEC },
		{ NUD_PROBE, DEVICES_STALE, 5 * USEC_PER_SEC },
		{ NUD_FAILED, DEVICES_SILENT, -1 },
		{ NUD_INCOMPLETE, DEVICES_SILENT, -1 },
		{ NUD_PERMANENT, DEVICES_UNKNOWN, -1 },
		{ NUD_NONE, DEVICES_UNKNOWN, -1 },
	};
	const struct nda_cacheinfo cache = { .ndm_confirmed = 5 * TICKS };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct devices_neighbour read;
		struct built message = neighbour_of(cases[i].state, NTF_ROUTER);
		char mac[DEVICES_MAC_TEXT_BYTES];
		add_attribute(&message, NDA_DST, four, sizeof(four));
		add_attribute(&message, NDA_LLADDR, hardware, sizeof(hardware));
		add_attribute(&message, NDA_CACHEINFO, &cache, sizeof(cache));
		assert_int_equal(parse(&read, &message), DEVICES_NEIGHBOUR);
		assert_int_equal(read.state, cases[i].means);
		assert_int_equal(read.silent_for, cases[i].silent_for);
		assert_int_equal(read.interface, 3);
		assert_true(read.has_mac && read.router && devices_mac_is_local(read.mac));
		assert_string_equal(devices_mac_format(mac, read.mac), "52:54:00:12:34:56");
	}
}

static void what_is_no_device_is_told_apart(void **state)
{
	(void)state;
	static const uint8_t many[] = { 224, 0, 0, 251 };
	struct devices_neighbour read;
	struct built message = neighbour_of(NUD_NOARP, 0);
	add_attribute(&message, NDA_DST, four, sizeof(four));
	assert_int_equal(parse(&read, &message), DEVICES_NO_NEIGHBOUR);
	message = neighbour_of(NUD_REACHABLE, NTF_PROXY);
	add_attribute(&message, NDA_DST, four, sizeof(four));
	assert_int_equal(parse(&read, &message), DEVICES_NO_NEIGHBOUR);
	message = neighbour_of(NUD_REACHABLE, 0);
	add_attribute(&message, NDA_DST, many, sizeof(many));
	assert_int_equal(parse(&read, &message), DEVICES_NO_NEIGHBOUR);
	message = neighbour_of(NUD_REACHABLE, 0);
	assert_int_equal(parse(&read, &message), DEVICES_NO_NEIGHBOUR);
	add_attribute(&message, NDA_DST, four, 3);
	assert_int_equal(parse(&read, &message), -EBADMSG);
	message = neighbour_of(NUD_REACHABLE, 0);
	((struct nlmsghdr *)(void *)message.bytes)->nlmsg_len--;
	assert_int_equal(parse(&read, &message), -EBADMSG);
}

/* ---- names ---- */

static void names_come_from_files_that_are_here(void **state)
{
	(void)state;
	static const char hosts[] =
		"127.0.0.1\tlocalhost\n# a comment\n"
		"192.0.2.7  nas.home nas # the cupboard\n"
		"2001:db8::7 nas6\n192.0.2.8 \x1b[31mred\nnot-an-address x\n192.0.2.9";
	static const char leases[] =
		"1700000000 52:54:00:12:34:56 192.0.2.20 camera 01:52:54:00:12:34:56\n"
		"1700000000 52:54:00:12:34:57 192.0.2.21 * *\n"
		"duid 00:01:00:01\n";
	struct devices_names names = { 0 };
	assert_int_equal(devices_names_read_hosts(&names, hosts, sizeof(hosts) - 1), 0);
	assert_int_equal(devices_names_read_leases(&names, leases, sizeof(leases) - 1), 0);
	static const struct {
		const char *address, *name;
	} cases[] = { { "192.0.2.7", "nas.home" }, { "2001:db8::7", "nas6" },
		      { "192.0.2.8", NULL },       { "192.0.2.9", NULL },
		      { "192.0.2.20", "camera" },  { "192.0.2.21", NULL } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct addr address = address_of(cases[i].address);
		const struct devices_name *found = devices_names_find(&names, &address);
		if (cases[i].name == NULL) {
			assert_null(found);
		} else {
			assert_non_null(found);
			assert_string_equal(found->name, cases[i].name);
		}
	}
	devices_names_deinit(&names);
}

/* ---- joined ---- */

static struct devices_neighbour seen_at(const char *address, uint8_t last, enum devices_state state)
{
	struct devices_neighbour neighbour = { .address = address_of(address),
					       .has_mac = last != 0,
					       .mac = { 0x52, 0x54, 0, 0, 0, last },
					       .interface = 3,
					       .state = state,
					       .silent_for = state == DEVICES_STALE ? 9 : -1 };
	return neighbour;
}

static const struct device *device_with(const struct devices *devices, const char *written)
{
	const struct addr address = address_of(written);
	for (size_t i = 0; i < devices->list.count; i++) {
		if (device_has(&devices->list.items[i], &address)) {
			return &devices->list.items[i];
		}
	}
	fail_msg("%s is no device", written);
	return NULL;
}

static void addresses_of_one_machine_are_one_row(void **state)
{
	(void)state;
	const struct devices_neighbour neighbours[] = {
		seen_at("fe80::1", 1, DEVICES_ANSWERS),
		seen_at("192.0.2.1", 1, DEVICES_STALE),
		seen_at("2001:db8::1", 1, DEVICES_STALE),
		seen_at("192.0.2.2", 2, DEVICES_STALE),
		seen_at("192.0.2.3", 0, DEVICES_SILENT),    /* nobody has it */
		seen_at("198.51.100.9", 3, DEVICES_SILENT), /* the NAS, by two interfaces */
		seen_at("2001:db8::9", 4, DEVICES_ANSWERS),
		seen_at("fe80::9", 4, DEVICES_STALE), /* nobody declares these */
	};
	struct policy policy = parsed_policy(text);
	struct devices_names names = { 0 };
	struct devices devices;
	assert_int_equal(devices_names_read_hosts(&names, "192.0.2.1 gate", 14), 0);
	assert_int_equal(devices_join(&devices, neighbours,
				      sizeof(neighbours) / sizeof(neighbours[0]), &policy, &names),
			 0);
	assert_int_equal(devices.list.count, 4);
	const struct device *gate = device_with(&devices, "fe80::1");
	assert_int_equal(gate->address_count, 3);
	assert_int_equal(addr_compare(&gate->addresses[0], &neighbours[1].address), 0);
	assert_string_equal(gate->name, "gate");
	assert_int_equal(gate->state, DEVICES_ANSWERS);
	assert_null(gate->host);
	const struct device *nas = device_with(&devices, "198.51.100.9");
	assert_string_equal(nas->name, "nas");
	assert_int_equal(nas->name_source, DEVICES_NAME_POLICY);
	assert_int_equal(nas->state, DEVICES_ANSWERS);
	assert_int_equal(nas->mac[5], 4);
	assert_int_equal(nas->address_count, 3);
	const struct device *printer = device_with(&devices, "198.51.100.10");
	assert_int_equal(printer->state, DEVICES_UNKNOWN);
	assert_int_equal(printer->interface, 0);
	devices_deinit(&devices);
	devices_names_deinit(&names);
	policy_deinit(&policy);
}

/* A router that answers for two declared machines behind it is neither of them. */
static void who_answers_for_several_is_none_of_them(void **state)
{
	(void)state;
	const struct devices_neighbour neighbours[] = {
		seen_at("198.51.100.9", 5, DEVICES_ANSWERS),
		seen_at("198.51.100.10", 5, DEVICES_ANSWERS),
		seen_at("fe80::5", 5, DEVICES_ANSWERS),
	};
	struct policy policy = parsed_policy(text);
	struct devices devices;
	assert_int_equal(devices_join(&devices, neighbours, 3, &policy, NULL), 0);
	assert_int_equal(devices.list.count, 3);
	assert_null(device_with(&devices, "fe80::5")->host);
	assert_string_equal(device_with(&devices, "198.51.100.10")->name, "printer");
	devices_deinit(&devices);
	policy_deinit(&policy);
}

static void a_machine_of_many_addresses_has_an_end(void **state)
{
	(void)state;
	struct devices_neighbour neighbours[40];
	struct devices devices;
	for (unsigned i = 0; i < 40; i++) {
		char address[32];
		(void)snprintf(address, sizeof(address), "192.0.2.%u", i + 1);
		neighbours[i] = seen_at(address, 7, DEVICES_STALE);
	}
	assert_int_equal(devices_join(&devices, neighbours, 40, NULL, NULL), 0);
	assert_int_equal(devices.list.count, 1);
	assert_int_equal(devices.list.items[0].address_count, DEVICES_ADDRESSES_MAX);
	assert_int_equal(devices.list.items[0].address_more, 40 - DEVICES_ADDRESSES_MAX);
	devices_deinit(&devices);
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
		cmocka_unit_test(a_neighbour_is_read),
		cmocka_unit_test(what_is_no_device_is_told_apart),
		cmocka_unit_test(names_come_from_files_that_are_here),
		cmocka_unit_test(addresses_of_one_machine_are_one_row),
		cmocka_unit_test(who_answers_for_several_is_none_of_them),
		cmocka_unit_test(a_machine_of_many_addresses_has_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
