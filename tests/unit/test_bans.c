/* Bans between the record, the kernel and people's orders. */
#include <errno.h>
#include <string.h>

#include "check.h"
#include "common/bans.h"
#include "parsed_policy.h"

static struct prefix network(const char *text)
{
	struct prefix out = { 0 };
	assert_int_equal(prefix_parse(&out, text), 0);
	return out;
}

static void orders_are_read_as_they_were_written(void **state)
{
	(void)state;
	struct bans_order order = { .prefix = network("2001:db8:1::/48"),
				    .span = 7 * USEC_PER_DAY,
				    .verdict = DEFEND_SLOW,
				    .by = "ops, 192.0.2.7",
				    .purpose = "guesses\tpass\nwords" };
	char text[BANS_ORDER_BYTES];
	struct bans_order back;
	assert_true(bans_order_write(text, &order) > 0);
	assert_true(bans_is_order(text));
	assert_int_equal(bans_order_read(&back, text), 0);
	assert_false(back.remove);
	assert_memory_equal(&back.prefix, &order.prefix, sizeof(order.prefix));
	assert_int_equal(back.span, order.span);
	assert_int_equal(back.verdict, DEFEND_SLOW);
	assert_string_equal(back.by, "ops, 192.0.2.7");
	assert_string_equal(back.purpose, "guesses pass words"); /* a tab ends a field */
	order = (struct bans_order){ .remove = true, .prefix = network("192.0.2.1") };
	assert_true(bans_order_write(text, &order) > 0);
	assert_int_equal(bans_order_read(&back, text), 0);
	assert_true(back.remove);
	/* However an address of IPv4 is written, it is one. */
	assert_int_equal(bans_order_read(&back, "bans\tadd\t::ffff:192.0.2.1\t1\tban\tx\ty"), 0);
	assert_memory_equal(&back.prefix, &order.prefix, sizeof(order.prefix));
	assert_int_equal(bans_order_read(&back, "bans\tadd\t::ffff:192.0.2.0/120\t1\tban\tx\ty"),
			 0);
	assert_int_equal(back.prefix.bits, 24);
	assert_int_equal(back.prefix.address.family, ADDR_IPV4);
}

static void what_is_no_order_is_not_taken(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",
		"bans",
		"bans\t",
		"bans\tadd",
		"ban\tadd\t192.0.2.1\t1\tban\tx\ty",
		"bans\tkill\t192.0.2.1\t1\tban\tx\ty",
		"bans\tadd\t192.0.2.1/33\t1\tban\tx\ty",
		"bans\tadd\t192.0.2.1/24\t1\tban\tx\ty",
		"bans\tadd\t192.0.2.1\t0\tban\tx\ty",
		"bans\tadd\t192.0.2.1\t-1\tban\tx\ty",
		"bans\tadd\t192.0.2.1\t99999999999999999999\tban\tx\ty",
		"bans\tadd\t192.0.2.1\t31708800000001\tban\tx\ty",
		"bans\tadd\t192.0.2.1\t1\tdrop\tx\ty",
		"bans\tadd\t192.0.2.1\t1\tban\tx",
		"bans\tadd\t192.0.2.1\t1\tban\tx\ty\tz",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct bans_order order;
		assert_int_equal(bans_order_read(&order, texts[i]), -EINVAL);
	}
}

static void people_cannot_ban_what_is_spared(void **state)
{
	(void)state;
	static const struct {
		const char *prefix;
		int result;
	} cases[] = {
		{ "192.0.2.10", DEFEND_WHY_OWN },        { "192.0.2.1", DEFEND_WHY_GATEWAY },
		{ "192.0.2.0/24", DEFEND_WHY_OWN },      { "0.0.0.0/0", DEFEND_WHY_NOBODY },
		{ "203.0.113.64/27", DEFEND_WHY_NEVER }, { "198.51.100.0/24", 0 },
		{ "::fffe:0:0/95", DEFEND_WHY_NOBODY },
	};
	struct policy policy = parsed_policy("minato: 1\ndefend: {never: 203.0.113.70}\n");
	struct defend_facts facts = { 0 };
	struct defend_table table = { 0 };
	const struct defend_stamp now = { .since_boot = 1000, .wall = 5000 };
	const struct prefix own = network("192.0.2.10");
	const struct prefix gateway = network("192.0.2.1");
	assert_int_equal(defend_facts_add(&facts, &own.address, DEFEND_OWN, 0), 0);
	assert_int_equal(defend_facts_add(&facts, &gateway.address, DEFEND_GATEWAY, 0), 0);
	facts.complete = true;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct defend_ban ban = { 0 };
		const struct bans_order order = { .prefix = network(cases[i].prefix),
						  .span = 50,
						  .verdict = DEFEND_BAN,
						  .purpose = "p" };
		assert_int_equal(bans_order_do(&ban, &table, &order, &policy, &facts, &now),
				 cases[i].result);
	}
	assert_int_equal(table.bans.count, 1);
	assert_true(table.bans.items[0].by_hand);
	assert_int_equal(table.bans.items[0].until, 1050);
	const struct bans_order away = { .remove = true, .prefix = network("198.51.100.0/24") };
	struct defend_ban ban;
	assert_int_equal(bans_order_do(&ban, &table, &away, &policy, &facts, &now), 0);
	assert_int_equal(bans_order_do(&ban, &table, &away, &policy, &facts, &now), -ENOENT);
	assert_int_equal(table.past.count, 0); /* what people do makes nobody a repeater */
	defend_table_deinit(&table);
	defend_facts_deinit(&facts);
	policy_deinit(&policy);
}

static void the_kernel_can_hold_every_ban(void **state)
{
	(void)state;
	static const struct {
		uint8_t verdict;
		struct policy_rate rate;
		enum tap_verdict held;
		uint32_t rate_pps, burst;
	} cases[] = {
		{ DEFEND_BAN, { 0 }, TAP_DROP, 0, 0 },
		{ DEFEND_HIDE, { 0 }, TAP_HIDE, 0, 0 },
		{ DEFEND_SLOW, { 10, USEC_PER_SEC }, TAP_SLOW, 10, 10 },
		{ DEFEND_SLOW, { 600, USEC_PER_MIN }, TAP_SLOW, 10, 600 },
		{ DEFEND_SLOW, { 5, USEC_PER_MIN }, TAP_SLOW, 1, 5 },
		{ DEFEND_SLOW, { 1000000, USEC_PER_DAY }, TAP_SLOW, 11, 1000000 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct defend_ban ban = { .prefix = network("192.0.2.1"),
						.verdict = cases[i].verdict,
						.rate = cases[i].rate,
						.until = 77 };
		const struct tap_ban held = bans_for_kernel(&ban);
		assert_int_equal(tap_ban_check(&held, NULL), 0);
		assert_int_equal(held.verdict, cases[i].held);
		assert_int_equal(held.rate, cases[i].rate_pps);
		assert_int_equal(held.burst, cases[i].burst);
		assert_int_equal(held.until, 77);
	}
}

static void answers_say_what_came_of_an_order(void **state)
{
	(void)state;
	char text[BANS_ANSWER_BYTES];
	struct err e = ERR_INIT;
	bans_answer(text, 0, &e);
	assert_string_equal(text, "done");
	bans_answer(text, DEFEND_WHY_OWN, &e);
	assert_string_equal(text, "why 7");
	bans_answer(text, -ENOENT, &e);
	assert_string_equal(text, "none");
	(void)err_set(&e, ENOENT, "no folder");
	bans_answer(text, -ENOENT, &e);
	assert_string_equal(text, "fault no folder");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders_are_read_as_they_were_written),
		cmocka_unit_test(what_is_no_order_is_not_taken),
		cmocka_unit_test(people_cannot_ban_what_is_spared),
		cmocka_unit_test(the_kernel_can_hold_every_ban),
		cmocka_unit_test(answers_say_what_came_of_an_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
