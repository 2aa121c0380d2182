/* YAML as a tree of nodes that know where they stand. Private to policy. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/* The bytes of one file; lives as long as the nodes made of it. */
struct source {
	const char *name;
	const char *bytes;
	size_t length;
	const struct source *parent; /* the file that includes it, NULL = the first */
	uint32_t depth;
	struct source *next; /* all sources of one reading */
};

/* A place in a source: line and column from 0, in characters; length in characters. */
struct mark {
	const struct source *source;
	uint32_t line, column, length;
};

enum node_kind {
	NODE_TEXT,
	NODE_LIST,
	NODE_MAPPING,
	NODE_BROKEN, /* already complained about: no further word */
};

struct node {
	enum node_kind kind;
	bool word; /* to be written without quotes: a number, yes, a date */
	bool cut;  /* a fault ended the file inside it: what is missing was perhaps to come */
	bool flow; /* a list in [ ], a mapping in { } */
	struct mark mark;
	uint32_t start, end; /* characters of the source before it, and up to its end; the end of a
				container in block style is the next token's start */
	const char *text;    /* NODE_TEXT: terminated; the text has no NUL inside */
	struct node *key;    /* in a mapping: the key of this value */
	struct node *next;
	struct node *first, *last; /* items of a list, values of a mapping */
	uint32_t count;
};

struct reader;

/*
 * Reads a source into a tree; faults go to the reader's diagnostics. What stood before a fault that
 * ends the file is kept, with `cut` nodes.
 * @return 0 with *out set, NULL when there is nothing; -ENOMEM.
 */
int tree_read(const struct node **out, struct reader *reader, const struct source *source);

/* The value of a key; NULL when the mapping has none. */
const struct node *tree_get(const struct node *mapping, const char *key);

/* Makes nodes without a place, for writing. All return NULL when out of memory; NULL children are
 * passed through, so that one check at the end of a row of calls suffices. */
struct node *tree_text(struct arena *arena, const char *text);
/* A text that is to be written without quotes. */
struct node *tree_word(struct arena *arena, const char *word);
struct node *tree_list(struct arena *arena);
struct node *tree_mapping(struct arena *arena);
/* @return `item`, now the last of the list. */
struct node *tree_add(struct node *list, struct node *item);
/* @return `value`, now under `key` of the mapping. */
struct node *tree_put(struct arena *arena, struct node *mapping, const char *key,
		      struct node *value);

/* The value as one line for people: "[a, b]", "key: value, key: {...}". */
void tree_line(struct str *out, const struct node *node);

/* Whether other readers of YAML would take the plain text for something else than a text. */
bool tree_needs_quotes(const char *text);

/* Writes the tree as YAML: lists in [ ], mappings in blocks. @return 0 or -ENOMEM, -EFBIG (also in
 * out->error). */
int tree_write(struct str *out, const struct node *root);

/* The normal form of a policy; NULL when out of memory. */
struct policy;
struct node *policy_tree(struct arena *arena, const struct policy *policy);
