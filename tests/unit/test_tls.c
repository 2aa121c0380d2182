/* tls: questions, answers, which question is the next, STARTTLS, first bytes, grades. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "check.h"
#include "text/text.h"
#include "tls_server.h"

/* ---- tables ---- */

static void test_names_of_suites_say_what_they_are(void **state)
{
	(void)state;
	static const struct {
		uint16_t code;
		unsigned bits;
		uint32_t with, without;
	} cases[] = {
		{ 0x0001, 0, TLS_SUITE_NULL, TLS_SUITE_SHORT | TLS_SUITE_FORWARD },
		{ 0x0003, 40, TLS_SUITE_EXPORT | TLS_SUITE_RC4 | TLS_SUITE_SHORT, TLS_SUITE_NULL },
		{ 0x0009, 56, TLS_SUITE_SHORT, TLS_SUITE_TRIPLE_DES },
		{ 0x000A, 112, TLS_SUITE_TRIPLE_DES, TLS_SUITE_SHORT },
		{ 0x0018, 128, TLS_SUITE_ANONYMOUS | TLS_SUITE_RC4 | TLS_SUITE_DH, TLS_SUITE_EC },
		{ 0x0039, 256, TLS_SUITE_FORWARD | TLS_SUITE_DH, TLS_SUITE_TLS12 },
		{ 0x009C, 128, TLS_SUITE_TLS12, TLS_SUITE_FORWARD },
		{ 0xC02F, 128, TLS_SUITE_TLS12 | TLS_SUITE_FORWARD | TLS_SUITE_EC, TLS_SUITE_RARE },
		{ 0x1301, 128, TLS_SUITE_TLS13 | TLS_SUITE_FORWARD, TLS_SUITE_TLS12 },
		{ 0xC050, 128, TLS_SUITE_RARE | TLS_SUITE_TLS12, TLS_SUITE_FORWARD },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const int at = tls_suite_find(cases[i].code);
		assert_true(at >= 0);
		const struct tls_suite *suite = tls_suite_at((size_t)at);
		assert_int_equal(suite->bits, cases[i].bits);
		assert_int_equal(suite->flags & cases[i].with, cases[i].with);
		assert_int_equal(suite->flags & cases[i].without, 0);
	}
	assert_int_equal(tls_suite_find(0xfefe), -1);
}

/* ---- questions ---- */

static void test_a_hello_is_whole_and_fits(void **state)
{
	(void)state;
	for (int version = TLS_VERSION_SSL2; version <= TLS_VERSION_13; version++) {
		struct tls_plan plan;
		struct tls_question q = { .host = "" };
		uint8_t bytes[TLS_QUESTION_BYTES];
		char host[TLS_HOST_BYTES];
		tls_plan_begin(&plan);
		plan.version = version;
		assert_true(tls_plan_next(&plan, &q));
		memset(host, 'a', sizeof(host) - 1);
		host[sizeof(host) - 1] = '\0';
		q.host = host;
		const size_t length = tls_write_question(bytes, sizeof(bytes), &q);
		assert_true(length > 40);
		if (version != TLS_VERSION_SSL2) {
			assert_int_equal(bytes[0], 22);
			assert_int_equal((size_t)(bytes[3] << 8 | bytes[4]) + 5, length);
			assert_int_equal((size_t)(bytes[7] << 8 | bytes[8]) + 9, length);
		}
		assert_int_equal(tls_write_question(bytes, length - 1, &q), 0);
	}
}

static void test_ssl3_has_no_extensions_and_an_address_no_name(void **state)
{
	(void)state;
	struct tls_question q = { .version = TLS_VERSION_SSL3, .host = "www.example.net" };
	uint8_t bytes[TLS_QUESTION_BYTES];
	tls_set_add(&q.suites, 3);
	size_t length = tls_write_question(bytes, sizeof(bytes), &q);
	assert_null(memmem(bytes, length, "example", 7));
	/* Version, random, no session, one suite and the SCSV, two compressions. */
	assert_int_equal(length, 5 + 4 + 2 + 32 + 1 + 2 + 4 + 3);
	q.version = TLS_VERSION_12;
	length = tls_write_question(bytes, sizeof(bytes), &q);
	assert_non_null(memmem(bytes, length, "www.example.net", 15));
	q.host = "192.0.2.1";
	length = tls_write_question(bytes, sizeof(bytes), &q);
	assert_null(memmem(bytes, length, "192.0.2.1", 9));
}

/* ---- answers ---- */

static enum tls_answer feed_slowly(struct tls_flight *flight, const uint8_t *bytes, size_t length)
{
	*flight = (struct tls_flight){ 0 };
	for (size_t i = 0; i < length; i++) {
		(void)tls_flight_feed(flight, bytes + i, 1);
	}
	return flight->state;
}

static void test_a_flight_says_the_same_in_pieces(void **state)
{
	(void)state;
	static struct tls_flight flight;
	struct tls_server server = { .version = TLS_VERSION_12, .group = 0x17, .certificates = 3 };
	uint8_t bytes[4096];
	const size_t length = server_flight(bytes, &server, 0xC02F);
	for (unsigned slow = 0; slow < 2; slow++) {
		flight = (struct tls_flight){ 0 };
		assert_int_equal(slow ? feed_slowly(&flight, bytes, length)
				      : tls_flight_feed(&flight, bytes, length),
				 TLS_ANSWER_HELLO);
		assert_int_equal(flight.version, TLS_VERSION_12);
		assert_int_equal(flight.suite, 0xC02F);
		assert_int_equal(flight.group, 0x17);
		assert_true(flight.secure_renegotiation);
		assert_int_equal(flight.chain_count, 3);
		assert_int_equal(flight.chain[2].length, 12);
		assert_memory_equal(flight.bytes + flight.chain[2].at, "certificate2", 12);
	}
	/* One byte less, and it is not whole. */
	assert_int_equal(feed_slowly(&flight, bytes, length - 1), TLS_ANSWER_MORE);
}

static void test_answers(void **state)
{
	(void)state;
	static struct tls_flight flight;
	static const struct {
		const char *bytes;
		size_t length;
		enum tls_answer state;
		bool is_tls;
	} cases[] = {
		{ "\x15\x03\x01\x00\x02\x02\x28", 7, TLS_ANSWER_ALERT, true },
		{ "\x15\x03\x01\x00\x02\x01\x70", 7, TLS_ANSWER_MORE,
		  true }, /* unrecognized_name */
		{ "\x15\x03\x01\x00\x02\x01\x00", 7, TLS_ANSWER_ALERT, true }, /* close_notify */
		{ "HTTP/1.1 400", 12, TLS_ANSWER_STRANGE, false },
		{ "\x16\x03\x03\x00\x00", 5, TLS_ANSWER_STRANGE, true },
		{ "\x16\x03\x03\xff\xff", 5, TLS_ANSWER_STRANGE, true },
		{ "\x16\x04\x03\x00\x04", 5, TLS_ANSWER_STRANGE, false },
		/* ServerHelloDone before any ServerHello. */
		{ "\x16\x03\x03\x00\x04\x0e\x00\x00\x00", 9, TLS_ANSWER_STRANGE, true },
		{ "\x16\x03", 2, TLS_ANSWER_MORE, false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		flight = (struct tls_flight){ 0 };
		const enum tls_answer r =
			tls_flight_feed(&flight, (const uint8_t *)cases[i].bytes, cases[i].length);
		if (r != cases[i].state || flight.is_tls != cases[i].is_tls) {
			fail_msg("case %zu: %d, %d", i, r, flight.is_tls);
		}
	}
}

static void test_a_flight_without_end_is_given_up(void **state)
{
	(void)state;
	static struct tls_flight flight;
	static uint8_t record[5 + 16384] = { 22, 3, 3, 0x40, 0, 2, 0xff, 0xff, 0xff };
	flight = (struct tls_flight){ 0 };
	for (unsigned i = 0; i < 8 && flight.state == TLS_ANSWER_MORE; i++) {
		(void)tls_flight_feed(&flight, record, sizeof(record));
	}
	assert_int_equal(flight.state, TLS_ANSWER_STRANGE);
}

static void test_the_smallest_prime_is_measured(void **state)
{
	(void)state;
	static struct tls_flight flight;
	struct tls_server server = { .version = TLS_VERSION_10, .dh_bytes = 128 };
	uint8_t bytes[4096];
	const size_t length = server_flight(bytes, &server, 0x0033);
	flight = (struct tls_flight){ 0 };
	assert_int_equal(tls_flight_feed(&flight, bytes, length), TLS_ANSWER_HELLO);
	assert_int_equal(flight.dh_bits, 1024);
}

/* ---- the plan, against servers made of sets ---- */

static void test_a_plan_finds_all_that_a_server_can(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 60; seed++) {
		struct tls_model model;
		model_random(&model, seed);
		struct tls_plan plan;
		const unsigned questions = model_ask(&model, &plan);
		assert_true(questions < 2000);
		assert_int_equal(plan.offer.incomplete, 0);
		assert_int_equal(plan.offer.versions, model.versions);
		for (int version = 0; version < TLS_VERSIONS; version++) {
			assert_memory_equal(&plan.offer.suites[version], &model.suites[version],
					    sizeof(struct tls_set));
		}
		if ((model.versions & 1 << TLS_VERSION_13) != 0) {
			assert_memory_equal(&plan.offer.groups, &model.groups,
					    sizeof(struct tls_set));
		}
	}
}

static void test_a_plan_ends_whatever_the_answers_are(void **state)
{
	(void)state;
	static struct tls_flight flight;
	for (unsigned seed = 1; seed <= 200; seed++) {
		struct tls_plan plan;
		struct tls_question q;
		unsigned questions = 0;
		srandom(seed);
		tls_plan_begin(&plan);
		while (tls_plan_next(&plan, &q)) {
			flight.state = (enum tls_answer)(1 + random() % (TLS_ANSWERS - 1));
			flight.version = (int)(random() % 7) - 1;
			flight.suite = tls_suite_at((size_t)random() % 223)->code;
			flight.group = (uint16_t)(random() % 0x30);
			flight.alert = random() % 2 == 0 ? 70 : 40;
			tls_plan_take(&plan, &flight);
			assert_true(++questions < 3000);
		}
	}
}

static void test_a_suite_that_nobody_offered_ends_its_version(void **state)
{
	(void)state;
	static struct tls_flight flight;
	struct tls_plan plan;
	struct tls_question q;
	tls_plan_begin(&plan);
	assert_true(tls_plan_next(&plan, &q));
	flight = (struct tls_flight){ .state = TLS_ANSWER_HELLO,
				      .version = TLS_VERSION_13,
				      .suite = 0x002f };
	tls_plan_take(&plan, &flight);
	assert_int_equal(plan.offer.incomplete, 1 << TLS_VERSION_13);
	assert_int_equal(plan.offer.versions, 0);
	assert_int_equal(plan.version, TLS_VERSION_12);
}

static void test_silence_twice_gives_a_server_up(void **state)
{
	(void)state;
	static struct tls_flight flight;
	struct tls_plan plan;
	struct tls_question q;
	unsigned questions = 0;
	tls_plan_begin(&plan);
	flight = (struct tls_flight){ .state = TLS_ANSWER_SILENT };
	while (tls_plan_next(&plan, &q)) {
		tls_plan_take(&plan, &flight);
		questions++;
	}
	assert_int_equal(questions, 2);
	assert_true(plan.offer.incomplete != 0);
}

/* ---- STARTTLS ---- */

/* Lines of the server, one for each thing that is said. */
static enum tls_start_state walk(struct tls_start *start, const char *const *lines)
{
	uint8_t out[TLS_QUESTION_BYTES];
	size_t said = 0;
	enum tls_start_state r = TLS_START_WAIT;
	if (!tls_talk_greets(start->talk)) {
		r = tls_start_feed(start, NULL, 0, out, &said);
	}
	for (; *lines != NULL; lines++) {
		const size_t length = strlen(*lines);
		/* Half of it never decides, as it may come in any pieces. */
		const enum tls_start_state half =
			tls_start_feed(start, (const uint8_t *)*lines, length / 2, out, &said);
		assert_true(half == TLS_START_WAIT || length <= 4);
		r = tls_start_feed(start, (const uint8_t *)*lines, length, out, &said);
		if (r != TLS_START_SAY) {
			break;
		}
		assert_true(said > 0 && said <= sizeof(out));
	}
	return r;
}

static void test_starttls_of_each_protocol(void **state)
{
	(void)state;
	static const struct {
		enum tls_talk talk;
		const char *lines[6];
		enum tls_start_state state;
		bool required;
	} cases[] = {
		{ TLS_TALK_SMTP,
		  { "220 mx ESMTP\r\n", "250-mx\r\n250-STARTTLS\r\n250 HELP\r\n", "250 OK\r\n",
		    "250 OK\r\n", "220 go\r\n" },
		  TLS_START_READY,
		  false },
		{ TLS_TALK_SMTP,
		  { "220 mx ESMTP\r\n", "250-mx\r\n250 STARTTLS\r\n",
		    "530 5.7.0 Must issue a STARTTLS command first\r\n", "250 OK\r\n",
		    "220 go\r\n" },
		  TLS_START_READY,
		  true },
		{ TLS_TALK_SMTP, { "220 mx\r\n", "250 mx\r\n" }, TLS_START_REFUSED, false },
		{ TLS_TALK_SMTP, { "554 no\r\n" }, TLS_START_STRANGE, false },
		{ TLS_TALK_IMAP,
		  { "* OK hi\r\n", "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\na OK\r\n",
		    "b OK go\r\n" },
		  TLS_START_READY,
		  true },
		{ TLS_TALK_IMAP,
		  { "* OK hi\r\n", "* CAPABILITY IMAP4rev1\r\na OK done\r\n" },
		  TLS_START_REFUSED,
		  false },
		{ TLS_TALK_POP3,
		  { "+OK hi\r\n", "+OK\r\nSTLS\r\nUSER\r\n.\r\n", "+OK go\r\n" },
		  TLS_START_READY,
		  false },
		{ TLS_TALK_POP3,
		  { "+OK hi\r\n", "+OK\r\nSTLS\r\n.\r\n", "+OK go\r\n" },
		  TLS_START_READY,
		  true },
		{ TLS_TALK_POP3, { "+OK hi\r\n", "-ERR what\r\n" }, TLS_START_REFUSED, false },
		{ TLS_TALK_FTP, { "220 FTP\r\n", "234 go\r\n" }, TLS_START_READY, false },
		{ TLS_TALK_FTP, { "220 FTP\r\n", "500 what\r\n" }, TLS_START_REFUSED, false },
		{ TLS_TALK_NNTP,
		  { "200 hi\r\n", "101 can\r\nVERSION 2\r\nSTARTTLS\r\n.\r\n", "382 go\r\n" },
		  TLS_START_READY,
		  false },
		{ TLS_TALK_NNTP, { "200 hi\r\n", "500 what\r\n" }, TLS_START_REFUSED, false },
		{ TLS_TALK_SIEVE,
		  { "\"SASL\" \"\"\r\n\"STARTTLS\"\r\nOK \"hi\"\r\n", "OK \"go\"\r\n" },
		  TLS_START_READY,
		  true },
		{ TLS_TALK_IRC, { ":irc 670 * :go\r\n" }, TLS_START_READY, false },
		{ TLS_TALK_IRC, { ":irc 421 * :what\r\n" }, TLS_START_REFUSED, false },
		{ TLS_TALK_XMPP,
		  { "<stream:stream><stream:features><starttls><required/></starttls>"
		    "</stream:features>",
		    "<proceed/>" },
		  TLS_START_READY,
		  true },
		{ TLS_TALK_XMPP,
		  { "<stream:stream><stream:features></stream:features>" },
		  TLS_START_REFUSED,
		  false },
		{ TLS_TALK_POSTGRESQL, { "S" }, TLS_START_READY, false },
		{ TLS_TALK_POSTGRESQL, { "N" }, TLS_START_REFUSED, false },
		{ TLS_TALK_POSTGRESQL, { "HTTP" }, TLS_START_STRANGE, false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tls_start start = { .talk = cases[i].talk, .look = true };
		const enum tls_start_state r = walk(&start, cases[i].lines);
		if (r != cases[i].state || start.required != cases[i].required) {
			fail_msg("case %zu: %d, required %d", i, r, start.required);
		}
	}
}

static void test_starttls_of_bytes(void **state)
{
	(void)state;
	static const uint8_t yes[] = { 0x30, 12, 2, 1, 1, 0x78, 7, 0x0a, 1, 0, 4, 0, 4, 0 };
	static const uint8_t mysql[] = "\x4a\0\0\0\x0a"
				       "8.0.36\0"
				       "\1\0\0\0"
				       "12345678\0"
				       "\xff\xff";
	uint8_t out[TLS_QUESTION_BYTES];
	size_t said = 0;
	struct tls_start ldap = { .talk = TLS_TALK_LDAP };
	assert_int_equal(tls_start_feed(&ldap, NULL, 0, out, &said), TLS_START_SAY);
	assert_int_equal(said, 31);
	assert_int_equal(tls_start_feed(&ldap, yes, 8, out, &said), TLS_START_WAIT);
	assert_int_equal(tls_start_feed(&ldap, yes, sizeof(yes), out, &said), TLS_START_READY);
	uint8_t no[sizeof(yes)];
	memcpy(no, yes, sizeof(yes));
	no[9] = 2;
	assert_int_equal(tls_start_feed(&ldap, no, sizeof(no), out, &said), TLS_START_REFUSED);
	struct tls_start my = { .talk = TLS_TALK_MYSQL };
	uint8_t greeting[128] = { 0 };
	memcpy(greeting, mysql, sizeof(mysql) - 1);
	assert_int_equal(tls_start_feed(&my, greeting, 78, out, &said), TLS_START_READY);
	assert_int_equal(said, 36);
	greeting[26] = 0xf7; /* no CLIENT_SSL */
	assert_int_equal(tls_start_feed(&my, greeting, 78, out, &said), TLS_START_REFUSED);
}

static void test_greetings_tell_who_speaks(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum tls_talk usual, talk;
	} cases[] = {
		{ "220 mx ESMTP Postfix\r\n", TLS_TALK_NONE, TLS_TALK_SMTP },
		{ "220 (vsFTPd 3.0.3)\r\n", TLS_TALK_NONE, TLS_TALK_FTP },
		{ "220 hello\r\n", TLS_TALK_FTP, TLS_TALK_FTP },
		{ "220 hello\r\n", TLS_TALK_NONE, TLS_TALK_SMTP },
		{ "* OK [CAPABILITY] ready\r\n", TLS_TALK_NONE, TLS_TALK_IMAP },
		{ "+OK Dovecot\r\n", TLS_TALK_NONE, TLS_TALK_POP3 },
		{ "SSH-2.0-x\r\n", TLS_TALK_NONE, TLS_TALK_SSH },
		{ "200 news\r\n", TLS_TALK_NONE, TLS_TALK_NNTP },
		{ "\"IMPLEMENTATION\" \"x\"\r\n", TLS_TALK_NONE, TLS_TALK_SIEVE },
		{ ":irc.x NOTICE * :looking\r\n", TLS_TALK_NONE, TLS_TALK_IRC },
		{ "hello\r\n", TLS_TALK_SMTP, TLS_TALK_NONE },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(tls_talk_of((const uint8_t *)cases[i].text, strlen(cases[i].text),
					     cases[i].usual),
				 cases[i].talk);
	}
}

/* ---- first bytes ---- */

static void test_eleven_bytes_tell_tls(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t length;
		bool client;
		enum tls_first first;
	} cases[] = {
		{ "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11, true, TLS_FIRST_TLS },
		{ "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11, false, TLS_FIRST_PLAIN },
		{ "\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03", 11, false, TLS_FIRST_TLS },
		{ "\x16\x03\x01\x02\x00\x01", 6, true, TLS_FIRST_TLS },
		{ "\x16\x03\x01", 3, true, TLS_FIRST_UNKNOWN },
		{ "\x15\x03\x03\x00\x02\x02\x28", 7, false, TLS_FIRST_TLS },
		{ "\x15\x03\x03\x00\x09\x02\x28", 7, false, TLS_FIRST_PLAIN },
		{ "\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10", 11, true, TLS_FIRST_TLS },
		{ "GET / HTTP/", 11, true, TLS_FIRST_PLAIN },
		{ "220 mx ESMT", 11, false, TLS_FIRST_PLAIN },
		{ "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x07\x07", 11, true, TLS_FIRST_PLAIN },
		{ "", 0, true, TLS_FIRST_UNKNOWN },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const enum tls_first first = tls_first_bytes((const uint8_t *)cases[i].bytes,
							     cases[i].length, cases[i].client);
		if (first != cases[i].first) {
			fail_msg("case %zu: %d", i, first);
		}
	}
}

/* A packet of TCP over IPv4: 192.0.2.1:40000 to 192.0.2.2:443, or back. */
static size_t packet(uint8_t *out, bool back, unsigned flags, uint32_t sequence, const char *data,
		     size_t length)
{
	memset(out, 0, 40);
	out[0] = 0x45;
	out[2] = (uint8_t)((40 + length) >> 8);
	out[3] = (uint8_t)(40 + length);
	out[9] = 6;
	memcpy(out + 12, back ? "\xc0\0\2\2\xc0\0\2\1" : "\xc0\0\2\1\xc0\0\2\2", 8);
	memcpy(out + 20, back ? "\x01\xbb\x9c\x40" : "\x9c\x40\x01\xbb", 4);
	out[26] = (uint8_t)(sequence >> 8);
	out[27] = (uint8_t)sequence;
	out[32] = 0x50;
	out[33] = (uint8_t)flags;
	memcpy(out + 40, data, length);
	return 40 + length;
}

static const char client_hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
static const char server_hello[] = "\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03";

static void test_first_payloads_are_told_by_yes_and_no(void **state)
{
	(void)state;
	static struct tls_watch watch;
	static const struct {
		const char *client, *server;
		bool comes_in;
		uint32_t first; /* number of the client's first byte; the SYN has 100 */
		unsigned client_seen, server_seen;
	} cases[] = {
		{ client_hello, server_hello, true, 101, 1 << TLS_FIRST_TLS, 1 << TLS_FIRST_TLS },
		{ "GET / HTTP/", "HTTP/1.1 20", true, 101, 1 << TLS_FIRST_PLAIN,
		  1 << TLS_FIRST_PLAIN },
		{ "SSH-2.0-Ope", "SSH-2.0-Ope", true, 101, 1 << TLS_FIRST_SSH, 1 << TLS_FIRST_SSH },
		/* Sent by this host: whose port that is, is not ours to tell. */
		{ client_hello, server_hello, false, 101, 0, 0 },
		/* The first bytes were lost: what comes later says nothing. */
		{ "GET / HTTP/", server_hello, true, 900, 0, 1 << TLS_FIRST_TLS },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t bytes[128];
		watch = (struct tls_watch){ 0 };
		size_t length = packet(bytes, false, 2, 100, "", 0);
		tls_watch_take(&watch, bytes, length, cases[i].comes_in);
		length = packet(bytes, true, 18, 500, "", 0);
		tls_watch_take(&watch, bytes, length, false);
		length = packet(bytes, false, 24, cases[i].first, cases[i].client, 11);
		tls_watch_take(&watch, bytes, length, true);
		tls_watch_take(&watch, bytes, length, true); /* sent again */
		length = packet(bytes, true, 24, 501, cases[i].server, 11);
		tls_watch_take(&watch, bytes, length, false);
		length = packet(bytes, false, 24, 112, "later bytes", 11);
		tls_watch_take(&watch, bytes, length, true);
		const bool any = (cases[i].client_seen | cases[i].server_seen) != 0;
		assert_int_equal(watch.seen_count, any);
		assert_int_equal(watch.seen[0].client, cases[i].client_seen);
		assert_int_equal(watch.seen[0].server, cases[i].server_seen);
		assert_int_equal(watch.seen[0].connections, any);
		assert_int_equal(watch.seen[0].port, any ? 443 : 0);
	}
}

static void test_broken_packets_are_passed_over(void **state)
{
	(void)state;
	static struct tls_watch watch;
	uint8_t bytes[128];
	const size_t length = packet(bytes, false, 2, 100, "", 0);
	for (size_t cut = 0; cut < length; cut++) {
		tls_watch_take(&watch, bytes, cut, true);
	}
	bytes[32] = 0x10; /* a header shorter than the shortest */
	tls_watch_take(&watch, bytes, length, true);
	bytes[32] = 0x50;
	bytes[3] = 10; /* a packet shorter than its headers */
	tls_watch_take(&watch, bytes, length, true);
	for (size_t i = 0; i < TLS_FLOWS_MAX; i++) {
		assert_int_equal(watch.flows[i].family, ADDR_NONE);
	}
}

/* ---- grades ---- */

static const usec_t NOW = (usec_t)1800000000 * USEC_PER_SEC;

static struct tls_record good_record(void)
{
	struct tls_record r = { .port = 443, .kind = TLS_KIND_TLS, .whole = 1, .shaken = 1 };
	r.offer.versions = 1 << TLS_VERSION_12 | 1 << TLS_VERSION_13;
	tls_set_add(&r.offer.suites[TLS_VERSION_12], (size_t)tls_suite_find(0xC02F));
	tls_set_add(&r.offer.suites[TLS_VERSION_13], (size_t)tls_suite_find(0x1301));
	r.certificate = (struct tls_certificate){
		.given = 1, .name_matches = 1, .ocsp = 1, .key_bits = 2048, .key = "RSA"
	};
	r.certificate.not_before = NOW - 10 * USEC_PER_DAY;
	r.certificate.not_after = NOW + 80 * USEC_PER_DAY;
	return r;
}

enum fault {
	FAULT_NONE,
	FAULT_SSL3,
	FAULT_OLD,
	FAULT_SUITE, /* of `number` */
	FAULT_DH,
	FAULT_EXPIRED,
	FAULT_SOON,
	FAULT_NOT_YET,
	FAULT_SELF,
	FAULT_UNTRUSTED,
	FAULT_NAME,
	FAULT_KEY,
	FAULT_HASH,
	FAULT_OFFERED,
	FAULT_HSTS,
	FAULT_GROUP,
};

static void spoil(struct tls_record *r, enum fault fault, unsigned number)
{
	struct tls_certificate *c = &r->certificate;
	switch (fault) {
	case FAULT_SSL3:
		r->offer.versions |= 1 << TLS_VERSION_SSL3;
		break;
	case FAULT_OLD:
		r->offer.versions = 1 << TLS_VERSION_10;
		break;
	case FAULT_SUITE:
		tls_set_add(&r->offer.suites[TLS_VERSION_12],
			    (size_t)tls_suite_find((uint16_t)number));
		break;
	case FAULT_DH:
		r->offer.dh_bits = (uint16_t)number;
		break;
	case FAULT_GROUP:
		tls_set_add(&r->offer.groups, (size_t)tls_group_find((uint16_t)number));
		break;
	case FAULT_EXPIRED:
		c->not_after = NOW - 1;
		break;
	case FAULT_SOON:
		c->not_after = NOW + USEC_PER_DAY;
		break;
	case FAULT_NOT_YET:
		c->not_before = NOW + 1;
		break;
	case FAULT_SELF:
		c->self_signed = 1;
		break;
	case FAULT_UNTRUSTED:
		c->verify = 20;
		break;
	case FAULT_NAME:
		c->name_matches = 0;
		break;
	case FAULT_KEY:
		c->key_bits = number;
		break;
	case FAULT_HASH:
		c->hash = (uint8_t)number;
		break;
	case FAULT_OFFERED:
		r->kind = TLS_KIND_OFFERED;
		break;
	case FAULT_HSTS:
		r->http = 1;
		break;
	default:
		break;
	}
}

static void test_grades(void **state)
{
	(void)state;
	static const struct {
		enum fault fault;
		unsigned number;
		enum tls_grade grade;
		const char *id; /* the worst reason */
	} cases[] = {
		{ FAULT_NONE, 0, TLS_GRADE_A, NULL },
		{ FAULT_SSL3, 0, TLS_GRADE_D, "tls-ssl3" },
		{ FAULT_OLD, 0, TLS_GRADE_D, "tls-no-modern-version" },
		{ FAULT_SUITE, 0x0002, TLS_GRADE_F, "tls-null-cipher" },
		{ FAULT_SUITE, 0x0018, TLS_GRADE_F, "tls-anonymous-cipher" },
		{ FAULT_SUITE, 0x0003, TLS_GRADE_F, "tls-export-cipher" },
		{ FAULT_SUITE, 0x0009, TLS_GRADE_E, "tls-short-cipher" },
		{ FAULT_SUITE, 0x0005, TLS_GRADE_D, "tls-rc4" },
		{ FAULT_SUITE, 0x000A, TLS_GRADE_C, "tls-3des" },
		{ FAULT_SUITE, 0x002F, TLS_GRADE_B, "tls-some-without-forward-secrecy" },
		{ FAULT_DH, 768, TLS_GRADE_F, "tls-weak-dh" },
		{ FAULT_DH, 1024, TLS_GRADE_C, "tls-weak-dh" },
		{ FAULT_DH, 2048, TLS_GRADE_A, NULL },
		{ FAULT_GROUP, 0x0013, TLS_GRADE_D, "tls-weak-group" },
		{ FAULT_GROUP, 0x001D, TLS_GRADE_A, NULL },
		{ FAULT_EXPIRED, 0, TLS_GRADE_F, "tls-expired" },
		{ FAULT_SOON, 0, TLS_GRADE_B, "tls-expires-soon" },
		{ FAULT_NOT_YET, 0, TLS_GRADE_F, "tls-not-yet-valid" },
		{ FAULT_SELF, 0, TLS_GRADE_D, "tls-self-signed" },
		{ FAULT_UNTRUSTED, 0, TLS_GRADE_D, "tls-untrusted" },
		{ FAULT_NAME, 0, TLS_GRADE_F, "tls-wrong-name" },
		{ FAULT_KEY, 1024, TLS_GRADE_D, "tls-short-key" },
		{ FAULT_KEY, 512, TLS_GRADE_F, "tls-short-key" },
		{ FAULT_HASH, TLS_HASH_SHA1, TLS_GRADE_D, "tls-weak-signature" },
		{ FAULT_HASH, TLS_HASH_MD5, TLS_GRADE_F, "tls-weak-signature" },
		{ FAULT_OFFERED, 0, TLS_GRADE_B, "tls-only-offered" },
		{ FAULT_HSTS, 0, TLS_GRADE_A, "tls-no-hsts" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tls_record r = good_record();
		struct tls_reasons reasons;
		spoil(&r, cases[i].fault, cases[i].number);
		assert_true(tls_record_valid(&r));
		const enum tls_grade grade = tls_grade(&reasons, &r, NOW);
		if (grade != cases[i].grade || (reasons.count == 0) != (cases[i].id == NULL)) {
			fail_msg("case %zu: %s, %zu reasons", i, tls_grade_name(grade),
				 reasons.count);
		}
		if (cases[i].id != NULL) {
			assert_string_equal(reasons.items[0].id, cases[i].id);
		}
		for (size_t k = 0; k < reasons.count; k++) {
			const struct message *message = message_find(reasons.items[k].id);
			assert_non_null(message);
			assert_string_not_equal(message->advice.ja, "");
		}
	}
}

/* The worse of two certificates decides, and what both have is said once. */
static void test_the_other_certificate(void **state)
{
	(void)state;
	struct tls_reasons reasons;
	struct tls_record r = good_record();
	r.other = r.certificate;
	memcpy(r.other.key, "EC", sizeof("EC"));
	r.other.key_bits = 256;
	assert_true(tls_record_valid(&r));
	assert_int_equal(tls_grade(&reasons, &r, NOW), TLS_GRADE_A);
	assert_int_equal(reasons.count, 0);
	r.other.not_after = NOW - USEC_PER_DAY;
	assert_int_equal(tls_grade(&reasons, &r, NOW), TLS_GRADE_F);
	assert_int_equal(reasons.count, 1);
	assert_string_equal(reasons.items[0].id, "tls-expired");
	assert_string_equal(reasons.items[0].detail, "2027-01-14 (EC)");
	r.other.not_after = NOW + 80 * USEC_PER_DAY;
	r.other.key_bits = 128;
	assert_int_equal(tls_grade(&reasons, &r, NOW), TLS_GRADE_F);
	assert_string_equal(reasons.items[0].detail, "EC 128");
	r.other.key_bits = 256;
	r.other.self_signed = r.certificate.self_signed = 1;
	assert_int_equal(tls_grade(&reasons, &r, NOW), TLS_GRADE_D);
	assert_int_equal(reasons.count, 1);
	memset(r.other.subject, 'x', sizeof(r.other.subject));
	assert_false(tls_record_valid(&r));
}

static void test_what_is_not_encrypted_has_no_grade(void **state)
{
	(void)state;
	struct tls_reasons reasons;
	for (unsigned kind = 0; kind < TLS_KINDS; kind++) {
		struct tls_record r = { .port = 80, .kind = (uint8_t)kind };
		assert_int_equal(tls_grade(&reasons, &r, NOW), TLS_GRADE_NONE);
	}
}

static void test_verdicts(void **state)
{
	(void)state;
	static const struct {
		enum tls_kind kind;
		enum tls_grade grade;
		enum tls_declared declared;
		enum tls_verdict verdict;
	} cases[] = {
		{ TLS_KIND_PLAIN, TLS_GRADE_NONE, TLS_DECLARED_NOTHING, TLS_NOT_COMPARED },
		{ TLS_KIND_PLAIN, TLS_GRADE_NONE, TLS_DECLARED_PLAIN, TLS_IN_ORDER },
		{ TLS_KIND_PLAIN, TLS_GRADE_NONE, TLS_DECLARED_ENCRYPTED,
		  TLS_PLAIN_THOUGH_DECLARED },
		{ TLS_KIND_TLS, TLS_GRADE_A, TLS_DECLARED_ENCRYPTED, TLS_IN_ORDER },
		{ TLS_KIND_TLS, TLS_GRADE_F, TLS_DECLARED_ENCRYPTED, TLS_BROKEN },
		{ TLS_KIND_TLS, TLS_GRADE_A, TLS_DECLARED_PLAIN, TLS_MORE_THAN_DECLARED },
		{ TLS_KIND_OFFERED, TLS_GRADE_B, TLS_DECLARED_ENCRYPTED, TLS_ONLY_OFFERED },
		{ TLS_KIND_OFFERED, TLS_GRADE_B, TLS_DECLARED_PLAIN, TLS_IN_ORDER },
		{ TLS_KIND_REQUIRED, TLS_GRADE_A, TLS_DECLARED_ENCRYPTED, TLS_IN_ORDER },
		{ TLS_KIND_SSH, TLS_GRADE_NONE, TLS_DECLARED_ENCRYPTED, TLS_IN_ORDER },
		{ TLS_KIND_UNKNOWN, TLS_GRADE_NONE, TLS_DECLARED_ENCRYPTED, TLS_CANNOT_TELL },
		{ TLS_KIND_CLOSED, TLS_GRADE_NONE, TLS_DECLARED_ENCRYPTED, TLS_NOT_COMPARED },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct tls_record r = { .port = 1, .kind = (uint8_t)cases[i].kind };
		assert_int_equal(tls_compare(&r, cases[i].grade, cases[i].declared),
				 cases[i].verdict);
	}
}

static void test_only_whole_records_are_believed(void **state)
{
	(void)state;
	struct tls_record r = good_record();
	assert_true(tls_record_valid(&r));
	r.certificate.subject[0] = '\x1b';
	assert_false(tls_record_valid(&r));
	r = good_record();
	memset(r.certificate.names, 'a', sizeof(r.certificate.names));
	assert_false(tls_record_valid(&r));
	r = good_record();
	r.kind = TLS_KINDS;
	assert_false(tls_record_valid(&r));
	r = good_record();
	tls_set_add(&r.offer.suites[TLS_VERSION_12], TLS_SUITES_MAX - 1);
	assert_false(tls_record_valid(&r));
	r = good_record();
	r.offer.versions = 0xff;
	assert_false(tls_record_valid(&r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_of_suites_say_what_they_are),
		cmocka_unit_test(test_a_hello_is_whole_and_fits),
		cmocka_unit_test(test_ssl3_has_no_extensions_and_an_address_no_name),
		cmocka_unit_test(test_a_flight_says_the_same_in_pieces),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_a_flight_without_end_is_given_up),
		cmocka_unit_test(test_the_smallest_prime_is_measured),
		cmocka_unit_test(test_a_plan_finds_all_that_a_server_can),
		cmocka_unit_test(test_a_plan_ends_whatever_the_answers_are),
		cmocka_unit_test(test_a_suite_that_nobody_offered_ends_its_version),
		cmocka_unit_test(test_silence_twice_gives_a_server_up),
		cmocka_unit_test(test_starttls_of_each_protocol),
		cmocka_unit_test(test_starttls_of_bytes),
		cmocka_unit_test(test_greetings_tell_who_speaks),
		cmocka_unit_test(test_eleven_bytes_tell_tls),
		cmocka_unit_test(test_first_payloads_are_told_by_yes_and_no),
		cmocka_unit_test(test_broken_packets_are_passed_over),
		cmocka_unit_test(test_grades),
		cmocka_unit_test(test_the_other_certificate),
		cmocka_unit_test(test_what_is_not_encrypted_has_no_grade),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_only_whole_records_are_believed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
