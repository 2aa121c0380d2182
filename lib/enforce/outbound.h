/* What this host connects to. Private to lib/enforce. */
#pragma once

#include "enforce/enforce.h"

/* Appends the chains and sets for it. @return as enforce_rules(). */
int outbound_rules(struct str *out, const struct policy *policy, unsigned generation,
		   const struct enforce_environment *environment, struct err *e);

/* Whether a declaration has a user who is known here, or needs none.
 * @param uid  receives the number; UINT32_MAX, nobody's, without one. */
bool outbound_user(uint32_t *uid, const struct policy_declaration *d,
		   const struct enforce_environment *environment);
