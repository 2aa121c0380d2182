/* What the bind guard says of itself, in words and for machines. */
#pragma once

#include <jansson.h>

#include "command.h"
#include "guard/guard.h"

void guard_add_status(struct str *out, const struct guard_status *status);
/* What a person should know about single declarations; nothing when there is nothing. */
void guard_add_notes(struct str *out, const struct guard_table *table);
/* Both, after a guard was loaded. @param too_many as of guard_put(). */
void guard_add_loaded(struct str *out, const struct guard_status *status,
		      const struct guard_table *table, bool too_many);
json_t *guard_json(const struct guard_status *status, const struct context *context);
