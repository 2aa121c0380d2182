/* The bind guard as the policy wants it: what apply, confirm, rollback, restore and off do to it.
 */
#pragma once

#include "command.h"
#include "guard/guard.h"
#include "policy/policy.h"

/* Pins below MINATO_GUARD_DIRECTORY, binds below MINATO_GUARD_CGROUP: for tests and containers. */
struct guard_place guard_place(void);

/* Ids of containers by the names that their runtimes gave, for struct guard_environment. */
int guard_find_container(void *context, char id[GUARD_ID_BYTES], const char *name);

/* Hands the ring of a guard to the daemon that runs, or tells it that there is none any more. */
void guard_tell_daemon(enum guard_hook hook);

/* The policy's table on this host. @return 0; as guard_environment_read, guard_compile. */
int guard_table_here(struct guard_table *out, const struct context *context,
		     const struct policy *policy, const struct guard_options *options,
		     struct err *e);

/*
 * Makes the table hold, reserves its ports, and hands the ring to the daemon.
 * @param too_many the ports would use up the ephemeral range: none is reserved.
 * @return 0 or negative errno.
 */
int guard_put(bool *too_many, struct guard_table *table, struct err *e);

/* Ends the guard, gives the reserved ports back, tells the daemon. None is fine.
 * @param before what stood there. @return 0 or negative errno. */
int guard_remove(struct guard_status *before, struct err *e);

/*
 * Brings the guard to what a confirmed policy wants, of this network namespace alone. Tells what it
 * did; where there can be no guard it says so, and what that costs. Rules do not depend on it.
 * @param quiet  nothing is said when nothing changed.
 */
void guard_follow(const struct context *context, const struct policy *policy, bool quiet);

/* Ends the bind guard and gives back the ports that it reserved. @param quiet nothing is said when
 * there is none. @return an exit code. */
int guard_off(const struct context *context, bool quiet);
