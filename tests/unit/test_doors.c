/* figure: one address and a door for each port, as text and SVG. */
#include "figures.h"
#include "golden.h"

static const struct figure_door doors[] = {
	{ 22, PROTOCOL_TCP, "sshd", NULL },
	{ 80, PROTOCOL_TCP, "nginx", "apache2" },
	{ 8081, PROTOCOL_TCP, NULL, NULL },
	{ 51820, PROTOCOL_UDP, "kernel", NULL },
};

static struct figure_doors house(enum language language)
{
	return (struct figure_doors){ .language = language,
				      .address = "192.0.2.1",
				      .doors = doors,
				      .count = sizeof(doors) / sizeof(doors[0]) };
}

static void doors_are_as_they_were(void **state)
{
	static const struct {
		const char *file;
		bool svg;
		enum language language;
		uint64_t more;
	} cases[] = {
		{ "figure/doors-en.txt", false, LANGUAGE_EN, 3 },
		{ "figure/doors-ja.txt", false, LANGUAGE_JA, 0 },
		{ "figure/doors-en.svg", true, LANGUAGE_EN, 0 },
		{ "figure/doors-ja.svg", true, LANGUAGE_JA, 3 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str out = STR_INIT(1 << 16);
		struct figure_doors figure = house(cases[i].language);
		figure.more = cases[i].more;
		assert_int_equal(cases[i].svg ? figure_doors_svg(&out, &figure)
					      : figure_doors_text(&out, &figure),
				 0);
		golden_check(cases[i].file, &out);
		str_deinit(&out);
	}
}

static void only_a_refusal_is_explained_as_one(void **state)
{
	(void)state;
	struct figure_doors figure = house(LANGUAGE_EN);
	struct str out = STR_INIT(1 << 16);
	assert_int_equal(figure_doors_text(&out, &figure), 0);
	assert_true(figure_says(&out, "apache2: refused"));
	assert_true(figure_says(&out, "Address already in use"));
	str_clear(&out);
	figure.count = 1;
	assert_int_equal(figure_doors_text(&out, &figure), 0);
	assert_false(figure_says(&out, "refused"));
	assert_false(figure_says(&out, "already"));
	str_deinit(&out);
}

static void long_and_hostile_words_fit(void **state)
{
	static const struct figure_door wide[] = {
		{ 65535, PROTOCOL_UDPLITE, HOSTILE_NAME, NULL },
		{ 65535, PROTOCOL_TCP, "とても長い名前のプログラムとても長い名前のプログラム",
		  "とても長い名前のプログラムとても長い名前のプログラム" },
	};
	static const char *const addresses[] = { "192.0.2.1", "255.255.255.255",
						 "2001:db8:1234:5678:9abc:def0:1234:5678" };
	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]) * 2; i++) {
		struct figure_doors figure = house(i % 2 == 0 ? LANGUAGE_EN : LANGUAGE_JA);
		struct str out = STR_INIT(1 << 16);
		figure.address = addresses[i / 2];
		figure.doors = wide;
		figure.count = 2;
		assert_int_equal(figure_doors_text(&out, &figure), 0);
		check_text_figure(&out);
		str_clear(&out);
		assert_int_equal(figure_doors_svg(&out, &figure), 0);
		check_svg_figure(&out);
		str_deinit(&out);
	}
}

static void no_door_is_no_fault(void **state)
{
	(void)state;
	struct figure_doors figure = house(LANGUAGE_EN);
	struct str out = STR_INIT(1 << 16);
	figure.count = 0;
	assert_int_equal(figure_doors_text(&out, &figure), 0);
	check_text_figure(&out);
	assert_null(strchr(str_text(&out), '['));
	str_clear(&out);
	assert_int_equal(figure_doors_svg(&out, &figure), 0);
	check_svg_figure(&out);
	str_deinit(&out);
}

static void a_full_buffer_is_told(void **state)
{
	(void)state;
	const struct figure_doors figure = house(LANGUAGE_EN);
	struct str out = STR_INIT(100);
	assert_true(figure_doors_text(&out, &figure) < 0);
	str_deinit(&out);
	out = STR_INIT(100);
	assert_true(figure_doors_svg(&out, &figure) < 0);
	str_deinit(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(doors_are_as_they_were),
		cmocka_unit_test(only_a_refusal_is_explained_as_one),
		cmocka_unit_test(long_and_hostile_words_fit),
		cmocka_unit_test(no_door_is_no_fault),
		cmocka_unit_test(a_full_buffer_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
