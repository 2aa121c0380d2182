/* What the text and the SVG form of the map share; private to lib/figure. */
#pragma once

#include "figure/words.h"

enum { MAP_PORTS = 65536, MAP_LINE_BYTES = 1024 };

/* The numbers of all marks. */
void map_listening(struct portset *out, const struct figure_map *figure);
/* What is to be said of a number: the worst kind of its marks. */
enum figure_mark_kind map_kind(const struct figure_map *figure, uint16_t port);
/* "22/tcp sshd", harmless, the name cut to `columns`, at least 2. Appends. */
void map_mark_words(struct str *out, const struct figure_mark *mark, size_t columns);
/* How many listen, and how many of them no policy declares. Appends. */
void map_title(struct str *out, const struct figure_map *figure);
/* The sentence about the ephemeral range; nothing when it is not known. Appends. */
void map_ephemeral(struct str *out, const struct figure_map *figure);

/* ---- the SVG form's marks (map_marks.c) ---- */

enum {
	MAP_LEFT = 64, /* of the square in the drawing */
	MAP_TOP = 44,
	MAP_SCALE = 2, /* units for a port */
	MAP_SIDE = 256 * MAP_SCALE,
	MAP_NAME_UP = 10,     /* the name of a class above the end of its band */
	MAP_NAME_WIDTH = 275, /* what it takes at most, with the gap at the side */
};

/* Draws all that listens or is declared. @return whether all of it was drawn. */
bool map_draw_marks(struct str *out, const struct figure_map *figure);
/* One marker with its letter, its middle at a place of the drawing. */
void map_draw_letter(struct str *out, enum figure_mark_kind kind, const char *letter, int x, int y);
