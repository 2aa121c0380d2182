/* Rules of other tools: read out of what nft prints, and held against a policy. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "enforce/enforce.h"
#include "observe/observe.h"

enum { TODAY = 20785 }; /* 2026-11-28 */

static usec_t day_end(int32_t day)
{
	return (day + (usec_t)1) * USEC_PER_DAY;
}

static const struct enforce_environment environment = {
	.now = TODAY * USEC_PER_DAY,
	.day_end = day_end,
};

/* ---- reading ---- */

#define DOCUMENT(objects) "{\"nftables\":[" objects "]}"
#define BASE(hook, type, more)                                                                     \
	"{\"chain\":{\"family\":\"inet\",\"table\":\"f\",\"name\":\"in\",\"type\":\"" type         \
	"\",\"hook\":\"" hook "\"" more "}}"
#define INPUT BASE("input", "filter", ",\"prio\":0,\"policy\":\"accept\"")
#define CLOSED BASE("input", "filter", ",\"prio\":0,\"policy\":\"drop\"")
#define RULE(chain, expressions)                                                                   \
	",{\"rule\":{\"family\":\"inet\",\"table\":\"f\",\"chain\":\"" chain                       \
	"\",\"handle\":1,\"expr\":[" expressions "]}}"
#define MATCH(op, left, right)                                                                     \
	"{\"match\":{\"op\":\"" op "\",\"left\":" left ",\"right\":" right "}},"
#define TCP(port) MATCH("==", "{\"payload\":{\"protocol\":\"tcp\",\"field\":\"dport\"}}", port)
#define SADDR                                                                                      \
	MATCH("==", "{\"payload\":{\"protocol\":\"ip\",\"field\":\"saddr\"}}", "\"192.0.2.1\"")
#define STATE(op, words) MATCH(op, "{\"ct\":{\"key\":\"state\"}}", words)
#define LO(op) MATCH(op, "{\"meta\":{\"key\":\"iifname\"}}", "\"lo\"")
#define ACCEPT "{\"accept\":null}"
#define DROP "{\"drop\":null}"

/* "accept tcp 23-23 #0;", of TCP and what has no ports alone. */
static void say(char *out, size_t room, const struct foreign_rules *rules)
{
	static const char *const kinds[] = { "accept", "refuse", "redirect", "expect", "around" };
	size_t used = 0;
	out[0] = '\0';
	for (size_t i = 0; i < rules->list.count && used < room; i++) {
		const struct foreign_rule *rule = &rules->list.items[i];
		if (rule->protocol != PROTOCOL_TCP && rule->protocol != PROTOCOL_NONE) {
			continue;
		}
		used += (size_t)snprintf(out + used, room - used, "%s %u-%u", kinds[rule->kind],
					 rule->first_port, rule->last_port);
		if (rule->kind == FOREIGN_REDIRECT) {
			used += (size_t)snprintf(out + used, room - used, ">%u", rule->target_port);
		}
		used += (size_t)snprintf(out + used, room - used, " #%d;", rule->rule);
	}
}

static const struct {
	const char *document, *said;
} readings[] = {
	{ DOCUMENT(INPUT RULE("in", TCP("23") ACCEPT)), "accept 23-23 #0;" },
	{ DOCUMENT(INPUT RULE("in", TCP("{\"set\":[22,{\"range\":[8000,8010]}]}") ACCEPT)),
	  "accept 22-22 #0;accept 8000-8010 #0;" },
	/* Without a port it opens none by name, and what lets known connections in opens none. */
	{ DOCUMENT(INPUT RULE("in", ACCEPT)), "" },
	{ DOCUMENT(INPUT RULE("in", STATE("in", "[\"established\",\"related\"]") TCP("23") ACCEPT)),
	  "" },
	{ DOCUMENT(INPUT RULE("in", STATE("in", "[\"established\",\"new\"]") TCP("23") ACCEPT)),
	  "accept 23-23 #0;" },
	{ DOCUMENT(INPUT RULE("in", STATE("!=", "\"new\"") TCP("23") ACCEPT)), "" },
	{ DOCUMENT(INPUT RULE("in", LO("==") TCP("23") ACCEPT)), "" },
	{ DOCUMENT(INPUT RULE("in", LO("!=") TCP("23") ACCEPT)), "accept 23-23 #0;" },
	/* Ours, and chains that no packet for this host meets. */
	{ DOCUMENT("{\"chain\":{\"family\":\"inet\",\"table\":\"minato\",\"name\":\"in\",\"type\":"
		   "\"filter\",\"hook\":\"input\",\"prio\":0,\"policy\":\"drop\"}}"),
	  "" },
	{ DOCUMENT(BASE("forward", "filter", ",\"prio\":0") RULE("in", TCP("23") ACCEPT)), "" },
	/* Refused by all rules together; what one may let in before is not. */
	{ DOCUMENT(INPUT RULE("in", TCP("80") DROP)), "refuse 80-80 #0;" },
	{ DOCUMENT(INPUT RULE("in", SADDR TCP("80") DROP)), "" },
	{ DOCUMENT(INPUT RULE("in", "{\"limit\":{\"rate\":1}}," TCP("80") DROP)), "" },
	{ DOCUMENT(INPUT RULE("in", SADDR TCP("80") ACCEPT) RULE("in", TCP("80") DROP)),
	  "accept 80-80 #0;" },
	{ DOCUMENT(INPUT RULE("in", TCP("80") DROP) RULE("in", TCP("80") ACCEPT)),
	  "refuse 80-80 #0;" },
	{ DOCUMENT(CLOSED RULE("in", TCP("{\"range\":[1,65535]}") ACCEPT)),
	  "accept 1-65535 #0;refuse 0-0 #-1;" },
	{ DOCUMENT(CLOSED RULE("in", TCP("22") ACCEPT)),
	  "accept 22-22 #0;refuse 0-21 #-1;refuse 23-65535 #-1;" },
	/* Who returned is not refused by what follows; nor who came by a condition. */
	{ DOCUMENT(INPUT RULE("in", "{\"jump\":{\"target\":\"c\"}}")
			   RULE("c", SADDR "{\"return\":null}") RULE("c", DROP)),
	  "" },
	{ DOCUMENT(INPUT RULE("in", "{\"jump\":{\"target\":\"c\"}}") RULE("c", TCP("80") DROP)),
	  "refuse 80-80 #0;" },
	{ DOCUMENT(INPUT RULE("in",
			      "{\"xt\":{\"type\":\"match\",\"name\":\"recent\"}}," TCP("80") DROP)),
	  "" },
	{ DOCUMENT(INPUT RULE("in",
			      "{\"vmap\":{\"key\":{\"payload\":{\"protocol\":\"tcp\","
			      "\"field\":\"dport\"}},\"data\":{\"set\":[[23,{\"accept\":null}],"
			      "[80,{\"drop\":null}]]}}}")),
	  "accept 23-23 #0;refuse 80-80 #0;" },
	/* Elsewhere. */
	{ DOCUMENT(BASE("prerouting", "nat", ",\"prio\":-100")
			   RULE("in", TCP("80") "{\"redirect\":{\"port\":6379}}")),
	  "redirect 80-80>6379 #0;" },
	{ DOCUMENT(BASE("prerouting", "nat", ",\"prio\":-100") RULE(
		  "in", TCP("80") "{\"dnat\":{\"addr\":\"172.17.0.2\",\"port\":80}}")),
	  "" },
	/* What is rewritten before our rules they see; behind them not. */
	{ DOCUMENT(BASE("prerouting", "filter", ",\"prio\":-300")
			   RULE("in", TCP("80") "{\"mangle\":{\"key\":{\"payload\":{\"protocol\":"
						"\"tcp\",\"field\":\"dport\"}},\"value\":22}}")),
	  "" },
	{ DOCUMENT(BASE("prerouting", "filter", ",\"prio\":-50")
			   RULE("in", TCP("80") "{\"mangle\":{\"key\":{\"payload\":{\"protocol\":"
						"\"tcp\",\"field\":\"dport\"}},\"value\":22}}")),
	  "redirect 80-80>22 #0;" },
	{ DOCUMENT("{\"chain\":{\"family\":\"netdev\",\"table\":\"f\",\"name\":\"in\",\"type\":"
		   "\"filter\",\"hook\":\"ingress\",\"dev\":\"eth0\",\"prio\":0}},{\"rule\":{"
		   "\"family\":\"netdev\",\"table\":\"f\",\"chain\":\"in\",\"expr\":[{\"fwd\":"
		   "{\"dev\":\"lo\"}}]}}"),
	  "around 0-65535 #0;" },
};

static void rules_are_read_as_the_kernel_would(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
		struct foreign_rules rules;
		char said[1024];
		foreign_rules_init(&rules);
		assert_int_equal(observe_foreign_rules(&rules, readings[i].document,
						       strlen(readings[i].document)),
				 0);
		say(said, sizeof(said), &rules);
		if (strcmp(said, readings[i].said) != 0) {
			fail_msg("%s\ngives %s\nnot   %s", readings[i].document, said,
				 readings[i].said);
		}
		foreign_rules_deinit(&rules);
	}
}

static void what_is_no_document_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "{", "[]", "{\"nftables\":{}}", "\"nftables\"" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct foreign_rules rules;
		foreign_rules_init(&rules);
		assert_true(observe_foreign_rules(&rules, bad[i], strlen(bad[i])) < 0);
		foreign_rules_deinit(&rules);
	}
}

/* ---- judging ---- */

static struct policy policy_of(const char *text)
{
	struct policy policy = { 0 };
	struct policy_diagnostics diagnostics;
	const struct policy_environment today = { .today = TODAY };
	assert_int_equal(policy_parse(&policy, &diagnostics, "p", text, strlen(text), &today), 0);
	policy_diagnostics_deinit(&diagnostics);
	return policy;
}

#define PORTS                                                                                      \
	"ports:\n"                                                                                 \
	"  web: {port: 80/tcp, for: x, owner: o, from: any}\n"                                     \
	"  ssh: {port: 22/tcp, for: x, owner: o, from: 192.0.2.0/24}\n"                            \
	"  old: {port: 25/tcp, for: x, owner: o, from: any, until: \"2026-11-20\"}\n"              \
	"  now: {port: 26/tcp, for: x, owner: o, from: any, until: \"2026-11-30\"}\n"              \
	"  own: {port: 5432/tcp, for: x, owner: o, from: host}\n"
#define ENFORCED "minato: 1\n" PORTS
#define OBSERVED "minato: 1\ndefaults: {mode: observe}\n" PORTS
#define OPEN "minato: 1\ndefaults: {inbound: accept}\n" PORTS

static const struct {
	const char *policy;
	enum foreign_kind does;
	uint16_t first, last, target;
	enum contradiction_kind kind; /* 0 = none */
	uint16_t told_first, told_last, through;
} judgements[] = {
	{ ENFORCED, FOREIGN_ACCEPT, 23, 23, 0, CONTRADICTION_IN_VAIN, 23, 23, 0 },
	{ OBSERVED, FOREIGN_ACCEPT, 23, 23, 0, CONTRADICTION_OPENS, 23, 23, 0 },
	{ OPEN, FOREIGN_ACCEPT, 23, 23, 0, 0, 0, 0, 0 },
	{ OPEN, FOREIGN_ACCEPT, 5432, 5432, 0, CONTRADICTION_IN_VAIN, 5432, 5432, 0 },
	{ ENFORCED, FOREIGN_ACCEPT, 80, 80, 0, 0, 0, 0, 0 },
	{ ENFORCED, FOREIGN_ACCEPT, 22, 22, 0, 0, 0, 0, 0 },
	{ ENFORCED, FOREIGN_ACCEPT, 25, 26, 0, CONTRADICTION_IN_VAIN, 25, 25, 0 },
	{ ENFORCED, FOREIGN_ACCEPT, 22, 30, 0, CONTRADICTION_IN_VAIN, 23, 25, 0 },
	{ ENFORCED, FOREIGN_REFUSE, 0, 65535, 0, CONTRADICTION_CLOSES, 22, 22, 0 },
	{ ENFORCED, FOREIGN_REFUSE, 23, 25, 0, 0, 0, 0, 0 },
	{ OBSERVED, FOREIGN_REFUSE, 23, 23, 0, 0, 0, 0, 0 },
	{ OPEN, FOREIGN_REFUSE, 0, 65535, 0, CONTRADICTION_CLOSES, 1, 24, 0 },
	{ ENFORCED, FOREIGN_REDIRECT, 80, 80, 6379, CONTRADICTION_OPENS, 6379, 6379, 80 },
	{ ENFORCED, FOREIGN_REDIRECT, 80, 80, 22, CONTRADICTION_OPENS, 22, 22, 80 },
	{ ENFORCED, FOREIGN_REDIRECT, 22, 22, 80, 0, 0, 0, 0 },
	{ ENFORCED, FOREIGN_REDIRECT, 23, 23, 22, 0, 0, 0, 0 },
	{ ENFORCED, FOREIGN_REDIRECT, 1, 65535, 6379, CONTRADICTION_OPENS, 6379, 6379, 22 },
	{ OBSERVED, FOREIGN_REDIRECT, 80, 80, 6379, 0, 0, 0, 0 },
	{ ENFORCED, FOREIGN_EXPECT, 6379, 6379, 0, CONTRADICTION_OPENS, 6379, 6379, 0 },
	{ ENFORCED, FOREIGN_EXPECT, 80, 80, 0, 0, 0, 0, 0 },
};

static void rules_are_held_against_the_policy(void **state)
{
	(void)state;
	struct enforce_ports *ports = malloc(sizeof(*ports));
	assert_non_null(ports);
	for (size_t i = 0; i < sizeof(judgements) / sizeof(judgements[0]); i++) {
		struct policy policy = policy_of(judgements[i].policy);
		const struct foreign_rule rule = { .kind = judgements[i].does,
						   .protocol = PROTOCOL_TCP,
						   .first_port = judgements[i].first,
						   .last_port = judgements[i].last,
						   .target_port = judgements[i].target };
		struct contradiction told;
		assert_int_equal(enforce_ports(ports, &policy, &environment, NULL), 0);
		const bool any = enforce_contradicts(&told, ports, &rule);
		if (any != (judgements[i].kind != 0) ||
		    (any && (told.kind != judgements[i].kind ||
			     told.first_port != judgements[i].told_first ||
			     told.last_port != judgements[i].told_last ||
			     told.through_port != judgements[i].through))) {
			fail_msg("case %zu: kind %d, %u-%u through %u", i, told.kind,
				 told.first_port, told.last_port, told.through_port);
		}
		policy_deinit(&policy);
	}
	free(ports);
}

/* Independent of the doors: what is said of a port is what is decided for packets. */
static void ports_agree_with_what_is_decided(void **state)
{
	(void)state;
	static const char *const policies[] = { ENFORCED, OBSERVED, OPEN };
	struct enforce_ports *ports = malloc(sizeof(*ports));
	assert_non_null(ports);
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		struct policy policy = policy_of(policies[i]);
		assert_int_equal(enforce_ports(ports, &policy, &environment, NULL), 0);
		assert_int_equal(ports->until, day_end(TODAY + 2));
		for (unsigned port = 1; port <= UINT16_MAX; port++) {
			const bool reached = portset_has(&ports->open[0], (uint16_t)port) ||
					     portset_has(&ports->passing[0], (uint16_t)port);
			assert_int_equal(reached, enforce_opens(&policy, PROTOCOL_TCP,
								(uint16_t)port, &environment));
		}
		policy_deinit(&policy);
	}
	free(ports);
}

/* ---- the words of a rule ---- */

static void a_rule_is_quoted_as_nft_prints_it(void **state)
{
	(void)state;
	static const char listing[] = "table inet f {\n"
				      "\tset s {\n\t\ttype inet_service\n\t}\n\n"
				      "\tchain in {\n"
				      "\t\tcomment \"of ours\"\n"
				      "\t\ttype filter hook input priority 0; policy drop;\n"
				      "\t\ttcp dport 22 accept\n"
				      "\t\ttcp dport { 23,\n\t\t\t24 } accept\n"
				      "\t\tdrop\n"
				      "\t}\n\n"
				      "\tchain other {\n\t\taccept\n\t}\n"
				      "}\n"
				      "table inet g {\n\tchain in {\n\t\tdrop\n\t}\n}\n";
	static const struct {
		const char *table, *chain;
		int32_t rule;
		const char *text; /* NULL = it is not there */
	} cases[] = {
		{ "f", "in", 0, "tcp dport 22 accept" },
		{ "f", "in", 1, "tcp dport { 23," },
		{ "f", "in", 2, "drop" },
		{ "f", "in", FOREIGN_POLICY, "type filter hook input priority 0; policy drop;" },
		{ "f", "other", 0, "accept" },
		{ "g", "in", 0, "drop" },
		{ "f", "in", 9, NULL },
		{ "f", "none", 0, NULL },
		{ "h", "in", 0, NULL },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct foreign_rule rule = { .family = "inet",
						   .table = cases[i].table,
						   .chain = cases[i].chain,
						   .rule = cases[i].rule };
		struct str out = STR_INIT(4096);
		assert_int_equal(enforce_foreign_text(&out, listing, &rule), cases[i].text != NULL);
		assert_string_equal(str_text(&out), cases[i].text != NULL ? cases[i].text : "");
		str_deinit(&out);
	}
}

/* ---- counts ---- */

static struct enforce_counted counted(const char *from, uint16_t port, uint64_t packets)
{
	struct enforce_counted out = { .protocol = PROTOCOL_TCP, .port = port, .packets = packets };
	assert_int_equal(addr_parse(&out.from, from), 0);
	return out;
}

static void only_what_has_come_since_is_told(void **state)
{
	(void)state;
	struct enforce_counted before[] = { counted("192.0.2.1", 22, 5),
					    counted("192.0.2.2", 22, 5),
					    counted("192.0.2.3", 22, 9) };
	struct enforce_counted now[] = { counted("192.0.2.1", 22, 7), counted("192.0.2.2", 22, 5),
					 counted("192.0.2.3", 22, 4), counted("192.0.2.1", 23, 1) };
	struct enforce_counts then_counts = { before, 3 };
	struct enforce_counts now_counts = { now, 4 };
	struct enforce_counts grown;
	enforce_counts_sort(&then_counts);
	enforce_counts_sort(&now_counts);
	assert_int_equal(enforce_counts_grown(&grown, &now_counts, &then_counts), 0);
	assert_int_equal(grown.count, 3);
	static const uint64_t packets[] = { 4, 2, 1 }; /* anew, grown, new */
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(grown.items[i].packets, packets[i]);
		enforce_counts_take_back(&now_counts, &grown.items[i]);
	}
	enforce_counts_deinit(&grown);
	/* What was taken back was not told: it comes again, with what grew. */
	struct enforce_counted later[] = { counted("192.0.2.1", 22, 8), counted("192.0.2.2", 22, 5),
					   counted("192.0.2.3", 22, 4),
					   counted("192.0.2.1", 23, 1) };
	struct enforce_counts later_counts = { later, 4 };
	enforce_counts_sort(&later_counts);
	assert_int_equal(enforce_counts_grown(&grown, &later_counts, &now_counts), 0);
	assert_int_equal(grown.count, 3);
	assert_int_equal(grown.items[0].packets, 4);
	assert_int_equal(grown.items[1].packets, 3);
	enforce_counts_deinit(&grown);
}

static void who_was_refused_was_not_let_in(void **state)
{
	(void)state;
	struct enforce_counted asked[] = { counted("192.0.2.1", 22, 7), counted("192.0.2.1", 80, 5),
					   counted("192.0.2.1", 8000, 9) };
	asked[2].last_port = 8010;
	struct enforce_counted refused[] = { counted("192.0.2.1", 22, 3),
					     counted("192.0.2.2", 22, 1),
					     counted("192.0.2.2", 80, 6), counted("::1", 8010, 2),
					     counted("::1", 8011, 2) };
	struct enforce_counts asked_counts = { asked, 3 };
	const struct enforce_counts refused_counts = { refused, 5 };
	enforce_counts_let_in(&asked_counts, &refused_counts);
	assert_int_equal(asked_counts.count, 2);
	assert_int_equal(asked[0].port, 8000);
	assert_int_equal(asked[0].packets, 7);
	assert_int_equal(asked[1].port, 22);
	assert_int_equal(asked[1].packets, 3);
}

/* A port of this host, and the same one of another machine behind it. */
static void what_is_passed_on_is_counted_apart(void **state)
{
	(void)state;
	struct enforce_counted rows[] = { counted("192.0.2.1", 22, 7), counted("192.0.2.1", 22, 5),
					  counted("192.0.2.1", 22, 2) };
	rows[1].direction = ENFORCE_FORWARD;
	struct enforce_counts counts = { rows, 3 };
	enforce_counts_merge(&counts);
	assert_int_equal(counts.count, 2);
	assert_int_equal(rows[0].packets, 9);
	assert_int_equal(rows[1].packets, 5);
	struct enforce_counted refused[] = { counted("192.0.2.9", 22, 4) };
	refused[0].direction = ENFORCE_FORWARD;
	const struct enforce_counts refused_counts = { refused, 1 };
	enforce_counts_let_in(&counts, &refused_counts);
	assert_int_equal(counts.count, 2);
	assert_int_equal(rows[0].packets, 9);
	assert_int_equal(rows[1].direction, ENFORCE_FORWARD);
	assert_int_equal(rows[1].packets, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_read_as_the_kernel_would),
		cmocka_unit_test(what_is_no_document_is_refused),
		cmocka_unit_test(rules_are_held_against_the_policy),
		cmocka_unit_test(ports_agree_with_what_is_decided),
		cmocka_unit_test(a_rule_is_quoted_as_nft_prints_it),
		cmocka_unit_test(only_what_has_come_since_is_told),
		cmocka_unit_test(who_was_refused_was_not_let_in),
		cmocka_unit_test(what_is_passed_on_is_counted_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
