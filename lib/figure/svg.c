/* What every SVG drawing is made of. */
#include "figure/svg.h"

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

void svg_text(struct str *out, unsigned x_hundredths, unsigned y, const char *class,
	      const char *text)
{
	(void)str_printf(out, "  <text x=\"%u.%02u\" y=\"%u\" class=\"%s\">", x_hundredths / 100,
			 x_hundredths % 100, y, class);
	svg_escape(out, text);
	(void)str_add(out, "</text>\n");
}
