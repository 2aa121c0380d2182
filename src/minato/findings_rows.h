/* Findings for people. */
#pragma once

#include "command.h"
#include "model/finding.h"

/* Appends at most `most` findings: severity, what is, what mends it. */
void rows_findings(struct str *out, const struct context *context, const struct findings *findings,
		   size_t most);

/* Appends "1 critical, 2 high" for what there is; "none" words when there is nothing. */
void findings_count_words(struct str *out, const struct findings *findings);

/* Words of --fail-on, NULL-terminated, in the order of enum severity. */
extern const char *const severity_choices[];
