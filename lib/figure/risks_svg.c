/* Dangerous doors and their state here, as SVG. */
#include <stdio.h>

#include "figure/risks.h"
#include "figure/svg.h"

enum {
	WIDTH = 800,
	LEFT = 40,
	DOOR_END = 122,
	TITLE = 140,
	RISK = 430,
	STATE = 530,
	TOP = 64,
	LINE_HEIGHT = 22,
	BOX_HEIGHT = 28,
	GAP = 14,
	TITLE_COLUMNS = 32,
	MEASURE_COLUMNS = 84,
	LINE_MAX_BYTES = 4096,
};

/* Okabe and Ito's palette; the words say the same. */
static const char *colour_of(const struct figure_risk *risk)
{
	return risk->state != FIGURE_RISK_OPEN ? "#fff"
	       : risk->risk >= SEVERITY_HIGH   ? "#d55e00"
	       : risk->risk == SEVERITY_MEDIUM ? "#e69f00"
					       : "#56b4e9";
}

static unsigned row_height(const struct figure_risk *risk)
{
	return BOX_HEIGHT + GAP + svg_lines(NULL, risk->measure, MEASURE_COLUMNS, 0, 0);
}

static void draw_row(struct str *out, const struct figure_risks *figure,
		     const struct figure_risk *risk, unsigned y)
{
	char port[NUMBER_TEXT_BYTES];
	struct str words = STR_INIT(LINE_MAX_BYTES);
	(void)snprintf(port, sizeof(port), "%u/%s", risk->port, protocol_name(risk->protocol));
	svg_box(out, LEFT * 100, DOOR_END * 100, y, BOX_HEIGHT, colour_of(risk));
	svg_text(out, (LEFT + DOOR_END) * 50, y + 19, "number", port);
	(void)str_add(&words, risk->title);
	figure_cut(&words, TITLE_COLUMNS);
	svg_text(out, TITLE * 100, y + 19, "name", str_text(&words));
	str_clear(&words);
	risks_severity(&words, risk, figure->language);
	svg_text(out, RISK * 100, y + 19, "label", str_text(&words));
	str_clear(&words);
	risks_state(&words, risk, figure->language);
	svg_text(out, STATE * 100, y + 19, risk->state == FIGURE_RISK_OPEN ? "name" : "label",
		 str_text(&words));
	(void)svg_lines(out, risk->measure, MEASURE_COLUMNS, TITLE, y + BOX_HEIGHT + 16);
	str_deinit(&words);
}

static void opening(struct str *out, const struct figure_risks *figure, unsigned height)
{
	char count[NUMBER_TEXT_BYTES * 2], open[NUMBER_TEXT_BYTES * 2];
	size_t open_count = 0;
	struct str title = STR_INIT(LINE_MAX_BYTES);
	struct str description = STR_INIT(LINE_MAX_BYTES);
	for (size_t i = 0; i < figure->count; i++) {
		open_count += figure->risks[i].state == FIGURE_RISK_OPEN;
	}
	(void)snprintf(count, sizeof(count), "%zu", figure->count);
	(void)snprintf(open, sizeof(open), "%zu", open_count);
	const struct message_argument arguments[] = { { "count", count }, { "open", open } };
	figure_words(&title, figure->language, "figure-risks-title", NULL, 0);
	figure_words(&description, figure->language, "figure-risks-description", arguments, 2);
	const struct svg_head head = {
		figure->language,
		WIDTH,
		height,
		str_text(&title),
		str_text(&description),
		"    .number { font-weight: bold; text-anchor: middle }\n"
		"    .name { font-weight: bold }\n",
	};
	svg_open(out, &head);
	svg_text(out, LEFT * 100, 36, "heading", str_text(&title));
	str_deinit(&title);
	str_deinit(&description);
}

int figure_risks_svg(struct str *out, const struct figure_risks *figure)
{
	unsigned height = TOP;
	for (size_t i = 0; i < figure->count; i++) {
		height += row_height(&figure->risks[i]);
	}
	opening(out, figure, height + GAP);
	unsigned y = TOP;
	for (size_t i = 0; i < figure->count; i++) {
		draw_row(out, figure, &figure->risks[i], y);
		y += row_height(&figure->risks[i]);
	}
	return svg_close(out);
}
