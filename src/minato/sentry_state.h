/* How the daemon sees port scans, for `minato status`. */
#pragma once

#include <jansson.h>

#include "base/str.h"
#include "command.h"

/* Appends a line; nothing when the daemon told nothing (NULL). */
void sentry_state_words(struct str *out, const json_t *sentry, const struct context *context);
