/* A file of YAML while it is read: nodes that know where they stand, and faults. Private. */
#pragma once

#include <stdarg.h>
#include <yaml.h>

#include "harbour/harbour.h"
#include "harbour/words.h"

enum { FAULTS_MAX = 50 };

struct paper {
	const char *name;
	const char *bytes;
	size_t length;
	yaml_document_t document;
	struct str *faults;
	uint32_t fault_count;
	struct arena *arena; /* of what is made from it */
	bool out_of_memory;
};

/* Adds a fault at a place; lines and columns count from 0. */
void paper_fault_at(struct paper *paper, size_t line, size_t column, const char *format,
		    va_list arguments);
/* The same at a node. */
void paper_fault(struct paper *paper, const yaml_node_t *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Reads the bytes into the document. @return 0; -EINVAL with a fault. Then paper_close(). */
int paper_open(struct paper *paper);
void paper_close(struct paper *paper);

/* A copy in the arena, "" when out of memory. */
const char *paper_keep(struct paper *paper, const char *text);
/* A text that is not empty; NULL with a fault. */
const char *paper_text(struct paper *paper, const yaml_node_t *node);
/* As a name of a machine, a network or a process. */
const char *paper_name(struct paper *paper, const yaml_node_t *node);
/* A number in its range; 0 with a fault. */
uint32_t paper_number(struct paper *paper, const yaml_node_t *node, uint32_t min, uint32_t max);
/* yes, no, true, false. */
bool paper_yes(struct paper *paper, const yaml_node_t *node);
/* One text for both languages, or {en: ..., ja: ...}. */
struct text paper_words(struct paper *paper, const yaml_node_t *node);

/* A key of a mapping and who takes its value. */
struct paper_key {
	const char *name;
	void (*take)(struct paper *paper, const yaml_node_t *value, void *into);
	bool needed;
};

/* Gives each value of a mapping to its key; unknown, double and missing keys are faults. */
void paper_mapping(struct paper *paper, const yaml_node_t *node, const struct paper_key *keys,
		   size_t count, void *into);

/* Calls for each pair of a mapping, at most `max`. */
void paper_pairs(struct paper *paper, const yaml_node_t *node, uint32_t max,
		 void (*take)(struct paper *paper, const yaml_node_t *key, const yaml_node_t *value,
			      void *into),
		 void *into);
/* Calls for each item of a list, at most `max`. */
void paper_items(struct paper *paper, const yaml_node_t *node, uint32_t max,
		 void (*take)(struct paper *paper, const yaml_node_t *item, void *into),
		 void *into);
/* How many items a list has; 0 for anything else. */
uint32_t paper_count(const yaml_node_t *node);
