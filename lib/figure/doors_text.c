/* One address and its doors, as text. */
#include "figure/doors.h"

enum {
	LINE_MAX_BYTES = 1024,
	ADDRESS = 24, /* columns, at most: a longer one stands in a line of its own */
};

static void fill(struct str *out, size_t count)
{
	(void)str_printf(out, "%*s", (int)count, "");
}

/* What stands before the doors, and where what is in them begins. */
struct trunk {
	const char *address;
	size_t columns; /* of the address */
	size_t port;    /* of the widest port */
};

/* One line: what stands before the trunk, then the way to a program. */
static void line(struct str *out, const struct trunk *trunk, const char *branch,
		 const struct str *port, const char *arrow, struct str *program)
{
	const size_t before = 2 + trunk->columns + text_width(branch);
	const size_t used = before + 4 + trunk->port + text_width(arrow);
	const size_t width = text_width(str_text(port));
	(void)str_printf(out, "%s[ %s", branch, str_text(port));
	fill(out, trunk->port - width);
	(void)str_printf(out, " ]%s", arrow);
	figure_cut(program, FIGURE_TEXT_COLUMNS - used);
	(void)str_printf(out, "%s\n", str_text(program));
}

/* The address before the first door, its columns before the others. */
static void before(struct str *out, const struct trunk *trunk, bool first)
{
	const char *address = first ? trunk->address : "";
	(void)str_printf(out, "  %s", address);
	fill(out, trunk->columns - text_width(address));
}

static void door(struct str *out, const struct figure_doors *figure, size_t index,
		 const struct trunk *trunk)
{
	const struct figure_door *door = &figure->doors[index];
	struct str port = STR_INIT(LINE_MAX_BYTES);
	struct str program = STR_INIT(LINE_MAX_BYTES);
	doors_port(&port, door);
	doors_program(&program, figure, door);
	before(out, trunk, index == 0);
	line(out, trunk, index == 0 ? " ---+--" : "    +--", &port,
	     door->program != NULL ? " ---> " : "      ", &program);
	if (door->refused != NULL) {
		str_clear(&program);
		doors_refused(&program, figure, door);
		before(out, trunk, false);
		line(out, trunk, index + 1 < figure->count ? "    |  " : "       ", &port,
		     " x---  ", &program);
	}
	str_deinit(&port);
	str_deinit(&program);
}

static size_t widest_port(const struct figure_doors *figure)
{
	struct str port = STR_INIT(LINE_MAX_BYTES);
	size_t widest = 0;
	for (size_t i = 0; i < figure->count; i++) {
		str_clear(&port);
		doors_port(&port, &figure->doors[i]);
		widest = port.length > widest ? port.length : widest;
	}
	str_deinit(&port);
	return widest;
}

int figure_doors_text(struct str *out, const struct figure_doors *figure)
{
	struct str words = STR_INIT(LINE_MAX_BYTES);
	struct str address = STR_INIT(LINE_MAX_BYTES);
	doors_title(&words, figure);
	figure_heading(out, str_text(&words));
	text_escape(&address, figure->address);
	if (text_width(str_text(&address)) > ADDRESS) {
		(void)str_printf(out, "  %s\n", str_text(&address));
		str_clear(&address);
	}
	const struct trunk trunk = { str_text(&address), text_width(str_text(&address)),
				     widest_port(figure) };
	for (size_t i = 0; i < figure->count; i++) {
		door(out, figure, i, &trunk);
	}
	(void)str_add(out, figure->count > 0 ? "\n" : "");
	str_clear(&words);
	doors_why(&words, figure);
	figure_paragraph(out, str_text(&words));
	str_deinit(&words);
	str_deinit(&address);
	return out->error;
}
