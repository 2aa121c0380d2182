/* What one reading of a policy shares. Private to policy. */
#pragma once

#include <stdio.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "policy/policy.h"
#include "policy/schema.h"
#include "policy/tree.h"

/* One named thing while it is read: a who, a declaration, a host. */
struct draft {
	void *entry; /* begins with struct policy_entry */
	const struct node *node;
	uint32_t index;    /* in order of reading */
	UT_hash_handle hh; /* by name, in its bag */
};

/* The named things of one `POLICY_LIST`, until all files are read. */
struct bag {
	void *list; /* the POLICY_LIST that receives them */
	const struct schema_mapping *of;
	struct draft *drafts; /* hash, also in order of reading */
	uint32_t count;
	struct bag *older;
};

/* A `from:` that waits until every who is known. */
struct waiting {
	void *list; /* POLICY_LIST(struct policy_from) */
	const struct node *node;
	const char *key;  /* "from", "to", "never_cut" */
	bool people_only; /* never_cut: neither any nor host */
};

/* Which entries of `ports:` were read anew by tree_splice(): in a row, of the old tree and of the
 * new one. */
struct spliced {
	const struct node *old, *new;
	uint32_t old_count, new_count; /* 0 = none were */
};

struct policy_reading;

struct reader {
	const struct policy_environment *environment;
	const struct policy_reading *former; /* of nearly the same first file; NULL = none */
	struct spliced spliced;
	struct policy_diagnostics *diagnostics;
	struct policy policy; /* being made */
	struct arena arena;   /* dies with the reading: nodes, sources, drafts */
	struct source *sources;
	uint32_t source_count;
	uint32_t values;                 /* nodes made so far */
	uint32_t host_names;             /* read so far */
	const struct portset *ephemeral; /* ports that the kernel may hand out */
	bool cut;                        /* some file could not be read to its end */
	const struct node *defaults;     /* key of the first defaults: */
	struct bag *bags;                /* newest first */
	VEC(struct waiting) waiting;
	VEC(struct policy_diagnostic) faults;
	int error; /* -ENOMEM once */
};

/* A reading that is kept: the policy, and the tree of the file that it begins with. */
struct policy_reading {
	struct reader reader;
	struct source first;
	const struct node *root; /* a mapping; in reader.arena */
};

/* Arguments of a message, terminated. */
#define ARGUMENTS(...) ((const struct message_argument[]){ __VA_ARGS__, { NULL, NULL } })
#define NO_ARGUMENTS ((const struct message_argument[]){ { NULL, NULL } })

/*
 * Records a fault; values are copied.
 * @param id    static string of data/messages/policy.yaml, whose severity says error or warning.
 * @param near  what was probably meant, or NULL.
 */
void fault_at(struct reader *reader, const struct mark *mark, const char *id, const char *near,
	      const struct message_argument *arguments);
/* The same at a node (or at its key, when the value is empty). */
void fault(struct reader *reader, const struct node *node, const char *id, const char *near,
	   const struct message_argument *arguments);

/* "file:line:column" of a node, in the reader's arena; "" when out of memory. */
const char *place_text(struct reader *reader, const struct mark *mark);

/* Sorts the faults and hands them to the diagnostics. @return 0 or -ENOMEM. */
int faults_finish(struct reader *reader);

/*
 * As tree_read(), by what is different from a former reading, which must outlive this one: its
 * texts are used. @return 1 with *out set; 0 when that cannot be told for certain: tree_read() can;
 * -ENOMEM.
 */
int tree_splice(const struct node **out, struct reader *reader, const struct source *source,
		const struct policy_reading *former);

/* As policy_read(), of a text that is nearly the same as one that was read. @param former  NULL =
 * none; must outlive the reading. */
int policy_read_again(struct policy_reading **out, struct policy_diagnostics *diagnostics,
		      const struct policy_text *text, const struct policy_environment *environment,
		      const struct policy_reading *former);

/* Looks for bytes that no policy may hold. @return whether the source may be read on. */
bool source_check(struct reader *reader, const struct source *source);

/* Whether a character has no place in a policy: it is not seen, or makes others look different. */
bool character_hidden(uint32_t code);

/* Memory of the reading, or of the policy; failure sticks in reader->error. */
void *reader_alloc(struct reader *reader, size_t bytes);
void *policy_alloc(struct reader *reader, size_t bytes);
const char *policy_strdup(struct reader *reader, const char *text);

/* Reads a mapping by its rows into `target`. */
void read_mapping(struct reader *reader, const struct node *node,
		  const struct schema_mapping *mapping, void *target);

/* Reads one value by its row; `field` is the place in the target structure. */
void read_value(struct reader *reader, const struct node *node, const struct schema_key *key,
		void *field);

enum { NAME_BYTES_MAX = 63 }; /* of an entry, as a DNS label, RFC 1035 2.3.4 */

/* Whether an entry may be called so. */
bool name_valid(const char *name);

/* Sets what the fields hold when nobody says anything. */
void fill_fallbacks(const struct schema_mapping *mapping, char *target);

/* Reads `include:`; the files are appended to reader->sources. */
void read_include(struct reader *reader, const struct node *node);

/* The part of read_value for values that hold others: maps, mappings, included files. */
void read_container(struct reader *reader, const struct node *node, const struct schema_key *key,
		    void *field);

/* The text of a node; NULL after a complaint. */
const char *text_of(struct reader *reader, const struct node *node, const char *key);
/* A fault whose one argument is the node's text. */
void bad(struct reader *reader, const struct node *node, const char *id);

/* Reads `name:` of a who into a POLICY_LIST(struct policy_host_name). */
void read_host_names(struct reader *reader, const struct node *node, void *field);
/* Once all of a who is read: its addresses and those of its names become one list. */
void join_names(struct reader *reader);

/* Reads the names of a `from:` whose who entries are all known. */
void read_from(struct reader *reader, const struct waiting *waiting);

/* A who's index by name; UINT32_MAX when there is none. */
uint32_t who_find(const struct reader *reader, const char *name);

/* The bag of a list; NULL when nothing was read into it. */
struct bag *bag_find(const struct reader *reader, const void *list);

/* Fills in what a declaration takes from its profile. */
void fill_profile(struct reader *reader, struct policy_declaration *declaration,
		  const struct node *node);

/* Checks what takes the whole policy to judge: profiles, reasons, dates, overlaps, clashes. */
void check_policy(struct reader *reader);
