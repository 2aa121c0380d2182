/*
 * policy: a file edited in place. tests/golden/edit holds NAME.yaml and, after the edit of that
 * name below, NAME.after.yaml; each is tried with both line ends and without the last one.
 */
#include <errno.h>
#include <string.h>

#include "check.h"
#include "golden.h"
#include "policy/policy.h"

static int include(void *context, char **name, char **bytes, size_t *length, const char *from,
		   const char *path)
{
	static const char more[] = "minato: 1\n"
				   "ports:\n"
				   "  minecraft-2:\n"
				   "    port: [139/tcp, 445/tcp]\n"
				   "    for: more\n"
				   "    owner: ops\n"
				   "    from: any\n";
	(void)context, (void)from; /* there is one file */
	if (strcmp(path, "more.yaml") != 0) {
		return -ENOENT;
	}
	*name = strdup("/etc/minato/more.yaml");
	*bytes = strdup(more);
	*length = strlen(more);
	return *name == NULL || *bytes == NULL ? -ENOMEM : 0;
}

/* 2026-01-01 */
static const struct policy_environment environment = { .today = 20454, .include = include };

/* ---- the edits of the golden files ---- */

#define TCP(port)                                                                                  \
	{                                                                                          \
		PROTOCOL_TCP, port, port                                                           \
	}
#define UDP(port)                                                                                  \
	{                                                                                          \
		PROTOCOL_UDP, port, port                                                           \
	}
#define VALUES(...)                                                                                \
	(const char *const[]){ __VA_ARGS__ },                                                      \
		sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *)

static const struct policy_ports game_port[] = { TCP(25565) };
static const struct policy_ports some_ports[] = { TCP(9000), { PROTOCOL_UDP, 9000, 9009 } };
static const struct policy_ports file_ports[] = { TCP(139), TCP(445), { PROTOCOL_UDP, 137, 138 } };
static const struct policy_ports one_port[] = { TCP(8005) };
static const struct policy_ports second_protocols[] = { UDP(443), TCP(53) };
static const char *const from_network[] = { "203.0.113.0/24" };
static const char *const from_several[] = { "office", "2001:db8::/32", "host" };

static const struct policy_addition game = {
	.profile = "minecraft",
	.purpose = "world of the children",
	.owner = "taro",
	.from = from_network,
	.from_count = 1,
	.until = 20484, /* 2026-01-31 */
};

static const struct policy_addition everything = {
	.name = "lab",
	.ports = some_ports,
	.port_count = 2,
	.purpose = "yes",
	.owner = "\"ops\" #1: [a, b]",
	.from = from_several,
	.from_count = 3,
	.encryption = "none",
	.because = "2026-01-01",
	.rate = "10/minute",
	.until = 20484,
	.review = 20470,
	.interface = "eth0",
	.cut = true,
};

static const struct policy_addition plain = {
	.ports = game_port,
	.port_count = 1,
	.purpose = "東京の子どもたちの世界",
	.owner = "taro",
	.from = from_network,
	.from_count = 1,
};

static const struct policy_setting longer[] = {
	{ "until", VALUES("2026-06-30") },
	{ "from", VALUES("office", "vpn", "2001:db8::1") },
	{ "rate", VALUES("20/minute") },
	{ "cut", VALUES("yes") },
};
static const struct policy_setting fewer[] = { { "from", VALUES("vpn", "198.51.100.0/24") } };
static const struct policy_setting other_words[] = { { "for", VALUES("no") },
						     { "owner", VALUES("- hanako") } };
static const struct policy_setting without[] = { { "until", NULL, 0 }, { "rate", NULL, 0 } };

/* An edit: exactly one of `add`, `close`, `set` is given. */
struct edit {
	const char *name;
	const struct policy_addition *add;
	const struct policy_ports *close;
	size_t close_count;
	const struct policy_setting *set; /* of the declaration "game" */
	size_t set_count;
};

#define ADD(name, addition)                                                                        \
	{                                                                                          \
		name, .add = &(addition)                                                           \
	}
#define CLOSE(name, ports)                                                                         \
	{                                                                                          \
		name, .close = (ports), .close_count = sizeof(ports) / sizeof(*(ports))            \
	}
#define SET(name, settings)                                                                        \
	{                                                                                          \
		name, .set = (settings), .set_count = sizeof(settings) / sizeof(*(settings))       \
	}

static const struct edit edits[] = {
	ADD("add-last-section", everything),
	ADD("add-first-section", everything),
	ADD("add-no-section", game),
	ADD("add-empty-null", game),
	ADD("add-empty-braces", game),
	ADD("add-empty-quotes", plain),
	ADD("add-empty-lines", plain),
	ADD("add-flow-one-line", game),
	ADD("add-flow-comma", plain),
	ADD("add-flow-lines", game),
	ADD("add-flow-lines-comma", game),
	ADD("add-flow-hanging", game),
	ADD("add-flow-file", everything),
	ADD("add-flow-file-null", everything),
	ADD("add-indent-four", game),
	ADD("add-indent-eight", game),
	ADD("add-indent-mixed", game),
	ADD("add-apart", game),
	ADD("add-documents", everything),
	ADD("add-japanese", plain),
	ADD("add-quoted-keys", game),
	ADD("add-name-taken", game),
	CLOSE("close-whole", file_ports),
	CLOSE("close-first", file_ports),
	CLOSE("close-last", file_ports),
	CLOSE("close-only", file_ports),
	CLOSE("close-blanks", file_ports),
	CLOSE("close-range", one_port),
	CLOSE("close-list", one_port),
	CLOSE("close-profile", second_protocols),
	CLOSE("close-flow", file_ports),
	CLOSE("close-flow-all", file_ports),
	CLOSE("close-flow-lines", file_ports),
	CLOSE("close-flow-hanging", file_ports),
	CLOSE("close-included", file_ports),
	SET("set-replace", longer),
	SET("set-add", longer),
	SET("set-flow", longer),
	SET("set-block-list", longer),
	SET("set-list-shrink", fewer),
	SET("set-folded", other_words),
	SET("set-remove", without),
};

static int run(struct policy_edit *out, const struct edit *edit, const char *bytes, size_t length)
{
	const struct policy_text text = { "policy.yaml", bytes, length };
	if (edit->add != NULL) {
		return policy_edit_add(out, &text, edit->add, &environment);
	}
	if (edit->close != NULL) {
		return policy_edit_close(out, &text, edit->close, edit->close_count, &environment);
	}
	return policy_edit_set(out, &text, "game", edit->set, edit->set_count, &environment);
}

static void show_faults(const struct policy_edit *edit)
{
	const struct style style = { 0 };
	struct str text = STR_INIT(1 << 20);
	policy_diagnostics_render(&text, &edit->diagnostics, LANGUAGE_EN, &style);
	print_error("%s", str_text(&text));
	str_deinit(&text);
}

/* The text with the line ends of another system. */
static void with_crlf(struct str *out, const char *text)
{
	for (; *text != '\0'; text++) {
		str_add(out, *text == '\n' ? "\r" : "");
		str_add_char(out, *text);
	}
}

static size_t without_last_line_end(const char *text, size_t length)
{
	while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r')) {
		length--;
	}
	return length;
}

static char *read_golden(const char *name, const char *suffix)
{
	char path[GOLDEN_PATH_BYTES];
	char *text = NULL;
	struct err e = ERR_INIT;
	(void)snprintf(path, sizeof(path), "%s/edit/%s%s", getenv("GOLDEN_DIRECTORY"), name,
		       suffix);
	if (file_read(&text, NULL, path, GOLDEN_MAX_BYTES, &e) < 0) {
		fail_msg("%s", err_text(&e));
	}
	return text;
}

static void golden_files_become_what_they_should(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		_cleanup_(freep) char *before = read_golden(edits[i].name, ".yaml");
		char after[256];
		struct policy_edit edit;
		int r = run(&edit, &edits[i], before, strlen(before));
		if (r != 0) {
			show_faults(&edit);
			fail_msg("%s: %d", edits[i].name, r);
		}
		struct str text = STR_INIT(GOLDEN_MAX_BYTES);
		(void)snprintf(after, sizeof(after), "edit/%s.after.yaml", edits[i].name);
		str_add_bytes(&text, edit.text, edit.length);
		golden_check(after, &text);
		str_deinit(&text);
		policy_edit_deinit(&edit);
	}
}

static void line_ends_are_those_of_the_file(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		_cleanup_(freep) char *before = read_golden(edits[i].name, ".yaml");
		_cleanup_(freep) char *after = read_golden(edits[i].name, ".after.yaml");
		struct str before_crlf = STR_INIT(GOLDEN_MAX_BYTES);
		struct str after_crlf = STR_INIT(GOLDEN_MAX_BYTES);
		struct policy_edit edit;
		with_crlf(&before_crlf, before);
		with_crlf(&after_crlf, after);
		assert_int_equal(run(&edit, &edits[i], str_text(&before_crlf), before_crlf.length),
				 0);
		assert_string_equal(edit.text, str_text(&after_crlf));
		policy_edit_deinit(&edit);
		str_deinit(&before_crlf);
		str_deinit(&after_crlf);
	}
}

static void a_last_line_without_end_stays_so(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		_cleanup_(freep) char *before = read_golden(edits[i].name, ".yaml");
		_cleanup_(freep) char *after = read_golden(edits[i].name, ".after.yaml");
		struct policy_edit edit;
		size_t length = without_last_line_end(before, strlen(before));
		assert_int_equal(run(&edit, &edits[i], before, length), 0);
		/* Where the last lines were removed, the one before them has its own end. */
		size_t expected = without_last_line_end(after, strlen(after));
		size_t actual = edits[i].close != NULL || edits[i].set == without
					? without_last_line_end(edit.text, edit.length)
					: edit.length;
		assert_int_equal(actual, expected);
		assert_memory_equal(edit.text, after, expected);
		policy_edit_deinit(&edit);
	}
}

/* ---- outcomes ---- */

static const char two[] = "minato: 1\n"
			  "include: more.yaml\n"
			  "ports:\n"
			  "  game: {port: 8000-8010/tcp, for: a, owner: ops, from: any}\n"
			  "  smb: {port: 445/tcp, for: a, owner: ops, from: any}\n";

static int edit_close(struct policy_edit *edit, const char *text, const struct policy_ports *port)
{
	const struct policy_text t = { "policy.yaml", text, strlen(text) };
	return policy_edit_close(edit, &t, port, 1, &environment);
}

static void the_outcome_names_what_was_met(void **state)
{
	(void)state;
	static const struct policy_ports all = { PROTOCOL_TCP, 445, 8005 };
	struct policy_edit edit;
	assert_int_equal(edit_close(&edit, two, &all), 0);
	assert_int_equal(edit.parts.count, 3);
	assert_int_equal(edit.parts.items[0].kind, POLICY_PART_NARROWED);
	assert_string_equal(edit.parts.items[0].entry.name, "game");
	assert_int_equal(edit.parts.items[0].entry.place.line, 4);
	assert_int_equal(edit.parts.items[1].kind, POLICY_PART_REMOVED);
	assert_string_equal(edit.parts.items[1].entry.name, "smb");
	assert_int_equal(edit.parts.items[2].kind, POLICY_PART_ELSEWHERE);
	assert_string_equal(edit.parts.items[2].entry.name, "minecraft-2");
	assert_string_equal(edit.parts.items[2].entry.place.file, "/etc/minato/more.yaml");
	assert_int_equal(edit.changes.list.count, 2);
	assert_string_equal(edit.changes.list.items[0].path, "ports.game.port");
	assert_string_equal(edit.changes.list.items[0].after, "8006-8010/tcp");
	assert_string_equal(edit.changes.list.items[1].path, "ports.smb");
	policy_edit_deinit(&edit);
}

static void what_stands_elsewhere_alone_changes_nothing(void **state)
{
	(void)state;
	static const struct policy_ports port = TCP(139);
	struct policy_edit edit;
	assert_int_equal(edit_close(&edit, two, &port), POLICY_EDIT_UNCHANGED);
	assert_null(edit.text);
	assert_int_equal(edit.parts.count, 1);
	assert_int_equal(edit.parts.items[0].kind, POLICY_PART_ELSEWHERE);
	policy_edit_deinit(&edit);
	const struct policy_setting until = { "until", VALUES("2026-06-30") };
	const struct policy_text text = { "policy.yaml", two, strlen(two) };
	assert_int_equal(policy_edit_set(&edit, &text, "minecraft-2", &until, 1, &environment),
			 POLICY_EDIT_UNCHANGED);
	assert_int_equal(edit.parts.items[0].kind, POLICY_PART_ELSEWHERE);
	policy_edit_deinit(&edit);
}

static void what_nobody_declared_changes_nothing(void **state)
{
	(void)state;
	static const struct policy_ports port = UDP(445);
	const struct policy_setting until = { "until", VALUES("2026-06-30") };
	const struct policy_setting same = { "from", VALUES("any") };
	const struct policy_text text = { "policy.yaml", two, strlen(two) };
	struct policy_edit edit;
	assert_int_equal(edit_close(&edit, two, &port), POLICY_EDIT_UNCHANGED);
	assert_int_equal(edit.parts.count, 0);
	policy_edit_deinit(&edit);
	assert_int_equal(policy_edit_set(&edit, &text, "web", &until, 1, &environment),
			 POLICY_EDIT_UNCHANGED);
	assert_int_equal(edit.parts.count, 0);
	policy_edit_deinit(&edit);
	assert_int_equal(policy_edit_set(&edit, &text, "smb", &same, 1, &environment),
			 POLICY_EDIT_UNCHANGED);
	assert_int_equal(edit.parts.count, 1);
	policy_edit_deinit(&edit);
}

/* Each of these has a fault already. */
static const char *const broken[] = {
	"",
	"ports: {}\n",
	"minato: 1\nports:\n\tssh: {port: 22/tcp, for: a, owner: b, from: any}\n",
	"minato: 1\nports: null\n",
	"minato: 1\nports: {game: {port: 8005/tcp, for: a, owner: b, from: any}\n",
	"minato: 1\nports: {}\nports: {}\n",
	"minato: 1\n"
	"ports:\n"
	"  a: {port: 22/tcp, for: a, owner: b, from: any}\n"
	"  a: {port: 23/tcp, for: a, owner: b, from: any}\n",
	"minato: 1\ninclude: none.yaml\n",
	"minato: 1\nports: {a: &x {port: 22/tcp, for: a, owner: b, from: any}, b: *x}\n",
	"minato: 1\n# \xff\n",
};

static void faults_that_are_there_are_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		for (size_t e = 0; e < sizeof(edits) / sizeof(edits[0]); e++) {
			struct policy_edit edit;
			assert_int_equal(run(&edit, &edits[e], broken[i], strlen(broken[i])),
					 POLICY_EDIT_INVALID);
			assert_null(edit.text);
			assert_true(edit.diagnostics.errors > 0);
			policy_edit_deinit(&edit);
		}
	}
}

static const char *const nobody[] = { "ofice" };
static const char *const no_network[] = { "192.0.2.1/24" };

static const struct {
	struct policy_addition addition;
	const char *id;
} faulty[] = {
	{ { .ports = game_port,
	    .port_count = 1,
	    .purpose = "a",
	    .owner = "b",
	    .from = nobody,
	    .from_count = 1 },
	  "policy-who-unknown" },
	{ { .ports = game_port,
	    .port_count = 1,
	    .purpose = "a",
	    .owner = "b",
	    .from = no_network,
	    .from_count = 1 },
	  "policy-address-host-bits" },
	{ { .ports = game_port, .port_count = 1, .purpose = "a" }, "policy-key-missing" },
	{ { .ports = game_port, .port_count = 1, .owner = "a" }, "policy-key-missing" },
	{ { .purpose = "a", .owner = "b" }, "policy-key-missing" },
	{ { .profile = "minecrft", .purpose = "a", .owner = "b" }, "policy-profile-unknown" },
	{ { .name = "a b", .profile = "minecraft", .purpose = "a", .owner = "b" }, "policy-name" },
	{ { .profile = "minecraft", .purpose = "a\nb", .owner = "b" }, "policy-one-line" },
	{ { .profile = "minecraft", .purpose = "a\xe2\x80\xae", .owner = "b" },
	  "policy-hidden-character" },
	{ { .profile = "minecraft", .purpose = "a\xff", .owner = "b" }, "policy-utf8" },
	{ { .profile = "minecraft", .purpose = "a", .owner = "b", .rate = "10" }, "policy-rate" },
	{ { .profile = "minecraft", .purpose = "a", .owner = "b", .encryption = "none" },
	  "policy-because-missing" },
};

static void a_request_with_a_fault_is_refused_with_its_diagnostics(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faulty) / sizeof(faulty[0]); i++) {
		const struct policy_text text = { "policy.yaml", two, strlen(two) };
		struct policy_edit edit;
		int r = policy_edit_add(&edit, &text, &faulty[i].addition, &environment);
		if (r != POLICY_EDIT_REFUSED) {
			fail_msg("%s: %d", faulty[i].id, r);
		}
		bool found = false;
		for (size_t d = 0; d < edit.diagnostics.list.count; d++) {
			found = found ||
				strcmp(edit.diagnostics.list.items[d].id, faulty[i].id) == 0;
		}
		if (!found) {
			show_faults(&edit);
			fail_msg("%s is not told", faulty[i].id);
		}
		assert_null(edit.text);
		policy_edit_deinit(&edit);
	}
}

/* Valid, but nothing that a person writes. */
static void strange_layouts_are_left_to_a_person(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"{minato: 1, ports}\n",
		"minato: 1\n? ports\n: ? game\n  : {port: 1/tcp, for: a, owner: b, from: any}\n",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const struct policy_text text = { "policy.yaml", texts[i], strlen(texts[i]) };
		struct policy_edit edit;
		int r = policy_edit_add(&edit, &text, &game, &environment);
		if (r != POLICY_EDIT_BY_HAND) {
			show_faults(&edit);
			fail_msg("%zu: %d", i, r);
		}
		assert_null(edit.text);
		assert_int_equal(edit.diagnostics.list.count, 0);
		policy_edit_deinit(&edit);
	}
}

static void settings_that_no_edit_knows_are_refused(void **state)
{
	(void)state;
	const struct policy_setting cases[][2] = {
		{ { "profile", VALUES("https") }, { "until", NULL, 0 } },
		{ { "program", NULL, 0 }, { "until", NULL, 0 } },
		{ { "for", VALUES("a", "b") }, { "until", NULL, 0 } },
		{ { "for", VALUES("a") }, { "for", VALUES("b") } },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct policy_text text = { "policy.yaml", two, strlen(two) };
		struct policy_edit edit;
		assert_int_equal(policy_edit_set(&edit, &text, "game", cases[i], 2, &environment),
				 -EINVAL);
		policy_edit_deinit(&edit);
	}
}

static void a_file_that_would_be_too_big_is_refused(void **state)
{
	(void)state;
	struct str text = STR_INIT(POLICY_FILE_BYTES_MAX + 1);
	str_add(&text, "minato: 1\n");
	while (text.length < POLICY_FILE_BYTES_MAX - 50) {
		str_add(&text, "# as much as there may be .............\n");
	}
	const struct policy_text full = { "policy.yaml", str_text(&text), text.length };
	struct policy_edit edit;
	assert_int_equal(policy_edit_add(&edit, &full, &game, &environment), POLICY_EDIT_REFUSED);
	assert_string_equal(edit.diagnostics.list.items[0].id, "policy-file-too-big");
	policy_edit_deinit(&edit);
	str_deinit(&text);
}

/* As many declarations as a file takes, in one line: no step may look at all of it for each. */
static void many_declarations_are_closed_at_once(void **state)
{
	(void)state;
	static const struct policy_ports odd = { PROTOCOL_UDP, 1, 65535 };
	struct str text = STR_INIT(POLICY_FILE_BYTES_MAX);
	unsigned count = 0;
	str_add(&text, "{minato: 1, defaults: {owner: o, from: any}, ports: {");
	while (text.length < POLICY_FILE_BYTES_MAX - 100) {
		count++;
		str_printf(&text, "d%u: {port: %u/%s, for: a}, ", count, count,
			   count % 2 == 0 ? "tcp" : "udp");
	}
	str_add(&text, "}}\n");
	const struct policy_text full = { "policy.yaml", str_text(&text), text.length };
	struct policy_edit edit;
	assert_int_equal(policy_edit_close(&edit, &full, &odd, 1, &environment), 0);
	assert_int_equal(edit.parts.count, (count + 1) / 2);
	assert_int_equal(edit.changes.list.count, (count + 1) / 2);
	policy_edit_deinit(&edit);
	str_deinit(&text);
}

static void names_come_from_profile_service_or_number(void **state)
{
	(void)state;
	static const struct {
		struct policy_ports ports;
		const char *name, *profile, *expected;
	} cases[] = {
		{ TCP(1), "lab", NULL, "lab" },
		{ TCP(1), NULL, "minecraft", "minecraft" },
		{ TCP(6379), NULL, NULL, "redis" },
		{ { PROTOCOL_UDP, 49999, 50010 }, NULL, NULL, "port-49999-udp" },
		{ TCP(1), "smb", NULL, "smb-2" },
		{ TCP(1), "minecraft-2", NULL, "minecraft-2-2" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct policy_text text = { "policy.yaml", two, strlen(two) };
		const struct policy_addition addition = {
			.name = cases[i].name,
			.ports = &cases[i].ports,
			.port_count = cases[i].profile == NULL,
			.profile = cases[i].profile,
			.purpose = "a",
			.owner = "b",
			.from = from_network,
			.from_count = 1,
		};
		struct policy_edit edit;
		assert_int_equal(policy_edit_add(&edit, &text, &addition, &environment), 0);
		assert_int_equal(edit.parts.items[0].kind, POLICY_PART_ADDED);
		assert_string_equal(edit.parts.items[0].entry.name, cases[i].expected);
		policy_edit_deinit(&edit);
	}
}

/* ---- until ---- */

static void spans_and_dates_become_a_last_day(void **state)
{
	(void)state;
	static const struct {
		const char *text, *expected; /* seen from 2026-01-31 */
	} cases[] = {
		{ "30d", "2026-03-02" },        { "1d", "2026-02-01" },
		{ "2w", "2026-02-14" },         { "1m", "2026-02-28" },
		{ "6m", "2026-07-31" },         { "11m", "2026-12-31" },
		{ "12m", "2027-01-31" },        { "25m", "2028-02-29" },
		{ "1y", "2027-01-31" },         { "2027-06-30", "2027-06-30" },
		{ "2026-01-31", "2026-01-31" }, { "9999-12-31", "9999-12-31" },
		{ "7973y", "9999-01-31" },
	};
	const int32_t today = (int32_t)date_to_days(2026, 1, 31);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int32_t days = 0;
		char text[POLICY_DATE_TEXT_BYTES];
		assert_int_equal(policy_until_parse(&days, cases[i].text, today), 0);
		assert_string_equal(policy_date_format(days, text), cases[i].expected);
	}
}

static void other_ends_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int r;
	} cases[] = {
		{ "", -EINVAL },           { "d", -EINVAL },
		{ "30", -EINVAL },         { "0d", -EINVAL },
		{ "00m", -EINVAL },        { "-1d", -EINVAL },
		{ "1.5y", -EINVAL },       { "30 d", -EINVAL },
		{ "30h", -EINVAL },        { "tomorrow", -EINVAL },
		{ "2026-02-30", -EINVAL }, { "2026-1-31", -EINVAL },
		{ "2026-01-30", -ERANGE }, { "1970-01-01", -ERANGE },
		{ "7974y", -ERANGE },      { "999999999999999999999d", -ERANGE },
		{ "2932000w", -ERANGE },   { "2932000m", -ERANGE },
		{ "2932000y", -ERANGE },
	};
	const int32_t today = (int32_t)date_to_days(2026, 1, 31);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int32_t days = 7;
		assert_int_equal(policy_until_parse(&days, cases[i].text, today), cases[i].r);
		assert_int_equal(days, 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_files_become_what_they_should),
		cmocka_unit_test(line_ends_are_those_of_the_file),
		cmocka_unit_test(a_last_line_without_end_stays_so),
		cmocka_unit_test(the_outcome_names_what_was_met),
		cmocka_unit_test(what_stands_elsewhere_alone_changes_nothing),
		cmocka_unit_test(what_nobody_declared_changes_nothing),
		cmocka_unit_test(faults_that_are_there_are_told),
		cmocka_unit_test(a_request_with_a_fault_is_refused_with_its_diagnostics),
		cmocka_unit_test(strange_layouts_are_left_to_a_person),
		cmocka_unit_test(settings_that_no_edit_knows_are_refused),
		cmocka_unit_test(a_file_that_would_be_too_big_is_refused),
		cmocka_unit_test(many_declarations_are_closed_at_once),
		cmocka_unit_test(names_come_from_profile_service_or_number),
		cmocka_unit_test(spans_and_dates_become_a_last_day),
		cmocka_unit_test(other_ends_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
