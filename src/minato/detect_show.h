/* Incidents of the detector in words and as JSON. */
#pragma once

#include <jansson.h>

#include "base/str.h"
#include "detect/detect.h"

/* Appends one line. @param with_target  whether to say which host it was. */
void detect_add_line(struct str *out, const struct detect_incident *incident, bool with_target);

/* A new reference; NULL when out of memory. */
json_t *detect_json(const struct detect_incident *incident);
