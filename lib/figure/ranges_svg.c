/* The three ranges, as SVG. */
#include <stdio.h>

#include "figure/ranges.h"
#include "figure/svg.h"
#include "figure/words.h"

enum {
	WIDTH = 800,
	TOP = 104, /* of the ruler */
	LIST_TOP = TOP + 164,
	LINE_COLUMNS = 84, /* that fit beside a letter */
	LETTER_LEFT = 48,
	NAMES_LEFT = 68,
	LINE_MAX_BYTES = 8192,
};

/* Okabe and Ito's palette. */
static const char mark_colour[] = "#d55e00";

/* Where the middle of a place is, in hundredths of a unit. */
static unsigned middle(unsigned place)
{
	return ruler_across(place * RULER_MARK_PORTS + RULER_MARK_PORTS / 2);
}

static void pin(struct str *out, unsigned place, char letter)
{
	const char text[2] = { letter, '\0' };
	const unsigned x = middle(place);
	svg_text(out, x, TOP - 20, "letter", text);
	(void)str_printf(
		out, "  <path d=\"M %u.%02u %d l -5 -12 h 10 z\" fill=\"%s\" stroke=\"#000\"/>\n",
		x / 100, x % 100, TOP - 2, mark_colour);
}

/* One place's names beside its letter. @param out  NULL: only measured. @return the height. */
static unsigned names(struct str *out, const char *letter, const struct str *words, unsigned y)
{
	if (out != NULL) {
		svg_text(out, LETTER_LEFT * 100, y, "letter", letter);
	}
	return svg_lines(out, str_text(words), LINE_COLUMNS, NAMES_LEFT, y);
}

/* @param out  NULL: only measured. @return the height. */
static unsigned list(struct str *out, const struct figure_ranges *figure,
		     const struct ranges_letters *letters)
{
	struct str words = STR_INIT(LINE_MAX_BYTES);
	unsigned height = 0;
	for (unsigned place = 0; place < RULER_MARKS; place++) {
		const char letter[2] = { letters->of[place], '\0' };
		if (letter[0] != 0 && letter[0] != '+') {
			str_clear(&words);
			ranges_names(&words, figure, place);
			height += names(out, letter, &words, LIST_TOP + 30 + height);
		}
	}
	str_clear(&words);
	ranges_beyond(&words, figure, letters);
	if (words.length > 0) {
		height += names(out, "", &words, LIST_TOP + 30 + height);
	}
	str_deinit(&words);
	return height;
}

static void opening(struct str *out, const struct figure_ranges *figure, unsigned height)
{
	struct str title = STR_INIT(LINE_MAX_BYTES);
	struct str words = STR_INIT(LINE_MAX_BYTES);
	figure_words(&title, figure->language, "figure-ranges-svg", NULL, 0);
	figure_words(&words, figure->language, "figure-ranges-description", NULL, 0);
	if (figure->ephemeral.last != 0) {
		(void)str_add_char(&words, ' ');
		figure_ephemeral_words(&words, figure->language, figure->ephemeral);
		(void)str_add_char(&words, '.');
	}
	const struct svg_head head = {
		figure->language,
		WIDTH,
		height,
		str_text(&title),
		str_text(&words),
		"    .letter { font-size: 14px; font-weight: bold; text-anchor: middle }\n"
		"    .middle { text-anchor: middle }\n",
	};
	svg_open(out, &head);
	svg_text(out, RULER_SVG_LEFT * 100, 36, "heading", str_text(&title));
	str_deinit(&title);
	str_deinit(&words);
}

int figure_ranges_svg(struct str *out, const struct figure_ranges *figure)
{
	struct ranges_letters letters;
	struct str words = STR_INIT(LINE_MAX_BYTES);
	ranges_letters(&letters, figure);
	ranges_listening(&words, figure);
	opening(out, figure, LIST_TOP + 24 + list(NULL, figure, &letters));
	for (unsigned place = 0; place < RULER_MARKS; place++) {
		if (letters.of[place] != 0) {
			pin(out, place, letters.of[place]);
		}
	}
	ruler_svg(out, figure->language, TOP);
	ruler_ephemeral_svg(out, figure->language, figure->ephemeral, TOP);
	svg_text(out, RULER_SVG_LEFT * 100, LIST_TOP, "label", str_text(&words));
	(void)list(out, figure, &letters);
	str_deinit(&words);
	return svg_close(out);
}
