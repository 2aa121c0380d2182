/* What stands in our table, asked of the kernel by name alone: nft reads every element of every set
 * before it lists anything. Private to lib/enforce. */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

enum object_kind {
	OBJECT_CHAIN,
	OBJECT_SET,
	OBJECT_MAP,
};

/* @param name of the table inet minato; lives during the call. @return 0 to go on, or the errno
 * that objects_list then returns. */
typedef int object_function(enum object_kind kind, const char *name, void *data);

/* The names of every chain, named set and named map of the table, as they stood at one moment. */
struct objects {
	struct str text;
};

/* @param out  to be freed by objects_deinit(); empty without a table. @return 0; -EPERM; other
 * negative errno. */
int objects_read(struct objects *out, struct err *e);
void objects_deinit(struct objects *objects);

/* Calls for each. @return 0, or what the function returned. */
int objects_each(const struct objects *objects, object_function *function, void *data);

/* All three in one. @return as objects_read() and objects_each(). */
int objects_list(object_function *function, void *data, struct err *e);

/* @param family  as nft writes it. @return 0 to go on, or the errno that objects_tables returns. */
typedef int table_function(const char *family, const char *name, void *data);

/* Calls for every table of every family. @return 0; -EPERM; other negative errno. */
int objects_tables(table_function *function, void *data, struct err *e);

/* Whether the table sleeps (flags dormant): then no packet meets it. @return 1, 0 (also without a
 * table), or errno. */
int objects_table_sleeps(struct err *e);

/* Whether a rule of the chain looks into the set or map of that name. @return 1, 0, or errno. */
int objects_chain_asks(const char *chain, const char *set, struct err *e);
