/* A running program: which ports it uses, as a server and as a client. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cells.h"
#include "explain.h"
#include "words.h"

enum { LINE_MAX_BYTES = 8 * 1024, PIDS_SHOWN_MAX = 8 };

/* The program's connections to one remote port. */
struct remote {
	enum protocol protocol;
	uint16_t port;
	uint32_t connections;
	struct addr peer; /* of the first one */
	const struct client_use *use;
};

struct remotes {
	VEC(struct remote) list;
	uint32_t connections;
	uint16_t lowest, highest; /* local ports */
};

static void processes_row(struct str *out, const struct explain *explain, const char *word)
{
	const struct inventory *inventory = explain->inventory;
	struct str line = STR_INIT(LINE_MAX_BYTES);
	const struct process *first = NULL;
	uint32_t count = 0;
	for (size_t i = 0; i < inventory->processes.count; i++) {
		const struct process *process = &inventory->processes.items[i];
		if (!explain_is_program(process, word)) {
			continue;
		}
		first = first != NULL ? first : process;
		if (count++ < PIDS_SHOWN_MAX) {
			str_printf(&line, "%s%d", line.length > 0 ? _(", ") : "", process->pid);
		}
	}
	if (count > PIDS_SHOWN_MAX) {
		str_printf(&line, _(" and %u more"), count - PIDS_SHOWN_MAX);
	}
	explain_row(out, explain, _("processes"), str_text(&line));
	if (first != NULL && first->executable != NULL) {
		explain_row(out, explain, _("executable"), first->executable);
	}
	if (first != NULL && first->user != NULL) {
		explain_row(out, explain, _("user"), first->user);
	}
	if (first != NULL && first->unit != NULL) {
		explain_row(out, explain, _("unit"), first->unit);
	}
	str_deinit(&line);
}

static struct remote *remote_for(struct remotes *remotes, const struct connection *connection)
{
	for (size_t i = 0; i < remotes->list.count; i++) {
		struct remote *remote = &remotes->list.items[i];
		if (remote->protocol == connection->protocol &&
		    remote->port == connection->remote_port) {
			return remote;
		}
	}
	struct remote *remote = vec_push(&remotes->list);
	if (remote != NULL) {
		remote->protocol = connection->protocol;
		remote->port = connection->remote_port;
		remote->peer = connection->remote;
	}
	return remote;
}

/* @return 0 or -ENOMEM. */
static int gather(struct remotes *remotes, const struct inventory *inventory, const char *word)
{
	for (size_t i = 0; i < inventory->connections.count; i++) {
		const struct connection *c = &inventory->connections.items[i];
		if (c->direction != DIRECTION_OUTBOUND ||
		    c->process >= inventory->processes.count) {
			continue;
		}
		const struct process *process = &inventory->processes.items[c->process];
		if (!explain_is_program(process, word)) {
			continue;
		}
		struct remote *remote = remote_for(remotes, c);
		if (remote == NULL) {
			return -ENOMEM;
		}
		remote->connections++;
		remote->use = catalog_use(c->protocol, c->remote_port, process->name);
		bool first = remotes->connections++ == 0;
		remotes->lowest =
			first || c->local_port < remotes->lowest ? c->local_port : remotes->lowest;
		remotes->highest =
			c->local_port > remotes->highest ? c->local_port : remotes->highest;
	}
	return 0;
}

static int most_first(const void *pa, const void *pb)
{
	const struct remote *a = pa;
	const struct remote *b = pb;
	if (a->connections != b->connections) {
		return a->connections > b->connections ? -1 : 1;
	}
	return (int)a->port - (int)b->port;
}

static void remote_cells(struct table *table, const struct explain *explain,
			 const struct remote *remote)
{
	enum language language = explain->context->language;
	const struct port_knowledge *entry = catalog_port(remote->protocol, remote->port);
	char peer[ADDR_TEXT_BYTES];
	table_printf(table, INK_PLAIN, "%u/%s", remote->port, protocol_name(remote->protocol));
	table_printf(table, INK_PLAIN, "%u", remote->connections);
	service_cell(table, language, remote->protocol, remote->port, entry, false);
	table_cell(table, INK_PLAIN, text_in(remote->use->title, language));
	table_cell(table, INK_PLAIN, addr_format(&remote->peer, peer));
}

static void remotes_table(struct str *out, const struct explain *explain, struct remotes *remotes)
{
	const struct table_column columns[] = {
		{ _("PORT"), ALIGN_LEFT, 0, 0 },    { _("CONNECTIONS"), ALIGN_RIGHT, 0, 0 },
		{ _("SERVICE"), ALIGN_LEFT, 8, 0 }, { _("USE"), ALIGN_LEFT, 8, 0 },
		{ _("PEER"), ALIGN_LEFT, 15, 0 },
	};
	struct table table;
	struct str line = STR_INIT(LINE_MAX_BYTES);
	qsort(remotes->list.items, remotes->list.count, sizeof(remotes->list.items[0]), most_first);
	str_printf(&line, _("As a client: connections to these ports elsewhere (%u)"),
		   remotes->connections);
	explain_heading(out, explain, str_text(&line));
	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < remotes->list.count; i++) {
		remote_cells(&table, explain, &remotes->list.items[i]);
	}
	(void)table_render(out, &table, explain->context->columns,
			   &explain->context->out_style); /* kept in out->error */
	table_deinit(&table);
	str_clear(&line);
	str_printf(&line, _("%u-%u (this host hands out %u-%u)"), remotes->lowest, remotes->highest,
		   explain->inventory->ephemeral.first, explain->inventory->ephemeral.last);
	explain_row(out, explain, _("own ports"), str_text(&line));
	str_deinit(&line);
}

/* Ports that the program listens on. @return whether there are any. */
static bool listeners_table(struct str *out, const struct explain *explain, const char *word)
{
	const struct inventory *inventory = explain->inventory;
	const struct table_column columns[] = {
		{ _("PORT"), ALIGN_LEFT, 0, 0 },  { _("ADDRESS"), ALIGN_LEFT, 9, 30 },
		{ _("REACH"), ALIGN_LEFT, 0, 0 }, { _("SERVICE"), ALIGN_LEFT, 8, 0 },
		{ _("RISK"), ALIGN_LEFT, 0, 0 },
	};
	struct table table;
	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		const struct listener *listener = &inventory->listeners.items[i];
		const struct process *process = inventory_listener_process(inventory, listener);
		if (process == NULL || !explain_is_program(process, word)) {
			continue;
		}
		char address[ADDR_TEXT_BYTES];
		bool doubted;
		const struct port_knowledge *entry =
			catalog_listener(&doubted, inventory, listener);
		table_printf(&table, INK_PLAIN, "%u/%s", listener->port,
			     protocol_name(listener->protocol));
		table_cell(&table, INK_PLAIN, addr_format(&listener->address, address));
		table_cell(&table, INK_PLAIN, exposure_words(addr_exposure(&listener->address)));
		service_cell(&table, explain->context->language, listener->protocol, listener->port,
			     entry, doubted);
		table_cell(&table, entry != NULL ? severity_ink(entry->risk) : INK_DIM,
			   entry != NULL ? severity_words(entry->risk) : NULL);
	}
	bool any = table.cells.count > 0;
	if (any) {
		explain_heading(out, explain, _("It listens on"));
		(void)table_render(out, &table, explain->context->columns,
				   &explain->context->out_style); /* kept in out->error */
	}
	table_deinit(&table);
	return any;
}

void explain_program(struct str *out, const struct explain *explain, const struct subject *subject)
{
	struct remotes remotes = { 0 };
	struct str name = STR_INIT(LINE_MAX_BYTES);
	text_escape(&name, subject->word);
	explain_heading(out, explain, str_text(&name));
	processes_row(out, explain, subject->word);
	bool listens = listeners_table(out, explain, subject->word);
	int r = gather(&remotes, explain->inventory, subject->word);
	if (r < 0) {
		out->error = r;
	} else if (remotes.connections > 0) {
		remotes_table(out, explain, &remotes);
	} else if (!listens) {
		explain_row(out, explain, _("ports"), _("none that can be seen now"));
	}
	vec_free(&remotes.list);
	str_deinit(&name);
}
