/* policy: what is read, and what is asked of it. Diagnostics have golden tests. */
#include <errno.h>
#include <string.h>

#include "check.h"
#include "policy/policy.h"

static const struct policy_environment plain_environment = { .today = 20454 };

/* Reads a policy that has to be right. */
static void read_policy(struct policy *policy, const char *text)
{
	struct policy_diagnostics diagnostics;
	int r = policy_parse(policy, &diagnostics, "p", text, strlen(text), &plain_environment);
	if (r != 0) {
		struct str out = STR_INIT(10000);
		const struct style style = { 0 };
		policy_diagnostics_render(&out, &diagnostics, LANGUAGE_EN, &style);
		print_error("%s", str_text(&out));
		str_deinit(&out);
	}
	policy_diagnostics_deinit(&diagnostics);
	assert_int_equal(r, 0);
}

static const char example[] =
	"minato: 1\n"
	"who:\n"
	"  office: [192.0.2.0/24, \"2001:db8:10::/48\"]\n"
	"  vpn: {interface: wg0}\n"
	"  printer: {mac: \"00:11:22:33:44:aF\", address: 192.0.2.9}\n"
	"  alice: {certificate: {name: alice}}\n"
	"ports:\n"
	"  ssh:\n"
	"    port: 22/tcp\n"
	"    for: administration\n"
	"    owner: ops@example.jp\n"
	"    from: [office, vpn, 198.51.100.1]\n"
	"    program: {unit: ssh.service}\n"
	"    encryption: own\n"
	"    rate: 10/minute\n"
	"    until: 2027-06-30\n"
	"    review: 2027-03-31\n"
	"  web: {profile: https, for: company site, from: any}\n"
	"  lab: {port: [8000-8010/tcp, 8005/udp], for: trial, from: host, interface: eth1,\n"
	"        encryption: none, because: trial only}\n"
	"defaults: {inbound: reject, owner: web@example.jp, ping: no}\n"
	"hosts:\n"
	"  nas:\n"
	"    address: [192.0.2.20, \"2001:db8:10::20\"]\n"
	"    mac: 00-11-22-33-44-66\n"
	"    every: 90m\n"
	"    ports: {smb: {port: 445/tcp, for: files, from: office}}\n"
	"  cam: {address: 192.0.2.30}\n"
	"never_cut: [office, 198.51.100.1]\n";

static void every_key_of_a_declaration_is_read(void **state)
{
	(void)state;
	struct policy policy = { 0 };
	read_policy(&policy, example);
	assert_int_equal(policy.declarations.count, 3);
	const struct policy_declaration *ssh = policy_declaration_named(&policy, "ssh");
	assert_non_null(ssh);
	assert_int_equal(ssh->ports.count, 1);
	assert_int_equal(ssh->ports.items[0].protocol, PROTOCOL_TCP);
	assert_int_equal(ssh->ports.items[0].first, 22);
	assert_string_equal(ssh->purpose, "administration");
	assert_string_equal(ssh->owner, "ops@example.jp");
	assert_int_equal(ssh->from.count, 3);
	assert_int_equal(ssh->from.items[1].kind, POLICY_FROM_WHO);
	assert_int_equal(ssh->from.items[1].who, 1);
	assert_int_equal(ssh->from.items[2].kind, POLICY_FROM_PREFIX);
	assert_string_equal(ssh->program.unit, "ssh.service");
	assert_int_equal(ssh->encryption, POLICY_ENCRYPTION_OWN);
	assert_int_equal(ssh->rate.count, 10);
	assert_int_equal(ssh->rate.per, USEC_PER_MIN);
	assert_int_equal(ssh->until, date_to_days(2027, 6, 30));
	assert_int_equal(ssh->review, date_to_days(2027, 3, 31));
	assert_int_equal(ssh->entry.place.line, 8);
	assert_int_equal(ssh->entry.place.column, 3);
	assert_string_equal(ssh->entry.place.file, "p");
	policy_deinit(&policy);
}

static void who_hosts_and_defaults_are_read(void **state)
{
	(void)state;
	static const uint8_t mac[] = { 0x00, 0x11, 0x22, 0x33, 0x44, 0xaf };
	struct policy policy = { 0 };
	read_policy(&policy, example);
	assert_int_equal(policy.who.count, 4);
	assert_int_equal(policy.who.items[0].addresses.count, 2);
	assert_string_equal(policy.who.items[1].interface, "wg0");
	assert_true(policy.who.items[2].mac.given);
	assert_memory_equal(policy.who.items[2].mac.bytes, mac, sizeof(mac));
	assert_string_equal(policy.who.items[3].certificate.name, "alice");
	assert_int_equal(policy.defaults.inbound, POLICY_REJECT);
	assert_int_equal(policy.defaults.outbound, POLICY_ACCEPT);
	assert_false(policy.defaults.ping);
	assert_int_equal(policy.hosts.count, 2);
	assert_int_equal(policy.hosts.items[0].addresses.count, 2);
	assert_int_equal(policy.hosts.items[0].mac.bytes[5], 0x66);
	assert_int_equal(policy.hosts.items[0].ports.count, 1);
	assert_string_equal(policy.hosts.items[0].ports.items[0].owner, "web@example.jp");
	assert_int_equal(policy.hosts.items[1].ports.count, 0);
	assert_int_equal(policy.hosts.items[0].every, 90 * USEC_PER_MIN);
	assert_int_equal(policy.hosts.items[1].every, 0);
	assert_int_equal(policy.never_cut.count, 2);
	policy_deinit(&policy);
}

static void a_profile_fills_in_what_is_not_written(void **state)
{
	(void)state;
	struct policy policy = { 0 };
	read_policy(&policy,
		    "minato: 1\n"
		    "defaults: {owner: me, from: host}\n"
		    "ports:\n"
		    "  web: {profile: https, for: site}\n"
		    "  moved: {profile: https, for: site, port: 8443/tcp, encryption: gateway}\n"
		    "  plain: {profile: http, for: redirect}\n");
	const struct policy_declaration *web = policy_declaration_named(&policy, "web");
	assert_int_equal(web->ports.items[0].first, 443);
	assert_int_equal(web->encryption, POLICY_ENCRYPTION_OWN);
	assert_string_equal(web->owner, "me");
	assert_true(policy_only_host(web));
	const struct policy_declaration *moved = policy_declaration_named(&policy, "moved");
	assert_int_equal(moved->ports.count, 1);
	assert_int_equal(moved->ports.items[0].first, 8443);
	assert_int_equal(moved->encryption, POLICY_ENCRYPTION_GATEWAY);
	assert_int_equal(policy_declaration_named(&policy, "plain")->encryption,
			 POLICY_ENCRYPTION_UNSAID);
	policy_deinit(&policy);
}

static void a_port_finds_its_declarations(void **state)
{
	(void)state;
	struct policy policy = { 0 };
	read_policy(&policy, example);
	static const struct {
		enum protocol protocol;
		uint16_t port;
		const char *interface, *name;
	} cases[] = {
		{ PROTOCOL_TCP, 22, NULL, "ssh" },     { PROTOCOL_MPTCP, 22, "eth0", "ssh" },
		{ PROTOCOL_UDP, 22, NULL, NULL },      { PROTOCOL_TCP, 8000, NULL, "lab" },
		{ PROTOCOL_TCP, 8010, "eth1", "lab" }, { PROTOCOL_TCP, 8010, "eth0", NULL },
		{ PROTOCOL_TCP, 8011, NULL, NULL },    { PROTOCOL_UDP, 8005, NULL, "lab" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct policy_declaration *d = policy_declaration_for(
			&policy, cases[i].protocol, cases[i].port, cases[i].interface, NULL);
		assert_true((d == NULL) == (cases[i].name == NULL));
		if (d != NULL) {
			assert_string_equal(d->entry.name, cases[i].name);
			assert_null(policy_declaration_for(&policy, cases[i].protocol,
							   cases[i].port, NULL, d));
		}
	}
	policy_deinit(&policy);
}

static void from_tells_who_is_let_in(void **state)
{
	(void)state;
	static const struct {
		const char *name, *address;
		bool in;
	} cases[] = {
		{ "ssh", "192.0.2.77", true },     { "ssh", "::ffff:192.0.2.77", true },
		{ "ssh", "2001:db8:10::1", true }, { "ssh", "198.51.100.1", true },
		{ "ssh", "198.51.100.2", false },  { "web", "203.0.113.1", true },
		{ "lab", "127.0.0.1", true },      { "lab", "::1", true },
		{ "lab", "192.0.2.77", false },
	};
	struct policy policy = { 0 };
	read_policy(&policy, example);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct addr address;
		assert_int_equal(addr_parse(&address, cases[i].address), 0);
		assert_int_equal(policy_from_has(&policy,
						 policy_declaration_named(&policy, cases[i].name),
						 &address),
				 cases[i].in);
	}
	assert_false(policy_only_host(policy_declaration_named(&policy, "ssh")));
	assert_true(policy_only_host(policy_declaration_named(&policy, "lab")));
	policy_deinit(&policy);
}

static void failure_leaves_the_policy_alone(void **state)
{
	(void)state;
	struct policy policy = { .version = 77 };
	struct policy_diagnostics diagnostics;
	const char text[] = "minato: 1\nports: {a: {}}\n";
	assert_int_equal(
		policy_parse(&policy, &diagnostics, "p", text, strlen(text), &plain_environment),
		POLICY_INVALID);
	assert_int_equal(policy.version, 77);
	assert_int_equal(diagnostics.errors, 3);
	assert_int_equal(diagnostics.warnings, 1);
	policy_diagnostics_deinit(&diagnostics);
}

static void empty_maps_are_fine_and_defaults_hold(void **state)
{
	(void)state;
	struct policy policy = { 0 };
	read_policy(&policy, "minato: 1\nwho:\nports:\nhosts: {}\n");
	assert_int_equal(policy.declarations.count, 0);
	assert_int_equal(policy.defaults.inbound, POLICY_DROP);
	assert_true(policy.defaults.ping);
	policy_deinit(&policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_of_a_declaration_is_read),
		cmocka_unit_test(who_hosts_and_defaults_are_read),
		cmocka_unit_test(a_profile_fills_in_what_is_not_written),
		cmocka_unit_test(a_port_finds_its_declarations),
		cmocka_unit_test(from_tells_who_is_let_in),
		cmocka_unit_test(failure_leaves_the_policy_alone),
		cmocka_unit_test(empty_maps_are_fine_and_defaults_hold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
