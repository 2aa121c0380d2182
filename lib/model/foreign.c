/* Lists of rules of other tools. */
#include "model/foreign.h"

#include <stdlib.h>

enum { NAMES_BYTES_MAX = 8 << 20 };

void foreign_rules_init(struct foreign_rules *rules)
{
	*rules = (struct foreign_rules){ 0 };
	arena_init(&rules->arena, NAMES_BYTES_MAX);
}

void foreign_rules_deinit(struct foreign_rules *rules)
{
	vec_free(&rules->list);
	arena_deinit(&rules->arena);
}
