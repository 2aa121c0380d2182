/* defend: what is done about who scans, and what forged packets cannot bring about. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <utmpx.h>

#include "check.h"
#include "defend/defend.h"
#include "parsed_policy.h"
#include "temporary.h"

static const usec_t BOOT = 5000 * USEC_PER_SEC;       /* now, since boot */
static const usec_t WALL = 1795311825 * USEC_PER_SEC; /* now, by the wall clock */

static const char declared[] = "minato: 1\n"
			       "who:\n"
			       "  office: {address: [198.51.100.0/24, \"2001:db8:10::/48\"]}\n"
			       "ports:\n"
			       "  ssh: {port: 22/tcp, for: a, owner: b, from: office}\n"
			       "  web: {port: 443/tcp, for: a, owner: b, from: any}\n"
			       "  odd: {port: 8443/tcp, for: a, owner: b, from: 0.0.0.0/0}\n"
			       "  trap: {port: 23/tcp, for: decoy, owner: b, from: any}\n"
			       "never_cut: 203.0.113.5\n"
			       "defend:\n"
			       "  mode: enforce\n"
			       "  decoys: 23/tcp\n"
			       "  never: [203.0.113.64/28]\n"
			       "  actions: {scan: ban, slow: slow, sweep: hide, distributed: ban,\n"
			       "    trap: ban, decoy: alert, flood: alert}\n";

static struct addr address(const char *text)
{
	struct addr out = { 0 };
	assert_int_equal(addr_parse(&out, text), 0);
	return out;
}

static struct prefix network(const char *text)
{
	struct prefix out = { 0 };
	assert_int_equal(prefix_parse(&out, text), 0);
	return out;
}

/* One host: its policy, its people, and who is kept out. */
struct host {
	struct policy policy;
	struct defend_facts facts;
	struct defend_table table;
	usec_t now, wall;
	bool flood;
	uint64_t incidents;
};

static void know(struct host *host, const char *who, enum defend_fact_kind kind)
{
	const struct addr known = address(who);
	assert_int_equal(defend_facts_add(&host->facts, &known, kind, host->now), 0);
}

static void host_init_with(struct host *host, const char *policy)
{
	*host = (struct host){ .policy = parsed_policy(policy), .now = BOOT, .wall = WALL };
	defend_facts_begin(&host->facts, host->now);
	know(host, "192.0.2.10", DEFEND_OWN);
	know(host, "2001:db8::10", DEFEND_OWN);
	know(host, "192.0.2.1", DEFEND_GATEWAY);
	know(host, "fe80::1", DEFEND_GATEWAY);
	know(host, "192.0.2.53", DEFEND_DNS);
	know(host, "203.0.113.200", DEFEND_ADMIN);
	know(host, "198.51.100.7", DEFEND_CLIENT);
	host->facts.complete = true;
}

static void host_init(struct host *host)
{
	host_init_with(host, declared);
}

static void host_deinit(struct host *host)
{
	policy_deinit(&host->policy);
	defend_facts_deinit(&host->facts);
	defend_table_deinit(&host->table);
}

static struct incident scan(struct host *host, const char *kind, const char *source)
{
	struct incident incident = { .id = ++host->incidents,
				     .source = network(source),
				     .source_count = 1,
				     .port_count = 12,
				     .packet_count = 30,
				     .first = host->wall - 5 * USEC_PER_SEC,
				     .last = host->wall,
				     .lasted = 5 * USEC_PER_SEC,
				     .probe = "syn",
				     .tool = "nmap",
				     .ports = { 21, 22, 23, 25, 80, 110, 111, 139 } };
	(void)str_copy(incident.kind, sizeof(incident.kind), kind);
	return incident;
}

static int decide_about(struct host *host, struct defend_ban *ban, const struct incident *incident,
			const struct prefix *target)
{
	const struct defend_question question = { .policy = &host->policy,
						  .facts = &host->facts,
						  .table = &host->table,
						  .incident = incident,
						  .port = 23,
						  .target = *target,
						  .flood = host->flood,
						  .now = host->now,
						  .wall = host->wall };
	return defend_decide(ban, &question);
}

/* Decides and does it, as the keeper does. @return enum defend_why, 0 = it is kept out. */
static int meet(struct host *host, const char *kind, const char *source)
{
	const struct incident incident = scan(host, kind, source);
	struct defend_ban ban = { 0 };
	const int why = decide_about(host, &ban, &incident, &incident.source);
	if (why == 0) {
		defend_table_count(&host->table, &ban, host->now);
		assert_int_equal(defend_table_put(&host->table, &ban), 0);
	}
	return why;
}

static const struct defend_ban *kept_out(const struct host *host, const char *who)
{
	const struct addr wanted = address(who);
	return defend_table_covers(&host->table, &wanted);
}

static void go_on(struct host *host, usec_t span)
{
	host->now += span;
	host->wall += span;
	const struct defend_ban *over;
	while ((over = defend_table_ended(&host->table, host->now)) != NULL) {
		const struct prefix prefix = over->prefix;
		assert_int_equal(defend_table_remove(&host->table, &prefix, host->wall, NULL), 0);
	}
}

/* ---- one incident ---- */

static void each_case_has_its_answer(void **state)
{
	(void)state;
	static const struct {
		const char *kind, *source;
		int why;
		unsigned verdict;
		const char *trapped; /* completed a connection to the decoy */
	} cases[] = {
		/* Nothing proves it: hidden from, whatever the policy wants. */
		{ "scan", "203.0.113.9", 0, DEFEND_HIDE, NULL },
		{ "slow", "203.0.113.9", 0, DEFEND_HIDE, NULL },
		{ "distributed", "203.0.113.9", 0, DEFEND_HIDE, NULL },
		{ "scan", "2001:db8:99::/64", 0, DEFEND_HIDE, NULL },
		{ "scan", "203.0.113.9", 0, DEFEND_HIDE, "203.0.113.10" },
		/* Proved. */
		{ "scan", "203.0.113.9", 0, DEFEND_BAN, "203.0.113.9" },
		{ "slow", "203.0.113.9", 0, DEFEND_SLOW, "203.0.113.9" },
		{ "sweep", "203.0.113.9", 0, DEFEND_HIDE, "203.0.113.9" },
		{ "scan", "2001:db8:99::/64", 0, DEFEND_BAN, "2001:db8:99::1:2" },
		/* What one of a /24 proves it proves for itself. */
		{ "scan", "203.0.114.0/24", 0, DEFEND_HIDE, "203.0.114.9" },
		/* Forged by their nature. */
		{ "decoy", "203.0.113.9", DEFEND_WHY_FORGED, 0, "203.0.113.9" },
		{ "flood", "203.0.113.9", DEFEND_WHY_FORGED, 0, "203.0.113.9" },
		{ "unheard", "203.0.113.9", DEFEND_WHY_RECORDED, 0, "203.0.113.9" },
		/* Never, proved or not. */
		{ "scan", "192.0.2.10", DEFEND_WHY_OWN, 0, "192.0.2.10" },
		{ "scan", "2001:db8::10", DEFEND_WHY_OWN, 0, "2001:db8::10" },
		{ "scan", "2001:db8::/64", DEFEND_WHY_OWN, 0, NULL },
		{ "scan", "192.0.2.1", DEFEND_WHY_GATEWAY, 0, "192.0.2.1" },
		{ "scan", "fe80::1", DEFEND_WHY_GATEWAY, 0, NULL },
		{ "scan", "192.0.2.53", DEFEND_WHY_DNS, 0, "192.0.2.53" },
		{ "scan", "203.0.113.200", DEFEND_WHY_ADMIN, 0, "203.0.113.200" },
		{ "scan", "203.0.113.5", DEFEND_WHY_NEVER, 0, "203.0.113.5" },
		{ "scan", "203.0.113.70", DEFEND_WHY_NEVER, 0, "203.0.113.70" },
		{ "scan", "198.51.100.7", DEFEND_WHY_CLIENT, 0, "198.51.100.7" },
		{ "scan", "198.51.100.0/24", DEFEND_WHY_CLIENT, 0, NULL },
		/* Whom the policy names and who was not here: never more than hidden from. */
		{ "scan", "198.51.100.8", 0, DEFEND_HIDE, "198.51.100.8" },
		/* Nobody's. */
		{ "scan", "0.0.0.0", DEFEND_WHY_NOBODY, 0, NULL },
		{ "scan", "127.0.0.1", DEFEND_WHY_NOBODY, 0, NULL },
		{ "scan", "224.0.0.1", DEFEND_WHY_NOBODY, 0, NULL },
		{ "scan", "255.255.255.255", DEFEND_WHY_NOBODY, 0, NULL },
		{ "scan", "ff02::1", DEFEND_WHY_NOBODY, 0, NULL },
		{ "scan", "::1", DEFEND_WHY_NOBODY, 0, NULL },
		/* IPv4 in the clothes of IPv6: the kernel has one table for both. */
		{ "scan", "::ffff:192.0.2.1", DEFEND_WHY_NOBODY, 0, "192.0.2.1" },
		{ "scan", "::ffff:203.0.113.9", DEFEND_WHY_NOBODY, 0, "203.0.113.9" },
		{ "scan", "::ffff:0:0/96", DEFEND_WHY_NOBODY, 0, NULL },
		{ "scan", "::/80", DEFEND_WHY_NOBODY, 0, NULL },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct host host;
		struct defend_ban ban = { 0 };
		host_init(&host);
		if (cases[i].trapped != NULL) {
			know(&host, cases[i].trapped, DEFEND_TRAPPED);
		}
		const struct incident incident = scan(&host, cases[i].kind, cases[i].source);
		const int why = decide_about(&host, &ban, &incident, &incident.source);
		if (why != cases[i].why || ban.verdict != cases[i].verdict) {
			fail_msg("case %zu (%s by %s): %d %s, verdict %u", i, cases[i].kind,
				 cases[i].source, why, defend_why_text(why), ban.verdict);
		}
		if (why == 0) {
			assert_true(ban.until > host.now && ban.reason[0] != '\0' &&
				    ban.evidence[0] != '\0');
			assert_true(ban.proved || ban.until - host.now <= USEC_PER_HOUR);
		}
		host_deinit(&host);
	}
}

static void nothing_is_done_unless_the_policy_says_so(void **state)
{
	(void)state;
	static const char *const policies[] = {
		"minato: 1\n",
		"minato: 1\ndefend: {actions: {scan: hide}}\n",
		"minato: 1\ndefend: {mode: \"off\", actions: {scan: hide}}\n",
		"minato: 1\ndefend: {mode: enforce}\n",
		"minato: 1\ndefend: {mode: enforce, actions: {scan: alert}}\n",
		"minato: 1\ndefend: {mode: enforce, actions: {slow: hide, trap: hide}}\n",
	};
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		struct host host;
		host_init_with(&host, policies[i]);
		const int why = meet(&host, "scan", "203.0.113.9");
		assert_true(why == DEFEND_WHY_OFF || why == DEFEND_WHY_RECORDED);
		host_deinit(&host);
	}
}

static void who_does_not_know_the_own_people_keeps_nobody_out(void **state)
{
	(void)state;
	struct host host;
	host_init(&host);
	host.facts.complete = false;
	assert_int_equal(meet(&host, "scan", "203.0.113.9"), DEFEND_WHY_BLIND);
	host_deinit(&host);
}

static void a_connection_to_a_decoy_is_enough_where_the_policy_says_so(void **state)
{
	(void)state;
	struct host host;
	struct defend_ban ban = { 0 };
	host_init(&host);
	const struct prefix visitor = network("203.0.113.9");
	const struct prefix client = network("198.51.100.7");
	assert_int_equal(decide_about(&host, &ban, NULL, &visitor), 0);
	assert_int_equal(ban.verdict, DEFEND_BAN);
	assert_string_equal(ban.shape, "trap");
	assert_int_equal(ban.until - host.now, USEC_PER_HOUR);
	assert_int_equal(decide_about(&host, &ban, NULL, &client), DEFEND_WHY_CLIENT);
	assert_true(defend_is_decoy(&host.policy, 23));
	assert_false(defend_is_decoy(&host.policy, 22));
	host_deinit(&host);
}

static void the_second_address_of_a_site_stands_for_all_of_them(void **state)
{
	(void)state;
	static const struct {
		const char *first, *second;
		uint8_t bits;
	} cases[] = {
		{ "2001:db8:99::1", "2001:db8:99::2", 64 },
		{ "2001:db8:99::1", "2001:db8:99::1", 128 },   /* the same one again */
		{ "2001:db8:99::1", "2001:db8:99:1::1", 128 }, /* of another site */
		{ "2001:db8::77", "2001:db8::78", 128 },       /* this host's own */
		{ "2001:db8:10::1", "2001:db8:10::2", 128 },   /* the office's */
		{ "203.0.113.9", "203.0.113.10", 32 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct host host;
		host_init(&host);
		know(&host, cases[i].first, DEFEND_TRAPPED);
		know(&host, cases[i].second, DEFEND_TRAPPED);
		const struct addr second = address(cases[i].second);
		const struct prefix target = defend_trapped(&second, &host.policy, &host.facts);
		assert_int_equal(target.bits, cases[i].bits);
		assert_true(prefix_has(&target, &second));
		host_deinit(&host);
	}
}

static void what_was_proved_long_before_the_scan_proves_nothing(void **state)
{
	(void)state;
	struct host host;
	host_init(&host);
	know(&host, "203.0.113.9", DEFEND_TRAPPED);
	go_on(&host, 11 * USEC_PER_MIN);
	assert_int_equal(meet(&host, "scan", "203.0.113.9"), 0);
	assert_int_equal(kept_out(&host, "203.0.113.9")->verdict, DEFEND_HIDE);
	host_deinit(&host);
}

static void any_handshake_proves_only_where_the_policy_says_so(void **state)
{
	(void)state;
	static const char any_proof[] =
		"minato: 1\n"
		"ports: {web: {port: 443/tcp, for: a, owner: b, from: any}}\n"
		"defend: {mode: enforce, proof: handshake, actions: {scan: ban}}\n";
	struct host host;
	host_init(&host);
	know(&host, "203.0.113.9", DEFEND_SHAKEN);
	assert_int_equal(meet(&host, "scan", "203.0.113.9"), 0);
	assert_int_equal(kept_out(&host, "203.0.113.9")->verdict, DEFEND_HIDE);
	host_deinit(&host);

	host_init_with(&host, any_proof);
	know(&host, "203.0.113.9", DEFEND_SHAKEN);
	know(&host, "203.0.113.8", DEFEND_SHAKEN);
	know(&host, "203.0.113.8", DEFEND_LIVE); /* a visitor who is here now */
	assert_int_equal(meet(&host, "scan", "203.0.113.9"), 0);
	assert_int_equal(meet(&host, "scan", "203.0.113.8"), 0);
	assert_int_equal(kept_out(&host, "203.0.113.9")->verdict, DEFEND_BAN);
	assert_int_equal(kept_out(&host, "203.0.113.8")->verdict, DEFEND_HIDE);
	host_deinit(&host);
}

static void of_many_sources_the_named_ones_are_decided_about(void **state)
{
	(void)state;
	struct host host;
	struct prefix targets[DEFEND_TARGETS_MAX];
	host_init(&host);
	struct incident incident = scan(&host, "distributed", "203.0.113.9");
	assert_int_equal(defend_targets(targets, &incident), 1);
	incident.source = (struct prefix){ address("203.0.113.77"), 25 };
	assert_int_equal(defend_targets(targets, &incident), 1);
	const struct prefix half = network("203.0.113.0/25");
	assert_memory_equal(&targets[0], &half, sizeof(half));
	incident.source = (struct prefix){ 0 };
	incident.sources[0] = address("203.0.113.9");
	incident.sources[1] = address("2001:db8:99::1");
	assert_int_equal(defend_targets(targets, &incident), 2);
	assert_int_equal(targets[0].bits, 32);
	assert_int_equal(targets[1].bits, 128);
	host_deinit(&host);
}

/* ---- what stands already ---- */

static void a_ban_ends_when_it_may_not_stand_any_more(void **state)
{
	(void)state;
	static const char rest[] = "minato: 1\n"
				   "defend: {mode: enforce, actions: {scan: hide}}\n";
	static const struct {
		const char *policy, *prefix, *shape;
		unsigned verdict;
		bool by_hand, blind;
		int why;
	} cases[] = {
		{ declared, "203.0.113.9", "scan", DEFEND_BAN, false, false, 0 },
		{ declared, "203.0.113.9", "trap", DEFEND_BAN, false, false, 0 },
		{ declared, "203.0.113.9", "", DEFEND_BAN, true, false, 0 },
		/* The policy names him by now. */
		{ declared, "198.51.100.9", "scan", DEFEND_BAN, false, false, DEFEND_WHY_CLIENT },
		{ declared, "198.51.0.0/16", "scan", DEFEND_SLOW, false, false, DEFEND_WHY_CLIENT },
		{ declared, "198.51.100.9", "scan", DEFEND_HIDE, false, false, 0 },
		{ declared, "198.51.100.9", "", DEFEND_BAN, true, false, 0 },
		/* It wants nothing done any more, or not about that. */
		{ "minato: 1\n", "203.0.113.9", "scan", DEFEND_BAN, false, false, DEFEND_WHY_OFF },
		{ "minato: 1\ndefend: {mode: observe, actions: {scan: hide}}\n", "203.0.113.9",
		  "scan", DEFEND_HIDE, false, false, DEFEND_WHY_OFF },
		{ "minato: 1\n", "203.0.113.9", "", DEFEND_BAN, true, false, 0 },
		{ declared, "203.0.113.9", "flood", DEFEND_HIDE, false, false,
		  DEFEND_WHY_RECORDED },
		{ rest, "203.0.113.9", "trap", DEFEND_BAN, false, false, DEFEND_WHY_RECORDED },
		/* He turns out to be one of the own people. */
		{ declared, "192.0.2.1", "scan", DEFEND_HIDE, false, false, DEFEND_WHY_GATEWAY },
		{ declared, "192.0.2.1", "", DEFEND_HIDE, true, false, DEFEND_WHY_GATEWAY },
		{ declared, "203.0.113.5", "", DEFEND_BAN, true, false, DEFEND_WHY_NEVER },
		{ declared, "203.0.113.9", "scan", DEFEND_BAN, false, true, 0 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct host host;
		host_init_with(&host, cases[i].policy);
		host.facts.complete = !cases[i].blind;
		struct defend_ban ban = { .prefix = network(cases[i].prefix),
					  .verdict = (uint8_t)cases[i].verdict,
					  .by_hand = cases[i].by_hand,
					  .times = 1 };
		(void)str_copy(ban.shape, sizeof(ban.shape), cases[i].shape);
		const int why = defend_ends(&ban, &host.policy, &host.facts);
		if (why != cases[i].why) {
			fail_msg("case %zu (%s): %d %s", i, cases[i].prefix, why,
				 defend_why_text(why));
		}
		host_deinit(&host);
	}
}

/* The kernel looks for the narrowest one alone. */
static void the_narrow_one_is_held_as_strongly_as_the_wide_one(void **state)
{
	(void)state;
	static const struct {
		const char *prefix;
		unsigned verdict;
		usec_t until;
	} bans[] = {
		{ "203.0.113.9", DEFEND_HIDE, 100 },      { "203.0.113.0/24", DEFEND_SLOW, 50 },
		{ "203.0.112.0/23", DEFEND_SLOW, 200 },   { "203.0.0.0/16", DEFEND_BAN, 70 },
		{ "198.51.100.0/24", DEFEND_BAN, 100 },   { "198.51.0.0/16", DEFEND_HIDE, 900 },
		{ "2001:db8:9::/64", DEFEND_HIDE, 100 },  { "2001:db8::/32", DEFEND_BAN, 90 },
		{ "2001:db8:9::1", DEFEND_BAN, 30 },
	}, held[] = {
		{ "203.0.113.9", DEFEND_BAN, 70 },        { "203.0.113.0/24", DEFEND_BAN, 70 },
		{ "203.0.112.0/23", DEFEND_BAN, 70 },     { "203.0.0.0/16", DEFEND_BAN, 70 },
		{ "198.51.100.0/24", DEFEND_BAN, 100 },   { "198.51.0.0/16", DEFEND_HIDE, 900 },
		{ "2001:db8:9::/64", DEFEND_BAN, 90 },    { "2001:db8::/32", DEFEND_BAN, 90 },
		{ "2001:db8:9::1", DEFEND_BAN, 90 },
	};
	enum { COUNT = sizeof(bans) / sizeof(bans[0]) };
	struct defend_table table = { 0 };
	for (size_t i = 0; i < COUNT; i++) {
		const struct defend_ban ban = { .prefix = network(bans[i].prefix),
						.verdict = (uint8_t)bans[i].verdict,
						.until = bans[i].until };
		assert_int_equal(defend_table_put(&table, &ban), 0);
	}
	for (size_t i = 0; i < COUNT; i++) {
		const struct prefix prefix = network(held[i].prefix);
		const struct defend_ban ban =
			defend_table_held(&table, defend_table_find(&table, &prefix));
		if (ban.verdict != held[i].verdict || ban.until != held[i].until ||
		    ban.prefix.bits != prefix.bits) {
			fail_msg("%s: verdict %u until %lld", held[i].prefix, ban.verdict,
				 (long long)ban.until);
		}
	}
	defend_table_deinit(&table);
}

/* ---- time ---- */

static void who_comes_back_is_kept_out_twice_as_long_up_to_a_bound(void **state)
{
	(void)state;
	struct host host;
	host_init(&host);
	usec_t expected = USEC_PER_HOUR;
	for (unsigned visit = 1; visit <= 12; visit++) {
		know(&host, "203.0.113.9", DEFEND_TRAPPED);
		assert_int_equal(meet(&host, "scan", "203.0.113.9"), 0);
		const struct defend_ban *ban = kept_out(&host, "203.0.113.9");
		assert_int_equal(ban->times, visit);
		assert_int_equal(ban->until - host.now, expected);
		go_on(&host, expected + USEC_PER_MIN);
		expected = 2 * expected < 7 * USEC_PER_DAY ? 2 * expected : 7 * USEC_PER_DAY;
	}
	go_on(&host, 31 * USEC_PER_DAY); /* longer than memory: */
	know(&host, "203.0.113.9", DEFEND_TRAPPED);
	assert_int_equal(meet(&host, "scan", "203.0.113.9"), 0);
	assert_int_equal(kept_out(&host, "203.0.113.9")->times, 1);
	host_deinit(&host);
}

static void forged_packets_make_nobody_a_repeater(void **state)
{
	(void)state;
	struct host host;
	host_init(&host);
	for (unsigned visit = 0; visit < 20; visit++) {
		assert_int_equal(meet(&host, "scan", "203.0.113.9"), 0);
		assert_int_equal(kept_out(&host, "203.0.113.9")->until - host.now,
				 10 * USEC_PER_MIN);
		go_on(&host, 11 * USEC_PER_MIN);
	}
	assert_int_equal(host.table.past.count, 0);
	host_deinit(&host);
}

static void what_stands_gives_way_to_more_only(void **state)
{
	(void)state;
	struct host host;
	host_init(&host);
	assert_int_equal(meet(&host, "scan", "203.0.113.9"), 0);
	assert_int_equal(meet(&host, "scan", "203.0.113.9"), DEFEND_WHY_STANDS);
	know(&host, "203.0.113.9", DEFEND_TRAPPED);
	assert_int_equal(meet(&host, "scan", "203.0.113.9"), 0);
	assert_int_equal(kept_out(&host, "203.0.113.9")->verdict, DEFEND_BAN);
	assert_int_equal(host.table.bans.count, 1);
	assert_int_equal(meet(&host, "sweep", "203.0.113.9"), DEFEND_WHY_STANDS);
	assert_int_equal(kept_out(&host, "203.0.113.9")->verdict, DEFEND_BAN);
	/* It goes on: longer, and still the first time. */
	go_on(&host, 45 * USEC_PER_MIN);
	know(&host, "203.0.113.9", DEFEND_TRAPPED);
	assert_int_equal(meet(&host, "scan", "203.0.113.9"), 0);
	assert_int_equal(kept_out(&host, "203.0.113.9")->times, 1);
	assert_int_equal(kept_out(&host, "203.0.113.9")->until - host.now, USEC_PER_HOUR);
	/* A person's own stands whatever comes. */
	struct defend_ban by_hand = { .prefix = network("203.0.113.40"),
				      .verdict = DEFEND_HIDE,
				      .by_hand = true,
				      .times = 1,
				      .until = host.now + USEC_PER_DAY };
	assert_int_equal(defend_table_put(&host.table, &by_hand), 0);
	know(&host, "203.0.113.40", DEFEND_TRAPPED);
	assert_int_equal(meet(&host, "scan", "203.0.113.40"), DEFEND_WHY_STANDS);
	host_deinit(&host);
}

/* ---- what an attacker can forge ---- */

/* Everybody who matters is forged as a scanner, once with every kind, for an hour. */
static void forged_scans_cut_nobody_off(void **state)
{
	(void)state;
	static const char *const own[] = { "192.0.2.10",   "2001:db8::10",  "192.0.2.1",
					   "fe80::1",      "192.0.2.53",    "203.0.113.5",
					   "203.0.113.70", "203.0.113.200", "198.51.100.7" };
	static const char *const kinds[] = { "scan",        "slow",  "sweep",
					     "distributed", "decoy", "flood" };
	struct host host;
	host_init(&host);
	for (unsigned minute = 0; minute < 60; minute++) {
		for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
			for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
				assert_int_not_equal(meet(&host, kinds[k], own[i]), 0);
			}
			assert_null(kept_out(&host, own[i]));
		}
		/* A visitor of the web server, and a client who is not here just now. */
		(void)meet(&host, "scan", "203.0.113.99");
		(void)meet(&host, "scan", "198.51.100.8");
		(void)meet(&host, "scan", "198.51.100.0/24");
		go_on(&host, USEC_PER_MIN);
	}
	for (size_t i = 0; i < host.table.bans.count; i++) {
		assert_int_equal(host.table.bans.items[i].verdict, DEFEND_HIDE);
	}
	assert_null(kept_out(&host, "198.51.100.9"));
	host_deinit(&host);
}

static void a_hundred_thousand_forged_sources_fill_no_table(void **state)
{
	(void)state;
	struct host host;
	unsigned made = 0;
	host_init(&host);
	for (unsigned i = 0; i < 100000; i++) {
		char text[32];
		(void)snprintf(text, sizeof(text), "%u.%u.%u.%u", 11 + i % 100, i / 100 % 250,
			       i / 25000, 1 + i % 7);
		const int why = meet(&host, "scan", text);
		assert_true(why == 0 || why == DEFEND_WHY_RATE || why == DEFEND_WHY_FULL ||
			    why == DEFEND_WHY_STANDS);
		made += why == 0;
		if (i % 100 == 99) {
			go_on(&host, USEC_PER_SEC / 2); /* 500 s of it */
		}
	}
	assert_in_range(made, 30, 30 * 500 / 60 + 30); /* half of 60 a minute */
	assert_in_range(host.table.bans.count, 1, 30 * 500 / 60 + 30);
	/* One who is real is banned in the middle of it. */
	know(&host, "203.0.113.9", DEFEND_TRAPPED);
	assert_int_equal(meet(&host, "scan", "203.0.113.9"), 0);
	assert_int_equal(kept_out(&host, "203.0.113.9")->verdict, DEFEND_BAN);
	assert_null(kept_out(&host, "192.0.2.1"));
	assert_null(kept_out(&host, "198.51.100.7"));
	host_deinit(&host);
}

static void while_a_forged_flood_lasts_nobody_new_is_kept_out(void **state)
{
	(void)state;
	struct host host;
	host_init(&host);
	host.flood = true;
	know(&host, "203.0.113.9", DEFEND_TRAPPED);
	assert_int_equal(meet(&host, "scan", "203.0.113.9"), DEFEND_WHY_FLOOD);
	assert_int_equal(meet(&host, "scan", "203.0.113.10"), DEFEND_WHY_FLOOD);
	host.flood = false;
	assert_int_equal(meet(&host, "scan", "203.0.113.9"), 0);
	host_deinit(&host);
}

static void the_table_has_room_for_what_is_proved(void **state)
{
	(void)state;
	static const char small[] = "minato: 1\n"
				    "defend: {mode: enforce, proof: handshake, at_most: 10,\n"
				    "  per_minute: 600, hide: 1h, actions: {scan: ban}}\n";
	struct host host;
	unsigned hidden = 0;
	unsigned banned = 0;
	char text[32];
	host_init_with(&host, small);
	for (unsigned i = 0; i < 50; i++) {
		(void)snprintf(text, sizeof(text), "11.0.0.%u", 1 + i);
		hidden += meet(&host, "scan", text) == 0;
	}
	assert_int_equal(hidden, 5);
	for (unsigned i = 0; i < 50; i++) {
		(void)snprintf(text, sizeof(text), "12.0.0.%u", 1 + i);
		know(&host, text, DEFEND_SHAKEN);
		banned += meet(&host, "scan", text) == 0;
	}
	assert_int_equal(banned, 5);
	assert_int_equal(meet(&host, "scan", "12.0.1.1"), DEFEND_WHY_FULL);
	host_deinit(&host);
}

static void strangers_cannot_push_out_what_is_known_of_the_own_people(void **state)
{
	(void)state;
	struct host host;
	int r = 0;
	host_init(&host);
	for (uint32_t i = 0; i < DEFEND_FACTS_MAX; i++) {
		const uint8_t bytes[4] = { 20, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };
		const struct addr stranger = addr_from_ipv4(bytes);
		r = defend_facts_add(&host.facts, &stranger, DEFEND_SHAKEN, host.now);
		assert_true(r == 0 || r == -ENOSPC);
	}
	assert_int_equal(r, -ENOSPC);
	know(&host, "192.0.2.99", DEFEND_OWN);
	assert_int_equal(meet(&host, "scan", "192.0.2.99"), DEFEND_WHY_OWN);
	assert_int_equal(meet(&host, "scan", "192.0.2.1"), DEFEND_WHY_GATEWAY);
	host_deinit(&host);
}

/* ---- what is known ---- */

static void facts_are_forgotten_in_their_time(void **state)
{
	(void)state;
	static const struct {
		usec_t after;
		enum defend_fact_kind kind;
		bool known;
	} cases[] = {
		{ 0, DEFEND_OWN, false },  /* is read anew */
		{ 0, DEFEND_LIVE, false }, /* likewise */
		{ 9 * USEC_PER_MIN, DEFEND_SHAKEN, true },
		{ 10 * USEC_PER_MIN, DEFEND_SHAKEN, false },
		{ 59 * USEC_PER_MIN, DEFEND_TRAPPED, true },
		{ 60 * USEC_PER_MIN, DEFEND_TRAPPED, false },
		{ 23 * USEC_PER_HOUR, DEFEND_CLIENT, true },
		{ 24 * USEC_PER_HOUR, DEFEND_CLIENT, false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct defend_facts facts = { 0 };
		const struct addr who = address("203.0.113.9");
		const struct prefix prefix = network("203.0.113.9");
		assert_int_equal(defend_facts_add(&facts, &who, cases[i].kind, BOOT), 0);
		assert_int_equal(defend_facts_add(&facts, &who, cases[i].kind, BOOT), 0);
		assert_int_equal(facts.list.count, 1);
		defend_facts_begin(&facts, BOOT + cases[i].after);
		assert_false(facts.complete);
		assert_int_equal(defend_facts_have(&facts, &prefix, cases[i].kind, 0),
				 cases[i].known);
		defend_facts_deinit(&facts);
	}
}

static void a_client_is_whom_a_declaration_names(void **state)
{
	(void)state;
	static const struct {
		uint16_t port;
		const char *who;
		bool client;
	} cases[] = {
		{ 22, "198.51.100.7", true },
		{ 22, "::ffff:198.51.100.7", true },
		{ 22, "2001:db8:10::1", true },
		{ 22, "203.0.113.9", false },
		{ 443, "203.0.113.9", false }, /* any names nobody */
		{ 443, "198.51.100.7", false },
		{ 8443, "203.0.113.9", false }, /* half the world */
		{ 8080, "198.51.100.7", false },
		{ 8022, "203.0.113.9", true },  /* only whom an interface names got through */
		{ 8023, "203.0.113.9", false }, /* or anybody */
		{ 8024, "203.0.113.9", false }, /* or whom the rules only count */
	};
	struct policy policy = parsed_policy(
		"minato: 1\n"
		"who:\n"
		"  office: {address: [198.51.100.0/24, \"2001:db8:10::/48\"]}\n"
		"  vpn: {interface: wg0}\n"
		"ports:\n"
		"  ssh: {port: 22/tcp, for: a, owner: b, from: office}\n"
		"  web: {port: 443/tcp, for: a, owner: b, from: any}\n"
		"  odd: {port: 8443/tcp, for: a, owner: b, from: 0.0.0.0/0}\n"
		"  tunnel: {port: 8022/tcp, for: a, owner: b, from: vpn}\n"
		"  both: {port: 8023/tcp, for: a, owner: b, from: [vpn, \"::/0\"]}\n"
		"  soon: {port: 8024/tcp, for: a, owner: b, from: vpn, mode: observe}\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct addr who = address(cases[i].who);
		assert_int_equal(defend_is_client(&policy, cases[i].port, &who), cases[i].client);
	}
	policy_deinit(&policy);
}

static void what_the_policy_opens_is_never_hidden(void **state)
{
	(void)state;
	struct policy policy =
		parsed_policy("minato: 1\n"
			      "ports:\n"
			      "  web: {port: [80/tcp, 8000-8002/tcp, 53/udp, 9/sctp], for: a, "
			      "owner: b, from: any}\n"
			      "  last: {port: 65535/tcp, for: a, owner: b, from: host}\n");
	struct portset tcp = { 0 };
	struct portset udp = { 0 };
	defend_open_ports(&tcp, &udp, &policy);
	assert_int_equal(portset_count(&tcp), 5);
	assert_int_equal(portset_count(&udp), 1);
	assert_true(portset_has(&tcp, 8002) && portset_has(&tcp, 65535) && portset_has(&udp, 53));
	policy_deinit(&policy);
}

static void name_servers_are_read_as_the_resolver_reads_them(void **state)
{
	(void)state;
	struct defend_facts facts = { 0 };
	assert_int_equal(defend_resolvers_parse(&facts,
						"# comment\n"
						"search example.net\n"
						"nameserver 192.0.2.53\n"
						"nameserver\t2001:db8::53   # trailing\n"
						"  nameserver fe80::1%eth0\n"
						"nameserver 192.0.2.53\n"
						"nameserver what\n"
						"nameserver\n"
						"nameserver 192.0.2.54",
						BOOT),
			 0);
	assert_int_equal(facts.list.count, 4);
	const struct prefix last = network("192.0.2.54");
	assert_true(defend_facts_have(&facts, &last, DEFEND_DNS, 0));
	defend_facts_deinit(&facts);
}

/* A file below the directory, with the folders that lead to it. */
static void put_file(const char *root, const char *path, const char *text)
{
	char whole[512];
	(void)snprintf(whole, sizeof(whole), "%s%s", root, path);
	for (char *at = whole + strlen(root) + 1; (at = strchr(at, '/')) != NULL; at++) {
		*at = '\0';
		assert_true(mkdir(whole, 0755) == 0 || errno == EEXIST);
		*at = '/';
	}
	FILE *file = fopen(whole, "we");
	assert_non_null(file);
	(void)fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/* Where resolv.conf names a stub on this host, those who really answer stand in another file. */
static void name_servers_behind_a_stub_are_known(void **state)
{
	const struct temporary *temporary = *state;
	struct defend_facts facts = { 0 };
	const struct prefix servers[] = { network("192.0.2.53"), network("192.0.2.54"),
					  network("192.0.2.55"), network("127.0.0.53") };
	assert_int_equal(defend_resolvers_read(&facts, temporary->path, BOOT, NULL), 0);
	assert_int_equal(facts.list.count, 0);
	put_file(temporary->path, "/etc/resolv.conf", "nameserver 127.0.0.53\n");
	put_file(temporary->path, "/run/systemd/resolve/resolv.conf", "nameserver 192.0.2.53\n");
	put_file(temporary->path, "/run/NetworkManager/no-stub-resolv.conf",
		 "nameserver 192.0.2.54\n");
	put_file(temporary->path, "/run/dnsmasq/resolv.conf", "nameserver 192.0.2.55\n");
	assert_int_equal(defend_resolvers_read(&facts, temporary->path, BOOT, NULL), 0);
	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
		assert_true(defend_facts_have(&facts, &servers[i], DEFEND_DNS, 0));
	}
	defend_facts_deinit(&facts);
}

/* sshd with UseDNS tells logind a name: then whoever is connected to a login port is spared. */
static void a_login_whose_address_is_not_told_is_not_overlooked(void **state)
{
	const struct temporary *temporary = *state;
	static const struct {
		const char *session;
		int known;
		size_t count;
	} cases[] = {
		{ "UID=0\nREMOTE=0\nTTY=tty1\n", DEFEND_LOGINS_KNOWN, 0 },
		{ "REMOTE=1\nREMOTE_HOST=203.0.113.7\n", DEFEND_LOGINS_KNOWN, 1 },
		{ "REMOTE=1\nREMOTE_HOST=laptop.example.net\n", DEFEND_LOGINS_UNKNOWN, 0 },
		{ "REMOTE=1\nSERVICE=sshd\n", DEFEND_LOGINS_UNKNOWN, 0 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct defend_facts facts = { 0 };
		put_file(temporary->path, "/run/systemd/sessions/5", cases[i].session);
		assert_int_equal(defend_logins_read(&facts, temporary->path, BOOT, NULL),
				 cases[i].known);
		assert_int_equal(facts.list.count, cases[i].count);
		defend_facts_deinit(&facts);
	}
}

static void logins_are_read_from_logind_and_utmp(void **state)
{
	const struct temporary *temporary = *state;
	struct defend_facts facts = { 0 };
	char path[512];
	assert_int_equal(defend_logins_read(&facts, temporary->path, BOOT, NULL),
			 DEFEND_LOGINS_UNKNOWN);
	(void)snprintf(path, sizeof(path), "%s/run", temporary->path);
	assert_int_equal(mkdir(path, 0755), 0);
	(void)snprintf(path, sizeof(path), "%s/run/systemd", temporary->path);
	assert_int_equal(mkdir(path, 0755), 0);
	(void)snprintf(path, sizeof(path), "%s/run/systemd/sessions", temporary->path);
	assert_int_equal(mkdir(path, 0755), 0);
	put_file(temporary->path, "/run/utmp", "");
	/* Both are there also where nobody writes to them. */
	assert_int_equal(defend_logins_read(&facts, temporary->path, BOOT, NULL),
			 DEFEND_LOGINS_UNKNOWN);
	assert_int_equal(facts.list.count, 0);
	(void)snprintf(path, sizeof(path), "%s/run/systemd/sessions/5", temporary->path);
	FILE *session = fopen(path, "we");
	assert_non_null(session);
	(void)fputs("UID=0\nREMOTE=1\nREMOTE_HOST=203.0.113.7\nSERVICE=sshd\n", session);
	(void)fclose(session);
	(void)snprintf(path, sizeof(path), "%s/run/utmp", temporary->path);
	FILE *utmp = fopen(path, "we");
	assert_non_null(utmp);
	struct utmpx entries[2] = { { .ut_type = USER_PROCESS }, { .ut_type = DEAD_PROCESS } };
	const uint8_t v6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 9 };
	const uint8_t v4[4] = { 203, 0, 113, 8 };
	memcpy(entries[0].ut_addr_v6, v6, sizeof(v6));
	memcpy(entries[1].ut_addr_v6, v4, sizeof(v4));
	assert_int_equal(fwrite(entries, sizeof(entries), 1, utmp), 1);
	(void)fclose(utmp);
	assert_int_equal(defend_logins_read(&facts, temporary->path, BOOT, NULL),
			 DEFEND_LOGINS_KNOWN);
	const struct prefix here[] = { network("203.0.113.7"), network("2001:db8::9") };
	assert_int_equal(facts.list.count, 2);
	assert_true(defend_facts_have(&facts, &here[0], DEFEND_ADMIN, 0));
	assert_true(defend_facts_have(&facts, &here[1], DEFEND_ADMIN, 0));
	defend_facts_deinit(&facts);
}

static void the_kernel_is_told_of_everybody_who_is_spared(void **state)
{
	(void)state;
	struct host host;
	struct prefix never[32];
	host_init(&host);
	know(&host, "203.0.113.9", DEFEND_TRAPPED);
	know(&host, "203.0.113.8", DEFEND_LIVE);
	const size_t count = defend_never(never, 32, &host.policy, &host.facts);
	assert_int_equal(count, 9); /* seven facts, never:, never_cut: */
	assert_int_equal(defend_never(never, 3, &host.policy, &host.facts), 9);
	host_deinit(&host);
}

/* ---- the record ---- */

static struct defend_stamp stamp(const char *boot, usec_t since_boot, usec_t wall)
{
	struct defend_stamp out = { .since_boot = since_boot, .wall = wall };
	(void)str_copy(out.boot, sizeof(out.boot), boot);
	return out;
}

static void bans_keep_the_time_that_is_left(void **state)
{
	(void)state;
	static const struct {
		const char *boot;
		usec_t since_boot, wall, left; /* left of an hour */
	} cases[] = {
		{ "a", BOOT, WALL, USEC_PER_HOUR },
		{ "a", BOOT + 10 * USEC_PER_MIN, WALL + 10 * USEC_PER_MIN, 50 * USEC_PER_MIN },
		/* The wall clock was set, in the same boot: it makes no difference. */
		{ "a", BOOT + 10 * USEC_PER_MIN, WALL - 5 * USEC_PER_DAY, 50 * USEC_PER_MIN },
		{ "a", BOOT + 10 * USEC_PER_MIN, WALL + 5 * USEC_PER_DAY, 50 * USEC_PER_MIN },
		/* Another boot: the wall clock tells. */
		{ "b", 30 * USEC_PER_SEC, WALL + 10 * USEC_PER_MIN, 50 * USEC_PER_MIN },
		{ "b", 30 * USEC_PER_SEC, WALL - 5 * USEC_PER_DAY, USEC_PER_HOUR },
		{ "b", 30 * USEC_PER_SEC, WALL + 2 * USEC_PER_HOUR, -USEC_PER_HOUR },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct host host;
		struct defend_table back = { 0 };
		struct str text = STR_INIT(1 << 20);
		host_init(&host);
		know(&host, "203.0.113.9", DEFEND_TRAPPED);
		assert_int_equal(meet(&host, "scan", "203.0.113.9"), 0);
		const struct defend_stamp then = stamp("a", host.now, host.wall);
		const struct defend_stamp now =
			stamp(cases[i].boot, cases[i].since_boot, cases[i].wall);
		assert_int_equal(defend_table_write(&text, &host.table, &then), 0);
		assert_int_equal(defend_table_read(&back, str_text(&text), text.length, &now), 0);
		assert_int_equal(back.bans.count, 1);
		assert_int_equal(back.bans.items[0].until - now.since_boot, cases[i].left);
		assert_string_equal(back.bans.items[0].reason, host.table.bans.items[0].reason);
		assert_string_equal(back.bans.items[0].evidence, host.table.bans.items[0].evidence);
		assert_memory_equal(&back.bans.items[0].cause, &host.table.bans.items[0].cause,
				    sizeof(back.bans.items[0].cause));
		assert_int_equal(back.bans.items[0].cause.port_count, 12);
		defend_table_deinit(&back);
		str_deinit(&text);
		host_deinit(&host);
	}
}

/* Made before the boot, it began at a negative time since boot. */
static void bans_outlive_a_boot_and_then_a_restart(void **state)
{
	(void)state;
	struct host host;
	host_init(&host);
	know(&host, "203.0.113.9", DEFEND_TRAPPED);
	assert_int_equal(meet(&host, "scan", "203.0.113.9"), 0);
	struct defend_stamp written = stamp("a", host.now, host.wall);
	for (unsigned restart = 1; restart <= 4; restart++) {
		struct str text = STR_INIT(1 << 20);
		const struct defend_stamp read =
			stamp(restart < 2 ? "b" : "c", restart * 20 * USEC_PER_SEC,
			      WALL + restart * 10 * USEC_PER_MIN);
		assert_int_equal(defend_table_write(&text, &host.table, &written), 0);
		defend_table_deinit(&host.table);
		assert_int_equal(
			defend_table_read(&host.table, str_text(&text), text.length, &read), 0);
		assert_int_equal(host.table.bans.count, 1);
		assert_true(host.table.bans.items[0].since < 0);
		written = read;
		str_deinit(&text);
	}
	host_deinit(&host);
}

static void repeaters_are_known_after_a_restart(void **state)
{
	(void)state;
	struct host host;
	struct str text = STR_INIT(1 << 20);
	host_init(&host);
	know(&host, "203.0.113.9", DEFEND_TRAPPED);
	assert_int_equal(meet(&host, "scan", "203.0.113.9"), 0);
	go_on(&host, 2 * USEC_PER_HOUR);
	const struct defend_stamp now = stamp("a", host.now, host.wall);
	assert_int_equal(defend_table_write(&text, &host.table, &now), 0);
	defend_table_deinit(&host.table);
	assert_int_equal(defend_table_read(&host.table, str_text(&text), text.length, &now), 0);
	know(&host, "203.0.113.9", DEFEND_TRAPPED);
	assert_int_equal(meet(&host, "scan", "203.0.113.9"), 0);
	assert_int_equal(kept_out(&host, "203.0.113.9")->times, 2);
	str_deinit(&text);
	host_deinit(&host);
}

static void what_is_no_record_is_not_taken(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int result;
	} cases[] = {
		{ "", -EINVAL },
		{ "[]", -EINVAL },
		{ "{\"schema\": 2}", -EINVAL },
		{ "{\"schema\": 1, \"since_boot_us\": -1}", -EINVAL },
		{ "{\"schema\": 1, \"time_us\": 9223372036854775807}", -EINVAL },
		{ "{\"schema\": 1}", 0 },
		{ "{\"schema\": 1, \"bans\": 7, \"past\": [1, {}]}", 0 },
		{ "{\"schema\": 1, \"bans\": [{\"prefix\": \"192.0.2.1/33\"}]}", 0 },
		{ "{\"schema\": 1, \"bans\": [{\"prefix\": \"192.0.2.1\", \"verdict\": \"kill\", "
		  "\"times\": 1}]}",
		  0 },
		{ "{\"schema\": 1, \"bans\": [{\"prefix\": \"192.0.2.1\", \"verdict\": \"ban\", "
		  "\"times\": 1, \"since_us\": 5, \"until_us\": 4}]}",
		  0 },
		{ "{\"schema\": 1, \"bans\": [{\"prefix\": \"192.0.2.1\", \"verdict\": \"slow\", "
		  "\"times\": 1, \"until_us\": 4}]}",
		  0 },
	};
	const struct defend_stamp now = stamp("a", BOOT, WALL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct defend_table table = { 0 };
		assert_int_equal(
			defend_table_read(&table, cases[i].text, strlen(cases[i].text), &now),
			cases[i].result);
		assert_int_equal(table.bans.count, 0);
		assert_int_equal(table.past.count, 0);
		defend_table_deinit(&table);
	}
}

static void the_file_is_whole_locked_and_roots_own(void **state)
{
	const struct temporary *temporary = *state;
	char directory[512];
	(void)snprintf(directory, sizeof(directory), "%s/rules", temporary->path);
	struct defend_file file = DEFEND_FILE_INIT;
	struct defend_file other = DEFEND_FILE_INIT;
	struct defend_table back = { 0 };
	struct host host;
	struct defend_stamp now;
	host_init(&host);
	assert_int_equal(meet(&host, "scan", "203.0.113.9"), 0);
	assert_int_equal(defend_stamp_now(&now, NULL), 0);
	assert_true(now.boot[0] != '\0' && now.since_boot > 0);
	assert_int_equal(defend_file_open(&file, directory, true, NULL), 0);
	assert_int_equal(defend_file_open(&other, directory, false, NULL), -EBUSY);
	assert_int_equal(defend_file_read(&back, &file, &now, NULL), 0);
	assert_int_equal(back.bans.count, 0);
	assert_int_equal(defend_file_write(&file, &host.table, &now, NULL), 0);
	defend_file_close(&file);
	assert_int_equal(defend_file_look(&back, directory, &now, NULL), 0);
	assert_int_equal(back.bans.count, 1);
	assert_int_equal(chmod(directory, 0777), 0);
	assert_int_equal(defend_file_open(&file, directory, true, NULL), -EPERM);
	defend_table_deinit(&back);
	host_deinit(&host);
}

static void own_addresses_are_read_from_the_kernel(void **state)
{
	(void)state;
	struct defend_facts facts = { 0 };
	struct err e = ERR_INIT;
	const struct prefix loopback = network("127.0.0.1");
	if (defend_network_read(&facts, BOOT, &e) < 0) {
		fail_msg("%s", err_text(&e));
	}
	assert_true(defend_facts_have(&facts, &loopback, DEFEND_OWN, 0));
	assert_int_equal(defend_resolvers_read(&facts, "/nonexistent", BOOT, NULL), 0);
	defend_facts_deinit(&facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case_has_its_answer),
		cmocka_unit_test(nothing_is_done_unless_the_policy_says_so),
		cmocka_unit_test(who_does_not_know_the_own_people_keeps_nobody_out),
		cmocka_unit_test(a_connection_to_a_decoy_is_enough_where_the_policy_says_so),
		cmocka_unit_test(the_second_address_of_a_site_stands_for_all_of_them),
		cmocka_unit_test(what_was_proved_long_before_the_scan_proves_nothing),
		cmocka_unit_test(any_handshake_proves_only_where_the_policy_says_so),
		cmocka_unit_test(of_many_sources_the_named_ones_are_decided_about),
		cmocka_unit_test(who_comes_back_is_kept_out_twice_as_long_up_to_a_bound),
		cmocka_unit_test(forged_packets_make_nobody_a_repeater),
		cmocka_unit_test(what_stands_gives_way_to_more_only),
		cmocka_unit_test(forged_scans_cut_nobody_off),
		cmocka_unit_test(a_hundred_thousand_forged_sources_fill_no_table),
		cmocka_unit_test(while_a_forged_flood_lasts_nobody_new_is_kept_out),
		cmocka_unit_test(the_table_has_room_for_what_is_proved),
		cmocka_unit_test(strangers_cannot_push_out_what_is_known_of_the_own_people),
		cmocka_unit_test(facts_are_forgotten_in_their_time),
		cmocka_unit_test(a_client_is_whom_a_declaration_names),
		cmocka_unit_test(what_the_policy_opens_is_never_hidden),
		cmocka_unit_test(the_narrow_one_is_held_as_strongly_as_the_wide_one),
		cmocka_unit_test(a_ban_ends_when_it_may_not_stand_any_more),
		cmocka_unit_test(name_servers_are_read_as_the_resolver_reads_them),
		cmocka_unit_test_setup_teardown(name_servers_behind_a_stub_are_known,
						temporary_setup, temporary_teardown),
		cmocka_unit_test_setup_teardown(a_login_whose_address_is_not_told_is_not_overlooked,
						temporary_setup, temporary_teardown),
		cmocka_unit_test_setup_teardown(logins_are_read_from_logind_and_utmp,
						temporary_setup, temporary_teardown),
		cmocka_unit_test(the_kernel_is_told_of_everybody_who_is_spared),
		cmocka_unit_test(bans_keep_the_time_that_is_left),
		cmocka_unit_test(bans_outlive_a_boot_and_then_a_restart),
		cmocka_unit_test(repeaters_are_known_after_a_restart),
		cmocka_unit_test(what_is_no_record_is_not_taken),
		cmocka_unit_test_setup_teardown(the_file_is_whole_locked_and_roots_own,
						temporary_setup, temporary_teardown),
		cmocka_unit_test(own_addresses_are_read_from_the_kernel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
