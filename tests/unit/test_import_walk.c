/*
 * First match decides: random rules, as iptables-save and as nft print them, against a plain
 * interpreter that sends single packets through them. What the rules drop the policy must never
 * accept; where nothing was left out, it must accept all that the rules accept.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "import/import.h"
#include "policy/policy.h"

enum { CHAINS = 4, RULES_MAX = 6, ROUNDS = 300, PORTS = 8, HOSTS = 10, INTERFACES = 3, DEPTH = 16 };

enum target { ACCEPT, DROP, REJECT, RETURN, JUMP, GOTO, TARGETS };

static const char *const target_names[] = { "ACCEPT", "DROP", "REJECT", "RETURN" };
static const char *const chain_names[CHAINS] = { "INPUT", "first", "second", "third" };
static const char *const interfaces[INTERFACES] = { "eth0", "eth1", "wlan0" };

/* One rule of the model; -1 = any. */
struct model_rule {
	int protocol; /* 0 = tcp, 1 = udp */
	int first_port, last_port;
	int first_host, bits; /* of the last byte, prefix length 24..32 */
	bool other_sources;   /* all but these */
	int interface;
	bool other_interfaces;
	bool marked; /* a condition that no policy says */
	enum target target;
	int chain; /* of JUMP and GOTO: a later one */
};

struct model {
	struct model_rule rules[CHAINS][RULES_MAX];
	size_t counts[CHAINS];
	bool open; /* the policy of INPUT */
};

struct packet {
	int protocol, port, host, interface;
	bool marked, ipv6;
};

/* xorshift: the same rules in every run. */
static uint64_t state;

static unsigned below(unsigned limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 11) % limit);
}

static struct model_rule random_rule(size_t chain, bool marks)
{
	struct model_rule rule = { -1, -1, -1, -1, 32, false, -1, false, false, ACCEPT, 0 };
	if (below(4) > 0) {
		rule.protocol = (int)below(2);
	}
	if (rule.protocol >= 0 && below(4) > 0) {
		rule.first_port = 1 + (int)below(PORTS);
		rule.last_port = rule.first_port + (int)below(3);
	}
	if (below(2) == 0) {
		rule.bits = 29 + (int)below(4);
		rule.first_host = (int)(below(HOSTS) & ~0U << (32 - rule.bits));
		rule.other_sources = below(5) == 0;
	}
	if (below(4) == 0) {
		rule.interface = (int)below(2);
		rule.other_interfaces = below(4) == 0;
	}
	rule.marked = marks && below(5) == 0;
	rule.target = below(TARGETS);
	bool leads_on = rule.target == JUMP || rule.target == GOTO;
	rule.target = leads_on && chain + 1 == CHAINS ? ACCEPT : rule.target;
	rule.target = rule.target == GOTO && below(2) == 0 ? JUMP : rule.target;
	rule.chain = leads_on && chain + 1 < CHAINS
			     ? (int)(chain + 1 + below((unsigned)(CHAINS - chain - 1)))
			     : 0;
	return rule;
}

static void random_model(struct model *model, bool marks)
{
	memset(model, 0, sizeof(*model));
	model->open = below(4) == 0;
	for (size_t c = 0; c < CHAINS; c++) {
		model->counts[c] = 1 + below(RULES_MAX);
		for (size_t i = 0; i < model->counts[c]; i++) {
			model->rules[c][i] = random_rule(c, marks);
		}
	}
}

/* ---- the interpreter ---- */

static bool matches(const struct model_rule *rule, const struct packet *p)
{
	int mask = rule->bits >= 24 ? (int)(~0U << (32 - rule->bits)) : 0;
	if ((rule->protocol >= 0 && rule->protocol != p->protocol) ||
	    (rule->first_port >= 0 && (p->port < rule->first_port || p->port > rule->last_port)) ||
	    (rule->marked && !p->marked)) {
		return false;
	}
	if (rule->first_host >= 0 &&
	    ((p->host & mask) == rule->first_host) == rule->other_sources) {
		return false;
	}
	return rule->interface < 0 || (rule->interface == p->interface) != rule->other_interfaces;
}

enum outcome { LET_IN, KEPT_OUT, CAME_BACK };

static enum outcome follow(const struct model *model, size_t chain, const struct packet *p)
{
	for (size_t i = 0; i < model->counts[chain]; i++) {
		const struct model_rule *rule = &model->rules[chain][i];
		if (!matches(rule, p)) {
			continue;
		}
		if (rule->target == ACCEPT) {
			return LET_IN;
		}
		if (rule->target == DROP || rule->target == REJECT) {
			return KEPT_OUT;
		}
		if (rule->target == RETURN) {
			return CAME_BACK;
		}
		enum outcome outcome = follow(model, (size_t)rule->chain, p);
		if (outcome != CAME_BACK || rule->target == GOTO) {
			return outcome;
		}
	}
	return CAME_BACK;
}

static bool rules_accept(const struct model *model, const struct packet *p)
{
	enum outcome outcome = follow(model, 0, p);
	return outcome == CAME_BACK ? model->open : outcome == LET_IN;
}

/* ---- as text ---- */

static void address_text(char *out, size_t room, int host, int bits, bool ipv6)
{
	(void)(ipv6 ? snprintf(out, room, "2001:db8::%x/%d", host, bits + 96)
		    : snprintf(out, room, "192.0.2.%d/%d", host, bits));
}

static void add_iptables_rule(struct str *out, size_t chain, const struct model_rule *rule,
			      bool ipv6)
{
	char address[64];
	str_printf(out, "-A %s", chain_names[chain]);
	if (rule->first_host >= 0) {
		address_text(address, sizeof(address), rule->first_host, rule->bits, ipv6);
		str_printf(out, "%s -s %s", rule->other_sources ? " !" : "", address);
	}
	if (rule->interface >= 0) {
		str_printf(out, "%s -i %s", rule->other_interfaces ? " !" : "",
			   interfaces[rule->interface]);
	}
	if (rule->protocol >= 0) {
		str_printf(out, " -p %s", rule->protocol == 0 ? "tcp" : "udp");
	}
	if (rule->first_port >= 0) {
		str_printf(out, " --dport %d:%d", rule->first_port, rule->last_port);
	}
	str_add(out, rule->marked ? " -m mark --mark 0x1" : "");
	bool leads_on = rule->target == JUMP || rule->target == GOTO;
	str_printf(out, " %s %s\n", rule->target == GOTO ? "-g" : "-j",
		   leads_on ? chain_names[rule->chain] : target_names[rule->target]);
}

static void print_iptables(struct str *out, const struct model *model)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		str_printf(out, "# Generated by ip%stables-save\n*filter\n:INPUT %s [0:0]\n",
			   ipv6 ? "6" : "", model->open ? "ACCEPT" : "DROP");
		for (size_t c = 1; c < CHAINS; c++) {
			str_printf(out, ":%s - [0:0]\n", chain_names[c]);
		}
		for (size_t c = 0; c < CHAINS; c++) {
			for (size_t i = 0; i < model->counts[c]; i++) {
				add_iptables_rule(out, c, &model->rules[c][i], ipv6);
			}
		}
		str_add(out, "COMMIT\n");
	}
}

static void add_match(struct str *out, const char *left, bool negated, const char *right)
{
	str_printf(out, "{\"match\":{\"op\":\"%s\",\"left\":%s,\"right\":%s}},",
		   negated ? "!=" : "==", left, right);
}

static void add_nft_sources(struct str *out, const struct model_rule *rule, bool ipv6)
{
	char left[80];
	char right[128];
	(void)snprintf(left, sizeof(left),
		       "{\"payload\":{\"protocol\":\"%s\",\"field\":\"saddr\"}}",
		       ipv6 ? "ip6" : "ip");
	if (rule->bits == 32) {
		(void)snprintf(right, sizeof(right), ipv6 ? "\"2001:db8::%x\"" : "\"192.0.2.%d\"",
			       rule->first_host);
	} else {
		(void)snprintf(right, sizeof(right),
			       ipv6 ? "{\"prefix\":{\"addr\":\"2001:db8::%x\",\"len\":%d}}"
				    : "{\"prefix\":{\"addr\":\"192.0.2.%d\",\"len\":%d}}",
			       rule->first_host, rule->bits + (ipv6 ? 96 : 0));
	}
	add_match(out, left, rule->other_sources, right);
}

static void add_nft_rule(struct str *out, size_t chain, const struct model_rule *rule, bool ipv6)
{
	static const char *const verdicts[] = { "{\"accept\":null}", "{\"drop\":null}",
						"{\"reject\":null}", "{\"return\":null}" };
	char text[128];
	str_printf(out,
		   ",{\"rule\":{\"family\":\"%s\",\"table\":\"t\",\"chain\":\"%s\",\"handle\":1,"
		   "\"expr\":[",
		   ipv6 ? "ip6" : "ip", chain_names[chain]);
	if (rule->first_host >= 0) {
		add_nft_sources(out, rule, ipv6);
	}
	if (rule->interface >= 0) {
		(void)snprintf(text, sizeof(text), "\"%s\"", interfaces[rule->interface]);
		add_match(out, "{\"meta\":{\"key\":\"iifname\"}}", rule->other_interfaces, text);
	}
	if (rule->protocol >= 0 && rule->first_port < 0) {
		add_match(out, "{\"meta\":{\"key\":\"l4proto\"}}", false,
			  rule->protocol == 0 ? "\"tcp\"" : "{\"set\":[\"udp\"]}");
	} else if (rule->protocol >= 0) {
		(void)snprintf(text, sizeof(text), "{\"range\":[%d,%d]}", rule->first_port,
			       rule->last_port);
		add_match(out,
			  rule->protocol == 0
				  ? "{\"payload\":{\"protocol\":\"tcp\",\"field\":\"dport\"}}"
				  : "{\"payload\":{\"protocol\":\"udp\",\"field\":\"dport\"}}",
			  false, text);
	}
	if (rule->marked) {
		add_match(out, "{\"meta\":{\"key\":\"mark\"}}", false, "1");
	}
	if (rule->target == JUMP || rule->target == GOTO) {
		str_printf(out, "{\"%s\":{\"target\":\"%s\"}}]}}",
			   rule->target == JUMP ? "jump" : "goto", chain_names[rule->chain]);
	} else {
		str_printf(out, "%s]}}", verdicts[rule->target]);
	}
}

static void print_nft(struct str *out, const struct model *model)
{
	str_add(out, "{\"nftables\":[{\"metainfo\":{}}");
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		str_printf(out,
			   ",{\"chain\":{\"family\":\"%s\",\"table\":\"t\",\"name\":\"INPUT\","
			   "\"type\":\"filter\",\"hook\":\"input\",\"prio\":0,\"policy\":\"%s\"}}",
			   ipv6 ? "ip6" : "ip", model->open ? "accept" : "drop");
		for (size_t c = 0; c < CHAINS; c++) {
			for (size_t i = 0; i < model->counts[c]; i++) {
				add_nft_rule(out, c, &model->rules[c][i], ipv6);
			}
		}
	}
	str_add(out, "]}");
}

/* ---- the policy ---- */

static bool policy_accepts(const struct policy *policy, const struct packet *p)
{
	char text[64];
	struct addr address;
	bool declared = false;
	enum protocol protocol = p->protocol == 0 ? PROTOCOL_TCP : PROTOCOL_UDP;
	(void)snprintf(text, sizeof(text), p->ipv6 ? "2001:db8::%x" : "192.0.2.%d", p->host);
	assert_int_equal(addr_parse(&address, text), 0);
	for (const struct policy_declaration *d = policy_declaration_for(
		     policy, protocol, (uint16_t)p->port, interfaces[p->interface], NULL);
	     d != NULL; d = policy_declaration_for(policy, protocol, (uint16_t)p->port,
						   interfaces[p->interface], d)) {
		declared = true;
		if (policy_from_has(policy, d, &address)) {
			return true;
		}
	}
	return !declared && policy->defaults.inbound == POLICY_ACCEPT;
}

static void compare_packet(const struct model *model, const struct policy *policy,
			   const struct packet *p, bool exact, const char *rules, const char *text)
{
	bool wanted = rules_accept(model, p);
	bool found = policy_accepts(policy, p);
	if ((found && !wanted) || (exact && wanted && !found)) {
		fail_msg("%s port %d from %d on %s%s%s: rules %s, policy %s\n%s\n%s",
			 p->protocol == 0 ? "tcp" : "udp", p->port, p->host,
			 interfaces[p->interface], p->marked ? ", marked" : "",
			 p->ipv6 ? ", IPv6" : "", wanted ? "accept" : "drop",
			 found ? "accepts" : "drops", rules, text);
	}
}

static void compare(const struct model *model, const struct policy *policy, bool exact,
		    const char *rules, const char *text)
{
	for (unsigned i = 0; i < 2 * (PORTS + 4) * (HOSTS + 7) * INTERFACES * 2 * 2; i++) {
		unsigned rest = i;
		struct packet p = { 0 };
		p.protocol = (int)(rest % 2);
		rest /= 2;
		p.port = 1 + (int)(rest % (PORTS + 4));
		rest /= PORTS + 4;
		p.host = (int)(rest % (HOSTS + 7));
		rest /= HOSTS + 7;
		p.interface = (int)(rest % INTERFACES);
		rest /= INTERFACES;
		p.marked = rest % 2 != 0;
		p.ipv6 = rest / 2 != 0;
		compare_packet(model, policy, &p, exact, rules, text);
	}
}

static void parse(struct policy *policy, const struct str *text)
{
	struct policy_diagnostics diagnostics;
	const struct policy_environment environment = { .today = 20000 };
	int r = policy_parse(policy, &diagnostics, "imported", str_text(text), text->length,
			     &environment);
	if (r != 0) {
		struct str faults = STR_INIT(1 << 20);
		const struct style style = { 0 };
		policy_diagnostics_render(&faults, &diagnostics, LANGUAGE_EN, &style);
		fail_msg("%s\n%s", str_text(&faults), str_text(text));
	}
	policy_diagnostics_deinit(&diagnostics);
}

/* @return whether nothing was left out. */
static bool import_and_compare(const struct model *model, const struct str *rules)
{
	struct str text = STR_INIT(POLICY_FILE_BYTES_MAX);
	struct import_report report;
	struct policy policy = { 0 };
	struct err e = ERR_INIT;
	const struct import_file file = { "rules", str_text(rules), rules->length };
	assert_int_equal(rules->error, 0);
	if (import_policy(&text, &report, &file, 1, NULL, LANGUAGE_EN, &e) != 0) {
		fail_msg("%s\n%s", err_text(&e), str_text(rules));
	}
	bool exact = report.counts[IMPORT_LEFT] == 0;
	parse(&policy, &text);
	compare(model, &policy, exact, str_text(rules), str_text(&text));
	policy_deinit(&policy);
	import_report_deinit(&report);
	str_deinit(&text);
	return exact;
}

static void run_rounds(void (*print)(struct str *, const struct model *), bool marks)
{
	unsigned exact = 0;
	state = marks ? 88172645463325252ULL : 362436069362436069ULL;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct model model;
		struct str rules = STR_INIT(1 << 20);
		random_model(&model, marks);
		print(&rules, &model);
		exact += import_and_compare(&model, &rules);
		str_deinit(&rules);
	}
	assert_true(exact > ROUNDS / 10); /* the exact comparison was tried, too */
	assert_true(exact < ROUNDS);
}

static void iptables_means_what_it_does(void **ignored)
{
	(void)ignored;
	run_rounds(print_iptables, false);
}

static void iptables_in_doubt_never_opens(void **ignored)
{
	(void)ignored;
	run_rounds(print_iptables, true);
}

static void nft_means_what_it_does(void **ignored)
{
	(void)ignored;
	run_rounds(print_nft, false);
}

static void nft_in_doubt_never_opens(void **ignored)
{
	(void)ignored;
	run_rounds(print_nft, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(iptables_means_what_it_does),
		cmocka_unit_test(iptables_in_doubt_never_opens),
		cmocka_unit_test(nft_means_what_it_does),
		cmocka_unit_test(nft_in_doubt_never_opens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
