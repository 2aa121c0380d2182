/* What every SVG drawing is made of; private to lib/figure. */
#pragma once

#include <stdbool.h>

#include "base/str.h"
#include "text/text.h"

/* What stands before the first line of a drawing. */
struct svg_head {
	enum language language;
	unsigned width, height;
	const char *title, *description; /* for screen readers; escaped here */
	const char *style;               /* rules of CSS beside those of every figure */
};

/* Begins the document: title, description, styles, a white ground. */
void svg_open(struct str *out, const struct svg_head *head);

/* Ends it. @return 0 or the first error of `out`. */
int svg_close(struct str *out);

/* Appends text as character data of XML 1.0; characters that XML forbids become "?". */
void svg_escape(struct str *out, const char *text);

/* One line of text. @param x_hundredths  whole numbers keep the output free of locales. */
void svg_text(struct str *out, unsigned x_hundredths, unsigned y, const char *class,
	      const char *text);

/* A framed box. @param first,last  its sides, in hundredths of a unit from the left edge. */
void svg_box(struct str *out, unsigned first, unsigned last, unsigned y, unsigned height,
	     const char *colour);

/* An arrow that ends at (`to`, `y`), level. @param dashed  for what does not get through. */
void svg_arrow(struct str *out, unsigned from, unsigned to, unsigned y, const char *colour,
	       bool dashed);

/*
 * A paragraph from `y` on, broken into lines of at most `columns` columns. @param out  NULL: only
 * measured. @return the height it takes; 0 for no words.
 */
unsigned svg_lines(struct str *out, const char *words, size_t columns, unsigned x, unsigned y);
