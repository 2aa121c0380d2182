/* What the text and the SVG form of the map share. */
#include "figure/map.h"

#include <stdio.h>

#include "text/text.h"

void map_listening(struct portset *out, const struct figure_map *figure)
{
	*out = (struct portset){ 0 };
	for (size_t i = 0; i < figure->count; i++) {
		portset_add(out, figure->marks[i].port);
	}
}

enum figure_mark_kind map_kind(const struct figure_map *figure, uint16_t port)
{
	enum figure_mark_kind worst = FIGURE_MARK_PLAIN;
	for (size_t i = 0; i < figure->count; i++) {
		const struct figure_mark *mark = &figure->marks[i];
		if (mark->port == port && mark->kind > worst) {
			worst = mark->kind;
		}
	}
	return worst;
}

void map_mark_words(struct str *out, const struct figure_mark *mark, size_t columns)
{
	(void)str_printf(out, "%u/%s", mark->port, protocol_name(mark->protocol));
	if (mark->name == NULL) {
		return;
	}
	struct str name = STR_INIT(MAP_LINE_BYTES);
	text_escape(&name, mark->name);
	const char *text = str_text(&name);
	const bool fits = text_width(text) <= columns;
	(void)str_add_char(out, ' ');
	(void)str_add_bytes(out, text, text_fit(text, fits ? columns : columns - 2));
	(void)str_add(out, fits ? "" : "..");
	str_deinit(&name);
}

void map_title(struct str *out, const struct figure_map *figure)
{
	enum { HOST_COLUMNS = 20 };
	struct portset all;
	struct portset undeclared = { 0 };
	char count[NUMBER_TEXT_BYTES];
	char not_declared[NUMBER_TEXT_BYTES];
	char host[4 * HOST_COLUMNS + 4];
	map_listening(&all, figure);
	for (size_t i = 0; i < figure->count; i++) {
		if (figure->marks[i].kind == FIGURE_MARK_UNDECLARED) {
			portset_add(&undeclared, figure->marks[i].port);
		}
	}
	const char *name = figure->host != NULL ? figure->host : "?";
	const int bytes = (int)text_fit(name, HOST_COLUMNS);
	(void)snprintf(host, sizeof(host), "%.*s%s", bytes, name, name[bytes] != '\0' ? ".." : "");
	(void)snprintf(count, sizeof(count), "%u", portset_count(&all));
	(void)snprintf(not_declared, sizeof(not_declared), "%u", portset_count(&undeclared));
	const struct message_argument arguments[] = {
		{ "host", host },
		{ "count", count },
		{ "undeclared", not_declared },
	};
	figure_words(out, figure->language,
		     figure->allowed != NULL ? "figure-map-title-policy" : "figure-map-title",
		     arguments, 3);
}

void map_ephemeral(struct str *out, const struct figure_map *figure)
{
	if (figure->ephemeral.last != 0) {
		figure_ephemeral_words(out, figure->language, figure->ephemeral);
	}
}

size_t figure_map_letters(uint16_t ports[FIGURE_MAP_LETTERS], const struct figure_map *figure)
{
	struct portset seen = { 0 };
	size_t count = 0;
	for (size_t i = 0; i < figure->count && count < FIGURE_MAP_LETTERS; i++) {
		const uint16_t port = figure->marks[i].port;
		if (!portset_has(&seen, port)) {
			portset_add(&seen, port);
			ports[count++] = port;
		}
	}
	return count;
}

const char *figure_letter(char out[3], size_t index)
{
	size_t length = 0;
	if (index >= 26) {
		out[length++] = 'A';
	}
	out[length++] = (char)('A' + (int)(index % 26));
	out[length] = '\0';
	return out;
}
