/* One address and its doors, as SVG. */
#include <stdio.h>

#include "figure/doors.h"
#include "figure/svg.h"

enum {
	WIDTH = 800,
	LEFT = 40,
	ADDRESS_END = 236,
	TRUNK = 262,
	DOOR = 290,
	DOOR_END = 410,
	PROGRAM = 470,
	TOP = 108,
	ROW_HEIGHT = 46,
	BOX_HEIGHT = 34,
	ADDRESS_COLUMNS = 22,
	PROGRAM_COLUMNS = 38,
	LINE_COLUMNS = 92,
	LINE_MAX_BYTES = 2048,
};

/* Okabe and Ito's palette. */
static const char address_colour[] = "#56b4e9";
static const char door_colour[] = "#e69f00";
static const char refused_colour[] = "#d55e00";
static const char line_colour[] = "#000";

static unsigned bottom(const struct figure_doors *figure)
{
	return TOP + (unsigned)doors_lines(figure) * ROW_HEIGHT;
}

static void opening(struct str *out, const struct figure_doors *figure, unsigned height)
{
	struct str title = STR_INIT(LINE_MAX_BYTES);
	struct str words = STR_INIT(LINE_MAX_BYTES);
	char count[NUMBER_TEXT_BYTES * 2];
	(void)snprintf(count, sizeof(count), "%zu", figure->count);
	const struct message_argument argument = { "count", count };
	doors_title(&title, figure);
	figure_words(&words, figure->language, "figure-doors-description", &argument, 1);
	const struct svg_head head = {
		figure->language,
		WIDTH,
		height,
		str_text(&title),
		str_text(&words),
		"    .number { font-weight: bold; text-anchor: middle }\n"
		"    .middle { text-anchor: middle }\n",
	};
	svg_open(out, &head);
	svg_text(out, LEFT * 100, 36, "heading", str_text(&title));
	str_deinit(&title);
	str_deinit(&words);
}

static void head(struct str *out, enum language language, const char *id, unsigned middle)
{
	struct str words = STR_INIT(LINE_MAX_BYTES);
	figure_words(&words, language, id, NULL, 0);
	svg_text(out, middle * 100, TOP - 24, "middle", str_text(&words));
	str_deinit(&words);
}

/* The address, and the line from it to all doors. */
static void trunk(struct str *out, const struct figure_doors *figure)
{
	struct str words = STR_INIT(LINE_MAX_BYTES);
	head(out, figure->language, "figure-doors-main", (LEFT + ADDRESS_END) / 2);
	head(out, figure->language, "figure-doors-extension", (DOOR + DOOR_END) / 2);
	head(out, figure->language, "figure-doors-program", PROGRAM + 60);
	text_escape(&words, figure->address);
	figure_cut(&words, ADDRESS_COLUMNS);
	svg_box(out, LEFT * 100, ADDRESS_END * 100, TOP - 8, BOX_HEIGHT + 16, address_colour);
	svg_text(out, (LEFT + ADDRESS_END) * 50, TOP + 22, "number", str_text(&words));
	const struct figure_door *last = &figure->doors[figure->count - 1];
	const unsigned lines = (unsigned)doors_lines(figure) - (last->refused != NULL ? 1 : 0);
	(void)str_printf(out,
			 "  <path d=\"M %d %d H %d M %d %d V %u\" stroke=\"%s\" "
			 "stroke-width=\"2\" fill=\"none\"/>\n",
			 ADDRESS_END, TOP + BOX_HEIGHT / 2, TRUNK, TRUNK, TOP + BOX_HEIGHT / 2,
			 TOP + (lines - 1) * ROW_HEIGHT + BOX_HEIGHT / 2, line_colour);
	str_deinit(&words);
}

/* A program's name, cut to what fits. */
static void name(struct str *out, struct str *words, unsigned y)
{
	figure_cut(words, PROGRAM_COLUMNS);
	svg_text(out, PROGRAM * 100, y + 22, "label", str_text(words));
}

static void refused(struct str *out, const struct figure_doors *figure,
		    const struct figure_door *door, unsigned y)
{
	struct str words = STR_INIT(LINE_MAX_BYTES);
	const unsigned middle = y + BOX_HEIGHT / 2;
	doors_refused(&words, figure, door);
	name(out, &words, y);
	/* From the program up to the door: it comes no further than the cross. */
	(void)str_printf(out,
			 "  <path d=\"M %d %u H %d\" stroke=\"%s\" stroke-width=\"2\" "
			 "stroke-dasharray=\"6 4\"/>\n"
			 "  <path d=\"M %d %u l 14 14 m 0 -14 l -14 14\" stroke=\"%s\" "
			 "stroke-width=\"3\" fill=\"none\"/>\n",
			 PROGRAM - 8, middle, DOOR_END + 20, refused_colour, DOOR_END + 8,
			 middle - 7, refused_colour);
	str_deinit(&words);
}

static void draw_door(struct str *out, const struct figure_doors *figure,
		      const struct figure_door *door, unsigned y)
{
	struct str words = STR_INIT(LINE_MAX_BYTES);
	const unsigned height = door->refused != NULL ? ROW_HEIGHT + BOX_HEIGHT : BOX_HEIGHT;
	(void)str_printf(out, "  <path d=\"M %d %u H %d\" stroke=\"%s\" stroke-width=\"2\"/>\n",
			 TRUNK, y + BOX_HEIGHT / 2, DOOR, line_colour);
	svg_box(out, DOOR * 100, DOOR_END * 100, y, height, door_colour);
	doors_port(&words, door);
	svg_text(out, (DOOR + DOOR_END) * 50, y + 22, "number", str_text(&words));
	str_clear(&words);
	if (door->program != NULL) {
		svg_arrow(out, DOOR_END, PROGRAM - 8, y + BOX_HEIGHT / 2, line_colour, false);
	}
	doors_program(&words, figure, door);
	name(out, &words, y);
	str_deinit(&words);
}

int figure_doors_svg(struct str *out, const struct figure_doors *figure)
{
	struct str words = STR_INIT(LINE_MAX_BYTES);
	doors_why(&words, figure);
	const unsigned notes = bottom(figure) + 24;
	opening(out, figure, notes + svg_lines(NULL, str_text(&words), LINE_COLUMNS, LEFT, 0));
	if (figure->count > 0) {
		trunk(out, figure);
	}
	unsigned y = TOP;
	for (size_t i = 0; i < figure->count; i++) {
		const struct figure_door *door = &figure->doors[i];
		draw_door(out, figure, door, y);
		y += ROW_HEIGHT;
		if (door->refused != NULL) {
			refused(out, figure, door, y);
			y += ROW_HEIGHT;
		}
	}
	(void)svg_lines(out, str_text(&words), LINE_COLUMNS, LEFT, notes);
	str_deinit(&words);
	return svg_close(out);
}
