/* The three ranges, as text. */
#include "figure/ranges.h"
#include "figure/words.h"

enum {
	LINE_MAX_BYTES = 4096,
	NAMES_LEFT = 5, /* columns before the names: "  A  " */
};

static void letters_line(struct str *out, const struct ranges_letters *letters)
{
	unsigned column = 0;
	for (unsigned place = 0; place < RULER_MARKS; place++) {
		if (letters->of[place] == 0) {
			continue;
		}
		const unsigned at = ruler_column((uint16_t)(place * RULER_MARK_PORTS));
		ruler_spaces(out, at - column);
		(void)str_add_char(out, letters->of[place]);
		column = at + 1;
	}
	(void)str_add(out, column > 0 ? "\n" : "");
}

static void names(struct str *out, const struct figure_ranges *figure, char letter, unsigned place)
{
	struct str words = STR_INIT(LINE_MAX_BYTES);
	ranges_names(&words, figure, place);
	(void)str_printf(out, "  %c  ", letter);
	text_wrap(out, str_text(&words), FIGURE_TEXT_COLUMNS - NAMES_LEFT, NAMES_LEFT);
	(void)str_add_char(out, '\n');
	str_deinit(&words);
}

static void listeners(struct str *out, const struct figure_ranges *figure,
		      const struct ranges_letters *letters)
{
	struct str words = STR_INIT(LINE_MAX_BYTES);
	ranges_listening(&words, figure);
	if (words.length > 0) {
		(void)str_add_char(out, '\n');
		figure_paragraph(out, str_text(&words));
	}
	for (unsigned place = 0; place < RULER_MARKS; place++) {
		if (letters->of[place] != 0 && letters->of[place] != '+') {
			names(out, figure, letters->of[place], place);
		}
	}
	str_clear(&words);
	ranges_beyond(&words, figure, letters);
	if (words.length > 0) {
		figure_paragraph(out, str_text(&words));
	}
	str_deinit(&words);
}

int figure_ranges_text(struct str *out, const struct figure_ranges *figure)
{
	struct ranges_letters letters;
	ranges_letters(&letters, figure);
	figure_words(out, figure->language, "figure-ranges", NULL, 0);
	(void)str_add(out, "\n\n");
	letters_line(out, &letters);
	ruler_text(out, figure->language, figure->ascii);
	ruler_ephemeral_text(out, figure->language, figure->ephemeral);
	listeners(out, figure, &letters);
	return out->error;
}
