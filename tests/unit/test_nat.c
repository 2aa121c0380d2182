/* figure: several devices behind one address, as text and SVG. */
#include "figures.h"
#include "golden.h"

static const struct figure_nat_row rows[] = {
	{ "laptop", "192.168.1.10", 51000, 51000, "203.0.113.80", 443 },
	{ "居間のテレビ", "192.168.1.11", 51000, 40001, "203.0.113.80", 443 },
	{ NULL, "192.168.1.12", 40123, 40123, "198.51.100.53", 53 },
};

static struct figure_nat nat(enum language language, enum figure_nat_source source)
{
	return (struct figure_nat){ .language = language,
				    .outside = "198.51.100.7",
				    .source = source,
				    .rows = rows,
				    .count = sizeof(rows) / sizeof(rows[0]) };
}

static void nats_are_as_they_were(void **state)
{
	static const struct {
		const char *file;
		bool svg;
		enum language language;
		enum figure_nat_source source;
		uint64_t more;
	} cases[] = {
		{ "figure/nat-en.txt", false, LANGUAGE_EN, FIGURE_NAT_EXAMPLE, 0 },
		{ "figure/nat-ja.txt", false, LANGUAGE_JA, FIGURE_NAT_LIVE, 7 },
		{ "figure/nat-en.svg", true, LANGUAGE_EN, FIGURE_NAT_LIVE, 7 },
		{ "figure/nat-ja.svg", true, LANGUAGE_JA, FIGURE_NAT_SANDBOX, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str out = STR_INIT(1 << 16);
		struct figure_nat figure = nat(cases[i].language, cases[i].source);
		figure.more = cases[i].more;
		assert_int_equal(cases[i].svg ? figure_nat_svg(&out, &figure)
					      : figure_nat_text(&out, &figure),
				 0);
		golden_check(cases[i].file, &out);
		str_deinit(&out);
	}
}

/* The way back is told of the first connection, with its own numbers. */
static void the_way_back_is_that_of_the_first_row(void **state)
{
	(void)state;
	struct figure_nat figure = nat(LANGUAGE_EN, FIGURE_NAT_LIVE);
	struct str out = STR_INIT(1 << 16);
	figure.rows = &rows[1];
	figure.count = 1;
	assert_int_equal(figure_nat_text(&out, &figure), 0);
	assert_true(figure_says(&out, "198.51.100.7:40001"));
	assert_true(figure_says(&out, "192.168.1.11:51000: the port alone"));
	str_deinit(&out);
}

static void without_rows_there_is_heading_and_source(void **state)
{
	(void)state;
	struct figure_nat figure = nat(LANGUAGE_EN, FIGURE_NAT_LIVE);
	struct str out = STR_INIT(1 << 16);
	figure.count = 0;
	assert_int_equal(figure_nat_text(&out, &figure), 0);
	check_text_figure(&out);
	assert_null(strchr(str_text(&out), '|'));
	assert_true(figure_says(&out, "own table of connections"));
	str_clear(&out);
	assert_int_equal(figure_nat_svg(&out, &figure), 0);
	check_svg_figure(&out);
	str_deinit(&out);
}

static void long_and_hostile_words_fit(void **state)
{
	static const struct figure_nat_row wide[] = {
		{ HOSTILE_NAME, "2001:db8:1234:5678:9abc:def0:1234:5678", 65535, 65535,
		  "2001:db8:1234:5678:9abc:def0:1234:5679", 65535 },
		{ "とても長い名前のネットワーク機器", "255.255.255.255", 65535, 1,
		  "255.255.255.255", 65535 },
	};
	(void)state;
	for (int language = LANGUAGE_EN; language <= LANGUAGE_JA; language++) {
		struct figure_nat figure = nat((enum language)language, FIGURE_NAT_EXAMPLE);
		struct str out = STR_INIT(1 << 16);
		figure.outside = "2001:db8:1234:5678:9abc:def0:1234:5677";
		figure.rows = wide;
		figure.count = 2;
		assert_int_equal(figure_nat_text(&out, &figure), 0);
		check_text_figure(&out);
		str_clear(&out);
		assert_int_equal(figure_nat_svg(&out, &figure), 0);
		check_svg_figure(&out);
		assert_non_null(strstr(str_text(&out), "&lt;script&gt;&amp;&quot;"));
		str_deinit(&out);
	}
}

static void a_full_buffer_is_told(void **state)
{
	(void)state;
	const struct figure_nat figure = nat(LANGUAGE_EN, FIGURE_NAT_LIVE);
	struct str out = STR_INIT(100);
	assert_true(figure_nat_text(&out, &figure) < 0);
	str_deinit(&out);
	out = STR_INIT(100);
	assert_true(figure_nat_svg(&out, &figure) < 0);
	str_deinit(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nats_are_as_they_were),
		cmocka_unit_test(the_way_back_is_that_of_the_first_row),
		cmocka_unit_test(without_rows_there_is_heading_and_source),
		cmocka_unit_test(long_and_hostile_words_fit),
		cmocka_unit_test(a_full_buffer_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
