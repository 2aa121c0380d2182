/* figure: text and SVG of one port, held against golden files and against what they must be. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "check.h"
#include "figure/figure.h"
#include "golden.h"

/* The ephemeral range; no object, for clang takes none in a constant. */
#define USUAL                                                                                      \
	{                                                                                          \
		32768, 60999                                                                       \
	}

struct golden_case {
	const char *file;
	bool svg;
	struct figure_port figure;
};

static const struct golden_case golden_cases[] = {
	{ "figure/443-en.txt",
	  false,
	  { LANGUAGE_EN, false, PROTOCOL_TCP, 443, "https", USUAL, 0 } },
	{ "figure/443-en-ascii.txt",
	  false,
	  { LANGUAGE_EN, true, PROTOCOL_TCP, 443, "https", USUAL, 0 } },
	{ "figure/51820-ja.txt",
	  false,
	  { LANGUAGE_JA, false, PROTOCOL_UDP, 51820, "wireguard", USUAL, 40000 } },
	{ "figure/443-en.svg", true, { LANGUAGE_EN, false, PROTOCOL_TCP, 443, "https", USUAL, 0 } },
	{ "figure/51820-ja.svg",
	  true,
	  { LANGUAGE_JA, false, PROTOCOL_UDP, 51820, "wireguard", USUAL, 40000 } },
};

static void figures_are_as_they_were(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(golden_cases) / sizeof(golden_cases[0]); i++) {
		const struct golden_case *c = &golden_cases[i];
		struct str out = STR_INIT(1 << 16);
		int r = c->svg ? figure_port_svg(&out, &c->figure)
			       : figure_port_text(&out, &c->figure);
		assert_int_equal(r, 0);
		golden_check(c->file, &out);
		str_deinit(&out);
	}
}

/* Whether every line fits, and nothing but ASCII is there when that was asked for. */
static void check_lines(const struct str *text, bool ascii)
{
	_cleanup_(freep) char *copy = strdup(str_text(text));
	char *rest = copy;
	for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
		assert_in_range(text_width(line), 0, FIGURE_TEXT_COLUMNS);
		size_t length = strlen(line);
		assert_true(length == 0 || line[length - 1] != ' ' || length < 4);
		for (size_t i = 0; ascii && i < length; i++) {
			assert_in_range((unsigned char)line[i], ' ', '~');
		}
	}
}

static void text_fits_for_every_number(void **state)
{
	(void)state;
	for (uint32_t port = 0; port <= UINT16_MAX; port += 257) {
		for (int language = LANGUAGE_EN; language <= LANGUAGE_JA; language++) {
			struct figure_port figure = { (enum language)language,
						      true,
						      port % 2 == 0 ? PROTOCOL_TCP : PROTOCOL_SCTP,
						      (uint16_t)port,
						      NULL,
						      USUAL,
						      (uint16_t)(65535 - port) };
			struct str out = STR_INIT(1 << 16);
			assert_int_equal(figure_port_text(&out, &figure), 0);
			check_lines(&out, language == LANGUAGE_EN);
			str_deinit(&out);
		}
	}
}

/* Column of the arrow, and the character of the ruler under it. */
static char under_the_arrow(uint16_t port)
{
	struct figure_port figure = { LANGUAGE_EN, true, PROTOCOL_TCP, port, NULL, { 0 }, 0 };
	struct str out = STR_INIT(1 << 16);
	assert_int_equal(figure_port_text(&out, &figure), 0);
	const char *arrow = strstr(str_text(&out), "v\n");
	size_t column = 0;
	while (arrow[-1 - (long)column] == ' ') {
		column++;
	}
	const char *edge = strchr(arrow, '\n') + 1;
	const char *row = strchr(edge, '\n') + 1;
	char under = row[column];
	str_deinit(&out);
	return under;
}

static void the_arrow_points_into_the_class(void **state)
{
	(void)state;
	assert_int_equal(under_the_arrow(0), '#');
	assert_int_equal(under_the_arrow(1023), '#');
	assert_int_equal(under_the_arrow(1024), '=');
	assert_int_equal(under_the_arrow(49151), '=');
	assert_int_equal(under_the_arrow(49152), ':');
	assert_int_equal(under_the_arrow(65535), ':');
}

static void the_ephemeral_range_is_drawn_only_where_known(void **state)
{
	(void)state;
	struct figure_port figure = golden_cases[1].figure;
	struct str out = STR_INIT(1 << 16);
	assert_int_equal(figure_port_text(&out, &figure), 0);
	assert_non_null(strstr(str_text(&out), "28,232"));
	str_clear(&out);
	figure.ephemeral = (struct port_range){ 0 };
	assert_int_equal(figure_port_text(&out, &figure), 0);
	assert_null(strchr(str_text(&out), '~'));
	str_deinit(&out);
}

static void svg_is_harmless_with_hostile_names(void **state)
{
	(void)state;
	struct figure_port figure = golden_cases[3].figure;
	figure.service = "<script>&\"\x01\xff";
	struct str out = STR_INIT(1 << 16);
	assert_int_equal(figure_port_svg(&out, &figure), 0);
	assert_null(strstr(str_text(&out), "<script"));
	assert_null(strchr(str_text(&out), '\x01'));
	assert_int_equal(text_utf8_invalid(out.text, out.length), -1);
	assert_non_null(strstr(str_text(&out), "&lt;script&gt;&amp;&quot;"));
	str_deinit(&out);
}

static void a_full_buffer_is_told(void **state)
{
	(void)state;
	struct str out = STR_INIT(100);
	assert_true(figure_port_text(&out, &golden_cases[0].figure) < 0);
	str_deinit(&out);
	out = STR_INIT(100);
	assert_true(figure_port_svg(&out, &golden_cases[3].figure) < 0);
	str_deinit(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_are_as_they_were),
		cmocka_unit_test(text_fits_for_every_number),
		cmocka_unit_test(the_arrow_points_into_the_class),
		cmocka_unit_test(the_ephemeral_range_is_drawn_only_where_known),
		cmocka_unit_test(svg_is_harmless_with_hostile_names),
		cmocka_unit_test(a_full_buffer_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
