/* What happened to other machines, in words. */
#pragma once

#include <jansson.h>

#include "base/str.h"
#include "model/event.h"

/* One line, when other machines opened ports; `devices` of the daemon's status, or NULL. Appends.
 */
void devices_status_words(struct str *out, const json_t *devices);

/* Of which machine an event tells, and how it was seen. Appends. */
void devices_add_opening(struct str *out, const struct event *event);
