/* What speaks at a port, in words and for machines. */
#pragma once

#include <jansson.h>

#include "base/str.h"
#include "command.h"
#include "identify/identify.h"

/* "OpenSSH 9.2p1", "Redis, without login". Appends; nothing for NULL. */
void services_cell(struct str *out, const struct identity *identity, const struct context *context);
/* As docs/design/json.md says; null for NULL. */
json_t *services_json(const struct identity *identity);
