/* NAT, as text. */
#include "figure/nat.h"

enum {
	LINE_MAX_BYTES = 1024,
	NAME = 12,   /* columns of a device's name, at most */
	INSIDE = 22, /* of its address and port, at most: a longer one is cut */
	PORT = 6,    /* ":65535" */
	FRAMES = 24, /* everything in a row that is no text */
	OUTSIDE = 25,
};

/* Columns that this figure's rows need. */
struct widths {
	size_t name, inside;
};

static void fill(struct str *out, char with, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		(void)str_add_char(out, with);
	}
}

/* Cut where it does not fit, then filled up. */
static void cell(struct str *out, struct str *words, size_t columns)
{
	figure_cut(words, columns);
	const size_t width = text_width(str_text(words));
	(void)str_add(out, str_text(words));
	fill(out, ' ', columns > width ? columns - width : 0);
}

static size_t larger(size_t width, size_t than, size_t most)
{
	const size_t larger = width > than ? width : than;
	return larger < most ? larger : most;
}

static struct widths measure(const struct figure_nat *figure)
{
	struct widths widths = { 0 };
	struct str word = STR_INIT(LINE_MAX_BYTES);
	for (size_t i = 0; i < figure->count; i++) {
		const struct figure_nat_row *row = &figure->rows[i];
		str_clear(&word);
		text_escape(&word, row->name != NULL ? row->name : "");
		widths.name = larger(text_width(str_text(&word)), widths.name, NAME);
		str_clear(&word);
		nat_endpoint(&word, row->inside, row->inside_port, INSIDE);
		widths.inside = larger(text_width(str_text(&word)), widths.inside, INSIDE);
	}
	str_deinit(&word);
	return widths;
}

/* Of the box on the left, without its frame. */
static size_t room(const struct widths *widths)
{
	return widths->inside + (widths->name > 0 ? widths->name + 1 : 0);
}

static void edges(struct str *out, const struct widths *widths)
{
	(void)str_add(out, "  +");
	fill(out, '-', room(widths) + 2);
	(void)str_add(out, "+   +");
	fill(out, '-', PORT + 2);
	(void)str_add(out, "+\n");
}

static void heads(struct str *out, const struct figure_nat *figure, const struct widths *widths)
{
	struct str words = STR_INIT(LINE_MAX_BYTES);
	figure_words(&words, figure->language, "figure-nat-inside", NULL, 0);
	fill(out, ' ', 4);
	cell(out, &words, room(widths) + 3);
	str_clear(&words);
	text_escape(&words, figure->outside);
	const size_t width = text_width(str_text(&words));
	cell(out, &words, width > PORT + 8 ? larger(width, 0, OUTSIDE) : PORT + 8);
	str_clear(&words);
	figure_words(&words, figure->language, "figure-nat-outside", NULL, 0);
	(void)str_printf(out, "  %s\n", str_text(&words));
	str_deinit(&words);
}

static void draw_row(struct str *out, const struct figure_nat_row *row, const struct widths *widths)
{
	struct str word = STR_INIT(LINE_MAX_BYTES);
	(void)str_add(out, "  | ");
	if (widths->name > 0) {
		text_escape(&word, row->name != NULL ? row->name : "");
		cell(out, &word, widths->name);
		(void)str_add_char(out, ' ');
		str_clear(&word);
	}
	nat_endpoint(&word, row->inside, row->inside_port, INSIDE);
	cell(out, &word, widths->inside);
	(void)str_printf(out, " |---| :%-*u |---> ", PORT - 1, row->outside_port);
	str_clear(&word);
	nat_endpoint(&word, row->remote, row->remote_port,
		     FIGURE_TEXT_COLUMNS - FRAMES - PORT - room(widths));
	(void)str_printf(out, "%s\n", str_text(&word));
	str_deinit(&word);
}

static void footnotes(struct str *out, const struct figure_nat *figure)
{
	struct str words = STR_INIT(LINE_MAX_BYTES);
	nat_why(&words, figure);
	if (words.length > 0) {
		figure_paragraph(out, str_text(&words));
	}
	str_clear(&words);
	nat_source(&words, figure);
	figure_paragraph(out, str_text(&words));
	str_deinit(&words);
}

int figure_nat_text(struct str *out, const struct figure_nat *figure)
{
	const struct widths widths = measure(figure);
	struct str words = STR_INIT(LINE_MAX_BYTES);
	nat_title(&words, figure);
	figure_heading(out, str_text(&words));
	if (figure->count > 0) {
		heads(out, figure, &widths);
		edges(out, &widths);
		for (size_t i = 0; i < figure->count; i++) {
			draw_row(out, &figure->rows[i], &widths);
		}
		edges(out, &widths);
	}
	footnotes(out, figure);
	str_deinit(&words);
	return out->error;
}
