/* The generated table of messages, sorted by id. */
#pragma once

#include "text/text.h"

extern const struct message message_table[];
extern const size_t message_table_count;
