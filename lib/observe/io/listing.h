/* Listing the sockets of each namespace into an inventory. */
#pragma once

#include "base/err.h"
#include "observe/observe.h"

/*
 * Fills inventory.netns and inventory.listeners.
 * @return 0; -ENOMEM; a negative errno of netlink.
 */
int list_listeners(struct inventory *inventory, const struct observe_sockets *sockets,
		   struct err *e);

/*
 * Counts connections per listener, and fills inventory.connections if `keep`.
 * Call it after list_listeners and before the listeners are sorted.
 */
int list_connections(struct inventory *inventory, const struct observe_sockets *sockets, bool keep,
		     struct err *e);

/*
 * Drops listeners without owner that are closed by now: they were listed before the owners were
 * looked for. @return 0; -ENOMEM; a negative errno of netlink.
 */
int drop_closed(struct inventory *inventory, const struct observe_sockets *sockets, struct err *e);
