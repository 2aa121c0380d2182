/* The inventory as rows for people. */
#include "ports_rows.h"

#include <string.h>

#include "ports_list.h"
#include "words.h"

/* What there is room for. */
enum layout {
	LAYOUT_NARROW,
	LAYOUT_MEASURES, /* on a broad terminal: what to do about it, too */
	LAYOUT_WIDE,     /* every detail, however broad */
};

static const struct table_column narrow_columns[] = {
	{ N_("PORT"), ALIGN_RIGHT, 0, 0 },    { N_("ADDRESS"), ALIGN_LEFT, 9, 30 },
	{ N_("REACH"), ALIGN_LEFT, 12, 24 },  { N_("PROGRAM"), ALIGN_LEFT, 12, 24, true },
	{ N_("SERVICE"), ALIGN_LEFT, 8, 30 }, { N_("RISK"), ALIGN_LEFT, 0, 0 },
	{ N_("MEASURE"), ALIGN_LEFT, 20, 0 },
};

static const struct table_column wide_columns[] = {
	{ N_("PORT"), ALIGN_RIGHT, 0, 0 },        { N_("ADDRESS"), ALIGN_LEFT, 0, 0 },
	{ N_("REACH"), ALIGN_LEFT, 0, 0 },        { N_("PROGRAM"), ALIGN_LEFT, 0, 0 },
	{ N_("SERVICE"), ALIGN_LEFT, 0, 0 },      { N_("RISK"), ALIGN_LEFT, 0, 0 },
	{ N_("USER"), ALIGN_LEFT, 0, 0 },         { N_("UNIT"), ALIGN_LEFT, 0, 0 },
	{ N_("CONTAINER"), ALIGN_LEFT, 0, 0 },    { N_("PACKAGE"), ALIGN_LEFT, 0, 0 },
	{ N_("NETNS"), ALIGN_LEFT, 0, 0 },        { N_("QUEUE"), ALIGN_RIGHT, 0, 0 },
	{ N_("CONNECTIONS"), ALIGN_RIGHT, 0, 0 }, { N_("COMMAND"), ALIGN_LEFT, 0, 60 },
};

enum {
	MEASURES_COLUMNS = sizeof(narrow_columns) / sizeof(narrow_columns[0]),
	NARROW_COLUMNS = MEASURES_COLUMNS - 1,
	WIDE_COLUMNS = sizeof(wide_columns) / sizeof(wide_columns[0]),
	MEASURES_FROM = 120, /* columns of a terminal that has room for measures */
};

/* Titles in the reader's language; `columns` has room for WIDE_COLUMNS. */
static size_t translated(struct table_column *columns, enum layout layout)
{
	static const size_t counts[] = {
		[LAYOUT_NARROW] = NARROW_COLUMNS,
		[LAYOUT_MEASURES] = MEASURES_COLUMNS,
		[LAYOUT_WIDE] = WIDE_COLUMNS,
	};
	size_t count = counts[layout];
	memcpy(columns, layout == LAYOUT_WIDE ? wide_columns : narrow_columns,
	       count * sizeof(*columns));
	for (size_t i = 0; i < count; i++) {
		columns[i].title = _(columns[i].title);
	}
	return count;
}

/* What the rows are made of. */
struct shown {
	const struct context *context;
	const struct inventory *inventory;
	const struct reach *reach; /* NULL = not asked */
	enum layout layout;
};

static void program_cell(struct table *table, const struct inventory *inventory,
			 const struct listener *listener)
{
	const struct process *process = inventory_listener_process(inventory, listener);
	if (process != NULL && listener->owner_count > 1) {
		table_printf(table, INK_PLAIN, "%s %d +%u", process->name, process->pid,
			     listener->owner_count - 1);
	} else if (process != NULL) {
		table_printf(table, INK_PLAIN, "%s %d", process->name, process->pid);
	} else if (listener->ownership == OWNERSHIP_NONE) {
		table_cell(table, INK_WARN, _("(no process)"));
	} else {
		table_cell(table, INK_DIM, _("(not visible)"));
	}
}

static void risk_cell(struct table *table, const struct port_knowledge *known)
{
	if (known == NULL) {
		table_cell(table, INK_DIM, NULL);
	} else {
		table_cell(table, severity_ink(known->risk), severity_words(known->risk));
	}
}

static void measure_cell(struct table *table, const struct context *context,
			 const struct port_knowledge *known, enum layout layout)
{
	if (layout == LAYOUT_MEASURES) {
		table_cell(table, INK_DIM,
			   known == NULL ? NULL : text_in(known->measure, context->language));
	}
}

static void id_cell(struct table *table, const char *name)
{
	struct str shortened = STR_INIT(4096);
	add_short_id(&shortened, name);
	table_cell(table, INK_PLAIN, str_text(&shortened));
	str_deinit(&shortened);
}

static void wide_cells(struct table *table, const struct inventory *inventory,
		       const struct ports_group *group)
{
	static const struct process nobody = { 0 };
	const struct process *process = group->process != NULL ? group->process : &nobody;
	const struct netns *netns = &inventory->netns.items[group->first->netns];
	table_cell(table, INK_PLAIN, process->user);
	id_cell(table, process->unit);
	id_cell(table,
		process->container_name != NULL ? process->container_name : process->container_id);
	table_cell(table, INK_PLAIN, process->package);
	if (ports_netns_name(inventory, group->first->netns) != NULL) {
		table_cell(table, INK_PLAIN, ports_netns_name(inventory, group->first->netns));
	} else {
		table_printf(table, INK_PLAIN, "%u", netns->inode);
	}
	table_printf(table, INK_PLAIN, "%u/%u", group->queue, group->first->backlog);
	if (group->counted) {
		table_printf(table, INK_PLAIN, "%u", group->connections);
	} else {
		table_cell(table, INK_DIM, NULL);
	}
	table_cell(table, INK_PLAIN, process->arguments);
}

static void reached_cell(struct table *table, const struct shown *shown,
			 const struct ports_row *row)
{
	table_cell(table,
		   ports_is_reached(shown->inventory, shown->reach, row) ? INK_PLAIN : INK_DIM,
		   ports_reach_words(shown->inventory, shown->reach, row));
}

/* In another network namespace that is for its own routes to say. */
static void reach_cell(struct table *table, const struct shown *shown, const struct ports_row *row)
{
	const struct inventory *inventory = shown->inventory;
	const uint32_t index = row->group.first->netns;
	if (!inventory_is_host(inventory, index) && shown->layout != LAYOUT_WIDE) {
		const char *netns = ports_netns_name(inventory, index);
		table_printf(table, INK_NOTE, _("in %s"), netns != NULL ? netns : _("a namespace"));
	} else {
		reached_cell(table, shown, row);
	}
}

static void group_row(struct table *table, const struct shown *shown, const struct ports_row *row)
{
	const struct ports_group *group = &row->group;
	const struct context *context = shown->context;
	const struct inventory *inventory = shown->inventory;
	const struct listener *l = group->first;
	bool doubted;
	const struct port_knowledge *known = catalog_listener(&doubted, inventory, l);
	table_printf(table, INK_BOLD, "%u/%s", l->port, protocol_name(l->protocol));
	table_cell(table, INK_PLAIN, str_text(&group->addresses));
	reach_cell(table, shown, row);
	program_cell(table, inventory, l);
	service_cell(table, context->language, l->protocol, l->port, known, doubted);
	risk_cell(table, known);
	measure_cell(table, context, known, shown->layout);
	if (shown->layout == LAYOUT_WIDE) {
		wide_cells(table, inventory, group);
	}
}

static void published_row(struct table *table, const struct shown *shown,
			  const struct ports_row *row)
{
	const struct published *p = row->published;
	const struct context *context = shown->context;
	const struct inventory *inventory = shown->inventory;
	const struct port_knowledge *known = catalog_published(p);
	char target[ENDPOINT_TEXT_BYTES];
	char address[ADDR_TEXT_BYTES];
	bool any = p->address.family == ADDR_NONE || addr_is_any(&p->address);
	if (p->last_port != p->first_port) {
		table_printf(table, INK_BOLD, "%u-%u/%s", p->first_port, p->last_port,
			     protocol_name(p->protocol));
	} else {
		table_printf(table, INK_BOLD, "%u/%s", p->first_port, protocol_name(p->protocol));
	}
	table_cell(table, INK_PLAIN, any ? "*" : addr_format(&p->address, address));
	reached_cell(table, shown, row);
	table_printf(table, INK_NOTE, "-> %s",
		     p->container_name != NULL
			     ? p->container_name
			     : endpoint_format(&p->target, p->target_port, target));
	service_cell(table, context->language, p->protocol, p->first_port, known, false);
	risk_cell(table, known);
	measure_cell(table, context, known, shown->layout);
	if (shown->layout == LAYOUT_WIDE) {
		table_cell(table, INK_PLAIN, NULL);
		table_cell(table, INK_PLAIN, p->owner);
		table_cell(table, INK_PLAIN, p->container_name);
		table_cell(table, INK_PLAIN, NULL);
		table_cell(table, INK_PLAIN, ports_netns_name(inventory, p->netns));
		table_cell(table, INK_PLAIN, NULL);
		table_cell(table, INK_PLAIN, NULL);
		table_printf(table, INK_PLAIN, "%s %s", p->table, p->chain);
	}
}

int rows_ports(struct str *out, const struct context *context, const struct inventory *inventory,
	       const struct ports_filter *filter, const struct reach *reach, bool wide, size_t most)
{
	struct table_column columns[WIDE_COLUMNS];
	struct table table;
	struct ports_list rows;
	const struct shown shown = { context, inventory, reach,
				     wide                                ? LAYOUT_WIDE
				     : context->columns >= MEASURES_FROM ? LAYOUT_MEASURES
									 : LAYOUT_NARROW };
	int r = ports_list_gather(&rows, inventory, filter);
	size_t count = r == 0 ? ports_list_choose(&rows, most) : 0;
	table_init(&table, columns, translated(columns, shown.layout));
	for (size_t i = 0; i < count; i++) {
		const struct ports_row *row = &rows.rows.items[i];
		if (row->published != NULL) {
			published_row(&table, &shown, row);
		} else {
			group_row(&table, &shown, row);
		}
	}
	if (count > 0) {
		r = table_render(out, &table, wide ? 0 : context->columns, &context->out_style);
	}
	const int all = (int)rows.rows.count;
	table_deinit(&table);
	ports_list_deinit(&rows);
	return r < 0 ? r : all;
}
