/* What the text and the SVG form of the three ranges share. */
#include "figure/ranges.h"

#include <stdio.h>
#include <string.h>

#include "figure/words.h"

enum {
	LETTERS = 26,
	NAMES = 8, /* of one place */
};

static unsigned place_of(const struct figure_ranges_mark *mark)
{
	return mark->port / RULER_MARK_PORTS;
}

void ranges_letters(struct ranges_letters *out, const struct figure_ranges *figure)
{
	*out = (struct ranges_letters){ 0 };
	for (size_t i = 0; i < figure->count; i++) {
		out->of[place_of(&figure->marks[i])] = '+';
	}
	size_t given = 0;
	for (unsigned place = 0; place < RULER_MARKS; place++) {
		if (out->of[place] == 0) {
			continue;
		}
		if (given < LETTERS) {
			out->of[place] = (char)('A' + given++);
		} else {
			out->beyond++;
		}
	}
}

/* By port, then protocol, then name: an order in which the same ones are the same. */
static int compare(const struct figure_ranges_mark *a, const struct figure_ranges_mark *b)
{
	if (a->port != b->port) {
		return a->port < b->port ? -1 : 1;
	}
	if (a->protocol != b->protocol) {
		return a->protocol < b->protocol ? -1 : 1;
	}
	return strcmp(a->name != NULL ? a->name : "", b->name != NULL ? b->name : "");
}

/* The next mark of a place behind `last` (NULL: the first). @return NULL when there is none. */
static const struct figure_ranges_mark *next(const struct figure_ranges *figure, unsigned place,
					     const struct figure_ranges_mark *last)
{
	const struct figure_ranges_mark *best = NULL;
	for (size_t i = 0; i < figure->count; i++) {
		const struct figure_ranges_mark *mark = &figure->marks[i];
		if (place_of(mark) == place && (last == NULL || compare(mark, last) > 0) &&
		    (best == NULL || compare(mark, best) < 0)) {
			best = mark;
		}
	}
	return best;
}

static void counted(struct str *out, enum language language, const char *id, size_t count)
{
	char number[NUMBER_TEXT_BYTES * 2];
	(void)snprintf(number, sizeof(number), "%zu", count);
	const struct message_argument argument = { "count", number };
	figure_words(out, language, id, &argument, 1);
}

void ranges_names(struct str *out, const struct figure_ranges *figure, unsigned place)
{
	const struct figure_ranges_mark *mark = next(figure, place, NULL);
	size_t named = 0;
	for (; mark != NULL && named < NAMES; mark = next(figure, place, mark), named++) {
		(void)str_printf(out, "%s%u/%s", named > 0 ? ", " : "", mark->port,
				 protocol_name(mark->protocol));
		if (mark->name != NULL) {
			(void)str_add_char(out, ' ');
			text_escape(out, mark->name);
		}
	}
	size_t more = 0;
	for (; mark != NULL; mark = next(figure, place, mark)) {
		more++;
	}
	if (more > 0) {
		(void)str_add(out, ", ");
		counted(out, figure->language, "figure-ranges-more", more);
	}
}

void ranges_listening(struct str *out, const struct figure_ranges *figure)
{
	if (figure->marks_known) {
		figure_words(out, figure->language,
			     figure->count > 0 ? "figure-ranges-listening" : "figure-ranges-none",
			     NULL, 0);
	}
}

void ranges_beyond(struct str *out, const struct figure_ranges *figure,
		   const struct ranges_letters *letters)
{
	if (letters->beyond > 0) {
		counted(out, figure->language, "figure-ranges-beyond", letters->beyond);
	}
}
