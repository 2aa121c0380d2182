/* Values of parameters. Private to lib/web. */
#pragma once

#include "web/web.h"

/* Reads one decoded value into its field. @return 0 or -EINVAL. */
int value_read(struct wire_query *query, const struct web_parameter *parameter, const char *text);

/* What the value has to be, for the sentence of a fault. */
const char *value_expected(enum web_value value);
