/* The way of a packet to a port: what the kernel does with it, rule by rule. */
#pragma once

#include "explain.h"

/* What was typed behind --from, --interface and --to; NULL = not given. */
struct way_request {
	const char *from, *interface, *to;
	bool json;
};

/*
 * Asks the twin and prints the answer.
 * @param word  the port, as the command takes it; one, not a range.
 * @return EXIT_IN_ORDER when the port can be reached, EXIT_DIFFERS when not, EXIT_RIGHTS when the
 *         rules may not be read, EXIT_USAGE, EXIT_ERROR.
 */
int explain_way(const struct explain *explain, const struct way_request *request, const char *word);
