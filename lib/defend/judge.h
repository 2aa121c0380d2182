/* What the parts of the decision share. Private to defend. */
#pragma once

#include "defend/defend.h"

/* Whether never: or never_cut: has somebody of the target. */
bool defend_is_never(const struct policy *policy, const struct prefix *target);
/* Whether a declaration names somebody of the target. */
bool defend_is_named(const struct policy *policy, const struct prefix *target);
