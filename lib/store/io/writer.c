/* Appending and flushing. */
#include "store/io/writer.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "store/io/day-file.h"
#include "store/io/intern.h"
#include "store/store.h"

struct store {
	int directory;
	uint64_t last_id; /* given last; 0 = none yet */
	int64_t id_day;   /* day whose greatest id is known to be <= last_id; -1 = none */
	VEC(struct event) pending;
	sqlite3 *db; /* of open_day */
	int64_t open_day;
	sqlite3_stmt *insert;
	struct intern intern;
};

enum {
	PENDING_KEPT = 64, /* room kept after a flush; a burst's memory is given back */
};

int writer_directory(const struct store *store)
{
	return store->directory;
}

int64_t writer_day(const struct store *store)
{
	return store->db == NULL ? -1 : store->open_day;
}

static void close_day(struct store *store)
{
	intern_deinit(&store->intern);
	statement_finalizep(&store->insert);
	store->insert = NULL;
	store->db = day_file_close(store->db);
}

static void store_closep(struct store **store)
{
	*store = store_close(*store);
}

/* Ids go on where the newest file ended. */
static int find_last_id(struct store *store, struct err *e)
{
	struct day_list list = { 0 };
	int r = day_list_read(&list, store->directory, e);
	if (r == 0 && list.days.count > 0) {
		int64_t newest = list.days.items[list.days.count - 1];
		r = day_file_last_id(&store->last_id, store->directory, newest, e);
		store->id_day = newest;
	}
	vec_free(&list.days);
	return r;
}

int store_open_at(struct store **out, int directory, struct err *e)
{
	_cleanup_(store_closep) struct store *store = calloc(1, sizeof(*store));
	if (store == NULL) {
		return err_system(e, ENOMEM, _("cannot open the store of events"));
	}
	store->id_day = -1;
	/* An own open file description: its lock ends with this process and not with the one that
	 * handed the descriptor over. */
	store->directory = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->directory < 0) {
		return err_system(e, errno, _("cannot open the directory of events"));
	}
	if (flock(store->directory, LOCK_EX | LOCK_NB) < 0) {
		return errno == EWOULDBLOCK
			       ? err_set(e, EBUSY,
					 _("another process writes events into this directory"))
			       : err_system(e, errno, _("cannot lock the directory of events"));
	}
	int r = find_last_id(store, e);
	if (r == 0) {
		*out = steal(&store);
	}
	return r;
}

int store_open(struct store **out, const char *directory, struct err *e)
{
	_cleanup_(close_fdp) int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		return err_system(e, errno, "%s", directory);
	}
	return store_open_at(out, fd, e);
}

struct store *store_close(struct store *store)
{
	if (store != NULL) {
		close_day(store);
		vec_free(&store->pending);
		close_fdp(&store->directory);
		free(store);
	}
	return NULL;
}

uint32_t store_pending(const struct store *store)
{
	return (uint32_t)store->pending.count;
}

uint64_t store_last_id(const struct store *store)
{
	return store->last_id;
}

/* The next id that no file has: after the clock was set back its day may have been begun before. */
static int next_id(uint64_t *out, struct store *store, uint64_t wanted, usec_t time, struct err *e)
{
	const bool fits =
		wanted > store->last_id && wanted >= (uint64_t)time && wanted <= INT64_MAX;
	uint64_t id = fits ? wanted : day_next_id(store->last_id, time);
	while (day_of(id) != store->id_day) {
		uint64_t last = 0;
		int64_t day = day_of(id);
		int r = day_file_last_id(&last, store->directory, day, e);
		if (r < 0) {
			return r;
		}
		store->id_day = day;
		id = last >= id ? last + 1 : id;
	}
	*out = id;
	return 0;
}

int store_append(struct store *store, struct event *event, struct err *e)
{
	static const usec_t end_of_9999 = INT64_C(253402300800) * USEC_PER_SEC;
	if (event->time <= 0 || event->time >= end_of_9999) {
		return err_set(e, ERANGE, _("an event has an impossible time"));
	}
	if (store->pending.count >= STORE_PENDING_MAX) {
		return err_set(e, ENOBUFS, _("%d events wait to be stored"), STORE_PENDING_MAX);
	}
	uint64_t id = 0;
	int r = next_id(&id, store, event->id, event->time, e);
	if (r < 0) {
		return r;
	}
	struct event *copy = vec_push(&store->pending);
	if (copy == NULL) {
		return err_system(e, ENOMEM, _("cannot keep an event"));
	}
	event->id = id;
	*copy = *event;
	store->last_id = id;
	return 0;
}

static int open_day(struct store *store, int64_t day, struct err *e)
{
	if (store->db != NULL && store->open_day == day) {
		return 0;
	}
	if (store->db != NULL) {
		day_file_finish(store->db); /* its day is over */
	}
	close_day(store);
	int r = day_file_open_writer(&store->db, store->directory, day, e);
	if (r < 0) {
		return r;
	}
	store->open_day = day;
	/* OR REPLACE: where a commit failed so that nobody knows whether it lasted, the repeated
	 * flush writes the same rows again. */
	int result = sqlite3_prepare_v3(
		store->db,
		"INSERT OR REPLACE INTO event (id, lag, kind, protocol, address, port, netns, "
		"cookie,"
		" pid, uid, count, process, executable, unit, container, finding, detail)"
		" VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
		-1, SQLITE_PREPARE_PERSISTENT, &store->insert, NULL);
	if (result == SQLITE_OK) {
		result = intern_init(&store->intern, store->db);
	}
	if (result != SQLITE_OK) {
		r = day_file_error(store->db, result, day, e);
		close_day(store);
	}
	return r;
}

/* An unknown value (zero) stays NULL and takes no room. */
/* Parameters count from 1. */
static int parameter(enum event_column column)
{
	return (int)column + 1;
}

static int bind_number(sqlite3_stmt *insert, enum event_column column, uint64_t value)
{
	return value == 0 ? SQLITE_OK
			  : sqlite3_bind_int64(insert, parameter(column), (int64_t)value);
}

static int bind_numbers(sqlite3_stmt *insert, const struct event *event)
{
	int result = sqlite3_bind_int64(insert, parameter(COLUMN_ID), (int64_t)event->id);
	result |= bind_number(insert, COLUMN_LAG, event->id - (uint64_t)event->time);
	result |= sqlite3_bind_int64(insert, parameter(COLUMN_KIND), event->kind);
	result |= bind_number(insert, COLUMN_PROTOCOL, event->protocol);
	result |= bind_number(insert, COLUMN_PORT, event->port);
	result |= bind_number(insert, COLUMN_NETNS, event->netns);
	result |= bind_number(insert, COLUMN_COOKIE, event->cookie);
	if (event->pid != 0) {
		result |= sqlite3_bind_int64(insert, parameter(COLUMN_PID), event->pid);
	}
	if (event->uid != UINT32_MAX) {
		result |= sqlite3_bind_int64(insert, parameter(COLUMN_UID), event->uid);
	}
	return result | bind_number(insert, COLUMN_COUNT, event->count);
}

static int bind_address(sqlite3_stmt *insert, const struct addr *address)
{
	int length = address->family == ADDR_IPV4 ? 4 : 16;
	return address->family == ADDR_NONE
		       ? SQLITE_OK
		       : sqlite3_bind_blob(insert, parameter(COLUMN_ADDRESS), address->bytes,
					   length, SQLITE_STATIC);
}

static int bind_words(struct store *store, const struct event *event)
{
	const char *const words[] = { event->process, event->executable, event->unit,
				      event->container, event->finding };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		int64_t id = 0;
		if (words[i][0] == '\0') {
			continue;
		}
		int result = intern_word(&id, &store->intern, words[i]);
		if (result == SQLITE_OK) {
			result = sqlite3_bind_int64(store->insert,
						    parameter(COLUMN_PROCESS) + (int)i, id);
		}
		if (result != SQLITE_OK) {
			return result;
		}
	}
	return event->detail[0] == '\0' ? SQLITE_OK
					: sqlite3_bind_text(store->insert, parameter(COLUMN_DETAIL),
							    event->detail, -1, SQLITE_STATIC);
}

static int insert_event(struct store *store, const struct event *event)
{
	int result = bind_words(store, event);
	if (result == SQLITE_OK) {
		result = bind_numbers(store->insert, event) |
			 bind_address(store->insert, &event->address);
	}
	if (result == SQLITE_OK) {
		result = sqlite3_step(store->insert);
	}
	(void)sqlite3_reset(store->insert); /* repeats the step's failure */
	(void)sqlite3_clear_bindings(store->insert);
	return result == SQLITE_DONE ? SQLITE_OK : result;
}

/* Writes the first `count` pending events in one transaction. */
static int write_batch(struct store *store, int64_t day, size_t count, struct err *e)
{
	int r = open_day(store, day, e);
	if (r < 0) {
		return r;
	}
	int result = day_file_run(store->db, "BEGIN IMMEDIATE");
	for (size_t i = 0; i < count && result == SQLITE_OK; i++) {
		result = insert_event(store, &store->pending.items[i]);
	}
	if (result == SQLITE_OK) {
		result = day_file_run(store->db, "COMMIT");
	}
	if (result == SQLITE_OK) {
		return 0;
	}
	r = day_file_error(store->db, result, day, e);
	(void)day_file_run(store->db, "ROLLBACK"); /* SQLite may have done it already */
	close_day(store); /* a fresh connection holds nothing of the failed attempt */
	return r;
}

/* The damaged file goes aside, and an event tells of it. */
static int begin_anew(struct store *store, int64_t day, struct err *e)
{
	uint64_t id = 0;
	int r = next_id(&id, store, 0, store->pending.items[0].time, e);
	if (r < 0) {
		return r;
	}
	/* Before the renaming, so that it cannot go untold; one beyond the bound is harmless. */
	struct event *note = vec_push(&store->pending);
	if (note == NULL) {
		return err_system(e, ENOMEM, _("cannot keep an event"));
	}
	*note = (struct event){
		.id = id,
		.time = store->pending.items[0].time,
		.kind = EVENT_STORE_DAMAGED,
		.uid = UINT32_MAX,
	};
	char name[DAY_NAME_BYTES];
	close_day(store);
	r = day_file_put_aside(name, store->directory, day, e);
	if (r < 0) {
		store->pending.count--;
		return r;
	}
	str_copy(note->detail, sizeof(note->detail), name);
	store->last_id = id;
	return 0;
}

static size_t events_of_first_day(const struct store *store)
{
	int64_t day = day_of(store->pending.items[0].id);
	size_t count = 1;
	while (count < store->pending.count && day_of(store->pending.items[count].id) == day) {
		count++;
	}
	return count;
}

static void drop_first(struct store *store, size_t count)
{
	store->pending.count -= count;
	memmove(store->pending.items, store->pending.items + count,
		store->pending.count * sizeof(store->pending.items[0]));
	if (store->pending.count == 0 && store->pending.room > PENDING_KEPT) {
		vec_free(&store->pending);
	}
}

int store_flush(struct store *store, struct err *e)
{
	while (store->pending.count > 0) {
		int64_t day = day_of(store->pending.items[0].id);
		size_t count = events_of_first_day(store);
		struct err first = ERR_INIT;
		int r = write_batch(store, day, count, &first);
		if (r == -EBADMSG) {
			r = begin_anew(store, day, e);
			if (r < 0) {
				return r;
			}
			count = events_of_first_day(store);
			r = write_batch(store, day, count, &first);
		}
		if (r < 0) {
			return err_set(e, r, "%s", err_text(&first));
		}
		drop_first(store, count);
	}
	return 0;
}
