/* Where a program of this host may connect to, and which declaration says so. */
#pragma once

#include "explain.h"

/* What was typed behind --to, --as and --unit; NULL = not given. */
struct outgoing_request {
	const char *to, *user, *unit;
	bool json;
};

/*
 * Holds the policy against the packet, as root also the kernel (the twin's trace), and prints the
 * answer.
 * @param word  the port, as the command takes it; one, not a range.
 * @return EXIT_IN_ORDER when it may go, EXIT_DIFFERS when not or when that depends on what was not
 *         said, EXIT_USAGE, EXIT_ERROR.
 */
int explain_outgoing(const struct explain *explain, const struct outgoing_request *request,
		     const char *word);
