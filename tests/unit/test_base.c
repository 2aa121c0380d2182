/* base: addresses, numbers, sets, times, growing text, arenas. */
#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/be.h"
#include "base/checksum.h"
#include "base/err.h"
#include "base/fnv.h"
#include "base/io/clock.h"
#include "base/io/run.h"
#include "base/io/socket.h"
#include "base/parse.h"
#include "base/portset.h"
#include "base/sip.h"
#include "base/sockaddr.h"
#include "base/str.h"
#include "base/when.h"
#include "check.h"

static void addresses_print_as_they_were_read(void **state)
{
	(void)state;
	static const char *const texts[] = { "192.0.2.1", "::", "2001:db8::1",
					     "fe80::fc:ff:fe00:1" };
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct addr address;
		char text[ADDR_TEXT_BYTES];
		assert_int_equal(addr_parse(&address, texts[i]), 0);
		assert_string_equal(addr_format(&address, text), texts[i]);
	}
}

static void exposure_follows_the_address_plan(void **state)
{
	(void)state;
	static const struct {
		const char *address;
		enum exposure exposure;
	} cases[] = {
		{ "0.0.0.0", EXPOSURE_ANY },
		{ "::", EXPOSURE_ANY },
		{ "127.0.0.53", EXPOSURE_LOOPBACK },
		{ "::1", EXPOSURE_LOOPBACK },
		{ "::ffff:127.0.0.1", EXPOSURE_LOOPBACK },
		{ "10.1.2.3", EXPOSURE_PRIVATE },
		{ "172.31.255.255", EXPOSURE_PRIVATE },
		{ "172.32.0.0", EXPOSURE_PUBLIC },
		{ "100.64.0.1", EXPOSURE_PRIVATE },
		{ "192.0.2.2", EXPOSURE_PUBLIC },
		{ "fd00::2", EXPOSURE_PRIVATE },
		{ "fe80::1", EXPOSURE_PRIVATE },
		{ "2001:db8::1", EXPOSURE_PUBLIC },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct addr address;
		assert_int_equal(addr_parse(&address, cases[i].address), 0);
		assert_int_equal(addr_exposure(&address), cases[i].exposure);
	}
}

static void addresses_have_the_family_of_their_length(void **state)
{
	(void)state;
	static const uint8_t bytes[17] = { 192, 0, 2, 7 };
	assert_int_equal(addr_from_bytes(bytes, 4).family, ADDR_IPV4);
	assert_int_equal(addr_from_bytes(bytes, 16).family, ADDR_IPV6);
	assert_memory_equal(addr_from_bytes(bytes, 4).bytes, bytes, 4);
	assert_int_equal(addr_from_bytes(NULL, 0).family, ADDR_NONE);
	assert_int_equal(addr_from_bytes(bytes, 17).family, ADDR_NONE);
}

static void prefixes_refuse_host_bits(void **state)
{
	(void)state;
	struct prefix prefix;
	struct addr address;
	assert_int_equal(prefix_parse(&prefix, "192.0.2.0/24"), 0);
	assert_int_equal(addr_parse(&address, "192.0.2.255"), 0);
	assert_true(prefix_has(&prefix, &address));
	assert_int_equal(addr_parse(&address, "192.0.3.0"), 0);
	assert_false(prefix_has(&prefix, &address));
	assert_int_equal(prefix_parse(&prefix, "192.0.2.1/24"), -EINVAL);
	assert_int_equal(prefix_parse(&prefix, "192.0.2.0/33"), -ERANGE);
	assert_int_equal(prefix_parse(&prefix, "2001:db8::/32"), 0);
}

static void an_address_of_a_socket_is_the_one_that_was_put_in(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint16_t port;
		int family;
		socklen_t length;
		uint8_t first[4]; /* bytes of the address where the kernel reads them */
	} rows[] = {
		{ "192.0.2.7", 443, AF_INET, sizeof(struct sockaddr_in), { 192, 0, 2, 7 } },
		{ "0.0.0.0", 0, AF_INET, sizeof(struct sockaddr_in), { 0 } },
		{ "2001:db8::1",
		  65535,
		  AF_INET6,
		  sizeof(struct sockaddr_in6),
		  { 0x20, 1, 0xd, 0xb8 } },
		{ "::ffff:192.0.2.7", 80, AF_INET6, sizeof(struct sockaddr_in6), { 0 } },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sockaddr_storage made;
		const struct sockaddr *given = (const struct sockaddr *)&made;
		struct addr address;
		memset(&made, 0xff, sizeof(made));
		assert_int_equal(addr_parse(&address, rows[i].text), 0);
		assert_int_equal(sockaddr_from_addr(&made, &address, rows[i].port), rows[i].length);
		assert_int_equal(made.ss_family, rows[i].family);
		const uint8_t *bytes = (const uint8_t *)&made;
		assert_int_equal(bytes[2] << 8 | bytes[3], rows[i].port);
		assert_memory_equal(bytes + (rows[i].family == AF_INET ? 4 : 8), rows[i].first, 4);
		assert_int_equal(sockaddr_port(given), rows[i].port);
		const struct addr back = addr_from_sockaddr(given);
		assert_int_equal(addr_compare(&back, &address), 0);
	}
}

static void what_is_no_address_of_the_internet_is_none(void **state)
{
	(void)state;
	const struct sockaddr_storage local = { .ss_family = AF_UNIX };
	const struct sockaddr *const others[] = { NULL, (const struct sockaddr *)&local };
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(addr_from_sockaddr(others[i]).family, ADDR_NONE);
	}
	assert_int_equal(sockaddr_port(others[1]), 0);
}

static void a_socket_tells_where_it_is_and_of_no_error_that_never_came(void **state)
{
	(void)state;
	int pair[2];
	uint16_t port = 7;
	struct socket_icmp icmp;
	struct sockaddr_storage at;
	struct addr address;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(socket_own(pair[0], &port).family, ADDR_NONE);
	assert_int_equal(port, 0);
	assert_int_equal(socket_own(-1, NULL).family, ADDR_NONE);
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(addr_parse(&address, "127.0.0.1"), 0);
	const socklen_t length = sockaddr_from_addr(&at, &address, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&at, length), 0);
	socket_want_icmp(fd, ADDR_IPV4);
	const struct addr own = socket_own(fd, &port);
	assert_int_equal(addr_compare(&own, &address), 0);
	assert_int_not_equal(port, 0);
	assert_false(socket_take_icmp(&icmp, fd));
	(void)close(fd);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

static void numbers_of_packets_stand_with_the_high_byte_first(void **state)
{
	(void)state;
	uint8_t bytes[7] = { 0 };
	be16_put(bytes, 0xfedc);
	be32_put(bytes + 3, 0x89abcdef);
	assert_memory_equal(bytes, "\xfe\xdc\0\x89\xab\xcd\xef", 7);
	assert_int_equal(be16_at(bytes), 0xfedc);
	assert_int_equal(be32_at(bytes + 3), 0x89abcdef);
}

static void checksums_are_those_of_the_standard(void **state)
{
	(void)state;
	static uint8_t long_one[65535];
	static const struct {
		const char *bytes;
		size_t length;
		uint16_t sum;
	} rows[] = {
		{ "", 0, 0xffff },
		{ "\x00\x01\xf2\x03\xf4\xf5\xf6\xf7", 8, 0x220d }, /* RFC 1071 section 3 */
		{ "\x00\x01\xf2\x03\xf4\xf5\xf6\x00", 8, 0x2304 },
		{ "\x00\x01\xf2\x03\xf4\xf5\xf6", 7, 0x2304 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint8_t *bytes = (const uint8_t *)rows[i].bytes;
		const size_t half = rows[i].length / 4 * 2;
		const uint32_t begun = checksum_add(0, bytes, half);
		assert_int_equal(checksum_end(checksum_add(0, bytes, rows[i].length)), rows[i].sum);
		assert_int_equal(
			checksum_end(checksum_add(begun, bytes + half, rows[i].length - half)),
			rows[i].sum);
	}
	memset(long_one, 0xff, sizeof(long_one));
	assert_int_equal(checksum_end(checksum_add(0, long_one, sizeof(long_one))), 0xff);
}

static void hashes_that_stay_are_those_of_the_draft(void **state)
{
	(void)state;
	/* draft-eastlake-fnv, appendix C */
	static const struct {
		const char *text;
		uint32_t narrow;
		uint64_t wide;
	} rows[] = {
		{ "", 0x811c9dc5, 0xcbf29ce484222325 },
		{ "a", 0xe40c292c, 0xaf63dc4c8601ec8c },
		{ "foobar", 0xbf9cf968, 0x85944171f73967e8 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *text = rows[i].text;
		const size_t half = strlen(text) / 2, rest = strlen(text) - half;
		assert_int_equal(fnv32_add(fnv32_add(FNV32_BEGIN, text, half), text + half, rest),
				 rows[i].narrow);
		assert_true(fnv64_add(fnv64_add(FNV64_BEGIN, text, half), text + half, rest) ==
			    rows[i].wide);
	}
}

static void hashes_with_a_key_are_those_of_others(void **state)
{
	(void)state;
	static const uint64_t none[2] = { 0 };
	static const struct {
		size_t words;
		uint64_t small; /* what Python 3.11 makes of it with the key 0 */
		uint64_t large; /* what OpenSSL makes of it with the key 00 01 .. 0f */
	} rows[] = {
		{ 1, 0xead411e67ebe2eea, 0x93f5f5799a932462 },
		{ 3, 0x31185a47af932f3a, 0xb8ad50c6f649af94 },
	};
	uint8_t bytes[24];
	uint64_t words[3];
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t)i;
	}
	for (size_t i = 0; i < 3; i++) {
		uint64_t word;
		memcpy(&word, bytes + 8 * i, sizeof(word));
		words[i] = le64toh(word);
	}
	assert_true(sip24(words, words, 0) == 0x726fdb47dd0e0e31);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(sip13(none, words, rows[i].words) == rows[i].small);
		assert_true(sip24(words, words, rows[i].words) == rows[i].large);
	}
}

static void numbers_take_digits_only(void **state)
{
	(void)state;
	uint64_t value = 7;
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "0x10", "1e3" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse_u64(&value, bad[i], 0, UINT64_MAX), -EINVAL);
	}
	assert_int_equal(parse_u64(&value, "18446744073709551616", 0, UINT64_MAX), -ERANGE);
	assert_int_equal(value, 7);
	assert_int_equal(parse_u64(&value, "18446744073709551615", 0, UINT64_MAX), 0);
	uint16_t first = 0;
	uint16_t last = 0;
	assert_int_equal(parse_port_range(&first, &last, "8000-8100"), 0);
	assert_int_equal(first, 8000);
	assert_int_equal(last, 8100);
	assert_int_equal(parse_port_range(&first, &last, "9-1"), -EINVAL);
	assert_int_equal(parse_port(&first, "65536"), -ERANGE);
}

static void port_sets_read_the_kernels_list(void **state)
{
	(void)state;
	struct portset set = { 0 };
	assert_int_equal(portset_parse(&set, "3000,8000-8010\n"), 0);
	assert_int_equal(portset_count(&set), 12);
	assert_int_equal(portset_next(&set, 0), 3000);
	assert_int_equal(portset_next(&set, 3001), 8000);
	assert_int_equal(portset_next(&set, 8011), -1);
	assert_int_equal(portset_run_end(&set, 8000), 8010);
	assert_int_equal(portset_run_end(&set, 3000), 3000);
	assert_int_equal(portset_parse(&set, "x"), -EINVAL);
	assert_int_equal(portset_count(&set), 12);
	assert_int_equal(portset_parse(&set, "\n"), 0);
	assert_int_equal(portset_count(&set), 0);
	portset_add_range(&set, 0, 65535);
	assert_int_equal(portset_run_end(&set, 1), 65535);
	assert_int_equal(portset_count(&set), 65536);
}

static void times_survive_text(void **state)
{
	(void)state;
	usec_t time = 0;
	char text[TIME_TEXT_BYTES];
	assert_int_equal(time_parse(&time, "2026-11-22T00:38:18.25+09:00"), 0);
	assert_string_equal(time_format(time, text), "2026-11-21T15:38:18.250000Z");
	assert_int_equal(time_parse(&time, "2024-02-29"), 0);
	assert_int_equal(time_parse(&time, "2023-02-29"), -EINVAL);
	assert_int_equal(time_parse(&time, "2026-11-22T25:00:00Z"), -EINVAL);
	assert_string_equal(time_format(-1, text), "1969-12-31T23:59:59.999999Z");
	usec_t span = 0;
	assert_int_equal(span_parse(&span, "90s"), 0);
	assert_int_equal(span, 90 * USEC_PER_SEC);
	assert_int_equal(span_parse(&span, "s"), -EINVAL);
	assert_int_equal(span_parse(&span, "99999999999999999d"), -ERANGE);
}

static void text_beyond_its_maximum_is_refused_whole(void **state)
{
	(void)state;
	struct str s = STR_INIT(10);
	assert_int_equal(str_add(&s, "12345"), 0);
	assert_int_equal(str_add(&s, "678901"), -EFBIG);
	assert_int_equal(str_add(&s, "6"), -EFBIG);
	assert_string_equal(str_text(&s), "12345");
	str_deinit(&s);
	char small[4];
	str_copy(small, sizeof(small), "あい");
	assert_string_equal(small, "あ");
}

static void arenas_keep_their_limit(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 256 * 1024);
	size_t got = 0;
	while (arena_alloc(&arena, 1000) != NULL) {
		got += 1000;
	}
	assert_in_range(got, 100 * 1000, 256 * 1024);
	assert_null(arena_alloc(&arena, SIZE_MAX - 2));
	arena_deinit(&arena);
	assert_string_equal(arena_printf(&arena, "%d", 5), "5");
	arena_deinit(&arena);
}

/* A child that closes its output at once and then only waits. */
static void a_program_that_closed_its_output_is_not_waited_for_without_end(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	const pid_t child = fork();
	if (child == 0) {
		(void)close(ends[0]);
		(void)close(ends[1]);
		(void)pause();
		_exit(0);
	}
	(void)close(ends[1]);
	const usec_t begin = clock_monotonic();
	assert_int_equal(run_finish(NULL, ends[0], child, USEC_PER_SEC / 10), -ETIMEDOUT);
	assert_true(clock_monotonic() - begin < 5 * USEC_PER_SEC);
	(void)close(ends[0]);
}

static void the_first_cause_is_kept(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	assert_int_equal(err_system(&e, ENOENT, "/x"), -ENOENT);
	assert_int_equal(err_set(&e, EINVAL, "later"), -EINVAL);
	assert_int_equal(e.code, -ENOENT);
	assert_string_equal(err_text(&e), "/x: No such file or directory");
}

static void only_printable_ascii_that_ends_is_printable(void **state)
{
	(void)state;
	assert_true(str_is_printable("", 1));
	assert_true(str_is_printable(" ~", 3));
	assert_false(str_is_printable("port", 4)); /* it does not end there */
	assert_false(str_is_printable("\x1b[2J", 5));
	assert_false(str_is_printable("\x7f", 2));
	assert_false(str_is_printable("\xe6\xb8\xaf", 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_print_as_they_were_read),
		cmocka_unit_test(exposure_follows_the_address_plan),
		cmocka_unit_test(addresses_have_the_family_of_their_length),
		cmocka_unit_test(prefixes_refuse_host_bits),
		cmocka_unit_test(an_address_of_a_socket_is_the_one_that_was_put_in),
		cmocka_unit_test(what_is_no_address_of_the_internet_is_none),
		cmocka_unit_test(a_socket_tells_where_it_is_and_of_no_error_that_never_came),
		cmocka_unit_test(numbers_of_packets_stand_with_the_high_byte_first),
		cmocka_unit_test(checksums_are_those_of_the_standard),
		cmocka_unit_test(hashes_that_stay_are_those_of_the_draft),
		cmocka_unit_test(hashes_with_a_key_are_those_of_others),
		cmocka_unit_test(numbers_take_digits_only),
		cmocka_unit_test(port_sets_read_the_kernels_list),
		cmocka_unit_test(times_survive_text),
		cmocka_unit_test(text_beyond_its_maximum_is_refused_whole),
		cmocka_unit_test(only_printable_ascii_that_ends_is_printable),
		cmocka_unit_test(arenas_keep_their_limit),
		cmocka_unit_test(a_program_that_closed_its_output_is_not_waited_for_without_end),
		cmocka_unit_test(the_first_cause_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
