/* The inventory as rows for people: sockets of one service on one line. */
#pragma once

#include "cells.h"
#include "command.h"
#include "model/inventory.h"
#include "ports_filter.h"
#include "reach.h"

/*
 * Appends the table of listeners and published ports that pass the filter.
 * @param reach from where they are reached, or NULL: then the addresses say it.
 * @param most  rows to show at most, the most dangerous ones; 0 = all.
 * @return how many rows there are, shown or not, or -ENOMEM.
 */
int rows_ports(struct str *out, const struct context *context, const struct inventory *inventory,
	       const struct ports_filter *filter, const struct reach *reach, bool wide,
	       size_t most);

/* Appends the table of connections that pass. @return rows, or -ENOMEM. */
int rows_connections(struct str *out, const struct context *context,
		     const struct inventory *inventory, const struct ports_filter *filter);

/* Appends the facts that `ss -Htlunp` prints, one line per socket, without looking anything up. */
void rows_brief(struct str *out, const struct inventory *inventory,
		const struct ports_filter *filter);
