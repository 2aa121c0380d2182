/* Binds that did not fit lately, as the daemon wrote them down. */
#pragma once

#include "base/when.h"
#include "model/event.h"
#include "review/review.h"

/* MINATO_STATE_DIRECTORY, or the usual one: where the daemon keeps its events. */
const char *state_directory(void);

struct attempts {
	struct event items[REVIEW_ATTEMPTS_MAX]; /* oldest first */
	size_t count;
};

/* None where there is no store that may be read: then there was no daemon, or it is not ours. */
void attempts_recall(struct attempts *out, usec_t now);
