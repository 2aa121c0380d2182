/* The parts of a world's file, each read in a file of its own. Private to harbour. */
#pragma once

#include "harbour/paper.h"

/* What one reading shares. */
struct chart {
	struct paper paper;
	struct harbour *harbour;
	const yaml_node_t *networks, *machines, *tour; /* NULL = not there */
	const yaml_node_t *runs[HARBOUR_MACHINES_MAX], *via[HARBOUR_MACHINES_MAX];
	const yaml_node_t *desk;
	bool host_named;
	uint32_t at; /* the machine that is read */
};

void chart_networks(struct chart *chart);
/* Also what they run. */
void chart_machines(struct chart *chart);
void chart_tour(struct chart *chart);

/* The machine of that name; harbour->machine_count with a fault. */
uint32_t chart_machine(struct chart *chart, const yaml_node_t *node);
