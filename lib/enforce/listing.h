/* nft's listing of our table, read for what should stay as it was. Private to lib/enforce. */
#pragma once

#include "base/str.h"

/* Appends the blocks of `text` that belong to the frame or the generation, or to nobody we know,
 * those of the generation last; without maps that switch generations, without elements that come and
 * go, and without the way out where the generation does not need it. Pure. */
void listing_reduce(struct str *out, const char *text, unsigned generation);

/* The number of a name "gN-...", 0 for any other name. */
unsigned listing_generation(const char *name);
