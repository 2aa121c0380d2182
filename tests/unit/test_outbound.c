/* outbound: from a policy to rules for what this host connects to, to verdicts, to changes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "bpf/connect.h"
#include "check.h"
#include "enforce/enforce.h"
#include "golden.h"
#include "guard/guard.h"
#include "outbound_rules.h"
#include "parsed_policy.h"

enum { POSTFIX = 101, APT = 42 };

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
	str_add(&text, head);
	str_add(&text, more);
	struct policy policy = parsed_policy(str_text(&text));
	str_deinit(&text);
	return policy;
}

#define O(name, port, more) "  " name ": {port: " port ", for: test, owner: o" more "}\n"
#define USER(name) ", program: {user: " name "}"

static const char everything[] = "outbound:\n" O("updates", "[80/tcp, 443/tcp]", USER("_apt"))
	O("names", "[53/udp, 53/tcp]", ", to: [192.0.2.53, \"2001:db8::/32\", hub]")
		O("mail", "25/tcp", USER("postfix") ", until: 2026-12-31")
			O("proxy", "443/tcp", USER("\"0\"") ", to: [tunnel, net]") O(
				"wide", "5000-6000/tcp", "") O("inside", "4999/tcp", ", to: host")
				O("over", "70/tcp", ", until: 2026-11-01") O("ghost", "71/tcp",
									     USER("nobody-here"))
					O("smtps", "465/tcp",
					  ", program: {unit: postfix.service, user: postfix}")
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
	str_add(&outbound, strstr(str_text(&text), "add chain inet minato g7-out-refuse"));
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
	assert_non_null(strstr(str_text(&text), "-out-until-a { type nf_proto; flags timeout; "
						"elements = { ipv4 timeout 26697d0s, "));
	assert_non_null(strstr(str_text(&text), "-out-until-b { type nf_proto; flags timeout; "
						"elements = { ipv4 timeout 99999d0s, "));
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
		{ { "tcp", 80, "192.0.2.1", "lo", 7 }, ENFORCE_OPEN, NULL }, /* an own address */
		{ { "tcp", 465, "192.0.2.1", "lo", APT }, ENFORCE_CLOSED, NULL }, /* BPF */
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
		{ { "tcp", 465, "203.0.113.1", "eth0", APT }, ENFORCE_CLOSED, NULL },
		{ { "tcp", 465, "203.0.113.1", "eth0", POSTFIX }, ENFORCE_DEPENDS, "smtps" },
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
	static const char *const marks[] = { [ENFORCE_INBOUND] = "",
					     [ENFORCE_FORWARD] = " forwarded",
					     [ENFORCE_OUTBOUND] = " out" };
	struct policy a = policy_of(before);
	struct policy b = policy_of(after);
	struct enforce_changes changes;
	assert_int_equal(enforce_changes(&changes, &a, &b, &environment, NULL), 0);
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < changes.count; i++) {
		const struct enforce_change *c = &changes.items[i];
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %s: %s -> %s; ",
					 enforce_change_name(c->kind), marks[c->direction],
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
#define IN "ports:\n  ssh: {port: 22/tcp, for: x, owner: o, from: hub}\n"
#define FORWARD "forward:\n  f: {for: x, owner: o, from: hub}\n"

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
		{ ONE(USER("postfix")), ONE(", program: {unit: a, user: postfix}"),
		  "narrowed out 25/tcp: any (user postfix) -> any (user postfix, unit a); ",
		  false },
		{ ONE(", program: {executable: /a}"), ONE(", program: {executable: /b}"),
		  "altered out 25/tcp: any (executable /a) -> any (executable /b); ", false },
		{ ONE(", to: hub") DROP, "ports: {}\n" DROP, "shut out 25/tcp: hub -> nobody; ",
		  false },
		{ ONE(", to: hub"), ONE(", to: host"), "shut out 25/tcp: hub -> nobody; ", false },
		{ ONE(", to: hub"), ONE(", to: hub") "defaults: {mode: observe}\n",
		  "widened out 25/tcp: hub -> any; ", true },
		{ ONE("") O("b", "25/tcp", USER("_apt")), ONE(""), "", true },
		{ "ports: {}\n", IN ONE(", to: hub") FORWARD,
		  "opened 22/tcp: nobody -> hub; narrowed forwarded all: any -> hub to any; "
		  "narrowed out 25/tcp: any -> hub; ",
		  false },
		{ IN ONE(", to: hub") FORWARD DROP, IN ONE(", to: hub") DROP,
		  "widened forwarded all: hub to any -> any; ", true },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool frees = false;
		const char *text = changes_text(cases[i].before, cases[i].after, &frees);
		if (strcmp(text, cases[i].text) != 0 || frees != cases[i].frees) {
			fail_msg("case %zu: frees %d: %s", i, frees, text);
		}
	}
}

/* A layer leads to the base's chain for what goes out: that has to be there, and the same. */
static void what_goes_out_is_never_changed_by_a_layer(void **state)
{
	(void)state;
#define SSH "ports:\n  ssh: {port: 22/tcp, for: x, owner: o, from: any}\n"
	static const struct {
		const char *before, *after;
		int result;
	} cases[] = {
		{ "ports: {}\n" ONE(", to: hub"), SSH ONE(", to: hub"), 0 },
		{ "ports: {}\n" ONE(", to: hub"), SSH ONE(", to: net"), ENFORCE_WHOLE },
		{ "ports: {}\n", SSH ONE(""), ENFORCE_WHOLE },
		{ "ports: {}\n" ONE(""), SSH, ENFORCE_WHOLE },
		{ "ports: {}\n" ONE(", to: hub") FORWARD, SSH ONE(", to: hub") FORWARD,
		  ENFORCE_WHOLE },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str text = STR_INIT(1 << 16);
		struct policy before = policy_of(cases[i].before);
		struct policy after = policy_of(cases[i].after);
		struct enforce_changes changes;
		assert_int_equal(enforce_changes(&changes, &before, &after, &environment, NULL), 0);
		assert_int_equal(
			enforce_layer(&text, &before, &after, &changes, 8, 7, &environment, NULL),
			cases[i].result);
		str_deinit(&text);
		enforce_changes_deinit(&changes);
		policy_deinit(&before);
		policy_deinit(&after);
	}
}

/* ---- the rules' text against the verdicts ---- */

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
	const struct connect_set *set; /* NULL = no port is kept for programs */
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

/* ---- ports that are kept for programs ---- */

static const struct guard_environment host = { .user = NULL };

static int user_here(void *context, uint32_t *uid, const char *name)
{
	(void)context;
	return find_user(uid, name);
}

static int file_here(void *context, struct guard_file *out, const char *path)
{
	(void)context;
	out->device = 8 << 20 | 1;
	(void)str_copy(out->path, sizeof(out->path), path);
	return strncmp(path, "/gone/", 6) == 0 ? -ENOENT : 0;
}

static int container_here(void *context, char id[GUARD_ID_BYTES], const char *name)
{
	(void)context;
	(void)snprintf(id, GUARD_ID_BYTES, "id-of-%s", name);
	return strcmp(name, "gone") == 0 ? -ENOENT : 0;
}

static bool own_network_here(void *context, const char *id)
{
	(void)context;
	return strcmp(id, "id-of-bridged") == 0;
}

static struct guard_connect connect_of(const struct policy *policy)
{
	const struct guard_days days = { .day_end = day_end, .boot = 1000 };
	struct guard_environment here = host;
	struct guard_connect connect;
	here.user = user_here;
	here.executable = file_here;
	here.now = environment.now;
	here.netns_cookie = 5;
	here.container = container_here;
	here.own_network = own_network_here;
	assert_int_equal(guard_connect_compile(&connect, policy, &days, &here, NULL), 0);
	return connect;
}

static const struct connect_rule *rule_of(const struct connect_set *set, unsigned protocol,
					  uint16_t port, unsigned number)
{
	const uint16_t rule = set->ports[protocol << 16 | port].rules[number];
	return rule == 0 ? NULL : &set->rules[rule];
}

static void a_set_says_who_may_connect_where_until_when(void **state)
{
	(void)state;
	struct policy policy = policy_of(
		"outbound:\n" O(
			"mail", "[25/tcp, 25/udp]",
			", program: {unit: mail.service, user: postfix}, to: [192.0.2.0/25, hub]"
			", until: 2026-12-31") O("all", "20-30/tcp", USER("_apt"))
			O("free", "26/tcp", "") O("over", "25/tcp", ", until: 2026-11-01")
				O("exe", "443/tcp", ", program: {executable: /usr/bin/x}")
					O("gone", "444/tcp",
					  ", program: {executable: /gone/x, user: _apt}"));
	struct guard_connect connect = connect_of(&policy);
	const struct connect_rule *mail = rule_of(connect.set, GUARD_TCP, 25, 0);
	assert_int_equal(connect.ports, 4);
	assert_ptr_equal(mail, rule_of(connect.set, GUARD_UDP, 25, 0));
	assert_int_equal(mail->who.flags, GUARD_RULE_UNIT | GUARD_RULE_USER);
	assert_int_equal(mail->who.user, POSTFIX);
	assert_string_equal((const char *)mail->who.name, "mail.service");
	assert_int_equal(mail->flags, 0);
	assert_int_equal(mail->network_count, 3);
	static const uint8_t network[16] = { [10] = 0xff, 0xff, 192, 0, 2, 0 };
	static const uint8_t mask[16] = { 255, 255, 255, 255, 255, 255, 255, 255,
					  255, 255, 255, 255, 255, 255, 255, 128 };
	assert_memory_equal(mail->networks[0].address, network, 16);
	assert_memory_equal(mail->networks[0].mask, mask, 16);
	assert_int_equal(mail->ends_ns, (34 * USEC_PER_DAY + 1000) * 1000);
	assert_int_equal(rule_of(connect.set, GUARD_TCP, 25, 1)->flags, CONNECT_ANYWHERE);
	assert_int_equal(rule_of(connect.set, GUARD_TCP, 25, 1)->who.user, APT);
	assert_int_equal(rule_of(connect.set, GUARD_TCP, 25, 2)->flags,
			 CONNECT_NOBODY | CONNECT_ANYWHERE | CONNECT_ANYBODY);
	assert_null(rule_of(connect.set, GUARD_TCP, 25, 3));
	assert_null(rule_of(connect.set, GUARD_TCP, 26, 0)); /* kept for no program */
	assert_int_equal(rule_of(connect.set, GUARD_TCP, 444, 0)->flags,
			 CONNECT_NOBODY | CONNECT_ANYWHERE);
	assert_int_equal(connect.notes.count, 2);
	assert_int_equal(connect.notes.items[0].kind, GUARD_NOTE_WEAK);
	assert_int_equal(connect.notes.items[1].kind, GUARD_NOTE_NO_EXECUTABLE);
	guard_connect_deinit(&connect);
	policy_deinit(&policy);
}

static void a_container_is_told_by_its_id_in_the_hosts_own_network(void **state)
{
	(void)state;
	struct policy policy =
		policy_of("outbound:\n" O("a", "25/tcp", ", program: {container: web}")
				  O("b", "26/tcp", ", program: {container: gone}")
					  O("c", "27/tcp", ", program: {container: bridged}"));
	struct guard_connect connect = connect_of(&policy);
	const struct connect_rule *web = rule_of(connect.set, GUARD_TCP, 25, 0);
	assert_int_equal(web->who.flags, GUARD_RULE_CONTAINER);
	assert_string_equal((const char *)web->who.name, "id-of-web");
	assert_int_equal(rule_of(connect.set, GUARD_TCP, 26, 0)->flags & CONNECT_NOBODY,
			 CONNECT_NOBODY);
	assert_int_equal(connect.notes.count, 2);
	assert_int_equal(connect.notes.items[0].kind, GUARD_NOTE_NO_CONTAINER);
	assert_int_equal(connect.notes.items[1].kind, GUARD_NOTE_OWN_NETWORK);
	guard_connect_deinit(&connect);
	policy_deinit(&policy);
}

static void sets_are_compared_by_what_they_decide(void **state)
{
	(void)state;
	static const char base[] =
		"outbound:\n" O("a", "25/tcp", ", program: {unit: a.service}, until: 2026-12-31");
	static const struct {
		const char *text;
		bool alike;
	} cases[] = {
		{ "outbound:\n" O("renamed", "25/tcp",
				  ", program: {unit: a.service}, until: 2026-12-31"),
		  true },
		{ "outbound:\n" O("a", "25/tcp", ", program: {unit: b.service}, until: 2026-12-31"),
		  false },
		{ "outbound:\n" O("a", "26/tcp", ", program: {unit: a.service}, until: 2026-12-31"),
		  false },
		{ "outbound:\n" O("a", "25/tcp", ", program: {unit: a.service}, until: 2026-12-30"),
		  false },
		{ "outbound:\n" O("a", "25/tcp", ", program: {unit: a.service}"), false },
		{ "outbound:\n" O("a", "25/tcp",
				  ", program: {unit: a.service}, until: 2026-12-31, to: hub"),
		  false },
	};
	struct policy policy = policy_of(base);
	struct guard_connect standing = connect_of(&policy);
	/* What it has seen, and when it was made, decide nothing; a clock is set right by seconds.
	 */
	standing.set->head.made = 77;
	standing.set->rules[1].brief.seen_cgroup = 7;
	standing.set->rules[1].ends_ns += 1000000000;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct policy other = policy_of(cases[i].text);
		struct guard_connect connect = connect_of(&other);
		assert_int_equal(guard_connect_alike(standing.set, connect.set), cases[i].alike);
		connect.set->head.enforce = 0;
		assert_false(guard_connect_alike(standing.set, connect.set));
		guard_connect_deinit(&connect);
		policy_deinit(&other);
	}
	guard_connect_deinit(&standing);
	policy_deinit(&policy);
}

/* ---- users who are others by now ---- */

/* "postfix 7>101", "_apt ->42": who, then and now. */
static void assert_stale(const struct policy *policy, const char *listing, const char *expected)
{
	struct enforce_stale_users users;
	struct str text = STR_INIT(1000);
	assert_int_equal(enforce_stale_users(&users, policy, listing, &environment), 0);
	for (size_t i = 0; i < users.count; i++) {
		const struct enforce_stale_user *user = &users.items[i];
		str_printf(&text, "%s%s ", text.length > 0 ? ", " : "",
			   user->declaration->program.user);
		if (user->was_known) {
			str_printf(&text, "%u", user->was);
		}
		str_add_char(&text, '>');
		if (user->is_known) {
			str_printf(&text, "%u", user->is);
		}
	}
	assert_string_equal(str_text(&text), expected);
	str_deinit(&text);
	vec_free(&users);
}

static void a_user_with_another_number_is_stale(void **state)
{
	(void)state;
	struct policy policy = policy_of(
		"outbound:\n" O("mail", "25/tcp", USER("postfix")) O("more", "587/tcp",
								     USER("postfix"))
			O("apt", "80/tcp", USER("_apt") ", to: hub") O("ghost", "81/tcp",
								       USER("ghost"))
				O("old", "82/tcp", USER("_apt") ", until: 2026-11-01")
					O("one", "83/tcp", USER("\"7\"")) O("free", "84/tcp", ""));
	static const struct {
		const char *listing, *stale;
	} cases[] = {
		{ "meta skuid 101 accept comment \"mail\"\n"
		  "meta skuid 42 ip daddr @x accept comment \"apt\"\n"
		  "meta skuid 7 accept comment \"one\"\n",
		  "" },
		/* postfix was made anew, _apt was not there, ghost was. */
		{ "\t\tmeta skuid 105 accept comment \"more\"\n"
		  "\t\tmeta skuid 77 accept comment \"ghost\"\n"
		  "\t\tmeta skuid 7 accept comment \"one\"",
		  "postfix 105>101, _apt >42, ghost 77>" },
		{ "meta skuid x accept comment \"mail\"\nmeta skuid 9 accept comment \"nobody\"\n"
		  "accept comment \"mail\"\nmeta skuid 8 accept comment \"mail",
		  "postfix >101, _apt >42, 7 >7" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_stale(&policy, cases[i].listing, cases[i].stale);
	}
	/* What is written is read: nothing is stale just then, but for ghosts. */
	struct str rules = rules_of(&policy);
	assert_stale(&policy, str_text(&rules), "");
	str_deinit(&rules);
	policy_deinit(&policy);
}

static void who_is_declared_is_said_in_words(void **state)
{
	(void)state;
	struct policy policy =
		policy_of("outbound:\n" O("a", "20-25/tcp",
					  ", program: {unit: a.service}, to: [192.0.2.0/25, hub]")
				  O("b", "25/tcp", USER("_apt")) O("c", "25/tcp", ", to: 192.0.2.7")
					  O("d", "25/udp", ""));
	struct str text = STR_INIT(1000);
	guard_outbound_format(&text, &policy, PROTOCOL_TCP, 25);
	assert_string_equal(str_text(&text), "unit: a.service to 192.0.2.0/25, hub | user: _apt | "
					     "anybody to 192.0.2.7");
	str_clear(&text);
	guard_outbound_format(&text, &policy, PROTOCOL_TCP, 26);
	assert_string_equal(str_text(&text), "");
	str_deinit(&text);
	policy_deinit(&policy);
}

static void more_declarations_than_a_set_holds_are_refused(void **state)
{
	(void)state;
	struct str text = STR_INIT(1 << 20);
	str_add(&text, "outbound:\n");
	for (unsigned i = 0; i < CONNECT_RULES_MAX; i++) {
		str_printf(&text, "  d%u: {port: %u/tcp, for: x, owner: o, program: {unit: u%u}}\n",
			   i, i + 1, i);
	}
	struct policy policy = policy_of(str_text(&text));
	const struct guard_days days = { .day_end = day_end };
	struct guard_connect connect;
	struct err e = ERR_INIT;
	assert_int_equal(guard_connect_compile(&connect, &policy, &days, &host, &e), -E2BIG);
	assert_non_null(strstr(err_text(&e), "511"));
	str_deinit(&text);
	policy_deinit(&policy);
}

/* As bpf/connect_guard.bpf.c compares, but for the names of executables. */
static bool rule_lets(const struct connect_rule *rule, const struct enforce_outgoing *packet)
{
	const bool four = packet->to.family == ADDR_IPV4;
	uint8_t bytes[16] = { [10] = four ? 0xff : 0, [11] = four ? 0xff : 0 };
	uint32_t to[4];
	memcpy(bytes + (four ? 12 : 0), packet->to.bytes, four ? 4 : 16);
	memcpy(to, bytes, sizeof(to));
	bool there = (rule->flags & CONNECT_ANYWHERE) != 0;
	for (uint32_t i = 0; i < rule->network_count && !there; i++) {
		there = true;
		for (unsigned word = 0; word < 4; word++) {
			there = there && (to[word] & rule->networks[i].mask[word]) ==
						 rule->networks[i].address[word];
		}
	}
	const bool unit =
		(rule->who.flags & GUARD_RULE_UNIT) == 0 ||
		(packet->unit != NULL && strcmp(packet->unit, (const char *)rule->who.name) == 0);
	const bool user =
		(rule->who.flags & GUARD_RULE_USER) == 0 || rule->who.user == packet->user;
	return there && (rule->flags & CONNECT_NOBODY) == 0 &&
	       ((rule->flags & CONNECT_ANYBODY) != 0 || (unit && user));
}

static bool set_lets(const struct connect_set *set, const struct enforce_outgoing *packet)
{
	bool kept = false;
	for (unsigned i = 0; i < CONNECT_PORT_RULES; i++) {
		const struct connect_rule *rule = rule_of(set, GUARD_TCP, packet->port, i);
		if (rule == NULL) {
			break;
		}
		kept = true;
		if (rule_lets(rule, packet)) {
			return true;
		}
	}
	return !kept;
}

static void hold_both_against_verdict(const struct enforce_outgoing *packet, void *data)
{
	static const char *const units[] = { NULL, "a.service", "b.service" };
	struct judged *judged = data;
	for (unsigned i = 0; i < 3; i++) {
		struct enforce_outgoing from = *packet;
		from.program_known = true;
		from.unit = units[i];
		const int verdict =
			enforce_decide_outgoing(&judged->policies[0], &from, &environment, NULL);
		const bool goes =
			!enforce_limits_outbound(&judged->policies[0]) ||
			(rules_take(judged->rules, &from) && set_lets(judged->set, &from));
		if (verdict != (goes ? ENFORCE_OPEN : ENFORCE_CLOSED)) {
			tell(judged, &from);
		}
		judged->taken += goes;
		judged->refused += !goes;
	}
}

static void draw_programs(struct str *out)
{
	static const char *const to[] = { "any", "hub", "host", "198.51.100.128/25",
					  "[192.0.2.0/24, \"2001:db8::/32\"]" };
	static const char *const programs[] = { "",
						USER("postfix"),
						USER("ghost"),
						", program: {unit: a.service}",
						", program: {unit: b.service}",
						", program: {unit: a.service, user: _apt}",
						", program: {unit: b.service, user: \"0\"}" };
	const unsigned count = 1 + draw(4);
	str_add(out, "outbound:\n");
	for (unsigned i = 0; i < count; i++) {
		unsigned first = 1 + draw(5);
		str_printf(out, "  d%u: {port: %u-%u/tcp, for: x, owner: o, to: %s%s%s}\n", i,
			   first, first + draw(3), to[draw(5)], programs[draw(7)],
			   draw(6) == 0 ? ", until: 2026-11-01" : "");
	}
	str_printf(out, "defaults: {outbound: %s}\n", draw(3) == 0 ? "drop" : "accept");
}

/* Neither alone is enough: the packet filter does not know units, BPF does not know the rest. */
static void rules_and_set_together_do_what_the_verdicts_say(void **state)
{
	(void)state;
	struct judged judged = { 0 };
	for (unsigned round = 0; round < 150; round++) {
		struct str text = STR_INIT(1 << 16);
		draw_programs(&text);
		struct policy policy = policy_of(str_text(&text));
		struct str rules = rules_of(&policy);
		struct guard_connect connect = connect_of(&policy);
		judged.policies = &policy;
		judged.rules = str_text(&rules);
		judged.set = connect.set;
		each_packet(hold_both_against_verdict, &judged);
		guard_connect_deinit(&connect);
		str_deinit(&rules);
		str_deinit(&text);
		policy_deinit(&policy);
	}
	assert_true(judged.taken > 50000);
	assert_true(judged.refused > 50000);
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
		cmocka_unit_test(what_goes_out_is_never_changed_by_a_layer),
		cmocka_unit_test(the_rules_do_what_the_verdicts_say),
		cmocka_unit_test(what_frees_only_never_closes),
		cmocka_unit_test(a_set_says_who_may_connect_where_until_when),
		cmocka_unit_test(a_container_is_told_by_its_id_in_the_hosts_own_network),
		cmocka_unit_test(sets_are_compared_by_what_they_decide),
		cmocka_unit_test(a_user_with_another_number_is_stale),
		cmocka_unit_test(who_is_declared_is_said_in_words),
		cmocka_unit_test(more_declarations_than_a_set_holds_are_refused),
		cmocka_unit_test(rules_and_set_together_do_what_the_verdicts_say),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
