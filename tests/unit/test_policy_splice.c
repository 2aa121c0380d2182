/*
 * policy: a text that was changed is read again by what is different. The tree must be the one that
 * the whole text gives, with every place; what has faults must have the same ones.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "policy/reader.h"

enum { TEXT_MAX = 1 << 16, ROUNDS = 20000, LINES_MAX = 256 };

static const struct policy_environment environment = { .today = 20785 };
static uint64_t seed = 0x6d696e61746f;

/* xorshift64*, Vigna 2016. */
static uint32_t draw(uint32_t below)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (uint32_t)((seed * 0x2545f4914f6cdd1dULL) >> 33) % below;
}

static const char *const bases[] = {
	"minato: 1\n"
	"who:\n"
	"  friend: 192.0.2.1\n"
	"# 港の入口\n"
	"ports:\n"
	"  # ssh\n"
	"  ssh: {port: 22/tcp, for: a, owner: o, from: friend}\n"
	"  web:\n"
	"    port: [80/tcp, 443/tcp]\n"
	"    for: >-\n"
	"      a page\n"
	"      # not a comment\n"
	"\n"
	"    owner: o   # 管理者\n"
	"    from: any\n"
	"  game: {port: 25565/tcp, for: 'it''s \"fun\"', owner: o, from: any, until: 2027-06-30}\n"
	"\n"
	"  last:\n"
	"    port: 9/udp\n"
	"    for: |-\n"
	"      kept\n"
	"\n"
	"    owner: o\n"
	"    from: any\n"
	"defaults:\n"
	"  inbound: drop\n"
	"never_cut: friend\n",

	"minato: 1\r\n"
	"ports:\r\n"
	"    a:\r\n"
	"        port: 1/tcp\r\n"
	"        for: \"two\r\n"
	"          lines\"\r\n"
	"        owner: o\r\n"
	"        from: any\r\n"
	"    b: {port: 2/tcp,\r\n"
	"        for: x, owner: o, from: any}\r\n"
	"    c: {port: 3/tcp, for: plain text, owner: o, from: any}\r\n",

	"minato: 1\n"
	"ports:\n"
	" a: {port: 1/tcp, for: x, owner: o, from: any}\n"
	" b: {port: 2/tcp, for: x, owner: o, from: any}",
};

/* ---- changes ---- */

static const char *const pieces[] = {
	"  new: {port: 7/tcp, for: n, owner: o, from: any}\n",
	"  new:\n    port: 7/tcp\n    for: n\n    owner: o\n    from: any\n",
	" new: {port: 7/tcp, for: n, owner: o, from: any}\n",
	"    new: {port: 7/tcp, for: n, owner: o, from: any}\r\n",
	"  # a comment\n",
	"      # deep\n",
	"# shallow\n",
	"\n",
	"---\n",
	"...\n",
	"who: {}\n",
	"  x: |\n      text\n",
	"    for: other\n",
	"  - item\n",
	"}",
	"'",
	"\"",
	": ",
	" #",
	"港",
	"\t",
	"  ",
	"{",
	"&a ",
	"*a",
	"!!str ",
};

static size_t split(const char *starts[LINES_MAX], const char *text)
{
	size_t count = 0;
	for (const char *at = text; *at != '\0' && count + 1 < LINES_MAX; count++) {
		starts[count] = at;
		const char *end = strchr(at, '\n');
		at = end == NULL ? at + strlen(at) : end + 1;
	}
	starts[count] = text + strlen(text);
	return count;
}

/* Puts something in, takes something out, or does both. */
static void change(struct str *out, const char *text)
{
	const char *starts[LINES_MAX];
	const size_t count = split(starts, text);
	const char *piece = pieces[draw(sizeof(pieces) / sizeof(pieces[0]))];
	const char *from = starts[draw((uint32_t)count + 1)];
	const char *to = from;
	const uint32_t kind = draw(4);
	if (kind == 0) { /* anywhere within */
		from = text + draw((uint32_t)strlen(text) + 1);
		to = from + draw(3);
		to = to > text + strlen(text) ? text + strlen(text) : to;
	} else if (kind >= 2) { /* some lines go */
		size_t line = 0;
		while (starts[line] < from) {
			line++;
		}
		const size_t end = line + draw(4);
		to = starts[end > count ? count : end];
	}
	str_add_bytes(out, text, (size_t)(from - text));
	str_add(out, kind == 3 ? "" : piece);
	str_add(out, to);
}

/* ---- comparing ---- */

/* NOLINTNEXTLINE(misc-no-recursion): a tree that was read is at most POLICY_NESTING_MAX deep. */
static void assert_same(const struct node *a, const struct node *b, const char *text)
{
	bool same = (a == NULL) == (b == NULL);
	if (same && a != NULL) {
		const bool ends = a->kind == NODE_TEXT || a->flow;
		same = a->kind == b->kind && a->word == b->word && a->cut == b->cut &&
		       a->flow == b->flow && a->mark.line == b->mark.line &&
		       a->mark.column == b->mark.column && a->mark.length == b->mark.length &&
		       a->start == b->start && (!ends || a->end == b->end) &&
		       a->count == b->count &&
		       strcmp(a->kind == NODE_TEXT ? a->text : "",
			      b->kind == NODE_TEXT ? b->text : "") == 0;
	}
	if (!same) {
		fail_msg("another tree at line %u of:\n%s", a == NULL ? 0 : a->mark.line + 1, text);
	}
	if (a != NULL) {
		assert_same(a->key, b->key, text);
		const struct node *y = b->first;
		for (const struct node *x = a->first; x != NULL; x = x->next, y = y->next) {
			assert_same(x, y, text);
		}
	}
}

static void assert_same_faults(const struct policy_diagnostics *a,
			       const struct policy_diagnostics *b, const char *text)
{
	const struct style style = { 0 };
	struct str one = STR_INIT(1 << 20);
	struct str other = STR_INIT(1 << 20);
	policy_diagnostics_render(&one, a, LANGUAGE_EN, &style);
	policy_diagnostics_render(&other, b, LANGUAGE_EN, &style);
	if (strcmp(str_text(&one), str_text(&other)) != 0) {
		fail_msg("%s\ninstead of\n%s\nof:\n%s", str_text(&other), str_text(&one), text);
	}
	str_deinit(&one);
	str_deinit(&other);
}

static void assert_same_policy(const struct policy *a, const struct policy *b, const char *text)
{
	struct policy_changes changes;
	assert_int_equal(policy_diff(&changes, a, b), 0);
	if (changes.list.count != 0) {
		fail_msg("another policy at %s of:\n%s", changes.list.items[0].path, text);
	}
	policy_changes_deinit(&changes);
	assert_int_equal(a->declarations.count, b->declarations.count);
	for (size_t i = 0; i < a->declarations.count; i++) {
		assert_int_equal(a->declarations.items[i].entry.place.line,
				 b->declarations.items[i].entry.place.line);
	}
}

/* @return whether only a part was read. */
static bool compare(const struct policy_reading *former, const struct str *changed)
{
	const struct policy_text text = { .name = "p",
					  .bytes = str_text(changed),
					  .length = changed->length };
	struct policy_diagnostics faults, again_faults;
	struct policy_reading *whole = NULL;
	struct policy_reading *again = NULL;
	int r = policy_read(&whole, &faults, &text, &environment);
	int r_again = policy_read_again(&again, &again_faults, &text, &environment, former);
	bool spliced = false;
	if (r != r_again) {
		fail_msg("%d instead of %d of:\n%s", r_again, r, text.bytes);
	}
	assert_same_faults(&faults, &again_faults, text.bytes);
	if (r == 0) {
		spliced = again->reader.spliced.new_count > 0;
		assert_same(whole->root, again->root, text.bytes);
		assert_int_equal(whole->reader.values, again->reader.values);
		assert_same_policy(policy_reading_policy(whole), policy_reading_policy(again),
				   text.bytes);
	}
	policy_diagnostics_deinit(&faults);
	policy_diagnostics_deinit(&again_faults);
	(void)policy_reading_free(whole); /* always NULL */
	(void)policy_reading_free(again);
	return spliced;
}

static void test_any_change(void **state)
{
	(void)state;
	unsigned spliced = 0;
	for (unsigned round = 0; round < ROUNDS; round++) {
		const char *base = bases[draw(sizeof(bases) / sizeof(bases[0]))];
		const struct policy_text text = { .name = "p",
						  .bytes = base,
						  .length = strlen(base) };
		struct policy_diagnostics faults;
		struct policy_reading *former = NULL;
		struct str changed = STR_INIT(TEXT_MAX);
		assert_int_equal(policy_read(&former, &faults, &text, &environment), 0);
		change(&changed, base);
		assert_int_equal(changed.error, 0);
		spliced += compare(former, &changed);
		policy_diagnostics_deinit(&faults);
		(void)policy_reading_free(former); /* always NULL */
		str_deinit(&changed);
	}
	assert_true(spliced > ROUNDS / 20); /* else nothing was tested */
}

/* What `minato open` does is read by a part. */
static void test_an_entry_more(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		const struct policy_text text = { .name = "p",
						  .bytes = bases[i],
						  .length = strlen(bases[i]) };
		const struct policy_ports ports = { PROTOCOL_TCP, 4711, 4711 };
		const struct policy_addition addition = { .ports = &ports,
							  .port_count = 1,
							  .purpose = "p",
							  .owner = "o",
							  .until = POLICY_NO_DATE };
		struct policy_diagnostics faults;
		struct policy_reading *former = NULL;
		struct policy_edit edit;
		struct str changed = STR_INIT(TEXT_MAX);
		assert_int_equal(policy_read(&former, &faults, &text, &environment), 0);
		assert_int_equal(policy_edit_add(&edit, &text, &addition, &environment), 0);
		assert_int_equal(edit.changes.list.count, 1);
		str_add(&changed, edit.text);
		assert_true(compare(former, &changed));
		policy_edit_deinit(&edit);
		policy_diagnostics_deinit(&faults);
		(void)policy_reading_free(former); /* always NULL */
		str_deinit(&changed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_change),
		cmocka_unit_test(test_an_entry_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
