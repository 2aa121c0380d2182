/* What happened to other machines, in words. */
#pragma once

#include "base/str.h"
#include "model/event.h"

/* Of which machine an event tells, and how it was seen. Appends. */
void devices_add_opening(struct str *out, const struct event *event);
