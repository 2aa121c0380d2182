/* What every text figure and every SVG has to be, whatever is in it. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "check.h"
#include "figure/figure.h"

/* Every line fits a terminal, none ends in a space, all is UTF-8 without control characters. */
static inline void check_text_figure(const struct str *text)
{
	_cleanup_(freep) char *copy = strdup(str_text(text));
	char *rest = copy;
	assert_int_equal(text_utf8_invalid(text->text, text->length), -1);
	for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
		assert_in_range(text_width(line), 0, FIGURE_TEXT_COLUMNS);
		const size_t length = strlen(line);
		assert_true(length == 0 || line[length - 1] != ' ');
		for (size_t i = 0; i < length; i++) {
			assert_true((unsigned char)line[i] >= ' ');
		}
	}
}

/* Whether the words stand there, wherever lines were broken between them. */
static inline bool figure_says(const struct str *text, const char *words)
{
	struct str flat = STR_INIT(1 << 20);
	bool space = false;
	for (const char *c = str_text(text); *c != '\0'; c++) {
		const bool blank = *c == ' ' || *c == '\n';
		if (!blank || !space) {
			(void)str_add_char(&flat, blank ? ' ' : *c);
		}
		space = blank;
	}
	const bool found = strstr(str_text(&flat), words) != NULL;
	str_deinit(&flat);
	return found;
}

/* It is labelled for screen readers, and nothing foreign became an element. */
static inline void check_svg_figure(const struct str *svg)
{
	const char *text = str_text(svg);
	assert_int_equal(strncmp(text, "<svg ", 5), 0);
	assert_non_null(strstr(text, "role=\"img\" aria-labelledby=\"title description\""));
	assert_non_null(strstr(text, "<title id=\"title\">"));
	assert_null(strstr(text, "<title id=\"title\"></title>"));
	assert_non_null(strstr(text, "<desc id=\"description\">"));
	assert_null(strstr(text, "<script"));
	assert_null(strchr(text, '\x01'));
	assert_int_equal(text_utf8_invalid(svg->text, svg->length), -1);
	assert_string_equal(text + svg->length - 7, "</svg>\n");
}

#define HOSTILE_NAME "<script>&\"\x01\x1b[2J\xff"
