/* figure: dangerous doors, as text and SVG. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "figure/figure.h"
#include "golden.h"

static const struct figure_risk en[] = {
	{ PROTOCOL_TCP, 23, "Telnet", "Replace it with SSH.", SEVERITY_HIGH, FIGURE_RISK_OPEN },
	{ PROTOCOL_UDP, 53, "DNS",
	  "Answer your own networks only, and let a long sentence like this one be broken into "
	  "lines.",
	  SEVERITY_MEDIUM, FIGURE_RISK_INSIDE },
	{ PROTOCOL_TCP, 443, "HTTPS with a title that is longer than its column",
	  "Keep it patched.", SEVERITY_LOW, FIGURE_RISK_CLOSED },
	{ PROTOCOL_TCP, 6379, "Redis <&>", "Loopback.", SEVERITY_CRITICAL, FIGURE_RISK_UNKNOWN },
};

static const struct figure_risk ja[] = {
	{ PROTOCOL_TCP, 23, "Telnet", "SSHに置き換える。", SEVERITY_HIGH, FIGURE_RISK_OPEN },
	{ PROTOCOL_TCP, 3389, "リモートデスクトップ（長い名前は切り詰められる）", "VPNを通す。",
	  SEVERITY_HIGH, FIGURE_RISK_INSIDE },
};

static void tables_are_as_they_were(void **state)
{
	const struct style plain = { 0 };
	const struct figure_risks figures[] = { { LANGUAGE_EN, en, sizeof(en) / sizeof(en[0]) },
						{ LANGUAGE_JA, ja, sizeof(ja) / sizeof(ja[0]) } };
	static const char *const files[][2] = { { "figure/risks-en.txt", "figure/risks-en.svg" },
						{ "figure/risks-ja.txt", "figure/risks-ja.svg" } };
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct str text = STR_INIT(1 << 16);
		struct str svg = STR_INIT(1 << 16);
		assert_int_equal(figure_risks_text(&text, &figures[i], &plain), 0);
		assert_int_equal(figure_risks_svg(&svg, &figures[i]), 0);
		golden_check(files[i][0], &text);
		golden_check(files[i][1], &svg);
		str_deinit(&text);
		str_deinit(&svg);
	}
}

static void states_are_told_without_colour(void **state)
{
	const struct style plain = { 0 };
	const struct figure_risks figure = { LANGUAGE_EN, en, 2 };
	struct str text = STR_INIT(1 << 16);
	(void)state;
	assert_int_equal(figure_risks_text(&text, &figure, &plain), 0);
	assert_non_null(strstr(str_text(&text), "waits for other machines"));
	assert_non_null(strstr(str_text(&text), "waits inside only"));
	assert_null(strchr(str_text(&text), '\033'));
	str_deinit(&text);
}

static void a_full_buffer_is_told(void **state)
{
	const struct style plain = { 0 };
	const struct figure_risks figure = { LANGUAGE_EN, en, 4 };
	struct str text = STR_INIT(100);
	struct str svg = STR_INIT(100);
	(void)state;
	assert_true(figure_risks_text(&text, &figure, &plain) < 0);
	assert_true(figure_risks_svg(&svg, &figure) < 0);
	str_deinit(&text);
	str_deinit(&svg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_as_they_were),
		cmocka_unit_test(states_are_told_without_colour),
		cmocka_unit_test(a_full_buffer_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
