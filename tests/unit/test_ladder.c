/* figure: ladders of packets, as text and SVG. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "check.h"
#include "figure/figure.h"
#include "golden.h"

static const struct figure_ladder_row rows[] = {
	{ 0, FIGURE_TO_SERVER, "SYN" },
	{ 21250, FIGURE_TO_CLIENT, "SYN, ACK" },
	{ 21400, FIGURE_TO_SERVER, "517 bytes: ClientHello" },
	{ 1030000, FIGURE_FROM_BETWEEN, "ICMP type 3 code 13 from 10.0.0.254" },
	{ 61 * USEC_PER_SEC, FIGURE_NOTHING, "no reply" },
};

static struct figure_ladder ladder(enum language language, enum figure_source source)
{
	return (struct figure_ladder){ .language = language,
				       .client = "192.0.2.7:49152",
				       .server = "198.51.100.1:443",
				       .source = source,
				       .rows = rows,
				       .count = sizeof(rows) / sizeof(rows[0]) };
}

static void ladders_are_as_they_were(void **state)
{
	static const struct {
		const char *file;
		bool svg;
		enum language language;
		enum figure_source source;
		uint64_t more;
	} cases[] = {
		{ "figure/ladder-en.txt", false, LANGUAGE_EN, FIGURE_CAPTURED, 12 },
		{ "figure/ladder-ja.txt", false, LANGUAGE_JA, FIGURE_DEDUCED, 0 },
		{ "figure/ladder-en.svg", true, LANGUAGE_EN, FIGURE_DEDUCED, 0 },
		{ "figure/ladder-ja.svg", true, LANGUAGE_JA, FIGURE_CAPTURED, 12 },
		{ "figure/ladder-example-en.txt", false, LANGUAGE_EN, FIGURE_EXAMPLE, 0 },
		{ "figure/ladder-live-ja.txt", false, LANGUAGE_JA, FIGURE_LIVE, 0 },
		{ "figure/ladder-live-en.svg", true, LANGUAGE_EN, FIGURE_LIVE, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str out = STR_INIT(1 << 16);
		struct figure_ladder figure = ladder(cases[i].language, cases[i].source);
		figure.more = cases[i].more;
		assert_int_equal(cases[i].svg ? figure_ladder_svg(&out, &figure)
					      : figure_ladder_text(&out, &figure),
				 0);
		golden_check(cases[i].file, &out);
		str_deinit(&out);
	}
}

/* Labels of every width, in both languages, each way: each line of the ladder has the same width.
 */
static void every_line_is_as_wide_as_the_others(void **state)
{
	(void)state;
	for (size_t length = 0; length < 100; length++) {
		for (int way = FIGURE_TO_SERVER; way <= FIGURE_NOTHING; way++) {
			struct str label = STR_INIT(1 << 10);
			for (size_t i = 0; i < length; i++) {
				str_add(&label, i % 3 == 0 ? "港" : "x");
			}
			const struct figure_ladder_row row = { 1, (enum figure_way)way,
							       str_text(&label) };
			struct figure_ladder figure = ladder(LANGUAGE_EN, FIGURE_CAPTURED);
			figure.rows = &row;
			figure.count = 1;
			struct str out = STR_INIT(1 << 16);
			assert_int_equal(figure_ladder_text(&out, &figure), 0);
			const char *line = strchr(str_text(&out), '\n') + 1;
			for (int i = 0; i < 3; i++) {
				_cleanup_(freep) char *one = strndup(line, strcspn(line, "\n"));
				assert_int_equal(text_width(one), FIGURE_TEXT_COLUMNS - 1);
				line += strlen(one) + 1;
			}
			str_deinit(&label);
			str_deinit(&out);
		}
	}
}

static void foreign_labels_are_harmless(void **state)
{
	(void)state;
	const struct figure_ladder_row row = { 0, FIGURE_TO_CLIENT, "<script>\x1b[2J&\xff" };
	struct figure_ladder figure = ladder(LANGUAGE_EN, FIGURE_CAPTURED);
	figure.rows = &row;
	figure.count = 1;
	struct str out = STR_INIT(1 << 16);
	assert_int_equal(figure_ladder_svg(&out, &figure), 0);
	assert_null(strstr(str_text(&out), "<script"));
	assert_null(strchr(str_text(&out), '\x1b'));
	assert_int_equal(text_utf8_invalid(out.text, out.length), -1);
	str_clear(&out);
	assert_int_equal(figure_ladder_text(&out, &figure), 0);
	assert_null(strchr(str_text(&out), '\x1b'));
	str_deinit(&out);
}

static void names_that_would_touch_get_lines_of_their_own(void **state)
{
	(void)state;
	struct figure_ladder figure = ladder(LANGUAGE_EN, FIGURE_CAPTURED);
	figure.client = "[2001:db8:1111:2222:3333:4444:5555:6666]:49152";
	figure.server = "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:443";
	struct str out = STR_INIT(1 << 16);
	assert_int_equal(figure_ladder_text(&out, &figure), 0);
	const char *first_line = strchr(str_text(&out), '\n');
	assert_true(first_line < strstr(str_text(&out), figure.server));
	str_deinit(&out);
}

static void a_full_buffer_is_told(void **state)
{
	(void)state;
	const struct figure_ladder figure = ladder(LANGUAGE_EN, FIGURE_CAPTURED);
	struct str out = STR_INIT(100);
	assert_true(figure_ladder_text(&out, &figure) < 0);
	str_deinit(&out);
	out = STR_INIT(100);
	assert_true(figure_ladder_svg(&out, &figure) < 0);
	str_deinit(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ladders_are_as_they_were),
		cmocka_unit_test(every_line_is_as_wide_as_the_others),
		cmocka_unit_test(foreign_labels_are_harmless),
		cmocka_unit_test(names_that_would_touch_get_lines_of_their_own),
		cmocka_unit_test(a_full_buffer_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
