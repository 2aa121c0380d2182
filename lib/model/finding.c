/* Findings and their evidence. */
#include "model/finding.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void findings_init(struct findings *findings)
{
	*findings = (struct findings){ 0 };
	arena_init(&findings->arena, 0);
}

void findings_deinit(struct findings *findings)
{
	if (findings != NULL) {
		arena_deinit(&findings->arena);
		vec_free(&findings->list);
	}
}

const char *finding_fact(const struct finding *finding, const char *name)
{
	for (uint32_t i = 0; i < finding->fact_count; i++) {
		if (strcmp(finding->facts[i].name, name) == 0) {
			return finding->facts[i].value;
		}
	}
	return NULL;
}

int finding_add_fact(struct findings *findings, struct finding *finding, const char *name,
		     const char *value)
{
	if (finding->fact_count == FINDING_FACTS_MAX) {
		return -ENOSPC;
	}
	char *copy = arena_strdup(&findings->arena, value);
	if (copy == NULL) {
		return -ENOMEM;
	}
	finding->facts[finding->fact_count++] = (struct finding_fact){ name, copy };
	return 0;
}
