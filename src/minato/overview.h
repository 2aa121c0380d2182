/* One look at the host with all that is known of it: what `minato status` and the report tell. */
#pragma once

#include "catalog/catalog.h"
#include "clients.h"
#include "command.h"
#include "daemon_state.h"
#include "judge.h"
#include "measures.h"
#include "model/inventory.h"
#include "move.h"
#include "rules_state.h"

struct overview {
	const struct context *context;
	struct inventory inventory;
	struct judgement judgement;
	struct clients clients;
	struct measures measures;
	struct daemon_state daemon;
	struct rules_state rules;
	struct moving moving;                 /* the move of a port that is under way */
	uint32_t listeners[PORT_CLASS_COUNT]; /* services: distinct port and protocol of the host */
	uint32_t high_services;
	uint32_t exposed; /* services on an address that others can reach */
};

/* Looks and asks. @return EXIT_IN_ORDER, then it needs overview_deinit; else the exit code, after
 * having complained. */
int overview_find(struct overview *out, const struct context *context);
void overview_deinit(struct overview *overview);

/* What the kernel said of a port; NULL = nothing, as of other network namespaces. */
const struct reach_port *overview_reached(const struct overview *overview, uint32_t netns,
					  enum protocol protocol, uint16_t port);

/* How much of the ephemeral range the host's own connections use. */
double overview_ephemeral_percent(const struct overview *overview);
