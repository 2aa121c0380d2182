/* The twin as its owner holds it: private to the twin's io. */
#pragma once

#include "twin/io/build.h"
#include "twin/way.h"

struct twin {
	int parts[PARTS];
	const struct twin_host *host;
	struct legend legend;
	struct built_link *links; /* beside host->links */
	VEC(struct twin_doubt) doubts;
	struct arena arena;
	uint32_t cookie; /* of the last packet */
	uint16_t port;   /* that it came from */
	bool has_owner;  /* what it sends itself is of the user that was asked for */
};
