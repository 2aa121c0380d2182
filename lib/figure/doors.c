/* Words that the text and the SVG form of the doors share. */
#include "figure/doors.h"

#include <stdio.h>

enum { WORD_MAX_BYTES = 1024 };

void doors_title(struct str *out, const struct figure_doors *figure)
{
	const struct message_argument argument = { "address", figure->address };
	figure_words(out, figure->language, "figure-doors", &argument, 1);
}

void doors_port(struct str *out, const struct figure_door *door)
{
	(void)str_printf(out, "%u/%s", door->port, protocol_name(door->protocol));
}

void doors_program(struct str *out, const struct figure_doors *figure,
		   const struct figure_door *door)
{
	if (door->program != NULL) {
		text_escape(out, door->program);
	} else {
		figure_words(out, figure->language, "figure-doors-nobody", NULL, 0);
	}
}

void doors_refused(struct str *out, const struct figure_doors *figure,
		   const struct figure_door *door)
{
	const struct message_argument argument = { "program", door->refused };
	figure_words(out, figure->language, "figure-doors-refused", &argument, 1);
}

size_t doors_lines(const struct figure_doors *figure)
{
	size_t lines = figure->count;
	for (size_t i = 0; i < figure->count; i++) {
		lines += figure->doors[i].refused != NULL;
	}
	return lines;
}

/* Japanese needs no space between sentences. */
static void sentence(struct str *out, enum language language, const char *id, uint64_t number)
{
	char count[NUMBER_TEXT_BYTES * 2];
	const struct message_argument argument = { "count", count };
	(void)snprintf(count, sizeof(count), "%llu", (unsigned long long)number);
	(void)str_add(out, out->length > 0 && language != LANGUAGE_JA ? " " : "");
	figure_words(out, language, id, &argument, 1);
}

void doors_why(struct str *out, const struct figure_doors *figure)
{
	sentence(out, figure->language, "figure-doors-why", 0);
	if (doors_lines(figure) > figure->count) {
		sentence(out, figure->language, "figure-doors-taken", 0);
	}
	if (figure->more > 0) {
		sentence(out, figure->language, "figure-doors-more", figure->more);
	}
}
