/* What every SVG drawing is made of. */
#include "figure/svg.h"

#include <string.h>

void svg_escape(struct str *out, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		if (c == '&') {
			(void)str_add(out, "&amp;");
		} else if (c == '<') {
			(void)str_add(out, "&lt;");
		} else if (c == '>') {
			(void)str_add(out, "&gt;");
		} else if (c == '"') {
			(void)str_add(out, "&quot;");
		} else {
			(void)str_add_char(out, c < ' ' || c == 0x7f ? '?' : *text);
		}
	}
}

void svg_open(struct str *out, const struct svg_head *head)
{
	(void)str_printf(out,
			 "<svg xmlns=\"http://www.w3.org/2000/svg\" xml:lang=\"%s\" "
			 "viewBox=\"0 0 %u %u\" role=\"img\" "
			 "aria-labelledby=\"title description\">\n"
			 "  <title id=\"title\">",
			 head->language == LANGUAGE_JA ? "ja" : "en", head->width, head->height);
	svg_escape(out, head->title);
	(void)str_add(out, "</title>\n  <desc id=\"description\">");
	svg_escape(out, head->description);
	(void)str_printf(out,
			 "</desc>\n"
			 "  <style>\n"
			 "    text { font: 15px \"Noto Sans\", \"Noto Sans CJK JP\", "
			 "\"Hiragino Sans\", \"Yu Gothic\", sans-serif; fill: #000 }\n"
			 "    .heading { font-size: 18px; font-weight: bold }\n"
			 "%s"
			 "    .end { text-anchor: end }\n"
			 "  </style>\n"
			 "  <rect width=\"%u\" height=\"%u\" fill=\"#fff\"/>\n",
			 head->style, head->width, head->height);
}

int svg_close(struct str *out)
{
	return str_add(out, "</svg>\n");
}

void svg_text(struct str *out, unsigned x_hundredths, unsigned y, const char *class,
	      const char *text)
{
	(void)str_printf(out, "  <text x=\"%u.%02u\" y=\"%u\" class=\"%s\">", x_hundredths / 100,
			 x_hundredths % 100, y, class);
	svg_escape(out, text);
	(void)str_add(out, "</text>\n");
}

void svg_box(struct str *out, unsigned first, unsigned last, unsigned y, unsigned height,
	     const char *colour)
{
	unsigned width = last - first;
	(void)str_printf(out,
			 "  <rect x=\"%u.%02u\" y=\"%u\" width=\"%u.%02u\" height=\"%u\" "
			 "fill=\"%s\" stroke=\"#000\"/>\n",
			 first / 100, first % 100, y, width / 100, width % 100, height, colour);
}

void svg_arrow(struct str *out, unsigned from, unsigned to, unsigned y, const char *colour,
	       bool dashed)
{
	const int tip = from < to ? -9 : 9;
	(void)str_printf(out,
			 "  <path d=\"M %u %u H %u\" stroke=\"%s\" stroke-width=\"2\"%s/>\n"
			 "  <path d=\"M %u %u l %d -5 v 10 z\" fill=\"%s\"/>\n",
			 from, y, to, colour, dashed ? " stroke-dasharray=\"6 4\"" : "", to, y, tip,
			 colour);
}

unsigned svg_lines(struct str *out, const char *words, size_t columns, unsigned x, unsigned y)
{
	enum { LINE_HEIGHT = 24, LINES_MAX_BYTES = 16384 };
	struct str wrapped = STR_INIT(LINES_MAX_BYTES);
	struct str piece = STR_INIT(LINES_MAX_BYTES);
	unsigned height = 0;
	text_wrap(&wrapped, words, columns, 0);
	for (const char *line = str_text(&wrapped); *line != '\0'; height += LINE_HEIGHT) {
		const size_t length = strcspn(line, "\n");
		if (out != NULL) {
			str_clear(&piece);
			(void)str_add_bytes(&piece, line, length);
			svg_text(out, x * 100, y + height, "label", str_text(&piece));
		}
		line += length + (line[length] == '\n');
	}
	str_deinit(&wrapped);
	str_deinit(&piece);
	return height;
}
