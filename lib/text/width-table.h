/* Ranges of characters that take no column or two, generated from the Unicode Character Database.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct width_range {
	uint32_t first, last;
};

extern const struct width_range width_zero[];
extern const size_t width_zero_count;
extern const struct width_range width_wide[];
extern const size_t width_wide_count;
