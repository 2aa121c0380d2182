/* The tables that tools/make-catalog and tools/make-glossary generate from data/. */
#pragma once

#include "catalog/catalog.h"

extern const struct service registry[]; /* by protocol, then port */
extern const size_t registry_count;
extern const uint16_t registry_by_name[]; /* indexes, by name without regard to case */
extern const char registry_descriptions[];

extern const struct port_group port_groups[]; /* by name */
extern const size_t port_group_count;

enum { KNOWLEDGE_MAX = 1024 }; /* make-catalog refuses more */

extern const struct port_knowledge knowledge[]; /* by first port */
extern const size_t knowledge_count;
extern const uint16_t knowledge_by_name[];

/* A program of the overlay and an entry that names it. */
struct knowledge_program {
	const char *name;
	uint16_t entry; /* index into knowledge */
};
/* By name (strcmp), then entry. */
extern const struct knowledge_program knowledge_programs[];
extern const size_t knowledge_program_count;

/* Whether a program of the overlay is the one that runs: its name, or the kernel's 15 bytes of it.
 */
bool program_is(const char *program, const char *running);

/* A number of the overlay and the entry that explains it. */
struct knowledge_number {
	uint8_t protocol;
	uint16_t port;
	uint16_t entry; /* index into knowledge */
};
/* Single numbers, by protocol and port; the most common entry of a number first. */
extern const struct knowledge_number knowledge_numbers[];
extern const size_t knowledge_number_count;

struct knowledge_range {
	struct port_span span;
	uint16_t entry;
};
/* Ranges, the narrowest first. */
extern const struct knowledge_range knowledge_ranges[];
extern const size_t knowledge_range_count;

extern const struct profile profiles[]; /* by name */
extern const size_t profile_count;

struct client_program {
	const char *name;
	uint8_t use; /* index into client_uses */
};
extern const struct client_use client_uses[]; /* "other" last */
extern const size_t client_use_count;
extern const struct client_program client_programs[]; /* by name */
extern const size_t client_program_count;
/* Use of connections to a port of a group: parallel to port_groups, indexes into client_uses. */
extern const uint8_t client_use_of_group[];
/* Use of connections to a port with one bit of enum port_use; parallel to the bits. */
extern const uint8_t client_use_of_port_use[];

/* From data/glossary.yaml, by tools/make-glossary. */
extern const struct glossary_term glossary[]; /* by group */
extern const size_t glossary_count;
