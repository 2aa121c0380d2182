/* outbound: from a policy to rules for what this host connects to, to verdicts, to changes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "check.h"
#include "enforce/enforce.h"
#include "golden.h"

enum { TODAY = 20785, POSTFIX = 101, APT = 42 }; /* 2026-11-28 */

static usec_t day_end(int32_t day)
{
	return (day + (usec_t)1) * USEC_PER_DAY;
}

static int find_user(uint32_t *uid, const char *name)
{
	uint64_t number = 0;
	if (strcmp(name, "postfix") == 0) {
		*uid = POSTFIX;
	} else if (strcmp(name, "_apt") == 0) {
		*uid = APT;
	} else if (parse_u64(&number, name, 0, UINT32_MAX - 1) == 0) {
		*uid = (uint32_t)number;
	} else {
		return -ENOENT;
	}
	return 0;
}

static const struct enforce_environment environment = {
	.now = TODAY * USEC_PER_DAY,
	.day_end = day_end,
	.user = find_user,
};

/* A policy, behind what every test shares. */
static struct policy policy_of(const char *more)
{
	static const char head[] = "minato: 1\n"
				   "who:\n"
				   "  hub: [192.0.2.25, \"2001:db8::25\"]\n"
				   "  net: {address: 198.51.100.0/24, interface: eth1}\n"
				   "  tunnel: {interface: wg0}\n";
	struct str text = STR_INIT(1 << 20);
	struct policy policy = { 0 };
	struct policy_diagnostics diagnostics;
	const struct policy_environment today = { .today = TODAY };
	str_add(&text, head);
	str_add(&text, more);
	int r = policy_parse(&policy, &diagnostics, "p", text.text, text.length, &today);
	if (r != 0) {
		struct str faults = STR_INIT(1 << 20);
		const struct style style = { 0 };
		policy_diagnostics_render(&faults, &diagnostics, LANGUAGE_EN, &style);
		fail_msg("%s", str_text(&faults));
	}
	policy_diagnostics_deinit(&diagnostics);
	str_deinit(&text);
	return policy;
}

#define O(name, port, more) "  " name ": {port: " port ", for: test, owner: o" more "}\n"
#define USER(name) ", program: {user: " name "}"

static const char everything[] = "outbound:\n" O("updates", "[80/tcp, 443/tcp]", USER("_apt"))
	O("names", "[53/udp, 53/tcp]", ", to: [192.0.2.53, \"2001:db8::/32\", hub]")
		O("mail", "25/tcp", USER("postfix") ", until: 2026-12-31")
			O("proxy", "443/tcp", USER("\"0\"") ", to: [tunnel, net]")
				O("wide", "5000-6000/tcp", "") O("inside", "4999/tcp", ", to: host")
					O("over", "70/tcp", ", until: 2026-11-01")
						O("ghost", "71/tcp", USER("nobody-here"))
							O("signal", "5000-5001/sctp", ", to: hub");

/* ---- rules ---- */

static struct str rules_of(const struct policy *policy)
{
	struct str text = STR_INIT(1 << 20);
	assert_int_equal(enforce_rules(&text, policy, 7, &environment, NULL), 0);
	return text;
}

static void rules_are_as_written_down(void **state)
{
	(void)state;
	struct policy policy = policy_of(everything);
	struct str text = rules_of(&policy);
	struct str outbound = STR_INIT(1 << 20);
	str_add(&outbound, strstr(str_text(&text), "add chain inet minato g7-keep"));
	golden_check("enforce/outbound.nft", &outbound);
	str_deinit(&outbound);
	str_deinit(&text);
	policy_deinit(&policy);
}

static void who_observes_or_names_nothing_limits_nothing(void **state)
{
	(void)state;
	static const struct {
		const char *policy;
		bool limits;
	} cases[] = {
		{ "ports: {}\n", false },
		{ "outbound:\n" O("a", "25/tcp", ""), true },
		{ "defaults: {outbound: drop}\n", true },
		{ "defaults: {outbound: drop, mode: observe}\n", false },
		{ "outbound:\n" O("a", "25/tcp", "") "defaults: {mode: observe}\n", false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct policy policy = policy_of(cases[i].policy);
		struct str text = rules_of(&policy);
		assert_int_equal(enforce_limits_outbound(&policy), cases[i].limits);
		assert_int_equal(strstr(str_text(&text), "g7-out\n") != NULL, cases[i].limits);
		str_deinit(&text);
		policy_deinit(&policy);
	}
}

/* nft reads at most eight digits before a unit, the kernel less than 585 years. */
static void an_end_in_the_far_future_is_one_that_nft_takes(void **state)
{
	(void)state;
	struct policy policy = policy_of("outbound:\n" O("a", "25/tcp", ", until: 2099-12-31") O(
		"b", "26/tcp", ", until: 9999-12-31") "ports:\n"
						      "  c: {port: 22/tcp, for: x, owner: o, from: "
						      "any, until: 2031-01-01}\n");
	struct str text = rules_of(&policy);
	assert_non_null(strstr(str_text(&text), "-use-until-a { type nf_proto; flags timeout; "
						"elements = { ipv4 timeout 26697d0s, "));
	assert_non_null(strstr(str_text(&text), "-use-until-b { type nf_proto; flags timeout; "
						"elements = { ipv4 timeout 200000d0s, "));
	assert_non_null(strstr(str_text(&text), "-until-c { type nf_proto; flags timeout; "
						"elements = { ipv4 timeout 1496d0s, "));
	str_deinit(&text);
	policy_deinit(&policy);
}

/* ---- verdicts ---- */

struct sent {
	const char *protocol;
	uint16_t port;
	const char *to, *interface;
	long user; /* -1 = not known */
};

static struct enforce_outgoing outgoing(const struct sent *sent)
{
	struct enforce_outgoing packet = { .port = sent->port,
					   .interface = sent->interface,
					   .user_known = sent->user >= 0,
					   .user = (uint32_t)sent->user };
	assert_int_equal(protocol_parse(&packet.protocol, sent->protocol), 0);
	assert_int_equal(addr_parse(&packet.to, sent->to), 0);
	return packet;
}

static void every_packet_has_its_verdict(void **state)
{
	(void)state;
	static const struct {
		struct sent sent;
		enum enforce_verdict verdict;
		const char *by; /* NULL = no declaration */
	} cases[] = {
		{ { "tcp", 80, "203.0.113.1", "eth0", APT }, ENFORCE_OPEN, "updates" },
		{ { "mptcp", 80, "203.0.113.1", "eth0", APT }, ENFORCE_OPEN, "updates" },
		{ { "tcp", 80, "203.0.113.1", "eth0", 0 }, ENFORCE_CLOSED, NULL }, /* root too */
		{ { "tcp", 80, "203.0.113.1", "eth0", -1 }, ENFORCE_DEPENDS, "updates" },
		{ { "udp", 80, "203.0.113.1", "eth0", 7 }, ENFORCE_OPEN, NULL },
		{ { "tcp", 80, "127.0.0.1", "lo", 7 }, ENFORCE_OPEN, NULL },
		{ { "tcp", 443, "203.0.113.1", "wg0", 0 }, ENFORCE_OPEN, "proxy" },
		{ { "tcp", 443, "203.0.113.1", NULL, 0 }, ENFORCE_DEPENDS, "proxy" },
		{ { "tcp", 443, "203.0.113.1", "eth0", 0 }, ENFORCE_CLOSED, NULL },
		{ { "tcp", 443, "198.51.100.9", "eth1", 0 }, ENFORCE_OPEN, "proxy" },
		{ { "tcp", 443, "198.51.100.9", "eth0", 0 }, ENFORCE_CLOSED, NULL },
		{ { "udp", 53, "192.0.2.53", "eth0", 7 }, ENFORCE_OPEN, "names" },
		{ { "udp", 53, "192.0.2.25", "eth0", 7 }, ENFORCE_OPEN, "names" },
		{ { "tcp", 53, "2001:db8:7::1", "eth0", 7 }, ENFORCE_OPEN, "names" },
		{ { "udp", 53, "9.9.9.9", "eth0", 0 }, ENFORCE_CLOSED, NULL },
		{ { "tcp", 25, "203.0.113.1", "eth0", POSTFIX }, ENFORCE_OPEN, "mail" },
		{ { "tcp", 25, "203.0.113.1", "eth0", APT }, ENFORCE_CLOSED, NULL },
		{ { "tcp", 5500, "203.0.113.1", "eth0", 7 }, ENFORCE_OPEN, "wide" },
		{ { "tcp", 4999, "203.0.113.1", "eth0", 7 }, ENFORCE_CLOSED, NULL },
		{ { "tcp", 70, "203.0.113.1", "eth0", 7 }, ENFORCE_CLOSED, NULL }, /* over */
		{ { "tcp", 71, "203.0.113.1", "eth0", 0 }, ENFORCE_CLOSED, NULL }, /* no user */
		{ { "tcp", 22, "203.0.113.1", "eth0", 0 }, ENFORCE_OPEN, NULL },
		{ { "sctp", 5001, "192.0.2.25", "eth0", 0 }, ENFORCE_OPEN, "signal" },
		{ { "sctp", 5001, "192.0.2.26", "eth0", 0 }, ENFORCE_CLOSED, NULL },
	};
	struct policy policy = policy_of(everything);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct policy_declaration *by = NULL;
		const struct enforce_outgoing packet = outgoing(&cases[i].sent);
		int got = enforce_decide_outgoing(&policy, &packet, &environment, &by);
		if (got != (int)cases[i].verdict ||
		    strcmp(by == NULL ? "" : by->entry.name, cases[i].by ?: "") != 0) {
			fail_msg("case %zu: %d by %s", i, got, by == NULL ? "-" : by->entry.name);
		}
	}
	policy_deinit(&policy);
}

static void where_the_default_refuses_only_what_is_declared_goes(void **state)
{
	(void)state;
	static const struct sent declared = { "tcp", 80, "203.0.113.1", "eth0", APT };
	static const struct sent other = { "tcp", 22, "203.0.113.1", "eth0", 0 };
	static const struct sent here = { "tcp", 22, "::1", "lo", 0 };
	struct str text = STR_INIT(1 << 16);
	str_printf(&text, "%sdefaults: {outbound: reject}\n", everything);
	struct policy policy = policy_of(str_text(&text));
	const struct enforce_outgoing packets[] = { outgoing(&declared), outgoing(&other),
						    outgoing(&here) };
	const int wanted[] = { ENFORCE_OPEN, ENFORCE_CLOSED, ENFORCE_OPEN };
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(enforce_decide_outgoing(&policy, &packets[i], &environment, NULL),
				 wanted[i]);
		assert_int_equal(enforce_decide_outgoing(NULL, &packets[i], &environment, NULL),
				 ENFORCE_OPEN);
	}
	str_deinit(&text);
	policy_deinit(&policy);
}

/* ---- changes ---- */

static const char *changes_text(const char *before, const char *after, bool *frees)
{
	static char text[4096];
	struct policy a = policy_of(before);
	struct policy b = policy_of(after);
	struct enforce_changes changes;
	assert_int_equal(enforce_changes(&changes, &a, &b, &environment, NULL), 0);
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < changes.count; i++) {
		const struct enforce_change *c = &changes.items[i];
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %s: %s -> %s; ",
					 enforce_change_name(c->kind), c->outbound ? " out" : "",
					 c->ports, c->before ?: "nobody", c->after ?: "nobody");
	}
	*frees = changes.frees_only;
	enforce_changes_deinit(&changes);
	policy_deinit(&a);
	policy_deinit(&b);
	return text;
}

#define ONE(more) "outbound:\n" O("a", "25/tcp", more)
#define DROP "defaults: {outbound: drop}\n"

static void changes_say_what_may_be_used_otherwise(void **state)
{
	(void)state;
	static const struct {
		const char *before, *after, *text;
		bool frees;
	} cases[] = {
		{ "ports: {}\n", ONE(USER("postfix")),
		  "narrowed out 25/tcp: any -> any (user postfix); ", false },
		{ ONE(USER("postfix")), "ports: {}\n",
		  "widened out 25/tcp: any (user postfix) -> any; ", true },
		{ ONE(USER("postfix")), ONE(USER("postfix")), "", true },
		{ ONE(USER("postfix")), ONE(USER("_apt")),
		  "altered out 25/tcp: any (user postfix) -> any (user _apt); ", false },
		{ ONE(", to: hub" USER("postfix")), ONE(USER("postfix")),
		  "widened out 25/tcp: hub (user postfix) -> any (user postfix); ", true },
		{ ONE(", to: 192.0.2.25"), ONE(", to: [192.0.2.0/24, tunnel]"),
		  "widened out 25/tcp: 192.0.2.25 -> 192.0.2.0/24, tunnel; ", true },
		{ ONE(""), "ports: {}\n", "", true },
		{ "ports: {}\n" DROP, ONE(", to: hub") DROP, "opened out 25/tcp: nobody -> hub; ",
		  true },
		{ ONE(", to: hub") DROP, "ports: {}\n" DROP, "shut out 25/tcp: hub -> nobody; ",
		  false },
		{ ONE(", to: hub"), ONE(", to: host"), "shut out 25/tcp: hub -> nobody; ", false },
		{ ONE(", to: hub"), ONE(", to: hub") "defaults: {mode: observe}\n",
		  "widened out 25/tcp: hub -> any; ", true },
		{ ONE("") O("b", "25/tcp", USER("_apt")), ONE(""), "", true },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool frees = false;
		const char *text = changes_text(cases[i].before, cases[i].after, &frees);
		if (strcmp(text, cases[i].text) != 0 || frees != cases[i].frees) {
			fail_msg("case %zu: frees %d: %s", i, frees, text);
		}
	}
}

/* ---- the rules' text against the verdicts ---- */

/* What stands between `before` and the next `end`, in a buffer that the next call takes. */
static const char *between(const char *text, const char *before, const char *end)
{
	static char found[4096];
	const char *at = strstr(text, before);
	if (at == NULL) {
		return NULL;
	}
	at += strlen(before);
	(void)snprintf(found, sizeof(found), "%.*s", (int)(strstr(at, end) - at), at);
	return found;
}

/* Whether a set of the rules has the address; of families that do not fit it has none. */
static bool set_has(const char *rules, const char *set, const struct addr *address)
{
	char begin[256];
	(void)snprintf(begin, sizeof(begin), "add set inet minato %s {", set);
	const char *line = between(rules, begin, "\n");
	assert_non_null(line);
	char copy[4096];
	(void)snprintf(copy, sizeof(copy), "%s", strstr(line, "elements = { ") + 13);
	char *rest = NULL;
	for (char *word = strtok_r(copy, ", }", &rest); word != NULL;
	     word = strtok_r(NULL, ", }", &rest)) {
		struct prefix prefix;
		assert_int_equal(prefix_parse(&prefix, word), 0);
		if (prefix_has(&prefix, address)) {
			return true;
		}
	}
	return false;
}

static unsigned number_of(const char *text)
{
	uint64_t number = 0;
	assert_int_equal(parse_u64(&number, text, 0, UINT32_MAX), 0);
	return (unsigned)number;
}

/* One rule's conditions, word by word; anything unknown fails the test. */
static bool rule_takes(const char *rules, char *rule, const struct enforce_outgoing *packet)
{
	char *rest = NULL;
	bool takes = true;
	char *word = strtok_r(rule, " ", &rest);
	for (; strcmp(word, "accept") != 0; word = strtok_r(NULL, " ", &rest)) {
		const char *what = strtok_r(NULL, " ", &rest);
		if (strcmp(word, "meta") == 0 && strcmp(what, "skuid") == 0) {
			takes &= number_of(strtok_r(NULL, " ", &rest)) == packet->user;
		} else if (strcmp(word, "meta") == 0 && strcmp(what, "nfproto") == 0) {
			(void)strtok_r(NULL, " ", &rest); /* before its end all are in it */
		} else if (strcmp(word, "oifname") == 0) {
			takes &= strncmp(what + 1, packet->interface, strlen(what) - 2) == 0;
		} else if (strcmp(what, "daddr") == 0) {
			const char *set = strtok_r(NULL, " ", &rest) + 1;
			takes &= set_has(rules, set, &packet->to);
		} else {
			fail_msg("a rule with %s %s", word, what);
		}
	}
	return takes;
}

/* Whether the chain that a port leads to accepts the packet. */
static bool chain_takes(const char *rules, const char *chain, const struct enforce_outgoing *packet)
{
	char begin[256];
	(void)snprintf(begin, sizeof(begin), "add rule inet minato %s ", chain);
	for (const char *at = strstr(rules, begin); at != NULL; at = strstr(at + 1, begin)) {
		char rule[512];
		(void)snprintf(rule, sizeof(rule), "%s", between(at, begin, "\n"));
		if (strncmp(rule, "goto ", 5) == 0) {
			assert_string_equal(rule, "goto g7-keep");
			return false;
		}
		if (rule_takes(rules, rule, packet)) {
			return true;
		}
	}
	fail_msg("chain %s has no end", chain);
	return false;
}

/* Whether "8000-8010" or "22" holds the port. */
static bool range_has(char *range, uint16_t port)
{
	char *dash = strchr(range, '-');
	if (dash == NULL) {
		return number_of(range) == port;
	}
	*dash = '\0';
	return number_of(range) <= port && port <= number_of(dash + 1);
}

/* What the rules say to a new TCP packet. */
static bool rules_take(const char *rules, const struct enforce_outgoing *packet)
{
	const char *map = between(rules, "add map inet minato g7-use-tcp {", " } }\n");
	char copy[4096];
	(void)snprintf(copy, sizeof(copy), "%s",
		       map == NULL ? "" : strstr(map, "elements = { ") + 13);
	char *rest = NULL;
	for (char *item = strtok_r(copy, ",", &rest); item != NULL;
	     item = strtok_r(NULL, ",", &rest)) {
		char *verdict = strstr(item, " : ");
		*verdict = '\0';
		if (range_has(item + strspn(item, " "), packet->port)) {
			return strcmp(verdict + 3, "accept") == 0 ||
			       chain_takes(rules, verdict + 3 + strlen("goto "), packet);
		}
	}
	return strstr(rules, "add rule inet minato g7-out accept\n") != NULL;
}

static unsigned seed = 20261127;

static unsigned draw(unsigned below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16 & 0x7fff) % below;
}

static void draw_policy(struct str *out)
{
	static const char *const to[] = { "any",
					  "hub",
					  "net",
					  "tunnel",
					  "host",
					  "198.51.100.128/25",
					  "[192.0.2.0/24, \"2001:db8::/32\"]",
					  "[host, net, 203.0.113.5]" };
	static const char *const users[] = {
		"", "", USER("postfix"), USER("_apt"), USER("ghost"), USER("\"0\"")
	};
	static const char *const untils[] = { "", "", "", ", until: 2026-12-31",
					      ", until: 2026-11-01" };
	static const char *const defaults[] = { "accept", "accept", "drop", "reject" };
	const unsigned count = draw(5);
	str_add(out, count == 0 ? "outbound: {}\n" : "outbound:\n");
	for (unsigned i = 0; i < count; i++) {
		unsigned first = 1 + draw(5);
		str_printf(out, "  d%u: {port: %u-%u/tcp, for: x, owner: o, to: %s%s%s}\n", i,
			   first, first + draw(3), to[draw(8)], users[draw(6)], untils[draw(5)]);
	}
	str_printf(out, "defaults: {outbound: %s%s}\n", defaults[draw(4)],
		   draw(12) == 0 ? ", mode: observe" : "");
}

/* Each packet of a small world; `check` is asked for each. */
static void each_packet(void (*check)(const struct enforce_outgoing *packet, void *data),
			void *data)
{
	static const char *const targets[] = { "192.0.2.25",     "192.0.2.99",  "198.51.100.7",
					       "198.51.100.200", "203.0.113.5", "2001:db8::25",
					       "2001:db9::1" };
	static const uint32_t users[] = { 0, APT, POSTFIX, 1000 };
	static const char *const interfaces[] = { "eth0", "eth1", "wg0" };
	for (unsigned i = 0; i < 9 * 7 * 4 * 3; i++) {
		struct enforce_outgoing packet = { .protocol = PROTOCOL_TCP,
						   .port = (uint16_t)(1 + i % 9),
						   .interface = interfaces[i / 9 / 7 / 4],
						   .user_known = true,
						   .user = users[i / 9 / 7 % 4] };
		assert_int_equal(addr_parse(&packet.to, targets[i / 9 % 7]), 0);
		check(&packet, data);
	}
}

struct judged {
	const struct policy *policies; /* one, or before and after */
	const char *rules;
	bool frees_only, same;
	unsigned taken, refused;
};

static void tell(const struct judged *judged, const struct enforce_outgoing *packet)
{
	struct str text = STR_INIT(1 << 16);
	char to[ADDR_TEXT_BYTES];
	policy_print(&text, &judged->policies[0]);
	fail_msg("port %u to %s by %u through %s\n%s\n%s", packet->port,
		 addr_format(&packet->to, to), packet->user, packet->interface, str_text(&text),
		 judged->rules ?: "");
}

static void hold_rules_against_verdict(const struct enforce_outgoing *packet, void *data)
{
	struct judged *judged = data;
	const int verdict =
		enforce_decide_outgoing(&judged->policies[0], packet, &environment, NULL);
	const bool takes =
		!enforce_limits_outbound(&judged->policies[0]) || rules_take(judged->rules, packet);
	if (verdict != (takes ? ENFORCE_OPEN : ENFORCE_CLOSED)) {
		tell(judged, packet);
	}
	judged->taken += takes;
	judged->refused += !takes;
}

static void the_rules_do_what_the_verdicts_say(void **state)
{
	(void)state;
	struct judged judged = { 0 };
	for (unsigned round = 0; round < 300; round++) {
		struct str text = STR_INIT(1 << 16);
		draw_policy(&text);
		struct policy policy = policy_of(str_text(&text));
		struct str rules = rules_of(&policy);
		judged.policies = &policy;
		judged.rules = str_text(&rules);
		each_packet(hold_rules_against_verdict, &judged);
		str_deinit(&rules);
		str_deinit(&text);
		policy_deinit(&policy);
	}
	assert_true(judged.taken > 50000);
	assert_true(judged.refused > 50000);
}

static void hold_changes_against_verdicts(const struct enforce_outgoing *packet, void *data)
{
	struct judged *judged = data;
	const int before =
		enforce_decide_outgoing(&judged->policies[0], packet, &environment, NULL);
	const int after = enforce_decide_outgoing(&judged->policies[1], packet, &environment, NULL);
	if ((judged->frees_only && before == ENFORCE_OPEN && after != ENFORCE_OPEN) ||
	    (judged->same && before != after)) {
		tell(judged, packet);
	}
	judged->taken += judged->frees_only && before != after;
}

static void what_frees_only_never_closes(void **state)
{
	(void)state;
	struct judged judged = { 0 };
	for (unsigned round = 0; round < 400; round++) {
		struct policy policies[2];
		struct enforce_changes changes;
		for (unsigned side = 0; side < 2; side++) {
			struct str text = STR_INIT(1 << 16);
			draw_policy(&text);
			policies[side] = policy_of(str_text(&text));
			str_deinit(&text);
		}
		assert_int_equal(
			enforce_changes(&changes, &policies[0], &policies[1], &environment, NULL),
			0);
		judged.policies = policies;
		judged.frees_only = changes.frees_only;
		judged.same = !enforce_changes_any(&changes);
		each_packet(hold_changes_against_verdicts, &judged);
		enforce_changes_deinit(&changes);
		policy_deinit(&policies[0]);
		policy_deinit(&policies[1]);
	}
	assert_true(judged.taken > 1000); /* else nothing was tested */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_as_written_down),
		cmocka_unit_test(who_observes_or_names_nothing_limits_nothing),
		cmocka_unit_test(an_end_in_the_far_future_is_one_that_nft_takes),
		cmocka_unit_test(every_packet_has_its_verdict),
		cmocka_unit_test(where_the_default_refuses_only_what_is_declared_goes),
		cmocka_unit_test(changes_say_what_may_be_used_otherwise),
		cmocka_unit_test(the_rules_do_what_the_verdicts_say),
		cmocka_unit_test(what_frees_only_never_closes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
