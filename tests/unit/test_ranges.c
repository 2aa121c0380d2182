/* figure: the ruler of all numbers with what listens, as text and SVG. */
#include "figures.h"
#include "golden.h"

static const struct figure_ranges_mark marks[] = {
	{ 443, PROTOCOL_TCP, "nginx" },    { 22, PROTOCOL_TCP, "sshd" },
	{ 53, PROTOCOL_UDP, NULL },        { 443, PROTOCOL_TCP, "nginx" },
	{ 443, PROTOCOL_UDP, "nginx" },    { 5432, PROTOCOL_TCP, "postgres" },
	{ 51820, PROTOCOL_UDP, "会議室" }, { 65535, PROTOCOL_TCP, "game" },
};

static struct figure_ranges ranges(enum language language)
{
	return (struct figure_ranges){ .language = language,
				       .ephemeral = { 32768, 60999 },
				       .marks = marks,
				       .count = sizeof(marks) / sizeof(marks[0]),
				       .marks_known = true };
}

static void ranges_are_as_they_were(void **state)
{
	static const struct {
		const char *file;
		bool svg, ascii;
		enum language language;
	} cases[] = {
		{ "figure/ranges-en.txt", false, true, LANGUAGE_EN },
		{ "figure/ranges-ja.txt", false, false, LANGUAGE_JA },
		{ "figure/ranges-en.svg", true, false, LANGUAGE_EN },
		{ "figure/ranges-ja.svg", true, false, LANGUAGE_JA },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str out = STR_INIT(1 << 16);
		struct figure_ranges figure = ranges(cases[i].language);
		figure.ascii = cases[i].ascii;
		assert_int_equal(cases[i].svg ? figure_ranges_svg(&out, &figure)
					      : figure_ranges_text(&out, &figure),
				 0);
		golden_check(cases[i].file, &out);
		str_deinit(&out);
	}
}

/* The line of letters, and the fill of the ruler under one of them. */
static char fill_under(const struct str *text, char letter)
{
	const char *letters = strstr(str_text(text), "\n\n") + 2;
	const char *edge = strchr(letters, '\n') + 1;
	const char *ruler = strchr(edge, '\n') + 1;
	const char *at = strchr(letters, letter);
	assert_true(at != NULL && at < edge);
	return ruler[at - letters];
}

static void a_letter_stands_in_its_class(void **state)
{
	static const struct {
		uint16_t port;
		char fill;
	} cases[] = { { 0, '#' },     { 1023, '#' },  { 1024, '=' },
		      { 49151, '=' }, { 49152, ':' }, { 65535, ':' } };
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct figure_ranges_mark mark = { cases[i].port, PROTOCOL_TCP, "x" };
		struct figure_ranges figure = ranges(LANGUAGE_EN);
		struct str out = STR_INIT(1 << 16);
		figure.ascii = true;
		figure.marks = &mark;
		figure.count = 1;
		assert_int_equal(figure_ranges_text(&out, &figure), 0);
		assert_int_equal(fill_under(&out, 'A'), cases[i].fill);
		str_deinit(&out);
	}
}

static void the_same_listener_twice_is_named_once(void **state)
{
	(void)state;
	struct figure_ranges figure = ranges(LANGUAGE_EN);
	struct str out = STR_INIT(1 << 16);
	assert_int_equal(figure_ranges_text(&out, &figure), 0);
	const char *first = strstr(str_text(&out), "443/tcp nginx");
	assert_non_null(first);
	assert_null(strstr(first + 1, "443/tcp nginx"));
	assert_true(figure_says(&out, "A 22/tcp sshd, 53/udp, 443/tcp nginx"));
	str_deinit(&out);
}

static void nobody_listening_differs_from_not_having_looked(void **state)
{
	(void)state;
	struct figure_ranges figure = ranges(LANGUAGE_EN);
	struct str out = STR_INIT(1 << 16);
	figure.count = 0;
	assert_int_equal(figure_ranges_text(&out, &figure), 0);
	assert_true(figure_says(&out, "No program waits"));
	str_clear(&out);
	figure.marks_known = false;
	assert_int_equal(figure_ranges_text(&out, &figure), 0);
	assert_false(figure_says(&out, "No program waits"));
	str_deinit(&out);
}

static void an_unknown_range_is_not_drawn(void **state)
{
	(void)state;
	struct figure_ranges figure = ranges(LANGUAGE_EN);
	struct str out = STR_INIT(1 << 16);
	figure.ephemeral = (struct port_range){ 0 };
	assert_int_equal(figure_ranges_text(&out, &figure), 0);
	assert_null(strchr(str_text(&out), '~'));
	str_deinit(&out);
}

/* A listener at every 257th number: more places than letters, more names than a place shows. */
static void what_finds_no_room_is_counted(void **state)
{
	enum { COUNT = 256 };
	struct figure_ranges_mark many[2 * COUNT];
	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		many[i] = (struct figure_ranges_mark){ (uint16_t)(i * 257), PROTOCOL_TCP,
						       HOSTILE_NAME };
		many[COUNT + i] = (struct figure_ranges_mark){ (uint16_t)i, PROTOCOL_UDP,
							       "a program with a long name" };
	}
	for (int language = LANGUAGE_EN; language <= LANGUAGE_JA; language++) {
		struct figure_ranges figure = ranges((enum language)language);
		struct str out = STR_INIT(1 << 20);
		figure.marks = many;
		figure.count = sizeof(many) / sizeof(many[0]);
		assert_int_equal(figure_ranges_text(&out, &figure), 0);
		check_text_figure(&out);
		if (language == LANGUAGE_EN) {
			/* 256 of UDP and four of TCP in the first place, 8 of them named. */
			assert_true(figure_says(&out, "and 252 more"));
			assert_true(figure_says(&out, "38 more places, marked +"));
		}
		str_clear(&out);
		assert_int_equal(figure_ranges_svg(&out, &figure), 0);
		check_svg_figure(&out);
		str_deinit(&out);
	}
}

static void a_full_buffer_is_told(void **state)
{
	(void)state;
	const struct figure_ranges figure = ranges(LANGUAGE_EN);
	struct str out = STR_INIT(100);
	assert_true(figure_ranges_text(&out, &figure) < 0);
	str_deinit(&out);
	out = STR_INIT(100);
	assert_true(figure_ranges_svg(&out, &figure) < 0);
	str_deinit(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_as_they_were),
		cmocka_unit_test(a_letter_stands_in_its_class),
		cmocka_unit_test(the_same_listener_twice_is_named_once),
		cmocka_unit_test(nobody_listening_differs_from_not_having_looked),
		cmocka_unit_test(an_unknown_range_is_not_drawn),
		cmocka_unit_test(what_finds_no_room_is_counted),
		cmocka_unit_test(a_full_buffer_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
