/* The map of all ports, as SVG: a square of 256 rows with 256 numbers each. */
#include <stdio.h>

#include "catalog/catalog.h"
#include "figure/map.h"
#include "figure/svg.h"

enum {
	WIDTH = 600,
	ROW = 256,
	LEGEND_TOP = MAP_TOP + MAP_SIDE + 40,
	LINE = 26,
	LIST_COLUMNS = 3,
	NAME_COLUMNS = 13,
};

/* Okabe and Ito's palette, told apart by colour-blind readers too; shapes and words tell the same.
 * The dark half is for screens alone: paper is white. */
static const char style[] =
	"  <style>\n"
	"    .map { color: #000; background: #fff; --map-band: .45 }\n"
	"    .map text { font: 15px \"Noto Sans\", \"Noto Sans CJK JP\", \"Hiragino Sans\", "
	"\"Yu Gothic\", sans-serif; fill: currentColor }\n"
	"    .map .map-end { text-anchor: end }\n"
	"    .map .map-band-name { font-size: 17px; font-weight: bold; text-anchor: end; "
	"stroke: #fff; stroke-width: 4px; paint-order: stroke; stroke-opacity: .7 }\n"
	"    .map .map-letter { font-size: 14px; font-weight: bold; text-anchor: middle; "
	"fill: #000 }\n"
	"    .map .map-light { fill: #fff }\n"
	"    .map .map-heading { font-size: 17px; font-weight: bold }\n"
	"    .map-band { fill-opacity: var(--map-band) }\n"
	"    .map-frame { fill: none; stroke: currentColor }\n"
	"    .map-tick { stroke: currentColor; stroke-width: 1.5 }\n"
	"    .map-silent { fill: none; stroke: #0072b2; stroke-opacity: .6; stroke-width: 1 }\n"
	"    .map-ring { fill: none; stroke: #0072b2; stroke-width: 2.5 }\n"
	"    .map-point { fill: none; stroke: currentColor; stroke-width: 1.6; "
	"stroke-linecap: square }\n"
	"    .map-declared-point { stroke: #004c77 }\n"
	"    .map-undeclared-point { stroke: #c34f00; stroke-width: 2 }\n"
	"    .map-leader { fill: none; stroke: currentColor; stroke-width: 1.5 }\n"
	"    .map-declared { fill: #0072b2; stroke: #fff }\n"
	"    .map-undeclared { fill: #d55e00; stroke: #000; stroke-width: 2 }\n"
	"    .map-plain { fill: #fff; stroke: #000; stroke-width: 1.5 }\n"
	"    @media screen and (prefers-color-scheme: dark) {\n"
	"      .map { color: #eee; background: #16191d; --map-band: .38 }\n"
	"      .map .map-band-name { stroke: #16191d }\n"
	"      .map-silent, .map-ring { stroke: #56b4e9 }\n"
	"      .map-declared-point { stroke: #bfe3ff }\n"
	"      .map-undeclared-point { stroke: #ff9a4d }\n"
	"    }\n"
	"  </style>\n";

/* ---- the words for those who do not see it ---- */

static void describe(struct str *out, const struct figure_map *figure)
{
	enum { NAMED = 12 };
	struct str words = STR_INIT((size_t)8 * MAP_LINE_BYTES);
	struct str ephemeral = STR_INIT(MAP_LINE_BYTES);
	struct str list = STR_INIT((size_t)4 * MAP_LINE_BYTES);
	map_title(&words, figure);
	(void)str_add(out, "  <title id=\"map-title\">");
	svg_escape(out, str_text(&words));
	map_ephemeral(&ephemeral, figure);
	(void)str_add(&ephemeral, ephemeral.length > 0 ? "." : "");
	for (size_t i = 0; i < figure->count && i < NAMED; i++) {
		(void)str_add(&list, i > 0 ? ", " : "");
		map_mark_words(&list, &figure->marks[i], NAME_COLUMNS);
	}
	(void)str_add(&list, figure->count > NAMED ? ", ..." : "");
	if (figure->count == 0) {
		figure_words(&list, figure->language, "figure-map-nothing", NULL, 0);
	}
	const struct message_argument arguments[] = { { "ephemeral", str_text(&ephemeral) },
						      { "list", str_text(&list) } };
	str_clear(&words);
	figure_words(&words, figure->language, "figure-map-description", arguments, 2);
	(void)str_add(out, "</title>\n  <desc id=\"map-description\">");
	svg_escape(out, str_text(&words));
	(void)str_add(out, "</desc>\n");
	str_deinit(&words);
	str_deinit(&ephemeral);
	str_deinit(&list);
}

static void opening(struct str *out, const struct figure_map *figure, unsigned height)
{
	(void)str_printf(out,
			 "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"map\" xml:lang=\"%s\" "
			 "viewBox=\"0 0 %d %u\" role=\"img\" "
			 "aria-labelledby=\"map-title map-description\">\n",
			 figure->language == LANGUAGE_JA ? "ja" : "en", WIDTH, height);
	describe(out, figure);
	(void)str_add(out, style);
}

/* ---- bands ---- */

static const char *const colours[PORT_CLASS_COUNT] = { "#e69f00", "#56b4e9", "#f0e442" };
static const char ephemeral_colour[] = "#009e73";

/* A span of numbers covers part of a row, whole rows, part of a row. */
static void span(struct str *out, uint32_t first, uint32_t last, const char *class,
		 const char *fill)
{
	(void)str_printf(out,
			 "  <path class=\"%s\" fill=\"%s\" transform=\"translate(%d %d) "
			 "scale(%d)\" d=\"",
			 class, fill, MAP_LEFT, MAP_TOP, MAP_SCALE);
	while (first <= last) {
		const uint32_t row = first / ROW;
		const uint32_t from = first % ROW;
		/* Whole rows at once where the span has them. */
		const uint32_t rows =
			from == 0 && last - first + 1 >= ROW ? (last - first + 1) / ROW : 1;
		const uint32_t end = (row + rows) * ROW - 1 < last ? (row + rows) * ROW - 1 : last;
		const uint32_t width = rows > 1 ? ROW : end % ROW - from + 1;
		(void)str_printf(out, "M%u %uh%uv%uh-%uz", from, row, width, rows, width);
		first = end + 1;
	}
	(void)str_add(out, "\"/>\n");
}

static void bands(struct str *out, const struct figure_map *figure)
{
	for (int class = 0; class < PORT_CLASS_COUNT; class ++) {
		span(out, port_class_first(class), port_class_last(class), "map-band",
		     colours[class]);
	}
	if (figure->ephemeral.last != 0) {
		(void)str_printf(out,
				 "  <pattern id=\"map-hatch\" width=\"4\" height=\"4\" "
				 "patternUnits=\"userSpaceOnUse\"><path d=\"M0 4L4 0\" "
				 "stroke=\"%s\" stroke-width=\"1\"/></pattern>\n",
				 ephemeral_colour);
		span(out, figure->ephemeral.first, figure->ephemeral.last, "map-hatched",
		     "url(#map-hatch)");
	}
	(void)str_printf(out,
			 "  <rect class=\"map-frame\" x=\"%d\" y=\"%d\" width=\"%d\" "
			 "height=\"%d\"/>\n",
			 MAP_LEFT, MAP_TOP, MAP_SIDE, MAP_SIDE);
}

static void ticks(struct str *out)
{
	enum { EVERY = 8192 };
	for (uint32_t port = 0; port < MAP_PORTS; port += EVERY) {
		char number[NUMBER_TEXT_BYTES];
		const unsigned y = MAP_TOP + port / ROW * MAP_SCALE;
		(void)snprintf(number, sizeof(number), "%u", port);
		(void)str_printf(out, "  <path class=\"map-tick\" d=\"M%d %uh6\"/>\n", MAP_LEFT - 6,
				 y);
		svg_text(out, (MAP_LEFT - 10) * 100, y + 5, "map-end", number);
	}
}

/* The names of the bands, at their lower right. The first is too narrow: above the square. */
static void band_names(struct str *out, const struct figure_map *figure)
{
	for (int class = 0; class < PORT_CLASS_COUNT; class ++) {
		struct str words = STR_INIT(MAP_LINE_BYTES);
		const unsigned bottom = (port_class_last(class) + 1u) / ROW * MAP_SCALE;
		(void)str_printf(&words, "%s %u-%u",
				 text_in(port_class_title(class), figure->language),
				 port_class_first(class), port_class_last(class));
		svg_text(out, (MAP_LEFT + MAP_SIDE - 8) * 100,
			 class == PORT_CLASS_SYSTEM ? MAP_TOP - 14 : MAP_TOP + bottom - MAP_NAME_UP,
			 "map-band-name", str_text(&words));
		str_deinit(&words);
	}
}

/* ---- the legend ---- */

static void swatch(struct str *out, unsigned y, const char *fill, const char *words)
{
	(void)str_printf(
		out,
		"  <rect class=\"map-frame map-band\" style=\"fill: %s\" x=\"%d\" y=\"%u\" "
		"width=\"28\" height=\"16\"/>\n",
		fill, MAP_LEFT, y - 13);
	svg_text(out, (MAP_LEFT + 38) * 100, y, "map-words", words);
}

static void sign(struct str *out, const struct figure_map *figure, unsigned y,
		 enum figure_mark_kind kind, const char *id)
{
	struct str words = STR_INIT(MAP_LINE_BYTES);
	map_draw_letter(out, kind, "A", MAP_LEFT + 14, (int)y - 5);
	figure_words(&words, figure->language, id, NULL, 0);
	svg_text(out, (MAP_LEFT + 38) * 100, y, "map-words", str_text(&words));
	str_deinit(&words);
}

static bool any_plain(const struct figure_map *figure)
{
	bool any = false;
	for (size_t i = 0; i < figure->count; i++) {
		any |= figure->marks[i].kind == FIGURE_MARK_PLAIN;
	}
	return any;
}

static void silent_sign(struct str *out, const struct figure_map *figure, unsigned y)
{
	struct str words = STR_INIT(MAP_LINE_BYTES);
	figure_words(&words, figure->language, "figure-map-silent", NULL, 0);
	(void)str_printf(out,
			 "  <path class=\"map-silent\" style=\"stroke-width: 12\" d=\"M%d "
			 "%uh12\"/>\n"
			 "  <circle class=\"map-ring\" cx=\"%d\" cy=\"%u\" r=\"6\"/>\n",
			 MAP_LEFT, y - 5, MAP_LEFT + 22, y - 5);
	svg_text(out, (MAP_LEFT + 38) * 100, y, "map-words", str_text(&words));
	str_deinit(&words);
}

static unsigned signs(struct str *out, const struct figure_map *figure, unsigned y)
{
	const bool policy = figure->allowed != NULL;
	if (figure->ephemeral.last != 0) {
		struct str words = STR_INIT(MAP_LINE_BYTES);
		map_ephemeral(&words, figure);
		swatch(out, y, "url(#map-hatch)", str_text(&words));
		str_deinit(&words);
		y += LINE;
	}
	if (policy) {
		sign(out, figure, y, FIGURE_MARK_DECLARED, "figure-map-declared");
		sign(out, figure, y + LINE, FIGURE_MARK_UNDECLARED, "figure-map-undeclared");
		silent_sign(out, figure, y + 2 * LINE);
		y += 3 * LINE;
	}
	if (!policy || any_plain(figure)) {
		sign(out, figure, y, FIGURE_MARK_PLAIN,
		     policy ? "figure-map-needless" : "figure-map-listens");
		y += LINE;
	}
	return y;
}

/* A letter and what it stands for: the first mark of its number. */
static void listed(struct str *out, const struct figure_map *figure, uint16_t port, size_t index,
		   unsigned x, unsigned y)
{
	char letter[3];
	struct str words = STR_INIT(MAP_LINE_BYTES);
	for (size_t i = 0; i < figure->count; i++) {
		if (figure->marks[i].port == port) {
			map_mark_words(&words, &figure->marks[i], NAME_COLUMNS);
			break;
		}
	}
	map_draw_letter(out, map_kind(figure, port), figure_letter(letter, index), (int)x + 14,
			(int)y - 5);
	svg_text(out, (x + 34) * 100, y, "map-words", str_text(&words));
	str_deinit(&words);
}

static unsigned list(struct str *out, const struct figure_map *figure, unsigned y)
{
	uint16_t ports[FIGURE_MAP_LETTERS];
	const size_t count = figure_map_letters(ports, figure);
	const size_t lines = (count + LIST_COLUMNS - 1) / LIST_COLUMNS;
	for (size_t i = 0; i < count; i++) {
		listed(out, figure, ports[i], i,
		       12 + (unsigned)(i / lines) * (WIDTH / LIST_COLUMNS),
		       y + (unsigned)(i % lines) * LINE);
	}
	return y + (unsigned)lines * LINE;
}

static unsigned note(struct str *out, const struct figure_map *figure, unsigned y, const char *id,
		     const struct message_argument *argument)
{
	struct str words = STR_INIT(MAP_LINE_BYTES);
	figure_words(&words, figure->language, id, argument, argument != NULL ? 1 : 0);
	svg_text(out, 12 * 100, y, "map-words", str_text(&words));
	str_deinit(&words);
	return y + LINE;
}

static unsigned notes(struct str *out, const struct figure_map *figure, unsigned y, bool all)
{
	struct portset listening;
	char count[NUMBER_TEXT_BYTES];
	map_listening(&listening, figure);
	const uint32_t ports = portset_count(&listening);
	if (ports > FIGURE_MAP_LETTERS) {
		(void)snprintf(count, sizeof(count), "%u", ports - FIGURE_MAP_LETTERS);
		const struct message_argument argument = { "count", count };
		y = note(out, figure, y, "figure-map-unlettered", &argument);
	}
	return all ? y : note(out, figure, y, "figure-map-undrawn", NULL);
}

int figure_map_svg(struct str *out, const struct figure_map *figure)
{
	struct str body = STR_INIT(out->max_bytes);
	struct str words = STR_INIT(MAP_LINE_BYTES);
	unsigned bottom = MAP_TOP + MAP_SIDE + 28;
	bands(&body, figure);
	ticks(&body);
	const bool all = map_draw_marks(&body, figure);
	band_names(&body, figure); /* on the points; markers keep away */
	figure_words(&words, figure->language, "figure-map-rows", NULL, 0);
	svg_text(&body, MAP_LEFT * 100, MAP_TOP + MAP_SIDE + 18, "map-words", str_text(&words));
	if (!figure->bare) {
		str_clear(&words);
		map_title(&words, figure);
		bottom = signs(&body, figure, LEGEND_TOP + LINE + 8);
		svg_text(&body, 12 * 100, LEGEND_TOP + 4, "map-heading", str_text(&words));
		bottom = notes(&body, figure, list(&body, figure, bottom + 8), all);
	}
	opening(out, figure, bottom);
	(void)str_add(out, str_text(&body));
	(void)str_add(out, "</svg>\n");
	const int error = body.error;
	str_deinit(&body);
	str_deinit(&words);
	return out->error != 0 ? out->error : error;
}
