/* capture: packets of one connection, its filter, and what crosses between processes. */
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>

#include "capture/capture.h"
#include "capture/filter.h"
#include "check.h"

/* 192.0.2.7:55555 and 198.51.100.1:80; 2001:db8::7 and 2001:db8:1::1. */
#define OUT4(total, protocol) "4500 " total " d431 4000 40" protocol " 0000 c000 0207 c633 6401 "
#define IN4(total, protocol) "4500 " total " d431 4000 40" protocol " 0000 c633 6401 c000 0207 "
#define HERE6 "2001 0db8 0000 0000 0000 0000 0000 0007 "
#define THERE6 "2001 0db8 0001 0000 0000 0000 0000 0001 "
#define OUT6(payload, next) "6000 0000 " payload " " next " 40 " HERE6 THERE6
#define IN6(payload, next) "6000 0000 " payload " " next " 40 " THERE6 HERE6
#define SYN "d903 0050 0001 0203 0000 0000 5002 0400 0000 0000 "
#define SYN_ACK "0050 d903 0001 0203 0001 0204 5012 0400 0000 0000 "
#define PUSH "d903 0050 0001 0203 0000 0001 5018 0400 0000 0000 "
#define UNREACHABLE4 "030d 0000 0000 0000 "
#define UNREACHABLE6 "0101 0000 0000 0000 "
#define FROM_ROUTER4(total) "4500 " total " d431 4000 4001 0000 0a00 0001 c000 0207 "
#define FROM_ROUTER6(payload)                                                                      \
	"6000 0000 " payload " 3a 40 fe80 0000 0000 0000 0000 0000 0000 0001 " HERE6
#define HELLO "1603 0100 0701 0000 0303 0300 "

struct bytes {
	uint8_t at[512];
	size_t length;
};

/* "4500 0028" and so on; anything but hexadecimal digits is left out. */
static struct bytes bytes_of(const char *hex)
{
	struct bytes b = { .length = 0 };
	unsigned half = 0;
	unsigned value = 0;
	for (const char *c = hex; *c != '\0'; c++) {
		const char *digit = strchr("0123456789abcdef", *c);
		if (digit != NULL) {
			value = value << 4 | (unsigned)(digit - "0123456789abcdef");
			if (++half % 2 == 0) {
				b.at[b.length++] = (uint8_t)value;
			}
		}
	}
	return b;
}

static struct capture_connection connection(enum protocol protocol)
{
	struct capture_connection c = {
		.protocol = protocol, .peer_count = 2, .local_port = 0xd903, .remote_port = 80
	};
	assert_int_equal(addr_parse(&c.peers[0], "198.51.100.1"), 0);
	assert_int_equal(addr_parse(&c.peers[1], "2001:db8:1::1"), 0);
	return c;
}

static const struct {
	const char *name, *hex;
	bool ours, sent;
	uint32_t data;
	enum capture_content content;
	const char *words;
} packets[] = {
	{ "what goes out", OUT4("0028", "06") SYN, true, true, 0, CAPTURE_CONTENT_NONE, "" },
	{ "what comes back", IN4("0028", "06") SYN_ACK, true, false, 0, CAPTURE_CONTENT_NONE, "" },
	{ "padding is no data", IN4("0028", "06") SYN_ACK "0000 0000 0000", true, false, 0,
	  CAPTURE_CONTENT_NONE, "" },
	{ "IPv6", OUT6("0014", "06") SYN, true, true, 0, CAPTURE_CONTENT_NONE, "" },
	{ "IPv6 back", IN6("0014", "06") SYN_ACK, true, false, 0, CAPTURE_CONTENT_NONE, "" },
	{ "TLS", OUT4("0034", "06") PUSH HELLO, true, true, 12, CAPTURE_CONTENT_TLS,
	  "ClientHello" },
	{ "text", OUT4("002e", "06") PUSH "4745 540d 0a1b", true, true, 6, CAPTURE_CONTENT_TEXT,
	  "GET" },
	{ "bytes", OUT4("002c", "06") PUSH "4745 1b5b", true, true, 4, CAPTURE_CONTENT_BYTES, "" },
	{ "more than was kept", OUT4("05dc", "06") PUSH "4142", true, true, 1460,
	  CAPTURE_CONTENT_TEXT, "AB" },
	{ "another host", "4500 0028 d431 4000 4006 0000 c000 0207 c633 6402 " SYN, false },
	{ "another port here",
	  OUT4("0028", "06") "d904 0050 0001 0203 0000 0000 5002 0400 0000 0000", false },
	{ "another port there",
	  OUT4("0028", "06") "d903 0051 0001 0203 0000 0000 5002 0400 0000 0000", false },
	{ "the ports the wrong way round", OUT4("0028", "06") SYN_ACK, false },
	{ "UDP to the same ports", OUT4("001c", "11") "d903 0050 0008 0000", false },
	{ "ICMP about it", FROM_ROUTER4("0044") "030d 0000 0000 0000 " OUT4("0028", "06") SYN, true,
	  false, 40, CAPTURE_CONTENT_NONE, "" },
	{ "ICMPv6 about it", FROM_ROUTER6("0044") UNREACHABLE6 OUT6("0014", "06") SYN, true, false,
	  60, CAPTURE_CONTENT_NONE, "" },
	{ "ICMP about another",
	  FROM_ROUTER4("0044") UNREACHABLE4 OUT4("0028", "06") "d904 0050 0001 0203", false },
	{ "ICMP about what comes back", FROM_ROUTER4("0044") UNREACHABLE4 IN4("0028", "06") SYN_ACK,
	  false },
	{ "an echo", FROM_ROUTER4("0044") "0800 0000 0000 0000 " OUT4("0028", "06") SYN, false },
	{ "an echo of IPv6", FROM_ROUTER6("0044") "8000 0000 0000 0000 " OUT6("0014", "06") SYN,
	  false },
};

enum { PACKETS = sizeof(packets) / sizeof(packets[0]) };

static bool is_echo(const char *name)
{
	return strncmp(name, "an echo", 7) == 0;
}

static void packets_are_told_apart(void **state)
{
	(void)state;
	const struct capture_connection c = connection(PROTOCOL_TCP);
	for (size_t i = 0; i < PACKETS; i++) {
		const struct bytes b = bytes_of(packets[i].hex);
		struct capture_packet p = { .time = 5, .interface = 3 };
		/* Kinds of ICMP are the filter's affair. */
		if (is_echo(packets[i].name)) {
			continue;
		}
		if (capture_packet_read(&p, &c, b.at, b.length) != packets[i].ours) {
			fail_msg("%s", packets[i].name);
		}
		if (packets[i].ours) {
			assert_true(capture_packet_valid(&p));
			assert_int_equal(p.sent, packets[i].sent);
			assert_int_equal(p.data_bytes, packets[i].data);
			assert_int_equal(p.content, packets[i].content);
			assert_string_equal(p.words, packets[i].words);
			assert_true(p.time == 5 && p.interface == 3);
		}
	}
}

static void fields_of_tcp_are_in_host_order(void **state)
{
	(void)state;
	const struct capture_connection c = connection(PROTOCOL_TCP);
	const struct bytes b = bytes_of(IN4("0028", "06") SYN_ACK);
	struct capture_packet p = { 0 };
	assert_true(capture_packet_read(&p, &c, b.at, b.length));
	assert_int_equal(p.sequence, 0x00010203);
	assert_int_equal(p.acknowledgement, 0x00010204);
	assert_int_equal(p.flags, TCP_FLAG_SYN | TCP_FLAG_ACK);
	assert_int_equal(p.window, 0x0400);
	assert_int_equal(p.ttl, 64);
	assert_true(p.ip_bytes == 20 && p.header_bytes == 20 && p.kept == 40);
}

static void a_packet_that_is_cut_off_anywhere_is_none(void **state)
{
	(void)state;
	const struct capture_connection c = connection(PROTOCOL_TCP);
	for (size_t i = 0; i < PACKETS; i++) {
		const struct bytes b = bytes_of(packets[i].hex);
		for (size_t length = 0; length <= b.length; length++) {
			struct capture_packet p = { 0 };
			if (capture_packet_read(&p, &c, b.at, length)) {
				assert_true(capture_packet_valid(&p) && p.kept <= length);
			}
		}
	}
}

static void one_packet_at_two_interfaces_is_one(void **state)
{
	(void)state;
	const struct capture_connection c = connection(PROTOCOL_TCP);
	const struct bytes b = bytes_of(OUT4("0028", "06") SYN);
	struct capture_packet one = { .interface = 3 };
	struct capture_packet other = { .interface = 4 };
	assert_true(capture_packet_read(&one, &c, b.at, b.length));
	assert_true(capture_packet_read(&other, &c, b.at, b.length));
	assert_true(capture_packet_same(&one, &other));
	other.interface = 3; /* sent again */
	assert_false(capture_packet_same(&one, &other));
	other.interface = 4;
	other.sequence++;
	assert_false(capture_packet_same(&one, &other));
}

static void a_record_with_a_fault_is_refused(void **state)
{
	(void)state;
	const struct capture_connection c = connection(PROTOCOL_TCP);
	const struct bytes b = bytes_of(OUT4("0034", "06") PUSH HELLO);
	struct capture_packet good = { 0 };
	assert_true(capture_packet_read(&good, &c, b.at, b.length));
	assert_true(capture_packet_valid(&good));
#define REFUSED(change)                                                                            \
	do {                                                                                       \
		struct capture_packet p = good;                                                    \
		p.change;                                                                          \
		assert_false(capture_packet_valid(&p));                                            \
	} while (0)
	REFUSED(source.family = 5);
	REFUSED(destination.family = ADDR_IPV6);
	REFUSED(sent = 2);
	REFUSED(protocol = 2);
	REFUSED(flags = 0x40);
	REFUSED(content = CAPTURE_CONTENTS);
	REFUSED(kept = CAPTURE_PACKET_BYTES + 1);
	REFUSED(ip_bytes = 19);
	REFUSED(header_bytes = 19);
	REFUSED(header_bytes = 400);
	REFUSED(data_bytes = 65536);
	REFUSED(time = -1);
	REFUSED(words[0] = '\x1b');
	struct capture_packet endless = good;
	memset(endless.words, 'a', sizeof(endless.words));
	assert_false(capture_packet_valid(&endless));
}

static void an_order_with_a_fault_is_refused(void **state)
{
	(void)state;
	const struct capture_connection good = connection(PROTOCOL_UDP);
	assert_true(capture_connection_valid(&good));
#define NO_ORDER(change)                                                                           \
	do {                                                                                       \
		struct capture_connection c = good;                                                \
		c.change;                                                                          \
		assert_false(capture_connection_valid(&c));                                        \
	} while (0)
	NO_ORDER(protocol = 1);
	NO_ORDER(peer_count = 0);
	NO_ORDER(peer_count = CAPTURE_PEERS_MAX + 1);
	NO_ORDER(local_port = 0);
	NO_ORDER(remote_port = 0);
	NO_ORDER(peers[1].family = ADDR_NONE);
}

/* ---- the filter, on a machine of classic BPF (linux/filter.h) as far as it is used ---- */

struct around {
	uint32_t protocol, hardware, kind;
};

static uint32_t load(const struct bytes *b, const struct around *around, uint32_t at, unsigned size,
		     bool *failed)
{
	uint32_t value = 0;
	if (at == (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL)) {
		return around->protocol;
	}
	if (at == (uint32_t)(SKF_AD_OFF + SKF_AD_HATYPE)) {
		return around->hardware;
	}
	if (at == (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)) {
		return around->kind;
	}
	*failed = at + size > b->length;
	for (unsigned i = 0; !*failed && i < size; i++) {
		value = value << 8 | b->at[at + i];
	}
	return value;
}

static bool jumps(const struct sock_filter *s, uint32_t a)
{
	return BPF_OP(s->code) == BPF_JEQ   ? a == s->k
	       : BPF_OP(s->code) == BPF_JGT ? a > s->k
					    : (a & s->k) != 0;
}

static void calculate(const struct sock_filter *s, uint32_t *a, uint32_t x)
{
	switch (BPF_OP(s->code)) {
	case BPF_AND:
		*a &= s->k;
		break;
	case BPF_LSH:
		*a <<= s->k;
		break;
	default:
		*a += x;
		break;
	}
}

/* @return how many bytes are copied. */
static uint32_t run(const struct sock_filter *steps, unsigned count, const struct bytes *b,
		    const struct around *around)
{
	uint32_t a = 0;
	uint32_t x = 0;
	for (unsigned i = 0; i < count; i++) {
		const struct sock_filter *s = &steps[i];
		const unsigned size = BPF_SIZE(s->code) == BPF_W   ? 4
				      : BPF_SIZE(s->code) == BPF_H ? 2
								   : 1;
		bool failed = false;
		switch (BPF_CLASS(s->code)) {
		case BPF_LD:
			a = load(b, around, s->k + (BPF_MODE(s->code) == BPF_IND ? x : 0), size,
				 &failed);
			break;
		case BPF_LDX:
			x = (load(b, around, s->k, 1, &failed) & 0x0f) * 4;
			break;
		case BPF_ALU:
			calculate(s, &a, x);
			break;
		case BPF_JMP:
			i += BPF_OP(s->code) == BPF_JA ? s->k : jumps(s, a) ? s->jt : s->jf;
			break;
		case BPF_MISC:
			x = a;
			break;
		default:
			return s->k;
		}
		if (failed) {
			return 0;
		}
	}
	fail_msg("no verdict");
	return 0;
}

static void the_filter_copies_packets_of_the_connection_alone(void **state)
{
	(void)state;
	struct sock_filter steps[CONNECTION_STEPS_MAX];
	const struct capture_connection c = connection(PROTOCOL_TCP);
	const unsigned count = connection_filter(steps, &c);
	for (size_t i = 0; i < PACKETS; i++) {
		const struct bytes b = bytes_of(packets[i].hex);
		const uint32_t ip = b.at[0] >> 4 == 4 ? ETH_P_IP : ETH_P_IPV6;
		const struct around card = { ip, ARPHRD_ETHER, PACKET_OUTGOING };
		const struct around lo_out = { ip, ARPHRD_LOOPBACK, PACKET_OUTGOING };
		const struct around lo_in = { ip, ARPHRD_LOOPBACK, PACKET_HOST };
		const struct around arp = { ETH_P_ARP, ARPHRD_ETHER, PACKET_HOST };
		const uint32_t wanted = packets[i].ours ? CAPTURE_PACKET_BYTES : 0;
		if (run(steps, count, &b, &card) != wanted ||
		    run(steps, count, &b, &lo_in) != wanted) {
			fail_msg("%s", packets[i].name);
		}
		assert_int_equal(run(steps, count, &b, &lo_out), 0);
		assert_int_equal(run(steps, count, &b, &arp), 0);
	}
}

static void the_filter_has_room_for_every_connection(void **state)
{
	(void)state;
	struct sock_filter steps[CONNECTION_STEPS_MAX];
	struct capture_connection c = connection(PROTOCOL_TCP);
	const struct bytes b = bytes_of(OUT6("0014", "06") SYN);
	const struct around around = { ETH_P_IPV6, ARPHRD_ETHER, PACKET_HOST };
	c.peer_count = CAPTURE_PEERS_MAX;
	for (uint8_t i = 0; i < CAPTURE_PEERS_MAX; i++) {
		c.peers[i] = c.peers[1];
		c.peers[i].bytes[14] = (uint8_t)(CAPTURE_PEERS_MAX - 1 - i);
	}
	const unsigned count = connection_filter(steps, &c);
	assert_in_range(count, 1, CONNECTION_STEPS_MAX);
	assert_int_equal(run(steps, count, &b, &around), CAPTURE_PACKET_BYTES); /* the last one */
	c.peers[CAPTURE_PEERS_MAX - 1].bytes[15] ^= 1;
	const unsigned other = connection_filter(steps, &c);
	assert_int_equal(run(steps, other, &b, &around), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_are_told_apart),
		cmocka_unit_test(fields_of_tcp_are_in_host_order),
		cmocka_unit_test(a_packet_that_is_cut_off_anywhere_is_none),
		cmocka_unit_test(one_packet_at_two_interfaces_is_one),
		cmocka_unit_test(a_record_with_a_fault_is_refused),
		cmocka_unit_test(an_order_with_a_fault_is_refused),
		cmocka_unit_test(the_filter_copies_packets_of_the_connection_alone),
		cmocka_unit_test(the_filter_has_room_for_every_connection),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
