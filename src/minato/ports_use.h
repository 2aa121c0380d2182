/* minato ports --use: client connections grouped by what they are for. */
#pragma once

#include "command.h"
#include "model/inventory.h"

/* Whether `use` is "all" or the name of a use. */
bool use_is_known(const char *use);

/* Complains that it is not, with the nearest or all names. */
void complain_of_use(const struct context *context, const char *use);

/* Prints the groups of one use, or of "all". @return an exit code. */
int print_use(const struct context *context, const struct inventory *inventory, const char *use,
	      bool json);
