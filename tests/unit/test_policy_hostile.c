/* policy: bytes made to hurt end in an error, in bounded time and memory. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "check.h"
#include "policy/policy.h"

/* What grows with the square of these inputs takes minutes; a busy machine under sanitizers,
 * seconds. */
enum { ALLOWED_MS = 20000, MEMORY_MAX = 64 * 1024 * 1024 };

static const struct policy_environment environment = { .today = 20454 };

static int64_t cpu_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now); /* always there */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads the bytes, which have to be refused with this id among the faults. */
static void refused(const char *bytes, size_t length, const char *id)
{
	struct policy policy = { 0 };
	struct policy_diagnostics diagnostics;
	int64_t start = cpu_ms();
	int r = policy_parse(&policy, &diagnostics, "p", bytes, length, &environment);
	int64_t took = cpu_ms() - start;
	bool found = false;
	for (size_t i = 0; i < diagnostics.list.count; i++) {
		found = found || strcmp(diagnostics.list.items[i].id, id) == 0;
	}
	if (r != POLICY_INVALID || !found || took > ALLOWED_MS) {
		print_error("%s: outcome %d, found %d, %lld ms\n", id, r, found, (long long)took);
	}
	assert_int_equal(r, POLICY_INVALID);
	assert_true(found);
	assert_true(diagnostics.list.count <= POLICY_DIAGNOSTICS_MAX);
	assert_true(diagnostics.arena.used_bytes < MEMORY_MAX);
	assert_true(took <= ALLOWED_MS);
	policy_diagnostics_deinit(&diagnostics);
}

/* `count` times `piece` between `before` and `after`. */
static void refused_repeat(const char *before, const char *piece, size_t count, const char *after,
			   const char *id)
{
	struct str text = STR_INIT(16 << 20);
	str_add(&text, before);
	for (size_t i = 0; i < count; i++) {
		str_add(&text, piece);
	}
	str_add(&text, after);
	assert_int_equal(text.error, 0);
	refused(text.text, text.length, id);
	str_deinit(&text);
}

static void deep_nesting_is_refused(void **state)
{
	(void)state;
	refused_repeat("minato: 1\nports: ", "[", 1000000, "", "policy-too-deep");
	refused_repeat("minato: 1\nports: ", "{a: ", 200000, "", "policy-too-deep");
	refused_repeat("", "- ", 500000, "", "policy-too-deep");
	refused_repeat("", "? ", 500000, "", "policy-key-not-text");
	refused_repeat("minato: 1\nports: ", "[", 2000000, "", "policy-file-too-big");
}

static void alias_bombs_are_refused(void **state)
{
	(void)state;
	static const char bomb[] = "minato: 1\n"
				   "a: &a [x, x, x, x, x, x, x, x, x]\n"
				   "b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
				   "c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\n"
				   "d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]\n"
				   "ports: *d\n";
	refused(bomb, sizeof(bomb) - 1, "policy-alias");
	refused_repeat("minato: 1\nx: [&a 1", ", *a", 200000, "]\n", "policy-alias");
	refused_repeat("minato: 1\nx: [", "&a 1, ", 150000, "]\n", "policy-anchor");
}

static void masses_of_keys_are_refused(void **state)
{
	(void)state;
	struct str text = STR_INIT(16 << 20);
	for (unsigned i = 0; text.length < 2 << 20; i++) {
		str_printf(&text, "key%u: 1\n", i);
	}
	refused(text.text, text.length, "policy-file-too-big");
	refused(text.text, 1 << 20, "policy-key-unknown");
	str_deinit(&text);
	refused_repeat("minato: 1\n", "ports: {}\n", 100000, "", "policy-key-twice");
	refused_repeat("minato: 1\nports:\n", " a: {}\n", 99000, "", "policy-name-twice");
	refused_repeat("minato: 1\nx: [", "a,", 500000, "]\n", "policy-too-many-values");
}

/* Every name differs, so nothing is found early; every reference is wrong. */
static void masses_of_names_are_quick(void **state)
{
	(void)state;
	struct str text = STR_INIT(16 << 20);
	str_add(&text, "minato: 1\nwho:\n");
	for (unsigned i = 0; i < 20000; i++) {
		str_printf(&text, " w%u: 192.0.2.1\n", i);
	}
	str_add(&text, "never_cut: [");
	for (unsigned i = 0; i < 20000; i++) {
		str_printf(&text, "v%u,", i);
	}
	str_add(&text, "]\n");
	refused(text.text, text.length, "policy-who-unknown");
	str_deinit(&text);
}

static void masses_of_overlaps_are_quick(void **state)
{
	(void)state;
	refused_repeat("minato: 1\nports: {a: {for: b, owner: c, from: any, port: [",
		       "1-65535/tcp,", 60000, "]}}\n", "policy-port-repeated");
	refused_repeat("minato: 1\nports: {a: {for: b, owner: c, from: any, port: [", "0/tcp,",
		       100000, "]}}\n", "policy-port-zero");
	struct str text = STR_INIT(16 << 20);
	str_add(&text, "minato: 1\nports: {a: {for: b, owner: c, from: any, port: [");
	for (unsigned i = 1; i < 60000; i++) {
		str_printf(&text, "%u-65535/tcp,", i);
	}
	str_add(&text, "]}}\n");
	refused(text.text, text.length, "policy-port-repeated");
	str_deinit(&text);
}

static void odd_bytes_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t length;
		const char *id;
	} cases[] = {
		{ "", 0, "policy-empty-file" },
		{ "\n\n# words\n", 10, "policy-empty-file" },
		{ "---\n...\n", 8, "policy-empty-file" },
		{ "\0", 1, "policy-nul" },
		{ "\xff\xfem\0i\0", 6, "policy-utf8" },
		{ "minato: \xc0\x80", 10, "policy-utf8" },
		{ "minato: \xed\xa0\x80", 11, "policy-utf8" },
		{ "minato: \xe6\xb8", 10, "policy-utf8" },
		{ "\xef\xbb\xbfminato: 1\n", 13, "policy-byte-order-mark" },
		{ "minato: 1\r", 10, "policy-hidden-character" },
		{ "minato: 1\nx: \x1b[2J\n", 18, "policy-hidden-character" },
		{ "minato: 1 #\xe2\x80\xa8", 14, "policy-hidden-character" },
		{ "\t\n", 2, "policy-tab-indent" },
		{ "%TAG ! tag:\n---\nminato: 1\n", 26, "policy-directive" },
		{ "minato: 99999999999999999999\n", 29, "policy-version" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		refused(cases[i].bytes, cases[i].length, cases[i].id);
	}
	refused_repeat("", "%TAG !a! tag:a\n", 60000, "---\nminato: 1\n", "policy-directive");
	refused_repeat("minato: 1\n", "\xe2\x80\xae", 300000, "\n", "policy-hidden-character");
	refused_repeat("minato: 1\nx: \"", "\\\\x1b", 100000, "\n", "policy-yaml-quote");
	refused_repeat("minato: 1\nports: {ssh: {for: \"", "a", 900000, "\"}}\n",
		       "policy-text-length");
	refused_repeat("minato: 1\n", "x", 900000, ": 1\n", "policy-yaml-no-colon");
}

static void windows_line_ends_are_fine(void **state)
{
	(void)state;
	static const char text[] = "minato: 1\r\nports:\r\n  a: {port: 1/tcp, for: b, owner: c, "
				   "from: any}\r\n";
	struct policy policy = { 0 };
	struct policy_diagnostics diagnostics;
	assert_int_equal(policy_parse(&policy, &diagnostics, "p", text, strlen(text), &environment),
			 0);
	policy_diagnostics_deinit(&diagnostics);
	policy_deinit(&policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(alias_bombs_are_refused),
		cmocka_unit_test(masses_of_keys_are_refused),
		cmocka_unit_test(masses_of_names_are_quick),
		cmocka_unit_test(masses_of_overlaps_are_quick),
		cmocka_unit_test(odd_bytes_are_refused),
		cmocka_unit_test(windows_line_ends_are_fine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
