/*
 * policy: random edits of generated files. Every line that says whose it is ("#d3;") and whose
 * declaration was not met is there afterwards, byte for byte and in its order; ports that were not
 * closed are declared as before; what is added reads as what it was.
 * EDIT_SEED=NUMBER in the environment repeats a run.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "check.h"
#include "policy/policy.h"

enum {
	ROUNDS = 250,
	EDITS = 5,
	DECLARATIONS_MAX = 7,
	PORTS_EACH = 20, /* declaration n has ports from n * PORTS_EACH + 1 on */
	PORT_MAX = 400,
	TEXT_MAX = 1 << 18,
};

static const struct policy_environment environment = { .today = 20454 };
static uint64_t seed;

/* xorshift64*, Vigna 2016. */
static uint32_t draw(uint32_t below)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (uint32_t)((seed * 0x2545f4914f6cdd1dULL) >> 33) % below;
}

/* ---- a file ---- */

/* How one file is laid out. */
struct hand {
	const char *eol;
	int indent, step;
	bool brackets; /* `ports: {`, a line for each declaration */
	bool apart;    /* blank lines between declarations */
};

static void add_line(struct str *out, const struct hand *hand, int indent, const char *text,
		     const char *mark)
{
	str_printf(out, "%*s%s%*s#%s;%s", indent, "", text, 1 + (int)draw(3), "", mark, hand->eol);
}

static void add_comments(struct str *out, const struct hand *hand, int indent, const char *mark)
{
	static const char *const words[] = { "", "- a list?", "port: 1/tcp", "'", "管理用", "{[" };
	for (uint32_t i = draw(3); i > 0; i--) {
		str_printf(out, "%*s# %u %s #%s;%s", indent, "", draw(100000),
			   words[draw(sizeof(words) / sizeof(words[0]))], mark, hand->eol);
	}
}

static void add_ports(struct str *out, uint32_t first)
{
	switch (draw(4)) {
	case 0:
		str_printf(out, "%u/tcp", first);
		break;
	case 1:
		str_printf(out, "%u-%u/udp", first, first + 1 + draw(15));
		break;
	case 2:
		str_printf(out, "[%u/tcp, %u-%u/tcp, %u/udp]", first, first + 2, first + 9,
			   first + 2);
		break;
	default:
		str_printf(out, "['%u/udp', \"%u/tcp\"]", first, first + 1);
		break;
	}
}

static void add_block_ports(struct str *out, const struct hand *hand, int indent, uint32_t first,
			    const char *mark)
{
	add_line(out, hand, indent, "port:", mark);
	int inner = indent + (draw(2) == 0 ? 0 : hand->step);
	for (uint32_t i = 0; i < 3; i++) {
		char text[32];
		add_comments(out, hand, inner, mark);
		(void)snprintf(text, sizeof(text), "- %u-%u/tcp", first + 5 * i, first + 5 * i + 3);
		add_line(out, hand, inner, text, mark);
	}
}

static void add_in_line(struct str *out, const struct hand *hand, const char *mark, uint32_t first)
{
	struct str text = STR_INIT(4096);
	str_printf(&text, "%s: {for: 'a b', port: ", mark);
	add_ports(&text, first);
	str_printf(&text, ", from: [w, 192.0.2.7], owner: o%s}%s",
		   draw(2) == 0 ? ", until: 2027-01-01" : "", hand->brackets ? "," : "");
	add_line(out, hand, hand->indent, str_text(&text), mark);
	str_deinit(&text);
}

static void add_in_block(struct str *out, const struct hand *hand, const char *mark, uint32_t first)
{
	struct str text = STR_INIT(4096);
	int indent = hand->indent + hand->step;
	str_printf(&text, "%s:", mark);
	add_line(out, hand, hand->indent, str_text(&text), mark);
	add_line(out, hand, indent, "for: >-", mark);
	str_printf(out, "%*snot a comment%s", indent + 1, "", hand->eol);
	if (draw(2) == 0) {
		add_block_ports(out, hand, indent, first, mark);
	} else {
		str_clear(&text);
		str_add(&text, "port: ");
		add_ports(&text, first);
		add_line(out, hand, indent, str_text(&text), mark);
	}
	add_comments(out, hand, indent, mark);
	add_line(out, hand, indent, "owner: \"o\"", mark);
	add_line(out, hand, indent, draw(2) == 0 ? "from: any" : "from: [w, host]", mark);
	add_comments(out, hand, indent, mark);
	str_deinit(&text);
}

static void add_declarations(struct str *out, const struct hand *hand)
{
	uint32_t count = draw(DECLARATIONS_MAX);
	for (uint32_t i = 0; i < count; i++) {
		char mark[16];
		(void)snprintf(mark, sizeof(mark), "d%u", i);
		str_add(out, i > 0 && hand->apart ? hand->eol : "");
		add_comments(out, hand, hand->indent, mark);
		if (hand->brackets || draw(2) == 0) {
			add_in_line(out, hand, mark, i * PORTS_EACH + 1);
		} else {
			add_in_block(out, hand, mark, i * PORTS_EACH + 1);
		}
	}
}

static void random_file(struct str *out)
{
	const struct hand hand = { .eol = draw(3) == 0 ? "\r\n" : "\n",
				   .indent = 1 + (int)draw(8),
				   .step = 1 + (int)draw(8),
				   .brackets = draw(3) == 0,
				   .apart = draw(2) == 0 };
	add_comments(out, &hand, 0, "keep");
	add_line(out, &hand, 0, "minato: 1", "keep");
	add_line(out, &hand, 0, "who: {w: 192.0.2.0/24, v: {interface: wg0}}", "keep");
	str_add(out, hand.apart ? hand.eol : "");
	add_comments(out, &hand, 0, "keep");
	add_line(out, &hand, 0, hand.brackets ? "ports: {" : "ports:", "keep");
	add_declarations(out, &hand);
	if (hand.brackets) {
		add_line(out, &hand, 0, "}", "keep");
	}
	if (draw(2) == 0) {
		str_add(out, hand.apart ? hand.eol : "");
		add_comments(out, &hand, 0, "keep");
		add_line(out, &hand, 0, "defaults: {ping: no}", "keep");
	}
}

/* ---- what has to stay ---- */

/* Whether the mark of one of the edit's declarations stands in the line. */
static bool was_met(const struct policy_edit *edit, const char *line, size_t length)
{
	for (size_t i = 0; i < edit->parts.count; i++) {
		char mark[80];
		(void)snprintf(mark, sizeof(mark), "#%s;", edit->parts.items[i].entry.name);
		if (memmem(line, length, mark, strlen(mark)) != NULL) {
			return true;
		}
	}
	return false;
}

/* Every marked line that was not met stands in the new text, in the same order. */
static void assert_lines_stay(const struct policy_edit *edit, const char *before)
{
	const char *at = edit->text;
	while (*before != '\0') {
		size_t length = strcspn(before, "\n") + 1;
		bool marked = memchr(before, ';', length) != NULL;
		if (marked && !was_met(edit, before, length)) {
			const char *found = memmem(at, strlen(at), before, length);
			while (found != NULL && found > edit->text && found[-1] != '\n') {
				found = memmem(found + 1, strlen(found + 1), before, length);
			}
			if (found == NULL) {
				fail_msg("lost: %.*s in\n%s", (int)length, before, edit->text);
			}
			at = found + length;
		}
		before += length;
	}
}

static void read_policy(struct policy *policy, const char *text, size_t length)
{
	struct policy_diagnostics diagnostics;
	int r = policy_parse(policy, &diagnostics, "p", text, length, &environment);
	policy_diagnostics_deinit(&diagnostics);
	if (r != 0) {
		fail_msg("not valid: %.*s", (int)length, text);
	}
}

static bool is_closed(const struct policy_ports *closed, enum protocol protocol, uint16_t port)
{
	return closed->protocol == protocol && closed->first <= port && port <= closed->last;
}

/* Every port is declared as before, but for those that were closed. */
static void assert_ports(const struct str *before, const struct policy_edit *edit,
			 const struct policy_ports *closed)
{
	static const enum protocol protocols[] = { PROTOCOL_TCP, PROTOCOL_UDP };
	struct policy old = { 0 };
	struct policy new = { 0 };
	read_policy(&old, str_text(before), before->length);
	read_policy(&new, edit->text, edit->length);
	for (uint16_t port = 1; port <= PORT_MAX; port++) {
		for (size_t p = 0; p < 2; p++) {
			bool was = policy_declaration_for(&old, protocols[p], port, NULL, NULL) !=
				   NULL;
			bool is = policy_declaration_for(&new, protocols[p], port, NULL, NULL) !=
				  NULL;
			assert_int_equal(is, was && !is_closed(closed, protocols[p], port));
		}
	}
	policy_deinit(&old);
	policy_deinit(&new);
}

/* ---- edits ---- */

/* What YAML, a shell or an editor might trip over. */
static void random_text(struct str *out)
{
	static const char *const words[] = {
		"yes", "null", "~",  "0x1f",       "1e3",  "12:30", "- ", "? ",       ": ", "#",
		" #",  " ",    "'",  "\"",         "\\",   "\\n",   "{",  "}",        "[",  "]",
		",",   "&a",   "*a", "!",          "|",    ">",     "%",  "@",        "`",  "=",
		"<<",  "...",  "--", "2026-01-01", "本社", "管理",  "é",  "\xc2\xa0", "a",  "b",
	};
	for (uint32_t i = 1 + draw(6); i > 0; i--) {
		str_add(out, words[draw(sizeof(words) / sizeof(words[0]))]);
	}
}

static int add(struct policy_edit *edit, const struct policy_text *text, uint32_t number)
{
	static const char *const from[] = { "w", "2001:db8::/32", "192.0.2.9", "v" };
	struct str purpose = STR_INIT(1000);
	struct str owner = STR_INIT(1000);
	random_text(&purpose);
	random_text(&owner);
	uint16_t port = (uint16_t)(1000 + number);
	const struct policy_ports ports = { PROTOCOL_SCTP, port, port };
	const struct policy_addition addition = {
		.ports = &ports,
		.port_count = 1,
		.purpose = str_text(&purpose),
		.owner = str_text(&owner),
		.from = from + draw(3),
		.from_count = 1 + draw(2),
		.until = draw(2) == 0 ? 0 : 20500 + (int32_t)draw(1000),
		.interface = draw(2) == 0 ? NULL : "eth0",
	};
	int r = policy_edit_add(edit, text, &addition, &environment);
	if (r == 0) {
		struct policy policy = { 0 };
		read_policy(&policy, edit->text, edit->length);
		const struct policy_declaration *d =
			policy_declaration_for(&policy, PROTOCOL_SCTP, port, NULL, NULL);
		assert_non_null(d);
		assert_string_equal(d->purpose, addition.purpose);
		assert_string_equal(d->owner, addition.owner);
		assert_int_equal(d->from.count, addition.from_count);
		assert_int_equal(d->until, addition.until == 0 ? POLICY_NO_DATE : addition.until);
		policy_deinit(&policy);
	}
	str_deinit(&purpose);
	str_deinit(&owner);
	return r;
}

static int close_some(struct policy_edit *edit, const struct policy_text *text,
		      struct policy_ports *closed)
{
	uint16_t first = (uint16_t)(1 + draw(DECLARATIONS_MAX * PORTS_EACH));
	*closed = (struct policy_ports){ draw(2) == 0 ? PROTOCOL_TCP : PROTOCOL_UDP, first,
					 (uint16_t)(first + draw(draw(3) == 0 ? 40 : 3)) };
	return policy_edit_close(edit, text, closed, 1, &environment);
}

static int set(struct policy_edit *edit, const struct policy_text *text)
{
	static const char *const from[] = { "w", "host", "192.0.2.9", "v" };
	char name[16];
	struct str purpose = STR_INIT(1000);
	random_text(&purpose);
	const char *const words[] = { str_text(&purpose), "2028-02-29", "5/minute" };
	(void)snprintf(name, sizeof(name), "d%u", draw(DECLARATIONS_MAX));
	const struct policy_setting settings[] = {
		{ "for", &words[0], 1 },
		{ "until", &words[1], draw(2) },
		{ "from", from + draw(2), 1 + draw(3) },
		{ "rate", &words[2], draw(2) },
	};
	int r = policy_edit_set(edit, text, name, settings, 1 + draw(4), &environment);
	if (r == 0) {
		struct policy policy = { 0 };
		read_policy(&policy, edit->text, edit->length);
		assert_string_equal(policy_declaration_named(&policy, name)->purpose,
				    str_text(&purpose));
		policy_deinit(&policy);
	}
	str_deinit(&purpose);
	return r;
}

/* @return whether something changed; the text is the new one then. */
static bool edit_once(struct str *text, uint32_t number)
{
	const struct policy_text now = { "p", str_text(text), text->length };
	const struct policy_ports nothing = { 0 };
	struct policy_ports closed = nothing;
	struct policy_edit edit;
	uint32_t kind = draw(3);
	int r = kind == 0   ? add(&edit, &now, number)
		: kind == 1 ? close_some(&edit, &now, &closed)
			    : set(&edit, &now);
	if (r != 0 && r != POLICY_EDIT_UNCHANGED) {
		const struct style style = { 0 };
		struct str faults = STR_INIT(TEXT_MAX);
		policy_diagnostics_render(&faults, &edit.diagnostics, LANGUAGE_EN, &style);
		fail_msg("kind %u: %d\n%s\n%s", kind, r, str_text(text), str_text(&faults));
	}
	if (r == 0) {
		assert_lines_stay(&edit, str_text(text));
		assert_ports(text, &edit, &closed);
		str_clear(text);
		str_add_bytes(text, edit.text, edit.length);
	}
	policy_edit_deinit(&edit);
	return r == 0;
}

static void random_edits_keep_what_they_were_not_asked_for(void **state)
{
	(void)state;
	const char *given = getenv("EDIT_SEED");
	uint64_t start = 20261127;
	unsigned changed = 0;
	if (given != NULL) {
		assert_int_equal(parse_u64(&start, given, 1, UINT64_MAX), 0);
	}
	print_message("EDIT_SEED=%llu\n", (unsigned long long)start);
	seed = start;
	for (int round = 0; round < ROUNDS; round++) {
		struct str text = STR_INIT(TEXT_MAX);
		random_file(&text);
		for (uint32_t i = 0; i < EDITS; i++) {
			changed += edit_once(&text, i);
		}
		str_deinit(&text);
	}
	assert_true(changed > ROUNDS * EDITS / 3); /* or the test would show little */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_edits_keep_what_they_were_not_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
