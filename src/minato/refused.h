/* Whom the rules refused, or would refuse, for people and as JSON. */
#pragma once

#include <stdbool.h>

#include "command.h"

/*
 * Prints what the kernel counted.
 * @param observed  what rules under observation would refuse.
 * @param since     wall time; older ones are left out. @return an exit code.
 */
int refused_print(const struct context *context, bool observed, usec_t since, bool json);
