/* discover: what is asked, in which bounds, and what is believed of what comes back. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "discover/discover.h"

static struct discover_order order_of(const char *network, const char *own)
{
	struct discover_order order = { .count = 1, .rate = DISCOVER_RATE };
	assert_int_equal(prefix_parse(&order.networks[0].prefix, network), 0);
	assert_int_equal(addr_parse(&order.networks[0].own, own), 0);
	return order;
}

static void an_order_is_no_more_than_allowed(void **state)
{
	(void)state;
	static const struct {
		const char *network, *own;
		bool valid;
	} cases[] = {
		{ "192.0.2.0/24", "192.0.2.1", true },      { "10.0.0.0/22", "10.0.3.1", true },
		{ "10.0.0.0/21", "10.0.3.1", false },       { "0.0.0.0/0", "10.0.3.1", false },
		{ "192.0.2.0/24", "198.51.100.1", false },  { "224.0.0.0/24", "224.0.0.1", false },
		{ "2001:db8::/120", "2001:db8::1", false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct discover_order order = order_of(cases[i].network, cases[i].own);
		assert_int_equal(discover_order_valid(&order), cases[i].valid);
	}
	struct discover_order order = order_of("192.0.2.0/24", "192.0.2.1");
	order.rate = DISCOVER_RATE + 1;
	assert_false(discover_order_valid(&order));
	order.rate = DISCOVER_RATE;
	order.count = DISCOVER_NETWORKS_MAX + 1;
	assert_false(discover_order_valid(&order));
	order.count = 1;
	order.wait = 2 * USEC_PER_MIN;
	assert_false(discover_order_valid(&order));
}

static void each_host_of_each_network_is_asked_once(void **state)
{
	(void)state;
	struct discover_order order = order_of("192.0.2.0/30", "192.0.2.1");
	static const char *const wanted[] = { "192.0.2.1",   "192.0.2.2",   "10.1.1.254",
					      "10.1.1.255",  "203.0.113.1", "203.0.113.2",
					      "203.0.113.3", "203.0.113.4", "203.0.113.5",
					      "203.0.113.6" };
	order.count = 3;
	order.networks[1] = order_of("10.1.1.254/31", "10.1.1.254").networks[0];
	order.networks[2] = order_of("203.0.113.0/29", "203.0.113.1").networks[0];
	assert_int_equal(discover_address_count(&order), 10);
	for (size_t i = 0; i < 10; i++) {
		char text[ADDR_TEXT_BYTES];
		const struct addr address = discover_address(&order, i);
		assert_string_equal(addr_format(&address, text), wanted[i]);
	}
	const struct discover_order large = order_of("10.0.0.0/22", "10.0.0.1");
	char text[ADDR_TEXT_BYTES];
	const struct addr last = discover_address(&large, discover_address_count(&large) - 1);
	assert_int_equal(discover_address_count(&large), 1022);
	assert_string_equal(addr_format(&last, text), "10.0.3.254");
}

static void nothing_is_believed_that_could_not_be_shown(void **state)
{
	(void)state;
	const struct discover_order order = order_of("192.0.2.0/24", "192.0.2.1");
	static const struct {
		const char *from, *text;
		uint32_t kind;
		bool valid;
	} cases[] = {
		{ "192.0.2.7", "printer", DISCOVER_NAME, true },
		{ "192.0.2.7", "upnp MediaServer", DISCOVER_SERVICE, true },
		{ "192.0.2.7", "printer", DISCOVER_KINDS, false },
		{ "192.0.3.7", "printer", DISCOVER_NAME, false },
		{ "2001:db8::7", "printer", DISCOVER_NAME, false },
		{ "192.0.2.7", "", DISCOVER_NAME, false },
		{ "192.0.2.7", "\x1b[31m", DISCOVER_NAME, false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct discover_record record = { .kind = cases[i].kind };
		assert_int_equal(addr_parse(&record.from, cases[i].from), 0);
		(void)snprintf(record.text, sizeof(record.text), "%s", cases[i].text);
		assert_int_equal(discover_record_valid(&record, &order), cases[i].valid);
	}
	struct discover_record endless = { .kind = DISCOVER_NAME };
	assert_int_equal(addr_parse(&endless.from, "192.0.2.7"), 0);
	memset(endless.text, 'a', sizeof(endless.text));
	assert_false(discover_record_valid(&endless, &order));
}

/* ---- answers ---- */

struct heard {
	unsigned count;
	struct discover_record records[8];
};

static int hear(const struct discover_record *record, void *data)
{
	struct heard *heard = data;
	if (heard->count == 8) {
		return 1;
	}
	heard->records[heard->count++] = *record;
	return 0;
}

static void an_answer_of_mdns_is_a_name_and_services(void **state)
{
	(void)state;
	static const uint8_t packet[] =
		"\0\0\x84\0\0\0\0\3\0\0\0\1"
		/* _services._dns-sd._udp.local PTR _ipp._tcp.local */
		"\x9_services\x7_dns-sd\4_udp\5local\0\0\14\0\1\0\0\0\12\0\14\4_ipp\4_tcp\xc0\x23"
		/* _http._tcp.local PTR Front.(the same): who has it, not what it is called */
		"\5_http\4_tcp\5local\0\0\14\0\1\0\0\0\12\0\2\xc0\x0c"
		/* a kind that is none */
		"\5_http\4_xyz\5local\0\0\14\0\1\0\0\0\12\0\2\xc0\x0c"
		/* printer.local A */
		"\7printer\5local\0\0\1\0\1\0\0\0\12\0\4\12\0\0\1";
	const struct addr from = addr_from_ipv4("\xc0\0\2\7");
	struct heard heard = { 0 };
	assert_int_equal(discover_read_mdns(packet, sizeof(packet) - 1, &from, hear, &heard), 0);
	assert_int_equal(heard.count, 3);
	assert_string_equal(heard.records[0].text, "ipp/tcp");
	assert_string_equal(heard.records[1].text, "http/tcp");
	assert_string_equal(heard.records[2].text, "printer");
	assert_int_equal(heard.records[2].kind, DISCOVER_NAME);
	for (size_t cut = 0; cut < sizeof(packet); cut++) {
		heard.count = 0;
		(void)discover_read_mdns(packet, cut, &from, hear, &heard);
	}
}

static void a_question_of_ours_is_no_answer(void **state)
{
	(void)state;
	uint8_t question[DISCOVER_QUESTION_BYTES];
	const struct addr from = addr_from_ipv4("\xc0\0\2\7");
	struct heard heard = { 0 };
	size_t length = discover_mdns_question(question);
	assert_in_range(length, 100, sizeof(question));
	assert_int_equal(discover_read_mdns(question, length, &from, hear, &heard), 0);
	length = discover_ssdp_question(question);
	assert_in_range(length, 50, sizeof(question));
	assert_int_equal(discover_read_ssdp(question, length, &from, hear, &heard), 0);
	assert_int_equal(heard.count, 0);
}

static void an_answer_of_ssdp_is_a_kind_of_device(void **state)
{
	(void)state;
	static const struct {
		const char *packet, *text;
	} cases[] = {
		{ "HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:MediaServer:1\r\n",
		  "upnp MediaServer" },
		{ "HTTP/1.1 200 OK\r\nEXT:\r\nst:\turn:x:service:WANIPConnection:2 \r\n\r\n",
		  "upnp WANIPConnection" },
		{ "HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\n", NULL },
		{ "HTTP/1.1 200 OK\r\nST: urn:x:device:\x1b[2J:1\r\n", NULL },
		{ "HTTP/1.1 200 OK\r\nST: urn:a\r\n", NULL },
		{ "HTTP/1.1 404 no\r\nST: urn:x:device:A:1\r\n", NULL },
		{ "NOTIFY * HTTP/1.1\r\nST: urn:x:device:A:1\r\n", NULL },
		{ "", NULL },
	};
	const struct addr from = addr_from_ipv4("\xc0\0\2\7");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct heard heard = { 0 };
		assert_int_equal(discover_read_ssdp((const uint8_t *)cases[i].packet,
						    strlen(cases[i].packet), &from, hear, &heard),
				 0);
		assert_int_equal(heard.count, cases[i].text != NULL);
		if (cases[i].text != NULL) {
			assert_string_equal(heard.records[0].text, cases[i].text);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_order_is_no_more_than_allowed),
		cmocka_unit_test(each_host_of_each_network_is_asked_once),
		cmocka_unit_test(nothing_is_believed_that_could_not_be_shown),
		cmocka_unit_test(an_answer_of_mdns_is_a_name_and_services),
		cmocka_unit_test(a_question_of_ours_is_no_answer),
		cmocka_unit_test(an_answer_of_ssdp_is_a_kind_of_device),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
