/* Who gets in by a door, for people. Private to lib/enforce. */
#pragma once

#include "enforce/access.h"

/*
 * "office, 192.0.2.0/24", "lan -> dmz, 192.0.2.7 (eth1)", "192.0.2.53 (user _apt)", each as that
 * direction needs it. @return in the arena; NULL = nobody, or no memory.
 */
const char *change_words(struct arena *arena, const struct policy *policy,
			 const struct access *access, uint32_t door,
			 enum enforce_direction direction);
