/* The figures of the lesson, as text and as SVG files. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "learn.h"
#include "words.h"

enum {
	FIGURE_MAX_BYTES = 1 << 20,
	PATH_BYTES = 4096,
	DOORS_MAX = 6, /* more do not make it clearer */
};

static int add_exchange(struct str *out, const struct lesson_exchange *exchange, bool svg)
{
	return str_add(out, str_text(svg ? &exchange->svg : &exchange->text));
}

static int add_risks(struct str *out, const struct lesson *lesson, bool svg)
{
	const struct figure_risks figure = { .language = lesson->context->language,
					     .risks = lesson->risks.items,
					     .count = lesson->risks.count };
	return svg ? figure_risks_svg(out, &figure)
		   : figure_risks_text(out, &figure, &lesson->context->out_style);
}

/* The port that two programs wanted on loopback, and what else listens there. */
static int add_doors(struct str *out, const struct lesson *lesson, bool svg)
{
	struct figure_door doors[DOORS_MAX];
	size_t count = 0;
	uint64_t more = 0;
	if (lesson->tried_port != 0) {
		doors[count++] = (struct figure_door){ .port = lesson->tried_port,
						       .protocol = PROTOCOL_TCP,
						       .program = _("program 1"),
						       .refused = _("program 2") };
	}
	for (size_t i = 0; lesson->looked && i < lesson->inventory.listeners.count; i++) {
		const struct listener *l = &lesson->inventory.listeners.items[i];
		const struct process *process = inventory_listener_process(&lesson->inventory, l);
		const bool again = count > 0 && doors[count - 1].port == l->port &&
				   doors[count - 1].protocol == l->protocol;
		if (process == NULL || again || !inventory_is_host(&lesson->inventory, l->netns) ||
		    (!addr_is_any(&l->address) &&
		     addr_exposure(&l->address) != EXPOSURE_LOOPBACK)) {
			continue;
		}
		if (count == DOORS_MAX) {
			more++;
			continue;
		}
		doors[count++] = (struct figure_door){ .port = l->port,
						       .protocol = l->protocol,
						       .program = process->name };
	}
	const struct figure_doors figure = { .language = lesson->context->language,
					     .address = "127.0.0.1",
					     .doors = doors,
					     .count = count,
					     .more = more };
	return count == 0 ? 0
	       : svg      ? figure_doors_svg(out, &figure)
			  : figure_doors_text(out, &figure);
}

static int add_ranges(struct str *out, const struct lesson *lesson, bool svg)
{
	VEC(struct figure_ranges_mark) marks = { 0 };
	for (size_t i = 0; lesson->looked && i < lesson->inventory.listeners.count; i++) {
		const struct listener *l = &lesson->inventory.listeners.items[i];
		const struct process *process = inventory_listener_process(&lesson->inventory, l);
		struct figure_ranges_mark *mark =
			inventory_is_host(&lesson->inventory, l->netns) ? vec_push(&marks) : NULL;
		if (mark != NULL) {
			*mark = (struct figure_ranges_mark){ l->port, l->protocol,
							     process != NULL ? process->name
									     : NULL };
		}
	}
	const struct figure_ranges figure = { .language = lesson->context->language,
					      .ascii = lesson->context->out_style.ascii,
					      .ephemeral = lesson->inventory.ephemeral,
					      .marks = marks.items,
					      .count = marks.count,
					      .marks_known = lesson->looked };
	const int r = svg ? figure_ranges_svg(out, &figure) : figure_ranges_text(out, &figure);
	vec_free(&marks);
	return r;
}

int lesson_figure(struct str *out, const struct lesson *lesson, enum learn_figure figure, bool svg)
{
	switch (figure) {
	case LEARN_FIGURE_HEADER:
		return !lesson->has_connection ? 0
		       : svg                   ? figure_port_svg(out, &lesson->header)
					       : figure_port_text(out, &lesson->header);
	case LEARN_FIGURE_TCP:
		return add_exchange(out, &lesson->tcp, svg);
	case LEARN_FIGURE_UDP:
		return add_exchange(out, &lesson->udp, svg);
	case LEARN_FIGURE_RISKS:
		return add_risks(out, lesson, svg);
	case LEARN_FIGURE_DOORS:
		return add_doors(out, lesson, svg);
	case LEARN_FIGURE_RANGES:
		return add_ranges(out, lesson, svg);
	case LEARN_FIGURE_NAT:
		return lesson_nat_figure(out, lesson, svg);
	case LEARN_FIGURE_SCAN:
		return str_add(out, svg ? lesson->scan.svg : lesson->scan.figure);
	case LEARN_FIGURE_NONE:
	case LEARN_FIGURES:
		break;
	}
	return 0;
}

int lesson_write_figures(const struct lesson *lesson, const char *directory, size_t *count)
{
	struct err e = ERR_INIT;
	char path[PATH_BYTES];
	int code = EXIT_IN_ORDER;
	*count = 0;
	if (mkdir(directory, 0777) < 0 && errno != EEXIST) {
		(void)err_system(&e, errno, _("cannot write %s"), directory);
		complain(lesson->context, err_text(&e), NULL);
		return EXIT_ERROR;
	}
	for (int i = LEARN_FIGURE_NONE + 1; code == EXIT_IN_ORDER && i < LEARN_FIGURES; i++) {
		struct str svg = STR_INIT(FIGURE_MAX_BYTES);
		(void)lesson_figure(&svg, lesson, (enum learn_figure)i, true); /* kept there */
		if (svg.error < 0 || svg.length > 0) {
			(void)snprintf(path, sizeof(path), "%s/learn-%s.svg", directory,
				       learn_figure_name((enum learn_figure)i));
			code = write_figure(lesson->context, path, &svg);
			*count += code == EXIT_IN_ORDER;
		}
		str_deinit(&svg);
	}
	return code;
}
