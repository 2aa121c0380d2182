/* Where the rules of other tools contradict the policy, read from the kernel. */
#pragma once

#include "base/err.h"
#include "base/vec.h"
#include "enforce/enforce.h"
#include "model/foreign.h"

struct contradictions {
	VEC(struct contradiction) list; /* at most CONTRADICTIONS_MAX */
	bool cut;                       /* there are more, or rules that could not be looked at */
};

/*
 * Lists every table but ours with libnftables and judges each rule. Needs CAP_NET_ADMIN.
 * @param ports  of the rules that hold. @param out  free with contradictions_deinit in every case.
 * @return 0; as enforce_foreign_tables.
 */
int contradictions_find(struct contradictions *out, const struct enforce_ports *ports,
			struct err *e);
void contradictions_deinit(struct contradictions *contradictions);
