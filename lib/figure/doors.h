/* Words that the text and the SVG form of the doors share; private to lib/figure. */
#pragma once

#include "figure/figure.h"
#include "figure/words.h"

/* The heading. Appends. */
void doors_title(struct str *out, const struct figure_doors *figure);
/* "80/tcp". Appends. */
void doors_port(struct str *out, const struct figure_door *door);
/* Who waits behind it, or that nobody does. Appends. */
void doors_program(struct str *out, const struct figure_doors *figure,
		   const struct figure_door *door);
/* Who was refused. Only for a door with one. Appends. */
void doors_refused(struct str *out, const struct figure_doors *figure,
		   const struct figure_door *door);
/* Lines of the drawing: one for a door, one for who was refused there. */
size_t doors_lines(const struct figure_doors *figure);
/* What the drawing says, and how many doors are missing. Appends. */
void doors_why(struct str *out, const struct figure_doors *figure);
