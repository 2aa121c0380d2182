/* Parts of text that protocols are told by. */
#pragma once

#include "tls/tls.h"

bool talk_begins(const uint8_t *bytes, size_t length, const char *with);
/* Without regard to case, as words of these protocols are. */
bool talk_names(const uint8_t *bytes, size_t length, const char *word);
