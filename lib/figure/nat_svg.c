/* NAT, as SVG. */
#include <stdio.h>

#include "figure/nat.h"
#include "figure/svg.h"

enum {
	WIDTH = 800,
	LEFT = 40, /* of the devices */
	LEFT_END = 300,
	ROUTER = 366,
	ROUTER_END = 486,
	REMOTE = 566,
	REMOTE_END = 760,
	TOP = 104,
	ROW_HEIGHT = 62,
	BOX_HEIGHT = 46,
	LEFT_COLUMNS = 29, /* that fit into a device's box */
	REMOTE_COLUMNS = 22,
	LINE_COLUMNS = 92,
	LINE_MAX_BYTES = 2048,
};

/* Okabe and Ito's palette. */
static const char device_colour[] = "#56b4e9";
static const char port_colour[] = "#e69f00";
static const char remote_colour[] = "#f0e442";
static const char arrow_colour[] = "#000";

static unsigned bottom(const struct figure_nat *figure)
{
	return TOP + (unsigned)figure->count * ROW_HEIGHT;
}

static void opening(struct str *out, const struct figure_nat *figure, unsigned height)
{
	struct str title = STR_INIT(LINE_MAX_BYTES);
	struct str words = STR_INIT(LINE_MAX_BYTES);
	char count[NUMBER_TEXT_BYTES * 2];
	(void)snprintf(count, sizeof(count), "%zu", figure->count);
	const struct message_argument arguments[] = { { "count", count },
						      { "address", figure->outside } };
	nat_title(&title, figure);
	figure_words(&words, figure->language, "figure-nat-description", arguments, 2);
	const struct svg_head head = {
		figure->language,
		WIDTH,
		height,
		str_text(&title),
		str_text(&words),
		"    .number { font-size: 18px; font-weight: bold; text-anchor: middle }\n"
		"    .middle { text-anchor: middle }\n",
	};
	svg_open(out, &head);
	svg_text(out, LEFT * 100, 36, "heading", str_text(&title));
	str_deinit(&title);
	str_deinit(&words);
}

/* What stands above the three columns, and the router's frame. */
static void columns(struct str *out, const struct figure_nat *figure)
{
	struct str words = STR_INIT(LINE_MAX_BYTES);
	figure_words(&words, figure->language, "figure-nat-inside", NULL, 0);
	svg_text(out, (LEFT + LEFT_END) * 50, TOP - 22, "middle", str_text(&words));
	str_clear(&words);
	text_escape(&words, figure->outside);
	svg_text(out, (ROUTER + ROUTER_END) * 50, TOP - 22, "middle", str_text(&words));
	str_clear(&words);
	figure_words(&words, figure->language, "figure-nat-outside", NULL, 0);
	svg_text(out, (REMOTE + REMOTE_END) * 50, TOP - 22, "middle", str_text(&words));
	svg_box(out, (ROUTER - 12) * 100, (ROUTER_END + 12) * 100, TOP - 10,
		bottom(figure) - TOP + 4, "#fff");
	str_deinit(&words);
}

/* The device's name, cut to what fits. */
static void device(struct str *out, const char *name, unsigned y)
{
	struct str words = STR_INIT(LINE_MAX_BYTES);
	text_escape(&words, name);
	figure_cut(&words, LEFT_COLUMNS);
	svg_text(out, (LEFT + LEFT_END) * 50, y, "middle", str_text(&words));
	str_deinit(&words);
}

static void draw_row(struct str *out, const struct figure_nat_row *row, unsigned y)
{
	char port[NUMBER_TEXT_BYTES];
	struct str words = STR_INIT(LINE_MAX_BYTES);
	svg_box(out, LEFT * 100, LEFT_END * 100, y, BOX_HEIGHT, device_colour);
	svg_box(out, ROUTER * 100, ROUTER_END * 100, y, BOX_HEIGHT, port_colour);
	svg_box(out, REMOTE * 100, REMOTE_END * 100, y, BOX_HEIGHT, remote_colour);
	svg_arrow(out, LEFT_END, ROUTER, y + BOX_HEIGHT / 2, arrow_colour, false);
	svg_arrow(out, ROUTER_END, REMOTE, y + BOX_HEIGHT / 2, arrow_colour, false);
	const bool named = row->name != NULL;
	if (named) {
		device(out, row->name, y + 19);
	}
	nat_endpoint(&words, row->inside, row->inside_port, LEFT_COLUMNS);
	svg_text(out, (LEFT + LEFT_END) * 50, y + (named ? 38 : 28), "middle", str_text(&words));
	(void)snprintf(port, sizeof(port), ":%u", row->outside_port);
	svg_text(out, (ROUTER + ROUTER_END) * 50, y + 29, "number", port);
	str_clear(&words);
	nat_endpoint(&words, row->remote, row->remote_port, REMOTE_COLUMNS);
	svg_text(out, (REMOTE + REMOTE_END) * 50, y + 28, "middle", str_text(&words));
	str_deinit(&words);
}

int figure_nat_svg(struct str *out, const struct figure_nat *figure)
{
	struct str words = STR_INIT(LINE_MAX_BYTES);
	struct str source = STR_INIT(LINE_MAX_BYTES);
	nat_why(&words, figure);
	nat_source(&source, figure);
	const unsigned notes = bottom(figure) + 22;
	opening(out, figure,
		notes + svg_lines(NULL, str_text(&words), LINE_COLUMNS, LEFT, 0) +
			svg_lines(NULL, str_text(&source), LINE_COLUMNS, LEFT, 0));
	if (figure->count > 0) {
		columns(out, figure);
	}
	for (size_t i = 0; i < figure->count; i++) {
		draw_row(out, &figure->rows[i], TOP + (unsigned)i * ROW_HEIGHT);
	}
	unsigned y = notes + svg_lines(out, str_text(&words), LINE_COLUMNS, LEFT, notes);
	(void)svg_lines(out, str_text(&source), LINE_COLUMNS, LEFT, y);
	str_deinit(&words);
	str_deinit(&source);
	return svg_close(out);
}
