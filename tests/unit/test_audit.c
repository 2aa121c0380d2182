/* audit: what was found, held against what is declared. */
#include <errno.h>

#include "audit/audit.h"
#include "parsed_policy.h"

static const char text[] =
	"minato: 1\n"
	"who:\n"
	"  friends: [192.0.2.0/24]\n"
	"  printer: {mac: \"00:11:22:33:44:55\"}\n"
	"defaults: {owner: me}\n"
	"hosts:\n"
	"  nas:\n"
	"    address: 198.51.100.9\n"
	"    ports:\n"
	"      web: {port: 80/tcp, for: pages, from: any}\n"
	"      files: {port: 445/tcp, for: files, from: friends}\n"
	"      print: {port: 631/tcp, for: printing, from: printer}\n"
	"      names: {port: [53/tcp, 53/udp], for: names, from: any}\n"
	"      old: {port: 8080/tcp, for: trial, from: any, until: 2026-11-01}\n";

static struct audit_declared declared_of(const struct policy *policy, const char *from)
{
	struct audit_declared declared = { .policy = policy,
					   .items = policy->hosts.items[0].ports.items,
					   .count = policy->hosts.items[0].ports.count,
					   .today = TODAY };
	(void)addr_parse(&declared.from, from);
	return declared;
}

static void test_verdicts(void **state)
{
	(void)state;
	static const struct {
		enum protocol protocol;
		uint16_t port;
		enum sweep_state found;
		const char *from;
		bool tells;
		enum audit_verdict verdict;
	} cases[] = {
		{ PROTOCOL_TCP, 80, SWEEP_OPEN, "203.0.113.1", true, AUDIT_IN_ORDER },
		{ PROTOCOL_TCP, 80, SWEEP_CLOSED, "203.0.113.1", true, AUDIT_CLOSED },
		{ PROTOCOL_TCP, 80, SWEEP_SILENT, "203.0.113.1", true, AUDIT_FILTERED },
		{ PROTOCOL_TCP, 80, SWEEP_REJECTED, "203.0.113.1", true, AUDIT_FILTERED },
		{ PROTOCOL_TCP, 80, SWEEP_UNASKED, "203.0.113.1", true, AUDIT_NOT_ASKED },
		{ PROTOCOL_TCP, 445, SWEEP_OPEN, "192.0.2.7", true, AUDIT_IN_ORDER },
		{ PROTOCOL_TCP, 445, SWEEP_SILENT, "192.0.2.7", true, AUDIT_FILTERED },
		{ PROTOCOL_TCP, 445, SWEEP_OPEN, "203.0.113.1", true, AUDIT_OTHERS_ONLY },
		{ PROTOCOL_TCP, 445, SWEEP_SILENT, "203.0.113.1", true, AUDIT_IN_ORDER },
		{ PROTOCOL_TCP, 445, SWEEP_CLOSED, "203.0.113.1", true, AUDIT_IN_ORDER },
		/* Who is told by other than an address may be us. */
		{ PROTOCOL_TCP, 631, SWEEP_OPEN, "203.0.113.1", true, AUDIT_IN_ORDER },
		{ PROTOCOL_TCP, 22, SWEEP_OPEN, "203.0.113.1", true, AUDIT_UNDECLARED },
		{ PROTOCOL_TCP, 22, SWEEP_CLOSED, "203.0.113.1", false, 0 },
		{ PROTOCOL_TCP, 22, SWEEP_SILENT, "203.0.113.1", false, 0 },
		{ PROTOCOL_TCP, 8080, SWEEP_OPEN, "203.0.113.1", true, AUDIT_UNDECLARED },
		{ PROTOCOL_UDP, 53, SWEEP_OPEN, "203.0.113.1", true, AUDIT_IN_ORDER },
		{ PROTOCOL_UDP, 53, SWEEP_SILENT, "203.0.113.1", true, AUDIT_UNKNOWN },
		{ PROTOCOL_UDP, 53, SWEEP_HELD, "203.0.113.1", true, AUDIT_UNKNOWN },
		{ PROTOCOL_UDP, 53, SWEEP_CLOSED, "203.0.113.1", true, AUDIT_CLOSED },
		{ PROTOCOL_UDP, 80, SWEEP_OPEN, "203.0.113.1", true, AUDIT_UNDECLARED },
		{ PROTOCOL_UDP, 80, SWEEP_HELD, "203.0.113.1", true, AUDIT_UNKNOWN },
		{ PROTOCOL_UDP, 80, SWEEP_SILENT, "203.0.113.1", false, 0 },
	};
	struct policy policy = parsed_policy(text);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static uint8_t states[65536];
		struct audit_row row = { 0 };
		struct portset asked = { 0 };
		const struct audit_declared declared = declared_of(&policy, cases[i].from);
		portset_add(&asked, cases[i].port);
		states[cases[i].port] = (uint8_t)cases[i].found;
		const size_t count =
			audit_compare(&row, 1, states, cases[i].protocol, &asked, &declared);
		if ((count == 1) != cases[i].tells ||
		    (count == 1 && row.verdict != cases[i].verdict)) {
			fail_msg("case %zu: %zu rows, %s", i, count,
				 audit_verdict_name(row.verdict));
		}
	}
	policy_deinit(&policy);
}

static void test_without_a_policy_nothing_differs(void **state)
{
	(void)state;
	static uint8_t states[65536] = { [22] = SWEEP_OPEN, [23] = SWEEP_CLOSED };
	const struct audit_declared nothing = { 0 };
	struct portset asked = { 0 };
	struct audit_row rows[4];
	portset_add_range(&asked, 20, 30);
	assert_int_equal(audit_compare(rows, 4, states, PROTOCOL_TCP, &asked, &nothing), 1);
	assert_int_equal(rows[0].port, 22);
	assert_int_equal(rows[0].verdict, AUDIT_NOT_COMPARED);
	assert_false(audit_differs(rows[0].verdict));
}

static void test_what_has_run_out_is_not_asked_for(void **state)
{
	(void)state;
	struct policy policy = parsed_policy(text);
	const struct audit_declared declared = declared_of(&policy, "192.0.2.1");
	struct portset tcp = { 0 }, udp = { 0 };
	audit_declared_ports(&tcp, PROTOCOL_TCP, &declared);
	audit_declared_ports(&udp, PROTOCOL_UDP, &declared);
	assert_int_equal(portset_count(&tcp), 4);
	assert_false(portset_has(&tcp, 8080));
	assert_int_equal(portset_count(&udp), 1);
	assert_true(portset_has(&udp, 53));
	policy_deinit(&policy);
}

static void test_lists_of_ports(void **state)
{
	(void)state;
	static const struct {
		const char *list;
		int r;
		uint32_t count;
	} cases[] = {
		{ "22", 0, 1 },      { "22,80,8000-8100", 0, 103 }, { "1-65535", 0, 65535 },
		{ "", -EINVAL, 0 },  { "0", -EINVAL, 0 },           { "0-10", -EINVAL, 0 },
		{ "x", -EINVAL, 0 }, { "80-22", -EINVAL, 0 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct portset ports = { 0 };
		const int r = audit_parse_ports(&ports, cases[i].list);
		if ((r < 0) != (cases[i].r < 0) || portset_count(&ports) != cases[i].count) {
			fail_msg("%s: %d, %u", cases[i].list, r, portset_count(&ports));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_without_a_policy_nothing_differs),
		cmocka_unit_test(test_what_has_run_out_is_not_asked_for),
		cmocka_unit_test(test_lists_of_ports),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
