/* policy: written and read again, compared, made from an inventory. */
#include <errno.h>
#include <string.h>

#include "check.h"
#include "policy/policy.h"

static const struct policy_environment environment = { .today = 20454 };

/* Reads a policy that has to be right; shows its faults otherwise. */
static void read_policy(struct policy *policy, const char *text)
{
	struct policy_diagnostics diagnostics;
	int r = policy_parse(policy, &diagnostics, "p", text, strlen(text), &environment);
	if (r != 0) {
		struct str out = STR_INIT(100000);
		const struct style style = { 0 };
		policy_diagnostics_render(&out, &diagnostics, LANGUAGE_EN, &style);
		print_error("%s\n---\n%s", str_text(&out), text);
		str_deinit(&out);
	}
	policy_diagnostics_deinit(&diagnostics);
	assert_int_equal(r, 0);
}

/* ---- property: what is printed reads as what it was ---- */

enum { ROUNDS = 400, WHO_MAX = 6 };

static uint64_t seed;

/* xorshift64*, Vigna 2016: the same policies in every run. */
static uint32_t draw(uint32_t below)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (uint32_t)((seed * 0x2545f4914f6cdd1dULL) >> 33) % below;
}

static const char *pick(const char *const *words, uint32_t count)
{
	return words[draw(count)];
}

#define PICK(words) pick(words, sizeof(words) / sizeof((words)[0]))

/* Texts that YAML, or another reader of it, would take for something else. */
static const char *const texts[] = {
	"plain",         "\"yes\"",       "\"no\"",
	"'12'",          "\"0x1F\"",      "\"~\"",
	"\"a: b\"",      "'it''s'",       "\"- dash\"",
	"本社の管理用",  "\"# no\"",      "\"tab: [x]\"",
	"\"*star\"",     "\"&and\"",      "\"null\"",
	"\"1e3\"",       "'{brace}'",     "\"back\\\\slash\"",
	"\"12:30:45\"",  "\"@at\"",       "\"%percent\"",
	"\"trailing \"", "\"quote\\\"\"", "\"...\"",
};
static const char *const networks[] = { "192.0.2.0/24", "198.51.100.7", "\"2001:db8::/32\"",
					"\"::1\"", "0.0.0.0/0" };
static const char *const profiles[] = { "https", "ssh", "wireguard", "minecraft" };

static void add_who(struct str *out, uint32_t count)
{
	str_add(out, count == 0 ? "" : "who:\n");
	for (uint32_t i = 0; i < count; i++) {
		str_printf(out, "  who%u: ", i);
		switch (draw(4)) {
		case 0:
			str_printf(out, "%s\n", PICK(networks));
			break;
		case 1:
			str_printf(out, "[%s, %s]\n", PICK(networks), PICK(networks));
			break;
		case 2:
			str_printf(out, "{interface: wg%u, mac: \"0A:1b:22:33:44:%02x\"}\n", i,
				   draw(256));
			break;
		default:
			str_printf(out, "{certificate: {name: %s}, address: %s}\n", PICK(texts),
				   PICK(networks));
			break;
		}
	}
}

static void add_from(struct str *out, uint32_t who_count)
{
	switch (draw(4)) {
	case 0:
		str_add(out, "any");
		break;
	case 1:
		str_printf(out, "[host, %s]", PICK(networks));
		break;
	default:
		if (who_count > 0) {
			str_printf(out, "[who%u, %s]", draw(who_count), PICK(networks));
		} else {
			str_add(out, "host");
		}
		break;
	}
}

static void add_extras(struct str *out, bool here)
{
	static const char *const programs[] = { "{unit: ssh.service}", "{executable: /usr/bin/x}",
						"{user: \"1000\"}",
						"{container: web, user: www-data}" };
	static const char *const encryptions[] = { "own", "gateway",
						   "none, because: \"old: clients\"" };
	static const char *const rates[] = { "1/second", "10/minute", "600/hour", "1000000/day" };
	if (draw(2) == 0) {
		str_printf(out, ", encryption: %s", PICK(encryptions));
	}
	if (draw(2) == 0) {
		str_printf(out, ", until: 2%03u-0%u-1%u", 27 + draw(900), 1 + draw(9), draw(10));
	}
	if (draw(3) == 0) {
		str_printf(out, ", review: 2027-0%u-2%u", 1 + draw(9), draw(9));
	}
	if (here && draw(2) == 0) {
		str_printf(out, ", program: %s, rate: %s", PICK(programs), PICK(rates));
	}
	if (here && draw(2) == 0) {
		str_printf(out, ", cut: %s", draw(2) == 0 ? "yes" : "no");
	}
}

static void add_declarations(struct str *out, const char *indent, uint32_t who_count, bool here)
{
	uint32_t count = draw(6);
	str_printf(out, "%sports:\n", indent);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t port = 1000 * i + 1 + draw(400);
		str_printf(out, "%s  service.%u: {for: %s, owner: %s, from: ", indent, i,
			   PICK(texts), PICK(texts));
		add_from(out, who_count);
		if (here) {
			str_printf(out, ", interface: eth%u", i); /* profiles may meet */
		}
		switch (draw(3)) {
		case 0:
			str_printf(out, ", port: %u/tcp", port);
			break;
		case 1:
			str_printf(out, ", port: [%u-%u/udp, %u/sctp]", port, port + draw(500),
				   port);
			break;
		default:
			str_printf(out, ", profile: %s", here ? PICK(profiles) : "https");
			if (!here) {
				str_printf(out, ", port: %u/tcp", port);
			}
			break;
		}
		add_extras(out, here);
		str_add(out, "}\n");
	}
}

static void add_forward(struct str *out, uint32_t who_count)
{
	static const char *const ports[] = { "", "port: 443/tcp, ",
					     "port: [53/udp, 8000-8010/tcp], " };
	for (uint32_t i = 0; i < 3; i++) {
		const char *who = who_count > 0 ? "who0" : "any";
		str_printf(out, "%s  way%u: {%sfor: %s, owner: %s, from: %s",
			   i == 0 ? "forward:\n" : "", i, PICK(ports), PICK(texts), PICK(texts),
			   who);
		if (draw(2) == 0) {
			str_printf(out, ", to: [%s, \"2001:db8:9::/48\"]", PICK(networks));
		}
		str_printf(out, "%s%s}\n", draw(2) == 0 ? ", interface: docker0" : "",
			   draw(2) == 0 ? ", out: eth1" : "");
	}
}

static void add_defend(struct str *out, uint32_t who_count)
{
	static const char *const actions[] = { "record", "alert", "hide", "slow", "ban" };
	static const char *const modes[] = { "\"off\"", "observe", "enforce" };
	str_printf(out, "defend:\n  mode: %s\n  actions: {scan: %s, trap: %s, flood: %s}\n",
		   PICK(modes), PICK(actions), PICK(actions), draw(2) > 0 ? "alert" : "record");
	str_printf(out, "  hide: %us\n  ban: %um\n  longest: %ud\n", 10 + draw(3000), 1 + draw(200),
		   1 + draw(30));
	str_printf(out, "  per_minute: %u\n  at_most: %u\n", 1 + draw(600), 1 + draw(50000));
	str_add(out, draw(2) > 0 ? "  rate: 5/minute\n  memory: 4w\n" : "  proof: handshake\n");
	str_add(out, draw(2) > 0 ? "  xdp: {generic: [eth0, eth1]}\n" : "  xdp: {native: wan}\n");
	if (who_count == 0) {
		str_printf(out, "  never: %s\n", PICK(networks));
	}
}

static void random_policy(struct str *out)
{
	uint32_t who_count = draw(WHO_MAX);
	str_add(out, "minato: 1\n");
	add_who(out, who_count);
	add_declarations(out, "", who_count, true);
	if (draw(2) == 0) {
		add_forward(out, who_count);
	}
	if (draw(2) == 0) {
		str_printf(out,
			   "defaults: {inbound: reject, forward: drop, ping: no, cut: %s, owner: "
			   "%s, from: ",
			   draw(2) == 0 ? "yes" : "no", PICK(texts));
		add_from(out, who_count);
		str_add(out, "}\n");
	}
	if (draw(2) == 0) {
		str_printf(out, "hosts:\n  nas:\n    address: [192.0.2.20, \"2001:db8::%x\"]\n",
			   draw(65536));
		if (draw(2) == 0) {
			str_printf(out, "    every: %um\n", 1 + draw(500));
		}
		add_declarations(out, "    ", who_count, false);
	}
	if (draw(2) == 0) {
		str_printf(out, "never_cut: [%s]\n", who_count > 0 ? "who0" : PICK(networks));
		add_defend(out, who_count);
	}
}

static void same_defend(const struct policy_defend *a, const struct policy_defend *b)
{
	assert_int_equal(a->mode, b->mode);
	assert_memory_equal(&a->actions, &b->actions, sizeof(a->actions));
	assert_int_equal(a->hide, b->hide);
	assert_int_equal(a->ban, b->ban);
	assert_int_equal(a->longest, b->longest);
	assert_int_equal(a->memory, b->memory);
	assert_int_equal(a->rate.count, b->rate.count);
	assert_int_equal(a->per_minute, b->per_minute);
	assert_int_equal(a->at_most, b->at_most);
	assert_int_equal(a->proof, b->proof);
	assert_int_equal(a->never.count, b->never.count);
	assert_int_equal(a->xdp.generic.count, b->xdp.generic.count);
	assert_int_equal(a->xdp.native.count, b->xdp.native.count);
}

static void printed_policies_read_as_what_they_were(void **state)
{
	(void)state;
	seed = 20261122;
	for (int round = 0; round < ROUNDS; round++) {
		struct str text = STR_INIT(1 << 16);
		struct str first = STR_INIT(1 << 16);
		struct str second = STR_INIT(1 << 16);
		struct policy policy = { 0 };
		struct policy again = { 0 };
		struct policy_changes changes;
		random_policy(&text);
		read_policy(&policy, str_text(&text));
		assert_int_equal(policy_print(&first, &policy), 0);
		read_policy(&again, str_text(&first));
		assert_int_equal(policy_print(&second, &again), 0);
		assert_string_equal(str_text(&first), str_text(&second));
		assert_int_equal(policy_diff(&changes, &policy, &again), 0);
		assert_int_equal(changes.list.count, 0);
		policy_changes_deinit(&changes);
		assert_int_equal(policy.defaults.cut, again.defaults.cut);
		for (size_t i = 0; i < policy.declarations.count; i++) {
			assert_int_equal(policy.declarations.items[i].cut,
					 again.declarations.items[i].cut);
		}
		assert_int_equal(policy.forward.count, again.forward.count);
		same_defend(&policy.defend, &again.defend);
		policy_deinit(&policy);
		policy_deinit(&again);
		str_deinit(&text);
		str_deinit(&first);
		str_deinit(&second);
	}
}

/* ---- diff ---- */

static const char base_policy[] = "minato: 1\n"
				  "who: {office: 192.0.2.0/24}\n"
				  "ports:\n"
				  "  ssh: {port: 22/tcp, for: a, owner: b, from: office}\n"
				  "  ftp: {port: 21/tcp, for: a, owner: b, from: office}\n";

static void differences_name_key_before_and_after(void **state)
{
	(void)state;
	static const struct {
		const char *after;
		enum policy_change_kind kind;
		const char *path, *before, *now;
	} cases[] = {
		{ "minato: 1\n"
		  "who: {office: 192.0.2.0/24}\n"
		  "ports:\n"
		  "  ftp: {port: 21/tcp, for: a, owner: b, from: office}\n"
		  "  ssh: {port: 22/tcp, for: a, owner: b, from: [office, 10.0.0.1]}\n",
		  POLICY_CHANGED, "ports.ssh.from", "office", "[office, 10.0.0.1]" },
		{ "minato: 1\n"
		  "who: {office: 192.0.2.0/24}\n"
		  "ports:\n"
		  "  ssh: {port: 22/tcp, for: a, owner: b, from: office}\n",
		  POLICY_REMOVED, "ports.ftp", "port: 21/tcp, for: a, owner: b, from: office",
		  NULL },
		{ "minato: 1\n"
		  "who: {office: 192.0.2.0/24}\n"
		  "ports:\n"
		  "  ssh: {port: 22/tcp, for: a, owner: b, from: office, rate: 1/day}\n"
		  "  ftp: {port: 21/tcp, for: a, owner: b, from: office}\n",
		  POLICY_ADDED, "ports.ssh.rate", NULL, "1/day" },
		{ "minato: 1\n"
		  "who: {office: 192.0.2.0/24}\n"
		  "ports:\n"
		  "  ssh: {port: 22/tcp, for: a, owner: b, from: office}\n"
		  "  ftp: {port: 21/tcp, for: a, owner: b, from: office}\n"
		  "hosts: {nas: {address: 192.0.2.1, every: 60m}}\n",
		  POLICY_ADDED, "hosts.nas", NULL, "address: 192.0.2.1, every: 1h" },
		{ "minato: 1\n"
		  "who: {office: 192.0.2.0/24}\n"
		  "ports:\n"
		  "  ssh: {port: 22/tcp, for: a, owner: b, from: office}\n"
		  "  ftp: {port: 21/tcp, for: a, owner: b, from: office}\n"
		  "defend: {hide: 20m, ban: 60m}\n",
		  POLICY_ADDED, "defend.hide", NULL, "20m" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct policy before = { 0 };
		struct policy after = { 0 };
		struct policy_changes changes;
		read_policy(&before, base_policy);
		read_policy(&after, cases[i].after);
		assert_int_equal(policy_diff(&changes, &before, &after), 0);
		assert_int_equal(changes.list.count, 1);
		const struct policy_change *change = &changes.list.items[0];
		assert_int_equal(change->kind, cases[i].kind);
		assert_string_equal(change->path, cases[i].path);
		assert_true((change->before == NULL) == (cases[i].before == NULL));
		assert_true((change->after == NULL) == (cases[i].now == NULL));
		if (change->before != NULL) {
			assert_string_equal(change->before, cases[i].before);
		}
		if (change->after != NULL) {
			assert_string_equal(change->after, cases[i].now);
		}
		policy_changes_deinit(&changes);
		policy_deinit(&before);
		policy_deinit(&after);
	}
}

/* ---- init ---- */

static void add_listener(struct inventory *inventory, enum protocol protocol, const char *address,
			 uint16_t port, int32_t pid)
{
	uint32_t index = (uint32_t)inventory->listeners.count;
	struct listener *l = vec_push(&inventory->listeners);
	assert_non_null(l);
	l->protocol = protocol;
	l->port = port;
	assert_int_equal(addr_parse(&l->address, address), 0);
	if (pid == 0) {
		return;
	}
	l->ownership = OWNERSHIP_OWNED;
	l->first_owner = (uint32_t)inventory->owners.count;
	l->owner_count = 1;
	struct owner *owner = vec_push(&inventory->owners);
	assert_non_null(owner);
	owner->listener = index;
	for (size_t i = 0; i < inventory->processes.count; i++) {
		if (inventory->processes.items[i].pid == pid) {
			owner->process = (uint32_t)i;
		}
	}
}

static struct process *add_process(struct inventory *inventory, int32_t pid, const char *name)
{
	struct process *p = vec_push(&inventory->processes);
	assert_non_null(p);
	p->pid = pid;
	p->name = name;
	return p;
}

static void make_inventory(struct inventory *inventory)
{
	inventory_init(inventory, 0);
	inventory->time = 1795305600 * USEC_PER_SEC; /* 2026-11-22 */
	inventory->hostname = "port\n  - evil: 1";
	inventory->ephemeral = (struct port_range){ 32768, 60999 };
	struct netns *host = vec_push(&inventory->netns);
	assert_non_null(host);
	host->kind = NETNS_HOST;
	struct process *sshd = add_process(inventory, 10, "sshd");
	sshd->executable = "/usr/sbin/sshd";
	sshd->unit = "ssh.service";
	struct process *app = add_process(inventory, 20, "app: [x]\n\033[2J");
	app->executable = "/opt/a: b #c/app";
	add_process(inventory, 30, "named")->user = "bind";
	add_listener(inventory, PROTOCOL_TCP, "0.0.0.0", 22, 10);
	add_listener(inventory, PROTOCOL_TCP, "::", 22, 10);
	add_listener(inventory, PROTOCOL_TCP, "127.0.0.1", 9999, 20);
	add_listener(inventory, PROTOCOL_UDP, "192.0.2.1", 53, 30);
	add_listener(inventory, PROTOCOL_TCP, "192.0.2.1", 53, 30);
	add_listener(inventory, PROTOCOL_TCP, "0.0.0.0", 12, 0);
	add_listener(inventory, PROTOCOL_UDP, "0.0.0.0", 40404, 20);
	struct published *p = vec_push(&inventory->published);
	assert_non_null(p);
	p->protocol = PROTOCOL_TCP;
	p->first_port = p->last_port = 16379;
	p->target_port = 6379;
	p->container_name = "cache";
}

static void what_is_observed_becomes_a_valid_policy(void **state)
{
	(void)state;
	struct inventory inventory;
	make_inventory(&inventory);
	for (int language = LANGUAGE_EN; language <= LANGUAGE_JA; language++) {
		struct str text = STR_INIT(1 << 16);
		struct policy policy = { 0 };
		assert_int_equal(policy_init(&text, &inventory, (enum language)language), 0);
		read_policy(&policy, str_text(&text));
		assert_int_equal(policy.declarations.count, 5);
		const struct policy_declaration *ssh =
			policy_declaration_for(&policy, PROTOCOL_TCP, 22, NULL, NULL);
		assert_non_null(ssh);
		assert_string_equal(ssh->entry.name, "ssh");
		assert_string_equal(ssh->program.unit, "ssh.service");
		assert_string_equal(ssh->owner, POLICY_UNCONFIRMED);
		assert_string_not_equal(ssh->purpose, POLICY_UNCONFIRMED);
		assert_int_equal(ssh->from.items[0].kind, POLICY_FROM_ANY);
		const struct policy_declaration *dns =
			policy_declaration_for(&policy, PROTOCOL_UDP, 53, NULL, NULL);
		assert_ptr_equal(dns,
				 policy_declaration_for(&policy, PROTOCOL_TCP, 53, NULL, NULL));
		assert_string_equal(dns->program.user, "bind");
		const struct policy_declaration *app =
			policy_declaration_for(&policy, PROTOCOL_TCP, 9999, NULL, NULL);
		assert_true(policy_only_host(app));
		assert_string_equal(app->program.executable, "/opt/a: b #c/app");
		const struct policy_declaration *cache =
			policy_declaration_for(&policy, PROTOCOL_TCP, 16379, NULL, NULL);
		assert_string_equal(cache->program.container, "cache");
		assert_null(policy_declaration_for(&policy, PROTOCOL_UDP, 40404, NULL, NULL));
		assert_non_null(strstr(str_text(&text), "40404/udp"));
		assert_null(strchr(str_text(&text), '\033'));
		policy_deinit(&policy);
		str_deinit(&text);
	}
	inventory_deinit(&inventory);
}

static void a_host_without_listeners_gets_an_empty_policy(void **state)
{
	(void)state;
	struct inventory inventory;
	struct str text = STR_INIT(1 << 16);
	struct policy policy = { 0 };
	inventory_init(&inventory, 0);
	assert_int_equal(policy_init(&text, &inventory, LANGUAGE_EN), 0);
	read_policy(&policy, str_text(&text));
	assert_int_equal(policy.declarations.count, 0);
	policy_deinit(&policy);
	str_deinit(&text);
	inventory_deinit(&inventory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(printed_policies_read_as_what_they_were),
		cmocka_unit_test(differences_name_key_before_and_after),
		cmocka_unit_test(what_is_observed_becomes_a_valid_policy),
		cmocka_unit_test(a_host_without_listeners_gets_an_empty_policy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
