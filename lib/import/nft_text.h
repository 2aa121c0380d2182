/* Rules of nft's JSON as a person writes them, for the report. Private to import. */
#pragma once

#include <jansson.h>

#include "base/str.h"

/* Appends "tcp dport { 80, 443 } accept"; what is not known is left as its bare name. */
void nft_text_rule(struct str *out, const json_t *expressions);
