/* What the map of all ports is drawn from: one look at the host, held against the policy. */
#pragma once

#include "base/vec.h"
#include "figure/figure.h"
#include "judge.h"
#include "model/inventory.h"

struct map_facts {
	VEC(struct figure_mark) marks; /* the most dangerous first; strings of the inventory */
	struct portset allowed;        /* numbers that the policy declares */
};

/* Gathers the host's own ports; those of other network namespaces are not its numbers.
 * @return 0 or -ENOMEM; free with map_facts_deinit in either case. */
int map_facts_find(struct map_facts *out, const struct inventory *inventory,
		   const struct judgement *judgement);
void map_facts_deinit(struct map_facts *facts);

/* The figure of these facts, which must outlive it. */
struct figure_map map_figure(const struct map_facts *facts, const struct context *context,
			     const struct inventory *inventory, const struct judgement *judgement);
