/* guard: from declared programs to the table, reserved ports, records of what did not fit. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bpf/guard.h"
#include "check.h"
#include "guard/guard.h"
#include "parsed_policy.h"

static const char container_id[] =
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/* ---- a host where a few names are known ---- */

static int find_user(void *context, uint32_t *uid, const char *name)
{
	(void)context;
	if (strcmp(name, "www-data") != 0) {
		return -ENOENT;
	}
	*uid = 33;
	return 0;
}

static int find_executable(void *context, struct guard_file *out, const char *path)
{
	(void)context;
	if (strncmp(path, "/gone/", 6) == 0) {
		return -ENOENT;
	}
	out->device = 8 << 20 | 1;
	(void)str_copy(out->path, sizeof(out->path), path);
	return 0;
}

static int find_container(void *context, char id[GUARD_ID_BYTES], const char *name)
{
	(void)context;
	if (strcmp(name, "shop") != 0) {
		return -ENOENT;
	}
	(void)str_copy(id, GUARD_ID_BYTES, container_id);
	return 0;
}

static const struct guard_environment environment = {
	.user = find_user,
	.executable = find_executable,
	.container = find_container,
	.netns_cookie = 5,
	.root = 1,
	.pid_namespace = 4026531836,
	.now = 17,
};

/* A policy and its table; both are freed by gone(). */
struct world {
	struct policy policy;
	struct guard_table table;
};

static struct world world_of(const char *text, enum guard_mode mode, bool even_never_cut)
{
	struct world world = { .policy = parsed_policy(text) };
	const struct guard_options options = { mode, even_never_cut };
	assert_int_equal(guard_compile(&world.table, &world.policy, &options, &environment, NULL),
			 0);
	return world;
}

static void gone(struct world *world)
{
	guard_table_deinit(&world->table);
	policy_deinit(&world->policy);
}

#define HEAD "minato: 1\nports:\n  "
#define D(name, port, more) name ": {port: " port ", for: test, owner: o, " more "}\n  "

static const struct guard_rule *rule_of(const struct world *world, enum protocol protocol,
					uint16_t port)
{
	size_t index = protocol == PROTOCOL_TCP ? GUARD_TCP : GUARD_UDP;
	uint16_t number = world->table.set->ports[index << 16 | port].rules[0];
	assert_int_not_equal(number, 0);
	return &world->table.set->rules[number];
}

static bool noted(const struct world *world, const char *name, enum guard_note_kind kind)
{
	for (size_t i = 0; i < world->table.notes.count; i++) {
		const struct guard_note *note = &world->table.notes.items[i];
		if (note->kind == kind && strcmp(note->declaration->entry.name, name) == 0) {
			return true;
		}
	}
	return false;
}

/* ---- tables ---- */

static void a_rule_holds_everything_that_was_declared(void **state)
{
	(void)state;
	struct world world = world_of(
		HEAD D("web", "[80/tcp, 8000-8002/udp]",
		       "from: any, program: {unit: nginx.service, executable: /usr/sbin/nginx, "
		       "user: www-data}"),
		GUARD_ENFORCE, false);
	const struct guard_rule *rule = rule_of(&world, PROTOCOL_TCP, 80);
	assert_ptr_equal(rule, rule_of(&world, PROTOCOL_UDP, 8002));
	assert_int_equal(rule->flags, GUARD_RULE_UNIT | GUARD_RULE_EXECUTABLE | GUARD_RULE_USER);
	assert_int_equal(rule->user, 33);
	assert_int_equal(rule->device, 8 << 20 | 1);
	assert_int_equal(rule->name_bytes, strlen("nginx.service"));
	assert_string_equal((const char *)rule->name, "nginx.service");
	assert_int_equal(rule->parts, 3);
	static const char *const parts[] = { "nginx", "sbin", "usr" };
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(rule->part_bytes[i], strlen(parts[i]));
		assert_string_equal((const char *)&rule->path[rule->part_start[i]], parts[i]);
	}
	assert_int_equal(world.table.ports, 4);
	assert_int_equal(world.table.enforced, 4);
	assert_int_equal(portset_count(&world.table.owned), 4);
	const struct guard_head *head = &world.table.set->head;
	assert_int_equal(head->enforce, 1);
	assert_int_equal(head->netns_cookie, 5);
	assert_int_equal(head->root, 1);
	assert_int_equal(head->pid_namespace, 4026531836);
	assert_int_equal(head->made, 17);
	assert_string_equal((const char *)head->helpers[0], "docker-proxy");
	assert_int_equal(world.table.notes.count, 0);
	gone(&world);
}

static void a_port_without_a_program_is_free(void **state)
{
	(void)state;
	struct world world =
		world_of(HEAD D("plain", "80/tcp", "from: any")
				 D("kept", "[81/tcp, 53/udp]",
				   "from: any, interface: eth1, program: {user: www-data}")
					 D("anybody", "53/udp", "from: any, interface: eth0"),
			 GUARD_ENFORCE, false);
	assert_int_equal(guard_table_rules(&world.table, PROTOCOL_TCP, 80, NULL), 0);
	assert_int_equal(guard_table_rules(&world.table, PROTOCOL_TCP, 82, NULL), 0);
	assert_int_equal(guard_table_rules(&world.table, PROTOCOL_TCP, 81, NULL), 1);
	assert_int_equal(guard_table_rules(&world.table, PROTOCOL_MPTCP, 81, NULL), 1);
	assert_int_equal(guard_table_rules(&world.table, PROTOCOL_UDP, 81, NULL), 0);
	/* Another declaration lets anybody. */
	assert_int_equal(guard_table_rules(&world.table, PROTOCOL_UDP, 53, NULL), 0);
	assert_false(portset_has(&world.table.owned, 53));
	gone(&world);
}

static void one_of_several_programs_suffices_up_to_four(void **state)
{
	(void)state;
	struct str text = STR_INIT(1 << 16);
	str_add(&text, HEAD);
	for (unsigned i = 0; i < 5; i++) {
		str_printf(&text,
			   "d%u: {port: [53/udp%s], for: t, owner: o, from: any, interface: eth%u, "
			   "program: {unit: u%u.service}}\n  ",
			   i, i < 4 ? ", 54/udp" : "", i, i);
	}
	struct world world = world_of(str_text(&text), GUARD_ENFORCE, false);
	assert_int_equal(guard_table_rules(&world.table, PROTOCOL_UDP, 54, NULL), 4);
	/* A fifth one does not fit: better free than shut to somebody declared. */
	assert_int_equal(guard_table_rules(&world.table, PROTOCOL_UDP, 53, NULL), 0);
	assert_true(noted(&world, "d4", GUARD_NOTE_TOO_MANY));
	gone(&world);
	str_deinit(&text);
}

static void more_programs_than_fit_leave_their_ports_free(void **state)
{
	(void)state;
	struct str text = STR_INIT(1 << 20);
	str_add(&text, HEAD);
	for (unsigned i = 0; i < GUARD_RULES_MAX + 3; i++) {
		str_printf(&text,
			   "d%u: {port: %u/tcp, for: t, owner: o, from: any, "
			   "program: {user: www-data}}\n  ",
			   i, 1000 + i);
	}
	struct world world = world_of(str_text(&text), GUARD_ENFORCE, false);
	const uint16_t last = 1000 + GUARD_RULES_MAX - 2;
	assert_int_equal(guard_table_rules(&world.table, PROTOCOL_TCP, last, NULL), 1);
	assert_int_equal(guard_table_rules(&world.table, PROTOCOL_TCP, last + 1, NULL), 0);
	assert_true(noted(&world, "d2047", GUARD_NOTE_TOO_MANY));
	assert_int_equal(world.table.ports, GUARD_RULES_MAX - 1);
	gone(&world);
	str_deinit(&text);
}

static void what_cannot_be_told_is_watched_only(void **state)
{
	(void)state;
	static const struct {
		const char *program;
		enum guard_note_kind kind;
		bool watched;
	} cases[] = {
		{ "user: nobody-here", GUARD_NOTE_NO_USER, true },
		{ "executable: /gone/bin/x, user: www-data", GUARD_NOTE_NO_EXECUTABLE, true },
		{ "container: unknown", GUARD_NOTE_NO_CONTAINER, true },
		{ "executable: /a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p, user: www-data",
		  GUARD_NOTE_TOO_LONG, true },
		{ "executable: /usr/bin/x", GUARD_NOTE_WEAK, false },
		{ "container: shop, user: www-data", GUARD_NOTE_CONTAINER, false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str text = STR_INIT(4096);
		bool watched = false;
		str_printf(&text,
			   HEAD "d: {port: 8080/tcp, for: t, owner: o, from: any, program: {%s}}\n",
			   cases[i].program);
		struct world world = world_of(str_text(&text), GUARD_ENFORCE, false);
		assert_int_equal(world.table.notes.count, 1);
		assert_true(noted(&world, "d", cases[i].kind));
		assert_int_equal(guard_table_rules(&world.table, PROTOCOL_TCP, 8080, &watched), 1);
		assert_int_equal(watched, cases[i].watched);
		assert_int_equal(world.table.enforced, !cases[i].watched);
		gone(&world);
		str_deinit(&text);
	}
}

static void long_names_are_watched_only(void **state)
{
	(void)state;
	struct policy policy =
		parsed_policy(HEAD D("d", "8080/tcp", "from: any, program: {unit: x.service}"));
	char unit[GUARD_NAME_BYTES + 1];
	memset(unit, 'a', sizeof(unit));
	const struct guard_options options = { GUARD_ENFORCE, false };
	for (unsigned longer = 0; longer < 2; longer++) {
		struct guard_table table;
		unit[GUARD_NAME_BYTES - 1 + longer] = '\0';
		policy.declarations.items[0].program.unit = unit;
		assert_int_equal(guard_compile(&table, &policy, &options, &environment, NULL), 0);
		assert_int_equal(table.enforced, !longer);
		guard_table_deinit(&table);
		unit[GUARD_NAME_BYTES - 1] = 'a';
	}
	policy_deinit(&policy);
}

static void containers_are_told_by_id_or_its_beginning(void **state)
{
	(void)state;
	static const struct {
		const char *container;
		size_t bytes;
	} cases[] = { { "shop", 64 }, { "0123456789ab", 12 } };
	for (size_t i = 0; i < 2; i++) {
		struct str text = STR_INIT(4096);
		str_printf(&text,
			   HEAD "d: {port: 80/tcp, for: t, owner: o, from: any, "
				"program: {container: \"%s\"}}\n",
			   cases[i].container);
		struct world world = world_of(str_text(&text), GUARD_ENFORCE, false);
		const struct guard_rule *rule = rule_of(&world, PROTOCOL_TCP, 80);
		assert_int_equal(rule->flags, GUARD_RULE_CONTAINER);
		assert_int_equal(rule->name_bytes, cases[i].bytes);
		assert_memory_equal(rule->name, container_id, cases[i].bytes);
		gone(&world);
		str_deinit(&text);
	}
}

static int out_of_reach(void *context, uint32_t *uid, const char *name)
{
	(void)context, (void)uid, (void)name;
	return -EIO;
}

static void a_directory_that_fails_is_no_missing_user(void **state)
{
	(void)state;
	struct policy policy =
		parsed_policy(HEAD D("d", "80/tcp", "from: any, program: {user: www-data}"));
	struct guard_environment broken = environment;
	broken.user = out_of_reach;
	const struct guard_options options = { GUARD_ENFORCE, false };
	struct guard_table table = { .ports = 7 };
	struct err e = ERR_INIT;
	assert_int_equal(guard_compile(&table, &policy, &options, &broken, &e), -EIO);
	assert_int_equal(table.ports, 7);
	assert_non_null(strstr(err_text(&e), "www-data"));
	policy_deinit(&policy);
}

/* ---- who must not be locked out ---- */

static void ports_that_somebody_depends_on_are_spared(void **state)
{
	(void)state;
	static const struct {
		const char *port, *more;
		bool spared;
	} cases[] = {
		{ "22/tcp", "from: any, program: {user: root}", true },
		{ "22/udp", "from: any, program: {user: root}", false },
		{ "50022/tcp", "from: any, program: {unit: ssh.service}", true },
		{ "50022/tcp", "from: any, program: {unit: sshd.service}", true },
		{ "50022/tcp", "from: any, program: {unit: sshguard.service}", false },
		{ "50022/tcp", "from: any, program: {executable: /usr/sbin/sshd}", true },
		{ "443/tcp", "from: any, program: {user: root}", false },
		{ "443/tcp", "from: ops, program: {user: root}", true },
		{ "443/tcp", "from: 192.0.2.9, program: {user: root}", true },
		{ "443/tcp", "from: 192.0.0.0/16, program: {user: root}", true },
		{ "443/tcp", "from: 198.51.100.0/24, program: {user: root}", false },
		{ "443/tcp", "from: tunnel, program: {user: root}", true },
		{ "443/tcp", "from: host, program: {user: root}", false },
		{ "443/tcp", "from: same, program: {user: root}", true },
		{ "443/tcp", "from: other, program: {user: root}", false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str text = STR_INIT(4096);
		str_printf(&text,
			   "minato: 1\nwho:\n  ops: 192.0.2.0/28\n  tunnel: {interface: wg0}\n"
			   "  home: {name: home.example}\n  other: {name: other.example}\n"
			   "  same: {name: [more.example, home.example]}\n"
			   "never_cut: [ops, tunnel, home]\nports:\n  d: {port: %s, for: t, owner: "
			   "o, %s}\n",
			   cases[i].port, cases[i].more);
		struct policy policy = parsed_policy(str_text(&text));
		bool spared = guard_is_spared(&policy, &policy.declarations.items[0]);
		if (spared != cases[i].spared) {
			fail_msg("%s %s", cases[i].port, cases[i].more);
		}
		policy_deinit(&policy);
		str_deinit(&text);
	}
}

static void sparing_can_be_told_not_to(void **state)
{
	(void)state;
	for (unsigned even = 0; even < 2; even++) {
		struct world world =
			world_of(HEAD D("ssh", "22/tcp", "from: any, program: {unit: ssh.service}"),
				 GUARD_ENFORCE, even);
		assert_int_equal(world.table.ports, 1);
		assert_int_equal(world.table.enforced, even);
		assert_int_equal(noted(&world, "ssh", GUARD_NOTE_SPARED), !even);
		gone(&world);
	}
}

/* ---- reserved ports ---- */

static struct portset ports_of(const char *text)
{
	struct portset ports;
	assert_int_equal(portset_parse(&ports, text), 0);
	return ports;
}

static void assert_ports(const struct portset *ports, const char *expected)
{
	struct str text = STR_INIT(1 << 20);
	guard_ports_format(&text, ports);
	assert_string_equal(str_text(&text), expected);
	str_deinit(&text);
}

static void reserved_ports_come_and_go_and_leave_the_others(void **state)
{
	(void)state;
	static const struct {
		const char *now, *owned, *all, *added;
	} cases[] = {
		{ "", "8080", "8080", "8080" },
		{ "3000,8080", "8080,40000-40002", "3000,8080,40000-40002", "40000-40002" },
		{ "1-10", "", "1-10", "" },
		{ "65535", "1,65534", "1,65534-65535", "1,65534" },
		{ "7", "7", "7", "" },
	};
	const struct port_range range = { 32768, 60999 };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct portset now = ports_of(cases[i].now);
		struct portset owned = ports_of(cases[i].owned);
		struct portset all;
		struct portset added;
		assert_int_equal(guard_reserve(&all, &added, &now, &owned, &range), 0);
		assert_ports(&all, cases[i].all);
		assert_ports(&added, cases[i].added);
		/* Meanwhile somebody else reserved one more. */
		portset_add(&all, 999);
		portset_add(&now, 999);
		guard_unreserve(&all, &all, &added);
		assert_memory_equal(&all, &now, sizeof(all));
	}
}

static void half_of_the_ephemeral_range_stays_free(void **state)
{
	(void)state;
	const struct port_range range = { 40000, 40099 };
	struct portset now = ports_of("40000-40009");
	struct portset all = ports_of("1");
	struct portset added = ports_of("2");
	struct portset owned = ports_of("1-100,40010-40050");
	assert_int_equal(guard_reserve(&all, &added, &now, &owned, &range), GUARD_RESERVE_TOO_MUCH);
	assert_ports(&all, "1");
	assert_ports(&added, "2");
	owned = ports_of("1-100,40010-40049");
	assert_int_equal(guard_reserve(&all, &added, &now, &owned, &range), 0);
	/* What another one took too much of is not ours to refuse. */
	now = ports_of("40000-40099");
	owned = ports_of("80,40000");
	assert_int_equal(guard_reserve(&all, &added, &now, &owned, &range), 0);
	assert_ports(&added, "80");
}

/* ---- records ---- */

static void a_record_becomes_an_attempt(void **state)
{
	(void)state;
	struct guard_record record = { .time_ns = 5000,
				       .netns_cookie = 3,
				       .pid = 42,
				       .uid = 1000,
				       .port = 8080,
				       .protocol = 17,
				       .family = AF_INET6,
				       .reason = GUARD_OTHER_UNIT,
				       .flags = GUARD_RECORD_REFUSED,
				       .address = { [15] = 1 },
				       .name = "0123456789abcdef",
				       .unit = "other.service" };
	struct guard_attempt attempt;
	char address[ADDR_TEXT_BYTES];
	assert_int_equal(guard_attempt_read(&attempt, &record, sizeof(record), 100), 0);
	assert_int_equal(attempt.time, 105);
	assert_int_equal(attempt.netns_cookie, 3);
	assert_int_equal(attempt.pid, 42);
	assert_int_equal(attempt.uid, 1000);
	assert_int_equal(attempt.port, 8080);
	assert_int_equal(attempt.protocol, PROTOCOL_UDP);
	assert_string_equal(addr_format(&attempt.address, address), "::1");
	assert_string_equal(guard_misfit_name(attempt.misfit), "unit");
	assert_true(attempt.refused);
	assert_false(attempt.outgoing);
	assert_string_equal(attempt.process, "0123456789abcde");
	assert_string_equal(attempt.unit, "other.service");
	memset(record.unit, 'u', sizeof(record.unit));
	assert_int_equal(guard_attempt_read(&attempt, &record, sizeof(record), 0), 0);
	assert_int_equal(strlen(attempt.unit), sizeof(record.unit) - 1);
	record.family = AF_INET;
	memcpy(record.address, (uint8_t[]){ 192, 0, 2, 1 }, 4);
	assert_int_equal(guard_attempt_read(&attempt, &record, sizeof(record), 0), 0);
	assert_string_equal(addr_format(&attempt.address, address), "192.0.2.1");
	record.flags = GUARD_RECORD_CONNECT;
	record.reason = GUARD_OTHER_DESTINATION;
	assert_int_equal(guard_attempt_read(&attempt, &record, sizeof(record), 0), 0);
	assert_true(attempt.outgoing);
	assert_false(attempt.refused);
	assert_string_equal(guard_misfit_name(attempt.misfit), "destination");
}

static void a_foreign_record_is_refused(void **state)
{
	(void)state;
	const struct guard_record good = { .protocol = 6,
					   .family = AF_INET,
					   .reason = GUARD_OTHER_USER };
	struct guard_record bad[] = { good, good, good, good };
	struct guard_attempt attempt = { .port = 7 };
	bad[0].protocol = 132;
	bad[1].family = AF_UNIX;
	bad[2].reason = GUARD_FITS;
	bad[3].reason = GUARD_ENDED + 1;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(guard_attempt_read(&attempt, &bad[i], sizeof(bad[i]), 0),
				 -EBADMSG);
	}
	assert_int_equal(guard_attempt_read(&attempt, &good, sizeof(good) - 1, 0), -EBADMSG);
	assert_int_equal(attempt.port, 7);
	assert_int_equal(guard_attempt_read(&attempt, &good, sizeof(good), 0), 0);
}

/* ---- repeated attempts ---- */

struct told {
	unsigned calls;
	uint64_t counts; /* all of them */
	uint64_t last;
};

static void hear(const struct guard_attempt *attempt, uint64_t count, void *data)
{
	struct told *told = data;
	assert_int_not_equal(attempt->port, 0);
	told->calls++;
	told->counts += count;
	told->last = count;
}

static void attempt_at(struct guard_repeats *repeats, struct told *told, uint16_t port, usec_t time)
{
	const struct guard_attempt attempt = {
		.time = time, .protocol = PROTOCOL_TCP, .port = port, .process = "rogue"
	};
	guard_repeats_add(repeats, &attempt, hear, told);
}

static void what_repeats_itself_is_told_once_a_minute(void **state)
{
	(void)state;
	struct guard_repeats repeats = { 0 };
	struct told told = { 0 };
	const usec_t start = 1000 * USEC_PER_SEC;
	for (usec_t i = 0; i < 60; i++) {
		attempt_at(&repeats, &told, 80, start + i * USEC_PER_SEC);
	}
	assert_int_equal(told.calls, 1);
	attempt_at(&repeats, &told, 81, start + 59 * USEC_PER_SEC);
	assert_int_equal(told.calls, 2);
	attempt_at(&repeats, &told, 80, start + 60 * USEC_PER_SEC);
	assert_int_equal(told.calls, 3);
	assert_int_equal(told.last, 60);
	attempt_at(&repeats, &told, 80, start + 61 * USEC_PER_SEC);
	guard_repeats_flush(&repeats, start + 119 * USEC_PER_SEC, false, hear, &told);
	assert_int_equal(told.calls, 3);
	guard_repeats_flush(&repeats, start + 120 * USEC_PER_SEC, false, hear, &told);
	assert_int_equal(told.calls, 4);
	assert_int_equal(told.counts, 63);
	attempt_at(&repeats, &told, 80, start); /* the clock was set back */
	assert_int_equal(told.calls, 5);
}

static void many_different_attempts_are_bounded_and_none_is_uncounted(void **state)
{
	(void)state;
	static struct guard_repeats repeats;
	struct told told = { 0 };
	const usec_t start = 1000 * USEC_PER_SEC;
	for (unsigned i = 0; i < 50000; i++) {
		attempt_at(&repeats, &told, (uint16_t)(1 + i % 5000), start + i * 100);
	}
	assert_int_equal(told.calls, GUARD_REPEATS_MAX + 1);
	guard_repeats_flush(&repeats, start, true, hear, &told);
	assert_int_equal(told.counts, 50000);
	/* When they have been quiet their places are for others. */
	told = (struct told){ 0 };
	attempt_at(&repeats, &told, 6000, start + 200 * USEC_PER_SEC);
	attempt_at(&repeats, &told, 6001, start + 200 * USEC_PER_SEC);
	assert_int_equal(told.calls, 2);
}

/* ---- changes ---- */

/* "kept 80/tcp:  -> unit: a.service!" with "!" where others are refused. */
static void assert_changes(const char *before, const char *after, const char *expected)
{
	struct policy old = { 0 };
	struct policy new = parsed_policy(after);
	struct guard_changes changes;
	struct str text = STR_INIT(1 << 16);
	if (before != NULL) {
		old = parsed_policy(before);
	}
	assert_int_equal(guard_changes(&changes, before == NULL ? NULL : &old, &new, NULL), 0);
	for (size_t i = 0; i < changes.list.count; i++) {
		const struct guard_change *change = &changes.list.items[i];
		str_printf(&text, "%s %s: %s%s -> %s%s\n", guard_change_name(change->kind),
			   change->ports, change->before, change->refused_before ? "!" : "",
			   change->after, change->refused_after ? "!" : "");
	}
	assert_string_equal(str_text(&text), expected);
	str_deinit(&text);
	guard_changes_deinit(&changes);
	policy_deinit(&old);
	policy_deinit(&new);
}

#define ENFORCED "defaults: {guard: enforce}\n"
#define SWITCHED_OFF "defaults: {guard: off}\n"
#define VERSION "minato: 1\n"
#define PORTS "ports:\n  "
#define A D("a", "[80-82/tcp, 53/udp]", "program: {unit: a.service}")

static void changes_of_the_guard_are_told_by_port(void **state)
{
	(void)state;
	const char plain[] = HEAD D("a", "80/tcp", "from: host");
	const char watched[] = HEAD A;
	const char enforced[] = VERSION ENFORCED PORTS A;
	const char off[] = VERSION SWITCHED_OFF PORTS A;
	assert_changes(NULL, plain, "");
	assert_changes(NULL, off, "");
	assert_changes(watched, watched, "");
	assert_changes(NULL, watched,
		       "kept 80-82/tcp:  -> unit: a.service\n"
		       "kept 53/udp:  -> unit: a.service\n");
	assert_changes(watched, off,
		       "freed 80-82/tcp: unit: a.service -> \n"
		       "freed 53/udp: unit: a.service -> \n");
	assert_changes(watched, enforced,
		       "altered 80-82/tcp: unit: a.service -> unit: a.service!\n"
		       "altered 53/udp: unit: a.service -> unit: a.service!\n");
	assert_changes(
		VERSION ENFORCED PORTS D("a", "80-82/tcp", "program: {unit: a.service}"),
		VERSION ENFORCED PORTS D("a", "[80/tcp, 82/tcp]", "program: {unit: a.service}")
			D("b", "81/tcp", "program: {executable: /usr/bin/b, user: www-data}"),
		"altered 81/tcp: unit: a.service! -> executable: /usr/bin/b, user: "
		"www-data!\n");
}

static void what_is_spared_is_told_as_watched(void **state)
{
	(void)state;
	assert_changes(NULL,
		       VERSION ENFORCED PORTS D("s", "22/tcp", "program: {unit: ssh.service}"),
		       "kept 22/tcp:  -> unit: ssh.service\n");
}

static void a_policy_without_programs_or_with_guard_off_wants_none(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool wanted;
	} cases[] = { { HEAD D("a", "80/tcp", "from: host"), false },
		      { HEAD A, true },
		      { VERSION ENFORCED PORTS A, true },
		      { VERSION SWITCHED_OFF PORTS A, false } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct policy policy = parsed_policy(cases[i].text);
		assert_int_equal(guard_is_wanted(&policy), cases[i].wanted);
		policy_deinit(&policy);
	}
	struct policy policy = parsed_policy(VERSION ENFORCED PORTS A);
	struct str text = STR_INIT(4096);
	assert_int_equal(guard_options_of(&policy).mode, GUARD_ENFORCE);
	guard_programs_format(&text, &policy, PROTOCOL_TCP, 81);
	assert_string_equal(str_text(&text), "unit: a.service");
	str_clear(&text);
	guard_programs_format(&text, &policy, PROTOCOL_UDP, 81);
	assert_string_equal(str_text(&text), "");
	str_deinit(&text);
	policy_deinit(&policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_holds_everything_that_was_declared),
		cmocka_unit_test(a_port_without_a_program_is_free),
		cmocka_unit_test(one_of_several_programs_suffices_up_to_four),
		cmocka_unit_test(more_programs_than_fit_leave_their_ports_free),
		cmocka_unit_test(what_cannot_be_told_is_watched_only),
		cmocka_unit_test(long_names_are_watched_only),
		cmocka_unit_test(containers_are_told_by_id_or_its_beginning),
		cmocka_unit_test(a_directory_that_fails_is_no_missing_user),
		cmocka_unit_test(ports_that_somebody_depends_on_are_spared),
		cmocka_unit_test(sparing_can_be_told_not_to),
		cmocka_unit_test(reserved_ports_come_and_go_and_leave_the_others),
		cmocka_unit_test(half_of_the_ephemeral_range_stays_free),
		cmocka_unit_test(a_record_becomes_an_attempt),
		cmocka_unit_test(a_foreign_record_is_refused),
		cmocka_unit_test(what_repeats_itself_is_told_once_a_minute),
		cmocka_unit_test(many_different_attempts_are_bounded_and_none_is_uncounted),
		cmocka_unit_test(changes_of_the_guard_are_told_by_port),
		cmocka_unit_test(what_is_spared_is_told_as_watched),
		cmocka_unit_test(a_policy_without_programs_or_with_guard_off_wants_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
