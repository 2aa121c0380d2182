/* resolve: the form in which a process without rights hands back what it was told. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "resolve/resolve.h"

static struct resolve_answer two_addresses(void)
{
	static const uint8_t ipv4[4] = { 203, 0, 113, 9 };
	static const uint8_t ipv6[16] = {
		0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9
	};
	return (struct resolve_answer){ .outcome = RESOLVE_FOUND,
					.count = 2,
					.addresses = { addr_from_ipv4(ipv4),
						       addr_from_ipv6(ipv6) } };
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	struct resolve_answer answers[3] = { two_addresses(), { .outcome = RESOLVE_NO_NAME } };
	struct resolve_answer back[3];
	uint8_t bytes[3 * RESOLVE_RECORD_BYTES];
	answers[2] = two_addresses();
	for (size_t i = answers[2].count; i < RESOLVE_ADDRESSES_MAX; i++) {
		answers[2].addresses[i] = answers[2].addresses[i % 2];
		answers[2].count++;
	}
	for (size_t i = 0; i < 3; i++) {
		resolve_encode(bytes + i * RESOLVE_RECORD_BYTES, &answers[i]);
	}
	assert_int_equal(resolve_decode(back, 3, bytes, sizeof(bytes)), 0);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(back[i].outcome, answers[i].outcome);
		assert_int_equal(back[i].count, answers[i].count);
		for (size_t k = 0; k < RESOLVE_ADDRESSES_MAX; k++) {
			assert_int_equal(
				addr_compare(&back[i].addresses[k], &answers[i].addresses[k]), 0);
		}
	}
}

/* One byte of a good record is another: at `at` stands `value`. */
static void hostile_bytes_are_refused(void **state)
{
	(void)state;
	enum { SECOND = 2 + RESOLVE_ADDRESS_BYTES, THIRD = 2 + 2 * RESOLVE_ADDRESS_BYTES };
	static const struct {
		size_t at;
		uint8_t value;
		const char *what;
	} cases[] = {
		{ 0, RESOLVE_NO_NAME, "addresses of a name that does not exist" },
		{ 0, RESOLVE_OUTCOMES, "an outcome that there is not" },
		{ 0, 255, "another" },
		{ 0, RESOLVE_TOO_MANY, "too many, and there are two" },
		{ 1, 0, "found, and no address" },
		{ 1, 1, "an address behind the last" },
		{ 1, 3, "an address that is not there" },
		{ 1, RESOLVE_ADDRESSES_MAX + 1, "more than there is room for" },
		{ 1, 255, "many more" },
		{ 2, 0, "an address without a family" },
		{ 2, 5, "a family that there is not" },
		{ 2, ADDR_IPV6 + 4, "another" },
		{ 2 + 1 + 4, 1, "bytes behind an IPv4 address" },
		{ 2 + 16, 1, "the last of them" },
		{ SECOND, ADDR_IPV4, "an IPv6 address said to be IPv4" },
		{ THIRD, 1, "bytes behind the addresses" },
		{ RESOLVE_RECORD_BYTES - 1, 1, "the last byte" },
	};
	const struct resolve_answer good = two_addresses();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t bytes[RESOLVE_RECORD_BYTES];
		struct resolve_answer answer;
		resolve_encode(bytes, &good);
		bytes[cases[i].at] = cases[i].value;
		if (resolve_decode(&answer, 1, bytes, sizeof(bytes)) != -EBADMSG) {
			fail_msg("%s was taken", cases[i].what);
		}
	}
}

static void every_address_at_once_is_refused(void **state)
{
	(void)state;
	for (unsigned family = ADDR_IPV4; family <= ADDR_IPV6; family += 2) {
		uint8_t bytes[RESOLVE_RECORD_BYTES] = { RESOLVE_FOUND, 1, (uint8_t)family };
		struct resolve_answer answer;
		assert_int_equal(resolve_decode(&answer, 1, bytes, sizeof(bytes)), -EBADMSG);
	}
}

static void another_length_is_refused(void **state)
{
	(void)state;
	const struct resolve_answer good = two_addresses();
	uint8_t *bytes = calloc(RESOLVE_NAMES_MAX + 1, RESOLVE_RECORD_BYTES);
	struct resolve_answer *answers = calloc(RESOLVE_NAMES_MAX + 1, sizeof(*answers));
	assert_non_null(bytes);
	assert_non_null(answers);
	for (size_t i = 0; i <= RESOLVE_NAMES_MAX; i++) {
		resolve_encode(bytes + i * RESOLVE_RECORD_BYTES, &good);
	}
	const size_t record = RESOLVE_RECORD_BYTES;
	const size_t most = RESOLVE_NAMES_MAX;
	assert_int_equal(resolve_decode(answers, 2, bytes, 2 * record), 0);
	assert_int_equal(resolve_decode(answers, 2, bytes, 2 * record - 1), -EBADMSG);
	assert_int_equal(resolve_decode(answers, 2, bytes, 2 * record + 1), -EBADMSG);
	assert_int_equal(resolve_decode(answers, 2, bytes, record), -EBADMSG);
	assert_int_equal(resolve_decode(answers, 2, bytes, 0), -EBADMSG);
	assert_int_equal(resolve_decode(answers, most, bytes, most * record), 0);
	assert_int_equal(resolve_decode(answers, most + 1, bytes, (most + 1) * record), -EBADMSG);
	free(bytes);
	free(answers);
}

/* Whatever is taken is exactly what would have been written. */
static void random_bytes_never_say_more_than_the_form(void **state)
{
	(void)state;
	uint32_t random = 1;
	unsigned taken = 0;
	for (unsigned round = 0; round < 20000; round++) {
		const struct resolve_answer good = two_addresses();
		uint8_t bytes[RESOLVE_RECORD_BYTES];
		uint8_t again[RESOLVE_RECORD_BYTES];
		struct resolve_answer answer;
		resolve_encode(bytes, &good);
		for (unsigned i = 0; i < 1 + round % 3; i++) {
			random = random * 1664525 + 1013904223; /* Numerical Recipes */
			bytes[(random >> 8) % (round % 2 == 0 ? 40 : RESOLVE_RECORD_BYTES)] =
				(uint8_t)(random >> 24) % (round % 5 == 0 ? 8 : 255);
		}
		if (resolve_decode(&answer, 1, bytes, sizeof(bytes)) == 0) {
			resolve_encode(again, &answer);
			assert_memory_equal(again, bytes, sizeof(bytes));
			taken++;
		}
	}
	assert_in_range(taken, 100, 19000);
}

/* ---- the process itself, by the file of this host alone ---- */

static void names_of_this_host_are_found(void **state)
{
	(void)state;
	static const char *const names[] = { "localhost", "localhost" };
	struct resolve_answer answers[2];
	struct err e = ERR_INIT;
	if (resolve_names(answers, names, 2, 5 * USEC_PER_SEC, &e) < 0) {
		fail_msg("%s", err_text(&e));
	}
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(answers[i].outcome, RESOLVE_FOUND);
		assert_int_equal(addr_exposure(&answers[i].addresses[0]), EXPOSURE_LOOPBACK);
	}
}

static void too_many_names_are_refused_and_none_are_nothing(void **state)
{
	(void)state;
	static const char *const names[RESOLVE_NAMES_MAX + 1] = { "localhost" };
	assert_int_equal(resolve_names(NULL, names, RESOLVE_NAMES_MAX + 1, USEC_PER_SEC, NULL),
			 -EINVAL);
	assert_int_equal(resolve_names(NULL, NULL, 0, USEC_PER_SEC, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(hostile_bytes_are_refused),
		cmocka_unit_test(every_address_at_once_is_refused),
		cmocka_unit_test(another_length_is_refused),
		cmocka_unit_test(random_bytes_never_say_more_than_the_form),
		cmocka_unit_test(names_of_this_host_are_found),
		cmocka_unit_test(too_many_names_are_refused_and_none_are_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
