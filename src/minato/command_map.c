/* minato map: all 65,536 ports of this host on one screen. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "catalog/catalog.h"
#include "command.h"
#include "judge.h"
#include "look.h"
#include "map_facts.h"
#include "observe/observe.h"
#include "page_file.h"
#include "view/view.h"
#include "words.h"

struct config {
	bool all, json;
	const char *svg; /* file to write; NULL = none */
};

#define FIELD(name) offsetof(struct config, name)

static const struct option options[] = {
	{ "all", 'a', OPTION_FLAG, FIELD(all), NULL,
	  N_("list every port below it, on more than one screen") },
	{ "svg", 0, OPTION_STRING, FIELD(svg), "FILE",
	  N_("write it as SVG instead, - is standard output") },
	{ "json", 'j', OPTION_FLAG, FIELD(json), NULL, N_("everything, for machines") },
};

/* ---- for machines ---- */

static json_t *ranges_json(const struct portset *set)
{
	json_t *list = json_array();
	int32_t first = portset_next(set, 0);
	while (first >= 0) {
		const int32_t last = portset_run_end(set, first);
		json_array_append_new(
			list, json_pack("{s:i,s:i}", "first_port", first, "last_port", last));
		first = portset_next(set, (uint32_t)last + 1);
	}
	return list;
}

static json_t *marks_json(const struct figure_map *figure)
{
	json_t *list = json_array();
	for (size_t i = 0; i < figure->count; i++) {
		const struct figure_mark *mark = &figure->marks[i];
		json_array_append_new(
			list,
			json_pack("{s:s,s:i,s:s,s:o,s:o}", "protocol",
				  protocol_name(mark->protocol), "port", (int)mark->port, "class",
				  port_class_name(port_class(mark->port)), "declared",
				  mark->kind == FIGURE_MARK_PLAIN
					  ? json_null()
					  : json_boolean(mark->kind == FIGURE_MARK_DECLARED),
				  "name",
				  mark->name == NULL ? json_null() : view_string(mark->name)));
	}
	return list;
}

static int print_json(const struct context *context, const struct figure_map *figure)
{
	struct str out = STR_INIT(1 << 24);
	json_t *document = view_document(context->now);
	json_object_set_new(document, "hostname", view_string(figure->host));
	json_object_set_new(document, "ephemeral",
			    figure->ephemeral.last == 0
				    ? json_null()
				    : json_pack("{s:i,s:i}", "first", (int)figure->ephemeral.first,
						"last", (int)figure->ephemeral.last));
	json_object_set_new(document, "ports_declared",
			    figure->allowed == NULL ? json_null() : ranges_json(figure->allowed));
	json_object_set_new(document, "marks", marks_json(figure));
	(void)view_print(&out, document, context->out_terminal); /* kept in out.error */
	const int code = print_text(&out);
	str_deinit(&out);
	return code;
}

static int print_map(const struct context *context, const struct config *config,
		     const struct figure_map *figure)
{
	struct str out = STR_INIT(1 << 24);
	int code = EXIT_IN_ORDER;
	/* Both keep their error in `out`. */
	if (config->svg == NULL) {
		(void)figure_map_text(&out, figure);
		code = print_text(&out);
	} else {
		(void)figure_map_svg(&out, figure);
		code = page_file_write(context, config->svg, &out);
	}
	str_deinit(&out);
	return code;
}

static int draw(const struct context *context, const struct config *config,
		const struct inventory *inventory, const struct judgement *judgement)
{
	struct map_facts facts;
	int code = EXIT_ERROR;
	if (map_facts_find(&facts, inventory, judgement) < 0) {
		complain(context, strerror(ENOMEM), NULL);
	} else {
		struct figure_map figure = map_figure(&facts, context, inventory, judgement);
		figure.all = config->all;
		code = config->json ? print_json(context, &figure)
				    : print_map(context, config, &figure);
	}
	map_facts_deinit(&facts);
	return code;
}

static int run(const struct context *context, const void *given, const char *const *arguments,
	       unsigned count)
{
	(void)arguments, (void)count; /* none are taken */
	struct inventory inventory;
	int code = look_or_complain(&inventory, context,
				    OBSERVE_OWNERS | OBSERVE_ALL_NETNS | OBSERVE_PUBLISHED |
					    OBSERVE_DETAILS);
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	struct judgement judgement;
	code = judge(&judgement, context, &inventory);
	if (code == EXIT_IN_ORDER) {
		code = draw(context, given, &inventory, &judgement);
		complain_of_coverage(context, &inventory);
	}
	judgement_deinit(&judgement);
	inventory_deinit(&inventory);
	return code;
}

static const char *const examples[] = {
	"minato map",
	N_("where this host's ports sit among all numbers"),
	"minato map --all",
	N_("with every port named below it"),
	"minato map --svg map.svg",
	N_("the same as a drawing, 256 numbers in a row"),
	NULL,
};

const struct command command_map = {
	.name = "map",
	.summary = N_("all 65,536 ports on one screen: what listens, what is declared"),
	.description =
		N_("Each place stands for 64 numbers. Letters mark places where something listens, "
		   "the most dangerous first; a small letter means that the policy does not "
		   "declare it. A file is replaced as a whole and is readable by its owner alone."),
	.examples = examples,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.run = run,
};
