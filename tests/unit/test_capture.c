/* capture: packets byte by byte, records, files that end well, badly and not at all. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "capture/capture.h"
#include "check.h"

enum { ETHERNET = 1, RAW = 101, NULL_LINK = 0, SLL = 113, SLL2 = 276 };

struct bytes {
	uint8_t at[512];
	size_t length;
};

/* "4500 0028" and so on; anything but hexadecimal digits is left out. */
static void add(struct bytes *b, const char *hex)
{
	unsigned half = 0;
	unsigned value = 0;
	for (const char *c = hex; *c != '\0'; c++) {
		const char *digit = strchr("0123456789abcdef", *c);
		if (digit == NULL) {
			continue;
		}
		value = value << 4 | (unsigned)(digit - "0123456789abcdef");
		if (++half % 2 == 0) {
			assert_true(b->length < sizeof(b->at));
			b->at[b->length++] = (uint8_t)value;
		}
	}
	assert_int_equal(half % 2, 0);
}

/* ---- what each packet says ---- */

#define MACS "0202 0202 0202 0404 0404 0404 "
#define IPV4(total, protocol) "4500 " total " d431 4000 40" protocol " 0000 c000 0207 c633 6401 "
#define TCP_SYN "d903 0050 0001 0203 0000 0000 5002 0400 0000 0000 "
#define TCP_SYN_SACK "d903 0050 0001 0203 0000 0000 6002 0400 0000 0000 0402 0000 "
#define UDP "d903 0035 0009 0000 61 "
#define ADDRESSES6                                                                                 \
	"2001 0db8 0000 0000 0000 0000 0000 0007 2001 0db8 0001 0000 0000 0000 0000 0001 "
#define IPV6(payload, next) "6000 0000 " payload " " next " 40 " ADDRESSES6

static const struct {
	const char *name;
	int link;
	const char *hex;
	int outcome;
	const char *source;
	uint16_t port;
	uint8_t flags, marks;
} packets[] = {
	{ "TCP", ETHERNET, MACS "0800" IPV4("0028", "06") TCP_SYN, CAPTURE_NOTE, "192.0.2.7", 80,
	  TCP_FLAG_SYN, 0 },
	{ "TCP with options", RAW, IPV4("002c", "06") TCP_SYN_SACK, CAPTURE_NOTE, "192.0.2.7", 80,
	  TCP_FLAG_SYN, PACKET_SACK },
	{ "one tag", ETHERNET, MACS "8100 0001 0800" IPV4("0028", "06") TCP_SYN, CAPTURE_NOTE,
	  "192.0.2.7", 80, TCP_FLAG_SYN, 0 },
	{ "two tags", ETHERNET, MACS "88a8 0001 8100 0002 86dd" IPV6("0014", "06") TCP_SYN,
	  CAPTURE_NOTE, "2001:db8::7", 80, TCP_FLAG_SYN, 0 },
	{ "nine tags", ETHERNET,
	  MACS "8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 "
	       "8100 0001 0800" IPV4("0028", "06") TCP_SYN,
	  CAPTURE_MALFORMED, NULL, 0, 0, 0 },
	{ "UDP", RAW, IPV4("001d", "11") UDP, CAPTURE_NOTE, "192.0.2.7", 53, 0, PACKET_DATA },
	{ "cooked", SLL, "0000 0001 0006 0202 0202 0202 0000 0800" IPV4("001d", "11") UDP,
	  CAPTURE_NOTE, "192.0.2.7", 53, 0, PACKET_DATA },
	{ "cooked 2", SLL2,
	  "86dd 0000 0000 0002 0001 0006 0202 0202 0202 0000" IPV6("0009", "11") UDP, CAPTURE_NOTE,
	  "2001:db8::7", 53, 0, PACKET_DATA },
	{ "loopback", NULL_LINK, "0200 0000" IPV4("001d", "11") UDP, CAPTURE_NOTE, "192.0.2.7", 53,
	  0, PACKET_DATA },
	{ "IPv4 options", RAW,
	  "4600 002c d431 4000 4006 0000 c000 0207 c633 6401 0101 0100" TCP_SYN, CAPTURE_NOTE,
	  "192.0.2.7", 80, TCP_FLAG_SYN, 0 },
	{ "padding of Ethernet is no data", ETHERNET,
	  MACS "0800" IPV4("0028", "06") TCP_SYN "0000 0000 0000", CAPTURE_NOTE, "192.0.2.7", 80,
	  TCP_FLAG_SYN, 0 },
	{ "hop-by-hop, destination options, routing", RAW,
	  IPV6("002c", "00") "3c00 0104 0000 0000 2b00 0104 0000 0000 0600 0000 0000 0000" TCP_SYN,
	  CAPTURE_NOTE, "2001:db8::7", 80, TCP_FLAG_SYN, 0 },
	{ "authentication header", RAW, IPV6("0020", "33") "0601 0000 0000 0001 0000 0001" TCP_SYN,
	  CAPTURE_NOTE, "2001:db8::7", 80, TCP_FLAG_SYN, 0 },
	{ "atomic fragment", RAW, IPV6("001c", "2c") "0600 0000 0000 0001" TCP_SYN, CAPTURE_NOTE,
	  "2001:db8::7", 80, TCP_FLAG_SYN, 0 },
	{ "extension that runs out", RAW, IPV6("0014", "00") "06ff 0104 0000 0000" TCP_SYN,
	  CAPTURE_MALFORMED, NULL, 0, 0, 0 },
	{ "port unreachable", RAW,
	  "4500 0039 d431 4000 4001 0000 c000 0207 c633 6401 0303 0000 0000 0000"
	  "4500 001d d431 4000 4011 0000 c633 6401 c000 0207 9c40 0035 0009 0000 61",
	  CAPTURE_NOTE, "198.51.100.1", 53, 0, PACKET_ERROR },
	{ "port unreachable 6", RAW,
	  IPV6("0039", "3a") "0104 0000 0000 0000" IPV6("0009", "11") UDP, CAPTURE_NOTE,
	  "2001:db8::7", 53, 0, PACKET_ERROR },
	{ "echo", RAW, "4500 001c d431 4000 4001 0000 c000 0207 c633 6401 0800 0000 0000 0000",
	  CAPTURE_OTHER, NULL, 0, 0, 0 },
	{ "quote cut off", RAW,
	  "4500 0024 d431 4000 4001 0000 c000 0207 c633 6401 0303 0000 0000 0000 4500 001d d431 "
	  "4000",
	  CAPTURE_MALFORMED, NULL, 0, 0, 0 },
	{ "ARP", ETHERNET, MACS "0806 0001", CAPTURE_OTHER, NULL, 0, 0, 0 },
	{ "nothing", ETHERNET, "", CAPTURE_MALFORMED, NULL, 0, 0, 0 },
	{ "IPv4 header too short", RAW, "4400 0028 d431 4000 4006 0000 c000 0207 c633 6401" TCP_SYN,
	  CAPTURE_MALFORMED, NULL, 0, 0, 0 },
	{ "total length below the header", RAW, IPV4("0010", "06") TCP_SYN, CAPTURE_MALFORMED, NULL,
	  0, 0, 0 },
	{ "length left to the card", RAW, IPV4("0000", "06") TCP_SYN, CAPTURE_NOTE, "192.0.2.7", 80,
	  TCP_FLAG_SYN, 0 },
	{ "TCP offset too small", RAW,
	  IPV4("0028", "06") "d903 0050 0001 0203 0000 0000 1002 0400 0000 0000", CAPTURE_MALFORMED,
	  NULL, 0, 0, 0 },
	{ "TCP cut off", RAW, IPV4("0028", "06") "d903 0050 0001 0203", CAPTURE_MALFORMED, NULL, 0,
	  0, 0 },
	{ "UDP length below its header", RAW, IPV4("001d", "11") "d903 0035 0004 0000 61",
	  CAPTURE_MALFORMED, NULL, 0, 0, 0 },
	{ "version 5", RAW, "5500 0028 d431 4000 4006 0000 c000 0207 c633 6401" TCP_SYN,
	  CAPTURE_MALFORMED, NULL, 0, 0, 0 },
};

static void each_packet_says_what_is_in_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		struct bytes b = { .length = 0 };
		struct capture_fragments fragments = { 0 };
		struct packet_note note = { .time = -1 };
		char source[ADDR_TEXT_BYTES];
		add(&b, packets[i].hex);
		const int outcome =
			capture_decode(&note, &fragments, b.at, b.length, packets[i].link, 77);
		if (outcome != packets[i].outcome) {
			fail_msg("%s: %d", packets[i].name, outcome);
		}
		if (outcome != CAPTURE_NOTE) {
			assert_int_equal(note.time, -1);
			continue;
		}
		assert_int_equal(note.time, 77);
		assert_string_equal(addr_format(&note.source, source), packets[i].source);
		assert_int_equal(note.destination_port, packets[i].port);
		assert_int_equal(note.flags, packets[i].flags);
		if (note.marks != packets[i].marks) {
			fail_msg("%s: marks %u", packets[i].name, note.marks);
		}
	}
}

static void unknown_links_are_refused(void **state)
{
	(void)state;
	struct capture_fragments fragments = { 0 };
	struct packet_note note;
	assert_int_equal(capture_decode(&note, &fragments, NULL, 0, 105, 0), -EPROTONOSUPPORT);
	assert_false(capture_link_known(105));
	assert_true(capture_link_known(ETHERNET));
}

/* ---- fragments ---- */

static int fragment(struct packet_note *note, struct capture_fragments *fragments, const char *hex)
{
	struct bytes b = { .length = 0 };
	add(&b, hex);
	return capture_decode(note, fragments, b.at, b.length, RAW, 5);
}

#define PIECE4(flags) "4500 001c 0007 " flags " 4006 0000 c000 0207 c633 6401 "
#define PIECE6(offset) IPV6("0010", "2c") "0600 " offset " 0000 0009 "
#define TCP_1 "d903 0050 0001 0203"
#define TCP_2 "0000 0000 5029 0400"
#define TCP_3 "0000 0000 0000 0000"

static void a_header_split_by_fragments_is_joined(void **state)
{
	(void)state;
	static const char *const orders[][3] = {
		{ PIECE4("2000") TCP_1, PIECE4("2001") TCP_2, PIECE4("0002") TCP_3 },
		{ PIECE4("0002") TCP_3, PIECE4("2001") TCP_2, PIECE4("2000") TCP_1 },
		{ PIECE6("0001") TCP_1, PIECE6("0011") TCP_3, PIECE6("0009") TCP_2 },
	};
	for (size_t i = 0; i < 3; i++) {
		struct capture_fragments fragments = { 0 };
		struct packet_note note;
		assert_int_equal(fragment(&note, &fragments, orders[i][0]), CAPTURE_OTHER);
		assert_int_equal(fragment(&note, &fragments, orders[i][1]), CAPTURE_OTHER);
		assert_int_equal(fragment(&note, &fragments, orders[i][2]), CAPTURE_NOTE);
		assert_int_equal(note.destination_port, 80);
		assert_int_equal(note.flags, TCP_FLAG_FIN | TCP_FLAG_PSH | TCP_FLAG_URG);
		assert_int_equal(note.marks & PACKET_FRAGMENT, PACKET_FRAGMENT);
		/* Once is enough. */
		assert_int_equal(fragment(&note, &fragments, orders[i][1]), CAPTURE_OTHER);
	}
}

static void a_later_fragment_cannot_change_what_was_said(void **state)
{
	(void)state;
	struct capture_fragments fragments = { 0 };
	struct packet_note note;
	assert_int_equal(fragment(&note, &fragments, PIECE4("2000") TCP_1), CAPTURE_OTHER);
	assert_int_equal(fragment(&note, &fragments, PIECE4("2000") "ffff ffff ffff ffff"),
			 CAPTURE_OTHER);
	assert_int_equal(fragment(&note, &fragments, PIECE4("2001") TCP_2), CAPTURE_OTHER);
	assert_int_equal(fragment(&note, &fragments, PIECE4("0002") TCP_3), CAPTURE_NOTE);
	assert_int_equal(note.destination_port, 80);
}

static void more_beginnings_than_places_forget_the_oldest(void **state)
{
	(void)state;
	struct capture_fragments fragments = { 0 };
	struct packet_note note;
	assert_int_equal(fragment(&note, &fragments, PIECE4("2000") TCP_1), CAPTURE_OTHER);
	for (unsigned i = 0; i < CAPTURE_FRAGMENTS; i++) {
		char hex[256];
		(void)snprintf(hex, sizeof(hex),
			       "4500 001c %04x 2000 4006 0000 c000 0207 c633 6401 " TCP_1, i + 100);
		assert_int_equal(fragment(&note, &fragments, hex), CAPTURE_OTHER);
	}
	assert_int_equal(fragment(&note, &fragments, PIECE4("2001") TCP_2), CAPTURE_OTHER);
	assert_int_equal(fragment(&note, &fragments, PIECE4("0002") TCP_3), CAPTURE_OTHER);
}

/* ---- records ---- */

static struct packet_note some_note(void)
{
	struct packet_note note = { .time = 1234567890123456,
				    .source_port = 1,
				    .destination_port = 65535,
				    .protocol = 6,
				    .flags = 0x3f,
				    .ttl = 255,
				    .marks = PACKET_MARKS & ~PACKET_DEVICE,
				    .option_bytes = 40,
				    .window = 4096,
				    .ipv4_id = 54321,
				    .tcp_sequence = UINT32_MAX };
	assert_int_equal(addr_parse(&note.source, "2001:db8::1"), 0);
	assert_int_equal(addr_parse(&note.destination, "2001:db8::2"), 0);
	return note;
}

static void records_say_what_was_written(void **state)
{
	(void)state;
	uint8_t bytes[CAPTURE_RECORD_BYTES];
	struct packet_note note = some_note();
	struct packet_note read = { 0 };
	struct capture_summary summary = { 0 };
	capture_write_note(bytes, &note);
	assert_int_equal(capture_read_record(&read, &summary, bytes), 1);
	assert_int_equal(read.time, note.time);
	assert_int_equal(addr_compare(&read.source, &note.source), 0);
	assert_int_equal(addr_compare(&read.destination, &note.destination), 0);
	assert_int_equal(read.destination_port, 65535);
	assert_int_equal(read.window, 4096);
	assert_int_equal(read.ipv4_id, 54321);
	assert_int_equal(read.tcp_sequence, UINT32_MAX);

	struct capture_summary end = { .end = CAPTURE_END_TRUNCATED, .link = 1, .packets = 9 };
	memset(end.reason, 'x', sizeof(end.reason) - 1);
	capture_write_end(bytes, &end);
	assert_int_equal(capture_read_record(&read, &summary, bytes), 0);
	assert_int_equal(summary.packets, 9);
	assert_string_equal(summary.reason, end.reason);
}

static void records_out_of_their_range_are_refused(void **state)
{
	(void)state;
	struct packet_note note = some_note();
	struct capture_summary summary = { .end = CAPTURE_END_WHOLE };
	uint8_t bytes[CAPTURE_RECORD_BYTES];
	for (unsigned fault = 0; fault < 5; fault++) {
		note = some_note();
		note.flags = fault == 0 ? 0x40 : 0;
		note.marks = fault == 1 ? PACKET_DEVICE : 0;
		note.option_bytes = fault == 2 ? 41 : 0;
		note.source.family = fault == 3 ? 5 : ADDR_IPV6;
		if (fault == 4) {
			assert_int_equal(addr_parse(&note.source, "192.0.2.1"), 0);
		}
		capture_write_note(bytes, &note);
		assert_int_equal(capture_read_record(&note, &summary, bytes), -EBADMSG);
	}
	capture_write_end(bytes, &summary);
	bytes[CAPTURE_RECORD_BYTES - 3] = 'x';
	bytes[0] = 3;
	assert_int_equal(capture_read_record(&note, &summary, bytes), -EBADMSG);
	bytes[0] = 2;
	bytes[1] = CAPTURE_ENDS;
	assert_int_equal(capture_read_record(&note, &summary, bytes), -EBADMSG);
}

/* ---- files ---- */

static const char pcap_head[] = "d4c3 b2a1 0200 0400 0000 0000 0000 0000 0000 0400 ";
static const char pcapng[] =
	"0a0d 0d0a 1c00 0000 4d3c 2b1a 0100 0000 ffff ffff ffff ffff 1c00 0000" /* section */
	"0100 0000 1400 0000 6500 0000 0000 0400 1400 0000"                     /* interface, raw */
	"0600 0000 4800 0000 0000 0000 0100 0000 0000 0000 2800 0000 2800 0000" /* packet */
	IPV4("0028", "06") TCP_SYN "4800 0000";

/* One packet at 5 s, in a file of that link type. */
static void pcap_file(struct bytes *b, const char *link, unsigned packets_count)
{
	add(b, pcap_head);
	add(b, link);
	for (unsigned i = 0; i < packets_count; i++) {
		add(b, "0500 0000 0700 0000 2800 0000 2800 0000");
		add(b, IPV4("0028", "06") TCP_SYN);
	}
}

/* @return how many notes came; the end is in `summary`. */
static unsigned read_all(struct capture_summary *summary, const struct bytes *b)
{
	FILE *file = tmpfile();
	assert_non_null(file);
	assert_int_equal(write_all(fileno(file), b->at, b->length), 0);
	assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
	struct capture *capture = NULL;
	struct packet_note note;
	unsigned count = 0;
	assert_int_equal(capture_open(&capture, fileno(file), NULL), 0);
	int r = 0;
	while ((r = capture_next(capture, &note)) == 1) {
		assert_int_equal(note.destination_port, 80);
		count++;
	}
	assert_int_equal(r, 0);
	*summary = *capture_summary(capture);
	capture_free(capture);
	(void)fclose(file);
	return count;
}

static void files_are_read_by_a_process_without_rights(void **state)
{
	(void)state;
	struct capture_summary summary;
	struct bytes b = { .length = 0 };
	pcap_file(&b, "6500 0000", 3);
	assert_int_equal(read_all(&summary, &b), 3);
	assert_int_equal(summary.end, CAPTURE_END_WHOLE);
	assert_int_equal(summary.packets, 3);

	b.length = 0;
	add(&b, pcapng);
	assert_int_equal(read_all(&summary, &b), 1);
	assert_int_equal(summary.end, CAPTURE_END_WHOLE);
}

static void every_beginning_of_a_file_ends_in_order(void **state)
{
	(void)state;
	struct bytes whole = { .length = 0 };
	pcap_file(&whole, "6500 0000", 2);
	for (size_t length = 0; length < whole.length; length += length < 30 ? 8 : 13) {
		struct bytes b = whole;
		struct capture_summary summary;
		b.length = length;
		const unsigned count = read_all(&summary, &b);
		assert_int_equal(count, length < 24 + 56 ? 0 : 1);
		assert_int_equal(summary.end, length < 24 ? CAPTURE_END_NO_CAPTURE
					      : length == 24 || length == 80
						      ? CAPTURE_END_WHOLE
						      : CAPTURE_END_TRUNCATED);
		assert_int_equal(summary.packets, count);
	}
}

static void what_is_no_capture_is_told_so(void **state)
{
	(void)state;
	struct capture_summary summary;
	struct bytes b = { .length = 0 };
	add(&b, "6865 6c6c 6f20 776f 726c 640a 6865 6c6c 6f20 776f 726c 640a");
	assert_int_equal(read_all(&summary, &b), 0);
	assert_int_equal(summary.end, CAPTURE_END_NO_CAPTURE);
	assert_true(summary.reason[0] != '\0');

	b.length = 0;
	pcap_file(&b, "6900 0000", 1); /* 802.11 */
	assert_int_equal(read_all(&summary, &b), 0);
	assert_int_equal(summary.end, CAPTURE_END_LINK);
	assert_int_equal(summary.link, 105);
}

/* What is given up in the middle ends, too. */
static void a_reader_can_stop_early(void **state)
{
	(void)state;
	int ends[2];
	struct bytes b = { .length = 0 };
	struct capture *capture = NULL;
	struct packet_note note;
	pcap_file(&b, "6500 0000", 1);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write_all(ends[1], b.at, b.length), 0);
	assert_int_equal(capture_open(&capture, ends[0], NULL), 0);
	(void)close(ends[1]);
	assert_int_equal(capture_next(capture, &note), 1);
	capture_free(capture);
	capture_free(NULL);
	(void)close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_packet_says_what_is_in_it),
		cmocka_unit_test(unknown_links_are_refused),
		cmocka_unit_test(a_header_split_by_fragments_is_joined),
		cmocka_unit_test(a_later_fragment_cannot_change_what_was_said),
		cmocka_unit_test(more_beginnings_than_places_forget_the_oldest),
		cmocka_unit_test(records_say_what_was_written),
		cmocka_unit_test(records_out_of_their_range_are_refused),
		cmocka_unit_test(files_are_read_by_a_process_without_rights),
		cmocka_unit_test(every_beginning_of_a_file_ends_in_order),
		cmocka_unit_test(what_is_no_capture_is_told_so),
		cmocka_unit_test(a_reader_can_stop_early),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
