/* Explanations for machines. Every function returns a new reference, NULL when out of memory. */
#pragma once

#include "explain.h"
#include "view/view.h"

/* One subject: {"word", "kind": "port" | "word" | "program" | "address" | "term", "term", ...};
 * `term` is what the glossary says of the word, null when it says nothing. */
json_t *explain_subject_json(const struct view *view, const struct explain *explain,
			     const struct subject *subject);

/* A term of the glossary: {"term", "title", "also", "group", "text", "see", "try", "figure"}. */
json_t *explain_term_json(const struct view *view, const struct glossary_term *term);

/* {"services": [...], "registry": [...]}. */
json_t *explain_matches_json(const struct view *view, const struct catalog_match *matches,
			     size_t count);
