/* What the bind guard says of itself, in words and for machines. */
#pragma once

#include <jansson.h>

#include "command.h"
#include "guard/guard.h"

void guard_add_status(struct str *out, const struct guard_status *status);
/* What a person should know about single declarations; nothing when there is nothing. */
void guard_add_notes(struct str *out, const struct guard_table *table);
json_t *guard_json(const struct guard_status *status, const struct context *context);

/* Where the bind guard of this host stands, and what it may use. */
struct guard_place guard_where(void);

/* Ends the bind guard and gives back the ports that it reserved. @param quiet nothing is said when
 * there is none. @return an exit code. */
int guard_off(const struct context *context, bool quiet);
