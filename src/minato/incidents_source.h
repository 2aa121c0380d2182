/* Incidents that are remembered: from the daemon, which knows what goes on, or out of its files. */
#pragma once

#include "base/err.h"
#include "base/vec.h"
#include "command.h"
#include "model/incident.h"

struct incidents_wanted {
	uint64_t id;         /* this one; 0 = all */
	usec_t since, until; /* 0 = no bound */
	struct prefix address;
	uint32_t limit;
	const char *state_directory; /* read this, ask nobody; NULL = as usual */
};

struct incidents_found {
	VEC(struct incident) list; /* the latest first */
	bool live;                 /* the daemon was asked: who has not ended goes on */
};

/*
 * @param out  free with vec_free(&out->list) in every case.
 * @return an exit code; what went wrong was told.
 */
int incidents_fetch(struct incidents_found *out, const struct context *context,
		    const struct incidents_wanted *wanted);
