/* One day's file: opening, recognising, migrating, putting aside. */
#pragma once

#include <errno.h>
#include <libintl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"
#include "store/day.h"
#include "store/migration.h"

/* An event in a row: columns of what is selected, and parameters (from 1) of what is inserted. */
enum event_column {
	COLUMN_ID,
	COLUMN_LAG,
	COLUMN_KIND,
	COLUMN_PROTOCOL,
	COLUMN_ADDRESS,
	COLUMN_PORT,
	COLUMN_NETNS,
	COLUMN_COOKIE,
	COLUMN_PID,
	COLUMN_UID,
	COLUMN_COUNT,
	COLUMN_PROCESS,
	COLUMN_EXECUTABLE,
	COLUMN_UNIT,
	COLUMN_CONTAINER,
	COLUMN_FINDING,
	COLUMN_DETAIL,
};

#define _(text) gettext(text)
#define VFS_NAME "minato-directory"

enum {
	/* The event table exists from this version on; later steps may only add to it, because the
	 * files of past days are read as they are. */
	DAY_VERSION_OLDEST = 1,
};

/* Registers VFS_NAME once. @return 0, -ENOSYS, -ENOMEM. */
int vfs_register(void);

/* The negative errno for SQLite's result; -EBADMSG for a damaged or foreign file. */
int day_file_errno(sqlite3 *db, int result);

/* Records SQLite's failure with the day's name. @return its negative errno. */
int day_file_error(sqlite3 *db, int result, int64_t day, struct err *e);

/* Closes a connection (NULL is allowed). @return NULL. */
sqlite3 *day_file_close(sqlite3 *db);
void day_file_closep(sqlite3 **db);
void statement_finalizep(sqlite3_stmt **statement);

/* Opens for writing; creates and migrates as needed. @return 0; -EBADMSG when it is damaged,
 * foreign or of a newer version, and untouched then; other negative errno. */
int day_file_open_writer(sqlite3 **out, int directory, int64_t day, struct err *e);

/* Makes one plain file of it where nobody is reading: the log and its index go. Best effort, the
 * file is whole and readable either way. */
void day_file_finish(sqlite3 *db);

/* Opens for reading. @return 0 with `*out` NULL when there is nothing in it or it is gone; -EBADMSG
 * and others as above. */
int day_file_open_reader(sqlite3 **out, int directory, int64_t day, struct err *e);

/* Brings a file from `user_version` to `count`, each step in a transaction of its own.
 * @return SQLite's result. */
int day_file_migrate(sqlite3 *db, const struct migration *steps, size_t count);

/* Runs statements without results. @return SQLite's result. */
int day_file_run(sqlite3 *db, const char *sql);

/* First column of the first row. @return SQLite's result. */
int day_file_number(int64_t *out, sqlite3 *db, const char *sql);

/* Renames the file and its companions to FILE.aside-N, the first N that is free.
 * @param name  DAY_NAME_BYTES: receives the new name. */
int day_file_put_aside(char *name, int directory, int64_t day, struct err *e);

/* Greatest id of a day, 0 when there is none. A damaged file counts as empty: it will be put
 * aside. @return 0 or negative errno. */
int day_file_last_id(uint64_t *out, int directory, int64_t day, struct err *e);

struct day_list {
	VEC(int64_t) days;
};

/* The days that have a file, oldest first. The caller frees `out->days`. @return 0 or negative
 * errno. */
int day_list_read(struct day_list *out, int directory, struct err *e);
