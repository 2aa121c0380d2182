/* Published ports of every namespace, out of the packet filter's rules. */
#pragma once

#include "base/err.h"
#include "observe/observe.h"

/*
 * Fills inventory.published and coverage.published_known.
 * @return 0; -ENOMEM. Without the rights or the program nft nothing is filled in.
 */
int find_published(struct inventory *inventory, const struct observe_request *request,
		   const struct observe_sockets *sockets, struct err *e);
