/* The inventory as rows for people. */
#include "ports_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

/* Sockets that are one service to a person: neighbours in the sorted inventory. */
struct group {
	const struct listener *first;
	const struct process *process;
	enum exposure exposure;
	uint32_t queue, connections;
	bool counted;
	struct str addresses;
};

static bool same_service(const struct inventory *inventory, const struct group *group,
			 const struct listener *listener)
{
	return group->first->port == listener->port && group->first->netns == listener->netns &&
	       group->first->protocol == listener->protocol &&
	       group->process == inventory_listener_process(inventory, listener);
}

static void add_address(struct group *group, const struct listener *listener)
{
	char text[ADDR_TEXT_BYTES];
	struct str one = STR_INIT(128);
	addr_format(&listener->address, text);
	str_add(&one, listener->address.family == ADDR_IPV6 && addr_is_any(&listener->address) &&
				      !listener->v6_only
			      ? "*"
			      : text);
	if (listener->interface_name != NULL) {
		str_printf(&one, "%%%s", listener->interface_name);
	}
	if (strstr(str_text(&group->addresses), str_text(&one)) == NULL) {
		str_printf(&group->addresses, "%s%s", group->addresses.length == 0 ? "" : " ",
			   str_text(&one));
	}
	str_deinit(&one);
	enum exposure exposure = addr_exposure(&listener->address);
	group->exposure = exposure > group->exposure ? exposure : group->exposure;
	group->queue += listener->queue;
	group->connections += listener->connections;
	group->counted |= listener->counted;
}

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

static const char *netns_words(const struct inventory *inventory, uint32_t index)
{
	const struct netns *netns = &inventory->netns.items[index];
	return netns->kind == NETNS_HOST ? "host" : netns->name;
}

static void id_cell(struct table *table, const char *name)
{
	struct str shortened = STR_INIT(4096);
	add_short_id(&shortened, name);
	table_cell(table, INK_PLAIN, str_text(&shortened));
	str_deinit(&shortened);
}

static void wide_cells(struct table *table, const struct inventory *inventory,
		       const struct group *group)
{
	static const struct process nobody = { 0 };
	const struct process *process = group->process != NULL ? group->process : &nobody;
	const struct netns *netns = &inventory->netns.items[group->first->netns];
	table_cell(table, INK_PLAIN, process->user);
	id_cell(table, process->unit);
	id_cell(table,
		process->container_name != NULL ? process->container_name : process->container_id);
	table_cell(table, INK_PLAIN, process->package);
	if (netns_words(inventory, group->first->netns) != NULL) {
		table_cell(table, INK_PLAIN, netns_words(inventory, group->first->netns));
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

/* As the kernel decides, where it was asked; else how far the address reaches. */
static void exposure_cell(struct table *table, const struct shown *shown, enum exposure exposure,
			  enum protocol protocol, uint16_t port)
{
	const struct reach_port *reached =
		exposure == EXPOSURE_LOOPBACK ? NULL : reach_port(shown->reach, protocol, port);
	if (reached != NULL && reached->kind != REACH_UNKNOWN) {
		table_cell(table, reached->kind != REACH_NOBODY ? INK_PLAIN : INK_DIM,
			   reach_words(reached));
	} else {
		table_cell(table, exposure != EXPOSURE_LOOPBACK ? INK_PLAIN : INK_DIM,
			   exposure_words(exposure));
	}
}

/* In another network namespace that is for its own routes to say. */
static void reach_cell(struct table *table, const struct shown *shown, const struct group *group)
{
	const struct inventory *inventory = shown->inventory;
	uint32_t index = group->first->netns;
	bool elsewhere =
		index < inventory->netns.count && inventory->netns.items[index].kind != NETNS_HOST;
	if (elsewhere && shown->layout != LAYOUT_WIDE) {
		const char *netns = netns_words(inventory, index);
		table_printf(table, INK_NOTE, _("in %s"), netns != NULL ? netns : _("a namespace"));
	} else if (elsewhere) {
		table_cell(table, group->exposure != EXPOSURE_LOOPBACK ? INK_PLAIN : INK_DIM,
			   exposure_words(group->exposure));
	} else {
		exposure_cell(table, shown, group->exposure, group->first->protocol,
			      group->first->port);
	}
}

static void group_row(struct table *table, const struct shown *shown, const struct group *group)
{
	const struct context *context = shown->context;
	const struct inventory *inventory = shown->inventory;
	const struct listener *l = group->first;
	bool doubted;
	const struct port_knowledge *known = catalog_listener(&doubted, inventory, l);
	table_printf(table, INK_BOLD, "%u/%s", l->port, protocol_name(l->protocol));
	table_cell(table, INK_PLAIN, str_text(&group->addresses));
	reach_cell(table, shown, group);
	program_cell(table, inventory, l);
	service_cell(table, context->language, l->protocol, l->port, known, doubted);
	risk_cell(table, known);
	measure_cell(table, context, known, shown->layout);
	if (shown->layout == LAYOUT_WIDE) {
		wide_cells(table, inventory, group);
	}
}

static void published_row(struct table *table, const struct shown *shown, const struct published *p)
{
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
	exposure_cell(table, shown, any ? EXPOSURE_ANY : addr_exposure(&p->address), p->protocol,
		      p->first_port);
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
		table_cell(table, INK_PLAIN, netns_words(inventory, p->netns));
		table_cell(table, INK_PLAIN, NULL);
		table_cell(table, INK_PLAIN, NULL);
		table_printf(table, INK_PLAIN, "%s %s", p->table, p->chain);
	}
}

/* One line of the table: sockets of one service, or a published port. */
struct row {
	struct group group;
	const struct published *published; /* NULL = the group */
	enum severity danger;              /* what it is to others that can reach it */
	size_t place;                      /* in the order of the inventory */
};

struct rows {
	VEC(struct row) list;
};

static void rows_deinit(struct rows *rows)
{
	for (size_t i = 0; i < rows->list.count; i++) {
		str_deinit(&rows->list.items[i].group.addresses);
	}
	vec_free(&rows->list);
}

static struct row *add_row(struct rows *rows)
{
	struct row *row = vec_push(&rows->list);
	if (row != NULL) {
		*row = (struct row){ .place = rows->list.count };
	}
	return row;
}

static enum severity danger(const struct port_knowledge *known, enum exposure exposure)
{
	return known == NULL || exposure == EXPOSURE_LOOPBACK ? SEVERITY_NONE : known->risk;
}

static int gather_listeners(struct rows *rows, const struct inventory *inventory,
			    const struct ports_filter *filter)
{
	struct row *row = NULL;
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		const struct listener *l = &inventory->listeners.items[i];
		if (!filter_listener(filter, inventory, l)) {
			continue;
		}
		if (row == NULL || !same_service(inventory, &row->group, l)) {
			row = add_row(rows);
			if (row == NULL) {
				return -ENOMEM;
			}
			row->group.first = l;
			row->group.process = inventory_listener_process(inventory, l);
			row->group.addresses = STR_INIT(4096);
		}
		add_address(&row->group, l);
		row->danger = danger(catalog_listener(NULL, inventory, l), row->group.exposure);
	}
	return 0;
}

static int gather(struct rows *rows, const struct inventory *inventory,
		  const struct ports_filter *filter)
{
	int r = gather_listeners(rows, inventory, filter);
	for (size_t i = 0; i < inventory->published.count && r == 0; i++) {
		const struct published *p = &inventory->published.items[i];
		if (!filter_published(filter, inventory, p)) {
			continue;
		}
		struct row *row = add_row(rows);
		r = row == NULL ? -ENOMEM : 0;
		if (row != NULL) {
			row->published = p;
			row->danger = danger(catalog_published(p), addr_exposure(&p->address));
		}
	}
	return r;
}

static int by_danger(const void *pa, const void *pb)
{
	const struct row *a = pa;
	const struct row *b = pb;
	if (a->danger != b->danger) {
		return a->danger > b->danger ? -1 : 1;
	}
	return a->place < b->place ? -1 : a->place > b->place;
}

static int by_place(const void *pa, const void *pb)
{
	const struct row *a = pa;
	const struct row *b = pb;
	return a->place < b->place ? -1 : a->place > b->place;
}

/* Of more than `most` rows the most dangerous are shown, in the order that all would have. */
static size_t choose(struct rows *rows, size_t most)
{
	size_t count = rows->list.count;
	if (most == 0 || count <= most) {
		return count;
	}
	qsort(rows->list.items, count, sizeof(rows->list.items[0]), by_danger);
	qsort(rows->list.items, most, sizeof(rows->list.items[0]), by_place);
	return most;
}

int rows_ports(struct str *out, const struct context *context, const struct inventory *inventory,
	       const struct ports_filter *filter, const struct reach *reach, bool wide, size_t most)
{
	struct table_column columns[WIDE_COLUMNS];
	struct table table;
	struct rows rows = { 0 };
	const struct shown shown = { context, inventory, reach,
				     wide                                ? LAYOUT_WIDE
				     : context->columns >= MEASURES_FROM ? LAYOUT_MEASURES
									 : LAYOUT_NARROW };
	int r = gather(&rows, inventory, filter);
	size_t count = r == 0 ? choose(&rows, most) : 0;
	table_init(&table, columns, translated(columns, shown.layout));
	for (size_t i = 0; i < count; i++) {
		const struct row *row = &rows.list.items[i];
		if (row->published != NULL) {
			published_row(&table, &shown, row->published);
		} else {
			group_row(&table, &shown, &row->group);
		}
	}
	if (count > 0) {
		r = table_render(out, &table, wide ? 0 : context->columns, &context->out_style);
	}
	const int all = (int)rows.list.count;
	table_deinit(&table);
	rows_deinit(&rows);
	return r < 0 ? r : all;
}
