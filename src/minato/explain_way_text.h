/* How the way of a packet is told, to people and to machines. */
#pragma once

#include <jansson.h>

#include "explain.h"
#include "twin/twin.h"

enum way_listening {
	WAY_LISTENING_UNKNOWN, /* the sockets could not be seen, or it is not this host's concern */
	WAY_LISTENING,
	WAY_LISTENING_NOBODY,
};

struct way_told {
	const struct twin_packet *packet;
	const struct twin_answer *answer;
	const struct twin_doubt *doubts; /* of the twin */
	size_t doubt_count;
	enum way_listening listening;
};

/* Whether whoever sends the packet reaches something. */
bool way_reachable(const struct way_told *told);

/* Appends the answer, then the way hook by hook. */
void way_text(struct str *out, const struct explain *explain, const struct way_told *told);

/* @return a new reference, NULL when out of memory. */
json_t *way_json(const struct way_told *told);
