/* The figure of one port, as SVG. */
#include <stdio.h>
#include <string.h>

#include "catalog/catalog.h"
#include "figure/ruler.h"
#include "figure/svg.h"
#include "figure/words.h"

enum {
	WIDTH = 800,
	HEIGHT = 484,
	LEFT = RULER_SVG_LEFT,
	RULER_WIDTH = RULER_SVG_WIDTH,
	RULER_TOP = 104,
	HEADER_TOP = 312,
	ROW_HEIGHT = 30,
	BIT_WIDTH_HALVES = 45, /* 22.5 units: 32 of them make RULER_WIDTH */
	LINE_MAX_BYTES = 1024,
};

/* Okabe and Ito's palette, told apart by colour-blind readers too. */
static const char pointer_colour[] = "#000";
static const char bit_colour[] = "#0072b2";

static void opening(struct str *out, const struct figure_port *figure, const char *name)
{
	char first[NUMBER_TEXT_BYTES];
	char last[NUMBER_TEXT_BYTES];
	char bits[BITS_TEXT_BYTES];
	enum port_class class = port_class(figure->port);
	(void)snprintf(first, sizeof(first), "%u", port_class_first(class));
	(void)snprintf(last, sizeof(last), "%u", port_class_last(class));
	const struct message_argument arguments[] = {
		{ "port", name },
		{ "class", text_in(port_class_title(class), figure->language) },
		{ "first", first },
		{ "last", last },
		{ "bits", figure_bits(bits, figure->port) },
	};
	struct str title = STR_INIT(LINE_MAX_BYTES);
	struct str words = STR_INIT(LINE_MAX_BYTES);
	text_escape(&title, name);
	figure_words(&words, figure->language, "figure-port-description", arguments, 5);
	const struct svg_head head = {
		figure->language,
		WIDTH,
		HEIGHT,
		str_text(&title),
		str_text(&words),
		"    .number { font-size: 20px; font-weight: bold; text-anchor: middle }\n"
		"    .middle, .set, .clear { text-anchor: middle }\n"
		"    .set { fill: #fff; font-weight: bold }\n",
	};
	svg_open(out, &head);
	str_deinit(&title);
	str_deinit(&words);
}

static void pointer(struct str *out, const struct figure_port *figure)
{
	char number[NUMBER_TEXT_BYTES];
	/* The middle of the number's own place. */
	unsigned x = ruler_across(figure->port) + RULER_WIDTH * 100 / 65536 / 2;
	(void)snprintf(number, sizeof(number), "%u", figure->port);
	svg_text(out, x, RULER_TOP - 24, "number", number);
	(void)str_printf(out,
			 "  <path d=\"M %u.%02u %d l -7 -14 h 14 z\" fill=\"%s\" "
			 "stroke=\"#000\"/>\n"
			 "  <path d=\"M %u.%02u %d v %d\" stroke=\"%s\" stroke-width=\"3\"/>\n",
			 x / 100, x % 100, RULER_TOP - 2, pointer_colour, x / 100, x % 100,
			 RULER_TOP - 2, 9, pointer_colour);
}

static unsigned bit_edge(unsigned bit)
{
	return LEFT * 100 + bit * BIT_WIDTH_HALVES * 50;
}

static void bits(struct str *out, uint16_t port, unsigned from, unsigned y)
{
	char digits[BITS_TEXT_BYTES];
	figure_bits(digits, port);
	for (unsigned i = 0; i < 16; i++) {
		bool set = digits[i] == '1';
		const char digit[2] = { digits[i], '\0' };
		svg_box(out, bit_edge(from + i), bit_edge(from + i + 1), y, ROW_HEIGHT,
			set ? bit_colour : "#fff");
		svg_text(out, bit_edge(from + i) + BIT_WIDTH_HALVES * 25, y + 20,
			 set ? "set" : "clear", digit);
	}
}

/* One of the two 16-bit fields: its name, its value, its bits where they are known. */
static void field(struct str *out, unsigned from, const char *name, const char *value, bool known,
		  uint16_t port)
{
	unsigned middle = bit_edge(from + 8);
	svg_box(out, bit_edge(from), bit_edge(from + 16), HEADER_TOP, 2 * ROW_HEIGHT, "#fff");
	svg_text(out, middle, HEADER_TOP + 22, "middle", name);
	svg_text(out, middle, HEADER_TOP + 48, known ? "number" : "middle", value);
	if (known) {
		bits(out, port, from, HEADER_TOP + 2 * ROW_HEIGHT);
	} else {
		svg_box(out, bit_edge(from), bit_edge(from + 16), HEADER_TOP + 2 * ROW_HEIGHT,
			ROW_HEIGHT, "#fff");
		svg_text(out, middle, HEADER_TOP + 2 * ROW_HEIGHT + 20, "middle",
			 "? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ?");
	}
}

static void header(struct str *out, const struct figure_port *figure)
{
	struct str name = STR_INIT(LINE_MAX_BYTES);
	struct str value = STR_INIT(LINE_MAX_BYTES);
	char number[NUMBER_TEXT_BYTES];
	bool known = figure->client_port != 0;
	svg_text(out, bit_edge(0), HEADER_TOP - 8, "bit", "0");
	svg_text(out, bit_edge(16), HEADER_TOP - 8, "bit", "16");
	svg_text(out, bit_edge(32), HEADER_TOP - 8, "end", "31");
	(void)snprintf(number, sizeof(number), "%u", figure->client_port);
	const struct message_argument argument = { "port", number };
	figure_words(&name, figure->language, "figure-source-port", NULL, 0);
	figure_words(&value, figure->language, known ? "figure-source-value" : "figure-source-any",
		     &argument, 1);
	field(out, 0, str_text(&name), str_text(&value), known, figure->client_port);
	str_clear(&name);
	figure_words(&name, figure->language, "figure-destination-port", NULL, 0);
	(void)snprintf(number, sizeof(number), "%u", figure->port);
	field(out, 16, str_text(&name), number, true, figure->port);
	str_deinit(&name);
	str_deinit(&value);
}

static void footnotes(struct str *out, const struct figure_port *figure)
{
	enum { TOP = HEADER_TOP + 3 * ROW_HEIGHT + 28 };
	struct str words = STR_INIT(LINE_MAX_BYTES);
	struct str next = STR_INIT(LINE_MAX_BYTES);
	/* A sum of many powers of two is wider than the drawing. */
	bool many = __builtin_popcount(figure->port) > 8;
	figure_sum_words(&words, figure->language, figure->port,
			 many ? "figure-sum-short" : "figure-sum");
	svg_text(out, LEFT * 100, TOP, "label", str_text(&words));
	str_clear(&words);
	figure_words(&next, figure->language, figure_after(figure->protocol), NULL, 0);
	const struct message_argument argument = { "next", str_text(&next) };
	figure_words(&words, figure->language, "figure-after", &argument, 1);
	svg_text(out, LEFT * 100, TOP + 26, "label", str_text(&words));
	str_deinit(&words);
	str_deinit(&next);
}

int figure_port_svg(struct str *out, const struct figure_port *figure)
{
	struct str name = STR_INIT(LINE_MAX_BYTES);
	struct str words = STR_INIT(LINE_MAX_BYTES);
	figure_port_words(&name, figure);
	const struct message_argument argument = { "port", str_text(&name) };
	opening(out, figure, str_text(&name));
	figure_words(&words, figure->language, "figure-place-svg", &argument, 1);
	svg_text(out, LEFT * 100, 36, "heading", str_text(&words));
	ruler_svg(out, figure->language, RULER_TOP);
	pointer(out, figure);
	ruler_ephemeral_svg(out, figure->language, figure->ephemeral, RULER_TOP);
	str_clear(&words);
	figure_header_words(&words, figure);
	svg_text(out, LEFT * 100, HEADER_TOP - 34, "heading", str_text(&words));
	header(out, figure);
	footnotes(out, figure);
	(void)svg_close(out);
	int error = name.error;
	str_deinit(&name);
	str_deinit(&words);
	return out->error != 0 ? out->error : error;
}
