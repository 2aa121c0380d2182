/* conntrack: messages recorded from a kernel, messages said again, sockets that become entries. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink_hook.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "check.h"
#include "conntrack/message.h"
#include "same_flow.h"

/* From Linux 6.18: `tcp dport 8080 dnat ip to 192.0.2.1:80` after five and six bytes. */
static const char tcp_dnat[] =
	"0c01000000010200010000000000000002000000340001801400018008000100c000020208000200c00002011c"
	"000280050001000600000006000200b4660000060003001f900000340002801400018008000100c00002010800"
	"0200c00002021c0002800500010006000000060002000050000006000300b466000008000300000001ae080008"
	"000000471108000c00403dae3508000b0000000001080007000006977f300004802c0001800500010003000000"
	"050002000a000000050003000a000000060004002300000006000500230000001c0009800c0001000000000000"
	"0000040c00020000000000000000dd1c000a800c00010000000000000000030c00020000000000000000aa";
/* `ct original zone set 9` before the first packet of UDP over IPv6. */
static const char udp_zone[] =
	"140100000001020001000000000000000a000000540001802c0001801400030020010db8000000000000000000"
	"0000021400040020010db80000000000000000000000011c000280050001001100000006000200d99500000600"
	"030014ea000006000300000900004c0002802c0001801400030020010db8000000000000000000000001140004"
	"0020010db80000000000000000000000021c00028005000100110000000600020014ea000006000300d9950000"
	"0800030000000188080008000000471108000c00fbf0e93a08000b0000000001080007000000001d1c0009800c"
	"00010000000000000000010c00020000000000000000311c000a800c00010000000000000000000c0002000000"
	"000000000000";
static const char icmp_echo[] =
	"ec000000000102000100000000000000020000003c0001801400018008000100c000020208000200c000020124"
	"00028005000100010000000600040012340000050005000800000005000600000000003c000280140001800800"
	"0100c000020108000200c000020224000280050001000100000006000400123400000500050000000000050006"
	"0000000000080003000000018a080008000000471108000c001cf7128408000b0000000001080007000000001d"
	"1c0009800c00010000000000000000010c000200000000000000001c1c000a800c00010000000000000000010c"
	"000200000000000000001c";
static const char statistics[] =
	"240000000501020001000000000000000000000008000100000000050800020000040000";

/* The caller frees it; exactly as long as the message, so that a sanitizer sees what is beyond. */
static struct nlmsghdr *message_from(const char *hex)
{
	size_t length = strlen(hex) / 2;
	uint8_t *bytes = malloc(length);
	assert_non_null(bytes);
	for (size_t i = 0; i < length; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *high = strchr(digits, hex[2 * i]);
		const char *low = strchr(digits, hex[2 * i + 1]);
		bytes[i] = (uint8_t)((high - digits) << 4 | (low - digits));
	}
	return (struct nlmsghdr *)(void *)bytes;
}

static const char *said(const struct conntrack_tuple *tuple, char *out, size_t room)
{
	char source[ENDPOINT_TEXT_BYTES];
	char destination[ENDPOINT_TEXT_BYTES];
	(void)snprintf(out, room, "%s>%s",
		       endpoint_format(&tuple->source, tuple->source_port, source),
		       endpoint_format(&tuple->destination, tuple->destination_port, destination));
	return out;
}

#define assert_tuple(tuple, text)                                                                  \
	do {                                                                                       \
		char said_[160];                                                                   \
		assert_string_equal(said(tuple, said_, sizeof(said_)), text);                      \
	} while (0)

static void recorded_tcp_entry_with_nat_is_read_whole(void **state)
{
	(void)state;
	_cleanup_(freep) struct nlmsghdr *message = message_from(tcp_dnat);
	struct conntrack_flow flow;
	assert_int_equal(message_flow(&flow, message), 0);
	assert_tuple(&flow.original, "192.0.2.2:46182>192.0.2.1:8080");
	assert_tuple(&flow.reply, "192.0.2.1:80>192.0.2.2:46182");
	assert_int_equal(flow.protocol, PROTOCOL_TCP);
	assert_int_equal(flow.tcp_state, CONNTRACK_TCP_ESTABLISHED);
	assert_int_equal(flow.tcp_flags_original, 0x23);
	assert_int_equal(flow.status & 0x7f, CONNTRACK_SEEN_REPLY | CONNTRACK_ASSURED |
						     CONNTRACK_CONFIRMED | CONNTRACK_DNAT);
	assert_int_equal(flow.timeout_s, 431999);
	assert_int_equal(flow.mark, 0x4711);
	assert_int_equal(flow.id, 0x403dae35);
	assert_int_equal(flow.zone, 0);
	assert_true(flow.counted);
	assert_int_equal(flow.packets_original, 4);
	assert_int_equal(flow.bytes_original, 221);
	assert_int_equal(flow.packets_reply, 3);
	assert_int_equal(flow.bytes_reply, 170);
}

static void recorded_udp_entry_has_the_zone_of_its_direction(void **state)
{
	(void)state;
	_cleanup_(freep) struct nlmsghdr *message = message_from(udp_zone);
	struct conntrack_flow flow;
	assert_int_equal(message_flow(&flow, message), 0);
	assert_tuple(&flow.original, "[2001:db8::2]:55701>[2001:db8::1]:5354");
	assert_int_equal(flow.protocol, PROTOCOL_UDP);
	assert_int_equal(flow.zone, 9);
	assert_int_equal(flow.zone_direction, CONNTRACK_ZONE_ORIGINAL);
	assert_int_equal(flow.status & CONNTRACK_SEEN_REPLY, 0);
	assert_int_equal(flow.timeout_s, 29);
}

static void recorded_icmp_entry_has_identifier_and_types(void **state)
{
	(void)state;
	_cleanup_(freep) struct nlmsghdr *message = message_from(icmp_echo);
	struct conntrack_flow flow;
	assert_int_equal(message_flow(&flow, message), 0);
	assert_int_equal(flow.protocol, 1);
	assert_int_equal(flow.original.icmp_id, 0x1234);
	assert_int_equal(flow.original.icmp_type, 8);
	assert_int_equal(flow.reply.icmp_type, 0);
	assert_int_equal(flow.original.source_port, 0);
}

static void recorded_statistics_are_read(void **state)
{
	(void)state;
	_cleanup_(freep) struct nlmsghdr *message = message_from(statistics);
	struct conntrack_flow flow;
	uint64_t count = 0;
	uint64_t max = 0;
	assert_int_equal(message_statistics_of(&count, &max, message), 0);
	assert_int_equal(count, 5);
	assert_int_equal(max, 262144);
	assert_int_equal(message_flow(&flow, message), -EBADMSG);
}

static void messages_cut_anywhere_are_refused_or_read_within_their_bounds(void **state)
{
	(void)state;
	static const char *const recorded[] = { tcp_dnat, udp_zone, icmp_echo };
	for (size_t i = 0; i < sizeof(recorded) / sizeof(recorded[0]); i++) {
		_cleanup_(freep) struct nlmsghdr *whole = message_from(recorded[i]);
		for (uint32_t length = NLMSG_HDRLEN; length < whole->nlmsg_len; length++) {
			_cleanup_(freep) struct nlmsghdr *cut = malloc(length);
			struct conntrack_flow flow;
			assert_non_null(cut);
			memcpy(cut, whole, length);
			cut->nlmsg_len = length;
			int r = message_flow(&flow, cut);
			assert_true(r == 0 || r == -EBADMSG);
			/* The reply tuple ends behind the half at least. */
			assert_true(r == -EBADMSG || length > whole->nlmsg_len / 2 - 20);
		}
	}
}

static void foreign_messages_are_refused(void **state)
{
	(void)state;
	static const struct {
		size_t offset; /* of the byte that is changed */
		uint8_t value;
	} changes[] = {
		{ 4, 2 },    /* type */
		{ 5, 2 },    /* subsystem */
		{ 16, 10 },  /* family that the addresses are not of */
		{ 16, 7 },   /* family of a bridge */
		{ 22, 7 },   /* no original tuple */
		{ 74, 9 },   /* no reply tuple */
		{ 104, 17 }, /* another protocol in the reply */
	};
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		_cleanup_(freep) struct nlmsghdr *message = message_from(tcp_dnat);
		struct conntrack_flow flow = { .id = 7 };
		((uint8_t *)message)[changes[i].offset] = changes[i].value;
		assert_int_equal(message_flow(&flow, message), -EBADMSG);
		assert_int_equal(flow.id, 7);
	}
}

/* Numbers that look random and are the same each time (Knuth's MMIX). */
static uint32_t next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005U + 1442695040888963407U;
	return (uint32_t)(*seed >> 32);
}

static struct addr any_address(uint64_t *seed, bool ipv4)
{
	const uint32_t words[4] = { next(seed), next(seed), next(seed), next(seed) };
	return ipv4 ? addr_from_ipv4(words) : addr_from_ipv6(words);
}

static struct conntrack_tuple any_tuple(uint64_t *seed, bool ipv4, uint8_t protocol)
{
	struct conntrack_tuple tuple = { .source = any_address(seed, ipv4),
					 .destination = any_address(seed, ipv4) };
	if (protocol == 6 || protocol == 17 || protocol == 132 || protocol == 47) {
		tuple.source_port = (uint16_t)next(seed);
		tuple.destination_port = (uint16_t)next(seed);
	} else if (protocol == 1 || protocol == 58) {
		tuple.icmp_id = (uint16_t)next(seed);
		tuple.icmp_type = (uint8_t)next(seed);
		tuple.icmp_code = (uint8_t)next(seed);
	}
	return tuple;
}

static struct conntrack_flow any_flow(uint64_t *seed)
{
	static const uint8_t protocols[] = { 6, 17, 1, 58, 132, 47, 50 };
	bool ipv4 = next(seed) % 2 == 0;
	uint8_t protocol = protocols[next(seed) % sizeof(protocols)];
	struct conntrack_flow flow = {
		.original = any_tuple(seed, ipv4, protocol),
		.reply = any_tuple(seed, ipv4, protocol),
		.protocol = protocol,
		.status = next(seed),
		.timeout_s = next(seed),
		.mark = next(seed) % 2 == 0 ? 0 : next(seed),
		.zone = (uint16_t)(next(seed) % 2 == 0 ? 0 : next(seed)),
		.zone_direction = (uint8_t)(next(seed) % 3),
		.id = next(seed) | 1,
	};
	if (protocol == 6) {
		flow.tcp_state = (uint8_t)(next(seed) % CONNTRACK_TCP_STATES);
		flow.tcp_flags_original = (uint8_t)next(seed);
		flow.tcp_flags_reply = (uint8_t)next(seed);
	}
	return flow;
}

static void what_is_written_reads_back_the_same(void **state)
{
	(void)state;
	uint64_t seed = 4711;
	for (int i = 0; i < 5000; i++) {
		_Alignas(struct nlmsghdr) char buffer[CONNTRACK_REQUEST_BYTES];
		struct conntrack_flow again;
		const struct conntrack_flow flow = any_flow(&seed);
		const struct nlmsghdr *message = message_create(buffer, &flow, (uint32_t)i);
		assert_non_null(message);
		assert_true(message->nlmsg_len <= sizeof(buffer));
		assert_int_equal(message->nlmsg_seq, i);
		assert_int_equal(message_flow(&again, message), 0);
		assert_true(same_flow(&flow, &again));
		assert_false(again.counted);
	}
}

/* The kernel takes a request to delete that names no tuple for "the whole table". */
static void request_to_delete_always_names_a_tuple_and_an_id(void **state)
{
	(void)state;
	_Alignas(struct nlmsghdr) char buffer[CONNTRACK_REQUEST_BYTES];
	uint64_t seed = 1;
	const struct conntrack_flow whole = any_flow(&seed);
	struct conntrack_flow flow = whole;
	assert_non_null(message_delete(buffer, &flow, 1));
	flow.id = 0;
	assert_null(message_delete(buffer, &flow, 1));
	flow = whole;
	flow.original.source.family = ADDR_NONE;
	assert_null(message_delete(buffer, &flow, 1));
	assert_null(message_create(buffer, &flow, 1));
	flow = whole;
	flow.reply.destination.family =
		whole.original.source.family == ADDR_IPV4 ? ADDR_IPV6 : ADDR_IPV4;
	assert_null(message_delete(buffer, &flow, 1));
	assert_null(message_create(buffer, &flow, 1));
	assert_null(message_delete(buffer, &(struct conntrack_flow){ .id = 1 }, 1));
}

static void error_messages_give_their_number(void **state)
{
	(void)state;
	_Alignas(struct nlmsghdr) char buffer[64];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nlmsgerr *error = mnl_nlmsg_put_extra_header(message, sizeof(*error));
	assert_int_equal(message_error(message), 0);
	error->error = -EEXIST;
	assert_int_equal(message_error(message), -EEXIST);
	error->error = 17;
	assert_int_equal(message_error(message), -EBADMSG);
	message->nlmsg_len = NLMSG_HDRLEN + 2;
	assert_int_equal(message_error(message), -EBADMSG);
}

static void conntracks_own_hook_is_recognised_by_its_name(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		bool tracks;
	} cases[] = { { "ipv4_conntrack_in", true },        { "ipv6_conntrack_in", true },
		      { "ipv4_conntrack_inner", false },    { "ipv4_conntrack_i", false },
		      { "nf_nat_ipv4_pre_routing", false }, { "", false } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int with_nul = 0; with_nul < 2; with_nul++) {
			_Alignas(struct nlmsghdr) char buffer[CONNTRACK_REQUEST_BYTES];
			struct nlmsghdr *message = message_hooks(buffer, 2, 1);
			assert_false(message_is_tracking_hook(message));
			mnl_attr_put(message, NFNLA_HOOK_FUNCTION_NAME,
				     strlen(cases[i].name) + (size_t)with_nul, cases[i].name);
			assert_int_equal(message_is_tracking_hook(message), cases[i].tracks);
		}
	}
}

/* ---- Sockets ---- */

struct socket_case {
	enum protocol protocol;
	uint8_t state;
	enum direction direction;
	const char *local, *remote;
	uint16_t local_port, remote_port;
};

static struct connection connection_of(const struct socket_case *socket)
{
	struct connection connection = { .protocol = socket->protocol,
					 .state = socket->state,
					 .direction = socket->direction,
					 .local_port = socket->local_port,
					 .remote_port = socket->remote_port };
	assert_int_equal(addr_parse(&connection.local, socket->local), 0);
	assert_int_equal(addr_parse(&connection.remote, socket->remote), 0);
	return connection;
}

static enum conntrack_fit flow_of(struct conntrack_flow *out, const struct socket_case *socket)
{
	const struct connection connection = connection_of(socket);
	const struct conntrack_defaults defaults = conntrack_kernel_defaults();
	return conntrack_flow_of(out, &connection, &defaults);
}

#define OURS "192.0.2.1"
#define THEIRS "198.51.100.7"

static void who_began_is_the_source(void **state)
{
	(void)state;
	static const struct {
		struct socket_case socket;
		bool inbound;
	} cases[] = {
		{ { PROTOCOL_TCP, 1, DIRECTION_INBOUND, OURS, THEIRS, 22, 50000 }, true },
		{ { PROTOCOL_TCP, 1, DIRECTION_INBOUND, OURS, THEIRS, 40000, 22 }, true },
		{ { PROTOCOL_TCP, 1, DIRECTION_OUTBOUND, OURS, THEIRS, 40000, 443 }, false },
		{ { PROTOCOL_TCP, 1, DIRECTION_OUTBOUND, OURS, THEIRS, 700, 2049 }, false },
		/* Its listener has closed. */
		{ { PROTOCOL_TCP, 1, DIRECTION_OUTBOUND, OURS, THEIRS, 22, 50000 }, true },
		{ { PROTOCOL_TCP, 1, DIRECTION_UNKNOWN, OURS, THEIRS, 22, 50000 }, true },
		{ { PROTOCOL_TCP, 1, DIRECTION_UNKNOWN, OURS, THEIRS, 50000, 22 }, false },
		{ { PROTOCOL_TCP, 1, DIRECTION_UNKNOWN, OURS, THEIRS, 22, 1024 }, true },
		{ { PROTOCOL_TCP, 1, DIRECTION_UNKNOWN, OURS, THEIRS, 1024, 22 }, false },
		{ { PROTOCOL_UDP, 1, DIRECTION_UNKNOWN, OURS, THEIRS, 123, 123 }, false },
		/* Whatever the direction says. */
		{ { PROTOCOL_TCP, 2, DIRECTION_INBOUND, OURS, THEIRS, 22, 50000 }, false },
		{ { PROTOCOL_TCP, 3, DIRECTION_OUTBOUND, OURS, THEIRS, 50000, 22 }, true },
		{ { PROTOCOL_TCP, 12, DIRECTION_UNKNOWN, OURS, THEIRS, 50000, 22 }, true },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct connection connection = connection_of(&cases[i].socket);
		const struct addr *source =
			cases[i].inbound ? &connection.remote : &connection.local;
		uint16_t port = cases[i].inbound ? connection.remote_port : connection.local_port;
		struct conntrack_flow flow;
		assert_int_equal(flow_of(&flow, &cases[i].socket), CONNTRACK_FITS);
		assert_int_equal(addr_compare(&flow.original.source, source), 0);
		assert_int_equal(flow.original.source_port, port);
		assert_int_equal(addr_compare(&flow.reply.destination, source), 0);
		assert_int_equal(flow.reply.destination_port, port);
		assert_int_equal(flow.reply.source_port, flow.original.destination_port);
	}
}

static void states_of_sockets_become_those_of_conntrack(void **state)
{
	(void)state;
	enum { REPLIED = CONNTRACK_CONFIRMED | CONNTRACK_SEEN_REPLY };
	enum { SURE = REPLIED | CONNTRACK_ASSURED };
	enum { LIBERAL = CONNTRACK_TCP_LIBERAL | CONNTRACK_TCP_SACK };
	enum { CLOSER = LIBERAL | CONNTRACK_TCP_CLOSE_INIT };
	static const struct {
		uint8_t socket;
		enum conntrack_tcp_state expected;
		uint32_t timeout_s, status;
		uint8_t local, remote;
	} cases[] = {
		{ 1, CONNTRACK_TCP_ESTABLISHED, 432000, SURE, LIBERAL, LIBERAL },
		{ 2, CONNTRACK_TCP_SYN_SENT, 120, CONNTRACK_CONFIRMED, LIBERAL, LIBERAL },
		{ 3, CONNTRACK_TCP_SYN_RECV, 60, REPLIED, LIBERAL, LIBERAL },
		{ 4, CONNTRACK_TCP_FIN_WAIT, 120, SURE, CLOSER, LIBERAL },
		{ 5, CONNTRACK_TCP_CLOSE_WAIT, 60, SURE, CLOSER, LIBERAL },
		{ 6, CONNTRACK_TCP_TIME_WAIT, 120, SURE, CLOSER, LIBERAL },
		{ 8, CONNTRACK_TCP_CLOSE_WAIT, 60, SURE, LIBERAL, CLOSER },
		{ 9, CONNTRACK_TCP_LAST_ACK, 30, SURE, LIBERAL, CLOSER },
		{ 11, CONNTRACK_TCP_LAST_ACK, 30, SURE, CLOSER, LIBERAL },
		{ 12, CONNTRACK_TCP_SYN_RECV, 60, REPLIED, LIBERAL, LIBERAL },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct socket_case socket = {
			PROTOCOL_TCP, cases[i].socket, DIRECTION_INBOUND, OURS, THEIRS, 22, 50000
		};
		struct conntrack_flow flow;
		assert_int_equal(flow_of(&flow, &socket), CONNTRACK_FITS);
		bool inbound = flow.original.destination_port == 22;
		assert_int_equal(flow.tcp_state, cases[i].expected);
		assert_int_equal(flow.timeout_s, cases[i].timeout_s);
		assert_int_equal(flow.status, cases[i].status);
		assert_int_equal(inbound ? flow.tcp_flags_reply : flow.tcp_flags_original,
				 cases[i].local);
		assert_int_equal(inbound ? flow.tcp_flags_original : flow.tcp_flags_reply,
				 cases[i].remote);
	}
}

static void connected_udp_is_an_assured_stream(void **state)
{
	(void)state;
	const struct socket_case socket = {
		PROTOCOL_UDP, 1, DIRECTION_OUTBOUND, "2001:db8::1", "2001:db8::7", 40000, 53
	};
	struct conntrack_flow flow;
	assert_int_equal(flow_of(&flow, &socket), CONNTRACK_FITS);
	assert_int_equal(flow.protocol, PROTOCOL_UDP);
	assert_int_equal(flow.tcp_state, 0);
	assert_int_equal(flow.tcp_flags_original, 0);
	assert_int_equal(flow.timeout_s, 120);
	assert_int_equal(flow.status,
			 CONNTRACK_CONFIRMED | CONNTRACK_SEEN_REPLY | CONNTRACK_ASSURED);
}

static void sockets_that_are_no_entry_are_told_apart(void **state)
{
	(void)state;
	static const struct {
		struct socket_case socket;
		enum conntrack_fit fit;
	} cases[] = {
		{ { PROTOCOL_TCP, 1, 0, "127.0.0.1", "127.0.0.1", 22, 50000 }, CONNTRACK_LOOPBACK },
		{ { PROTOCOL_TCP, 1, 0, "::1", "::1", 22, 50000 }, CONNTRACK_LOOPBACK },
		{ { PROTOCOL_TCP, 1, 0, OURS, OURS, 22, 50000 }, CONNTRACK_LOOPBACK },
		{ { PROTOCOL_TCP, 1, 0, "::ffff:127.0.0.1", "::ffff:127.0.0.1", 22, 50000 },
		  CONNTRACK_LOOPBACK },
		{ { PROTOCOL_MPTCP, 1, 0, OURS, THEIRS, 22, 50000 }, CONNTRACK_FITS },
		{ { PROTOCOL_TCP, 7, 0, OURS, THEIRS, 22, 50000 }, CONNTRACK_UNFIT },
		{ { PROTOCOL_TCP, 10, 0, OURS, THEIRS, 22, 50000 }, CONNTRACK_UNFIT },
		{ { PROTOCOL_TCP, 0, 0, OURS, THEIRS, 22, 50000 }, CONNTRACK_UNFIT },
		{ { PROTOCOL_TCP, 13, 0, OURS, THEIRS, 22, 50000 }, CONNTRACK_UNFIT },
		{ { PROTOCOL_TCP, 255, 0, OURS, THEIRS, 22, 50000 }, CONNTRACK_UNFIT },
		{ { PROTOCOL_UDP, 7, 0, OURS, THEIRS, 53, 50000 }, CONNTRACK_UNFIT },
		{ { PROTOCOL_SCTP, 1, 0, OURS, THEIRS, 53, 50000 }, CONNTRACK_UNFIT },
		{ { PROTOCOL_TCP, 1, 0, OURS, THEIRS, 0, 50000 }, CONNTRACK_UNFIT },
		{ { PROTOCOL_TCP, 1, 0, OURS, THEIRS, 22, 0 }, CONNTRACK_UNFIT },
		{ { PROTOCOL_TCP, 1, 0, OURS, "2001:db8::1", 22, 50000 }, CONNTRACK_UNFIT },
		{ { PROTOCOL_TCP, 1, 0, "0.0.0.0", THEIRS, 22, 50000 }, CONNTRACK_UNFIT },
		{ { PROTOCOL_UDP, 1, 0, OURS, "224.0.0.251", 5353, 5353 }, CONNTRACK_UNFIT },
		{ { PROTOCOL_UDP, 1, 0, "2001:db8::1", "ff02::fb", 5353, 5353 }, CONNTRACK_UNFIT },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conntrack_flow flow = { .id = 7 };
		assert_int_equal(flow_of(&flow, &cases[i].socket), cases[i].fit);
		assert_int_equal(flow.id, cases[i].fit == CONNTRACK_UNFIT ? 7 : 0);
		assert_true(cases[i].fit == CONNTRACK_UNFIT || flow.protocol == PROTOCOL_TCP);
	}
}

static void ipv4_mapped_addresses_become_ipv4(void **state)
{
	(void)state;
	const struct socket_case socket = {
		PROTOCOL_TCP, 1,    DIRECTION_INBOUND, "::ffff:192.0.2.1", "::ffff:198.51.100.7",
		22,           50000
	};
	struct conntrack_flow flow;
	assert_int_equal(flow_of(&flow, &socket), CONNTRACK_FITS);
	assert_tuple(&flow.original, "198.51.100.7:50000>192.0.2.1:22");
}

/* ---- State ---- */

/* What one entry of the table says, of a connection between others. */
static struct conntrack_flow passing_flow(uint8_t protocol, uint32_t status, uint8_t state,
					  uint8_t flags)
{
	struct conntrack_flow flow = { .protocol = protocol,
				       .status = status | CONNTRACK_CONFIRMED,
				       .tcp_state = state,
				       .tcp_flags_original = flags,
				       .tcp_flags_reply = flags | CONNTRACK_TCP_SACK,
				       .timeout_s = 7,
				       .mark = 9,
				       .id = 11 };
	assert_int_equal(addr_parse(&flow.original.source, "192.0.2.1"), 0);
	assert_int_equal(addr_parse(&flow.original.destination, "198.51.100.7"), 0);
	flow.original.source_port = 443;
	flow.original.destination_port = 40000;
	flow.reply = (struct conntrack_tuple){ .source = flow.original.destination,
					       .destination = flow.original.source,
					       .source_port = 40000,
					       .destination_port = 443 };
	return flow;
}

static void what_was_met_in_the_middle_may_be_turned_round(void **state)
{
	(void)state;
	enum { SEEN = CONNTRACK_SEEN_REPLY, LIBERAL = CONNTRACK_TCP_LIBERAL };
	static const struct {
		uint8_t protocol, tcp_state, flags;
		uint32_t status;
		bool turns;
	} cases[] = {
		{ IPPROTO_TCP, CONNTRACK_TCP_ESTABLISHED, LIBERAL, SEEN, true },
		{ IPPROTO_TCP, CONNTRACK_TCP_ESTABLISHED, 0, SEEN, false }, /* it met the SYN */
		{ IPPROTO_TCP, CONNTRACK_TCP_ESTABLISHED, LIBERAL, 0, false },
		{ IPPROTO_TCP, CONNTRACK_TCP_TIME_WAIT, LIBERAL, SEEN, false },
		{ IPPROTO_TCP, CONNTRACK_TCP_ESTABLISHED, LIBERAL, SEEN | CONNTRACK_SNAT, false },
		{ IPPROTO_UDP, 0, 0, SEEN, true },
		{ IPPROTO_UDP, 0, 0, 0, false },
		{ IPPROTO_UDP, 0, 0, SEEN | CONNTRACK_DNAT, false },
		{ IPPROTO_ICMP, 0, 0, SEEN, false },
	};
	static const struct {
		uint16_t from, to;
		bool turns, turns_likely;
	} ports[] = { { 443, 40000, true, true },    { 40000, 443, false, false },
		      { 40000, 50000, false, true }, { 50000, 40000, false, false },
		      { 443, 5060, false, true },    { 5060, 443, false, false } };
	const struct conntrack_defaults defaults = conntrack_kernel_defaults();
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		struct conntrack_flow flow = passing_flow(IPPROTO_UDP, SEEN, 0, 0);
		struct conntrack_flow turned;
		flow.original.source_port = flow.reply.destination_port = ports[i].from;
		flow.original.destination_port = flow.reply.source_port = ports[i].to;
		assert_int_equal(conntrack_turned(&turned, &flow, false, &defaults),
				 ports[i].turns);
		assert_int_equal(conntrack_turned(&turned, &flow, true, &defaults),
				 ports[i].turns_likely);
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct conntrack_flow flow = passing_flow(cases[i].protocol, cases[i].status,
								cases[i].tcp_state, cases[i].flags);
		struct conntrack_flow turned = { .id = 1 };
		if (conntrack_turned(&turned, &flow, false, &defaults) != cases[i].turns) {
			fail_msg("case %zu", i);
		}
		const struct conntrack_flow wanted = {
			.original = flow.reply,
			.reply = flow.original,
			.protocol = flow.protocol,
			.tcp_state = flow.tcp_state,
			.tcp_flags_original = flow.tcp_flags_reply,
			.tcp_flags_reply = flow.tcp_flags_original,
			.status = SEEN | CONNTRACK_ASSURED | CONNTRACK_CONFIRMED,
			.timeout_s = cases[i].protocol == IPPROTO_TCP ? 5 * 24 * 3600 : 120,
			.mark = 9,
		};
		const struct conntrack_flow untouched = { .id = 1 };
		assert_true(same_flow(&turned, cases[i].turns ? &wanted : &untouched));
	}
}

static void table_without_room_is_refused(void **state)
{
	(void)state;
	static const struct {
		struct conntrack_state state;
		size_t wanted;
		int expected;
	} cases[] = {
		{ { .available = false }, 0, -EOPNOTSUPP },
		{ { .available = true }, 1000000, 0 },
		{ { .available = true, .count_known = true, .count = 5, .max = 0 }, 1000000, 0 },
		{ { .available = true, .count_known = true, .count = 0, .max = 1000 }, 900, 0 },
		{ { .available = true, .count_known = true, .count = 0, .max = 1000 },
		  901,
		  -ENOSPC },
		{ { .available = true, .count_known = true, .count = 900, .max = 1000 }, 0, 0 },
		{ { .available = true, .count_known = true, .count = 901, .max = 1000 },
		  0,
		  -ENOSPC },
		{ { .available = true, .count_known = true, .count = 1, .max = 1000 },
		  SIZE_MAX,
		  -ENOSPC },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = ERR_INIT;
		assert_int_equal(conntrack_check(&cases[i].state, cases[i].wanted, &e),
				 cases[i].expected);
		assert_int_equal(e.code, cases[i].expected);
	}
}

static void word_takes_conntrack_away(void **state)
{
	(void)state;
	assert_true(conntrack_without("conntrack"));
	assert_true(conntrack_without("bpf,conntrack,nft"));
	assert_false(conntrack_without(NULL));
	assert_false(conntrack_without(""));
	assert_false(conntrack_without("bpf,,nft"));
	assert_false(conntrack_without("conntracks,noconntrack"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_tcp_entry_with_nat_is_read_whole),
		cmocka_unit_test(recorded_udp_entry_has_the_zone_of_its_direction),
		cmocka_unit_test(recorded_icmp_entry_has_identifier_and_types),
		cmocka_unit_test(recorded_statistics_are_read),
		cmocka_unit_test(messages_cut_anywhere_are_refused_or_read_within_their_bounds),
		cmocka_unit_test(foreign_messages_are_refused),
		cmocka_unit_test(what_is_written_reads_back_the_same),
		cmocka_unit_test(request_to_delete_always_names_a_tuple_and_an_id),
		cmocka_unit_test(error_messages_give_their_number),
		cmocka_unit_test(conntracks_own_hook_is_recognised_by_its_name),
		cmocka_unit_test(who_began_is_the_source),
		cmocka_unit_test(states_of_sockets_become_those_of_conntrack),
		cmocka_unit_test(connected_udp_is_an_assured_stream),
		cmocka_unit_test(sockets_that_are_no_entry_are_told_apart),
		cmocka_unit_test(ipv4_mapped_addresses_become_ipv4),
		cmocka_unit_test(what_was_met_in_the_middle_may_be_turned_round),
		cmocka_unit_test(table_without_room_is_refused),
		cmocka_unit_test(word_takes_conntrack_away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
