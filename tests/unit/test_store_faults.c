/* store: what was acknowledged is never lost, whoever dies and whatever breaks. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/io/day-file.h"
#include "store_world.h"

enum { NOBODY = 65534 };

/* ---- other processes ---- */

static void only_one_may_write(void **state)
{
	const struct temporary *t = *state;
	struct store *store = opened(t->fd);
	struct store *second = NULL;
	struct err e = ERR_INIT;
	assert_int_equal(store_open(&second, t->path, &e), -EBUSY);
	assert_null(second);
	store_close(store);
	assert_int_equal(store_open(&second, t->path, &e), 0);
	store_close(second);
}

/* Runs `body` in a child; its exit code is the result. */
static int in_child(int (*body)(const struct temporary *t), const struct temporary *t)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		_exit(body(t));
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int become_nobody(gid_t group)
{
	return setgroups(0, NULL) == 0 && setresgid(group, group, group) == 0 &&
			       setresuid(NOBODY, NOBODY, NOBODY) == 0
		       ? 0
		       : -errno;
}

/* Reads as somebody who is only in the group of the files. */
static int read_as_stranger(const struct temporary *t)
{
	struct store_filter all = { 0 };
	uint64_t count = 0;
	if (geteuid() == 0 && become_nobody(getegid()) < 0) {
		return 101;
	}
	int fd = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e = ERR_INIT;
	if (store_count(&count, fd, &all, &e) < 0) {
		(void)fprintf(stderr, "# %s\n", err_text(&e));
		return 100;
	}
	return (int)count;
}

static void another_process_reads_without_rights_to_write(void **state)
{
	const struct temporary *t = *state;
	assert_int_equal(chmod(t->path, 0750), 0);
	struct store *store = opened(t->fd);
	stored(store, noon - USEC_PER_DAY);
	stored(store, noon);
	assert_int_equal(in_child(read_as_stranger, t), 2); /* while the writer has it open */
	stored(store, noon + 1);
	assert_int_equal(in_child(read_as_stranger, t), 3);
	store_close(store);
	assert_int_equal(in_child(read_as_stranger, t), 3); /* after it ended */
}

static int write_through_descriptor(const struct temporary *t)
{
	struct store *store = NULL;
	struct err e = ERR_INIT;
	int fd = openat(t->fd, "inner", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || become_nobody(NOBODY) < 0) {
		return 101;
	}
	struct event event = plain_event(noon, 22);
	struct store_filter all = { 0 };
	uint64_t count = 0;
	if (store_open_at(&store, fd, &e) < 0 || store_append(store, &event, &e) < 0 ||
	    store_flush(store, &e) < 0 || store_count(&count, fd, &all, &e) < 0) {
		(void)fprintf(stderr, "# %s\n", err_text(&e));
		return 100;
	}
	store_close(store);
	return (int)count;
}

static void a_descriptor_is_enough_where_the_path_is_closed(void **state)
{
	const struct temporary *t = *state;
	if (geteuid() != 0) {
		skip(); /* needs two users */
	}
	assert_int_equal(mkdirat(t->fd, "inner", 0700), 0);
	assert_int_equal(fchownat(t->fd, "inner", NOBODY, NOBODY, 0), 0);
	assert_int_equal(in_child(write_through_descriptor, t), 1);
}

/* Writes until it is killed; says each id after its acknowledgement. */
static void write_for_ever(const struct temporary *t, int to_parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	struct store *store = NULL;
	if (store_open_at(&store, t->fd, NULL) < 0) {
		_exit(1);
	}
	for (unsigned i = 0;; i++) {
		uint64_t ids[7];
		for (unsigned k = 0; k < 7; k++) {
			struct event event = plain_event(noon + i * USEC_PER_MIN, 22);
			if (store_append(store, &event, NULL) < 0) {
				_exit(1);
			}
			ids[k] = event.id;
		}
		if (store_flush(store, NULL) < 0 ||
		    write(to_parent, ids, sizeof(ids)) != sizeof(ids)) {
			_exit(1);
		}
	}
}

/* Starts the writer, kills it after about `batches` acknowledgements. Adds the ids to `list`. */
static void run_and_kill(const struct temporary *t, unsigned batches, struct list *acknowledged)
{
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		write_for_ever(t, ends[1]);
	}
	close(ends[1]);
	uint64_t ids[7];
	for (unsigned i = 0; read(ends[0], ids, sizeof(ids)) == (ssize_t)sizeof(ids); i++) {
		for (unsigned k = 0; k < 7; k++) {
			((struct event *)vec_push(&acknowledged->events))->id = ids[k];
		}
		if (i == batches) {
			assert_int_equal(kill(child, SIGKILL), 0);
		}
	}
	close(ends[0]);
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static int compare_ids(const void *a, const void *b)
{
	uint64_t left = ((const struct event *)a)->id;
	uint64_t right = ((const struct event *)b)->id;
	return (left > right) - (left < right);
}

static void nothing_acknowledged_is_lost_by_kill_9(void **state)
{
	const struct temporary *t = *state;
	struct random random = { 9 };
	struct list acknowledged = { 0 };
	for (unsigned trial = 0; trial < 20; trial++) {
		run_and_kill(t, next_random(&random, 12), &acknowledged);
	}
	struct list got = everything(t->fd);
	size_t found = 0;
	for (size_t i = 0; i < acknowledged.events.count; i++) {
		found += bsearch(&acknowledged.events.items[i], got.events.items, got.events.count,
				 sizeof(struct event), compare_ids) != NULL;
	}
	assert_true(acknowledged.events.count >= 20 * 7);
	assert_int_equal(found, acknowledged.events.count);
	vec_free(&got.events);
	vec_free(&acknowledged.events);
}

/* ---- damage ---- */

static const char today_file[] = "events-2026-11-22.sqlite";

/* Flushing into a bad file: it goes aside, the event is stored, and an event tells of it. */
static void assert_moved_aside(const struct temporary *t)
{
	struct list list = { 0 };
	struct store_filter all = { 0 };
	struct err e = ERR_INIT;
	assert_int_equal(store_query(t->fd, &all, collect, &list, &e), -EBADMSG);
	assert_non_null(strstr(err_text(&e), today_file));
	struct store *store = opened(t->fd);
	stored(store, noon);
	assert_true(exists(t, "events-2026-11-22.sqlite.aside-1"));
	struct list got = everything(t->fd);
	assert_int_equal(got.events.count, 2);
	assert_int_equal(got.events.items[0].port, 22);
	assert_int_equal(got.events.items[1].kind, EVENT_STORE_DAMAGED);
	assert_string_equal(got.events.items[1].detail, "events-2026-11-22.sqlite.aside-1");
	struct store_summary summary = { 0 };
	assert_int_equal(store_summary(&summary, t->fd, NULL), 0);
	assert_int_equal(summary.days, 1);
	assert_int_equal(summary.aside, 1);
	vec_free(&got.events);
	store_close(store);
}

static void a_file_of_garbage_goes_aside(void **state)
{
	const struct temporary *t = *state;
	char garbage[5000];
	memset(garbage, 'g', sizeof(garbage));
	write_file(t, today_file, garbage, sizeof(garbage));
	assert_moved_aside(t);
}

static void run_sql(const struct temporary *t, const char *name, const char *sql)
{
	char path[512];
	(void)snprintf(path, sizeof(path), "%s/%s", t->path, name);
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void a_foreign_database_goes_aside_unchanged(void **state)
{
	const struct temporary *t = *state;
	run_sql(t, today_file, "CREATE TABLE recipes (name); INSERT INTO recipes VALUES ('miso')");
	assert_moved_aside(t);
	run_sql(t, "events-2026-11-22.sqlite.aside-1", "DELETE FROM recipes WHERE name = 'miso'");
}

static void a_newer_version_goes_aside(void **state)
{
	const struct temporary *t = *state;
	struct store *store = opened(t->fd);
	stored(store, noon - 5);
	store_close(store);
	run_sql(t, today_file, "PRAGMA user_version = 99");
	assert_moved_aside(t);
}

static void damage_in_the_middle_goes_aside(void **state)
{
	const struct temporary *t = *state;
	struct store *store = opened(t->fd);
	stored(store, noon - 5);
	store_close(store);
	int fd = openat(t->fd, today_file, O_WRONLY | O_CLOEXEC);
	char noise[4096];
	memset(noise, 0xa5, sizeof(noise));
	off_t size = lseek(fd, 0, SEEK_END);
	for (off_t at = 4096; at < size; at += 4096) { /* every page but the first */
		assert_int_equal(pwrite(fd, noise, sizeof(noise), at), sizeof(noise));
	}
	close(fd);
	assert_moved_aside(t);
}

static void one_damaged_day_does_not_hide_the_others(void **state)
{
	const struct temporary *t = *state;
	struct store *store = opened(t->fd);
	stored(store, noon - USEC_PER_DAY);
	stored(store, noon + USEC_PER_DAY);
	store_close(store);
	write_file(t, today_file, "not a database, but long enough to be read", 42);
	struct list list = { 0 };
	struct store_filter all = { 0 };
	assert_int_equal(store_query(t->fd, &all, collect, &list, NULL), -EBADMSG);
	assert_int_equal(list.events.count, 2);
	vec_free(&list.events);
}

static void an_empty_file_is_a_day_not_begun(void **state)
{
	const struct temporary *t = *state;
	write_file(t, today_file, "", 0);
	struct list got = everything(t->fd);
	assert_int_equal(got.events.count, 0);
	struct store *store = opened(t->fd);
	stored(store, noon);
	got = everything(t->fd);
	assert_int_equal(got.events.count, 1);
	assert_false(exists(t, "events-2026-11-22.sqlite.aside-1"));
	vec_free(&got.events);
	store_close(store);
}

/* ---- a full disk ---- */

static void limit_file_size(rlim_t bytes)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_acknowledges_nothing_and_is_retried(void **state)
{
	const struct temporary *t = *state;
	struct store *store = opened(t->fd);
	stored(store, noon);
	void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
	limit_file_size(65536); /* a write beyond it fails, as on a full disk */
	struct random random = { 3 };
	uint64_t last = 0;
	for (unsigned i = 0; i < 800; i++) {
		struct event event = random_event(&random, noon + i);
		append(store, &event);
		last = event.id;
	}
	struct err e = ERR_INIT;
	assert_true(store_flush(store, &e) < 0);
	assert_string_not_equal(err_text(&e), "");
	assert_int_equal(store_pending(store), 800);
	struct list got = everything(t->fd);
	assert_int_equal(got.events.count, 1);
	vec_free(&got.events);
	limit_file_size(RLIM_INFINITY);
	(void)signal(SIGXFSZ, old);
	flush(store);
	assert_int_equal(store_pending(store), 0);
	got = everything(t->fd);
	assert_int_equal(got.events.count, 801);
	assert_int_equal(got.events.items[800].id, last);
	vec_free(&got.events);
	store_close(store);
}

/* ---- migrations ---- */

static void migrations_go_forward_and_stop_whole(void **state)
{
	(void)state;
	static const struct migration steps[] = {
		{ 1, "CREATE TABLE a (x); INSERT INTO a VALUES (5);" },
		{ 2, "ALTER TABLE a ADD COLUMN y; UPDATE a SET y = x * 2;" },
		{ 3, "CREATE TABLE b (z); SELECT no_such_function();" },
	};
	sqlite3 *db = NULL;
	int64_t value = 0;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(day_file_migrate(db, steps, 1), SQLITE_OK);
	assert_int_equal(day_file_migrate(db, steps, 2), SQLITE_OK);
	assert_int_equal(day_file_number(&value, db, "SELECT y FROM a"), SQLITE_OK);
	assert_int_equal(value, 10);
	assert_int_not_equal(day_file_migrate(db, steps, 3), SQLITE_OK);
	assert_int_equal(day_file_number(&value, db, "PRAGMA user_version"), SQLITE_OK);
	assert_int_equal(value, 2); /* the third left nothing behind */
	assert_int_equal(day_file_number(&value, db, "SELECT count(*) FROM sqlite_schema"),
			 SQLITE_OK);
	assert_int_equal(value, 1);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

#define WITH_DIRECTORY(test)                                                                       \
	cmocka_unit_test_setup_teardown(test, temporary_setup, temporary_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DIRECTORY(only_one_may_write),
		WITH_DIRECTORY(another_process_reads_without_rights_to_write),
		WITH_DIRECTORY(a_descriptor_is_enough_where_the_path_is_closed),
		WITH_DIRECTORY(nothing_acknowledged_is_lost_by_kill_9),
		WITH_DIRECTORY(a_file_of_garbage_goes_aside),
		WITH_DIRECTORY(a_foreign_database_goes_aside_unchanged),
		WITH_DIRECTORY(a_newer_version_goes_aside),
		WITH_DIRECTORY(damage_in_the_middle_goes_aside),
		WITH_DIRECTORY(one_damaged_day_does_not_hide_the_others),
		WITH_DIRECTORY(an_empty_file_is_a_day_not_begun),
		WITH_DIRECTORY(a_full_disk_acknowledges_nothing_and_is_retried),
		cmocka_unit_test(migrations_go_forward_and_stop_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
