/* Words that the text and the SVG form of a ladder share; private to lib/figure. */
#pragma once

#include "figure/words.h"

/* "12.3 ms"; "" where nothing was measured. @return out. */
const char *ladder_time(char out[NUMBER_TEXT_BYTES * 2], const struct figure_ladder *figure,
			usec_t at);
/* The label, harmless. Appends. */
void ladder_label(struct str *out, const struct figure_ladder_row *row);
/* Where the rows come from. Appends. */
void ladder_source(struct str *out, const struct figure_ladder *figure);
/* How many are not drawn. Appends; nothing when all are. */
void ladder_more(struct str *out, const struct figure_ladder *figure);
/* The heading. Appends. */
void ladder_title(struct str *out, const struct figure_ladder *figure);
