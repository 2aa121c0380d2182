/* The marks of the SVG map: what is declared, what listens, and the markers with letters. */
#include <stdlib.h>

#include "catalog/catalog.h"
#include "figure/map.h"
#include "figure/svg.h"

enum {
	ROW = 256,        /* numbers in a row */
	RUNS_MAX = 2000,  /* of neighbouring numbers in one path: 24 kB */
	RINGS_MAX = 100,  /* around declared numbers that nothing else makes visible */
	RING_PORTS = 4,   /* longer runs are seen without */
	MARKER = 20,      /* height of a marker, and the distance that two keep */
	RINGS_AROUND = 9, /* of places tried around a number, each one marker further out */
};

/* ---- numbers as runs of rows ---- */

/* The run of numbers of a set that begins at `first`, within its row. */
static unsigned run_of(const struct portset *set, uint32_t first)
{
	unsigned length = 1;
	while ((first + length) % ROW != 0 && portset_has(set, (uint16_t)(first + length))) {
		length++;
	}
	return length;
}

/* One path of all numbers of a set, in units of one port. @return whether all of it found room. */
static bool draw_set(struct str *out, const struct portset *set, const char *class)
{
	unsigned runs = 0;
	int32_t port = portset_next(set, 0);
	if (port < 0) {
		return true;
	}
	(void)str_printf(out, "  <path class=\"%s\" transform=\"translate(%d %d) scale(%d)\" d=\"",
			 class, MAP_LEFT, MAP_TOP, MAP_SCALE);
	while (port >= 0 && runs < RUNS_MAX) {
		const unsigned length = run_of(set, (uint32_t)port);
		(void)str_printf(out, "M%d %d.5h%u", port % ROW, port / ROW, length);
		port = portset_next(set, (uint32_t)port + length);
		runs++;
	}
	(void)str_add(out, "\"/>\n");
	return port < 0;
}

static int across(uint32_t port)
{
	return MAP_LEFT + (int)(port % ROW) * MAP_SCALE + MAP_SCALE / 2;
}

static int down(uint32_t port)
{
	return MAP_TOP + (int)(port / ROW) * MAP_SCALE + MAP_SCALE / 2;
}

/* ---- declared, and nobody listens ---- */

/* Numbers from `first` on that the policy declares, one after the other. */
static uint32_t declared_run(const struct portset *allowed, uint32_t first)
{
	uint32_t length = 1;
	while (first + length < MAP_PORTS && portset_has(allowed, (uint16_t)(first + length))) {
		length++;
	}
	return length;
}

static void draw_rings(struct str *out, const struct portset *allowed, const struct portset *silent)
{
	unsigned rings = 0;
	int32_t port = portset_next(allowed, 0);
	while (port >= 0 && rings < RINGS_MAX) {
		const uint32_t first = (uint32_t)port;
		const uint32_t length = declared_run(allowed, first);
		const int32_t quiet = portset_next(silent, first);
		if (length < RING_PORTS && quiet >= 0 && (uint32_t)quiet < first + length) {
			(void)str_printf(
				out, "  <circle class=\"map-ring\" cx=\"%d\" cy=\"%d\" r=\"6\"/>\n",
				across((uint32_t)quiet), down((uint32_t)quiet));
			rings++;
		}
		port = portset_next(allowed, first + length);
	}
}

static bool draw_silent(struct str *out, const struct figure_map *figure)
{
	struct portset listening;
	struct portset silent = *figure->allowed;
	map_listening(&listening, figure);
	for (unsigned i = 0; i < MAP_PORTS / 64; i++) {
		silent.words[i] &= ~listening.words[i];
	}
	const bool all = draw_set(out, &silent, "map-silent");
	draw_rings(out, figure->allowed, &silent);
	return all;
}

/* ---- listening ---- */

static bool draw_listening(struct str *out, const struct figure_map *figure)
{
	static const char *const classes[] = {
		[FIGURE_MARK_PLAIN] = "map-point",
		[FIGURE_MARK_DECLARED] = "map-point map-declared-point",
		[FIGURE_MARK_UNDECLARED] = "map-point map-undeclared-point",
	};
	bool all = true;
	for (int kind = FIGURE_MARK_PLAIN; kind <= FIGURE_MARK_UNDECLARED; kind++) {
		struct portset set = { 0 };
		for (size_t i = 0; i < figure->count; i++) {
			if ((int)figure->marks[i].kind == kind) {
				portset_add(&set, figure->marks[i].port);
			}
		}
		all = draw_set(out, &set, classes[kind]) && all;
	}
	return all;
}

/* ---- markers ---- */

struct spot {
	int x, y;
	int half; /* of its width */
};

static int half_width(const char *letter)
{
	return letter[1] != '\0' ? 14 : 10;
}

/* Where the name of a class stands, at the lower right of its band. */
static bool covers_a_name(struct spot spot)
{
	static const enum port_class named[] = { PORT_CLASS_USER, PORT_CLASS_DYNAMIC };
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		const int bottom = MAP_TOP + (port_class_last(named[i]) + 1) / ROW * MAP_SCALE;
		if (spot.x + spot.half > MAP_LEFT + MAP_SIDE - MAP_NAME_WIDTH &&
		    abs(bottom - MAP_NAME_UP - 6 - spot.y) < MARKER) {
			return true;
		}
	}
	return false;
}

static bool is_free(const struct spot *taken, size_t count, struct spot spot)
{
	for (size_t i = 0; i < count; i++) {
		if (abs(taken[i].x - spot.x) < taken[i].half + spot.half &&
		    abs(taken[i].y - spot.y) < MARKER) {
			return false;
		}
	}
	/* Within the square; at its sides stand numbers. */
	return !covers_a_name(spot) && spot.x >= MAP_LEFT + spot.half &&
	       spot.x <= MAP_LEFT + MAP_SIDE && spot.y >= MAP_TOP && spot.y <= MAP_TOP + MAP_SIDE;
}

/* The place nearest to a number where no marker is yet: on it, else on squares around it. */
static struct spot place(const struct spot *taken, size_t count, struct spot wanted)
{
	struct spot best = wanted;
	int best_distance = is_free(taken, count, wanted) ? 0 : INT32_MAX;
	for (int row = -RINGS_AROUND; row <= RINGS_AROUND && best_distance > 0; row++) {
		for (int column = -RINGS_AROUND; column <= RINGS_AROUND; column++) {
			const struct spot spot = { wanted.x + column * (MARKER + 2),
						   wanted.y + row * MARKER, wanted.half };
			const int distance = row * row + column * column;
			if (distance < best_distance && is_free(taken, count, spot)) {
				best = spot;
				best_distance = distance;
			}
		}
	}
	return best;
}

void map_draw_letter(struct str *out, enum figure_mark_kind kind, const char *letter, int x, int y)
{
	const int half = half_width(letter);
	if (kind == FIGURE_MARK_UNDECLARED) {
		(void)str_printf(out,
				 "  <rect class=\"map-undeclared\" x=\"%d\" y=\"%d\" width=\"%d\" "
				 "height=\"18\"/>\n",
				 x - half + 1, y - 9, 2 * half - 2);
	} else {
		(void)str_printf(out,
				 "  <rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" "
				 "height=\"18\" rx=\"9\"/>\n",
				 kind == FIGURE_MARK_DECLARED ? "map-declared" : "map-plain",
				 x - half + 1, y - 9, 2 * half - 2);
	}
	svg_text(out, (unsigned)x * 100, (unsigned)y + 5,
		 kind == FIGURE_MARK_DECLARED ? "map-letter map-light" : "map-letter", letter);
}

static void draw_letters(struct str *out, const struct figure_map *figure)
{
	uint16_t ports[FIGURE_MAP_LETTERS];
	struct spot spots[FIGURE_MAP_LETTERS];
	const size_t count = figure_map_letters(ports, figure);
	for (size_t i = 0; i < count; i++) {
		char letter[3];
		const struct spot wanted = { across(ports[i]), down(ports[i]),
					     half_width(figure_letter(letter, i)) };
		spots[i] = place(spots, i, wanted);
		if (spots[i].x != wanted.x || spots[i].y != wanted.y) {
			(void)str_printf(out, "  <path class=\"map-leader\" d=\"M%d %dL%d %d\"/>\n",
					 wanted.x, wanted.y, spots[i].x, spots[i].y);
		}
	}
	for (size_t i = 0; i < count; i++) {
		char letter[3];
		map_draw_letter(out, map_kind(figure, ports[i]), figure_letter(letter, i),
				spots[i].x, spots[i].y);
	}
}

bool map_draw_marks(struct str *out, const struct figure_map *figure)
{
	bool all = figure->allowed == NULL || draw_silent(out, figure);
	all = draw_listening(out, figure) && all;
	draw_letters(out, figure);
	return all;
}
