/* The rows of data/measures.yaml. Private to lib/measure. */
#pragma once

#include "measure/measure.h"

extern const struct measure measure_table[MEASURES];
