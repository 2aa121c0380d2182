/* probe: targets as they are typed, bytes of services, and what the steps mean. */
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "check.h"
#include "probe/probe.h"

/* ---- targets ---- */

static void test_targets(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int r;
		const char *service, *host;
		unsigned port;
		const char *path;
	} cases[] = {
		{ "https://example.net", 0, "https", "example.net", 443, "/" },
		{ "https://example.net:8443/a?b", 0, "https", "example.net", 8443, "/a?b" },
		{ "http://[2001:db8::1]:81", 0, "http", "2001:db8::1", 81, "/" },
		{ "smtp://192.0.2.1", 0, "smtp", "192.0.2.1", 25, "/" },
		{ "192.0.2.1:22", 0, "ssh", "192.0.2.1", 22, "/" },
		{ "host:9999", 0, "tcp", "host", 9999, "/" },
		{ "[::1]:443", 0, "https", "::1", 443, "/" },
		{ "udp://192.0.2.1:53", 0, "udp", "192.0.2.1", 53, "/" },
		{ "25565", 0, "tcp", "", 25565, "/" },
		{ "53/udp", 0, "dns", "", 53, "/" },
		{ "443/tcp", 0, "https", "", 443, "/" },
		{ "0", -ERANGE },
		{ "65536", -ERANGE },
		{ "22/sctp", -EINVAL },
		{ "", -EINVAL },
		{ "host", -EDESTADDRREQ },
		{ "2001:db8::1", -EDESTADDRREQ },
		{ "tls://host", -EDESTADDRREQ },
		{ "host:0", -ERANGE },
		{ "host:x", -ERANGE },
		{ "gopher://host", -ENOENT },
		{ "averyveryverylongscheme://host", -ENOENT },
		{ "https://", -EINVAL },
		{ "https://a b", -EINVAL },
		{ "https://-oProxyCommand=x", -EINVAL },
		{ "https://a\x1b[2J", -EINVAL },
		{ "https://a/\r\nHost: b", -EINVAL },
		{ "[::1", -EINVAL },
		{ "[::1]x", -EINVAL },
		{ "host:80/path", -EINVAL },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct probe_target target;
		const int r = probe_target_parse(&target, cases[i].text);
		if (r != cases[i].r) {
			fail_msg("%s: %d instead of %d", cases[i].text, r, cases[i].r);
		}
		if (r == 0) {
			assert_string_equal(target.service->name, cases[i].service);
			assert_string_equal(target.host, cases[i].host);
			assert_int_equal(target.port, cases[i].port);
			assert_string_equal(target.path, cases[i].path);
		}
	}
	struct probe_target target;
	char text[1024] = "https://";
	memset(text + 8, 'a', 900);
	assert_int_equal(probe_target_parse(&target, text), -ENAMETOOLONG);
}

/* ---- addresses ---- */

static void test_families_alternate(void **state)
{
	(void)state;
	static const char *const given[] = { "2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2",
					     "192.0.2.3" };
	static const char *const wanted[] = { "2001:db8::1", "192.0.2.1", "2001:db8::2",
					      "192.0.2.2", "192.0.2.3" };
	struct addr addresses[5];
	struct probe_order order = { 0 };
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(addr_parse(&addresses[i], given[i]), 0);
	}
	probe_order_addresses(&order, addresses, 5);
	assert_int_equal(order.address_count, 5);
	for (size_t i = 0; i < 5; i++) {
		char text[ADDR_TEXT_BYTES];
		assert_string_equal(addr_format(&order.addresses[i], text), wanted[i]);
	}
	struct addr many[PROBE_ADDRESSES_MAX * 3];
	for (size_t i = 0; i < PROBE_ADDRESSES_MAX * 3; i++) {
		many[i] = addresses[2];
	}
	probe_order_addresses(&order, many, PROBE_ADDRESSES_MAX * 3);
	assert_int_equal(order.address_count, PROBE_ADDRESSES_MAX);
}

static void test_addresses_are_what_connect_takes_them_for(void **state)
{
	static const char *const cases[][2] = {
		{ "0.0.0.0", "127.0.0.1" },
		{ "::", "::1" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "::ffff:0.0.0.0", "127.0.0.1" },
		{ "::1", "::1" },
		{ "127.0.0.2", "127.0.0.2" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct addr address;
		struct probe_order order = { 0 };
		char text[ADDR_TEXT_BYTES];
		assert_int_equal(addr_parse(&address, cases[i][0]), 0);
		probe_order_addresses(&order, &address, 1);
		assert_string_equal(addr_format(&order.addresses[0], text), cases[i][1]);
	}
}

/* ---- bytes ---- */

static void test_answers(void **state)
{
	(void)state;
	static const struct {
		enum probe_talk talk;
		const char *bytes;
		size_t length; /* 0 = of the text */
		bool whole;
		enum probe_outcome outcome;
		unsigned status;
		const char *text;
	} cases[] = {
		{ PROBE_TALK_HTTP, "HTTP/1.1 200 OK\r\nA: b\r\n", 0, true, PROBE_OK, 200,
		  "HTTP/1.1 200 OK" },
		{ PROBE_TALK_HTTP, "SSH-2.0-x\r\n", 0, true, PROBE_STRANGE, 0, "SSH-2.0-x" },
		{ PROBE_TALK_HTTP, "HTTP/1.1 2", 0, false, PROBE_STRANGE, 0, "HTTP/1.1 2" },
		{ PROBE_TALK_SMTP, "220 mail ESMTP\r\n", 0, true, PROBE_OK, 220, "220 mail ESMTP" },
		{ PROBE_TALK_SMTP, "220-mail\r\n", 0, false, PROBE_OK, 220, "220-mail" },
		{ PROBE_TALK_SMTP, "220-mail\r\n220 ready\r\n", 0, true, PROBE_OK, 220,
		  "220-mail" },
		{ PROBE_TALK_SMTP, "HTTP/1.1 400\r\n", 0, true, PROBE_STRANGE, 0, "HTTP/1.1 400" },
		{ PROBE_TALK_SSH, "SSH-2.0-OpenSSH_9.2\r\n", 0, true, PROBE_OK, 0,
		  "SSH-2.0-OpenSSH_9.2" },
		{ PROBE_TALK_IMAP, "* OK ready\r\n", 0, true, PROBE_OK, 0, "* OK ready" },
		{ PROBE_TALK_POP3, "-ERR no\r\n", 0, true, PROBE_OK, 0, "-ERR no" },
		{ PROBE_TALK_REDIS, "-NOAUTH x\r\n", 0, true, PROBE_OK, 0, "-NOAUTH x" },
		{ PROBE_TALK_NONE, "hi\x1b[31m\xff", 8, true, PROBE_OK, 0, "hi.[31m." },
		{ PROBE_TALK_HTTP, "\x15\x03\x01\x00\x02\x02\x46", 7, true, PROBE_STRANGE, 0, "" },
		{ PROBE_TALK_DNS, "mn\x81\x80\0\1\0\1\0\0\0\0", 12, true, PROBE_OK, 0,
		  "DNS, code 0" },
		{ PROBE_TALK_DNS, "mn\x01\x80\0\1\0\1\0\0\0\0", 12, true, PROBE_STRANGE, 0,
		  "mn......" },
		{ PROBE_TALK_POSTGRESQL, "S", 0, true, PROBE_OK, 0, "" },
		/* Bytes before TLS were said by who is between: CVE-2021-23222. */
		{ PROBE_TALK_POSTGRESQL, "Sx", 0, true, PROBE_STRANGE, 0, "" },
		{ PROBE_TALK_NNTP, "200 news\r\n", 0, true, PROBE_OK, 200, "200 news" },
		{ PROBE_TALK_NNTP, "hello\r\n", 0, true, PROBE_STRANGE, 0, "hello" },
		{ PROBE_TALK_SIEVE, "\"IMPLEMENTATION\" \"x\"\r\nOK\r\n", 0, true, PROBE_OK, 0,
		  "\"IMPLEMENTATION\" \"x\"" },
		{ PROBE_TALK_SIEVE, "* OK\r\n", 0, true, PROBE_STRANGE, 0, "* OK" },
		{ PROBE_TALK_MYSQL, "\x10\0\0\0\n8.0.33\0abcdefgh", 20, true, PROBE_OK, 0,
		  "MySQL 8.0.33" },
		{ PROBE_TALK_MYSQL, "\x20\0\0\0\n5.5.5-10.11.19-MariaDB\0abcdefgh", 36, true,
		  PROBE_OK, 0, "MariaDB 10.11.19-MariaDB" },
		{ PROBE_TALK_MYSQL, "\x10\0\0\0\n8.0.", 9, false, PROBE_OK, 0, "MySQL 8.0." },
		{ PROBE_TALK_MYSQL, "\x15\0\0\0\xffj\x04not allowed", 18, false, PROBE_OK, 1130,
		  "not allowed" },
		{ PROBE_TALK_MYSQL, "220 mail\r\n", 0, false, PROBE_STRANGE, 0, "220 mail" },
		{ PROBE_TALK_IRC, ":irc.example NOTICE * :hi\r\n", 0, true, PROBE_OK, 0,
		  ":irc.example NOTICE * :hi" },
		{ PROBE_TALK_IRC, "220 mail\r\n", 0, true, PROBE_STRANGE, 0, "220 mail" },
		{ PROBE_TALK_XMPP, "<?xml?><stream:stream id='1'>", 0, false, PROBE_OK, 0,
		  "<?xml?><stream:stream id='1'>" },
		{ PROBE_TALK_XMPP, "HTTP/1.1 400 no\r\n", 0, true, PROBE_STRANGE, 0,
		  "HTTP/1.1 400 no" },
		{ PROBE_TALK_LDAP, "0\x0c\2\1\1x\7\n\1\0\4\0\4\0", 14, true, PROBE_OK, 0, "" },
		{ PROBE_TALK_LDAP, "\x15\x03\x01\0\2\2\x16", 7, true, PROBE_STRANGE, 0, "" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint8_t *bytes = (const uint8_t *)cases[i].bytes;
		const size_t length =
			cases[i].length != 0 ? cases[i].length : strlen(cases[i].bytes);
		struct probe_record record = { .step = PROBE_STEP_ANSWER };
		probe_read_answer(&record, cases[i].talk, bytes, length);
		if (record.outcome != cases[i].outcome || record.status != cases[i].status ||
		    strncmp(record.text, cases[i].text, strlen(cases[i].text)) != 0 ||
		    probe_is_whole(cases[i].talk, bytes, length) != cases[i].whole) {
			fail_msg("case %zu: %u %u \"%s\"", i, record.outcome, record.status,
				 record.text);
		}
		assert_true(probe_record_valid(&record));
	}
}

/* ---- causes ---- */

static struct addr four(const char *text)
{
	struct addr address;
	assert_int_equal(addr_parse(&address, text), 0);
	return address;
}

static const usec_t now = 1000 * USEC_PER_DAY;

static void test_causes_of_a_connection(void **state)
{
	(void)state;
	static const struct {
		enum probe_outcome outcome;
		int error;
		int type, code; /* ICMP; -1 = none */
		const char *from;
		bool udp;
		enum probe_cause cause;
	} cases[] = {
		{ PROBE_FAILED, ECONNREFUSED, -1, 0, "", false, PROBE_REFUSED },
		{ PROBE_FAILED, ECONNREFUSED, 3, 3, "192.0.2.1", false, PROBE_REFUSED_FIREWALL },
		{ PROBE_FAILED, ECONNREFUSED, 3, 3, "192.0.2.1", true, PROBE_REFUSED },
		{ PROBE_FAILED, ECONNREFUSED, 3, 3, "192.0.2.254", true, PROBE_REFUSED_FIREWALL },
		{ PROBE_FAILED, EHOSTUNREACH, 3, 13, "192.0.2.254", false, PROBE_REFUSED_FIREWALL },
		{ PROBE_FAILED, EHOSTUNREACH, 3, 10, "192.0.2.254", false, PROBE_REFUSED_FIREWALL },
		{ PROBE_FAILED, EHOSTUNREACH, 3, 1, "192.0.2.254", false, PROBE_UNREACHABLE },
		{ PROBE_FAILED, EHOSTUNREACH, -1, 0, "", false, PROBE_UNREACHABLE },
		{ PROBE_FAILED, ENETUNREACH, -1, 0, "", false, PROBE_LOCAL },
		{ PROBE_FAILED, EADDRNOTAVAIL, -1, 0, "", false, PROBE_LOCAL },
		{ PROBE_FAILED, EPERM, -1, 0, "", false, PROBE_LOCAL },
		{ PROBE_TIMED_OUT, 0, -1, 0, "", false, PROBE_FILTERED },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct probe_order order = { .udp = cases[i].udp };
		struct probe_record record = { .step = PROBE_STEP_CONNECT,
					       .outcome = cases[i].outcome,
					       .error = cases[i].error,
					       .to = four("192.0.2.1") };
		const struct probe_record *evidence = NULL;
		if (cases[i].type >= 0) {
			record.icmp =
				(struct probe_icmp){ 1, (uint8_t)cases[i].type,
						     (uint8_t)cases[i].code, four(cases[i].from) };
		}
		const enum probe_cause cause = probe_judge(&order, &record, 1, now, &evidence);
		if (cause != cases[i].cause) {
			fail_msg("case %zu: %s", i, probe_cause_name(cause));
		}
		assert_ptr_equal(evidence, &record);
	}
}

static void test_the_most_telling_of_several(void **state)
{
	(void)state;
	const struct probe_order order = { 0 };
	const struct probe_record *evidence = NULL;
	struct probe_record records[] = {
		{ .step = PROBE_STEP_CONNECT, .outcome = PROBE_FAILED, .error = ENETUNREACH },
		{ .step = PROBE_STEP_CONNECT, .outcome = PROBE_TIMED_OUT },
		{ .step = PROBE_STEP_CONNECT, .outcome = PROBE_FAILED, .error = ECONNREFUSED },
	};
	assert_int_equal(probe_judge(&order, records, 3, now, &evidence), PROBE_REFUSED);
	assert_int_equal(probe_judge(&order, records, 2, now, &evidence), PROBE_FILTERED);
	assert_int_equal(probe_judge(&order, records, 1, now, &evidence), PROBE_LOCAL);
}

static void test_causes_of_what_is_said(void **state)
{
	(void)state;
	static const struct {
		enum probe_talk talk;
		enum probe_tls_use tls;
		enum probe_step step;
		enum probe_outcome outcome;
		int error;
		unsigned status;
		bool tls_bytes;
		enum probe_cause cause;
	} cases[] = {
		{ PROBE_TALK_HTTP, 0, PROBE_STEP_ANSWER, PROBE_OK, 0, 200, false, PROBE_ANSWERS },
		{ PROBE_TALK_HTTP, 0, PROBE_STEP_ANSWER, PROBE_OK, 0, 404, false, PROBE_ANSWERS },
		{ PROBE_TALK_HTTP, 0, PROBE_STEP_ANSWER, PROBE_OK, 0, 503, false,
		  PROBE_SERVICE_FAULT },
		{ PROBE_TALK_MYSQL, 0, PROBE_STEP_ANSWER, PROBE_OK, 0, 1130, false,
		  PROBE_SERVICE_FAULT },
		{ PROBE_TALK_NNTP, 0, PROBE_STEP_ANSWER, PROBE_OK, 0, 400, false,
		  PROBE_SERVICE_FAULT },
		{ PROBE_TALK_POSTGRESQL, PROBE_TLS_ASKED, PROBE_STEP_ANSWER, PROBE_TIMED_OUT, 0, 0,
		  false, PROBE_SILENT },
		{ PROBE_TALK_SMTP, 0, PROBE_STEP_ANSWER, PROBE_OK, 0, 421, false,
		  PROBE_SERVICE_FAULT },
		{ PROBE_TALK_HTTP, 0, PROBE_STEP_ANSWER, PROBE_STRANGE, 0, 0, true,
		  PROBE_WANTS_TLS },
		{ PROBE_TALK_SSH, 0, PROBE_STEP_ANSWER, PROBE_STRANGE, 0, 0, false,
		  PROBE_OTHER_SERVICE },
		{ PROBE_TALK_SSH, 0, PROBE_STEP_ANSWER, PROBE_TIMED_OUT, 0, 0, false,
		  PROBE_SILENT },
		{ PROBE_TALK_NONE, 0, PROBE_STEP_ANSWER, PROBE_TIMED_OUT, 0, 0, false,
		  PROBE_ANSWERS },
		{ PROBE_TALK_SSH, 0, PROBE_STEP_ANSWER, PROBE_ENDED, 0, 0, false,
		  PROBE_BROKEN_OFF },
		{ PROBE_TALK_SSH, 0, PROBE_STEP_ANSWER, PROBE_FAILED, ECONNRESET, 0, false,
		  PROBE_BROKEN_OFF },
		{ PROBE_TALK_HTTP, PROBE_TLS_DIRECT, PROBE_STEP_TLS, PROBE_STRANGE, 0, 0, false,
		  PROBE_IS_PLAIN },
		{ PROBE_TALK_HTTP, PROBE_TLS_DIRECT, PROBE_STEP_TLS, PROBE_FAILED, EPROTO, 0, false,
		  PROBE_TLS_REFUSED },
		{ PROBE_TALK_HTTP, PROBE_TLS_DIRECT, PROBE_STEP_TLS, PROBE_TIMED_OUT, 0, 0, false,
		  PROBE_SILENT },
		{ PROBE_TALK_HTTP, PROBE_TLS_DIRECT, PROBE_STEP_TLS, PROBE_ENDED, 0, 0, false,
		  PROBE_BROKEN_OFF },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct probe_order order = { .talk = cases[i].talk, .tls = cases[i].tls };
		const struct probe_record records[] = {
			{ .step = PROBE_STEP_CONNECT, .outcome = PROBE_OK },
			{ .step = cases[i].step,
			  .outcome = cases[i].outcome,
			  .error = cases[i].error,
			  .status = (uint16_t)cases[i].status,
			  .tls_bytes = cases[i].tls_bytes },
		};
		const struct probe_record *evidence = NULL;
		const enum probe_cause cause = probe_judge(&order, records, 2, now, &evidence);
		if (cause != cases[i].cause) {
			fail_msg("case %zu: %s", i, probe_cause_name(cause));
		}
		assert_ptr_equal(evidence, &records[1]);
	}
}

static void test_certificates(void **state)
{
	(void)state;
	const struct probe_tls fine = { .not_before = now - 1,
					.not_after = now + 1,
					.name_matches = 1 };
	struct probe_tls tls = fine;
	assert_int_equal(probe_certificate_fault(&tls, now), PROBE_CERTIFICATE_FINE);
	tls.verify = 20;
	assert_int_equal(probe_certificate_fault(&tls, now), PROBE_CERTIFICATE_UNTRUSTED);
	tls.self_signed = 1;
	assert_int_equal(probe_certificate_fault(&tls, now), PROBE_CERTIFICATE_SELF_SIGNED);
	tls.name_matches = 0;
	assert_int_equal(probe_certificate_fault(&tls, now), PROBE_CERTIFICATE_NAME);
	tls.not_before = now + 1;
	assert_int_equal(probe_certificate_fault(&tls, now), PROBE_CERTIFICATE_NOT_YET);
	tls.not_after = now - 1;
	assert_int_equal(probe_certificate_fault(&tls, now), PROBE_CERTIFICATE_EXPIRED);
}

static void test_versions_that_are_too_old(void **state)
{
	static const struct {
		const char *version;
		bool matches;
		enum probe_cause cause;
	} cases[] = {
		{ "TLSv1", true, PROBE_OLD_PROTOCOL }, { "TLSv1.1", true, PROBE_OLD_PROTOCOL },
		{ "SSLv3", true, PROBE_OLD_PROTOCOL }, { "TLSv1.2", true, PROBE_ANSWERS },
		{ "TLSv1.3", true, PROBE_ANSWERS },    { "TLSv1.1", false, PROBE_CERTIFICATE },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct probe_order order = { .tls = PROBE_TLS_DIRECT };
		const struct probe_record *evidence = NULL;
		struct probe_record records[2] = { { .step = PROBE_STEP_CONNECT },
						   { .step = PROBE_STEP_TLS } };
		records[1].tls = (struct probe_tls){ .not_before = now - 1,
						     .not_after = now + 1,
						     .name_matches = cases[i].matches };
		(void)str_copy(records[1].tls.version, sizeof(records[1].tls.version),
			       cases[i].version);
		assert_int_equal(probe_judge(&order, records, 2, now, &evidence), cases[i].cause);
		assert_true(probe_cause_answers(cases[i].cause));
	}
	assert_false(probe_cause_answers(PROBE_FILTERED));
}

static void test_every_cause_has_its_own_exit_code(void **state)
{
	(void)state;
	bool seen[64] = { false };
	for (int i = 0; i < PROBE_CAUSES; i++) {
		const int code = probe_cause_exit((enum probe_cause)i);
		assert_true(code == 0 || (code >= 10 && code < 64));
		assert_false(seen[code]);
		seen[code] = true;
		assert_non_null(probe_cause_name((enum probe_cause)i));
	}
}

/* ---- what is believed ---- */

static void test_records_of_another_form_are_refused(void **state)
{
	(void)state;
	const struct probe_record fine = { .step = PROBE_STEP_TLS, .outcome = PROBE_OK };
	struct probe_record record = fine;
	assert_true(probe_record_valid(&record));
	record.step = PROBE_STEPS;
	assert_false(probe_record_valid(&record));
	record = fine;
	record.outcome = PROBE_OUTCOMES;
	assert_false(probe_record_valid(&record));
	record = fine;
	memset(record.text, 'a', sizeof(record.text));
	assert_false(probe_record_valid(&record));
	record = fine;
	(void)str_copy(record.tls.subject, sizeof(record.tls.subject), "a\x1b[2J");
	assert_false(probe_record_valid(&record));
	record = fine;
	record.to.family = 77;
	assert_false(probe_record_valid(&record));
	record = fine;
	record.took = -1;
	assert_false(probe_record_valid(&record));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_families_alternate),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_causes_of_a_connection),
		cmocka_unit_test(test_the_most_telling_of_several),
		cmocka_unit_test(test_causes_of_what_is_said),
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_versions_that_are_too_old),
		cmocka_unit_test(test_addresses_are_what_connect_takes_them_for),
		cmocka_unit_test(test_every_cause_has_its_own_exit_code),
		cmocka_unit_test(test_records_of_another_form_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
