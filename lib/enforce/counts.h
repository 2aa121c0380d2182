/* Counts of refused packets in order. Private to lib/enforce. */
#pragma once

#include "enforce/enforce.h"

/* Sorts them, most packets first. */
void counts_rank(struct enforce_counts *counts);
