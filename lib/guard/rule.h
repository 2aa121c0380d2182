/* A rule of the kernel's side from a `program:`. Private to lib/guard. */
#pragma once

#include "bpf/guard.h"
#include "guard/guard.h"

/*
 * Fills in who is meant. What cannot be told as it is meant has GUARD_RULE_WATCH afterwards.
 * @param notes  receives what a person should know: bits 1 << enum guard_note_kind.
 * @return 0; -ENOMEM; what a function of the environment answered beyond -ENOENT.
 */
int rule_make(struct guard_rule *rule, uint32_t *notes,
	      const struct policy_declaration *declaration,
	      const struct guard_environment *environment, struct err *e);

/* Fills in the head of a set, of either guard; the version is the caller's. */
void rule_set_head(struct guard_head *head, const struct guard_environment *environment);
