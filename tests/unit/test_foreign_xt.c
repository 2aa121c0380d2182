/* Matches and targets of iptables inside rules of nftables: what their bytes mean. */
#include <arpa/inet.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/xt_TPROXY.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "check.h"
#include "observe/foreign.h"
#include "observe/legacy.h"
#include "observe/observe.h"
#include "observe/xt.h"

#define PORTS(op, protocol, right)                                                                 \
	"{\"match\":{\"left\":{\"payload\":{\"field\":\"dport\",\"protocol\":\"" protocol          \
	"\"}},\"op\":\"" op "\",\"right\":" right "}}"
#define STATES(list)                                                                               \
	"{\"match\":{\"left\":{\"ct\":{\"key\":\"state\"}},\"op\":\"in\",\"right\":[" list "]}}"
#define MORE(name) "{\"xt\":{\"name\":\"" name "\",\"type\":\"match\"}}"

union info {
	struct xt_tcp tcp;
	struct xt_udp udp;
	struct xt_multiport_v1 multi;
	struct xt_conntrack_mtinfo3 conntrack;
	struct xt_state_info state;
	struct xt_addrtype_info_v1 addrtype;
	struct nf_nat_ipv4_multi_range_compat old;
	struct nf_nat_range2 range;
	struct xt_tproxy_target_info tproxy;
	struct xt_tproxy_target_info_v1 tproxy1;
};

#define OLD(flags_of, address, port)                                                               \
	{                                                                                          \
		.old = {.rangesize = 1,                                                            \
			.range = { { .flags = (flags_of),                                          \
				     .min_ip = (address),                                          \
				     .min = { .all = (port) } } } }                                \
	}
#define ONE_ADDRESS                                                                                \
	{                                                                                          \
		.in6 = {.s6_addr = { [15] = 1 } }                                                  \
	}

enum {
	PORT = NF_NAT_RANGE_PROTO_SPECIFIED,
	ADDRESS = NF_NAT_RANGE_MAP_IPS,
};

/* Numbers on the wire, of a machine that is little-endian or not. */
static const uint16_t wire_6379 = __builtin_bswap16(6379);

static const struct xt_case {
	const char *name;
	uint32_t revision;
	bool target, ipv6;
	size_t length; /* 0 = whole */
	union info info;
	const char *means; /* NULL = not understood */
} cases[] = {
	{ "tcp", .info.tcp = { .spts = { 0, 65535 }, .dpts = { 23, 23 } },
	  .means = "[" PORTS("==", "tcp", "23") "]" },
	{ "tcp", .info.tcp = { .spts = { 0, 65535 }, .dpts = { 23, 29 } },
	  .means = "[" PORTS("==", "tcp", "{\"range\":[23,29]}") "]" },
	{ "tcp", .info.tcp = { .spts = { 0, 65535 }, .dpts = { 0, 65535 } }, .means = "[]" },
	{ "tcp",
	  .info.tcp = { .spts = { 0, 65535 }, .dpts = { 23, 23 }, .invflags = XT_TCP_INV_DSTPT },
	  .means = "[" PORTS("!=", "tcp", "23") "]" },
	{ "tcp", .info.tcp = { .spts = { 20, 20 }, .dpts = { 23, 23 } },
	  .means = "[" PORTS("==", "tcp", "23") "," MORE("tcp") "]" },
	{ "tcp",
	  .info.tcp = { .spts = { 0, 65535 }, .dpts = { 0, 65535 }, .flg_mask = 2, .flg_cmp = 2 },
	  .means = "[" MORE("tcp") "]" },
	{ "tcp", .length = sizeof(struct xt_tcp) - 1 },
	{ "udp", .info.udp = { .spts = { 0, 65535 }, .dpts = { 53, 53 } },
	  .means = "[" PORTS("==", "udp", "53") "]" },
	{ "udp", .length = 3 },
	{ "multiport", 1, .info.multi = { XT_MULTIPORT_DESTINATION, 3, { 24, 30, 40 }, { 0, 1 } },
	  .means = "[" PORTS("==", "th", "{\"set\":[24,{\"range\":[30,40]}]}") "]" },
	{ "multiport", 1, .info.multi = { XT_MULTIPORT_DESTINATION, 1, { 24 }, .invert = 1 },
	  .means = "[" PORTS("!=", "th", "{\"set\":[24]}") "]" },
	/* A range that the kernel would not take ends where the list does. */
	{ "multiport", 1, .info.multi = { XT_MULTIPORT_DESTINATION, 1, { 24 }, { 1 } },
	  .means = "[" PORTS("==", "th", "{\"set\":[24]}") "]" },
	{ "multiport", 1, .info.multi = { XT_MULTIPORT_EITHER, 1, { 24 } },
	  .means = "[" MORE("multiport") "]" },
	{ "multiport", 1, .info.multi = { XT_MULTIPORT_DESTINATION, XT_MULTI_PORTS + 1 } },
	{ "multiport", 0 },
	{ "conntrack", 3,
	  .info.conntrack = { .match_flags = XT_CONNTRACK_STATE, .state_mask = 2 | 4 },
	  .means = "[" STATES("\"established\",\"related\"") "]" },
	{ "conntrack", 2, .length = sizeof(struct xt_conntrack_mtinfo2),
	  .info.conntrack = { .match_flags = XT_CONNTRACK_STATE, .state_mask = 8 },
	  .means = "[" STATES("\"new\"") "]" },
	{ "conntrack", 3,
	  .info.conntrack = { .match_flags = XT_CONNTRACK_STATE,
			      .invert_flags = XT_CONNTRACK_STATE,
			      .state_mask = 1 | 8 },
	  .means = "[" STATES("\"established\",\"related\",\"untracked\"") "]" },
	{ "conntrack", 3,
	  .info.conntrack = { .match_flags = XT_CONNTRACK_STATE | XT_CONNTRACK_STATUS,
			      .state_mask = 2 },
	  .means = "[" STATES("\"established\"") "," MORE("conntrack") "]" },
	{ "conntrack", 1 },
	{ "conntrack", 3, .length = 8 },
	{ "state", .info.state = { 2 | 4 },
	  .means = "[" STATES("\"established\",\"related\"") "]" },
	{ "addrtype", 1, .info.addrtype = { .dest = XT_ADDRTYPE_LOCAL }, .means = "[]" },
	{ "addrtype", 1,
	  .info.addrtype = { .dest = XT_ADDRTYPE_LOCAL, .flags = XT_ADDRTYPE_INVERT_DEST },
	  .means = "[" MORE("addrtype") "]" },
	{ "comment", .means = "[]" },
	{ "string", .means = NULL },
	{ "REDIRECT", 0, true, .info = OLD(PORT, 0, wire_6379),
	  .means = "[{\"redirect\":{\"port\":6379}}]" },
	{ "REDIRECT", 0, true, .info = OLD(0, 0, 0), .means = "[{\"redirect\":{}}]" },
	{ "REDIRECT", 0, true, true,
	  .info.range = { .flags = PORT, .min_proto = { .all = wire_6379 } },
	  .means = "[{\"redirect\":{\"port\":6379}}]" },
	{ "REDIRECT", 0, true, .length = 4 },
	{ "REDIRECT", 0, true, .info.old = { .rangesize = 2 } },
	{ "DNAT", 0, true, .info = OLD(PORT | ADDRESS, 0x0100007f, wire_6379),
	  .means = "[{\"dnat\":{\"addr\":\"127.0.0.1\",\"port\":6379}}]" },
	{ "DNAT", 2, true, .info.range = { .flags = ADDRESS, .min_addr = { .ip = 0x0100007f } },
	  .means = "[{\"dnat\":{\"addr\":\"127.0.0.1\"}}]" },
	{ "DNAT", 2, true, true,
	  .info.range = { PORT | ADDRESS, ONE_ADDRESS, .min_proto = { .all = wire_6379 } },
	  .means = "[{\"dnat\":{\"addr\":\"::1\",\"port\":6379}}]" },
	{ "DNAT", 3, true },
	{ "TPROXY", 0, true, .info.tproxy = { .lport = wire_6379 },
	  .means = "[{\"tproxy\":{\"port\":6379}}]" },
	{ "TPROXY", 1, true, true, .info.tproxy1 = { .laddr = ONE_ADDRESS, .lport = wire_6379 },
	  .means = "[{\"tproxy\":{\"addr\":\"::1\",\"port\":6379}}]" },
	{ "TPROXY", 2, true },
	{ "REJECT", 0, true, .means = "[{\"reject\":null}]" },
	{ "LOG", 0, true, .means = "[]" },
	{ "NFQUEUE", 0, true },
	/* A match of that name is another thing. */
	{ "REDIRECT", 0, false },
	{ "tcp", 0, true },
};

static void bytes_become_statements(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct xt_case *c = &cases[i];
		/* Just as long as it says, so that a sanitizer sees what is read behind it. */
		const size_t length = c->length != 0 ? c->length : sizeof(c->info);
		_cleanup_(freep) void *info = malloc(length);
		assert_non_null(info);
		memcpy(info, &c->info, length);
		const struct xt_part part = {
			c->target, c->name, c->revision, c->ipv6, info, length
		};
		json_auto_t *statements = xt_statements(&part);
		_cleanup_(freep) char *text =
			statements == NULL ? NULL
					   : json_dumps(statements, JSON_COMPACT | JSON_SORT_KEYS);
		if ((text == NULL) != (c->means == NULL) ||
		    (text != NULL && strcmp(text, c->means) != 0)) {
			fail_msg("%zu: %s gives %s\nnot %s", i, c->name,
				 text == NULL ? "nothing" : text,
				 c->means == NULL ? "nothing" : c->means);
		}
	}
}

#define RULE(handle, expressions)                                                                  \
	",{\"rule\":{\"family\":\"ip\",\"table\":\"t\",\"chain\":\"in\",\"handle\":" handle        \
	",\"expr\":[" expressions "]}}"
#define TCP_80                                                                                     \
	"{\"match\":{\"op\":\"==\",\"left\":{\"payload\":{\"protocol\":\"tcp\",\"field\":"         \
	"\"dport\"}},\"right\":80}}"
#define TARGET(name) ",{\"xt\":{\"type\":\"target\",\"name\":\"" name "\"}}"
#define MATCH(name) ",{\"xt\":{\"type\":\"match\",\"name\":\"" name "\"}}"

static const struct {
	const char *rules, *parts;
	enum foreign_kind
		kind; /* of the only one; the first is 0: then `count` says that none is */
	size_t count;
} documents[] = {
	{ RULE("4", TCP_80 MATCH("comment") TARGET("REDIRECT")),
	  "{\"in 4\":[[],[{\"redirect\":{\"port\":22}}]]}", FOREIGN_REDIRECT, 1 },
	/* Another rule's, and one that has changed. */
	{ RULE("4", TCP_80 TARGET("REDIRECT")), "{\"in 5\":[[{\"redirect\":{\"port\":22}}]]}",
	  FOREIGN_UNCLEAR, 1 },
	{ RULE("4", TCP_80 TARGET("REDIRECT")), "{\"in 4\":[[],[{\"redirect\":{\"port\":22}}]]}",
	  FOREIGN_UNCLEAR, 1 },
	/* Not understood. A chain says so once. */
	{ RULE("4", TCP_80 TARGET("NFQUEUE")) RULE("5", TCP_80 TARGET("NFQUEUE")),
	  "{\"in 4\":[null],\"in 5\":[null]}", FOREIGN_UNCLEAR, 1 },
	/* What decides nothing, and a match alone. */
	{ RULE("4", TCP_80 TARGET("LOG")), "{\"in 4\":[[]]}", 0, 0 },
	{ RULE("4", TCP_80 MATCH("string")), "{\"in 4\":[null]}", 0, 0 },
};

static void they_are_read_in_the_place_of_their_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
		char text[2048];
		struct foreign_rules rules;
		(void)snprintf(
			text, sizeof(text),
			"{\"nftables\":[{\"chain\":{\"family\":\"ip\",\"table\":\"t\",\"name\":"
			"\"in\",\"type\":\"nat\",\"hook\":\"prerouting\",\"prio\":-100,"
			"\"policy\":\"accept\"}}%s]}",
			documents[i].rules);
		json_auto_t *parts = json_loads(documents[i].parts, 0, NULL);
		assert_non_null(parts);
		foreign_rules_init(&rules);
		assert_int_equal(foreign_read(&rules, text, strlen(text), parts), 0);
		size_t seen = 0;
		for (size_t r = 0; r < rules.list.count; r++) {
			seen += rules.list.items[r].protocol == PROTOCOL_TCP ||
				rules.list.items[r].protocol == PROTOCOL_NONE;
			assert_int_equal(rules.list.items[r].kind, documents[i].kind);
		}
		if (seen != documents[i].count) {
			fail_msg("%s: %zu", text, seen);
		}
		foreign_rules_deinit(&rules);
	}
}

/* ---- the kernel's old interface ---- */

#define VERDICT(verdict) (-(verdict)-1)

/* A match or a target: both have one form of head. */
static void add_part(struct str *to, const char *name, const void *data, size_t bytes)
{
	static const char padding[XT_ALIGN(1)];
	struct xt_entry_match head = { 0 };
	const size_t whole = XT_ALIGN(sizeof(head) + bytes);
	head.u.match_size = (uint16_t)whole;
	(void)str_copy(head.u.user.name, sizeof(head.u.user.name), name);
	(void)str_add_bytes(to, (const char *)&head, sizeof(head));
	(void)str_add_bytes(to, data, bytes);
	assert_int_equal(str_add_bytes(to, padding, whole - sizeof(head) - bytes), 0);
}

/* An entry as iptables writes it: a head, for `port` a match of TCP, and the target. */
static void add_entry(struct str *to, uint16_t port, const char *target, int32_t verdict,
		      const char *chain)
{
	struct ipt_entry entry = { .ip = { .proto = port != 0 ? IPPROTO_TCP : 0 } };
	const struct xt_tcp tcp = { .spts = { 0, 65535 }, .dpts = { port, port } };
	char name[XT_FUNCTION_MAXNAMELEN] = "";
	struct str parts = STR_INIT(4096);
	if (port != 0) {
		add_part(&parts, "tcp", &tcp, sizeof(tcp));
	}
	entry.target_offset = (uint16_t)(sizeof(entry) + parts.length);
	if (chain != NULL) {
		(void)str_copy(name, sizeof(name), chain);
		add_part(&parts, target, name, sizeof(name));
	} else {
		add_part(&parts, target, &verdict, sizeof(verdict));
	}
	entry.next_offset = (uint16_t)(sizeof(entry) + parts.length);
	(void)str_add_bytes(to, (const char *)&entry, sizeof(entry));
	assert_int_equal(str_add_bytes(to, str_text(&parts), parts.length), 0);
	str_deinit(&parts);
}

/* INPUT: jumps to "mine" or, if it comes back, refuses; "mine" lets 23/tcp in. */
static struct legacy_table make_table(struct str *bytes)
{
	struct legacy_table table = { .name = "filter", .hooks = 1U << NF_INET_LOCAL_IN };
	struct str trial = STR_INIT(1 << 16);
	size_t mine = 0;
	for (int pass = 0; pass < 2; pass++) { /* first to know where "mine" begins */
		str_clear(&trial);
		add_entry(&trial, 0, "", (int32_t)mine, NULL);
		table.policy[NF_INET_LOCAL_IN] = (uint32_t)trial.length;
		add_entry(&trial, 0, "", VERDICT(NF_DROP), NULL);
		add_entry(&trial, 0, XT_ERROR_TARGET, 0, "mine");
		mine = trial.length;
		add_entry(&trial, 23, "", VERDICT(NF_ACCEPT), NULL);
		add_entry(&trial, 0, "", XT_RETURN, NULL);
		add_entry(&trial, 0, XT_ERROR_TARGET, 0, XT_ERROR_TARGET);
	}
	*bytes = trial;
	table.entries = bytes->text;
	table.length = bytes->length;
	return table;
}

static void tables_of_the_old_interface_are_read(void **state)
{
	(void)state;
	struct str bytes;
	struct foreign_rules rules;
	const struct legacy_table table = make_table(&bytes);
	json_auto_t *document = legacy_document(&table);
	assert_non_null(document);
	foreign_rules_init(&rules);
	assert_int_equal(foreign_read_document(&rules, document), 0);
	bool accepted = false;
	bool refused = false;
	for (size_t i = 0; i < rules.list.count; i++) {
		const struct foreign_rule *rule = &rules.list.items[i];
		accepted |= rule->kind == FOREIGN_ACCEPT && rule->first_port == 23 &&
			    rule->last_port == 23 && rule->protocol == PROTOCOL_TCP &&
			    strcmp(rule->chain, "mine") == 0 && rule->rule == 0;
		refused |= rule->kind == FOREIGN_REFUSE && rule->rule == FOREIGN_POLICY &&
			   strcmp(rule->chain, "INPUT") == 0;
	}
	assert_true(accepted);
	assert_true(refused);
	foreign_rules_deinit(&rules);
	str_deinit(&bytes);
}

/* The kernel checks them; whatever they say, nothing is read beside them. */
static void tables_that_do_not_hold_together_are_refused(void **state)
{
	(void)state;
	struct str bytes;
	struct legacy_table table = make_table(&bytes);
	const size_t whole = table.length;
	for (size_t length = 1; length < whole; length++) {
		_cleanup_(freep) char *cut = malloc(length);
		assert_non_null(cut);
		memcpy(cut, bytes.text, length);
		table.entries = cut;
		table.length = length;
		json_decref(legacy_document(&table)); /* NULL, but where an entry ends */
	}
	_cleanup_(freep) char *changed = malloc(whole);
	assert_non_null(changed);
	table.entries = changed;
	table.length = whole;
	for (size_t i = 0; i < whole; i++) {
		static const char values[] = { 0, 1, 0x7f, (char)0x80, (char)0xff };
		for (size_t v = 0; v < sizeof(values); v++) {
			memcpy(changed, bytes.text, whole);
			changed[i] = values[v];
			json_decref(legacy_document(&table));
		}
	}
	memset(changed, 0, whole); /* an entry of no length would never end */
	assert_null(legacy_document(&table));
	str_deinit(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_become_statements),
		cmocka_unit_test(tables_of_the_old_interface_are_read),
		cmocka_unit_test(tables_that_do_not_hold_together_are_refused),
		cmocka_unit_test(they_are_read_in_the_place_of_their_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
