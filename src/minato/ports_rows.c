/* The inventory as rows for people. */
#include "ports_rows.h"

#include <errno.h>
#include <string.h>

#include "words.h"

const char *exposure_words(enum exposure exposure)
{
	static const char *const words[] = {
		[EXPOSURE_LOOPBACK] = N_("this machine"),
		[EXPOSURE_PRIVATE] = N_("private nets"),
		[EXPOSURE_PUBLIC] = N_("anyone"),
		[EXPOSURE_ANY] = N_("anyone"),
	};
	return _(words[exposure]);
}

enum ink severity_ink(enum severity severity)
{
	static const enum ink inks[] = {
		[SEVERITY_NONE] = INK_PLAIN,   [SEVERITY_LOW] = INK_GOOD,
		[SEVERITY_MEDIUM] = INK_NOTE,  [SEVERITY_HIGH] = INK_WARN,
		[SEVERITY_CRITICAL] = INK_BAD,
	};
	return inks[severity];
}

const char *severity_words(enum severity severity)
{
	static const char *const words[] = {
		[SEVERITY_NONE] = N_("info"),         [SEVERITY_LOW] = N_("low"),
		[SEVERITY_MEDIUM] = N_("medium"),     [SEVERITY_HIGH] = N_("high"),
		[SEVERITY_CRITICAL] = N_("critical"),
	};
	return _(words[severity]);
}

void service_cell(struct table *table, enum language language, enum protocol protocol,
		  uint16_t port, const struct port_knowledge *known, bool doubted)
{
	const struct service *registered = catalog_registry(protocol, port);
	if (known != NULL) {
		table_printf(table, INK_PLAIN, "%s%s", doubted ? "? " : "",
			     text_in(known->title, language));
	} else {
		table_cell(table, INK_PLAIN, registered == NULL ? NULL : registered->name);
	}
}

static const struct table_column narrow_columns[] = {
	{ N_("PORT"), ALIGN_RIGHT, 0, 0 },    { N_("ADDRESS"), ALIGN_LEFT, 9, 30 },
	{ N_("REACH"), ALIGN_LEFT, 8, 0 },    { N_("PROGRAM"), ALIGN_LEFT, 8, 24 },
	{ N_("SERVICE"), ALIGN_LEFT, 8, 30 }, { N_("RISK"), ALIGN_LEFT, 0, 0 },
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
	NARROW_COLUMNS = sizeof(narrow_columns) / sizeof(narrow_columns[0]),
	WIDE_COLUMNS = sizeof(wide_columns) / sizeof(wide_columns[0]),
};

/* Titles in the reader's language; `columns` has room for WIDE_COLUMNS. */
static size_t translated(struct table_column *columns, bool wide)
{
	size_t count = wide ? WIDE_COLUMNS : NARROW_COLUMNS;
	memcpy(columns, wide ? wide_columns : narrow_columns, count * sizeof(*columns));
	for (size_t i = 0; i < count; i++) {
		columns[i].title = _(columns[i].title);
	}
	return count;
}

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

static const char *netns_words(const struct inventory *inventory, uint32_t index)
{
	const struct netns *netns = &inventory->netns.items[index];
	return netns->kind == NETNS_HOST ? "host" : netns->name;
}

static void wide_cells(struct table *table, const struct inventory *inventory,
		       const struct group *group)
{
	static const struct process nobody = { 0 };
	const struct process *process = group->process != NULL ? group->process : &nobody;
	const struct netns *netns = &inventory->netns.items[group->first->netns];
	table_cell(table, INK_PLAIN, process->user);
	table_cell(table, INK_PLAIN, process->unit);
	table_cell(table, INK_PLAIN,
		   process->container_name != NULL ? process->container_name
						   : process->container_id);
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

static void group_row(struct table *table, const struct context *context,
		      const struct inventory *inventory, const struct group *group, bool wide)
{
	const struct listener *l = group->first;
	bool doubted;
	const struct port_knowledge *known = catalog_listener(&doubted, inventory, l);
	bool reachable = group->exposure != EXPOSURE_LOOPBACK;
	table_printf(table, INK_BOLD, "%u/%s", l->port, protocol_name(l->protocol));
	table_cell(table, INK_PLAIN, str_text(&group->addresses));
	table_cell(table, reachable ? INK_PLAIN : INK_DIM, exposure_words(group->exposure));
	program_cell(table, inventory, l);
	service_cell(table, context->language, l->protocol, l->port, known, doubted);
	risk_cell(table, known);
	if (wide) {
		wide_cells(table, inventory, group);
	}
}

static void published_row(struct table *table, const struct context *context,
			  const struct inventory *inventory, const struct published *p, bool wide)
{
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
	table_cell(table, INK_PLAIN,
		   exposure_words(any ? EXPOSURE_ANY : addr_exposure(&p->address)));
	table_printf(table, INK_NOTE, "-> %s",
		     p->container_name != NULL
			     ? p->container_name
			     : endpoint_format(&p->target, p->target_port, target));
	service_cell(table, context->language, p->protocol, p->first_port, known, false);
	risk_cell(table, known);
	if (wide) {
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

static int listener_rows(struct table *table, const struct context *context,
			 const struct inventory *inventory, const struct ports_filter *filter,
			 bool wide)
{
	int rows = 0;
	struct group group = { 0 };
	for (size_t i = 0; i <= inventory->listeners.count; i++) {
		const struct listener *l =
			i < inventory->listeners.count ? &inventory->listeners.items[i] : NULL;
		if (l != NULL && !filter_listener(filter, inventory, l)) {
			continue;
		}
		if (group.first != NULL && (l == NULL || !same_service(inventory, &group, l))) {
			group_row(table, context, inventory, &group, wide);
			str_deinit(&group.addresses);
			group.first = NULL;
			rows++;
		}
		if (l != NULL && group.first == NULL) {
			group = (struct group){ .first = l,
						.process = inventory_listener_process(inventory, l),
						.addresses = STR_INIT(4096) };
		}
		if (l != NULL) {
			add_address(&group, l);
		}
	}
	return rows;
}

int rows_ports(struct str *out, const struct context *context, const struct inventory *inventory,
	       const struct ports_filter *filter, bool wide)
{
	struct table_column columns[WIDE_COLUMNS];
	struct table table;
	table_init(&table, columns, translated(columns, wide));
	int rows = listener_rows(&table, context, inventory, filter, wide);
	for (size_t i = 0; i < inventory->published.count; i++) {
		const struct published *p = &inventory->published.items[i];
		if (filter_published(filter, inventory, p)) {
			published_row(&table, context, inventory, p, wide);
			rows++;
		}
	}
	int r = rows == 0 ? 0
			  : table_render(out, &table, wide ? 0 : context->columns,
					 &context->out_style);
	table_deinit(&table);
	return r < 0 ? r : rows;
}

int rows_connections(struct str *out, const struct context *context,
		     const struct inventory *inventory, const struct ports_filter *filter)
{
	const struct table_column columns[] = {
		{ _("PROTOCOL"), ALIGN_LEFT, 0, 0 },
		{ _("LOCAL"), ALIGN_LEFT, 12, 0 },
		{ "", ALIGN_LEFT, 0, 0 },
		{ _("REMOTE"), ALIGN_LEFT, 12, 0 },
		{ _("PROGRAM"), ALIGN_LEFT, 8, 24 },
		{ _("USE"), ALIGN_LEFT, 8, 0 },
	};
	struct table table;
	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	int rows = 0;
	for (size_t i = 0; i < inventory->connections.count; i++) {
		const struct connection *c = &inventory->connections.items[i];
		if (!filter_connection(filter, inventory, c)) {
			continue;
		}
		char text[ENDPOINT_TEXT_BYTES];
		const struct process *process =
			c->process == UINT32_MAX ? NULL : &inventory->processes.items[c->process];
		bool inbound = c->direction == DIRECTION_INBOUND;
		uint16_t service = inbound ? c->local_port : c->remote_port;
		const char *program = process == NULL ? NULL : process->name;
		const struct port_knowledge *known = catalog_port(c->protocol, service);
		table_cell(&table, INK_PLAIN, protocol_name(c->protocol));
		table_cell(&table, INK_PLAIN, endpoint_format(&c->local, c->local_port, text));
		table_cell(&table, INK_DIM, inbound ? "<-" : "->");
		table_cell(&table, INK_PLAIN, endpoint_format(&c->remote, c->remote_port, text));
		if (program != NULL) {
			table_printf(&table, INK_PLAIN, "%s %d", program, process->pid);
		} else {
			table_cell(&table, INK_DIM, NULL);
		}
		service_cell(&table, context->language, c->protocol, service, known, false);
		rows++;
	}
	int r = rows == 0 ? 0 : table_render(out, &table, context->columns, &context->out_style);
	table_deinit(&table);
	return r < 0 ? r : rows;
}

void rows_brief(struct str *out, const struct inventory *inventory,
		const struct ports_filter *filter)
{
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		const struct listener *l = &inventory->listeners.items[i];
		if (!filter_listener(filter, inventory, l)) {
			continue;
		}
		char text[ENDPOINT_TEXT_BYTES];
		str_printf(out, "%s %u %u %s%s%s", protocol_name(l->protocol), l->queue, l->backlog,
			   endpoint_format(&l->address, l->port, text),
			   l->interface_name != NULL ? " dev=" : "",
			   l->interface_name != NULL ? l->interface_name : "");
		for (uint32_t k = 0; k < l->owner_count; k++) {
			const struct owner *owner = &inventory->owners.items[l->first_owner + k];
			const struct process *process = &inventory->processes.items[owner->process];
			str_add(out, k == 0 ? " " : ",");
			text_escape(out, process->name == NULL ? "?" : process->name);
			str_printf(out, ":pid=%d:fd=%d", process->pid, owner->fd);
		}
		str_add_char(out, '\n');
	}
}
