/*
 * identify: conversations of tests/golden/identify played back. A file names the port and its usual
 * service, what has to be told ("expect"), and what was said on each connection: ">" by us, "<" by
 * the server, which a real one did unless the file says otherwise.
 */
#include <dirent.h>
#include <string.h>

#include "base/parse.h"
#include "golden.h"
#include "identify/identify.h"

enum { FILE_MAX = 1 << 18 };

struct play {
	char *at; /* the rest of the file */
	char expect[1024];
	struct identify_port port;
	struct identify_order order;
};

/* ---- reading ---- */

static unsigned digit(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
}

/* Text between quotes, with \n \r \" \\ \xHH. @return bytes. */
static size_t unquote(uint8_t *out, const char *line)
{
	size_t length = 0;
	for (const char *c = strchr(line, '"') + 1; *c != '"'; c++) {
		if (*c != '\\') {
			out[length++] = (uint8_t)*c;
			continue;
		}
		c++;
		if (*c == 'x') {
			out[length++] = (uint8_t)(digit(c[1]) << 4 | digit(c[2]));
			c += 2;
		} else {
			out[length++] = *c == 'n' ? '\n' : *c == 'r' ? '\r' : (uint8_t)*c;
		}
	}
	return length;
}

static char *next_line(struct play *play)
{
	char *line = play->at;
	char *end = strchr(line, '\n');
	if (end == NULL) {
		return NULL;
	}
	*end = '\0';
	play->at = end + 1;
	return line;
}

static bool is_next(const struct play *play, const char *word)
{
	return strncmp(play->at, word, strlen(word)) == 0;
}

static void read_head(struct play *play)
{
	char *line = NULL;
	while ((line = next_line(play)) != NULL && strncmp(line, "expect", 6) != 0) {
		/* "port 445/tcp smb" */
		char *slash = strchr(line, '/');
		bool tls = false;
		if (strncmp(line, "port ", 5) == 0 && slash != NULL) {
			*slash = '\0';
			assert_int_equal(parse_port(&play->port.port, line + 5), 0);
			play->port.protocol = slash[1] == 'u' ? PROTOCOL_UDP : PROTOCOL_TCP;
			play->port.talk = (uint8_t)identify_talk_of(slash + strlen("/tcp "), &tls);
			play->port.tls = tls;
		}
	}
	assert_non_null(line);
	(void)snprintf(play->expect, sizeof(play->expect), "%s", line + strlen("expect "));
}

/* ---- playing ---- */

static void check_said(const char *name, struct play *play, const struct identify_talking *t)
{
	static uint8_t wanted[FILE_MAX];
	assert_true(is_next(play, "> "));
	const size_t length = unquote(wanted, next_line(play));
	if (length != t->length || memcmp(wanted, t->bytes, length) != 0) {
		fail_msg("%s: something else is said than \"%.*s\"", name, (int)length, wanted);
	}
}

/* @param step  bytes that come at once; 0 = as many as there are. */
static void answer(struct play *play, struct identify_talking *t, size_t step)
{
	static uint8_t bytes[FILE_MAX];
	if (!is_next(play, "< ")) {
		if (is_next(play, "end")) {
			(void)next_line(play);
			identify_ended(t);
		} else {
			identify_quiet(t);
		}
		return;
	}
	const size_t length = unquote(bytes, next_line(play));
	for (size_t at = 0; at < length && !t->fresh;) {
		const size_t left = length - at;
		const bool whole = step == 0 || step > left || play->port.protocol == PROTOCOL_UDP;
		const size_t part = whole ? left : step;
		(void)identify_hear(t, bytes + at, part);
		at += part;
	}
}

static void step(const char *name, struct play *play, struct identify_talking *t, size_t bytes)
{
	t->fresh = false;
	switch (t->action) {
	case IDENTIFY_CONNECT:
		if (is_next(play, "< ")) { /* more of it than was wanted */
			(void)next_line(play);
		}
		if (is_next(play, "end")) {
			(void)next_line(play);
		}
		if (!is_next(play, "connection")) {
			fail_msg("%s: a connection more", name);
		}
		(void)next_line(play);
		identify_connected(t);
		return;
	case IDENTIFY_SHAKE:
		fail_msg("%s: TLS", name);
		return;
	case IDENTIFY_SAY:
		check_said(name, play, t);
		answer(play, t, bytes);
		return;
	default:
		/* A question follows: nothing had come before it. */
		if (is_next(play, "> ")) {
			identify_quiet(t);
		} else {
			answer(play, t, bytes);
		}
	}
}

/* ---- telling ---- */

static void add(struct str *out, const char *name, unsigned told)
{
	if (told != IDENTIFY_TOLD_NOTHING) {
		str_printf(out, " %s=%s", name, told == IDENTIFY_TOLD_YES ? "yes" : "no");
	}
}

static void describe(struct str *out, const struct identity *i)
{
	str_printf(out, "%s %s", identify_outcome_name((enum identify_outcome)i->outcome),
		   identity_service(i));
	add(out, "encrypted", i->encrypted);
	add(out, "starttls", i->starttls);
	add(out, "without_login", i->without_login);
	add(out, "smb1", i->smb1);
	add(out, "signing", i->signing);
	add(out, "nla", i->nla);
	if (i->smb_dialect != 0) {
		str_printf(out, " dialect=%x", i->smb_dialect);
	}
	str_printf(out, " connections=%u", i->connections);
	str_printf(out, "%s%s", i->product[0] == '\0' ? "" : " product=", i->product);
	str_printf(out, "%s%s", i->version[0] == '\0' ? "" : " version=", i->version);
	str_printf(out, "%s%s", i->detail[0] == '\0' ? "" : " detail=", i->detail);
}

static void play_file(const char *path, const char *name, size_t bytes)
{
	_cleanup_(freep) char *text = NULL;
	static struct identify_talking talking;
	static struct play play;
	struct addr address = { 0 };
	struct str told = STR_INIT(4096);
	struct err e = ERR_INIT;
	assert_int_equal(addr_parse(&address, "192.0.2.1"), 0);
	memset(&play, 0, sizeof(play));
	if (file_read(&text, NULL, path, FILE_MAX, &e) < 0) {
		fail_msg("%s", err_text(&e));
	}
	play.at = text;
	identify_order_init(&play.order, &address, "");
	play.order.snmp_public = strstr(name, "public") != NULL;
	read_head(&play);
	identify_begin(&talking, &play.order, &play.port);
	for (unsigned steps = 0; talking.action != IDENTIFY_DONE; steps++) {
		assert_true(steps < 64);
		step(name, &play, &talking, bytes);
	}
	describe(&told, &talking.identity);
	if (getenv("GOLDEN_UPDATE") != NULL) {
		printf("# %s\t%s\n", name, str_text(&told));
	} else if (strcmp(str_text(&told), play.expect) != 0) {
		fail_msg("%s (%zu bytes at once):\n  %s\ninstead of\n  %s", name, bytes,
			 str_text(&told), play.expect);
	}
	assert_true(identity_valid(&talking.identity));
	assert_true(talking.identity.connections <= IDENTIFY_CONNECTIONS_MAX);
	str_deinit(&told);
}

static void play_all(size_t bytes)
{
	char folder[4096], path[5000];
	unsigned count = 0;
	(void)snprintf(folder, sizeof(folder), "%s/identify", getenv("GOLDEN_DIRECTORY"));
	DIR *files = opendir(folder);
	assert_non_null(files);
	for (struct dirent *file = readdir(files); file != NULL; file = readdir(files)) {
		if (strstr(file->d_name, ".talk") != NULL) {
			(void)snprintf(path, sizeof(path), "%s/%s", folder, file->d_name);
			play_file(path, file->d_name, bytes);
			count++;
		}
	}
	(void)closedir(files);
	assert_true(count > 30);
}

static void test_recorded_conversations(void **state)
{
	(void)state;
	play_all(0);
}

/* The same is told however the bytes are cut. */
static void test_one_byte_at_once(void **state)
{
	(void)state;
	if (getenv("GOLDEN_UPDATE") == NULL) {
		play_all(1);
	}
}

/* ---- what nobody records ---- */

static struct identify_talking talking;
static struct identify_order order;
static struct identify_port port;

static void begin(uint16_t number, const char *service)
{
	struct addr address = { 0 };
	bool tls = false;
	assert_int_equal(addr_parse(&address, "192.0.2.1"), 0);
	identify_order_init(&order, &address, "");
	port = (struct identify_port){ .port = number, .protocol = PROTOCOL_TCP };
	port.talk = (uint8_t)identify_talk_of(service, &tls);
	port.tls = tls;
	identify_begin(&talking, &order, &port);
}

static void hear(const char *text)
{
	(void)identify_hear(&talking, (const uint8_t *)text, strlen(text));
}

static void test_silence_ends(void **state)
{
	(void)state;
	static const char *const services[] = { "", "ssh", "https", "redis", "jetdirect", "smb" };
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		begin(4000, services[i]);
		for (unsigned steps = 0; talking.action != IDENTIFY_DONE; steps++) {
			assert_true(steps < 20);
			switch (talking.action) {
			case IDENTIFY_CONNECT:
				identify_connected(&talking);
				break;
			case IDENTIFY_SHAKE:
				identify_not_secured(&talking, false);
				break;
			default:
				identify_quiet(&talking);
			}
		}
		assert_int_equal(talking.identity.outcome, IDENTIFY_SILENT);
		assert_true(talking.identity.connections <= IDENTIFY_CONNECTIONS_MAX);
	}
}

/* What is said to a printer comes out of it. */
static void test_printers_hear_nothing(void **state)
{
	(void)state;
	begin(9100, "jetdirect");
	identify_connected(&talking);
	assert_int_equal(talking.action, IDENTIFY_HEAR);
	identify_quiet(&talking);
	assert_int_equal(talking.action, IDENTIFY_DONE);
	assert_int_equal(talking.identity.connections, 1);
}

static void test_endless_greeting_ends(void **state)
{
	(void)state;
	static const uint8_t noise[4096] = { 'a' };
	begin(4000, "");
	identify_connected(&talking);
	unsigned taken = 0;
	while (talking.action == IDENTIFY_HEAR && taken < 100) {
		(void)identify_hear(&talking, noise, sizeof(noise));
		taken++;
	}
	assert_true(taken <= IDENTIFY_HEARD_MAX / sizeof(noise) + 1);
}

static void test_nothing_raw_is_told(void **state)
{
	(void)state;
	begin(22, "ssh");
	identify_connected(&talking);
	hear("SSH-2.0-\x1b]0;owned\x07\x9b"
	     "2J_1.0\r\n");
	assert_int_equal(talking.action, IDENTIFY_DONE);
	assert_true(identity_valid(&talking.identity));
	assert_null(strchr(talking.identity.detail, '\x1b'));
	begin(4000, "");
	identify_connected(&talking);
	hear("\x1b[2J\x1b[Hroot#\r\n\r\n");
	assert_true(identity_valid(&talking.identity) || talking.action != IDENTIFY_DONE);
	assert_string_equal(talking.identity.detail, ".[2J.[Hroot#");
}

static void test_another_service_at_the_port(void **state)
{
	(void)state;
	begin(443, "https");
	identify_connected(&talking);
	assert_int_equal(talking.action, IDENTIFY_SHAKE);
	hear("SSH-2.0-OpenSSH_9.2p1\r\n");
	assert_int_equal(talking.action, IDENTIFY_DONE);
	assert_string_equal(identity_service(&talking.identity), "ssh");
	assert_int_equal(talking.identity.connections, 1);
}

static void test_tls_at_a_plain_port(void **state)
{
	(void)state;
	static const uint8_t alert[] = { 0x15, 3, 1, 0, 2, 2, 70 };
	static const struct identify_tls tls = { .alpn = "http/1.1", .version = "TLSv1.3" };
	begin(4000, "");
	identify_connected(&talking);
	identify_quiet(&talking);
	assert_int_equal(talking.action, IDENTIFY_SAY);
	(void)identify_hear(&talking, alert, sizeof(alert));
	identify_ended(&talking);
	assert_int_equal(talking.action, IDENTIFY_CONNECT);
	identify_connected(&talking);
	assert_int_equal(talking.action, IDENTIFY_SHAKE);
	identify_secured(&talking, &tls);
	identify_quiet(&talking);
	hear("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(talking.action, IDENTIFY_DONE);
	assert_string_equal(identity_service(&talking.identity), "http");
	assert_int_equal(talking.identity.encrypted, IDENTIFY_TOLD_YES);
	assert_int_equal(talking.identity.connections, 2);
}

static void test_orders_and_identities_are_checked(void **state)
{
	(void)state;
	begin(22, "ssh");
	order.port_count = 1;
	order.ports[0] = port;
	assert_true(identify_order_valid(&order));
	order.ports[0].talk = IDENTIFY_TALKS;
	assert_false(identify_order_valid(&order));
	order.ports[0] = port;
	order.port_count = IDENTIFY_PORTS_MAX + 1;
	assert_false(identify_order_valid(&order));
	struct identity identity = { .port = 1, .protocol = PROTOCOL_TCP };
	assert_true(identity_valid(&identity));
	identity.detail[0] = '\n';
	assert_false(identity_valid(&identity));
	memset(identity.detail, 'a', sizeof(identity.detail));
	assert_false(identity_valid(&identity));
	identity = (struct identity){ .port = 1, .protocol = PROTOCOL_TCP, .talk = 2 };
	assert_false(identity_valid(&identity)); /* a language, and not named */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded_conversations),
		cmocka_unit_test(test_one_byte_at_once),
		cmocka_unit_test(test_silence_ends),
		cmocka_unit_test(test_printers_hear_nothing),
		cmocka_unit_test(test_endless_greeting_ends),
		cmocka_unit_test(test_nothing_raw_is_told),
		cmocka_unit_test(test_another_service_at_the_port),
		cmocka_unit_test(test_tls_at_a_plain_port),
		cmocka_unit_test(test_orders_and_identities_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
