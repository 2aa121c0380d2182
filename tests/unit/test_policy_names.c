/* policy: host names of who entries, from their syntax to what packets meet. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "enforce/enforce.h"
#include "policy/policy.h"

enum { TODAY = 20785 }; /* 2026-11-28 */

static usec_t day_end(int32_t day)
{
	return (day + (usec_t)1) * USEC_PER_DAY;
}

static const struct enforce_environment environment = { .now = TODAY * USEC_PER_DAY,
							.day_end = day_end };

/* @return as policy_parse; `id` receives the first fault, "" without one. */
static int read_text(struct policy *out, const char *text, bool frozen, char id[64])
{
	struct policy_diagnostics diagnostics;
	const struct policy_environment world = { .today = TODAY, .frozen = frozen };
	int r = policy_parse(out, &diagnostics, "p", text, strlen(text), &world);
	(void)snprintf(id, 64, "%s",
		       diagnostics.list.count == 0 ? "" : diagnostics.list.items[0].id);
	policy_diagnostics_deinit(&diagnostics);
	return r;
}

static struct policy policy_of(const char *text, bool frozen)
{
	struct policy policy = { 0 };
	char id[64];
	int r = read_text(&policy, text, frozen, id);
	if (r != 0) {
		fail_msg("%s: %s", id, text);
	}
	return policy;
}

static struct addr address_of(const char *text)
{
	struct addr address = { 0 };
	assert_int_equal(addr_parse(&address, text), 0);
	return address;
}

/* ---- the syntax ---- */

#define L63 "a23456789-123456789-123456789-123456789-123456789-123456789-123"
#define L61 "a23456789-123456789-123456789-123456789-123456789-123456789-1"

static void names_are_those_of_rfc_1123(void **state)
{
	(void)state;
	static const struct {
		const char *name, *id;
	} cases[] = {
		{ "home.example.net", "" },
		{ "nas", "" },
		{ "3com.example", "" },
		{ "1.2.3.example", "" },
		{ "a-b--c.example", "" },
		{ "HOME.Example.NET", "" },
		{ "xn--wgv71a.example", "" },
		{ "a.0x7f", "" },
		{ L63 ".example", "" },
		{ L63 "." L63 "." L63 "." L61, "" },
		{ L63 "." L63 "." L63 "." L61 "2", "policy-host-name" },
		{ L63 "4.example", "policy-host-name" },
		{ ".example", "policy-host-name" },
		{ "a..example", "policy-host-name" },
		{ "example.", "policy-host-name" },
		{ ".", "policy-host-name-address" },
		{ "-a.example", "policy-host-name" },
		{ "a-.example", "policy-host-name" },
		{ "a.-", "policy-host-name" },
		{ "a_b.example", "policy-host-name" },
		{ "a b.example", "policy-host-name" },
		{ "*.example", "policy-host-name" },
		{ "a.example;b", "policy-host-name" },
		{ "caf\xc3\xa9.example", "policy-host-name" },
		{ "a.example.7", "policy-host-name" },
		{ "192.0.2.9", "policy-host-name-address" },
		{ "127.1", "policy-host-name-address" },
		{ "2130706433", "policy-host-name-address" },
		{ "2001:db8::9", "policy-host-name-address" },
		{ "192.0.2.0/24", "policy-host-name-address" },
		{ "", "policy-empty-value" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct policy policy = { 0 };
		char text[1024];
		char id[64];
		(void)snprintf(text, sizeof(text), "minato: 1\nwho: {a: {name: \"%s\"}}\n",
			       cases[i].name);
		int r = read_text(&policy, text, false, id);
		if (strcmp(id, cases[i].id) != 0 || r != (id[0] == '\0' ? 0 : POLICY_INVALID)) {
			fail_msg("%s: \"%s\" instead of \"%s\"", cases[i].name, id, cases[i].id);
		}
		policy_deinit(&policy);
	}
}

static void a_name_is_kept_in_small_letters(void **state)
{
	(void)state;
	struct policy policy =
		policy_of("minato: 1\nwho: {a: {name: [HOME.Example.net, b.example]}}\n", false);
	assert_int_equal(policy.who.items[0].names.count, 2);
	assert_string_equal(policy.who.items[0].names.items[0].name, "home.example.net");
	assert_true(policy_has_names(&policy));
	policy_deinit(&policy);
}

/* ---- freezing ---- */

static const char by_name[] =
	"minato: 1\n"
	"who:\n"
	"  friend: {name: [home.example, away.example], address: 192.0.2.0/24}\n"
	"  tunnel: {name: home.example, interface: wg0}\n"
	"ports:\n"
	"  ssh: {port: 22/tcp, for: test, owner: o, from: friend}\n"
	"  web: {port: 80/tcp, for: test, owner: o, from: tunnel}\n";

static const char by_address[] =
	"minato: 1\n"
	"who:\n"
	"  friend: {address: [192.0.2.0/24, 203.0.113.9, \"2001:db8::9\", 198.51.100.1]}\n"
	"  tunnel: {address: [203.0.113.9, \"2001:db8::9\"], interface: wg0}\n"
	"ports:\n"
	"  ssh: {port: 22/tcp, for: test, owner: o, from: friend}\n"
	"  web: {port: 80/tcp, for: test, owner: o, from: tunnel}\n";

/* Freezes by_name to what by_address says, in another order, repeated, and mapped. */
static struct policy frozen_policy(void)
{
	struct policy policy = policy_of(by_name, false);
	const struct addr home[] = { address_of("2001:db8::9"), address_of("203.0.113.9"),
				     address_of("2001:db8::9"), address_of("::ffff:203.0.113.9") };
	const struct addr away[] = { address_of("198.51.100.1") };
	const struct policy_answer answers[] = { { "home.example", home, 4 },
						 { "away.example", away, 1 },
						 { "other.example", away, 1 } };
	assert_int_equal(policy_freeze(&policy, answers, 3), 0);
	return policy;
}

static enum enforce_verdict decide(const struct policy *policy, uint16_t port, const char *from)
{
	const struct enforce_packet packet = {
		.protocol = PROTOCOL_TCP, .port = port, .from = address_of(from), .interface = "wg0"
	};
	return enforce_decide(policy, &packet, &environment, NULL);
}

/* Above all: a name that is not frozen is no missing condition. */
static void a_name_that_nobody_asked_for_is_nobody(void **state)
{
	(void)state;
	struct policy policy = policy_of(by_name, false);
	struct str rules = STR_INIT(1 << 20);
	struct err e = ERR_INIT;
	const struct policy_who *who = NULL;
	const struct addr home = address_of("203.0.113.9");
	assert_string_equal(policy_unfrozen(&policy, &who), "home.example");
	assert_string_equal(who->entry.name, "friend");
	assert_int_equal(decide(&policy, 80, "203.0.113.9"), ENFORCE_CLOSED);
	assert_int_equal(decide(&policy, 22, "203.0.113.9"), ENFORCE_CLOSED);
	assert_int_equal(decide(&policy, 22, "192.0.2.9"), ENFORCE_OPEN);
	assert_false(policy_from_has(&policy, &policy.declarations.items[0], &home));
	assert_int_equal(enforce_rules(&rules, &policy, 1, &environment, &e), -EINVAL);
	assert_non_null(strstr(err_text(&e), "home.example"));
	assert_int_equal(rules.length, 0);
	str_deinit(&rules);
	policy_deinit(&policy);
}

static void frozen_names_count_like_addresses(void **state)
{
	(void)state;
	struct policy names = frozen_policy();
	struct policy addresses = policy_of(by_address, false);
	static const char *const sources[] = { "203.0.113.9", "203.0.113.8",  "2001:db8::9",
					       "2001:db8::8", "198.51.100.1", "192.0.2.77" };
	const struct addr home = address_of("203.0.113.9");
	assert_null(policy_unfrozen(&names, NULL));
	assert_true(policy_from_has(&names, &names.declarations.items[0], &home));
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		assert_int_equal(decide(&names, 22, sources[i]),
				 decide(&addresses, 22, sources[i]));
		assert_int_equal(decide(&names, 80, sources[i]),
				 decide(&addresses, 80, sources[i]));
	}
	struct str a = STR_INIT(1 << 20);
	struct str b = STR_INIT(1 << 20);
	assert_int_equal(enforce_rules(&a, &names, 1, &environment, NULL), 0);
	assert_int_equal(enforce_rules(&b, &addresses, 1, &environment, NULL), 0);
	assert_string_equal(str_text(&a), str_text(&b));
	str_deinit(&a);
	str_deinit(&b);
	policy_deinit(&names);
	policy_deinit(&addresses);
}

static void what_is_frozen_is_printed_and_read_back_by_the_record_alone(void **state)
{
	(void)state;
	struct policy policy = frozen_policy();
	struct str text = STR_INIT(1 << 20);
	struct str again = STR_INIT(1 << 20);
	struct policy back = { 0 };
	char id[64];
	assert_int_equal(policy_print(&text, &policy), 0);
	assert_non_null(strstr(str_text(&text), "203.0.113.9"));
	assert_int_equal(read_text(&back, str_text(&text), false, id), POLICY_INVALID);
	assert_string_equal(id, "policy-host-name-frozen");
	back = policy_of(str_text(&text), true);
	assert_null(policy_unfrozen(&back, NULL));
	assert_int_equal(back.who.items[0].declared, 1);
	assert_int_equal(back.who.items[0].addresses.count, 4);
	assert_int_equal(policy_print(&again, &back), 0);
	assert_string_equal(str_text(&again), str_text(&text));
	str_deinit(&text);
	str_deinit(&again);
	policy_deinit(&back);
	policy_deinit(&policy);
}

/* The record keeps a file as it was written only when that says all. */
static void what_is_preserved_says_the_addresses(void **state)
{
	(void)state;
	struct policy policy = policy_of(by_name, false);
	struct policy plain = policy_of(by_address, false);
	struct str text = STR_INIT(1 << 20);
	assert_null(policy.text);
	assert_string_equal(plain.text, by_address);
	policy_deinit(&policy);
	policy = frozen_policy();
	assert_int_equal(policy_preserve(&text, &policy), 0);
	struct policy back = policy_of(str_text(&text), true);
	assert_string_equal(back.text, str_text(&text));
	const struct addr moved[] = { address_of("203.0.113.10") };
	const struct policy_answer answer = { "home.example", moved, 1 };
	assert_int_equal(policy_freeze(&back, &answer, 1), 0);
	str_clear(&text);
	assert_int_equal(policy_preserve(&text, &back), 0);
	assert_non_null(strstr(str_text(&text), "203.0.113.10"));
	assert_null(strstr(str_text(&text), "203.0.113.9"));
	str_deinit(&text);
	policy_deinit(&back);
	policy_deinit(&plain);
	policy_deinit(&policy);
}

static void names_are_frozen_as_in_another_policy(void **state)
{
	(void)state;
	struct policy frozen = frozen_policy();
	struct policy policy = policy_of("minato: 1\nwho: {a: {name: [new.example, away.example]}, "
					 "b: {name: home.example}, c: 192.0.2.1}\n",
					 false);
	assert_int_equal(policy_freeze_as(&policy, &frozen), 0);
	assert_string_equal(policy_unfrozen(&policy, NULL), "new.example");
	assert_int_equal(policy.who.items[0].addresses.count, 1);
	assert_int_equal(policy.who.items[1].addresses.count, 2);
	assert_int_equal(policy.who.items[2].addresses.count, 1);
	policy_deinit(&policy);
	policy_deinit(&frozen);
}

static void more_addresses_than_the_bound_are_left_out(void **state)
{
	(void)state;
	struct policy policy = policy_of(by_name, false);
	struct addr many[POLICY_HOST_NAME_ADDRESSES_MAX + 9];
	for (size_t i = 0; i < sizeof(many) / sizeof(many[0]); i++) {
		const uint8_t bytes[4] = { 203, 0, 113, (uint8_t)i };
		many[i] = addr_from_ipv4(bytes);
	}
	const struct policy_answer answer = { "home.example", many,
					      sizeof(many) / sizeof(many[0]) };
	assert_int_equal(policy_freeze(&policy, &answer, 1), 0);
	assert_int_equal(policy.who.items[1].addresses.count, POLICY_HOST_NAME_ADDRESSES_MAX);
	policy_deinit(&policy);
}

static void each_name_is_asked_for_once(void **state)
{
	(void)state;
	const char *names[POLICY_HOST_NAMES_MAX];
	struct policy policy = policy_of(by_name, false);
	assert_int_equal(policy_host_names(names, &policy), 2);
	assert_string_equal(names[0], "home.example");
	assert_string_equal(names[1], "away.example");
	policy_deinit(&policy);
}

static void another_address_is_an_ordinary_change(void **state)
{
	(void)state;
	struct policy before = frozen_policy();
	struct policy after = frozen_policy();
	struct enforce_changes changes;
	const struct addr moved[] = { address_of("203.0.113.10") };
	const struct policy_answer answer = { "home.example", moved, 1 };
	assert_int_equal(enforce_changes(&changes, &before, &after, &environment, NULL), 0);
	assert_false(enforce_changes_any(&changes));
	enforce_changes_deinit(&changes);
	assert_int_equal(policy_freeze(&after, &answer, 1), 0);
	assert_int_equal(enforce_changes(&changes, &before, &after, &environment, NULL), 0);
	assert_int_equal(changes.count, 2);
	assert_int_equal(changes.items[0].kind, ENFORCE_ALTERED);
	assert_string_equal(
		changes.items[0].before,
		"friend (home.example 203.0.113.9 2001:db8::9; away.example 198.51.100.1)");
	assert_string_equal(changes.items[0].after,
			    "friend (home.example 203.0.113.10; away.example 198.51.100.1)");
	assert_false(changes.frees_only);
	struct str layer = STR_INIT(1 << 20);
	assert_int_equal(enforce_layer(&layer, &before, &after, &changes, 2, 1, &environment, NULL),
			 0);
	assert_non_null(strstr(str_text(&layer), "g2-who-friend-4 { type ipv4_addr; flags "
						 "interval; auto-merge; elements = { "
						 "192.0.2.0/24, 203.0.113.10, 198.51.100.1 } }"));
	assert_null(strstr(str_text(&layer), "203.0.113.9 "));
	str_clear(&layer);
	struct policy unfrozen = policy_of(by_name, false);
	assert_int_equal(
		enforce_layer(&layer, &before, &unfrozen, &changes, 2, 1, &environment, NULL),
		-EINVAL);
	assert_int_equal(layer.length, 0);
	policy_deinit(&unfrozen);
	str_deinit(&layer);
	enforce_changes_deinit(&changes);
	policy_deinit(&before);
	policy_deinit(&after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_those_of_rfc_1123),
		cmocka_unit_test(a_name_is_kept_in_small_letters),
		cmocka_unit_test(a_name_that_nobody_asked_for_is_nobody),
		cmocka_unit_test(frozen_names_count_like_addresses),
		cmocka_unit_test(what_is_frozen_is_printed_and_read_back_by_the_record_alone),
		cmocka_unit_test(what_is_preserved_says_the_addresses),
		cmocka_unit_test(names_are_frozen_as_in_another_policy),
		cmocka_unit_test(more_addresses_than_the_bound_are_left_out),
		cmocka_unit_test(each_name_is_asked_for_once),
		cmocka_unit_test(another_address_is_an_ordinary_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
