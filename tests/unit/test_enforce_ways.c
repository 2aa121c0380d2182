/* enforce: connections that are cut, and what is passed on between others. */
#include "enforce_policy.h"

/* ---- live connections ---- */

static void rules_that_cut_are_as_written_down(void **state)
{
	(void)state;
	check_golden(
		"ports:\n  " D("ssh", "22/tcp", "from: [office, vpn], rate: 10/minute, cut: yes")
			D("web", "80/tcp", "from: any, cut: yes")
				D("guest", "25565/tcp",
				  "from: [home, printer], until: 2026-12-31, cut: yes")
					D("db", "5432/tcp",
					  "from: host, cut: yes") D("dns", "53/udp", "from: office")
						D("seen", "90/tcp",
						  "from: office, cut: yes, mode: observe") "\n",
		"enforce/cut.nft");
	check_golden("ports:\n  " D("ssh", "22/tcp", "from: office") D("web", "80/tcp", "from: any")
			     D("stay", "81/tcp", "from: home, cut: no")
				     D("gone", "82/tcp", "from: any, until: 2026-11-01")
					     D("dns", "53/udp",
					       "from: office, cut: no") "\ndefaults: {cut: yes}\n",
		     "enforce/cut-all.nft");
}

static void what_lost_its_permission_is_cut_where_that_is_declared(void **state)
{
	(void)state;
	static const char ports[] = "ports:\n  " D("a", "22/tcp", "from: office, cut: yes")
		D("b", "23/tcp", "from: office") D("c", "24/tcp", "from: home, cut: no")
			D("d", "24/tcp", "from: office, cut: yes")
				D("e", "25/tcp", "from: host, cut: no");
	static const struct {
		uint16_t port;
		bool cut, cut_by_default;
	} cases[] = { { 22, true, true },
		      { 23, false, true },
		      { 24, true, true }, /* one of its declarations cuts */
		      { 25, false, false },
		      { 26, false, true } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str text = STR_INIT(1 << 16);
		str_add(&text, ports);
		struct policy policy = policy_of(str_text(&text));
		assert_int_equal(enforce_cuts(&policy, PROTOCOL_TCP, cases[i].port), cases[i].cut);
		policy_deinit(&policy);
		str_add(&text, "\ndefaults: {cut: yes}\n");
		policy = policy_of(str_text(&text));
		assert_int_equal(enforce_cuts(&policy, PROTOCOL_TCP, cases[i].port),
				 cases[i].cut_by_default);
		policy_deinit(&policy);
		str_deinit(&text);
	}
	assert_false(enforce_cuts(NULL, PROTOCOL_TCP, 22));
}

/* ---- what is passed on ---- */

static void rules_of_a_router_are_as_written_down(void **state)
{
	(void)state;
	check_golden(
		"ports:\n  " D("ssh", "22/tcp", "from: office") "\nforward:\n  " W(
			"surf", "from: office, out: eth0") W("site",
							     "port: [80/tcp, 443/tcp], from: any, "
							     "to: [203.0.113.7, vpn]")
			W("ssh", "port: 22/tcp, from: 198.51.100.0/24, to: [office, "
				 "\"2001:db8:9::1\"], until: 2026-12-31, interface: eth0")
				W("dns",
				  "port: 53/udp, from: any") "\ndefaults: {forward: reject}\n",
		"enforce/forward.nft");
	struct policy policy = policy_of("defaults: {forward: accept}\n");
	assert_false(enforce_limits_forward(&policy));
	policy_deinit(&policy);
	policy = policy_of("defaults: {forward: drop, mode: observe}\n");
	assert_true(enforce_limits_forward(&policy)); /* nothing is refused, but it is counted */
	policy_deinit(&policy);
}

static void rules_of_a_router_that_cut_are_as_written_down(void **state)
{
	(void)state;
	check_golden(
		"ports:\n  " D("ssh", "22/tcp", "from: office, cut: yes") "\nforward:\n  " W(
			"surf", "port: [80/tcp, 443/tcp], from: office, out: eth0")
			W("guest", "port: [443/tcp, 8080/tcp], from: 198.51.100.0/24, "
				   "to: [203.0.113.7, vpn], until: 2026-12-31")
				W("lab", "port: 8443/tcp, from: home, to: office, cut: yes") W(
					"seen",
					"port: 53/udp, from: office, mode: observe, cut: yes")
					W("any", "port: 123/udp, from: any") "\ndefaults: "
									     "{forward: drop}\n",
		"enforce/forward-cut.nft");
	check_golden(
		"forward:\n  " W("surf", "from: office, out: eth0, cut: no") W(
			"web", "port: 80/tcp, from: any, until: 2026-12-31")
			W("dns",
			  "port: 53/udp, from: any") "\ndefaults: {forward: reject, cut: yes}\n",
		"enforce/forward-cut-all.nft");
	check_golden(
		"forward:\n  " W(
			"surf",
			"port: 80/tcp, from: office") "\n"
						      "defaults: {forward: drop, mode: observe}\n",
		"enforce/forward-observe.nft");
}

/* What the first rules say of connections that nothing tracked; not where some are cut. */
static void the_first_rules_of_a_router_bear_with_what_lives(void **state)
{
	(void)state;
	static const struct {
		const char *policy;
		bool grace;
	} cases[] = {
		{ "defaults: {forward: drop}\n", true },
		{ "forward:\n  " W("a", "port: 80/tcp, from: office, until: 2026-12-31"), true },
		{ "forward:\n  " W("a", "port: 80/tcp, from: office, cut: yes"), false },
		{ "defaults: {forward: drop, cut: yes}\n", false },
		{ "ports: {}\n", false },
	};
	struct enforce_environment first = environment;
	first.grace = 90 * USEC_PER_SEC;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct policy policy = policy_of(cases[i].policy);
		struct str text = STR_INIT(1 << 20);
		assert_int_equal(enforce_rules(&text, &policy, 7, &first, NULL), 0);
		if ((strstr(str_text(&text), "meta nfproto @g7-fwd-grace accept") != NULL &&
		     strstr(str_text(&text), "ipv6 timeout 90s") != NULL) != cases[i].grace) {
			fail_msg("case %zu: %s", i, str_text(&text));
		}
		str_deinit(&text);
		policy_deinit(&policy);
	}
}

static void what_passes_through_is_cut_where_that_is_declared(void **state)
{
	(void)state;
	static const struct {
		const char *protocol;
		uint16_t port;
		bool cut, cut_by_default;
	} cases[] = { { "tcp", 22, true, true },  { "tcp", 23, false, false },
		      { "tcp", 24, true, true }, /* one of its declarations cuts */
		      { "tcp", 25, false, true }, { "udp", 22, false, true },
		      { "", 0, false, true } };
	static const char ways[] = "forward:\n  " W("a", "port: 22/tcp, from: office, cut: yes")
		W("b", "port: [23/tcp, 24/tcp], from: office, cut: no")
			W("c", "port: 24/tcp, from: home, cut: yes") "\n";
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str text = STR_INIT(1 << 16);
		enum protocol protocol = PROTOCOL_NONE;
		(void)protocol_parse(&protocol, cases[i].protocol); /* "" = without ports */
		str_add(&text, ways);
		struct policy policy = policy_of(str_text(&text));
		assert_int_equal(enforce_cuts_forward(&policy, protocol, cases[i].port),
				 cases[i].cut);
		policy_deinit(&policy);
		str_add(&text, "defaults: {cut: yes}\n");
		policy = policy_of(str_text(&text));
		assert_int_equal(enforce_cuts_forward(&policy, protocol, cases[i].port),
				 cases[i].cut_by_default);
		policy_deinit(&policy);
		str_deinit(&text);
	}
	assert_false(enforce_cuts_forward(NULL, PROTOCOL_TCP, 22));
}

static void what_passes_through_has_its_verdict(void **state)
{
	(void)state;
	static const struct {
		const char *protocol;
		uint16_t port;
		const char *from, *interface, *to, *out;
		enum enforce_verdict verdict;
	} cases[] = {
		{ "tcp", 443, "192.0.2.7", "eth1", "203.0.113.9", "eth0", ENFORCE_OPEN },
		{ "", 0, "192.0.2.7", "eth1", "203.0.113.9", "eth0", ENFORCE_OPEN },
		{ "tcp", 443, "192.0.2.7", "eth1", "203.0.113.9", "eth2", ENFORCE_CLOSED },
		{ "tcp", 443, "192.0.2.7", "eth1", "203.0.113.9", NULL, ENFORCE_DEPENDS },
		{ "tcp", 80, "198.51.100.9", "eth0", "203.0.113.7", "eth2", ENFORCE_OPEN },
		{ "tcp", 80, "198.51.100.9", "eth0", "203.0.113.8", "eth2", ENFORCE_CLOSED },
		{ "tcp", 80, "198.51.100.9", "eth0", "203.0.113.8", "wg0", ENFORCE_OPEN },
		{ "udp", 80, "198.51.100.9", "eth0", "203.0.113.7", "eth2", ENFORCE_CLOSED },
		{ "", 0, "198.51.100.9", "eth0", "203.0.113.7", "eth2", ENFORCE_CLOSED },
		{ "tcp", 22, "198.51.100.9", "eth0", "192.0.2.7", "eth1", ENFORCE_OPEN },
		{ "tcp", 22, "198.51.100.9", "eth3", "192.0.2.7", "eth1", ENFORCE_CLOSED },
		{ "tcp", 23, "198.51.100.9", "eth0", "192.0.2.7", "eth1", ENFORCE_CLOSED },
		{ "tcp", 24, "198.51.100.9", "eth0", "192.0.2.7", "eth1",
		  ENFORCE_CLOSED }, /* ended */
		{ "tcp", 25, "198.51.100.9", "eth0", "192.0.2.7", "eth1",
		  ENFORCE_CLOSED }, /* a certificate is no place */
	};
	static const char ways[] = "forward:\n  " W("surf", "from: office, out: eth0")
		W("site", "port: 80/tcp, from: any, to: [203.0.113.7, vpn]") W(
			"admin", "port: 22/tcp, from: 198.51.100.0/24, to: office, interface: eth0")
			W("old", "port: 24/tcp, from: any, until: 2026-11-01")
				W("odd", "port: 25/tcp, from: any, to: alice");
	struct str text = STR_INIT(1 << 16);
	str_printf(&text, "%s\ndefaults: {forward: drop}\n", ways);
	struct policy policy = policy_of(str_text(&text));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct enforce_packet packet = { .port = cases[i].port,
						 .interface = cases[i].interface,
						 .out = cases[i].out };
		(void)protocol_parse(&packet.protocol, cases[i].protocol); /* "" = without ports */
		assert_int_equal(addr_parse(&packet.from, cases[i].from), 0);
		assert_int_equal(addr_parse(&packet.to, cases[i].to), 0);
		if (enforce_decide_forward(&policy, &packet, &environment) != cases[i].verdict) {
			fail_msg("case %zu", i);
		}
	}
	struct enforce_packet packet = { .protocol = PROTOCOL_UDP, .port = 9 };
	assert_int_equal(addr_parse(&packet.from, "203.0.113.1"), 0);
	assert_int_equal(enforce_decide_forward(&policy, &packet, &environment), ENFORCE_CLOSED);
	assert_int_equal(enforce_decide_forward(NULL, &packet, &environment), ENFORCE_OPEN);
	policy_deinit(&policy);
	str_deinit(&text);
}

/* ---- changes ---- */

static void changes_say_who_is_cut(void **state)
{
	(void)state;
	static const struct changed cases[] = {
		{ "ports:\n  " D("a", "22/tcp", "from: home"),
		  "ports:\n  " D("a", "22/tcp", "from: home, cut: yes"),
		  "altered 22/tcp: home -> home (now cuts); ", false },
		{ "ports:\n  " D("a", "22/tcp", "from: home, cut: yes"),
		  "ports:\n  " D("a", "22/tcp", "from: home"),
		  "altered 22/tcp: home -> home (cut); ", true },
		{ "ports:\n  " D("a", "22/tcp", "from: home, cut: yes"),
		  "ports:\n  " D("a", "22/tcp", "from: office, cut: yes"),
		  "altered 22/tcp: home -> office (cuts); ", false },
		{ "ports:\n  " D("a", "22/tcp", "from: any, cut: yes"),
		  "ports:\n  " D("a", "22/tcp", "from: any"), "", true }, /* nobody to cut */
		{ "ports: {}\n", "ports:\n  " D("a", "22/tcp", "from: home, cut: yes"),
		  "opened 22/tcp: nobody -> home (now cuts); ", true },
		{ "ports: {}\n", "ports: {}\ndefaults: {cut: yes}\n", "", false },
		{ "ports: {}\ndefaults: {cut: yes}\n", "ports: {}\n", "", true },
		{ "ports:\n  " D("a", "22/tcp", "from: any") "\ndefaults: {cut: yes}\n",
		  "ports: {}\ndefaults: {cut: yes}\n", "shut 22/tcp: any -> nobody (now cuts); ",
		  false },
	};
	check_changes(cases, sizeof(cases) / sizeof(cases[0]));
}

static void changes_say_what_passes(void **state)
{
	(void)state;
	static const struct changed cases[] = {
		{ "ports: {}\n", "ports: {}\ndefaults: {forward: drop}\n", "", false },
		{ "ports: {}\ndefaults: {forward: drop}\n", "ports: {}\n", "", true },
		{ "defaults: {forward: drop}\n",
		  "forward:\n  " W(
			  "a",
			  "port: 443/tcp, from: office, out: eth0") "\ndefaults: {forward: drop}\n",
		  "opened forwarded 443/tcp: nobody -> office to any (eth0); ", true },
		{ "forward:\n  " W("a", "from: office") "\ndefaults: {forward: drop}\n",
		  "forward:\n  " W("a",
				   "from: office, to: [home, vpn]") "\ndefaults: {forward: drop}\n",
		  "narrowed forwarded all: office to any -> office to home, vpn; ", false },
		{ "forward:\n  " W("a", "from: office, to: home") "\ndefaults: {forward: drop}\n",
		  "forward:\n  " W(
			  "a",
			  "from: office, to: [198.51.100.0/24]") "\ndefaults: {forward: drop}\n",
		  "widened forwarded all: office to home -> office to 198.51.100.0/24; ", true },
		{ "forward:\n  " W("a", "from: office, to: home") "\ndefaults: {forward: drop}\n",
		  "forward:\n  " W(
			  "b", "from: office, to: 198.51.100.7") "\ndefaults: {forward: drop}\n",
		  "", true },
		{ "ports: {}\n", "forward:\n  " W("a", "port: 22/tcp, from: office"),
		  "narrowed forwarded 22/tcp: any -> office to any; ", false },
		{ "forward:\n  " W("a", "port: 22/tcp, from: home"),
		  "forward:\n  " W("a", "port: 22/tcp, from: home, cut: yes"),
		  "altered forwarded 22/tcp: home to any -> home to any (now cuts); ", false },
		{ "forward:\n  " W("a", "port: 22/tcp, from: home"),
		  "forward:\n  " W("a", "port: 22/tcp, from: home, mode: observe"),
		  "widened forwarded 22/tcp: home to any -> home to any; ", true },
		{ "defaults: {forward: drop, mode: observe}\n",
		  "forward:\n  " W(
			  "a",
			  "port: 22/tcp, from: home") "\n"
						      "defaults: {forward: drop, mode: observe}\n",
		  "", true }, /* it only counts */
		{ "defaults: {forward: drop}\n", "defaults: {forward: drop, mode: observe}\n", "",
		  true },
	};
	check_changes(cases, sizeof(cases) / sizeof(cases[0]));
}

/* What is said to free only, never closes: random pairs of policies, every kind of packet. */
static struct policy random_ways(unsigned *seed)
{
	static const char *const places[] = {
		"any", "office",         "home",    "192.0.2.0/28",
		"vpn", "[home, office]", "printer", "198.51.100.0/24"
	};
	struct str text = STR_INIT(4096);
	str_add(&text, "forward:\n");
	for (unsigned i = 0; i < 3; i++) {
		*seed = *seed * 1103515245 + 12345;
		const unsigned port = *seed >> 16 & 3;
		str_printf(&text, "  d%u: {", i);
		if (port > 0) {
			str_printf(&text, "port: %u/tcp, ", port);
		}
		str_printf(&text, "for: x, owner: o, from: %s, to: %s%s}\n",
			   places[*seed >> 18 & 7], places[*seed >> 21 & 7],
			   (*seed >> 24 & 3) == 0 ? ", out: wg0" : "");
	}
	str_printf(&text, "defaults: {forward: %s}\n", (*seed >> 26 & 3) == 0 ? "accept" : "drop");
	struct policy policy = policy_of(str_text(&text));
	str_deinit(&text);
	return policy;
}

static void what_frees_only_never_closes_a_way(void **state)
{
	(void)state;
	static const char *const addresses[] = { "192.0.2.3", "192.0.2.99", "198.51.100.7",
						 "198.51.100.8", "2001:db8:10::1" };
	static const char *const interfaces[] = { "eth0", "wg0" };
	unsigned seed = 20261127;
	unsigned freed = 0;
	for (unsigned round = 0; round < 400; round++) {
		struct policy policies[2];
		for (unsigned side = 0; side < 2; side++) {
			policies[side] = random_ways(&seed);
		}
		struct enforce_changes changes;
		assert_int_equal(
			enforce_changes(&changes, &policies[0], &policies[1], &environment, NULL),
			0);
		freed += changes.frees_only;
		for (unsigned n = 0; n < 5 * 5 * 2 * 5; n++) {
			const uint16_t port = (uint16_t)(n % 5);
			struct enforce_packet packet = {
				.protocol = port == 0 ? PROTOCOL_NONE : PROTOCOL_TCP,
				.port = port,
				.interface = "eth1",
				.out = interfaces[n / 5 % 2],
			};
			assert_int_equal(addr_parse(&packet.from, addresses[n / 10 % 5]), 0);
			assert_int_equal(addr_parse(&packet.to, addresses[n / 50]), 0);
			const int before =
				enforce_decide_forward(&policies[0], &packet, &environment);
			const int after =
				enforce_decide_forward(&policies[1], &packet, &environment);
			if ((changes.frees_only && before == ENFORCE_OPEN &&
			     after != ENFORCE_OPEN) ||
			    (!enforce_changes_any(&changes) && before != after)) {
				struct str text = STR_INIT(1 << 16);
				policy_print(&text, &policies[0]);
				policy_print(&text, &policies[1]);
				fail_msg("packet %u: %d, then %d\n%s", n, before, after,
					 str_text(&text));
			}
		}
		enforce_changes_deinit(&changes);
		policy_deinit(&policies[0]);
		policy_deinit(&policies[1]);
	}
	assert_true(freed > 10); /* else nothing was tested */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_that_cut_are_as_written_down),
		cmocka_unit_test(what_lost_its_permission_is_cut_where_that_is_declared),
		cmocka_unit_test(rules_of_a_router_are_as_written_down),
		cmocka_unit_test(rules_of_a_router_that_cut_are_as_written_down),
		cmocka_unit_test(the_first_rules_of_a_router_bear_with_what_lives),
		cmocka_unit_test(what_passes_through_is_cut_where_that_is_declared),
		cmocka_unit_test(what_passes_through_has_its_verdict),
		cmocka_unit_test(changes_say_who_is_cut),
		cmocka_unit_test(changes_say_what_passes),
		cmocka_unit_test(what_frees_only_never_closes_a_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
