/* Rules as other firewalls really write them, held as policies and reports; and bytes that are no
 * rules. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "import/import.h"
#include "policy/policy.h"

enum { FILES_MAX = 16 };

struct loaded {
	struct import_file files[FILES_MAX];
	size_t count;
};

static void load(struct loaded *out, const char *folder, const char *const *names)
{
	char path[GOLDEN_PATH_BYTES];
	*out = (struct loaded){ 0 };
	for (size_t i = 0; names[i] != NULL; i++) {
		char *bytes = NULL;
		size_t length = 0;
		struct err e = ERR_INIT;
		(void)snprintf(path, sizeof(path), "%s/import/%s/%s", getenv("GOLDEN_DIRECTORY"),
			       folder, names[i]);
		if (file_read(&bytes, &length, path, IMPORT_FILE_BYTES_MAX, &e) < 0) {
			fail_msg("%s", err_text(&e));
		}
		out->files[out->count++] = (struct import_file){ names[i], bytes, length };
	}
}

static void unload(struct loaded *loaded)
{
	for (size_t i = 0; i < loaded->count; i++) {
		free((char *)loaded->files[i].bytes);
	}
}

static void must_parse(struct policy *out, const struct str *text)
{
	struct policy_diagnostics diagnostics;
	const struct policy_environment environment = { .today = 20000 };
	int r = policy_parse(out, &diagnostics, "imported", str_text(text), text->length,
			     &environment);
	struct str faults = STR_INIT(1 << 20);
	const struct style style = { 0 };
	policy_diagnostics_render(&faults, &diagnostics, LANGUAGE_EN, &style);
	policy_diagnostics_deinit(&diagnostics);
	if (r != 0) {
		fail_msg("%s\n%s", str_text(&faults), str_text(text));
	}
	str_deinit(&faults);
}

static void add_report(struct str *out, const struct import_report *report, enum language language)
{
	for (size_t i = 0; i < report->notes.count; i++) {
		const struct import_note *note = &report->notes.items[i];
		str_printf(out, "%s:%u: %s: ", note->file == NULL ? "" : note->file, note->line,
			   import_outcome_title(note->outcome, language));
		import_note_sentence(out, note, language);
		str_printf(out, " [%s]\n", note->reason);
		if (note->rule != NULL) {
			str_printf(out, "    %s\n", note->rule);
		}
	}
}

static const char *const host_interfaces[] = { "eth0", "wg0" };
static const struct import_host host = { host_interfaces, 2 };

static void check_language(const char *folder, const struct loaded *loaded, enum language language)
{
	struct str text = STR_INIT(POLICY_FILE_BYTES_MAX);
	struct str told = STR_INIT(1 << 20);
	struct import_report report;
	struct policy policy = { 0 };
	struct err e = ERR_INIT;
	char name[128];
	const char *word = language == LANGUAGE_JA ? "ja" : "en";
	if (import_policy(&text, &report, loaded->files, loaded->count, &host, language, &e) != 0) {
		fail_msg("%s: %s", folder, err_text(&e));
	}
	must_parse(&policy, &text);
	assert_int_equal(policy.declarations.count, report.declarations);
	add_report(&told, &report, language);
	(void)snprintf(name, sizeof(name), "import/%s.policy.%s.yaml", folder, word);
	golden_check(name, &text);
	(void)snprintf(name, sizeof(name), "import/%s.report.%s.txt", folder, word);
	golden_check(name, &told);
	policy_deinit(&policy);
	import_report_deinit(&report);
	str_deinit(&told);
	str_deinit(&text);
}

static const struct {
	const char *folder;
	enum import_kind kind;
	const char *files[FILES_MAX];
} cases[] = {
	{ "ufw", IMPORT_UFW, { "user.rules", "user6.rules", "default", "ufw.conf" } },
	{ "ufw-saved", IMPORT_IPTABLES, { "saved.txt" } },
	{ "iptables", IMPORT_IPTABLES, { "saved.txt" } },
	{ "nft", IMPORT_NFT, { "ruleset.json" } },
	{ "firewalld",
	  IMPORT_FIREWALLD,
	  { "firewalld.conf", "public.xml", "home.xml", "internal.xml", "drop.xml", "admins.xml",
	    "ssh.xml", "https.xml", "ftp.xml", "nfs.xml", "samba.xml", "samba-client.xml",
	    "dhcpv6-client.xml", "mdns.xml" } },
};

static void real_rules_become_these_policies(void **ignored)
{
	(void)ignored;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct loaded loaded;
		load(&loaded, cases[i].folder, cases[i].files);
		for (size_t k = 0; k < loaded.count; k++) {
			assert_int_equal(import_recognise(&loaded.files[k]), cases[i].kind);
		}
		check_language(cases[i].folder, &loaded, LANGUAGE_EN);
		check_language(cases[i].folder, &loaded, LANGUAGE_JA);
		unload(&loaded);
	}
}

static int import_case(struct policy *policy, const char *folder, const char *const *files)
{
	struct loaded loaded;
	struct str text = STR_INIT(POLICY_FILE_BYTES_MAX);
	struct import_report report;
	struct err e = ERR_INIT;
	load(&loaded, folder, files);
	int r = import_policy(&text, &report, loaded.files, loaded.count, NULL, LANGUAGE_EN, &e);
	if (r == 0) {
		must_parse(policy, &text);
	}
	import_report_deinit(&report);
	str_deinit(&text);
	unload(&loaded);
	return r;
}

/* ufw's own rules and what the kernel made of them were read by two readers. */
static void two_readers_agree_about_one_firewall(void **ignored)
{
	(void)ignored;
	struct policy ufw = { 0 };
	struct policy saved = { 0 };
	struct policy_changes changes;
	assert_int_equal(import_case(&ufw, cases[0].folder, cases[0].files), 0);
	assert_int_equal(import_case(&saved, cases[1].folder, cases[1].files), 0);
	assert_int_equal(policy_diff(&changes, &ufw, &saved), 0);
	for (size_t i = 0; i < changes.list.count; i++) {
		const char *path = changes.list.items[i].path;
		const char *dot = strrchr(path, '.');
		if (dot == NULL || strcmp(dot, ".for") != 0) { /* comments are in one alone */
			fail_msg("%s: %s, %s", path, changes.list.items[i].before,
				 changes.list.items[i].after);
		}
	}
	policy_changes_deinit(&changes);
	policy_deinit(&ufw);
	policy_deinit(&saved);
}

/* ---- single rules ---- */

static const char *import_text(struct str *text, struct import_report *report, const char *rules)
{
	struct err e = ERR_INIT;
	const struct import_file file = { "rules", rules, strlen(rules) };
	if (import_policy(text, report, &file, 1, NULL, LANGUAGE_EN, &e) != 0) {
		fail_msg("%s\n%s", err_text(&e), rules);
	}
	struct policy policy = { 0 };
	must_parse(&policy, text);
	policy_deinit(&policy);
	return str_text(text);
}

/* Rules of INPUT, what the policy must say, what it must not, and the reason in the report. */
static const struct {
	const char *rules, *has, *has_not, *reason;
} singles[] = {
	{ "-A INPUT -p tcp --dport 22 -j ACCEPT", "port: 22/tcp", NULL, "import-accepts" },
	{ "-A INPUT -p tcp --dport 22 -m set --match-set them src -j ACCEPT", "ports: {}", NULL,
	  "import-condition-accept" },
	{ "-A INPUT -m set --match-set them src -j DROP\n-A INPUT -p tcp --dport 22 -j ACCEPT",
	  "ports: {}", NULL, "import-condition-drop" },
	{ "-A INPUT -s 127.0.0.0/8 ! -i lo -j DROP\n-A INPUT -p tcp --dport 22 -j ACCEPT",
	  "from: [\"0.0.0.0/0\"]", NULL, "import-narrows" },
	{ "-A INPUT -p tcp --dport 22 -m limit --limit 5/min -j ACCEPT", "rate: 5/minute", NULL,
	  "import-rate-global" },
	{ "-A INPUT -p tcp --dport 22 -j NFQUEUE --queue-num 1\n-A INPUT -p tcp --dport 22 -j "
	  "ACCEPT",
	  "ports: {}", NULL, "import-condition-drop" },
	{ "-A INPUT -p esp -j ACCEPT", "ports: {}", NULL, "import-protocol" },
	{ "-A INPUT ! -i eth0 -p tcp --dport 22 -j ACCEPT", "ports: {}", NULL,
	  "import-except-interface" },
	{ "-A INPUT -p udp --sport 67 --dport 68 -j ACCEPT", "ports: {}", NULL, "import-itself" },
	{ "-A INPUT -p tcp -m tcp --dport 22 -m state --state ESTABLISHED -j ACCEPT", "ports: {}",
	  NULL, "import-itself" },
	{ "-A INPUT -p tcp --dport 99999 -j ACCEPT", "ports: {}", NULL, "import-condition-accept" },
	{ "-A INPUT -p tcp --dport 22 -m comment --comment \"a \\\"b\\\" \x1b[31m\" -j ACCEPT",
	  "for: \"a \\\"b\\\" \\\\x1b", "\x1b", "import-accepts" },
	{ "-A INPUT -i \"e\\\"th\" -p tcp --dport 22 -j ACCEPT", "ports: {}", NULL,
	  "import-interface-name" },
};

static bool has_reason(const struct import_report *report, const char *reason)
{
	for (size_t i = 0; i < report->notes.count; i++) {
		if (strcmp(report->notes.items[i].reason, reason) == 0) {
			return true;
		}
	}
	return false;
}

static void each_condition_has_its_reason(void **ignored)
{
	(void)ignored;
	for (size_t i = 0; i < sizeof(singles) / sizeof(singles[0]); i++) {
		struct str rules = STR_INIT(1 << 16);
		struct str text = STR_INIT(POLICY_FILE_BYTES_MAX);
		struct import_report report;
		str_printf(&rules, "*filter\n:INPUT DROP [0:0]\n%s\nCOMMIT\n", singles[i].rules);
		const char *policy = import_text(&text, &report, str_text(&rules));
		if (strstr(policy, singles[i].has) == NULL ||
		    (singles[i].has_not != NULL && strstr(policy, singles[i].has_not) != NULL) ||
		    !has_reason(&report, singles[i].reason)) {
			struct str told = STR_INIT(1 << 16);
			add_report(&told, &report, LANGUAGE_EN);
			fail_msg("%s\n%s\n%s", singles[i].rules, policy, str_text(&told));
		}
		import_report_deinit(&report);
		str_deinit(&text);
		str_deinit(&rules);
	}
}

static void every_reason_has_its_message(void **ignored)
{
	size_t count = 0;
	size_t found = 0;
	const struct message *messages = message_all(&count);
	(void)ignored;
	for (size_t i = 0; i < count; i++) {
		found += str_starts(messages[i].id, "import-") != 0;
	}
	assert_true(found > 30);
	for (int outcome = IMPORT_CARRIED; outcome <= IMPORT_LEFT; outcome++) {
		assert_string_not_equal(import_outcome_title(outcome, LANGUAGE_EN),
					import_outcome_title(outcome, LANGUAGE_JA));
	}
}

/* ---- hostile ---- */

static int try(const char *bytes, size_t length)
{
	struct str text = STR_INIT(POLICY_FILE_BYTES_MAX);
	struct import_report report;
	struct err e = ERR_INIT;
	const struct import_file file = { "rules", bytes, length };
	int r = import_policy(&text, &report, &file, 1, NULL, LANGUAGE_EN, &e);
	if (r == 0) {
		struct policy policy = { 0 };
		must_parse(&policy, &text);
		policy_deinit(&policy);
	} else {
		assert_true(strlen(err_text(&e)) > 0);
	}
	import_report_deinit(&report);
	str_deinit(&text);
	return r;
}

static int try_text(const char *text)
{
	return try(text, strlen(text));
}

static void what_is_no_ruleset_is_refused(void **ignored)
{
	static const char *const texts[] = {
		"",
		"hello",
		"{}",
		"{\"nftables\": 7}",
		"{\"nftables\": [",
		"<zone",
		"<zone><zone></zone>",
		"<!DOCTYPE zone [<!ENTITY a \"b\">]><zone>&a;</zone>",
		"<service/>",
	};
	(void)ignored;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(try_text(texts[i]), -EINVAL);
	}
	assert_int_equal(try("*filter\n\0", IMPORT_FILE_BYTES_MAX + 1u), -EFBIG);
}

static void chains_in_a_ring_are_refused(void **ignored)
{
	(void)ignored;
	assert_int_equal(try_text("*filter\n:INPUT DROP\n:a -\n:b -\n-A INPUT -j a\n-A a -j b\n"
				  "-A b -j a\nCOMMIT\n"),
			 -EINVAL);
}

/* Each chain jumps twice to the next: two to the power of the chains, without a bound. */
static void jumps_that_multiply_end(void **ignored)
{
	struct str rules = STR_INIT(1 << 20);
	(void)ignored;
	str_add(&rules, "*filter\n:INPUT DROP\n");
	for (int i = 0; i < 60; i++) {
		str_printf(&rules, ":c%d -\n", i);
	}
	str_add(&rules, "-A INPUT -j c0\n");
	for (int i = 0; i < 59; i++) {
		str_printf(&rules, "-A c%d -j c%d\n-A c%d -j c%d\n", i, i + 1, i, i + 1);
	}
	str_add(&rules, "-A c59 -p tcp --dport 22 -j ACCEPT\nCOMMIT\n");
	assert_int_equal(try_text(str_text(&rules)), -E2BIG);
	str_deinit(&rules);
}

static void many_bans_close_rather_than_open(void **ignored)
{
	struct str rules = STR_INIT(1 << 22);
	struct str text = STR_INIT(POLICY_FILE_BYTES_MAX);
	struct import_report report;
	(void)ignored;
	str_add(&rules, "*filter\n:INPUT DROP\n");
	for (int i = 0; i < 1000; i++) {
		str_printf(&rules, "-A INPUT -s 203.0.%d.%d/32 -j DROP\n", i / 100,
			   i % 100 * 2 + 1);
	}
	str_add(&rules, "-A INPUT -p tcp --dport 22 -j ACCEPT\n"
			"-A INPUT -s 192.0.2.0/24 -p tcp --dport 80 -j ACCEPT\nCOMMIT\n");
	const char *policy = import_text(&text, &report, str_text(&rules));
	assert_null(strstr(policy, "22/tcp"));
	assert_non_null(strstr(policy, "80/tcp"));
	assert_true(has_reason(&report, "import-too-many"));
	import_report_deinit(&report);
	str_deinit(&text);
	str_deinit(&rules);
}

static void deep_documents_are_refused(void **ignored)
{
	struct str text = STR_INIT(1 << 20);
	(void)ignored;
	for (int i = 0; i < 1000; i++) {
		str_add(&text, "<zone>");
	}
	assert_true(try_text(str_text(&text)) < 0);
	str_clear(&text);
	str_add(&text, "{\"nftables\":");
	for (int i = 0; i < 100000; i++) {
		str_add_char(&text, '[');
	}
	assert_int_equal(try_text(str_text(&text)), -EINVAL);
	str_deinit(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_rules_become_these_policies),
		cmocka_unit_test(two_readers_agree_about_one_firewall),
		cmocka_unit_test(each_condition_has_its_reason),
		cmocka_unit_test(every_reason_has_its_message),
		cmocka_unit_test(what_is_no_ruleset_is_refused),
		cmocka_unit_test(chains_in_a_ring_are_refused),
		cmocka_unit_test(jumps_that_multiply_end),
		cmocka_unit_test(many_bans_close_rather_than_open),
		cmocka_unit_test(deep_documents_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
