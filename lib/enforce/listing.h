/* nft's listing of our table, read for what should stay as it was. Private to lib/enforce. */
#pragma once

#include "base/str.h"

/* Appends the blocks of `text` that belong to the frame or the generation, or to nobody we know,
 * those of the generation last; without maps that switch generations, without elements that come
 * and go, and without the way out where the generation does not need it. Pure. */
void listing_reduce(struct str *out, const char *text, unsigned generation);

/* Appends the blocks of that generation alone, without what is beneath it. Pure. */
void listing_own(struct str *out, const char *text, unsigned generation);

/* Appends what listing_reduce() makes of a layer and all that is beneath it: from its own blocks
 * and the reduced listing of the generation right beneath. Pure. */
void listing_lay(struct str *out, const char *beneath, const char *layer);

/* The number of a name "gN-...", 0 for any other name. */
unsigned listing_generation(const char *name);
