/* Scans, as JSON; the rest stands in engine.h. */
#pragma once

#include <jansson.h>

#include "engine.h"
#include "view/view.h"

/*
 * Appends those that a question asks for, the latest first: what goes on, and what the store has.
 * @return 0; -EBADMSG a day of the store is damaged, the others were delivered; others of
 * store_query; -ENOMEM.
 */
int incidents_list(json_t *out, struct engine *engine, const struct wire_query *query,
		   uint32_t limit, struct err *e);

/* How the sentry is. */
json_t *incidents_status(struct engine *engine, usec_t now);
