/* The 65,536 numbers as one line of marks. */
#include "figure/ruler.h"

#include <stdio.h>

#include "catalog/catalog.h"
#include "figure/words.h"

enum { LINE_MAX_BYTES = 1024 };

static const char *const ascii_fill[PORT_CLASS_COUNT] = { "#", "=", ":" };
/* Braille: one column wide everywhere, unlike the box drawing characters. */
static const char *const braille_fill[PORT_CLASS_COUNT] = { "⣿", "⠶", "⠒" };

/* Okabe and Ito's palette, told apart by colour-blind readers too. */
static const char *const class_colours[PORT_CLASS_COUNT] = { "#e69f00", "#56b4e9", "#f0e442" };
static const char ephemeral_colour[] = "#009e73";

unsigned ruler_column(uint16_t port)
{
	enum port_class class = port_class(port);
	/* One more for each bar left of it. */
	return RULER_LEFT + 1 + port / RULER_MARK_PORTS + (unsigned)class;
}

void ruler_spaces(struct str *out, size_t count)
{
	(void)str_printf(out, "%*s", (int)count, "");
}

static void edge(struct str *out)
{
	ruler_spaces(out, RULER_LEFT);
	for (int class = 0; class < PORT_CLASS_COUNT; class ++) {
		(void)str_add_char(out, '+');
		unsigned marks =
			(port_class_last(class) - port_class_first(class) + 1) / RULER_MARK_PORTS;
		for (unsigned i = 0; i < marks; i++) {
			(void)str_add_char(out, '-');
		}
	}
	(void)str_add(out, "+\n");
}

static void legend(struct str *out, enum language language, const char *const *fill)
{
	ruler_spaces(out, RULER_LEFT);
	for (int class = 0; class < PORT_CLASS_COUNT; class ++) {
		(void)str_printf(out, "%s%s %s %u-%u", class > 0 ? "  " : "", fill[class],
				 text_in(port_class_title(class), language),
				 port_class_first(class), port_class_last(class));
	}
	(void)str_add_char(out, '\n');
}

void ruler_text(struct str *out, enum language language, bool ascii)
{
	const char *const *fill = ascii ? ascii_fill : braille_fill;
	edge(out);
	ruler_spaces(out, RULER_LEFT);
	for (unsigned mark = 0; mark < RULER_MARKS; mark++) {
		uint16_t first = (uint16_t)(mark * RULER_MARK_PORTS);
		enum port_class class = port_class(first);
		if (first == port_class_first(class)) {
			(void)str_add_char(out, '|');
		}
		(void)str_add(out, fill[class]);
	}
	(void)str_add(out, "|\n");
	edge(out);
	legend(out, language, fill);
}

void ruler_ephemeral_text(struct str *out, enum language language, struct port_range ephemeral)
{
	if (ephemeral.last == 0) {
		return;
	}
	unsigned first = ruler_column(ephemeral.first);
	unsigned last = ruler_column(ephemeral.last);
	ruler_spaces(out, first);
	for (unsigned i = first; i <= last; i++) {
		(void)str_add_char(out, '~');
	}
	(void)str_add(out, "\n  ~ ");
	figure_ephemeral_words(out, language, ephemeral);
	(void)str_add_char(out, '\n');
}

/* Whole numbers keep the output free of locales. */
unsigned ruler_across(uint32_t port)
{
	return RULER_SVG_LEFT * 100 + (unsigned)((uint64_t)port * RULER_SVG_WIDTH * 100 / 65536);
}

/* The label of a class: inside its box where it fits, below it where the box is narrow. */
static void class_label(struct str *out, enum language language, enum port_class class,
			unsigned top)
{
	char range[2 * NUMBER_TEXT_BYTES];
	const char *title = text_in(port_class_title(class), language);
	(void)snprintf(range, sizeof(range), "%u-%u", port_class_first(class),
		       port_class_last(class));
	if (class == PORT_CLASS_SYSTEM) {
		struct str words = STR_INIT(LINE_MAX_BYTES);
		(void)str_printf(&words, "%s %s", title, range);
		svg_text(out, RULER_SVG_LEFT * 100, top + RULER_SVG_HEIGHT + 22, "label",
			 str_text(&words));
		str_deinit(&words);
		return;
	}
	unsigned first = ruler_across(port_class_first(class));
	unsigned middle = first + (ruler_across(port_class_last(class) + 1u) - first) / 2;
	svg_text(out, middle, top + 24, "middle", title);
	svg_text(out, middle, top + 44, "middle", range);
}

void ruler_svg(struct str *out, enum language language, unsigned top)
{
	for (int class = 0; class < PORT_CLASS_COUNT; class ++) {
		svg_box(out, ruler_across(port_class_first(class)),
			ruler_across(port_class_last(class) + 1u), top, RULER_SVG_HEIGHT,
			class_colours[class]);
		class_label(out, language, class, top);
	}
}

void ruler_ephemeral_svg(struct str *out, enum language language, struct port_range ephemeral,
			 unsigned top)
{
	if (ephemeral.last == 0) {
		return;
	}
	const unsigned y = top + RULER_SVG_HEIGHT + 36;
	svg_box(out, ruler_across(ephemeral.first), ruler_across(ephemeral.last + 1u), y, 10,
		ephemeral_colour);
	struct str words = STR_INIT(LINE_MAX_BYTES);
	figure_ephemeral_words(&words, language, ephemeral);
	svg_text(out, (RULER_SVG_LEFT + RULER_SVG_WIDTH) * 100, y + 30, "end", str_text(&words));
	str_deinit(&words);
}
