/* How the daemon is, as JSON. */
#pragma once

#include <jansson.h>

#include "engine.h"

/* @return a new reference; NULL when out of memory. */
json_t *status_document(struct engine *engine, usec_t now);
