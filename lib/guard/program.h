/* Declared programs; private to lib/guard. */
#pragma once

#include <stdbool.h>

#include "base/str.h"
#include "policy/policy.h"

/* Whether `program:` names anything. */
bool program_is_given(const struct policy_program *program);
/* "unit: web.service, user: www-data", as the policy writes it. Appends. */
void program_format(struct str *out, const struct policy_program *program);
