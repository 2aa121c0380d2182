/* The 65,536 numbers as one line of marks; private to lib/figure. */
#pragma once

#include "figure/figure.h"
#include "figure/svg.h"

enum {
	RULER_MARKS = 64,
	RULER_MARK_PORTS = 1024, /* numbers per mark: the classes end exactly between marks */
	RULER_LEFT = 2,          /* columns before the boxes */
};

/* Column of a number on the ruler of text, counted from the start of the line. */
unsigned ruler_column(uint16_t port);

/* Appends that many spaces. */
void ruler_spaces(struct str *out, size_t count);

/* Appends the ruler and its legend, a class in each fill. @param ascii  no Braille. */
void ruler_text(struct str *out, enum language language, bool ascii);

/* Appends the range below the ruler and the sentence about it; nothing when it is not known. */
void ruler_ephemeral_text(struct str *out, enum language language, struct port_range ephemeral);

/* ---- the same as SVG: units of the drawing ---- */

enum {
	RULER_SVG_LEFT = 40,
	RULER_SVG_WIDTH = 720,
	RULER_SVG_HEIGHT = 56,
};

/* Where a number begins, in hundredths of a unit from the left edge. @param port  0..65536 */
unsigned ruler_across(uint32_t port);

/* The three classes as labelled boxes. @param top  y of their upper edge. */
void ruler_svg(struct str *out, enum language language, unsigned top);

/* The range as a bar below a ruler at `top`, and its sentence; nothing when it is not known. */
void ruler_ephemeral_svg(struct str *out, enum language language, struct port_range ephemeral,
			 unsigned top);
