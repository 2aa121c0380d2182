/* tap: records of the kernel's side, bans on the way to its tables and back, the filter of the
 * packet socket. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define __noinline /* as the kernel calls it; the headers of BPF programs know it */

#include "base/sip.h"
#include "bpf/sip.h"
#include "bpf/tap.h"
#include "check.h"
#include "tap/filter.h"
#include "tap/seen.h"
#include "tap/table.h"
#include "tap/tap.h"

/* ---- records ---- */

static struct tap_record sound_record(void)
{
	struct tap_record r = { .time_ns = 5000000000,
				.tcp_sequence = 0x01020304,
				.source_port = 40000,
				.destination_port = 80,
				.window = 1024,
				.ipv4_id = 54321,
				.family = 4,
				.protocol = 6,
				.flags = 2,
				.ttl = 57,
				.marks = TAP_MARK_OPEN,
				.option_bytes = 4,
				.kind = TAP_KIND_SYN };
	static const uint8_t source[16] = { [10] = 0xff, 0xff, 192, 0, 2, 7 };
	static const uint8_t destination[16] = { [10] = 0xff, 0xff, 198, 51, 100, 1 };
	memcpy(r.source, source, 16);
	memcpy(r.destination, destination, 16);
	return r;
}

static void a_record_becomes_a_note(void **state)
{
	(void)state;
	char text[ADDR_TEXT_BYTES];
	struct packet_note note;
	const struct tap_record r = sound_record();
	assert_int_equal(tap_note_read(&note, &r, sizeof(r), 1000), 0);
	assert_int_equal(note.time, 5001000);
	assert_string_equal(addr_format(&note.source, text), "192.0.2.7");
	assert_string_equal(addr_format(&note.destination, text), "198.51.100.1");
	assert_int_equal(note.source_port, 40000);
	assert_int_equal(note.destination_port, 80);
	assert_int_equal(note.protocol, 6);
	assert_int_equal(note.flags, TCP_FLAG_SYN);
	assert_int_equal(note.ttl, 57);
	assert_int_equal(note.marks, PACKET_OPEN);
	assert_int_equal(note.option_bytes, 4);
	assert_int_equal(note.window, 1024);
	assert_int_equal(note.ipv4_id, 54321);
	assert_int_equal(note.tcp_sequence, 0x01020304);
}

static void an_address_of_ipv6_stays_one(void **state)
{
	(void)state;
	char text[ADDR_TEXT_BYTES];
	struct packet_note note;
	struct tap_record r = sound_record();
	memset(r.source, 0, sizeof(r.source));
	r.source[0] = 0x20;
	r.source[15] = 7;
	r.family = 6;
	assert_int_equal(tap_note_read(&note, &r, sizeof(r), 0), 0);
	assert_string_equal(addr_format(&note.source, text), "2000::7");
	/* ::ffff:198.51.100.1 on the wire of IPv6 is no address of IPv4. */
	assert_int_equal(note.destination.family, ADDR_IPV6);
}

/* A fault in one place of a record. */
static const struct {
	const char *name;
	size_t at;
	uint8_t byte;
} faults[] = {
	{ "family", offsetof(struct tap_record, family), 5 },
	{ "no protocol with ports", offsetof(struct tap_record, protocol), 1 },
	{ "flags", offsetof(struct tap_record, flags), 0x40 },
	{ "marks", offsetof(struct tap_record, marks), 1 },
	{ "options", offsetof(struct tap_record, option_bytes), 41 },
	{ "IPv4 that is not mapped", offsetof(struct tap_record, source) + 10, 0 },
};

static void a_record_with_a_fault_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct tap_record r = sound_record();
		struct packet_note note = { .ttl = 99 };
		((uint8_t *)&r)[faults[i].at] = faults[i].byte;
		if (tap_note_read(&note, &r, sizeof(r), 0) != -EBADMSG || note.ttl != 99) {
			fail_msg("%s was taken", faults[i].name);
		}
	}
	const struct tap_record r = sound_record();
	struct packet_note note;
	assert_int_equal(tap_note_read(&note, &r, sizeof(r) - 1, 0), -EBADMSG);
	assert_int_equal(tap_note_read(&note, &r, 0, 0), -EBADMSG);
}

static const struct {
	const char *name;
	uint8_t count;
	uint8_t options[16];
	bool sack;
} offers[] = {
	{ "Linux", 20, { 2, 4, 5, 180, 4, 2, 8, 10 }, true },
	{ "Windows", 12, { 2, 4, 5, 180, 1, 3, 3, 8, 1, 1, 4, 2 }, true },
	{ "size alone", 4, { 2, 4, 5, 180 }, false },
	{ "behind the end", 8, { 0, 4, 2 }, false },
	{ "beyond their length", 2, { 1, 1, 4, 2 }, false },
	{ "a length of nothing", 8, { 3, 0, 4, 2 }, false },
	{ "a length of one", 8, { 3, 1, 4, 2 }, false },
	{ "a length beyond all", 8, { 3, 255, 4, 2 }, false },
	{ "a kind without length", 1, { 3 }, false },
};

static void options_tell_of_selective_acknowledgement(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
		struct tap_record r = sound_record();
		struct packet_note note;
		r.option_bytes = offers[i].count;
		memcpy(r.options, offers[i].options, sizeof(offers[i].options));
		assert_int_equal(tap_note_read(&note, &r, sizeof(r), 0), 0);
		if (((note.marks & PACKET_SACK) != 0) != offers[i].sack) {
			fail_msg("%s", offers[i].name);
		}
	}
}

static void any_bytes_are_read_or_refused(void **state)
{
	(void)state;
	uint32_t random = 1;
	unsigned taken = 0;
	for (unsigned round = 0; round < 100000; round++) {
		struct tap_record r = sound_record();
		struct packet_note note;
		for (unsigned i = 0; i < 1 + round % 8; i++) {
			random = random * 1664525 + 1013904223;
			((uint8_t *)&r)[random / 65536 % sizeof(r)] = (uint8_t)(random >> 8);
		}
		if (tap_note_read(&note, &r, sizeof(r), 0) == 0) {
			taken++;
			assert_true(note.option_bytes <= 40 && note.flags <= 0x3f &&
				    note.time >= 0);
		}
	}
	assert_in_range(taken, 1000, 99000);
}

/* ---- bans ---- */

static struct prefix prefix_of(const char *text)
{
	struct prefix prefix;
	assert_int_equal(prefix_parse(&prefix, text), 0);
	return prefix;
}

static const char *const networks[] = {
	"192.0.2.7",     "192.0.2.0/24", "0.0.0.0/0", "128.0.0.0/1",        "2001:db8::7",
	"2001:db8::/32", "::/0",         "::1",       "2001:db8:8000::/33", "10.0.0.0/31",
};

static void a_prefix_comes_back_from_its_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
		char text[PREFIX_TEXT_BYTES];
		struct prefix back;
		const struct prefix prefix = prefix_of(networks[i]);
		const struct tap_prefix key = table_key(&prefix);
		assert_int_equal(table_prefix(&back, &key), 0);
		assert_string_equal(prefix_format(&back, text), networks[i]);
		assert_int_equal(table_is_single(&key), strchr(networks[i], '/') == NULL);
	}
	static const struct tap_prefix odd[] = {
		{ .bits = 161, .family = 6 }, { .bits = 31, .family = 6 },
		{ .bits = 127, .family = 4 }, { .bits = 128, .family = 4 }, /* not ::ffff:0:0 */
		{ .bits = 128, .family = 5 },
	};
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct prefix back;
		assert_int_equal(table_prefix(&back, &odd[i]), -EBADMSG);
	}
}

static void host_bits_do_not_make_another_key(void **state)
{
	(void)state;
	struct prefix loose = prefix_of("192.0.2.7");
	const struct prefix tight = prefix_of("192.0.2.0/25");
	loose.bits = 25;
	const struct tap_prefix a = table_key(&loose);
	const struct tap_prefix b = table_key(&tight);
	assert_memory_equal(&a, &b, sizeof(a));
}

static const struct {
	const char *prefix;
	int bits; /* -1 = those of the prefix */
	enum tap_verdict verdict;
	usec_t until;
	uint32_t rate, burst;
	int result;
} orders[] = {
	{ "192.0.2.7", -1, TAP_DROP, 1, 0, 0, 0 },
	{ "2001:db8::/64", -1, TAP_HIDE, 0, 0, 0, 0 },
	{ "192.0.2.7", -1, TAP_SLOW, 1, 10, 1, 0 },
	{ "192.0.2.7", -1, TAP_SLOW, 1, TAP_RATE_MAX, TAP_RATE_MAX, 0 },
	{ "192.0.2.7", 33, TAP_DROP, 1, 0, 0, -ERANGE },
	{ "2001:db8::7", 129, TAP_DROP, 1, 0, 0, -ERANGE },
	{ "192.0.2.7", -1, 0, 1, 0, 0, -EINVAL },
	{ "192.0.2.7", -1, 4, 1, 0, 0, -EINVAL },
	{ "192.0.2.7", -1, TAP_DROP, -1, 0, 0, -EINVAL },
	{ "192.0.2.7", -1, TAP_DROP, INT64_MAX / 10, 0, 0, -EINVAL },
	{ "192.0.2.7", -1, TAP_DROP, 1, 1, 0, -EINVAL },
	{ "192.0.2.7", -1, TAP_SLOW, 1, 0, 1, -EINVAL },
	{ "192.0.2.7", -1, TAP_SLOW, 1, 1, 0, -EINVAL },
	{ "192.0.2.7", -1, TAP_SLOW, 1, TAP_RATE_MAX + 1, 1, -EINVAL },
};

static void a_ban_is_checked_before_the_kernel_gets_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct err e = ERR_INIT;
		struct tap_ban ban = { .prefix = prefix_of(orders[i].prefix),
				       .verdict = orders[i].verdict,
				       .until = orders[i].until,
				       .rate = orders[i].rate,
				       .burst = orders[i].burst };
		ban.prefix.bits = orders[i].bits < 0 ? ban.prefix.bits : (uint8_t)orders[i].bits;
		const int r = tap_ban_check(&ban, &e);
		if (r != orders[i].result || (r < 0 && e.text[0] == '\0')) {
			fail_msg("row %zu: %d %s", i, r, e.text);
		}
	}
	const struct tap_ban nobody = { .verdict = TAP_DROP };
	assert_int_equal(tap_ban_check(&nobody, NULL), -EINVAL);
}

static void a_ban_comes_back_from_its_value(void **state)
{
	(void)state;
	static const uint32_t rates[][2] = {
		{ 1, 1 }, { 3, 7 }, { 10, 20 }, { 1000, 1 }, { 1000000, 1000000 }
	};
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		const struct tap_ban ban = { .prefix = prefix_of("192.0.2.7"),
					     .verdict = TAP_SLOW,
					     .until = 1234567,
					     .rate = rates[i][0],
					     .burst = rates[i][1],
					     .stopped = 9 };
		struct tap_ban back;
		const struct tap_prefix key = table_key(&ban.prefix);
		const struct tap_ban_value value = table_value(&ban);
		assert_int_equal(table_ban(&back, &key, &value), 0);
		assert_int_equal(back.rate, ban.rate);
		assert_int_equal(back.burst, ban.burst);
		assert_int_equal(back.until, ban.until);
		assert_int_equal(back.stopped, 9);
	}
	struct tap_ban back;
	const struct prefix prefix = prefix_of("192.0.2.7");
	const struct tap_prefix key = table_key(&prefix);
	const struct tap_ban_value odd = { .verdict = 7 };
	assert_int_equal(table_ban(&back, &key, &odd), -EBADMSG);
}

static void verdicts_have_names(void **state)
{
	(void)state;
	enum tap_verdict verdict = 0;
	for (enum tap_verdict i = TAP_DROP; i <= TAP_SLOW; i++) {
		assert_int_equal(tap_verdict_parse(&verdict, tap_verdict_name(i)), 0);
		assert_int_equal(verdict, i);
	}
	assert_int_equal(tap_verdict_parse(&verdict, "ban"), -EINVAL);
	assert_string_equal(tap_verdict_name(0), "");
	assert_string_equal(tap_verdict_name(4), "");
}

static void counts_of_all_cpus_are_added(void **state)
{
	(void)state;
	struct tap_counters sum = { .lost = 5 };
	struct tap_counts counts = { { 0 } };
	for (unsigned i = 0; i < TAP_COUNTERS; i++) {
		counts.values[i] = 1 << i;
	}
	table_add_counts(&sum, &counts);
	table_add_counts(&sum, &counts);
	assert_int_equal(sum.noted, 2 << TAP_COUNT_NOTED);
	assert_int_equal(sum.lost, 5 + (2 << TAP_COUNT_LOST));
	assert_int_equal(sum.spared, 2 << TAP_COUNT_SPARED);
}

/* ---- what was noted before ---- */

static struct packet_note question(const char *source, uint16_t port, uint8_t flags, usec_t time)
{
	struct packet_note note = { .time = time,
				    .source_port = 40000,
				    .destination_port = port,
				    .protocol = 6,
				    .flags = flags };
	assert_int_equal(addr_parse(&note.source, source), 0);
	assert_int_equal(addr_parse(&note.destination, "198.51.100.1"), 0);
	return note;
}

static void the_kernel_hashes_as_we_do(void **state)
{
	(void)state;
	uint64_t words[5] = { 1, UINT64_MAX, 0x0123456789abcdef, 0, 1ULL << 63 };
	for (unsigned i = 0; i < 64; i++) {
		assert_true(sip3(words[0], words[1], words[2], words[3], words[4]) ==
			    sip13(words, words + 2, 3));
		words[i % 5] += sip13(words, words, 5);
	}
}

static void a_question_counts_once_a_minute(void **state)
{
	(void)state;
	struct seen *seen = calloc(1, sizeof(*seen));
	assert_non_null(seen);
	struct packet_note note = question("192.0.2.7", 80, TCP_FLAG_SYN, 100);
	assert_false(seen_before(seen, &note));
	note.source_port = 40001;
	assert_true(seen_before(seen, &note));
	note.time += USEC_PER_MIN;
	assert_false(seen_before(seen, &note));
	note.time -= USEC_PER_HOUR; /* the clock was set back */
	assert_false(seen_before(seen, &note));

	const struct packet_note others[] = {
		question("192.0.2.8", 80, TCP_FLAG_SYN, note.time),
		question("192.0.2.7", 81, TCP_FLAG_SYN, note.time),
		question("192.0.2.7", 80, TCP_FLAG_FIN, note.time),
	};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_false(seen_before(seen, &others[i]));
		assert_true(seen_before(seen, &others[i]));
	}
	/* Answers are told apart by where they come from. */
	struct packet_note answer = question("192.0.2.7", 50000, TCP_FLAG_SYN | TCP_FLAG_ACK, 0);
	assert_false(seen_before(seen, &answer));
	answer.destination_port = 50001;
	assert_true(seen_before(seen, &answer));
	answer.source_port = 443;
	assert_false(seen_before(seen, &answer));
	free(seen);
}

/* ---- the filter, run by the kernel on datagrams that are the packets ---- */

static int filtered_socket(int *other)
{
	int both[2];
	struct sock_filter steps[FILTER_STEPS_MAX];
	struct sock_fprog program = { .len = (unsigned short)filter_write(steps), .filter = steps };
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, both), 0);
	assert_int_equal(
		setsockopt(both[0], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)), 0);
	*other = both[1];
	return both[0];
}

static void the_kernel_takes_the_filter(void **state)
{
	(void)state;
	int other = -1;
	const int fd = filtered_socket(&other);
	/* Of no family of addresses that it knows: dropped. */
	(void)send(other, "E", 1, 0);
	char byte = 0;
	assert_true(recv(fd, &byte, 1, 0) < 0);
	(void)close(fd);
	(void)close(other);
}

static void no_step_of_the_filter_jumps_beyond_its_end(void **state)
{
	(void)state;
	struct sock_filter steps[FILTER_STEPS_MAX];
	const unsigned count = filter_write(steps);
	assert_in_range(count, 10, FILTER_STEPS_MAX);
	for (unsigned i = 0; i < count; i++) {
		if (BPF_CLASS(steps[i].code) == BPF_JMP) {
			assert_in_range(i + 1 + steps[i].jt, 1, count - 1);
			assert_in_range(i + 1 + steps[i].jf, 1, count - 1);
		}
	}
	assert_int_equal(steps[count - 2].k, FILTER_BYTES);
	assert_int_equal(steps[count - 1].k, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_becomes_a_note),
		cmocka_unit_test(an_address_of_ipv6_stays_one),
		cmocka_unit_test(a_record_with_a_fault_is_refused),
		cmocka_unit_test(options_tell_of_selective_acknowledgement),
		cmocka_unit_test(any_bytes_are_read_or_refused),
		cmocka_unit_test(a_prefix_comes_back_from_its_key),
		cmocka_unit_test(host_bits_do_not_make_another_key),
		cmocka_unit_test(a_ban_is_checked_before_the_kernel_gets_it),
		cmocka_unit_test(a_ban_comes_back_from_its_value),
		cmocka_unit_test(verdicts_have_names),
		cmocka_unit_test(counts_of_all_cpus_are_added),
		cmocka_unit_test(the_kernel_hashes_as_we_do),
		cmocka_unit_test(a_question_counts_once_a_minute),
		cmocka_unit_test(the_kernel_takes_the_filter),
		cmocka_unit_test(no_step_of_the_filter_jumps_beyond_its_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
