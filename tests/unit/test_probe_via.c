/* probe: files of this host about its own side, and asking from another host. */
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "check.h"
#include "probe/probe.h"

/* ---- files of this host ---- */

static void test_resolvers(void **state)
{
	static const char text[] = "# a comment\nsearch example.net\nnameserver 192.0.2.53\n"
				   "nameserver\nnameserver nonsense\n  nameserver\tfe80::1%eth0\n"
				   "nameserver 2001:db8::53 # here\nnameserver 192.0.2.54";
	struct addr found[PROBE_RESOLVERS_MAX];
	char address[ADDR_TEXT_BYTES];
	(void)state;
	assert_int_equal(probe_resolvers_parse(found, PROBE_RESOLVERS_MAX, text), 3);
	assert_string_equal(addr_format(&found[0], address), "192.0.2.53");
	assert_string_equal(addr_format(&found[1], address), "fe80::1");
	assert_string_equal(addr_format(&found[2], address), "2001:db8::53");
	assert_int_equal(probe_resolvers_parse(found, PROBE_RESOLVERS_MAX, ""), 0);
}

static void test_overflows(void **state)
{
	static const struct {
		const char *text;
		int r;
		uint64_t count;
	} cases[] = {
		{ "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 1 42 43\nIpExt: A\n",
		  0, 42 },
		{ "TcpExt: ListenOverflows\nTcpExt: 18446744073709551615\n", 0, UINT64_MAX },
		{ "TcpExt: A ListenOverflows\nTcpExt: 1\n", -1, 7 },
		{ "TcpExt: ListenOverflowsToo\nTcpExt: 1\n", -1, 7 },
		{ "TcpExt: ListenOverflows\nIpExt: 1\n", -1, 7 },
		{ "TcpExt: ListenOverflows", -1, 7 },
		{ "", -1, 7 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t count = 7;
		assert_int_equal(probe_overflows_parse(&count, cases[i].text), cases[i].r);
		assert_true(count == cases[i].count);
	}
}

/* ---- from another host ---- */

static void test_where_it_is_asked_from(void **state)
{
	static const struct {
		const char *text, *user, *host; /* host NULL = refused */
		uint16_t port;
	} cases[] = {
		{ "ssh:vps", "", "vps", 0 },
		{ "ssh:me@vps.example.net", "me", "vps.example.net", 0 },
		{ "ssh://me@vps:2222", "me", "vps", 2222 },
		{ "ssh:me@[2001:db8::1]:22", "me", "2001:db8::1", 22 },
		{ "ssh:[::1]", "", "::1", 0 },
		{ "vps", NULL, NULL, 0 },
		{ "ssh:", NULL, NULL, 0 },
		{ "ssh:@vps", NULL, NULL, 0 },
		{ "ssh:me@", NULL, NULL, 0 },
		{ "ssh:-oProxyCommand=x", NULL, NULL, 0 },
		{ "ssh:me@-oProxyCommand=x", NULL, NULL, 0 },
		{ "ssh:-l@vps", NULL, NULL, 0 },
		{ "ssh:a;b", NULL, NULL, 0 },
		{ "ssh:$(x)", NULL, NULL, 0 },
		{ "ssh:a b", NULL, NULL, 0 },
		{ "ssh:a'b", NULL, NULL, 0 },
		{ "ssh:[::1", NULL, NULL, 0 },
		{ "ssh:[x]", NULL, NULL, 0 },
		{ "ssh:[::1]x", NULL, NULL, 0 },
		{ "ssh:h:0", NULL, NULL, 0 },
		{ "ssh:h:65536", NULL, NULL, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct probe_via via;
		const int r = probe_via_parse(&via, cases[i].text);
		if (r != (cases[i].host == NULL ? -EINVAL : 0)) {
			fail_msg("%s: %d", cases[i].text, r);
		}
		if (r == 0) {
			assert_string_equal(via.user, cases[i].user);
			assert_string_equal(via.host, cases[i].host);
			assert_int_equal(via.port, cases[i].port);
		}
	}
}

static void test_words_of_ssh(void **state)
{
	const struct probe_via via = { .user = "me", .host = "vps", .port = 2222 };
	const char *words[PROBE_VIA_WORDS];
	char port[PROBE_VIA_PORT_BYTES];
	size_t count = 0;
	bool batch = false;
	(void)state;
	probe_via_words(words, port, &via);
	for (; words[count] != NULL; count++) {
		batch = batch || strcmp(words[count], "BatchMode=yes") == 0;
		assert_true(count < PROBE_VIA_WORDS);
	}
	assert_true(batch);
	/* Nothing of it is an option: the host stands behind the dashes. */
	assert_string_equal(words[count - 1], "exec sh -s");
	assert_string_equal(words[count - 2], "vps");
	assert_string_equal(words[count - 3], "--");
	assert_string_equal(words[count - 4], "me");
	assert_string_equal(words[count - 6], "2222");
}

static void test_the_script(void **state)
{
	static char script[PROBE_VIA_SCRIPT_BYTES];
	static struct probe_via_question many[PROBE_VIA_MAX];
	struct probe_via_question questions[] = { { "", 25565, false },
						  { "2001:db8::1", 53, true } };
	(void)state;
	assert_int_equal(probe_via_script(script, sizeof(script), questions, 2, 5), 0);
	assert_non_null(strstr(script, "\nask 0 '.' 25565 tcp </dev/null &\n"
				       "ask 1 '2001:db8::1' 53 udp </dev/null &\nwait\n"));
	static const char *const bad[] = { "a'b", "$(x)", "a b", "-z", "a\nb", "a`b" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)str_copy(questions[0].host, sizeof(questions[0].host), bad[i]);
		assert_int_equal(probe_via_script(script, sizeof(script), questions, 2, 5),
				 -EINVAL);
	}
	for (size_t i = 0; i < PROBE_VIA_MAX; i++) {
		memset(many[i].host, 'a', PROBE_HOST_BYTES - 1);
		many[i].port = 65535;
	}
	assert_int_equal(probe_via_script(script, sizeof(script), many, PROBE_VIA_MAX, 60), 0);
	assert_int_equal(probe_via_script(script, 1000, many, PROBE_VIA_MAX, 60), -EFBIG);
}

static void test_lines_of_the_script(void **state)
{
	static const struct {
		const char *line;
		int number;
		enum probe_via_tool tool;
		uint32_t code;
		bool host;
	} cases[] = {
		{ "minato-via 0 bash 0 192.0.2.1", 0, PROBE_VIA_BASH, 0, true },
		{ "minato-via 1 minato 17 2001:db8::1", 1, PROBE_VIA_MINATO, 17, true },
		{ "minato-via 1 nc 15 name.example", 1, PROBE_VIA_NC, 15, false },
		{ "minato-via 1 none 25 ", 1, PROBE_VIA_NOTHING, 25, false },
		{ "minato-via 2 bash 0 h", -EBADMSG, 0, 0, false },
		{ "minato-via -1 bash 0 h", -EBADMSG, 0, 0, false },
		{ "minato-via 0 bash 64 h", -EBADMSG, 0, 0, false },
		{ "minato-via 0 zsh 0 h", -EBADMSG, 0, 0, false },
		{ "minato-via 0 bash", -EBADMSG, 0, 0, false },
		{ "minato-via", -EBADMSG, 0, 0, false },
		{ "Welcome", -EBADMSG, 0, 0, false },
		{ "", -EBADMSG, 0, 0, false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct probe_via_answer answer = { 0 };
		const int number = probe_via_line(&answer, cases[i].line, 2);
		if (number != cases[i].number) {
			fail_msg("%s: %d", cases[i].line, number);
		}
		if (number >= 0) {
			assert_int_equal(answer.given, 1);
			assert_int_equal(answer.tool, cases[i].tool);
			assert_int_equal(answer.code, cases[i].code);
			assert_int_equal(answer.host.family != ADDR_NONE, cases[i].host);
		}
	}
	struct probe_via_answer answer;
	assert_int_equal(probe_via_line(&answer, "minato-via 0 bash 0 h", 0), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resolvers),
		cmocka_unit_test(test_overflows),
		cmocka_unit_test(test_where_it_is_asked_from),
		cmocka_unit_test(test_words_of_ssh),
		cmocka_unit_test(test_the_script),
		cmocka_unit_test(test_lines_of_the_script),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
