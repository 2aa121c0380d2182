/* Explanations for machines. Every function returns a new reference, NULL when out of memory. */
#pragma once

#include "explain.h"
#include "view/view.h"

/* One subject: {"word", "kind": "port" | "word" | "program", ...}. */
json_t *explain_subject_json(const struct view *view, const struct explain *explain,
			     const struct subject *subject);

/* {"services": [...], "registry": [...]}. */
json_t *explain_matches_json(const struct view *view, const struct catalog_match *matches,
			     size_t count);
