/* model: order of the inventory, names of its words. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "check.h"
#include "model/event.h"
#include "model/incident.h"
#include "model/inventory.h"
#include "model/severity.h"

static void add(struct inventory *inventory, uint32_t netns, uint16_t port, int32_t fd)
{
	struct owner *owner = vec_push(&inventory->owners);
	owner->fd = fd;
	struct listener *listener = vec_push(&inventory->listeners);
	listener->netns = netns;
	listener->port = port;
	listener->protocol = PROTOCOL_TCP;
	listener->first_owner = (uint32_t)inventory->owners.count - 1;
	listener->owner_count = 1;
}

static void sorting_keeps_owners_with_their_listener(void **state)
{
	(void)state;
	struct inventory inventory;
	inventory_init(&inventory, 0);
	((struct netns *)vec_push(&inventory.netns))->kind = NETNS_OTHER;
	((struct netns *)vec_push(&inventory.netns))->kind = NETNS_HOST;
	add(&inventory, 0, 22, 1);
	add(&inventory, 1, 443, 2);
	add(&inventory, 1, 80, 3);
	assert_int_equal(inventory_sort(&inventory), 0);
	static const uint16_t ports[] = { 80, 443, 22 };
	static const int32_t fds[] = { 3, 2, 1 };
	for (uint32_t i = 0; i < 3; i++) {
		const struct listener *listener = &inventory.listeners.items[i];
		assert_int_equal(listener->port, ports[i]);
		assert_int_equal(inventory.owners.items[listener->first_owner].fd, fds[i]);
		assert_int_equal(inventory.owners.items[listener->first_owner].listener, i);
	}
	inventory_deinit(&inventory);
}

static void add_at(struct inventory *inventory, uint32_t netns, const char *address, bool v6_only)
{
	add(inventory, netns, 80, -1);
	struct listener *listener = &inventory->listeners.items[inventory->listeners.count - 1];
	assert_int_equal(addr_parse(&listener->address, address), 0);
	listener->v6_only = v6_only;
}

static void packets_go_to_the_socket_of_their_address(void **state)
{
	(void)state;
	static const struct {
		const char *listens;
		bool v6_only;
		const char *to;
		bool gets;
	} rows[] = {
		{ "0.0.0.0", false, "192.0.2.1", true },
		{ "0.0.0.0", false, "2001:db8::1", false },
		{ "::", false, "192.0.2.1", true },
		{ "::", false, "2001:db8::1", true },
		{ "::", true, "192.0.2.1", false },
		{ "::", true, "2001:db8::1", true },
		{ "192.0.2.1", false, "192.0.2.1", true },
		{ "192.0.2.1", false, "192.0.2.2", false },
		{ "::ffff:192.0.2.1", false, "192.0.2.1", true },
		{ "2001:db8::1", false, "2001:db8::1", true },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct inventory inventory;
		struct addr to;
		inventory_init(&inventory, 0);
		((struct netns *)vec_push(&inventory.netns))->kind = NETNS_OTHER;
		((struct netns *)vec_push(&inventory.netns))->kind = NETNS_HOST;
		add_at(&inventory, 0, "0.0.0.0", false); /* a container's: nobody gets there */
		add_at(&inventory, 0, "::", false);
		add_at(&inventory, 1, rows[i].listens, rows[i].v6_only);
		assert_int_equal(addr_parse(&to, rows[i].to), 0);
		const struct listener *found =
			inventory_listener_at(&inventory, PROTOCOL_TCP, &to, 80);
		assert_ptr_equal(found, rows[i].gets ? &inventory.listeners.items[2] : NULL);
		assert_null(inventory_listener_at(&inventory, PROTOCOL_UDP, &to, 80));
		assert_null(inventory_listener_at(&inventory, PROTOCOL_TCP, &to, 81));
		inventory_deinit(&inventory);
	}
}

static void words_and_numbers_agree(void **state)
{
	(void)state;
	for (unsigned kind = 1; kind <= EVENT_KIND_LAST; kind++) {
		enum event_kind parsed = EVENT_NONE;
		if (!event_kind_is_known(kind)) { /* a gap */
			assert_string_equal(event_kind_name(kind), "none");
			continue;
		}
		assert_int_equal(event_kind_parse(&parsed, event_kind_name(kind)), 0);
		assert_int_equal(parsed, kind);
	}
	enum severity severity = SEVERITY_NONE;
	assert_int_equal(severity_parse(&severity, "critical"), 0);
	assert_int_equal(severity, SEVERITY_CRITICAL);
	assert_true(severity_parse(&severity, "grave") < 0);
}

/* ---- incidents as events ---- */

static struct incident scan(void)
{
	return (struct incident){
		.id = 12,
		.kind = "scan",
		.probe = "syn",
		.probes = "syn",
		.tool = "nmap",
		.policy = true,
		.source = { { ADDR_IPV4, { 192, 0, 2, 7 } }, 32 },
		.victim = { ADDR_IPV4, { 192, 0, 2, 1 } },
		.source_count = 1,
		.host_count = 1,
		.port_count = 65535,
		.answer_count = 3,
		.undeclared_count = 1,
		.alarm_ports = 4,
		.alarm_usec = 1200,
		.packet_count = 65540,
		.first = 1795311825544375,
		.last = 1795311834544375,
		.lasted = 9000000,
		.sources = { { ADDR_IPV4, { 192, 0, 2, 7 } } },
		.ports = { 80, 23, 443, 21, 22, 25, 110, 3389 },
		.answered_count = 3,
		.answered = { { 22, PROTOCOL_TCP, true },
			      { 6379, PROTOCOL_TCP, false },
			      { 53, PROTOCOL_UDP, true } },
	};
}

static void an_incident_goes_through_its_event(void **state)
{
	(void)state;
	struct event event;
	struct incident back;
	const struct incident before = scan();
	incident_write(&event, &before, EVENT_SCAN_STARTED, before.first + 1200);
	assert_int_equal(event.count, 65535);
	assert_int_equal(event.port, 80);
	assert_string_equal(event.finding, "scan");
	assert_string_equal(event.process, "nmap");
	assert_int_equal(incident_read(&back, &event), 0);
	assert_memory_equal(&back, &before, sizeof(back));
	incident_write(&event, &before, EVENT_SCAN_ENDED, before.last);
	assert_int_equal(incident_read(&back, &event), 0);
	assert_true(back.ended);
	struct incident through = scan();
	through.through = true;
	through.policy = false;
	through.answered[1].declared = true; /* nobody says otherwise */
	through.undeclared_count = 0;
	incident_write(&event, &through, EVENT_SCAN_STARTED, through.first);
	assert_int_equal(incident_read(&back, &event), 0);
	assert_memory_equal(&back, &through, sizeof(back));
}

/* The longest that can be: numbers and the first ports that answered go before lists of addresses.
 */
static void an_incident_that_does_not_fit_loses_lists_alone(void **state)
{
	(void)state;
	struct event event;
	struct incident back;
	struct incident most = scan();
	static const uint8_t v6[16] = { 0x20, 1,    0xd,  0xb8, 0xff, 0xff, 0xff, 0xff,
					0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	most.source = (struct prefix){ 0 };
	most.victim = addr_from_ipv6(v6);
	most.source_count = most.host_count = most.alarm_ports = UINT32_MAX;
	most.packet_count = UINT64_MAX / 2;
	most.alarm_usec = USEC_PER_DAY;
	for (unsigned i = 0; i < INCIDENT_SHOWN; i++) {
		most.sources[i] = most.victim;
	}
	for (unsigned i = 0; i < INCIDENT_ANSWERED; i++) {
		most.answered[i] =
			(struct incident_port){ (uint16_t)(60000 + i), PROTOCOL_UDP, false };
	}
	most.answered_count = INCIDENT_ANSWERED;
	incident_write(&event, &most, EVENT_SCAN_ENDED, most.last);
	assert_true(strlen(event.detail) < sizeof(event.detail));
	assert_int_equal(incident_read(&back, &event), 0);
	assert_int_equal(back.packet_count, most.packet_count);
	assert_int_equal(back.source_count, most.source_count);
	assert_int_equal(addr_compare(&back.victim, &most.victim), 0);
	assert_true(back.answered_count >= 1 && back.answered_count < INCIDENT_ANSWERED);
	assert_int_equal(back.answered[0].port, 60000);
}

static void of_an_incident_the_end_is_kept(void **state)
{
	(void)state;
	struct incident items[5] = { scan(), scan(), scan(), scan(), scan() };
	items[1].id = 13;
	items[2].ended = true;
	items[2].port_count = 7;
	items[3].id = 13;
	items[3].packet_count = 70000;
	items[4].id = 2;
	assert_int_equal(incidents_fold(items, 5), 3);
	assert_int_equal(items[0].id, 13);
	assert_int_equal(items[0].packet_count, 70000);
	assert_int_equal(items[1].id, 12);
	assert_int_equal(items[1].port_count, 7);
	assert_int_equal(items[2].id, 2);
	assert_int_equal(incidents_fold(NULL, 0), 0);
}

static void what_is_no_incident_is_not_read_as_one(void **state)
{
	(void)state;
	static const char *const details[] = {
		"",
		"incident=0 probe=syn",
		"incident=1",
		"incident=1 probe=sy\tn",
		"incident=x probe=syn",
		"incident=1 probe=syn open=22,99999",
		"incident=1 probe=syn open=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17",
		"incident=1 probe=syn ports=1,2,3,4,5,6,7,8,9",
		"incident=1 probe=syn from=nowhere",
		"incident=1 probe=syn bits=129",
		"incident=1 probe=syn first=9223372036854775807 lasted=1",
		"incident=1 probe",
	};
	struct event event = { .kind = EVENT_SCAN_STARTED, .finding = "scan" };
	struct incident out;
	for (unsigned i = 0; i < sizeof(details) / sizeof(details[0]); i++) {
		(void)str_copy(event.detail, sizeof(event.detail), details[i]);
		assert_int_equal(incident_read(&out, &event), -EINVAL);
	}
	(void)str_copy(event.detail, sizeof(event.detail), "incident=1 probe=syn later=7");
	assert_int_equal(incident_read(&out, &event), 0);
	event.kind = EVENT_BANNED;
	assert_int_equal(incident_read(&out, &event), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorting_keeps_owners_with_their_listener),
		cmocka_unit_test(packets_go_to_the_socket_of_their_address),
		cmocka_unit_test(words_and_numbers_agree),
		cmocka_unit_test(an_incident_goes_through_its_event),
		cmocka_unit_test(an_incident_that_does_not_fit_loses_lists_alone),
		cmocka_unit_test(of_an_incident_the_end_is_kept),
		cmocka_unit_test(what_is_no_incident_is_not_read_as_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
