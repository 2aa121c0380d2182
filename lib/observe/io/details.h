/* Everything else about the processes that hold sockets. */
#pragma once

#include "base/err.h"
#include "observe/observe.h"

/*
 * Fills the detailed fields of all inventory.processes, and of the listeners whether they are
 * socket-activated. What may not be read stays NULL or 0.
 * @return 0 or -ENOMEM.
 */
int find_details(struct inventory *inventory, const struct observe_request *request, struct err *e);
