/* The inventory as one JSON document, for machines. */
#include "ports_json.h"

#include "judge.h"
#include "view/view.h"

enum { FLUSH_BYTES = 64 * 1024, ROW_BYTES_MAX = 1 << 26 };

struct printing {
	const struct inventory *inventory;
	const struct ports_filter *filter;
	struct view view;
	struct view_writer writer;
	struct str text;
	int code;
};

/* Lets go of what is written, now and then. */
static void flush(struct printing *printing, size_t at_least)
{
	if (printing->code == EXIT_IN_ORDER &&
	    (printing->text.error != 0 || printing->text.length >= at_least)) {
		printing->code = print_text(&printing->text);
		str_clear(&printing->text);
	}
}

static void row(struct printing *printing, json_t *view)
{
	view_row(&printing->writer, view);
	flush(printing, FLUSH_BYTES);
}

static void listeners(struct printing *printing)
{
	const struct inventory *inventory = printing->inventory;
	view_list_begin(&printing->writer, "ports");
	for (uint32_t i = 0; i < inventory->listeners.count; i++) {
		if (filter_listener(printing->filter, inventory, &inventory->listeners.items[i])) {
			row(printing, view_listener(&printing->view, inventory, i));
		}
	}
	view_list_end(&printing->writer);
}

static void published(struct printing *printing)
{
	const struct inventory *inventory = printing->inventory;
	view_list_begin(&printing->writer, "published");
	for (uint32_t i = 0; i < inventory->published.count; i++) {
		if (filter_published(printing->filter, inventory, &inventory->published.items[i])) {
			row(printing, view_published(&printing->view, inventory, i));
		}
	}
	view_list_end(&printing->writer);
}

static void connected(struct printing *printing)
{
	const struct inventory *inventory = printing->inventory;
	view_list_begin(&printing->writer, "connections");
	for (uint32_t i = 0; i < inventory->connections.count; i++) {
		if (filter_connection(printing->filter, inventory,
				      &inventory->connections.items[i])) {
			row(printing, view_connection(&printing->view, inventory, i));
		}
	}
	view_list_end(&printing->writer);
}

static void document(struct printing *printing, bool indent, bool connections)
{
	const struct inventory *inventory = printing->inventory;
	struct view_writer *writer = &printing->writer;
	view_begin(writer, &printing->text, inventory->time, indent);
	view_member(writer, "hostname", view_string(inventory->hostname));
	view_member(writer, "ephemeral",
		    json_pack("{s:i, s:i}", "first", inventory->ephemeral.first, "last",
			      inventory->ephemeral.last));
	listeners(printing);
	published(printing);
	if (connections) {
		connected(printing);
	}
	view_member(writer, "coverage", view_coverage(inventory));
	view_end(writer);
	flush(printing, 0);
}

int ports_json(const struct context *context, const struct inventory *inventory,
	       const struct ports_filter *filter, bool connections)
{
	struct judgement judgement;
	int code = judge_policy(&judgement, context);
	if (code == EXIT_IN_ORDER) {
		struct printing printing = {
			.inventory = inventory,
			.filter = filter,
			.view = { .language = context->language,
				  .policy = judgement_policy(&judgement) },
			.text = STR_INIT(ROW_BYTES_MAX),
			.code = EXIT_IN_ORDER,
		};
		document(&printing, context->out_terminal, connections);
		str_deinit(&printing.text);
		code = printing.code;
	}
	judgement_deinit(&judgement);
	return code;
}
