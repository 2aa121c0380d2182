/* From accepted pieces to declarations. Private to import. */
#pragma once

#include "catalog/catalog.h"
#include "import/rules.h"

/* Ports of one protocol. */
struct port_piece {
	uint8_t traffic;
	uint16_t first, last;
};

/* One declaration to be. */
struct candidate {
	uint32_t order;     /* of the first rule that made it */
	uint32_t statement; /* that rule, or BY_DEFAULT */
	uint8_t place;      /* 0 = any interface */
	struct policy_rate rate;
	const struct spans *sources[FAMILIES];
	VEC(struct port_piece) ports;
	const char *group;
	const struct port_knowledge *knowledge; /* of the first port; NULL */
	bool closed;                            /* for nobody but the host itself */
	bool gone;                              /* joined with another, or left out */
};

struct candidates {
	VEC(struct candidate) list;
	bool open;  /* what nobody declared is accepted */
	bool pings; /* echo requests are answered */
};

/* Failures are in set->error. Free with candidates_deinit. */
void declare_accepted(struct candidates *out, struct ruleset *set, struct accepted *accepted);
void candidates_deinit(struct candidates *candidates);
