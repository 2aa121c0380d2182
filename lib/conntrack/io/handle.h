/* What conntrack_open() makes. */
#pragma once

#include "conntrack/conntrack.h"

struct conntrack {
	int dump_fd;
	int change_fd; /* a second one, so that entries can be changed while they are dumped */
	uint32_t sequence;
	unsigned window; /* how many answers the receive buffer of change_fd holds */
	struct conntrack_defaults defaults;
};

/* Kernels say "no such subsystem" as EINVAL. @return the number as a caller shall see it. */
int handle_errno(int r);

/* Records the sentence of a failed request that was to do what `what` says. @return r. */
int handle_failure(int r, const char *what, struct err *e);
