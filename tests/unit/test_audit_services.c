/* audit: what speaks at a port, held against what the number is for. */
#include "audit/audit.h"

#include <string.h>

#include "base/str.h"
#include "check.h"

static void test_what_is_said_where(void **state)
{
	(void)state;
	static const struct {
		uint16_t port;
		enum protocol protocol;
		enum identify_talk talk;
		bool tls;
	} cases[] = {
		{ 22, PROTOCOL_TCP, IDENTIFY_TALK_SSH, false },
		{ 443, PROTOCOL_TCP, IDENTIFY_TALK_HTTP, true },
		{ 993, PROTOCOL_TCP, IDENTIFY_TALK_IMAP, true },
		{ 6379, PROTOCOL_TCP, IDENTIFY_TALK_REDIS, false },
		{ 53, PROTOCOL_UDP, IDENTIFY_TALK_DNS, false },
		{ 9100, PROTOCOL_TCP, IDENTIFY_TALK_LISTEN, false }, /* a printer, or an exporter */
		{ 502, PROTOCOL_TCP, IDENTIFY_TALK_LISTEN, false },
		{ 515, PROTOCOL_TCP, IDENTIFY_TALK_LISTEN, false },
		{ 39999, PROTOCOL_TCP, IDENTIFY_TALK_NONE, false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct identify_port port;
		audit_service_port(&port, cases[i].protocol, cases[i].port);
		if (port.talk != cases[i].talk || (port.tls != 0) != cases[i].tls) {
			fail_msg("%u: %s, %u", cases[i].port,
				 identify_talk_name((enum identify_talk)port.talk), port.tls);
		}
	}
}

static struct identity named(uint16_t port, enum identify_talk talk, enum identify_told encrypted)
{
	return (struct identity){ .port = port,
				  .protocol = PROTOCOL_TCP,
				  .outcome = IDENTIFY_NAMED,
				  .talk = (uint8_t)talk,
				  .encrypted = (uint8_t)encrypted };
}

static void test_findings(void **state)
{
	(void)state;
	static const struct {
		uint16_t port;
		enum identify_talk talk;
		enum identify_told encrypted;
		unsigned findings;
	} cases[] = {
		{ 22, IDENTIFY_TALK_SSH, IDENTIFY_TOLD_YES, 0 },
		{ 443, IDENTIFY_TALK_HTTP, IDENTIFY_TOLD_YES, 0 },
		{ 80, IDENTIFY_TALK_HTTP, IDENTIFY_TOLD_NO, 0 },
		{ 443, IDENTIFY_TALK_SSH, IDENTIFY_TOLD_YES, AUDIT_SERVICE_OTHER },
		{ 80, IDENTIFY_TALK_REDIS, IDENTIFY_TOLD_NO, AUDIT_SERVICE_OTHER },
		{ 993, IDENTIFY_TALK_IMAP, IDENTIFY_TOLD_NO, AUDIT_SERVICE_PLAIN },
		{ 993, IDENTIFY_TALK_TLS, IDENTIFY_TOLD_YES, 0 },
		{ 22, IDENTIFY_TALK_TLS, IDENTIFY_TOLD_YES, 0 },
		{ 39999, IDENTIFY_TALK_SSH, IDENTIFY_TOLD_YES, 0 }, /* a number for nothing */
		{ 25565, IDENTIFY_TALK_HTTP, IDENTIFY_TOLD_NO,
		  0 }, /* nobody says what that speaks */
		{ 25565, IDENTIFY_TALK_SSH, IDENTIFY_TOLD_YES, AUDIT_SERVICE_OTHER },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct identity identity =
			named(cases[i].port, cases[i].talk, cases[i].encrypted);
		if (audit_judge_service(&identity) != cases[i].findings) {
			fail_msg("%u %s: %u", cases[i].port, identify_talk_name(cases[i].talk),
				 audit_judge_service(&identity));
		}
	}
}

static void test_quic_is_at_home_at_443(void **state)
{
	(void)state;
	struct identity identity = named(443, IDENTIFY_TALK_QUIC, IDENTIFY_TOLD_YES);
	identity.protocol = PROTOCOL_UDP;
	assert_int_equal(audit_judge_service(&identity), 0);
}

static void test_findings_by_what_is_told(void **state)
{
	(void)state;
	struct identity identity = named(6379, IDENTIFY_TALK_REDIS, IDENTIFY_TOLD_NO);
	identity.without_login = IDENTIFY_TOLD_YES;
	assert_int_equal(audit_judge_service(&identity), AUDIT_SERVICE_WITHOUT_LOGIN);
	identity.without_login = IDENTIFY_TOLD_NO;
	assert_int_equal(audit_judge_service(&identity), 0);
	identity = named(445, IDENTIFY_TALK_SMB, IDENTIFY_TOLD_NO);
	identity.smb1 = IDENTIFY_TOLD_YES;
	assert_int_equal(audit_judge_service(&identity), AUDIT_SERVICE_SMB1);
	identity = named(3389, IDENTIFY_TALK_RDP, IDENTIFY_TOLD_NO);
	identity.nla = IDENTIFY_TOLD_NO;
	assert_int_equal(audit_judge_service(&identity), AUDIT_SERVICE_WITHOUT_NLA);
	identity.outcome = IDENTIFY_SILENT;
	assert_int_equal(audit_judge_service(&identity), 0);
}

static void test_the_entry_that_is_meant(void **state)
{
	(void)state;
	struct identity identity = named(443, IDENTIFY_TALK_HTTP, IDENTIFY_TOLD_YES);
	assert_string_equal(audit_service_knowledge(&identity)->name, "https");
	identity = named(993, IDENTIFY_TALK_IMAP, IDENTIFY_TOLD_YES);
	assert_string_equal(audit_service_knowledge(&identity)->name, "imaps");
	identity = named(39999, IDENTIFY_TALK_HTTP, IDENTIFY_TOLD_NO);
	(void)str_copy(identity.service, sizeof(identity.service), "elasticsearch");
	assert_string_equal(audit_service_knowledge(&identity)->name, "elasticsearch");
	identity.outcome = IDENTIFY_UNKNOWN;
	assert_null(audit_service_knowledge(&identity));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_said_where),
		cmocka_unit_test(test_findings),
		cmocka_unit_test(test_quic_is_at_home_at_443),
		cmocka_unit_test(test_findings_by_what_is_told),
		cmocka_unit_test(test_the_entry_that_is_meant),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
