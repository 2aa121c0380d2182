/* What the text and the SVG form of the three ranges share; private to lib/figure. */
#pragma once

#include "figure/figure.h"
#include "figure/ruler.h"

/* Which places of the ruler have listeners, and the letter of each. */
struct ranges_letters {
	char of[RULER_MARKS]; /* 0 = no listener; '+' = letters have run out */
	size_t beyond;        /* places that are marked '+' */
};

/* Finds the places. */
void ranges_letters(struct ranges_letters *out, const struct figure_ranges *figure);

/* "22/tcp sshd, 80/tcp nginx and 3 more": what listens at one place, lowest port first. Appends. */
void ranges_names(struct str *out, const struct figure_ranges *figure, unsigned place);

/* What the letters mean: one sentence; also when nothing listens. Appends; nothing if not known. */
void ranges_listening(struct str *out, const struct figure_ranges *figure);

/* How many places have no letter of their own. Appends; nothing when all have one. */
void ranges_beyond(struct str *out, const struct figure_ranges *figure,
		   const struct ranges_letters *letters);
