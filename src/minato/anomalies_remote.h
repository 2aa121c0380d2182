/* What the daemon says is unusual. */
#pragma once

#include <jansson.h>

#include "command.h"
#include "model/finding.h"

/* Asks for the document of /v1/anomalies and complains where it cannot be had. @param out  to be
 * released with json_decref. @return an exit code. */
int anomalies_fetch(json_t **out, const struct context *context);

/* The entry of an id in one of its lists ("anomalies", "fine"); NULL when there is none. */
const json_t *anomalies_find(const json_t *document, const char *list, const char *id);

/* The finding of an entry, so that it is written in the reader's language. An entry that is not
 * understood is left out. */
void anomalies_finding(struct findings *out, const json_t *entry);
