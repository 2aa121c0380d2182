/* The inventory as rows for people: sockets of one service on one line. */
#pragma once

#include "catalog/catalog.h"
#include "command.h"
#include "model/inventory.h"
#include "ports_filter.h"

/*
 * Appends the table of listeners and published ports that pass the filter.
 * @param most  rows to show at most, the most dangerous ones; 0 = all.
 * @return how many rows there are, shown or not, or -ENOMEM.
 */
int rows_ports(struct str *out, const struct context *context, const struct inventory *inventory,
	       const struct ports_filter *filter, bool wide, size_t most);

/* Appends the table of connections that pass. @return rows, or -ENOMEM. */
int rows_connections(struct str *out, const struct context *context,
		     const struct inventory *inventory, const struct ports_filter *filter);

/* Appends the facts that `ss -Htlunp` prints, one line per socket, without looking anything up. */
void rows_brief(struct str *out, const struct inventory *inventory,
		const struct ports_filter *filter);

/*
 * What a number is for: the entry's title, "? " before it when the program is not known for it,
 * else the registered name.
 */
void service_cell(struct table *table, enum language language, enum protocol protocol,
		  uint16_t port, const struct port_knowledge *known, bool doubted);

/* "this machine", "private nets", "one address", "anyone". */
const char *exposure_words(enum exposure exposure);

/* Appends a name in which container ids of 64 digits are cut to 12, as their runtimes show them. */
void add_short_id(struct str *out, const char *name);

/* Ink and word of a risk. */
enum ink severity_ink(enum severity severity);
const char *severity_words(enum severity severity);
