/* What the rest of the store may know of the writer. */
#pragma once

#include <stdint.h>

struct store;

/* Descriptor of its directory; the store's. */
int writer_directory(const struct store *store);
/* The day whose file is open, -1 = none. */
int64_t writer_day(const struct store *store);
