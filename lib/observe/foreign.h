/* Rules of other tools, as nft prints them. Private to lib/observe. */
#pragma once

#include <jansson.h>

#include "model/foreign.h"

/* Both as observe_foreign_rules(). @param parts  of iptables, as xt_put_in() takes them; NULL =
 * none. */
int foreign_read_document(struct foreign_rules *out, const json_t *document);
int foreign_read(struct foreign_rules *out, const char *text, size_t length, const json_t *parts);
