/* Who holds the sockets of an inventory, by the best way that this process may go. */
#pragma once

#include "base/err.h"
#include "observe/observe.h"

/*
 * Fills owners and processes (pid, uid, name), the connections' `process` and the coverage. May add
 * listeners of namespaces that could not be listed.
 * @return 0; -ENOMEM; other negative errno.
 */
int find_owners(struct inventory *inventory, const struct observe_request *request, struct err *e);
