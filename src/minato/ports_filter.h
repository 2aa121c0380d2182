/* Which rows of the inventory a person asked for. */
#pragma once

#include <stdbool.h>

#include "catalog/catalog.h"
#include "command.h"
#include "model/inventory.h"

/* Unset members let everything through. */
struct ports_filter {
	struct option_ports ports;
	int class;           /* 0 = any, else enum port_class + 1 */
	int protocol;        /* 0 = any, else an index into filter_protocols */
	int exposure;        /* 0 = any, else an index into filter_exposures */
	const char *process; /* part of the name or of the executable's path */
	const char *user;
	const char *unit;      /* with or without ".service" */
	const char *container; /* name or beginning of the id */
	const char *netns;
	uint64_t pid; /* 0 = any */
};

/* Words of the choices, NULL-terminated; the first stands for "any". */
extern const char *const filter_classes[];
extern const char *const filter_protocols[];
extern const char *const filter_exposures[];

bool filter_listener(const struct ports_filter *filter, const struct inventory *inventory,
		     const struct listener *listener);
bool filter_published(const struct ports_filter *filter, const struct inventory *inventory,
		      const struct published *published);
bool filter_connection(const struct ports_filter *filter, const struct inventory *inventory,
		       const struct connection *connection);

/* Whether anything but ports is asked for, so that owners must be known in detail. */
bool filter_needs_details(const struct ports_filter *filter);
