/* A difference that somebody should act on. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/vec.h"
#include "model/severity.h"

enum {
	FINDING_FACTS_MAX = 12,
	FINDING_NO_INDEX = UINT32_MAX,
};

/* One piece of evidence; the message of the finding may name it as {name}. Strings in the arena. */
struct finding_fact {
	const char *name;  /* full words, snake_case: "port", "process", "declared_address" */
	const char *value; /* may be foreign bytes (process names): escape before showing */
};

struct finding {
	const char *id; /* stable, as in data/messages.yaml: "undeclared-listener"; static string */
	enum severity severity;
	uint32_t listener;       /* index into the inventory's listeners, or FINDING_NO_INDEX */
	uint32_t published;      /* index into its published ports, or FINDING_NO_INDEX */
	const char *declaration; /* name in the policy (`ports:` key), NULL = none */
	uint32_t fact_count;
	struct finding_fact facts[FINDING_FACTS_MAX];
};

struct findings {
	struct arena arena;
	VEC(struct finding) list; /* worst first */
};

/* An empty set on the caller's memory. */
void findings_init(struct findings *findings);
/* Frees all; NULL is allowed. */
void findings_deinit(struct findings *findings);

/* Value of a fact; NULL when the finding has none of that name. */
const char *finding_fact(const struct finding *finding, const char *name);

/* Adds a fact, copying `value` into the arena. @return 0, -ENOMEM, -ENOSPC beyond
 * FINDING_FACTS_MAX. */
int finding_add_fact(struct findings *findings, struct finding *finding, const char *name,
		     const char *value);
