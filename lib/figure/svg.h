/* What every SVG drawing is made of; private to lib/figure. */
#pragma once

#include "base/str.h"

/* Appends text as character data of XML 1.0; characters that XML forbids become "?". */
void svg_escape(struct str *out, const char *text);

/* One line of text. @param x_hundredths  whole numbers keep the output free of locales. */
void svg_text(struct str *out, unsigned x_hundredths, unsigned y, const char *class,
	      const char *text);
