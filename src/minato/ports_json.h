/* The inventory as one JSON document, for machines. */
#pragma once

#include "command.h"
#include "model/inventory.h"
#include "ports_filter.h"

/*
 * Prints what passes the filter, row by row, so that memory does not grow with the host.
 * @param connections  rows of connections too
 * @return an exit code; EXIT_ERROR was complained of.
 */
int ports_json(const struct context *context, const struct inventory *inventory,
	       const struct ports_filter *filter, bool connections);
