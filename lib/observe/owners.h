/* Joining "this process holds that socket" with the listeners, by the socket's inode. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "model/inventory.h"

enum { OWNER_NAME_BYTES = 16 };

/* One descriptor that points to a socket, from whatever source. */
struct holding {
	uint64_t inode; /* of the socket */
	int32_t pid;
	int32_t fd;
	uint32_t uid; /* effective, UINT32_MAX = not known */
	char name[OWNER_NAME_BYTES];
};

struct holdings {
	VEC(struct holding) list;
};

/*
 * Fills owners, processes (pid, uid, name; sorted by pid) and first_owner, owner_count of the
 * listeners, and `process` of the connections. Listeners without a holding keep owner_count 0.
 * @param holdings reordered by this function.
 * @return 0 or -ENOMEM.
 */
int owners_join(struct inventory *inventory, struct holdings *holdings);

/*
 * Decides OWNERSHIP_OWNED, _NONE or _HIDDEN of each listener, and coverage.listeners_hidden.
 * @param complete every process that could hold a socket was looked into.
 */
void owners_decide(struct inventory *inventory, bool complete);

/*
 * Counts SO_REUSEPORT groups into `siblings`: two sockets on one endpoint share the option, and the
 * kernel lets them only if one user made both. The inventory must be sorted.
 */
void owners_count_siblings(struct inventory *inventory);
