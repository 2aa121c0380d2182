/* Whom the rules refused, or would refuse, for people and as JSON. */
#pragma once

#include <stdbool.h>

#include "command.h"
#include "enforce/enforce.h"

/*
 * Prints what the kernel counted.
 * @param observed  what rules under observation would refuse.
 * @param since            wall time; older ones are left out.
 * @param state_directory  of the daemon, which may remember more. @return an exit code.
 */
int refused_print(const struct context *context, bool observed, usec_t since, bool json,
		  const char *state_directory);

/* Adds what the daemon remembers since then; 0 = of a week. @return 0, also where there is no
 * daemon's store; negative errno. */
int refused_remember(struct enforce_counts *counts, const char *state_directory,
		     enum enforce_counting which, usec_t since, usec_t now);
