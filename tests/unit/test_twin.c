/* twin: packets as bytes, listings of rules, and the way from trace events to an answer. */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "check.h"
#include "twin/way.h"

static struct addr address(const char *text)
{
	struct addr out;
	assert_int_equal(addr_parse(&out, text), 0);
	return out;
}

/* ---- Packets ---- */

static const uint8_t mac[TWIN_MAC_BYTES] = { 2, 0, 0, 0, 0, 1 };

static const struct {
	uint8_t protocol, seen_protocol;
	const char *from, *to;
	uint16_t port;
} packets[] = {
	{ IPPROTO_TCP, IPPROTO_TCP, "198.51.100.7", "192.0.2.1", 22 },
	{ IPPROTO_UDP, IPPROTO_UDP, "198.51.100.7", "192.0.2.1", 53 },
	{ IPPROTO_TCP, IPPROTO_TCP, "2001:db8::9", "2001:db8::1", 443 },
	{ IPPROTO_UDP, IPPROTO_UDP, "2001:db8::9", "2001:db8::1", 65535 },
	{ IPPROTO_ICMP, IPPROTO_ICMP, "198.51.100.7", "192.0.2.1", 0 },
	{ IPPROTO_ICMP, IPPROTO_ICMPV6, "2001:db8::9", "2001:db8::1", 0 },
};

static uint32_t sum(const uint8_t *bytes, size_t length)
{
	uint32_t total = 0;
	for (size_t i = 0; i < length; i += 2) {
		total += (uint32_t)(bytes[i] << 8 | (i + 1 < length ? bytes[i + 1] : 0));
	}
	return total;
}

static uint32_t folded(uint32_t total)
{
	while (total >> 16 != 0) {
		total = (total & 0xffff) + (total >> 16);
	}
	return total;
}

/* Over pseudo header and segment, a right checksum makes 0xffff (RFC 1071). */
static void check_sums(const uint8_t *network, size_t length, bool ipv6, uint8_t protocol)
{
	const size_t head = ipv6 ? 40 : 20;
	uint32_t total = sum(network + head, length - head);
	if (!ipv6) {
		assert_int_equal(folded(sum(network, head)), 0xffff);
	}
	if (protocol != IPPROTO_ICMP) {
		total += sum(network + (ipv6 ? 8 : 12), ipv6 ? 32 : 8) + protocol +
			 (uint32_t)(length - head);
	}
	assert_int_equal(folded(total), 0xffff);
}

static void a_packet_is_recognised_by_its_cookie(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		uint8_t frame[FRAME_MAX_BYTES];
		const struct frame_mark mark = { .cookie = 0x89abcdef, .from_port = 40001 };
		const struct twin_packet packet = { .protocol = packets[i].protocol,
						    .from = address(packets[i].from),
						    .to = address(packets[i].to),
						    .port = packets[i].port };
		const bool ipv6 = packet.to.family == ADDR_IPV6;
		const size_t head = FRAME_ETHERNET_BYTES + (ipv6 ? 40 : 20);
		size_t length = frame_build(frame, &packet, mac, &mark);
		assert_in_range(length, head + 20, FRAME_MAX_BYTES);
		assert_memory_equal(frame, mac, sizeof(mac));
		check_sums(frame + FRAME_ETHERNET_BYTES, length - FRAME_ETHERNET_BYTES, ipv6,
			   packets[i].seen_protocol);
		struct frame_seen seen;
		assert_true(frame_read(&seen, frame + FRAME_ETHERNET_BYTES,
				       head - FRAME_ETHERNET_BYTES, frame + head, 20));
		assert_int_equal(seen.cookie, mark.cookie);
		assert_int_equal(seen.protocol, packets[i].seen_protocol);
		assert_int_equal(seen.port, packets[i].port);
		assert_int_equal(addr_compare(&seen.from, &packet.from), 0);
		assert_int_equal(addr_compare(&seen.to, &packet.to), 0);
	}
}

static void answers_are_no_probes(void **state)
{
	(void)state;
	uint8_t frame[FRAME_MAX_BYTES];
	struct frame_seen seen;
	const struct frame_mark mark = { .cookie = 7, .from_port = 40001 };
	struct twin_packet packet = { .protocol = IPPROTO_TCP,
				      .from = address("192.0.2.9"),
				      .to = address("192.0.2.1") };
	(void)frame_build(frame, &packet, mac, &mark);
	frame[FRAME_ETHERNET_BYTES + 20 + 13] = 0x12; /* SYN and ACK */
	assert_true(frame_read(&seen, frame + 14, 20, frame + 34, 20));
	assert_int_equal(seen.cookie, 0);
	packet.protocol = IPPROTO_ICMP;
	(void)frame_build(frame, &packet, mac, &mark);
	frame[FRAME_ETHERNET_BYTES + 20] = 0; /* echo reply */
	assert_true(frame_read(&seen, frame + 14, 20, frame + 34, 20));
	assert_int_equal(seen.cookie, 0);
}

static void what_cannot_be_sent_is_refused(void **state)
{
	(void)state;
	uint8_t frame[FRAME_MAX_BYTES];
	const struct frame_mark mark = { .cookie = 7, .from_port = 40001 };
	struct twin_packet packet = { .protocol = IPPROTO_TCP,
				      .from = address("192.0.2.9"),
				      .to = address("2001:db8::1") };
	assert_int_equal(frame_build(frame, &packet, mac, &mark), 0);
	packet.to = (struct addr){ 0 };
	assert_int_equal(frame_build(frame, &packet, mac, &mark), 0);
	packet.to = address("192.0.2.1");
	packet.protocol = IPPROTO_SCTP;
	assert_int_equal(frame_build(frame, &packet, mac, &mark), 0);
}

static void short_headers_are_not_read(void **state)
{
	(void)state;
	const uint8_t bytes[40] = { 0x45 };
	struct frame_seen seen;
	assert_false(frame_read(&seen, bytes, 19, bytes, 20));
	assert_false(frame_read(&seen, bytes, 20, bytes, 19));
	assert_false(frame_read(&seen, bytes, 0, bytes, 20));
}

/* ---- Listings ---- */

static const char listing[] = "table inet filter { # handle 1\n"
			      "\tset friends { # handle 4\n"
			      "\t\ttype ipv4_addr\n"
			      "\t\telements = { 10.0.0.1,\n"
			      "\t\t\t     10.0.0.2 }\n"
			      "\t}\n"
			      "\n"
			      "\tchain input { # handle 2\n"
			      "\t\tcomment \"who comes in\"\n"
			      "\t\ttype filter hook input priority filter; policy drop;\n"
			      "\t\ttcp dport 22 accept comment \"a # handle 3\" # handle 7\n"
			      "\t\tip saddr @friends jump more # handle 9\n"
			      "\t\ttype filter hook # handle 10\n"
			      "\t}\n"
			      "\n"
			      "\tchain more { # handle 3\n"
			      "\t\tlimit rate 5/second accept # handle 11\n"
			      "\t\ttcp dport 80 accept # handle 12\n"
			      "\t\tlimit rate 3/minute log prefix \"x\" # handle 13\n"
			      "\t}\n"
			      "}\n"
			      "table ip nat { # handle 2\n"
			      "\tchain PREROUTING { # handle 1\n"
			      "\t\ttype nat hook prerouting priority dstnat; policy accept;\n"
			      "\t\tmeta l4proto tcp  xt match addrtype counter packets 0 bytes 0 "
			      "dnat to 10.0.0.2:80 # handle 2\n"
			      "\t}\n"
			      "}\n";

static void who_was_counted_as_refused_is_left_out(void **state)
{
	static const char before[] = "table inet other {\n"
				     "\tset refused-4 {\n"
				     "\t\telements = { 192.0.2.1 }\n"
				     "\t}\n"
				     "}\n"
				     "table inet minato { # handle 1\n"
				     "\tset refused-4 { # handle 1\n"
				     "\t\tflags dynamic,timeout\n"
				     "\t\telements = { 192.0.2.1 . tcp . 80 expires 59m,\n"
				     "\t\t\t     192.0.2.2 . tcp . 81 expires 59m }\n"
				     "\t}\n"
				     "\n"
				     "\tset forward-would-6 { # handle 2\n"
				     "\t\telements = { 2001:db8::1 . udp . 53 }\n"
				     "\t}\n"
				     "\tset g1-friends { # handle 3\n"
				     "\t\telements = { 192.0.2.9,\n"
				     "\t\t\t     192.0.2.10 }\n"
				     "\t}\n"
				     "}\n";
	static const char after[] = "table inet other {\n"
				    "\tset refused-4 {\n"
				    "\t\telements = { 192.0.2.1 }\n"
				    "\t}\n"
				    "}\n"
				    "table inet minato { # handle 1\n"
				    "\tset refused-4 { # handle 1\n"
				    "\t\tflags dynamic,timeout\n"
				    "\t}\n"
				    "\n"
				    "\tset forward-would-6 { # handle 2\n"
				    "\t}\n"
				    "\tset g1-friends { # handle 3\n"
				    "\t\telements = { 192.0.2.9,\n"
				    "\t\t\t     192.0.2.10 }\n"
				    "\t}\n"
				    "}\n";
	char text[sizeof(before)];
	(void)state;
	(void)memcpy(text, before, sizeof(before));
	rules_forget_counted(text);
	assert_string_equal(text, after);
	(void)memcpy(text, listing,
		     sizeof(listing) < sizeof(text) ? sizeof(listing) : sizeof(text));
	text[sizeof(text) - 1] = '\0';
	char cut[sizeof(text)];
	(void)memcpy(cut, text, sizeof(text));
	rules_forget_counted(text); /* of others nothing, wherever it ends */
	assert_string_equal(text, cut);
}

static void read_listing(struct twin_rules *rules)
{
	assert_int_equal(twin_rules_read(rules, strdup(listing)), 0);
}

static void a_listing_is_understood(void **state)
{
	(void)state;
	struct twin_rules rules;
	read_listing(&rules);
	assert_int_equal(rules.tables.count, 2);
	assert_false(rules.tables.items[0].foreign);
	assert_true(rules.tables.items[1].foreign);
	assert_int_equal(rules.tables.items[1].length, strlen(strstr(listing, "table ip nat")) - 1);
	const struct chain *input = twin_rules_chain(&rules, "inet", "filter", "input");
	assert_non_null(input);
	assert_string_equal(input->hook, "input");
	assert_string_equal(input->type, "filter");
	assert_int_equal(input->count, 3);
	const struct rule *first = &rules.rules.items[input->first];
	assert_int_equal(first->handle, 7);
	assert_string_equal(first->text, "tcp dport 22 accept comment \"a # handle 3\"");
	assert_null(twin_rules_chain(&rules, "inet", "filter", "more")->hook);
	assert_null(twin_rules_chain(&rules, "ip", "filter", "input"));
	twin_rules_deinit(&rules);
}

static void a_copy_is_renumbered_by_place(void **state)
{
	(void)state;
	struct twin_rules rules;
	size_t place = 0;
	char handles[] = "inet filter input 3\ninet filter input 4\ninet filter input 5\n"
			 "inet filter input 99\ninet filter more 6\ninet other x 1\nbroken\n\n";
	read_listing(&rules);
	twin_rules_renumber(&rules, handles);
	const struct chain *input = twin_rules_chain(&rules, "inet", "filter", "input");
	assert_true(twin_rules_place(&place, &rules, input, 4));
	assert_int_equal(place, 1);
	assert_false(twin_rules_place(&place, &rules, input, 99));
	const struct chain *more = twin_rules_chain(&rules, "inet", "filter", "more");
	assert_true(twin_rules_place(&place, &rules, more, 6));
	assert_int_equal(place, 0);
	assert_int_equal(rules.rules.items[more->first + 1].handle, 0);
	twin_rules_deinit(&rules);
}

static void any_bytes_are_taken_as_a_listing(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",
		"\n",
		"table",
		"table inet",
		"table inet x {",
		"}\n}\n",
		"\tchain x {\n\t\ta # handle 1\n",
		"table inet x {\n\tchain",
		"table inet x {\n\tchain c {\n\t\ttype  hook \n\t\t # handle 1",
		"table inet x {\n\tchain c {\n\t\trule # handle 99999999999999999999999\n\t}\n}\n",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct twin_rules rules;
		assert_int_equal(twin_rules_read(&rules, strdup(texts[i])), 0);
		twin_rules_deinit(&rules);
	}
	for (size_t length = 0; length < sizeof(listing); length++) {
		struct twin_rules rules;
		assert_int_equal(twin_rules_read(&rules, strndup(listing, length)), 0);
		twin_rules_deinit(&rules);
	}
}

static void rules_of_iptables_are_found_by_place(void **state)
{
	(void)state;
	static const char saved[] =
		"*nat\n-A INPUT -j WRONG\nCOMMIT\n*filter\n:INPUT ACCEPT [0:0]\n"
		"-A INPUT -p tcp -j DROP\n-A INPUT2 -j DROP\n-A INPUT -j ACCEPT\nCOMMIT\n";
	struct str out = STR_INIT(1024);
	assert_int_equal(rules_saved(&out, saved, "filter", "INPUT", 1), 0);
	assert_string_equal(str_text(&out), "-A INPUT -j ACCEPT");
	assert_int_equal(rules_saved(&out, saved, "filter", "INPUT", 2), -ENOENT);
	assert_int_equal(rules_saved(&out, saved, "mangle", "INPUT", 0), -ENOENT);
	assert_int_equal(rules_saved(&out, NULL, "filter", "INPUT", 0), -ENOENT);
	str_deinit(&out);
}

static void how_a_rule_rejects(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "tcp dport 1 reject", "icmp port-unreachable" },
		{ "tcp dport 1 reject with tcp reset comment \"x\"", "tcp reset" },
		{ "counter packets 0 bytes 0 reject with icmpx admin-prohibited",
		  "icmpx admin-prohibited" },
		{ "-A INPUT -j REJECT", "icmp-port-unreachable" },
		{ "-A INPUT -j REJECT --reject-with tcp-reset", "tcp-reset" },
		{ "tcp dport 1 drop", NULL },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str out = STR_INIT(256);
		assert_int_equal(rules_rejects(&out, rows[i][0]), rows[i][1] != NULL);
		assert_string_equal(str_text(&out), rows[i][1] == NULL ? "" : rows[i][1]);
		str_deinit(&out);
	}
}

static void owners_are_known_by_their_names(void **state)
{
	(void)state;
	static const char *const rows[][3] = {
		{ "filter", "ufw-user-input", "ufw" },
		{ "filter", "ufw6-user-input", "ufw" },
		{ "filter", "DOCKER-USER", "docker" },
		{ "firewalld", "filter_INPUT", "firewalld" },
		{ "f2b-table", "f2b-chain", "fail2ban" },
		{ "filter", "f2b-sshd", "fail2ban" },
		{ "minato", "input", "minato" },
		{ "netavark", "INPUT", "podman" },
		{ "filter", "LIBVIRT_INP", "libvirt" },
		{ "nat", "KUBE-SERVICES", "kubernetes" },
		{ "filter", "INPUT", "unknown" },
		{ "firewalldx", "x", "unknown" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_string_equal(twin_owner(rows[i][0], rows[i][1]), rows[i][2]);
	}
}

static void a_rule_for_another_port_raises_no_doubt(void **state)
{
	(void)state;
	static const struct {
		const char *rule;
		bool concerns; /* a SYN to 22 that was translated to 80 */
	} rows[] = {
		{ "limit rate 5/second accept", true },
		{ "tcp dport 22 limit rate 5/second accept", true },
		{ "tcp dport 80 limit rate 5/second accept", true },
		{ "tcp dport 25 limit rate 5/second accept", false },
		{ "udp dport 22 limit rate 5/second accept", false },
		{ "tcp dport 20-30 limit rate 5/second accept", true },
		{ "tcp dport 30-40 limit rate 5/second accept", false },
		{ "tcp dport { 25, 22 } limit rate 5/second accept", true },
		{ "tcp dport { 25, 70-90 } limit rate 5/second accept", true },
		{ "tcp dport { 25, 110-143 } limit rate 5/second accept", false },
		{ "tcp dport != 22 limit rate 5/second accept", true },
		{ "tcp dport @open limit rate 5/second accept", true },
		{ "tcp dport vmap { 25 : drop } limit rate 5/second", true },
		{ "ip saddr . tcp dport { 10.0.0.1 . 25 } limit rate 5/second", true },
		{ "limit rate 5/second accept comment \"tcp dport 25 x\"", true },
		{ "tcp dport ssh limit rate 5/second accept", true },
		{ "tcp dport 99999999999999999999 accept", true },
		{ "tcp dport {", true },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(suspect_concerns(rows[i].rule, IPPROTO_TCP, 22, 80),
				 rows[i].concerns);
	}
}

/* ---- From events to an answer ---- */

enum { COOKIE = 77, PACKET_ID = 5 };

struct told {
	const char *family, *table, *chain;
	enum trace_type type;
	uint64_t handle;
	int32_t verdict;
	const char *target;
};

static int take(struct way *way, const struct told *told, bool first)
{
	struct trace_event event = { .id = PACKET_ID,
				     .type = told->type,
				     .family = told->family,
				     .table = told->table,
				     .chain = told->chain,
				     .handle = told->handle,
				     .verdict = told->verdict,
				     .target = told->target == NULL ? "" : told->target,
				     .has_packet = first };
	event.packet = (struct frame_seen){ .cookie = COOKIE, .port = 22 };
	event.packet.to = address("192.0.2.1");
	return way_take(way, &event);
}

#define END(hook)                                                                                  \
	{                                                                                          \
		"inet", WAY_TABLE, WAY_END hook, TRACE_POLICY, 0, NF_ACCEPT, NULL                  \
	}
#define INPUT(...)                                                                                 \
	{                                                                                          \
		"inet", "filter", "input", __VA_ARGS__                                             \
	}

static const struct {
	struct told events[8];
	enum twin_outcome outcome;
	enum twin_cause cause;
	int deciding; /* number of the step; -1 = none */
	size_t doubts;
} ways[] = {
	{ { END("prerouting"), INPUT(TRACE_RULE, 7, NF_ACCEPT, NULL), END("input") },
	  TWIN_ACCEPTED,
	  TWIN_CAUSE_RULE,
	  0,
	  0 },
	{ { END("prerouting"), INPUT(TRACE_POLICY, 0, NF_DROP, NULL) },
	  TWIN_DROPPED,
	  TWIN_CAUSE_RULE,
	  0,
	  0 },
	{ { END("prerouting"),
	    INPUT(TRACE_RULE, 9, NFT_JUMP, "more"),
	    { "inet", "filter", "more", TRACE_RULE, 12, NF_ACCEPT, NULL },
	    END("input") },
	  TWIN_ACCEPTED,
	  TWIN_CAUSE_RULE,
	  1,
	  1 },
	{ { END("prerouting"),
	    INPUT(TRACE_RULE, 9, NFT_JUMP, "more"),
	    { "inet", "filter", "more", TRACE_RETURN, 0, NFT_CONTINUE, NULL },
	    INPUT(TRACE_POLICY, 0, NF_DROP, NULL) },
	  TWIN_DROPPED,
	  TWIN_CAUSE_RULE,
	  1,
	  1 },
	{ { END("prerouting"), END("input") }, TWIN_ACCEPTED, TWIN_CAUSE_NONE, -1, 0 },
	{ { END("prerouting"), END("forward"), END("postrouting") },
	  TWIN_FORWARDED,
	  TWIN_CAUSE_NONE,
	  -1,
	  0 },
	{ { END("prerouting") }, TWIN_UNROUTED, TWIN_CAUSE_NONE, -1, 0 },
	{ { END("prerouting"), INPUT(TRACE_RULE, 7, NF_ACCEPT, NULL) },
	  TWIN_DROPPED,
	  TWIN_CAUSE_UNTRACED,
	  -1,
	  0 },
	{ { { "ip", "nat", "PREROUTING", TRACE_RULE, 2, NF_ACCEPT, NULL },
	    END("prerouting"),
	    END("forward"),
	    END("postrouting") },
	  TWIN_FORWARDED,
	  TWIN_CAUSE_NONE,
	  -1,
	  0 },
	{ { END("prerouting"), INPUT(TRACE_RULE, 7, NF_QUEUE | 3 << 16, NULL) },
	  TWIN_UNKNOWN,
	  TWIN_CAUSE_RULE,
	  0,
	  0 },
	{ { { NULL } }, TWIN_UNKNOWN, TWIN_CAUSE_UNTRACED, -1, 0 },
};

static void the_last_word_decides(void **state)
{
	(void)state;
	struct twin_rules host;
	struct legend legend = { .host = &host };
	read_listing(&host);
	read_listing(&legend.twin);
	assert_int_equal(legend_suspect(&legend), 0);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct way way;
		struct twin_answer answer;
		way_begin(&way, &answer, &legend, COOKIE);
		for (size_t e = 0; e < 8 && ways[i].events[e].family != NULL; e++) {
			assert_int_equal(take(&way, &ways[i].events[e], e == 0), 0);
		}
		assert_int_equal(way_decide(&way), 0);
		assert_int_equal(answer.outcome, ways[i].outcome);
		assert_int_equal(answer.cause, ways[i].cause);
		assert_ptr_equal(answer.deciding, ways[i].deciding < 0
							  ? NULL
							  : &answer.steps.items[ways[i].deciding]);
		assert_int_equal(answer.doubts.count, ways[i].doubts);
		twin_answer_deinit(&answer);
	}
	twin_rules_deinit(&host);
	twin_rules_deinit(&legend.twin);
	free(legend.suspects.items);
}

static void events_of_other_packets_are_passed_over(void **state)
{
	(void)state;
	struct twin_rules host;
	struct legend legend = { .host = &host };
	struct way way;
	struct twin_answer answer;
	const struct told told = END("input");
	read_listing(&host);
	read_listing(&legend.twin);
	way_begin(&way, &answer, &legend, COOKIE + 1);
	assert_int_equal(take(&way, &told, true), 0);
	assert_int_equal(take(&way, &told, false), 0);
	assert_int_equal(way_decide(&way), 0);
	assert_int_equal(answer.outcome, TWIN_UNKNOWN);
	twin_answer_deinit(&answer);
	twin_rules_deinit(&host);
	twin_rules_deinit(&legend.twin);
}

static void a_way_without_end_is_cut(void **state)
{
	(void)state;
	struct twin_rules host;
	struct legend legend = { .host = &host };
	struct way way;
	struct twin_answer answer;
	const struct told told = INPUT(TRACE_RULE, 7, NFT_CONTINUE, NULL);
	read_listing(&host);
	read_listing(&legend.twin);
	way_begin(&way, &answer, &legend, COOKIE);
	for (size_t i = 0; i < TWIN_STEPS_MAX + 9; i++) {
		assert_int_equal(take(&way, &told, i == 0), 0);
	}
	assert_int_equal(answer.steps.count, TWIN_STEPS_MAX);
	assert_int_equal(answer.doubts.count, 1);
	assert_int_equal(answer.doubts.items[0].kind, TWIN_DOUBT_STEPS);
	twin_answer_deinit(&answer);
	twin_rules_deinit(&host);
	twin_rules_deinit(&legend.twin);
}

/* ---- Messages ---- */

static struct nlmsghdr *message(char *buffer)
{
	const uint8_t network[20] = { 0x45, [9] = IPPROTO_TCP, [12] = 192, 0, 2, 9, 192, 0, 2, 1 };
	const uint8_t transport[20] = { 0x9c, 0x41, 0, 22, 0, 0, 0, COOKIE, [12] = 0x50, 0x02 };
	struct nlmsghdr *head = mnl_nlmsg_put_header(buffer);
	head->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_TRACE;
	struct nfgenmsg *family = mnl_nlmsg_put_extra_header(head, sizeof(*family));
	family->nfgen_family = NFPROTO_INET;
	mnl_attr_put_u32(head, NFTA_TRACE_ID, htonl(PACKET_ID));
	mnl_attr_put_u32(head, NFTA_TRACE_TYPE, htonl(NFT_TRACETYPE_RULE));
	mnl_attr_put_strz(head, NFTA_TRACE_TABLE, "filter");
	mnl_attr_put_strz(head, NFTA_TRACE_CHAIN, "input");
	mnl_attr_put_u64(head, NFTA_TRACE_RULE_HANDLE, htobe64(7));
	struct nlattr *verdict = mnl_attr_nest_start(head, NFTA_TRACE_VERDICT);
	mnl_attr_put_u32(head, NFTA_VERDICT_CODE, htonl((uint32_t)NFT_JUMP));
	mnl_attr_put_strz(head, NFTA_VERDICT_CHAIN, "more");
	mnl_attr_nest_end(head, verdict);
	mnl_attr_put_u32(head, NFTA_TRACE_IIF, htonl(3));
	mnl_attr_put(head, NFTA_TRACE_NETWORK_HEADER, sizeof(network), network);
	mnl_attr_put(head, NFTA_TRACE_TRANSPORT_HEADER, sizeof(transport), transport);
	return head;
}

static void a_trace_is_decoded(void **state)
{
	(void)state;
	char buffer[1024] __attribute__((aligned(8)));
	struct trace_event event;
	assert_int_equal(trace_decode(&event, message(buffer)), 0);
	assert_int_equal(event.id, PACKET_ID);
	assert_string_equal(event.family, "inet");
	assert_string_equal(event.table, "filter");
	assert_string_equal(event.target, "more");
	assert_int_equal(event.verdict, NFT_JUMP);
	assert_int_equal(event.handle, 7);
	assert_int_equal(event.in_index, 3);
	assert_true(event.has_packet);
	assert_int_equal(event.packet.cookie, COOKIE);
	assert_int_equal(event.packet.port, 22);
}

static void a_cut_trace_is_no_harm(void **state)
{
	(void)state;
	char buffer[1024] __attribute__((aligned(8)));
	const uint32_t whole = message(buffer)->nlmsg_len;
	for (uint32_t length = sizeof(struct nlmsghdr); length < whole; length++) {
		_cleanup_(freep) struct nlmsghdr *cut = malloc(length);
		struct trace_event event;
		memcpy(cut, buffer, length);
		cut->nlmsg_len = length;
		int r = trace_decode(&event, cut);
		assert_true(r == 0 || r == -EBADMSG);
	}
	struct nlmsghdr *other = message(buffer);
	other->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE;
	struct trace_event event;
	assert_int_equal(trace_decode(&event, other), -ENOMSG);
}

static void a_listing_tells_where_rules_may_change_their_mind(void **state)
{
	(void)state;
	static const struct {
		const char *text, *ports;
	} cases[] = {
		{ "", "" },
		{ "tcp dport 22 accept", "21-23" },
		{ "tcp dport { 80, 8000-8010 } accept # handle 1",
		  "1-2,79-81,7999-8001,8009-8011" },
		{ "-p tcp --dport 1024:65535", "1023-1025,65534-65535" },
		{ "0 65536 123456 0x1f eth7 f00 7f", "1" },
		{ "meta mark 4294967296", "" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct portset found = { 0 }, wanted = { 0 };
		rules_edges(&found, cases[i].text);
		assert_int_equal(portset_parse(&wanted, cases[i].ports), 0);
		if (memcmp(&found, &wanted, sizeof(found)) != 0) {
			fail_msg("case %zu", i);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_is_recognised_by_its_cookie),
		cmocka_unit_test(answers_are_no_probes),
		cmocka_unit_test(what_cannot_be_sent_is_refused),
		cmocka_unit_test(short_headers_are_not_read),
		cmocka_unit_test(who_was_counted_as_refused_is_left_out),
		cmocka_unit_test(a_listing_is_understood),
		cmocka_unit_test(a_copy_is_renumbered_by_place),
		cmocka_unit_test(any_bytes_are_taken_as_a_listing),
		cmocka_unit_test(rules_of_iptables_are_found_by_place),
		cmocka_unit_test(how_a_rule_rejects),
		cmocka_unit_test(a_listing_tells_where_rules_may_change_their_mind),
		cmocka_unit_test(owners_are_known_by_their_names),
		cmocka_unit_test(a_rule_for_another_port_raises_no_doubt),
		cmocka_unit_test(the_last_word_decides),
		cmocka_unit_test(events_of_other_packets_are_passed_over),
		cmocka_unit_test(a_way_without_end_is_cut),
		cmocka_unit_test(a_trace_is_decoded),
		cmocka_unit_test(a_cut_trace_is_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
