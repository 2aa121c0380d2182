/* The map of all ports, as text: a place for each 64 numbers, sixteen rows of 64 places. */
#include <stdio.h>
#include <string.h>

#include "catalog/catalog.h"
#include "figure/map.h"

enum {
	PLACES = 1024,
	PLACE_PORTS = MAP_PORTS / PLACES,
	ROW_PLACES = 64, /* so that the classes end where rows do, or a quarter of the first */
	LETTERS = 26,
	LISTED_LINES = 3, /* what FIGURE_MAP_LINES leaves */
	LISTED_COLUMNS = 3,
	COLUMN = 26,
	NAME_COLUMNS = 9,
	NO_LETTER = 255,
};

/* By class; the second with what says ephemeral. Braille: one column wide everywhere. */
static const char *const ascii_bands[PORT_CLASS_COUNT][2] = { { "=", "%" },
							      { ".", "-" },
							      { ":", "~" } };
static const char *const braille_bands[PORT_CLASS_COUNT][2] = { { "⠶", "⣶" },
								{ "⠂", "⣂" },
								{ "⠒", "⣒" } };

/* What a place shows. */
struct place {
	uint16_t listening; /* distinct numbers */
	uint8_t letter;     /* index, or NO_LETTER */
	bool undeclared;    /* one of them */
	bool declared;      /* the policy names a number in it */
};

struct map {
	const struct figure_map *figure;
	struct place places[PLACES];
	uint8_t letters; /* given */
	uint16_t of[LETTERS];
	size_t without; /* places that listen and have none */
};

static const char *band(const struct figure_map *figure, enum port_class class, bool ephemeral)
{
	return figure->style.ascii ? ascii_bands[class][ephemeral]
				   : braille_bands[class][ephemeral];
}

static void give_letters(struct map *map, size_t room)
{
	for (size_t i = 0; i < map->figure->count; i++) {
		const uint16_t at = map->figure->marks[i].port / PLACE_PORTS;
		struct place *place = &map->places[at];
		place->undeclared |= map->figure->marks[i].kind == FIGURE_MARK_UNDECLARED;
		if (place->letter == NO_LETTER && map->letters < room) {
			map->of[map->letters] = at;
			place->letter = map->letters++;
		}
	}
}

static void fill(struct map *map)
{
	struct portset listening;
	map_listening(&listening, map->figure);
	for (uint32_t i = 0; i < PLACES; i++) {
		map->places[i] = (struct place){ .letter = NO_LETTER };
	}
	for (int32_t port = portset_next(&listening, 0); port >= 0;
	     port = portset_next(&listening, (uint32_t)port + 1)) {
		map->places[port / PLACE_PORTS].listening++;
	}
	const struct portset *allowed = map->figure->allowed;
	for (uint32_t i = 0; allowed != NULL && i < PLACES; i++) {
		const int32_t next = portset_next(allowed, i * PLACE_PORTS);
		map->places[i].declared = next >= 0 && (uint32_t)next < (i + 1) * PLACE_PORTS;
	}
}

/* ---- the square ---- */

static enum ink place_ink(const struct place *place)
{
	if (place->listening == 0) {
		return place->declared ? INK_NOTE : INK_DIM;
	}
	return place->undeclared ? INK_WARN : INK_BOLD;
}

static void add_place(struct str *out, const struct map *map, uint32_t index)
{
	const struct place *place = &map->places[index];
	const struct port_range *range = &map->figure->ephemeral;
	const uint32_t first = index * PLACE_PORTS;
	if (place->letter != NO_LETTER) {
		(void)str_add_char(out, (char)((place->undeclared ? 'a' : 'A') + place->letter));
	} else if (place->listening > 0) {
		(void)str_add_char(out,
				   place->listening > 9 ? '9' : (char)('0' + place->listening));
	} else if (place->declared) {
		(void)str_add_char(out, '+');
	} else {
		const bool ephemeral = range->last != 0 && first <= range->last &&
				       first + PLACE_PORTS > range->first;
		(void)str_add(out, band(map->figure, port_class((uint16_t)first), ephemeral));
	}
}

static void rows(struct str *out, const struct map *map)
{
	const struct style *style = &map->figure->style;
	for (uint32_t i = 0; i < PLACES; i++) {
		const bool begins = i % ROW_PLACES == 0;
		const bool ends = i % ROW_PLACES == ROW_PLACES - 1;
		const enum ink ink = place_ink(&map->places[i]);
		if (begins) {
			(void)str_printf(out, "%5u |", i * PLACE_PORTS);
		}
		if (begins || ink != place_ink(&map->places[i - 1])) {
			(void)str_add(out, style_ink(style, ink));
		}
		add_place(out, map, i);
		if (ends || ink != place_ink(&map->places[i + 1])) {
			(void)str_add(out, style_ink(style, INK_PLAIN));
		}
		if (ends) {
			(void)str_add(out, "|\n");
		}
	}
}

/* ---- below it ---- */

static void legend(struct str *out, const struct figure_map *figure)
{
	for (int class = 0; class < PORT_CLASS_COUNT; class ++) {
		(void)str_printf(out, "%s%s %s %u-%u", class > 0 ? "   " : "",
				 band(figure, class, false),
				 text_in(port_class_title(class), figure->language),
				 port_class_first(class), port_class_last(class));
	}
	(void)str_add_char(out, '\n');
	if (figure->ephemeral.last != 0) {
		(void)str_printf(out, "%s %s ", band(figure, PORT_CLASS_USER, true),
				 band(figure, PORT_CLASS_DYNAMIC, true));
		map_ephemeral(out, figure);
		(void)str_add_char(out, '\n');
	}
	figure_words(out, figure->language,
		     figure->allowed != NULL ? "figure-map-signs-policy" : "figure-map-signs", NULL,
		     0);
	(void)str_add_char(out, '\n');
}

/* What stands for a place in the list: what makes its letter a small one, if anything does. */
static const struct figure_mark *first_of(const struct map *map, uint16_t place)
{
	const bool undeclared = map->places[place].undeclared;
	for (size_t i = 0; i < map->figure->count; i++) {
		const struct figure_mark *mark = &map->figure->marks[i];
		if (mark->port / PLACE_PORTS == place &&
		    (!undeclared || mark->kind == FIGURE_MARK_UNDECLARED)) {
			return mark;
		}
	}
	return NULL; /* no letter is given without one */
}

static char letter_of(const struct map *map, size_t index)
{
	const struct place *place = &map->places[map->of[index]];
	return (char)((place->undeclared ? 'a' : 'A') + (int)index);
}

/* "A 22/tcp sshd +2": the first of the place, and how many numbers more. */
static void entry(struct str *out, const struct map *map, size_t index)
{
	const struct figure_mark *mark = first_of(map, map->of[index]);
	const uint16_t listening = map->places[map->of[index]].listening;
	(void)str_printf(out, "%c ", letter_of(map, index));
	map_mark_words(out, mark, NAME_COLUMNS);
	if (listening > 1) {
		(void)str_printf(out, " +%u", listening - 1);
	}
}

/* How many places have no letter. */
static void without(struct str *out, const struct map *map, const char *id)
{
	char count[NUMBER_TEXT_BYTES];
	(void)snprintf(count, sizeof(count), "%zu", map->without);
	const struct message_argument argument = { "count", count };
	figure_words(out, map->figure->language, id, &argument, 1);
}

static void columns(struct str *out, const struct map *map)
{
	size_t shown = map->letters;
	const size_t slots = shown + (map->without > 0);
	const size_t lines = (slots + LISTED_COLUMNS - 1) / LISTED_COLUMNS;
	for (size_t line = 0; line < lines; line++) {
		size_t owed = 0;
		for (size_t at = line; at < slots; at += lines) {
			struct str one = STR_INIT(MAP_LINE_BYTES);
			if (at < shown) {
				entry(&one, map, at);
			} else {
				without(&one, map, "figure-map-more");
			}
			(void)str_printf(out, "%*s%s", (int)owed, "", str_text(&one));
			const size_t width = text_width(str_text(&one));
			owed = width < COLUMN ? COLUMN - width : 1;
			str_deinit(&one);
		}
		(void)str_add_char(out, '\n');
	}
}

/* Every port of a letter, the letters one below the other. */
static void list_all(struct str *out, const struct map *map)
{
	const struct figure_map *figure = map->figure;
	for (size_t index = 0; index < map->letters; index++) {
		struct str line = STR_INIT((size_t)64 * MAP_LINE_BYTES);
		const char *before = "";
		for (size_t i = 0; i < figure->count; i++) {
			if (figure->marks[i].port / PLACE_PORTS == map->of[index]) {
				(void)str_add(&line, before);
				map_mark_words(&line, &figure->marks[i], FIGURE_TEXT_COLUMNS / 2);
				before = ", ";
			}
		}
		(void)str_printf(out, "%c ", letter_of(map, index));
		text_wrap(out, str_text(&line), FIGURE_TEXT_COLUMNS - 2, 2);
		(void)str_add_char(out, '\n');
		str_deinit(&line);
	}
}

int figure_map_text(struct str *out, const struct figure_map *figure)
{
	struct map map = { .figure = figure };
	size_t occupied = 0;
	fill(&map);
	for (size_t i = 0; i < PLACES; i++) {
		occupied += map.places[i].listening > 0;
	}
	/* The last slot says how many more there are. */
	const size_t slots = (size_t)LISTED_LINES * LISTED_COLUMNS;
	give_letters(&map, figure->all ? LETTERS : occupied > slots ? slots - 1 : slots);
	map.without = occupied - map.letters;
	map_title(out, figure);
	(void)str_add_char(out, '\n');
	rows(out, &map);
	legend(out, figure);
	if (figure->all) {
		list_all(out, &map);
		if (map.without > 0) {
			without(out, &map, "figure-map-unlisted");
			(void)str_add_char(out, '\n');
		}
	} else {
		columns(out, &map);
	}
	return out->error;
}
