/* A ruleset as `nft -a list ruleset` prints it: which chain hangs where, which rule has which text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/portset.h"
#include "base/str.h"
#include "base/vec.h"

enum { RULES_MAX_BYTES = 64 << 20 };

struct rule {
	const char *text;
	uint64_t handle;
};

struct chain {
	const char *family, *table, *name;
	const char *type, *hook; /* of a base chain; NULL otherwise */
	size_t first, count;     /* rules */
};

struct table {
	const char *family, *name;
	const char *text; /* the whole block, for loading */
	size_t length;
	bool foreign; /* holds matches that nft prints but cannot read again */
};

/* Texts point into `text` and `words`, which belong to it. */
struct twin_rules {
	char *text;  /* the listing, as it was */
	char *words; /* a copy, cut into its words */
	VEC(struct table) tables;
	VEC(struct chain) chains; /* sorted by family, table, name */
	VEC(struct rule) rules;
};

/*
 * Leaves out whom minato's own rules counted as refused: elements that packets add, tens of
 * thousands after one scan, and that decide nothing. In place; the listing gets shorter.
 */
void rules_forget_counted(char *listing);

/*
 * @param text taken over, also on failure; freed by twin_rules_deinit(). NULL = out of memory.
 * @return 0 or -ENOMEM. What is not understood is passed over: the kernel has judged it before.
 */
int twin_rules_read(struct twin_rules *out, char *text);
void twin_rules_deinit(struct twin_rules *rules);

/* @return NULL when there is none. */
const struct chain *twin_rules_chain(const struct twin_rules *rules, const char *family,
				     const char *table, const char *chain);

/* The place of a rule within its chain. @return whether it is there. */
bool twin_rules_place(size_t *place, const struct twin_rules *rules, const struct chain *chain,
		      uint64_t handle);

/*
 * Gives the rules the handles that they have in a copy: rules keep their place in a chain.
 * @param handles lines of "FAMILY TABLE CHAIN HANDLE", those of a chain together and in order; cut
 *                into words. A rule that has none gets 0.
 */
void twin_rules_renumber(struct twin_rules *rules, char *handles);

/*
 * The rules of iptables as iptables-save prints them: the text of rule number `place` of a chain.
 * @param saved the whole text, or NULL.
 * @return 0 with the line in `out`; -ENOENT.
 */
int rules_saved(struct str *out, const char *saved, const char *table, const char *chain,
		size_t place);

/* Appends the part of one table, as iptables-restore takes it. @return 0; -ENOENT. */
int rules_saved_table(struct str *out, const char *saved, const char *table);

/* Appends a table as it can be loaded by somebody else: a table of one owner (flags owner) would go
 * when nft ends. @return 0 or the first error of `out`. */
int rules_loadable(struct str *out, const struct table *table);

/* Adds each number that a listing has and that may be a port, with the ones beside it: between
 * those nothing changes, but for masks and chance. */
void rules_edges(struct portset *out, const char *text);

/* Appends "reject with ..." of a rule, as "tcp reset". @return whether it rejects. */
bool rules_rejects(struct str *out, const char *rule);
