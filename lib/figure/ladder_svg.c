/* A ladder of packets, as SVG. */
#include <stdio.h>

#include "figure/ladder.h"
#include "figure/svg.h"

enum {
	WIDTH = 800,
	LEFT = 130, /* the client's line */
	RIGHT = 770,
	BETWEEN = 520, /* where an arrow begins that comes from neither end */
	TOP = 96,      /* of the two lines */
	ROW_HEIGHT = 38,
	LABEL_COLUMNS = 72, /* that fit above an arrow */
	LINE_MAX_BYTES = 1024,
};

/* Okabe and Ito's palette; which way a packet goes is told by its tip. */
static const char *const colours[] = {
	[FIGURE_TO_SERVER] = "#0072b2",
	[FIGURE_TO_CLIENT] = "#d55e00",
	[FIGURE_FROM_BETWEEN] = "#cc79a7",
	[FIGURE_NOTHING] = "#000",
};

static unsigned bottom(const struct figure_ladder *figure)
{
	return TOP + 16 + (unsigned)figure->count * ROW_HEIGHT;
}

static void opening(struct str *out, const struct figure_ladder *figure)
{
	char count[NUMBER_TEXT_BYTES];
	struct str title = STR_INIT(LINE_MAX_BYTES);
	struct str words = STR_INIT(LINE_MAX_BYTES);
	(void)snprintf(count, sizeof(count), "%zu", figure->count);
	const bool any = figure->count > 0;
	const struct message_argument arguments[] = {
		{ "count", count },
		{ "first", any ? figure->rows[0].label : "" },
		{ "last", any ? figure->rows[figure->count - 1].label : "" },
	};
	ladder_title(&title, figure);
	figure_words(&words, figure->language, "figure-ladder-description", arguments, 3);
	const struct svg_head head = {
		figure->language,    WIDTH,
		bottom(figure) + 64, str_text(&title),
		str_text(&words),    "    .time { text-anchor: end; font-size: 13px }\n",
	};
	svg_open(out, &head);
	str_deinit(&title);
	str_deinit(&words);
}

static void heading(struct str *out, const struct figure_ladder *figure)
{
	struct str words = STR_INIT(LINE_MAX_BYTES);
	ladder_title(&words, figure);
	svg_text(out, 40 * 100, 36, "heading", str_text(&words));
	str_clear(&words);
	figure_words(&words, figure->language, "figure-ladder-client", NULL, 0);
	(void)str_printf(&words, " %s", figure->client);
	svg_text(out, LEFT * 100, TOP - 12, "label", str_text(&words));
	str_clear(&words);
	figure_words(&words, figure->language, "figure-ladder-server", NULL, 0);
	(void)str_printf(&words, " %s", figure->server);
	svg_text(out, RIGHT * 100, TOP - 12, "end", str_text(&words));
	str_deinit(&words);
	for (unsigned i = 0; i < 2; i++) {
		(void)str_printf(out,
				 "  <path d=\"M %d %d V %u\" stroke=\"#000\" "
				 "stroke-width=\"2\"/>\n",
				 i == 0 ? LEFT : RIGHT, TOP, bottom(figure));
	}
}

static void arrow(struct str *out, enum figure_way way, unsigned y)
{
	const bool right = way == FIGURE_TO_SERVER;
	const unsigned from = right ? LEFT : way == FIGURE_FROM_BETWEEN ? BETWEEN : RIGHT;
	const unsigned to = right ? RIGHT : LEFT;
	svg_arrow(out, from, to, y, colours[way], way == FIGURE_FROM_BETWEEN);
	if (way == FIGURE_FROM_BETWEEN) {
		(void)str_printf(out,
				 "  <rect x=\"%d\" y=\"%u\" width=\"10\" height=\"10\" "
				 "fill=\"%s\"/>\n",
				 BETWEEN, y - 5, colours[way]);
	}
}

static void draw_row(struct str *out, const struct figure_ladder *figure,
		     const struct figure_ladder_row *row, unsigned y)
{
	char time[NUMBER_TEXT_BYTES * 2];
	struct str label = STR_INIT(LINE_MAX_BYTES);
	ladder_label(&label, row);
	str_truncate(&label, text_fit(str_text(&label), LABEL_COLUMNS));
	svg_text(out, (LEFT - 10) * 100, y + 4, "time", ladder_time(time, figure, row->at));
	svg_text(out, (LEFT + 14) * 100, y - 6, "label", str_text(&label));
	if (row->way != FIGURE_NOTHING) {
		arrow(out, row->way, y);
	}
	str_deinit(&label);
}

static void footnotes(struct str *out, const struct figure_ladder *figure)
{
	struct str words = STR_INIT(LINE_MAX_BYTES);
	ladder_source(&words, figure);
	svg_text(out, 40 * 100, bottom(figure) + 26, "label", str_text(&words));
	str_clear(&words);
	ladder_more(&words, figure);
	if (words.length > 0) {
		svg_text(out, 40 * 100, bottom(figure) + 48, "label", str_text(&words));
	}
	str_deinit(&words);
}

int figure_ladder_svg(struct str *out, const struct figure_ladder *figure)
{
	opening(out, figure);
	heading(out, figure);
	for (size_t i = 0; i < figure->count; i++) {
		draw_row(out, figure, &figure->rows[i], TOP + (unsigned)(i + 1) * ROW_HEIGHT - 4);
	}
	footnotes(out, figure);
	return svg_close(out);
}
