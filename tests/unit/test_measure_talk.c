/* measure: conversations played against scripts, and what the answers mean. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "measure/measure.h"

enum { REPLIES_MAX = 8 };

/* What a server says, one reply after the other; "" = it ends or stays silent. */
struct script {
	enum measure_talk talk;
	enum probe_tls_use tls;
	const char *replies[REPLIES_MAX];
	enum measure_question question;
	enum measure_told told;
	const char *text;
	const char *said; /* something that was said to it, or NULL */
};

static void order_for(struct measure_order *order, enum measure_talk talk, enum probe_tls_use tls)
{
	*order = (struct measure_order){ .talk = talk };
	order->to.tls = tls;
	order->to.port = 1;
	order->to.address_count = 1;
	(void)addr_parse(&order->to.addresses[0], "192.0.2.1");
	order->to.connect_time = order->to.answer_time = USEC_PER_SEC;
	(void)str_copy(order->to.host, sizeof(order->to.host), "host.example");
	(void)str_copy(order->to.path, sizeof(order->to.path), "/");
	assert_true(measure_order_valid(order));
}

/* Tells pages apart by their length, which is enough here. */
static void digest(char out[MEASURE_DIGEST_BYTES], const void *bytes, size_t length)
{
	(void)bytes;
	(void)snprintf(out, MEASURE_DIGEST_BYTES, "%064zx", length);
}

/* @param all  gets everything that was said to the server. */
static void play(struct measure_talking *talking, struct str *all,
		 const struct measure_order *order, const char *const *replies)
{
	size_t next = 0;
	unsigned steps = 0;
	measure_talk_begin(talking, order, digest);
	while (talking->action != MEASURE_END) {
		assert_true(++steps < 32);
		if (talking->action == MEASURE_CONNECT) {
			measure_talk_connected(talking, true);
			continue;
		}
		if (talking->action == MEASURE_SAY) {
			str_add_bytes(all, talking->bytes, talking->length);
		}
		const char *reply =
			next < REPLIES_MAX && replies[next] != NULL ? replies[next++] : "";
		measure_talk_heard(talking, (const uint8_t *)reply, strlen(reply));
		assert_true(measure_answer_valid(&talking->answer));
	}
	assert_true(measure_answer_valid(&talking->answer));
}

static const struct script scripts[] = {
	/* FTP */
	{ MEASURE_TALK_FTP,
	  PROBE_TLS_NONE,
	  { "220 hello\r\n", "234 Proceed with negotiation.\r\n" },
	  MEASURE_ASK_FTP_TLS,
	  MEASURE_TOLD_YES,
	  "AUTH TLS: 234 Proceed with negotiation.",
	  "AUTH TLS\r\n" },
	{ MEASURE_TALK_FTP,
	  PROBE_TLS_NONE,
	  { "220-a\r\n220 b\r\n", "530 Please login with USER and PASS.\r\n" },
	  MEASURE_ASK_FTP_TLS,
	  MEASURE_TOLD_NO,
	  "AUTH TLS: 530 Please login with USER and PASS.",
	  NULL },
	{ MEASURE_TALK_FTP,
	  PROBE_TLS_NONE,
	  { "500 OOPS\r\n" },
	  MEASURE_ASK_FTP_TLS,
	  MEASURE_TOLD_NOTHING,
	  "",
	  NULL },
	{ MEASURE_TALK_FTP,
	  PROBE_TLS_NONE,
	  { "220 a\r\n", "" },
	  MEASURE_ASK_FTP_TLS,
	  MEASURE_TOLD_NOTHING,
	  "",
	  NULL },
	/* SMTP: a login outside of TLS */
	{ MEASURE_TALK_SMTP,
	  PROBE_TLS_NONE,
	  { "220 a\r\n", "250-a\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS\r\n", "250 Ok\r\n",
	    "554 5.7.1 Relay access denied\r\n", "250 Ok\r\n", "221 Bye\r\n" },
	  MEASURE_ASK_PLAIN_AUTH,
	  MEASURE_TOLD_YES,
	  "EHLO: AUTH STARTTLS",
	  "EHLO minato.invalid\r\n" },
	{ MEASURE_TALK_SMTP,
	  PROBE_TLS_NONE,
	  { "220 a\r\n", "250-a\r\n250-auth=LOGIN\r\n250 SIZE 1\r\n", "250 Ok\r\n" },
	  MEASURE_ASK_PLAIN_AUTH,
	  MEASURE_TOLD_YES,
	  "EHLO: AUTH",
	  NULL },
	{ MEASURE_TALK_SMTP,
	  PROBE_TLS_DIRECT,
	  { "220 a\r\n", "250-a\r\n250 AUTH PLAIN\r\n", "250 Ok\r\n" },
	  MEASURE_ASK_PLAIN_AUTH,
	  MEASURE_TOLD_NO,
	  "EHLO: AUTH",
	  NULL },
	{ MEASURE_TALK_SMTP,
	  PROBE_TLS_NONE,
	  { "220 a\r\n", "250-a\r\n250-AUTHENTIC\r\n250 STARTTLS\r\n", "250 Ok\r\n" },
	  MEASURE_ASK_PLAIN_AUTH,
	  MEASURE_TOLD_NO,
	  "EHLO: STARTTLS",
	  NULL },
	/* SMTP: mail of strangers */
	{ MEASURE_TALK_SMTP,
	  PROBE_TLS_NONE,
	  { "220 a\r\n", "250 a\r\n", "250 Ok\r\n", "250 2.1.5 Ok\r\n", "250 Ok\r\n",
	    "221 Bye\r\n" },
	  MEASURE_ASK_RELAY,
	  MEASURE_TOLD_YES,
	  "RCPT TO:<@example.com>: 250 2.1.5 Ok",
	  "MAIL FROM:<>\r\nRCPT TO:<minato-relay-test@example.com>\r\nRSET\r\nQUIT\r\n" },
	{ MEASURE_TALK_SMTP,
	  PROBE_TLS_NONE,
	  { "220 a\r\n", "250 a\r\n", "250 Ok\r\n", "554 5.7.1 Relay access denied\r\n",
	    "250 Ok\r\n", "221 Bye\r\n" },
	  MEASURE_ASK_RELAY,
	  MEASURE_TOLD_NO,
	  "RCPT TO:<@example.com>: 554 5.7.1 Relay access denied",
	  "RSET\r\nQUIT\r\n" },
	/* Postfix's default defers. */
	{ MEASURE_TALK_SMTP,
	  PROBE_TLS_NONE,
	  { "220 a\r\n", "250 a\r\n", "250 Ok\r\n", "454 4.7.1 Relay access denied\r\n" },
	  MEASURE_ASK_RELAY,
	  MEASURE_TOLD_NO,
	  "RCPT TO:<@example.com>: 454 4.7.1 Relay access denied",
	  "RSET\r\n" },
	{ MEASURE_TALK_SMTP,
	  PROBE_TLS_NONE,
	  { "220 a\r\n", "250 a\r\n", "250 Ok\r\n", "450 4.2.0 Greylisted\r\n" },
	  MEASURE_ASK_RELAY,
	  MEASURE_TOLD_NOTHING,
	  "RCPT TO:<@example.com>: 450 4.2.0 Greylisted",
	  NULL },
	{ MEASURE_TALK_SMTP,
	  PROBE_TLS_NONE,
	  { "220 a\r\n", "250 a\r\n", "530 5.7.0 Authentication required\r\n", "250 Ok\r\n" },
	  MEASURE_ASK_RELAY,
	  MEASURE_TOLD_NO,
	  "MAIL FROM:<>: 530 5.7.0 Authentication required",
	  "RSET\r\nQUIT\r\n" },
	{ MEASURE_TALK_SMTP,
	  PROBE_TLS_NONE,
	  { "220 a\r\n", "250 a\r\n", "530 5.7.0 Must issue a STARTTLS command first\r\n" },
	  MEASURE_ASK_RELAY,
	  MEASURE_TOLD_NOTHING,
	  "MAIL FROM:<>: 530 5.7.0 Must issue a STARTTLS command first",
	  NULL },
	{ MEASURE_TALK_SMTP,
	  PROBE_TLS_NONE,
	  { "554 no\r\n", "221 Bye\r\n" },
	  MEASURE_ASK_RELAY,
	  MEASURE_TOLD_NOTHING,
	  "",
	  "QUIT\r\n" },
	/* HTTP */
	{ MEASURE_TALK_HTTP,
	  PROBE_TLS_NONE,
	  { "HTTP/1.1 301 Moved\r\nServer: a\r\nLocation: https://host.example/\r\n\r\n",
	    "HTTP/1.1 400 Bad Request\r\n\r\n" },
	  MEASURE_ASK_REDIRECT,
	  MEASURE_TOLD_YES,
	  "301 https://host.example/",
	  "GET / HTTP/1.0\r\nHost: host.example\r\n" },
	{ MEASURE_TALK_HTTP,
	  PROBE_TLS_NONE,
	  { "HTTP/1.1 302 Found\r\nlocation:http://host.example/x\r\n\r\n", "" },
	  MEASURE_ASK_REDIRECT,
	  MEASURE_TOLD_NO,
	  "302 http://host.example/x",
	  NULL },
	{ MEASURE_TALK_HTTP,
	  PROBE_TLS_NONE,
	  { "HTTP/1.1 200 OK\r\n\r\nhello", "" },
	  MEASURE_ASK_REDIRECT,
	  MEASURE_TOLD_NO,
	  "HTTP/1.1 200 OK",
	  NULL },
	/* A field in the body is none. */
	{ MEASURE_TALK_HTTP,
	  PROBE_TLS_NONE,
	  { "HTTP/1.1 301 Moved\r\n\r\n\r\nLocation: https://evil/\r\n", "" },
	  MEASURE_ASK_REDIRECT,
	  MEASURE_TOLD_NO,
	  "HTTP/1.1 301 Moved",
	  NULL },
	{ MEASURE_TALK_HTTP,
	  PROBE_TLS_NONE,
	  { "HTTP/1.0 200 OK\r\n\r\n<html><head><title>Index of /</title>", "" },
	  MEASURE_ASK_LISTING,
	  MEASURE_TOLD_YES,
	  "/",
	  NULL },
	{ MEASURE_TALK_HTTP,
	  PROBE_TLS_NONE,
	  { "HTTP/1.0 200 OK\r\n\r\n<title>Directory listing for /</title>", "" },
	  MEASURE_ASK_LISTING,
	  MEASURE_TOLD_YES,
	  "/",
	  NULL },
	{ MEASURE_TALK_HTTP,
	  PROBE_TLS_NONE,
	  { "HTTP/1.0 403 Forbidden\r\n\r\n", "" },
	  MEASURE_ASK_LISTING,
	  MEASURE_TOLD_NO,
	  "HTTP/1.0 403 Forbidden",
	  NULL },
	{ MEASURE_TALK_HTTP,
	  PROBE_TLS_NONE,
	  { "HTTP/1.0 500 Oops\r\n\r\n", "" },
	  MEASURE_ASK_LISTING,
	  MEASURE_TOLD_NOTHING,
	  "HTTP/1.0 500 Oops",
	  NULL },
	{ MEASURE_TALK_HTTP,
	  PROBE_TLS_NONE,
	  { "HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\nPRETTY_NAME=\"Debian\"\n" },
	  MEASURE_ASK_TRAVERSAL,
	  MEASURE_TOLD_YES,
	  "GET /../../../etc/os-release: HTTP/1.0 200 OK",
	  "GET /../../../../../../../../../../etc/os-release HTTP/1.0\r\n" },
	{ MEASURE_TALK_HTTP,
	  PROBE_TLS_NONE,
	  { "HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\nsee PRETTY_NAME in the handbook" },
	  MEASURE_ASK_TRAVERSAL,
	  MEASURE_TOLD_NO,
	  "GET /../../../etc/os-release: HTTP/1.0 200 OK",
	  NULL },
	{ MEASURE_TALK_HTTP,
	  PROBE_TLS_NONE,
	  { "HTTP/1.0 200 OK\r\n\r\n", "" },
	  MEASURE_ASK_TRAVERSAL,
	  MEASURE_TOLD_NOTHING,
	  "",
	  NULL },
	{ MEASURE_TALK_HTTP,
	  PROBE_TLS_NONE,
	  { "SSH-2.0-x\r\n" },
	  MEASURE_ASK_REDIRECT,
	  MEASURE_TOLD_NOTHING,
	  "",
	  NULL },
	/* A head that is cut off says nothing of what is behind it. */
	{ MEASURE_TALK_HTTP,
	  PROBE_TLS_NONE,
	  { "HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.0 200 OK\r\nX: PRETTY_NAME=" },
	  MEASURE_ASK_TRAVERSAL,
	  MEASURE_TOLD_NOTHING,
	  "GET /../../../etc/os-release: HTTP/1.0 200 OK",
	  NULL },
	{ MEASURE_TALK_HTTP,
	  PROBE_TLS_NONE,
	  { "HTTP/1.0 200 OK\r\nX: <title>Index of /" },
	  MEASURE_ASK_LISTING,
	  MEASURE_TOLD_NOTHING,
	  "HTTP/1.0 200 OK",
	  NULL },
	/* Nothing raw reaches a terminal. */
	{ MEASURE_TALK_HTTP,
	  PROBE_TLS_NONE,
	  { "HTTP/1.0 302 \x1b[2J\r\nLocation: https://\x1b]0;x\x07\r\n\r\n", "" },
	  MEASURE_ASK_REDIRECT,
	  MEASURE_TOLD_YES,
	  "302 https://?]0;x?",
	  NULL },
};

static void test_scripts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		const struct script *s = &scripts[i];
		struct measure_order order;
		struct measure_talking talking;
		struct str all = STR_INIT(4096);
		order_for(&order, s->talk, s->tls);
		play(&talking, &all, &order, s->replies);
		const struct measure_answer *answer = &talking.answer;
		if (answer->told[s->question] != s->told ||
		    strcmp(answer->text[s->question], s->text) != 0) {
			fail_msg("%zu, %s: %u \"%s\"", i, s->replies[0], answer->told[s->question],
				 answer->text[s->question]);
		}
		if (s->said != NULL && strstr(str_text(&all), s->said) == NULL) {
			fail_msg("%zu: only said %s", i, str_text(&all));
		}
		/* Whatever it answers, no message is ever given to it. */
		assert_null(strstr(str_text(&all), "DATA"));
		str_deinit(&all);
	}
}

static void test_nobody_there(void **state)
{
	(void)state;
	struct measure_order order;
	struct measure_talking talking;
	order_for(&order, MEASURE_TALK_SMTP, PROBE_TLS_NONE);
	measure_talk_begin(&talking, &order, digest);
	assert_int_equal(talking.action, MEASURE_CONNECT);
	measure_talk_connected(&talking, false);
	assert_int_equal(talking.action, MEASURE_END);
	assert_int_equal(talking.answer.heard, 0);
}

static void test_what_is_whole(void **state)
{
	(void)state;
	static const struct {
		enum measure_talk talk;
		const char *bytes;
		bool whole;
	} cases[] = {
		{ MEASURE_TALK_SMTP, "", false },
		{ MEASURE_TALK_SMTP, "25", false },
		{ MEASURE_TALK_SMTP, "250 a", false },
		{ MEASURE_TALK_SMTP, "250 a\r\n", true },
		{ MEASURE_TALK_SMTP, "250-a\r\n", false },
		{ MEASURE_TALK_SMTP, "250-a\r\n250 b\r\n", true },
		{ MEASURE_TALK_FTP, "220-a\r\n 220 b\r\n", false },
		{ MEASURE_TALK_HTTP, "HTTP/1.0 200 OK\r\n\r\nabc", false },
		{ MEASURE_TALK_HTTP, "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nab", false },
		{ MEASURE_TALK_HTTP, "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", true },
		{ MEASURE_TALK_HTTP, "HTTP/1.0 200 OK\r\nContent-Length: x\r\n\r\nabc", false },
		{ MEASURE_TALK_HTTP,
		  "HTTP/1.0 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct measure_order order;
		struct measure_talking talking;
		order_for(&order, cases[i].talk, PROBE_TLS_NONE);
		measure_talk_begin(&talking, &order, digest);
		if (measure_talk_whole(&talking, (const uint8_t *)cases[i].bytes,
				       strlen(cases[i].bytes)) != cases[i].whole) {
			fail_msg("%s", cases[i].bytes);
		}
	}
}

/* ---- verdicts ---- */

static void test_verdicts(void **state)
{
	(void)state;
	static const struct {
		enum measure_id id;
		enum measure_question question;
		bool yes_is_done;
	} cases[] = {
		{ MEASURE_FTP_TLS, MEASURE_ASK_FTP_TLS, true },
		{ MEASURE_SMTP_AUTH, MEASURE_ASK_PLAIN_AUTH, false },
		{ MEASURE_SMTP_RELAY, MEASURE_ASK_RELAY, false },
		{ MEASURE_HTTP_REDIRECT, MEASURE_ASK_REDIRECT, true },
		{ MEASURE_HTTP_LISTING, MEASURE_ASK_LISTING, false },
		{ MEASURE_HTTP_TRAVERSAL, MEASURE_ASK_TRAVERSAL, false },
		{ MEASURE_LOGIN, MEASURE_ASK_NO_LOGIN, false },
		{ MEASURE_DOCKER_TLS, MEASURE_ASK_ENCRYPTED, true },
		{ MEASURE_SMB1, MEASURE_ASK_SMB1, false },
		{ MEASURE_SMB_SIGNING, MEASURE_ASK_SIGNING, true },
		{ MEASURE_RDP_NLA, MEASURE_ASK_NLA, true },
		{ MEASURE_SNMP_COMMUNITY, MEASURE_ASK_PUBLIC, false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct measure_answer answer = { .heard = 1 };
		struct measure_result result;
		const struct measure_evidence evidence = { .answer = &answer };
		(void)addr_parse(&answer.from, "203.0.113.9");
		measure_judge(&result, cases[i].id, &(struct measure_evidence){ 0 });
		assert_int_equal(result.reason, MEASURE_NOT_ASKED);
		measure_judge(&result, cases[i].id, &evidence);
		assert_int_equal(result.state, MEASURE_CANNOT_TELL);
		assert_int_equal(result.reason, MEASURE_SILENT);
		answer.told[cases[i].question] = MEASURE_TOLD_YES;
		measure_judge(&result, cases[i].id, &evidence);
		assert_int_equal(result.state,
				 cases[i].yes_is_done ? MEASURE_DONE : MEASURE_NOT_DONE);
		answer.told[cases[i].question] = MEASURE_TOLD_NO;
		measure_judge(&result, cases[i].id, &evidence);
		assert_int_equal(result.state,
				 cases[i].yes_is_done ? MEASURE_NOT_DONE : MEASURE_DONE);
	}
}

static void test_pages(void **state)
{
	(void)state;
	static const struct {
		const char *reply;
		const char *known;
		enum measure_state state;
		enum measure_reason reason;
	} cases[] = {
		{ "HTTP/1.1 200 OK\r\n\r\nabc", NULL, MEASURE_CANNOT_TELL, MEASURE_PAGE_NEW },
		{ "HTTP/1.1 200 OK\r\n\r\nabc",
		  "0000000000000000000000000000000000000000000000000000000000000003", MEASURE_DONE,
		  MEASURE_PAGE_SAME },
		{ "HTTP/1.1 200 OK\r\nX: 1\r\n\r\nabcd",
		  "0000000000000000000000000000000000000000000000000000000000000003",
		  MEASURE_NOT_DONE, MEASURE_PAGE_CHANGED },
		/* An error is no page, and says nothing of one. */
		{ "HTTP/1.1 503 Later\r\n\r\nabcd",
		  "0000000000000000000000000000000000000000000000000000000000000003",
		  MEASURE_CANNOT_TELL, MEASURE_SILENT },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct measure_order order;
		struct measure_talking talking;
		struct measure_result result;
		struct str all = STR_INIT(4096);
		const char *const replies[REPLIES_MAX] = { cases[i].reply };
		order_for(&order, MEASURE_TALK_HTTP, PROBE_TLS_NONE);
		play(&talking, &all, &order, replies);
		measure_judge(&result, MEASURE_HTTP_PAGE,
			      &(struct measure_evidence){ .answer = &talking.answer,
							  .page = cases[i].known });
		assert_int_equal(result.state, cases[i].state);
		assert_int_equal(result.reason, cases[i].reason);
		str_deinit(&all);
	}
}

static void test_relay_for_its_own_network(void **state)
{
	(void)state;
	static const struct {
		bool own;
		const char *from;
		enum measure_told told;
		enum measure_state state;
	} cases[] = {
		{ true, "127.0.0.1", MEASURE_TOLD_YES, MEASURE_CANNOT_TELL },
		{ true, "127.0.0.1", MEASURE_TOLD_NO, MEASURE_DONE },
		{ false, "192.168.1.7", MEASURE_TOLD_YES, MEASURE_CANNOT_TELL },
		{ false, "192.168.1.7", MEASURE_TOLD_NO, MEASURE_DONE },
		{ false, "203.0.113.9", MEASURE_TOLD_YES, MEASURE_NOT_DONE },
		{ false, "2001:db8::1", MEASURE_TOLD_YES, MEASURE_NOT_DONE },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct measure_answer answer = { .heard = 1 };
		struct measure_result result;
		(void)addr_parse(&answer.from, cases[i].from);
		answer.told[MEASURE_ASK_RELAY] = (uint8_t)cases[i].told;
		measure_judge(&result, MEASURE_SMTP_RELAY,
			      &(struct measure_evidence){ .answer = &answer, .own = cases[i].own });
		assert_int_equal(result.state, cases[i].state);
	}
}

/* ---- between the processes ---- */

static void test_only_valid_values_cross(void **state)
{
	(void)state;
	struct measure_order order;
	struct measure_answer answer = { .heard = 1 };
	order_for(&order, MEASURE_TALK_HTTP, PROBE_TLS_DIRECT);
	order.talk = MEASURE_TALKS;
	assert_false(measure_order_valid(&order));
	order_for(&order, MEASURE_TALK_HTTP, PROBE_TLS_DIRECT);
	order.to.udp = 1;
	assert_false(measure_order_valid(&order));
	order_for(&order, MEASURE_TALK_HTTP, PROBE_TLS_DIRECT);
	order.to.tls = PROBE_TLS_ASKED;
	assert_false(measure_order_valid(&order));
	assert_true(measure_answer_valid(&answer));
	answer.heard = 2;
	assert_false(measure_answer_valid(&answer));
	answer.heard = 1;
	answer.told[MEASURE_ASK_NLA] = 3;
	assert_false(measure_answer_valid(&answer));
	answer.told[MEASURE_ASK_NLA] = 0;
	memset(answer.text[0], 'a', MEASURE_TEXT_BYTES);
	assert_false(measure_answer_valid(&answer));
	memset(answer.text[0], 0, MEASURE_TEXT_BYTES);
	answer.text[1][0] = '\x1b';
	assert_false(measure_answer_valid(&answer));
	answer.text[1][0] = '\0';
	(void)str_copy(answer.page, sizeof(answer.page), "abc");
	assert_false(measure_answer_valid(&answer));
	digest(answer.page, "", 0);
	assert_true(measure_answer_valid(&answer));
	answer.page[3] = 'g';
	assert_false(measure_answer_valid(&answer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_what_is_whole),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_relay_for_its_own_network),
		cmocka_unit_test(test_only_valid_values_cross),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
