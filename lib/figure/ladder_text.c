/* A ladder of packets, as text. */
#include <string.h>

#include "figure/ladder.h"

enum {
	TIME = 10,    /* columns of the time, before the left line */
	INSIDE = 66,  /* between the two lines */
	HEAD = 3,     /* the tip of an arrow, or its beginning */
	BETWEEN = 40, /* where an arrow begins that comes from neither end */
	LINE_MAX_BYTES = 1024,
};

static void fill(struct str *out, char with, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		(void)str_add_char(out, with);
	}
}

/* Both names; where they would touch, the server's goes into a line of its own. */
static void names(struct str *out, const struct figure_ladder *figure)
{
	const size_t room = INSIDE + 2;
	const size_t left = text_width(figure->client);
	const size_t right = text_width(figure->server);
	fill(out, ' ', TIME + 1);
	(void)str_add(out, figure->client);
	if (left + 1 + right <= room) {
		fill(out, ' ', room - left - right);
	} else {
		(void)str_add_char(out, '\n');
		fill(out, ' ', TIME + 1 + (right < room ? room - right : 0));
	}
	(void)str_printf(out, "%s\n", figure->server);
}

static void lines(struct str *out)
{
	fill(out, ' ', TIME + 1);
	(void)str_add_char(out, '|');
	fill(out, ' ', INSIDE);
	(void)str_add(out, "|\n");
}

/* The label in its line; an arrow that is shorter leaves the rest empty. */
static void arrow(struct str *out, const struct figure_ladder_row *row, const struct str *label)
{
	const bool nothing = row->way == FIGURE_NOTHING;
	const char shaft = nothing ? ' ' : '-';
	const size_t room = INSIDE - 2 * HEAD - 2;
	const size_t bytes = text_fit(str_text(label), room);
	struct str fitting = STR_INIT(LINE_MAX_BYTES);
	(void)str_add_bytes(&fitting, str_text(label), bytes);
	const size_t width = text_width(str_text(&fitting));
	const bool from_between = row->way == FIGURE_FROM_BETWEEN;
	const size_t end = from_between && width < BETWEEN ? BETWEEN : room;
	(void)str_add(out, row->way == FIGURE_TO_SERVER ? "---" : nothing ? "   " : "<--");
	(void)str_printf(out, " %s ", str_text(&fitting));
	fill(out, shaft, end > width ? end - width : 0);
	(void)str_add(out, row->way == FIGURE_TO_SERVER ? "-->"
			   : nothing                    ? "   "
			   : from_between               ? "--o"
							: "---");
	fill(out, ' ', room - end);
	str_deinit(&fitting);
}

static void row(struct str *out, const struct figure_ladder *figure,
		const struct figure_ladder_row *row)
{
	char time[NUMBER_TEXT_BYTES * 2];
	struct str label = STR_INIT(LINE_MAX_BYTES);
	ladder_label(&label, row);
	(void)str_printf(out, "%*s |", TIME, ladder_time(time, figure, row->at));
	arrow(out, row, &label);
	(void)str_add(out, "|\n");
	str_deinit(&label);
}

int figure_ladder_text(struct str *out, const struct figure_ladder *figure)
{
	struct str words = STR_INIT(LINE_MAX_BYTES);
	names(out, figure);
	lines(out);
	for (size_t i = 0; i < figure->count; i++) {
		row(out, figure, &figure->rows[i]);
	}
	lines(out);
	ladder_source(&words, figure);
	if (figure->more > 0) {
		(void)str_add_char(&words, ' ');
		ladder_more(&words, figure);
	}
	figure_paragraph(out, str_text(&words));
	const int error = words.error;
	str_deinit(&words);
	return out->error != 0 ? out->error : error;
}
