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

struct counting;

/*
 * Begins to count connections per listener, in a thread of its own while the caller looks for
 * owners; meanwhile the descriptors in `sockets` belong to the thread. With `keep` it fills
 * inventory.connections and is done when it returns.
 * @return NULL without memory.
 */
struct counting *counting_begin(struct inventory *inventory, const struct observe_sockets *sockets,
				bool keep);

/*
 * Waits for the end, writes the counts into the listeners (that may have been added to, at the end,
 * but neither moved nor removed) and frees.
 * @return 0; -ENOMEM, also for NULL; a negative errno of netlink.
 */
int counting_end(struct counting *counting, struct inventory *inventory, struct err *e);

/*
 * Drops listeners without owner that are closed by now: they were listed before the owners were
 * looked for. @return 0; -ENOMEM; a negative errno of netlink.
 */
int drop_closed(struct inventory *inventory, const struct observe_sockets *sockets, struct err *e);
