/* The world as a picture of text. */
#include <string.h>

#include "harbour/harbour.h"
#include "harbour/words.h"

enum { LINE_BYTES_MAX = 4096, INDENT = 3 };

struct drawing {
	struct str *out;
	const struct harbour *harbour;
	enum language language;
	const struct style *style;
	size_t columns;
};

static bool is_at(const struct harbour_machine *machine, uint32_t network, uint32_t *place)
{
	for (uint32_t i = 0; i < machine->place_count; i++) {
		if (machine->places[i].network == network) {
			*place = i;
			return true;
		}
	}
	return false;
}

static uint32_t last_at(const struct harbour *harbour, uint32_t network)
{
	uint32_t last = 0;
	for (uint32_t i = 0, place; i < harbour->machine_count; i++) {
		last = is_at(&harbour->machines[i], network, &place) ? i : last;
	}
	return last;
}

/* A text of several lines with the branch in front of each. */
static void add_block(const struct drawing *drawing, const char *branch, const char *text)
{
	struct str lines = STR_INIT(LINE_BYTES_MAX);
	text_wrap(&lines, text, drawing->columns - INDENT - 2, 0);
	const char *line = str_text(&lines);
	while (*line != '\0') {
		const size_t length = strcspn(line, "\n");
		str_printf(drawing->out, "%s  %.*s\n", branch, (int)length, line);
		line += length + (line[length] == '\n' ? 1 : 0);
	}
	str_deinit(&lines);
}

static void add_programs(const struct drawing *drawing, const struct harbour_machine *machine,
			 const char *branch)
{
	struct str line = STR_INIT(LINE_BYTES_MAX);
	for (uint32_t i = 0; i < machine->program_count; i++) {
		const struct harbour_program *program = &machine->programs[i];
		if (harbour_does_listen(program->does)) {
			str_printf(&line, "%s%s %u/tcp", line.length > 0 ? "  " : "", program->name,
				   program->port);
		} else {
			str_printf(&line, "%s%s -> %s", line.length > 0 ? "  " : "", program->name,
				   drawing->harbour->machines[program->to].name);
		}
	}
	add_block(drawing, branch, str_text(&line));
	str_deinit(&line);
}

static void add_machine(const struct drawing *drawing, uint32_t number, uint32_t network,
			uint32_t place)
{
	const struct harbour_machine *machine = &drawing->harbour->machines[number];
	const bool last = number == last_at(drawing->harbour, network);
	const bool ascii = drawing->style->ascii;
	const char *corner = ascii ? (last ? "`--" : "|--") : (last ? "└─ " : "├─ ");
	const char *branch = ascii ? (last ? "   " : "|  ") : (last ? "   " : "│  ");
	char address[ADDR_TEXT_BYTES];
	str_printf(drawing->out, "%s%s%s%s%s  %s\n", corner, ascii ? " " : "",
		   style_ink(drawing->style, INK_BOLD), machine->name,
		   style_ink(drawing->style, INK_PLAIN),
		   addr_format(&machine->places[place].address, address));
	if (place == 0) { /* in further networks its name says enough */
		const char *about = text_in(machine->about, drawing->language);
		add_block(drawing, branch, about == NULL ? "" : about);
		add_programs(drawing, machine, branch);
	}
}

void harbour_draw(struct str *out, const struct harbour *harbour, enum language language,
		  const struct style *style, size_t columns)
{
	const struct drawing drawing = { out, harbour, language, style,
					 columns < 40 ? 40 : columns };
	for (uint32_t n = 0; n < harbour->network_count; n++) {
		char prefix[PREFIX_TEXT_BYTES];
		str_printf(out, "%s%s  %s\n", n > 0 ? "\n" : "", harbour->networks[n].name,
			   prefix_format(&harbour->networks[n].prefix, prefix));
		for (uint32_t m = 0, place; m < harbour->machine_count; m++) {
			if (is_at(&harbour->machines[m], n, &place)) {
				add_machine(&drawing, m, n, place);
			}
		}
	}
}
