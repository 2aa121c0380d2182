/* enforce: from a policy to rules, to verdicts, and from one policy to the next. */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "enforce/access.h"
#include "enforce/enforce.h"
#include "enforce/layer.h"
#include "enforce/listing.h"
#include "enforce_policy.h"
#include "golden.h"

/* ---- rules ---- */

static void rules_are_as_written_down(void **state)
{
	(void)state;
	struct policy policy = policy_of(
		"ports:\n  " D("ssh", "22/tcp", "from: [office, vpn], rate: 10/minute")
			D("web", "[80/tcp, 443/tcp, 443/udp]", "from: any") D(
				"range", "8000-8010/tcp", "from: [203.0.113.0/25, printer, home]")
				D("inside", "8005/tcp", "from: office, interface: eth0") D(
					"guest", "25565/tcp", "from: any, until: 2026-12-31")
					D("ended", "25566/tcp", "from: any, until: 2026-11-01")
						D("db", "5432/tcp",
						  "from: host") "user: {port: 8443/tcp, for: a "
								"user, owner: o, from: alice}\n"
								"defaults: {inbound: reject, "
								"outbound: drop, ping: no}\n");
	struct str text = STR_INIT(1 << 20);
	enforce_frame(&text, enforce_limits_outbound(&policy));
	assert_int_equal(enforce_rules(&text, &policy, 7, &environment, NULL), 0);
	golden_check("enforce/rules.nft", &text);
	str_deinit(&text);
	policy_deinit(&policy);
}

/* @return as enforce_layer; the text is appended to `out`. */
static int layer_of(struct str *out, const char *before, const char *after)
{
	struct policy a = policy_of(before == NULL ? "" : before);
	struct policy b = policy_of(after);
	struct enforce_changes changes;
	struct err e = ERR_INIT;
	const struct policy *held = before == NULL ? NULL : &a;
	assert_int_equal(enforce_changes(&changes, held, &b, &environment, &e), 0);
	int r = enforce_layer(out, held, &b, &changes, 9, 4, &environment, &e);
	enforce_changes_deinit(&changes);
	policy_deinit(&a);
	policy_deinit(&b);
	return r;
}

static void a_small_change_is_a_layer_as_written_down(void **state)
{
	(void)state;
	struct str text = STR_INIT(1 << 20);
	static const char before[] = "ports:\n  " D("ssh", "22/tcp", "from: [office, home]")
		D("web", "[80/tcp, 443/tcp]", "from: any") D("game", "8000-8010/udp", "from: vpn")
			D("old", "[90-99/tcp, 68/udp]", "from: any");
	static const char after[] = "ports:\n  " D("ssh", "22/tcp", "from: home")
		D("web", "[80/tcp, 443/tcp]", "from: any") D("game", "8000-8010/udp", "from: vpn")
			D("old", "95/tcp", "from: any") D("more", "25565/tcp", "from: any")
				D("guest", "2222/tcp", "from: office, until: 2026-12-24");
	assert_int_equal(layer_of(&text, before, after), 0);
	golden_check("enforce/layer.nft", &text);
	str_deinit(&text);
}

static void what_a_layer_cannot_say_is_written_whole(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{ NULL, "ports:\n  " D("a", "22/tcp", "from: any") },
		{ "ports:\n  " D("a", "22/tcp", "from: any"),
		  "ports:\n  " D("a", "22/tcp", "from: any") },
		{ "ports:\n  " D("a", "22/tcp", "from: any"),
		  "ports:\n  " D("b", "23/tcp", "from: any") "\ndefaults: {inbound: reject}\n" },
		{ "ports:\n  " D("a", "22/tcp", "from: any"),
		  "ports:\n  " D("b", "23/tcp", "from: any") "\ndefaults: {mode: observe}\n" },
		{ "ports:\n  " D("a", "22/tcp", "from: any, until: 2026-12-24"),
		  "ports:\n  " D("a", "22/tcp", "from: any, until: 2026-12-31") },
		{ "ports:\n  " D("a", "22/tcp", "from: office, cut: yes"),
		  "ports:\n  " D("a", "22/tcp", "from: any") },
		{ "ports:\n  " D("a", "22/tcp", "from: any") "\ndefaults: {cut: yes}\n",
		  "ports:\n  " D("a", "23/tcp", "from: any") "\ndefaults: {cut: yes}\n" },
		{ "ports:\n  " D("a", "22/tcp", "from: any") "\ndefaults: {forward: drop}\n",
		  "ports:\n  " D("a", "23/tcp", "from: any") "\ndefaults: {forward: drop}\n" },
		{ "ports: {}\n", "forward:\n  " W("a", "port: 22/tcp, from: office") },
		{ "ports:\n  " D("a", "80/tcp", "from: any, rate: 3/hour"),
		  "ports:\n  " D("a", "[80/tcp, 443/tcp]", "from: any, rate: 3/hour") },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str text = STR_INIT(1 << 20);
		assert_int_equal(layer_of(&text, cases[i][0], cases[i][1]), ENFORCE_WHOLE);
		assert_int_equal(text.length, 0);
		str_deinit(&text);
	}
}

static void a_rate_stays_in_one_place(void **state)
{
	(void)state;
	struct str text = STR_INIT(1 << 20);
	static const char before[] = "ports:\n  " D("a", "80-81/tcp", "from: any, rate: 3/hour")
		D("b", "[443/tcp, 443/udp]", "from: any");
	static const char after[] = "ports:\n  " D("a", "80-81/tcp", "from: any, rate: 3/hour")
		D("b", "[443-444/tcp, 443/udp]", "from: any, rate: 9/hour");
	assert_int_equal(layer_of(&text, before, after), 0);
	assert_non_null(strstr(str_text(&text), "rate-b"));
	assert_null(strstr(str_text(&text), "rate-a"));
	str_deinit(&text);
}

static void layers_are_known_by_their_names(void **state)
{
	(void)state;
	static const char *const names[] = { "g7-over-5", "g5-over-3", "g7-in",       "g3-in",
					     "g-over-1",  "gx-over-1", "g9-over-",    "g9-over-x",
					     "g8-over-9", "g9-over-8", "h7-over-666", "g0-over-1" };
	struct layers layers = { 0 };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		layers_note(&layers, names[i]);
	}
	assert_int_equal(layers.count, 4);
	assert_int_equal(layers_beneath(&layers, 7), 2);
	assert_int_equal(layers_beneath(&layers, 3), 0);
	assert_true(layers_need(&layers, 7, 7) && layers_need(&layers, 7, 5) &&
		    layers_need(&layers, 7, 3));
	assert_false(layers_need(&layers, 5, 7) || layers_need(&layers, 7, 4) ||
		     layers_need(&layers, 0, 0));
	/* Two that stand on each other, by whatever mistake: it ends. */
	assert_true(layers_need(&layers, 8, 9));
	assert_int_equal(layers_beneath(&layers, 8), layers.count);
	/* More than anybody made are left out. */
	for (unsigned i = 0; i < 2 * LAYERS_SEEN_MAX; i++) {
		layers_note(&layers, "g11-over-10");
	}
	assert_int_equal(layers.count, LAYERS_SEEN_MAX);
}

static void a_name_that_nft_would_misread_is_refused(void **state)
{
	(void)state;
	struct policy policy =
		policy_of("ports:\n  " D("a", "22/tcp", "from: any, interface: \"eth*\""));
	struct str text = STR_INIT(1 << 20);
	assert_int_equal(enforce_rules(&text, &policy, 1, &environment, NULL), -EINVAL);
	str_deinit(&text);
	policy_deinit(&policy);
}

static void overlaps_without_end_are_refused(void **state)
{
	(void)state;
	struct str ports = STR_INIT(1 << 20);
	str_add(&ports, "ports:\n");
	for (unsigned i = 0; i < 1500; i++) { /* each covers what the others cover, none equals */
		str_printf(&ports,
			   "  p%u: {port: %u-%u/tcp, for: x, owner: o, from: 10.%u.%u.0/24}\n", i,
			   i + 1, 65535 - i, i / 250, i % 250);
	}
	struct policy policy = policy_of(str_text(&ports));
	struct str text = STR_INIT(1 << 28);
	assert_int_equal(enforce_rules(&text, &policy, 1, &environment, NULL), -E2BIG);
	str_deinit(&text);
	str_deinit(&ports);
	policy_deinit(&policy);
}

/* ---- verdicts ---- */

static void every_packet_has_its_verdict(void **state)
{
	(void)state;
	static const struct {
		const char *protocol;
		uint16_t port;
		const char *from, *interface;
		enum enforce_verdict verdict;
	} cases[] = {
		{ "tcp", 22, "192.0.2.200", "eth0", ENFORCE_OPEN },
		{ "tcp", 22, "2001:db8:10::7", NULL, ENFORCE_OPEN },
		{ "tcp", 22, "198.51.100.7", "eth0", ENFORCE_CLOSED },
		{ "tcp", 22, "198.51.100.7", "wg0", ENFORCE_OPEN },
		{ "tcp", 22, "198.51.100.7", NULL, ENFORCE_DEPENDS },
		{ "udp", 22, "192.0.2.200", "eth0", ENFORCE_CLOSED },
		{ "tcp", 80, "203.0.113.1", "eth0", ENFORCE_OPEN },
		{ "mptcp", 80, "203.0.113.1", "eth0", ENFORCE_OPEN },
		{ "tcp", 81, "203.0.113.1", "eth0", ENFORCE_CLOSED },
		{ "tcp", 25565, "203.0.113.1", "eth0", ENFORCE_OPEN },
		{ "tcp", 25566, "203.0.113.1", "eth0", ENFORCE_CLOSED }, /* ended */
		{ "tcp", 5432, "192.0.2.1", "eth0", ENFORCE_CLOSED },
		{ "tcp", 5432, "127.0.0.1", "lo", ENFORCE_OPEN },
		{ "tcp", 631, "192.0.2.9", "eth0", ENFORCE_DEPENDS }, /* hardware address */
		{ "tcp", 631, "192.0.2.8", "eth0", ENFORCE_CLOSED },
		{ "tcp", 8443, "192.0.2.1", "eth0",
		  ENFORCE_CLOSED }, /* a certificate is no packet */
		{ "tcp", 8005, "192.0.2.1", "eth1", ENFORCE_CLOSED },
		{ "tcp", 8005, "192.0.2.1", "eth0", ENFORCE_OPEN },
	};
	struct policy policy = policy_of(
		"ports:\n  " D("ssh", "22/tcp", "from: [office, vpn]") D(
			"web", "80/tcp", "from: any") D("guest", "25565/tcp",
							"from: any, until: 2026-11-28")
			D("ended", "25566/tcp", "from: any, until: 2026-11-27") D(
				"db", "5432/tcp", "from: host") D("ipp", "631/tcp", "from: printer")
				D("user", "8443/tcp", "from: alice")
					D("inside", "8005/tcp", "from: office, interface: eth0"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct enforce_packet packet = { .port = cases[i].port,
						 .interface = cases[i].interface };
		assert_int_equal(protocol_parse(&packet.protocol, cases[i].protocol), 0);
		assert_int_equal(addr_parse(&packet.from, cases[i].from), 0);
		int got = enforce_decide(&policy, &packet, &environment, NULL);
		if (got != (int)cases[i].verdict) {
			fail_msg("%u/%s from %s: %d", cases[i].port, cases[i].protocol,
				 cases[i].from, got);
		}
	}
	policy_deinit(&policy);
}

static void where_undeclared_is_open_declared_closed_is_closed(void **state)
{
	(void)state;
	struct policy policy = policy_of("ports:\n  " D("db", "5432/tcp", "from: host") D(
		"old", "81/tcp",
		"from: any, until: 2026-01-01") "x: {port: 82/tcp, for: x, owner: o, from: home}\n"
						"defaults: {inbound: accept}\n");
	struct enforce_packet packet = { .protocol = PROTOCOL_TCP, .interface = "eth0" };
	static const struct {
		uint16_t port;
		enum enforce_verdict verdict;
	} cases[] = { { 5432, ENFORCE_CLOSED },
		      { 81, ENFORCE_CLOSED },
		      { 82, ENFORCE_CLOSED },
		      { 83, ENFORCE_OPEN } };
	assert_int_equal(addr_parse(&packet.from, "203.0.113.1"), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		packet.port = cases[i].port;
		assert_int_equal(enforce_decide(&policy, &packet, &environment, NULL),
				 cases[i].verdict);
	}
	assert_false(enforce_opens(&policy, PROTOCOL_TCP, 5432, &environment));
	assert_false(enforce_opens(&policy, PROTOCOL_TCP, 81, &environment));
	assert_true(enforce_opens(&policy, PROTOCOL_TCP, 82, &environment)); /* to somebody */
	assert_true(enforce_opens(&policy, PROTOCOL_TCP, 83, &environment));
	assert_true(enforce_opens(NULL, PROTOCOL_TCP, 5432, &environment));
	struct str text = STR_INIT(1 << 20);
	assert_int_equal(enforce_rules(&text, &policy, 1, &environment, NULL), 0);
	assert_non_null(strstr(str_text(&text), "5432 : goto g1-to-db"));
	str_deinit(&text);
	policy_deinit(&policy);
}

/* ---- changes ---- */

static void changes_say_what_packets_would_meet(void **state)
{
	(void)state;
	static const struct changed cases[] = {
		{ "ports:\n  " D("a", "22/tcp", "from: office"),
		  "ports:\n  " D("a", "22/tcp", "from: office"), "", true },
		{ "ports: {}\n", "ports:\n  " D("a", "22/tcp", "from: office"),
		  "opened 22/tcp: nobody -> office; ", true },
		{ "ports:\n  " D("a", "22/tcp", "from: office"), "ports: {}\n",
		  "shut 22/tcp: office -> nobody; ", false },
		{ "ports:\n  " D("a", "22/tcp", "from: office"),
		  "ports:\n  " D("a", "22/tcp", "from: any"), "widened 22/tcp: office -> any; ",
		  true },
		{ "ports:\n  " D("a", "22/tcp", "from: any"),
		  "ports:\n  " D("a", "22/tcp", "from: [office, home]"),
		  "narrowed 22/tcp: any -> office, home; ", false },
		{ "ports:\n  " D("a", "22/tcp", "from: home"),
		  "ports:\n  " D("a", "22/tcp", "from: office"), "altered 22/tcp: home -> office; ",
		  false },
		{ "ports:\n  " D("a", "22/tcp", "from: 192.0.2.0/28"),
		  "ports:\n  " D("a", "22/tcp", "from: office"),
		  "widened 22/tcp: 192.0.2.0/28 -> office; ", true },
		{ "ports:\n  " D("a", "22/tcp", "from: any"),
		  "ports:\n  " D("a", "22/tcp", "from: any, rate: 10/minute"),
		  "narrowed 22/tcp: any -> any; ", false },
		{ "ports:\n  " D("a", "22/tcp", "from: any, until: 2026-12-01"),
		  "ports:\n  " D("a", "22/tcp", "from: any, until: 2026-12-02"),
		  "widened 22/tcp: any -> any; ", true },
		{ "ports:\n  " D("a", "8000-8010/tcp", "from: any"),
		  "ports:\n  " D("a", "[8000-8004/tcp, 8006-8010/tcp]", "from: any"),
		  "shut 8005/tcp: any -> nobody; ", false },
		{ "ports:\n  " D("a", "22/tcp", "from: any"),
		  "ports:\n  " D("renamed", "22/tcp", "from: any"), "", true },
		{ "ports: {}\ndefaults: {inbound: accept}\n", "ports: {}\n", "", false },
		{ "ports: {}\n", "ports: {}\ndefaults: {inbound: accept}\n", "", true },
		{ "ports: {}\n", "ports: {}\ndefaults: {outbound: drop}\n", "", false },
		{ "ports:\n  " D("a", "22/tcp", "from: home"),
		  "ports:\n  " D("a", "22/tcp", "from: home, mode: observe"),
		  "widened 22/tcp: home -> home; ", true },
		{ NULL,
		  "ports:\n  " D("a", "22/tcp",
				 "from: home") "x: {port: 1/tcp, for: x, owner: o, from: host}\n"
					       "defaults: {mode: observe}\n",
		  "", true },
		{ NULL, "ports:\n  " D("a", "22/tcp", "from: any") D("b", "23/tcp", "from: home"),
		  "narrowed 23/tcp: any -> home; ", false },
	};
	check_changes(cases, sizeof(cases) / sizeof(cases[0]));
}

/* Whether a connection that is there goes on. */
static bool lives(const struct policy *policy, const struct enforce_packet *packet)
{
	return enforce_decide(policy, packet, &environment, NULL) != ENFORCE_CLOSED ||
	       !enforce_cuts(policy, packet->protocol, packet->port);
}

/* Whether a port that nobody could reach is opened for somebody. */
static bool opens_first(const struct policy policies[2], uint16_t port)
{
	return !enforce_opens(&policies[0], PROTOCOL_TCP, port, &environment) &&
	       enforce_opens(&policies[1], PROTOCOL_TCP, port, &environment);
}

static struct policy random_ports(unsigned *seed)
{
	static const char *const froms[] = { "any",  "office",         "home",
					     "host", "192.0.2.0/28",   "[home, office]",
					     "vpn",  "198.51.100.0/24" };
	struct str ports = STR_INIT(4096);
	str_add(&ports, "ports:\n");
	for (unsigned i = 0; i < 3; i++) {
		*seed = *seed * 1103515245 + 12345;
		unsigned first = *seed >> 16 & 3;
		str_printf(&ports,
			   "  d%u: {port: %u-%u/tcp, for: x, owner: o, from: "
			   "%s%s%s}\n",
			   i, first + 1, first + 1 + (*seed >> 18 & 1), froms[*seed >> 20 & 7],
			   (*seed >> 26 & 7) == 0 ? ", mode: observe" : "",
			   (*seed >> 28 & 3) == 0 ? ", cut: yes" : "");
	}
	str_printf(&ports, "defaults: {inbound: %s, cut: %s}\n",
		   (*seed >> 24 & 7) == 0 ? "accept" : "drop",
		   (*seed >> 29 & 3) == 0 ? "yes" : "no");
	struct policy policy = policy_of(str_text(&ports));
	str_deinit(&ports);
	return policy;
}

/* What is said to free only, never closes: random pairs of policies, every kind of packet. */
static void what_frees_only_never_closes(void **state)
{
	(void)state;
	static const char *const sources[] = { "192.0.2.3",    "192.0.2.99",  "198.51.100.7",
					       "198.51.100.8", "203.0.113.5", "2001:db8:10::1" };
	unsigned seed = 20261127;
	unsigned freed = 0;
	for (unsigned round = 0; round < 400; round++) {
		struct policy policies[2];
		for (unsigned side = 0; side < 2; side++) {
			policies[side] = random_ports(&seed);
		}
		struct enforce_changes changes;
		assert_int_equal(
			enforce_changes(&changes, &policies[0], &policies[1], &environment, NULL),
			0);
		freed += changes.frees_only;
		for (uint16_t port = 1; port <= 6; port++) {
			for (unsigned i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
				struct enforce_packet packet = { .protocol = PROTOCOL_TCP,
								 .port = port,
								 .interface = "eth0" };
				assert_int_equal(addr_parse(&packet.from, sources[i]), 0);
				int before =
					enforce_decide(&policies[0], &packet, &environment, NULL);
				int after =
					enforce_decide(&policies[1], &packet, &environment, NULL);
				const bool lived = lives(&policies[0], &packet);
				const bool dies = lived && !lives(&policies[1], &packet) &&
						  !opens_first(policies, port);
				if ((changes.frees_only && before == ENFORCE_OPEN &&
				     after != ENFORCE_OPEN) ||
				    (changes.frees_only && dies) ||
				    (!enforce_changes_any(&changes) &&
				     (before != after || lived != lives(&policies[1], &packet)))) {
					struct str text = STR_INIT(1 << 16);
					policy_print(&text, &policies[0]);
					policy_print(&text, &policies[1]);
					fail_msg("port %u from %s: %d, then %d\n%s", port,
						 sources[i], before, after, str_text(&text));
				}
			}
		}
		enforce_changes_deinit(&changes);
		policy_deinit(&policies[0]);
		policy_deinit(&policies[1]);
	}
	assert_true(freed > 10); /* else nothing was tested */
}

/* ---- listings ---- */

static void a_listing_keeps_what_should_stay(void **state)
{
	(void)state;
	static const char listing[] = "table inet minato {\n"
				      "\tmap candidate {\n\t\ttype nf_proto : verdict\n\t}\n\n"
				      "\tset g3-who-a-4 {\n\t\ttype ipv4_addr\n"
				      "\t\telements = { 192.0.2.1,\n\t\t\t     192.0.2.2 }\n\t}\n\n"
				      "\tset g3-rate-a-4 {\n\t\tflags dynamic,timeout\n"
				      "\t\telements = { 192.0.2.1 timeout 1m,\n"
				      "\t\t\t     192.0.2.9 timeout 1m }\n\t}\n\n"
				      "\tchain g2-in {\n\t\taccept\n\t}\n\n"
				      "\tchain mine {\n\t\tdrop\n\t}\n}\n";
	struct str out = STR_INIT(4096);
	listing_reduce(&out, listing, 3);
	assert_string_equal(str_text(&out),
			    "\tchain mine {\n\t\tdrop\n\t}\n"
			    "\tset g3-who-a-4 {\n\t\ttype ipv4_addr\n"
			    "\t\telements = { 192.0.2.1,\n\t\t\t     192.0.2.2 }\n\t}\n"
			    "\tset g3-rate-a-4 {\n\t\tflags dynamic,timeout\n\t}\n");
	str_deinit(&out);
	assert_int_equal(listing_generation("g12-in"), 12);
	assert_int_equal(listing_generation("g0-in"), 0);
	assert_int_equal(listing_generation("gx-in"), 0);
	assert_int_equal(listing_generation("g99999999999999999999-in"), 0);
	assert_int_equal(listing_generation("inbound"), 0);
}

static void the_way_out_is_listed_with_those_who_need_it(void **state)
{
	(void)state;
	static const char listing[] = "table inet minato {\n\tflags dormant\n\n"
				      "\tchain g2-in {\n\t\taccept\n\t}\n\n"
				      "\tchain outbound {\n\t\tx\n\t}\n\n"
				      "\tchain g3-in {\n\t\ty\n\t}\n\n"
				      "\tchain g3-out {\n\t\tdrop\n\t}\n\n"
				      "\tchain inbound {\n\t\tz\n\t}\n}\n";
	struct str out = STR_INIT(4096);
	listing_reduce(&out, listing, 2);
	assert_string_equal(str_text(&out), "\tflags dormant\n\tchain inbound {\n\t\tz\n\t}\n"
					    "\tchain g2-in {\n\t\taccept\n\t}\n");
	str_clear(&out);
	listing_reduce(&out, listing, 3);
	assert_string_equal(str_text(&out), "\tflags dormant\n\tchain inbound {\n\t\tz\n\t}\n"
					    "\tchain outbound {\n\t\tx\n\t}\n"
					    "\tchain g3-in {\n\t\ty\n\t}\n"
					    "\tchain g3-out {\n\t\tdrop\n\t}\n");
	str_deinit(&out);
}

static void a_layer_is_listed_over_what_is_beneath(void **state)
{
	(void)state;
	static const char all[] = "table inet minato {\n"
				  "\tmap g2-tcp {\n\t\ta\n\t}\n\n"
				  "\tmap g3-tcp {\n\t\tb\n\t}\n\n"
				  "\tchain inbound {\n\t\tz\n\t}\n\n"
				  "\tchain g2-in {\n\t\taccept\n\t}\n\n"
				  "\tchain g3-over-2 {\n\t}\n\n"
				  "\tchain g3-in {\n\t\tgoto g2-in\n\t}\n}\n";
	static const char rules[] = "add map inet minato g3-tcp\n"
				    "add chain inet minato g3-over-2\n"
				    "add chain inet minato g3-in\n";
	struct str whole = STR_INIT(4096);
	struct str beneath = STR_INIT(4096);
	struct str own = STR_INIT(4096);
	struct str laid = STR_INIT(4096);
	listing_reduce(&whole, all, 3);
	listing_reduce(&beneath, all, 2);
	listing_own(&own, all, 3);
	assert_null(strstr(str_text(&own), "g2-tcp"));
	assert_null(strstr(str_text(&own), "inbound"));
	listing_lay(&laid, str_text(&beneath), str_text(&own));
	assert_string_equal(str_text(&laid), str_text(&whole));
	str_deinit(&whole);
	str_deinit(&beneath);
	str_deinit(&own);
	str_deinit(&laid);
	assert_int_equal(layers_base_in(rules, 3), 2);
	assert_int_equal(layers_base_in(rules, 2), 0);
	assert_int_equal(layers_base_in("add chain inet minato g3-over-x\n", 3), 0);
}

/* ---- differences ---- */

static void a_difference_names_the_lines_that_came_and_went(void **state)
{
	(void)state;
	static const struct {
		const char *now, *then, *told;
	} cases[] = {
		{ "a\nb\n", "a\nb\n", "" },
		{ "", "", "" },
		{ "a\nnew\nb\n", "a\nb\n", "+ new\n" },
		{ "a\nb\n", "a\nold\nb\n", "- old\n" },
		{ "a\nx\nb\n", "a\ny\nb\n", "+ x\n- y\n" },
		{ "", "a\nb\n", "- a\n- b\n" },
		{ "a\nb", "", "+ a\n+ b\n" },
		/* The same line before and behind: only one of them is new. */
		{ "}\nx\n}\nx\n}\n", "}\nx\n}\n", "+ x\n+ }\n" },
		{ "1\nnew\n2\n3\n4\n", "1\n2\n3\nold\n4\n", "+ new\n- old\n" },
		/* An end in common is not a line in common. */
		{ "drop\n", "don't drop\n", "+ drop\n- don't drop\n" },
		{ "+a\n+b\n+c\n+d\n", "", "+ +a\n+ +b\n+ +c\n" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str out = STR_INIT(4096);
		enforce_difference(&out, cases[i].now, cases[i].then, 3);
		assert_string_equal(str_text(&out), cases[i].told);
		str_deinit(&out);
	}
}

/* ---- what the kernel tells ---- */

struct packet {
	_Alignas(struct nlmsghdr) char bytes[4096];
	size_t length;
};

static struct nlmsghdr *add_message(struct packet *packet, uint16_t kind, uint8_t family)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(packet->bytes + packet->length);
	message->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | kind);
	struct nfgenmsg *head = mnl_nlmsg_put_extra_header(message, sizeof(*head));
	head->nfgen_family = family;
	return message;
}

static void add_object(struct packet *packet, uint16_t kind, uint8_t family, const char *table)
{
	struct nlmsghdr *message = add_message(packet, kind, family);
	mnl_attr_put_strz(message, NFTA_TABLE_NAME, table);
	packet->length += message->nlmsg_len;
}

static void add_commit(struct packet *packet, uint32_t pid, const char *name)
{
	struct nlmsghdr *message = add_message(packet, NFT_MSG_NEWGEN, 0);
	mnl_attr_put_u32(message, NFTA_GEN_ID, htonl(7));
	mnl_attr_put_u32(message, NFTA_GEN_PROC_PID, htonl(pid));
	mnl_attr_put_strz(message, NFTA_GEN_PROC_NAME, name);
	packet->length += message->nlmsg_len;
}

static struct enforce_news heard(const struct packet *packet)
{
	struct enforce_news news = { 0 };
	enforce_news_read(&news, packet->bytes, packet->length);
	return news;
}

static void changes_of_other_tables_are_others(void **state)
{
	(void)state;
	struct packet packet = { .length = 0 };
	add_object(&packet, NFT_MSG_DELTABLE, NFPROTO_INET, "filter");
	add_object(&packet, NFT_MSG_NEWRULE, NFPROTO_IPV4, "minato");
	add_object(&packet, NFT_MSG_NEWRULE, NFPROTO_INET, "minato-more");
	add_commit(&packet, 42, "nft");
	struct enforce_news news = heard(&packet);
	assert_false(news.open || news.touched || news.gone || news.foreign);
	assert_true(news.others && !news.others_open);
	assert_int_equal(news.others_pid, 42);
	assert_string_equal(news.others_name, "nft");
	packet.length = 0;
	add_object(&packet, NFT_MSG_NEWRULE, NFPROTO_INET, "minato");
	add_commit(&packet, 42, "nft");
	assert_false(heard(&packet).others);
}

static void a_change_counts_when_it_is_committed(void **state)
{
	(void)state;
	struct packet packet = { .length = 0 };
	add_object(&packet, NFT_MSG_NEWRULE, NFPROTO_INET, "minato");
	struct enforce_news news = heard(&packet);
	assert_true(news.open && !news.touched);
	struct packet rest = { .length = 0 };
	add_commit(&rest, 42, "nft");
	enforce_news_read(&news, rest.bytes, rest.length);
	assert_true(news.touched && news.foreign && !news.open && !news.gone);
	assert_int_equal(news.pid, 42);
	assert_string_equal(news.name, "nft");
}

static void own_commands_are_not_foreign(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		bool foreign;
	} cases[] = { { "minato", false },
		      { "minato-keeper", false },
		      { "minato-face", true },
		      { "mina", true },
		      { "a name longer than the kernel has", true },
		      { "", true } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct packet packet = { .length = 0 };
		add_object(&packet, NFT_MSG_NEWSETELEM, NFPROTO_INET, "minato");
		add_commit(&packet, 42, cases[i].name);
		struct enforce_news news = heard(&packet);
		assert_true(news.touched);
		assert_int_equal(news.foreign, cases[i].foreign);
		assert_true(strlen(news.name) < sizeof(news.name));
	}
}

static void a_table_that_came_again_is_not_gone(void **state)
{
	(void)state;
	struct packet packet = { .length = 0 };
	add_object(&packet, NFT_MSG_DELRULE, NFPROTO_INET, "minato");
	add_object(&packet, NFT_MSG_DELTABLE, NFPROTO_INET, "minato");
	add_commit(&packet, 42, "nft");
	assert_true(heard(&packet).gone);
	add_object(&packet, NFT_MSG_NEWTABLE, NFPROTO_INET, "minato");
	add_commit(&packet, 43, "minato");
	struct enforce_news news = heard(&packet);
	assert_false(news.gone);
	assert_true(news.foreign);
	assert_int_equal(news.pid, 42);
}

static void messages_that_are_cut_are_left_out(void **state)
{
	(void)state;
	struct packet packet = { .length = 0 };
	add_object(&packet, NFT_MSG_DELTABLE, NFPROTO_INET, "minato");
	add_commit(&packet, 42, "nft");
	for (size_t cut = 0; cut < packet.length; cut++) {
		struct packet part = { .length = cut };
		memcpy(part.bytes, packet.bytes, cut);
		assert_false(heard(&part).touched);
	}
	/* A head that promises more than there is, and attributes that do. */
	struct packet bad = { .length = 0 };
	struct nlmsghdr *message = add_message(&bad, NFT_MSG_NEWRULE, NFPROTO_INET);
	mnl_attr_put_strz(message, NFTA_TABLE_NAME, "minato");
	struct nlattr *attribute = mnl_nlmsg_get_payload_offset(message, sizeof(struct nfgenmsg));
	attribute->nla_len = 4000;
	bad.length = message->nlmsg_len;
	assert_false(heard(&bad).open);
	message->nlmsg_len = sizeof(struct nlmsghdr);
	bad.length = message->nlmsg_len;
	assert_false(heard(&bad).open);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_as_written_down),
		cmocka_unit_test(a_small_change_is_a_layer_as_written_down),
		cmocka_unit_test(what_a_layer_cannot_say_is_written_whole),
		cmocka_unit_test(a_rate_stays_in_one_place),
		cmocka_unit_test(layers_are_known_by_their_names),
		cmocka_unit_test(a_name_that_nft_would_misread_is_refused),
		cmocka_unit_test(overlaps_without_end_are_refused),
		cmocka_unit_test(every_packet_has_its_verdict),
		cmocka_unit_test(where_undeclared_is_open_declared_closed_is_closed),
		cmocka_unit_test(changes_say_what_packets_would_meet),
		cmocka_unit_test(what_frees_only_never_closes),
		cmocka_unit_test(a_listing_keeps_what_should_stay),
		cmocka_unit_test(the_way_out_is_listed_with_those_who_need_it),
		cmocka_unit_test(a_layer_is_listed_over_what_is_beneath),
		cmocka_unit_test(a_difference_names_the_lines_that_came_and_went),
		cmocka_unit_test(changes_of_other_tables_are_others),
		cmocka_unit_test(a_change_counts_when_it_is_committed),
		cmocka_unit_test(own_commands_are_not_foreign),
		cmocka_unit_test(a_table_that_came_again_is_not_gone),
		cmocka_unit_test(messages_that_are_cut_are_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
