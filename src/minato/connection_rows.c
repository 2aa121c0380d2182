/* Connections as rows for people, and the brief list for programs. */
#include <errno.h>

#include "ports_rows.h"
#include "words.h"

int rows_connections(struct str *out, const struct context *context,
		     const struct inventory *inventory, const struct ports_filter *filter)
{
	const struct table_column columns[] = {
		{ _("PROTOCOL"), ALIGN_LEFT, 0, 0 },
		{ _("LOCAL"), ALIGN_LEFT, 12, 0, true },
		{ "", ALIGN_LEFT, 0, 0 },
		{ _("REMOTE"), ALIGN_LEFT, 12, 0, true },
		{ _("PROGRAM"), ALIGN_LEFT, 12, 24, true },
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
