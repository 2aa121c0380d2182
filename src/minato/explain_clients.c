/* What this host does with a number as a client. */
#include <string.h>

#include "explain.h"
#include "words.h"

enum {
	LINE_MAX_BYTES = 8 * 1024,
	CLIENTS_MAX = 16, /* programs that are told apart; the rest is summed up */
};

struct client {
	const char *program;
	const struct client_use *use;
	uint32_t connections;
};

static void count_client(struct client *clients, size_t *count, uint32_t *rest,
			 const struct inventory *inventory, const struct connection *connection)
{
	const char *program = connection->process < inventory->processes.count
				      ? inventory->processes.items[connection->process].name
				      : NULL;
	const struct client_use *use =
		catalog_use(connection->protocol, connection->remote_port, program);
	for (size_t i = 0; i < *count; i++) {
		bool same = program == NULL || clients[i].program == NULL
				    ? program == clients[i].program
				    : strcmp(clients[i].program, program) == 0;
		if (same && clients[i].use == use) {
			clients[i].connections++;
			return;
		}
	}
	if (*count < CLIENTS_MAX) {
		clients[(*count)++] = (struct client){ program, use, 1 };
	} else {
		(*rest)++;
	}
}

/* This host as a client: connections to that number elsewhere. */
static void client_row(struct str *out, const struct explain *explain, enum protocol protocol,
		       uint16_t port)
{
	const struct inventory *inventory = explain->inventory;
	struct client clients[CLIENTS_MAX];
	size_t count = 0;
	uint32_t rest = 0;
	uint32_t total = 0;
	for (size_t i = 0; i < inventory->connections.count; i++) {
		const struct connection *connection = &inventory->connections.items[i];
		if (connection->direction == DIRECTION_OUTBOUND &&
		    connection->remote_port == port &&
		    explain_same_protocol(protocol, connection->protocol)) {
			count_client(clients, &count, &rest, inventory, connection);
			total++;
		}
	}
	if (total == 0) {
		return;
	}
	struct str line = STR_INIT(LINE_MAX_BYTES);
	str_printf(&line, _("%u to port %u elsewhere: "), total, port);
	for (size_t i = 0; i < count; i++) {
		str_add(&line, i > 0 ? _(", ") : "");
		text_escape(&line, clients[i].program != NULL ? clients[i].program : "?");
		str_printf(&line, " %u (%s)", clients[i].connections,
			   text_in(clients[i].use->title, explain->context->language));
	}
	if (rest > 0) {
		str_printf(&line, _(", others %u"), rest);
	}
	explain_row(out, explain, _("as a client"), str_text(&line));
	str_deinit(&line);
}

/* The number as the local end of one of this host's own connections. */
static void borrowed_row(struct str *out, const struct explain *explain, enum protocol protocol,
			 uint16_t port)
{
	const struct inventory *inventory = explain->inventory;
	for (size_t i = 0; i < inventory->connections.count; i++) {
		const struct connection *c = &inventory->connections.items[i];
		if (c->direction != DIRECTION_OUTBOUND || c->local_port != port ||
		    !explain_same_protocol(protocol, c->protocol)) {
			continue;
		}
		char remote[ENDPOINT_TEXT_BYTES];
		struct str line = STR_INIT(LINE_MAX_BYTES);
		text_escape(&line, c->process < inventory->processes.count
					   ? inventory->processes.items[c->process].name
					   : "?");
		str_printf(&line, _(" uses it as its own end of a connection to %s"),
			   endpoint_format(&c->remote, c->remote_port, remote));
		explain_row(out, explain, _("borrowed"), str_text(&line));
		str_deinit(&line);
		return;
	}
}

void explain_clients(struct str *out, const struct explain *explain, enum protocol protocol,
		     uint16_t port)
{
	client_row(out, explain, protocol, port);
	borrowed_row(out, explain, protocol, port);
}
