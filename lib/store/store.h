/*
 * The memory of the host: events in SQLite, one file per day (UTC), events-YYYY-MM-DD.sqlite in one
 * directory. One writer at a time; any number of readers, also in other processes and without
 * rights to write.
 *
 * Durability: what store_flush() has acknowledged survives kill -9 and power loss (WAL,
 * synchronous=FULL). What was only appended does not.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/when.h"
#include "model/event.h"

struct store;

enum {
	STORE_PENDING_MAX = 4096, /* appended and not flushed; about 1 KiB each */
};

/*
 * Opens the directory for writing and takes its lock; nothing is created before the first flush.
 * @param out        untouched on failure; store_close() it.
 * @param directory  must exist and be writable.
 * @return 0; -EBUSY another process writes there; -ENOENT, -ENOTDIR, -EACCES ... of the directory;
 *         -ENOMEM.
 */
int store_open(struct store **out, const char *directory, struct err *e);

/* The same for a descriptor of the directory, which stays the caller's. It may have been handed
 * over by a process with more rights: the path to the directory need not be reachable. */
int store_open_at(struct store **out, int directory, struct err *e);

/* Gives the lock back. Events that were not flushed are given up. @return NULL; NULL is allowed. */
struct store *store_close(struct store *store);

/*
 * Takes one event into memory and gives it its id: its time in microseconds, or the next free
 * number above. Ids are unique for ever and grow, except when the clock is set back by more than a
 * day.
 * @param event  its `id` is set on success; the rest is copied. An id that it brings along is kept
 *               when it is greater than every id so far and not before its time: for a caller that
 * has to name an event before the store has taken it.
 * @return 0; -ENOBUFS when STORE_PENDING_MAX wait (flush first; the event is not taken);
 *         -ERANGE when its time is outside the years 1970-9999; -ENOMEM;
 *         an error of reading a day that was begun before.
 */
int store_append(struct store *store, struct event *event, struct err *e);

/* The id given last, by this store or the ones before it; 0 = none. */
uint64_t store_last_id(const struct store *store);

/* How many appended events are not acknowledged: always the last ones. */
uint32_t store_pending(const struct store *store);

/*
 * Writes what is pending. On success all of it is durable. On failure whole days may have been
 * written, store_pending() tells what still waits, and the call may be repeated: nothing is
 * acknowledged that is not on the disk, nothing is written twice.
 *
 * A day's file that is damaged, foreign or of a newer version is not touched: it is renamed to
 * FILE.aside-N with its companions, a new one is begun, and an event of kind store_damaged whose
 * detail names the renamed file is stored with the rest.
 * @return 0; -ENOSPC disk full; -EBUSY another program holds the file locked; -EIO and other
 *         errors of the file system; -ENOMEM.
 */
int store_flush(struct store *store, struct err *e);

/*
 * Removes the files of days that are over since more than `days` days (renamed ones too).
 * @param days     1 keeps yesterday and today.
 * @param removed  number of days removed; may be NULL.
 * @return 0, or the error of the directory.
 */
int store_retain(struct store *store, usec_t now, uint32_t days, uint32_t *removed, struct err *e);

/* Which events. Zero selects all; every field that is set must match. */
struct store_filter {
	usec_t from; /* not earlier; 0 = no bound */
	usec_t to;   /* earlier than this; 0 = no bound */
	uint64_t after_id;
	bool has_ports;
	uint16_t first_port, last_port; /* events about no port (port 0) never match */
	enum protocol protocol;         /* PROTOCOL_NONE = any */
	struct prefix address;          /* family ADDR_NONE = any */
	const char *process;            /* exact name; NULL = any */
	uint64_t kinds;                 /* EVENT_BIT(), or-ed; 0 = any */
	uint32_t netns;                 /* inode; 0 = any */
	uint64_t limit;                 /* at most so many; 0 = all */
	bool newest_first;              /* by id, otherwise oldest first */
};

/* Whether one event matches (`limit` and order aside); for live streams. */
bool store_filter_matches(const struct store_filter *filter, const struct event *event);

/* Gets each event found, valid during the call. @return 0 to go on, 1 to stop, negative errno to
 * stop with that error. */
typedef int store_found(const struct event *event, void *data);

/*
 * Finds acknowledged events over all days, in the order of recording (by id). Needs read access
 * alone, and works while another process writes.
 * @param directory  descriptor of the store's directory.
 * @return 0, also when nothing was ever stored; -EBADMSG when a day is damaged or foreign (the
 *         other days were delivered all the same; `e` names the first); -EACCES; -EIO; -ENOMEM;
 *         the callback's error.
 */
int store_query(int directory, const struct store_filter *filter, store_found *found, void *data,
		struct err *e);

/* Counts what matches (`limit` aside). @return as store_query. */
int store_count(uint64_t *out, int directory, const struct store_filter *filter, struct err *e);

struct store_summary {
	uint32_t days;               /* files */
	uint32_t aside;              /* files that were moved aside */
	uint64_t bytes;              /* of all of them with their companions */
	int64_t first_day, last_day; /* days since 1970-01-01; meaningless when days = 0 */
};

/* What the directory holds. @return 0, or the error of the directory. */
int store_summary(struct store_summary *out, int directory, struct err *e);
