/* Opening, recognising, migrating and putting aside one day's file. */
#include "store/io/day-file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
	APPLICATION_ID = 0x6d6e746f, /* "mnto", as data/migrations/001-events.sql sets it */
	BUSY_TIMEOUT_MS = 2000,
	PATH_BYTES = DAY_NAME_BYTES + 32,
	ASIDE_MAX = 1000, /* of one day; beyond it something else is wrong */
};

int day_file_errno(sqlite3 *db, int result)
{
	switch (result & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	default:
		break;
	}
	int cause = db == NULL ? 0 : sqlite3_system_errno(db);
	return cause > 0 ? -cause : -EIO;
}

int day_file_error(sqlite3 *db, int result, int64_t day, struct err *e)
{
	char name[DAY_NAME_BYTES];
	return err_set(e, day_file_errno(db, result), "%s: %s", day_name_format(day, name),
		       db == NULL ? sqlite3_errstr(result) : sqlite3_errmsg(db));
}

sqlite3 *day_file_close(sqlite3 *db)
{
	(void)sqlite3_close_v2(db); /* with NULL and without statements it cannot fail */
	return NULL;
}

void day_file_closep(sqlite3 **db)
{
	*db = day_file_close(*db);
}

void statement_finalizep(sqlite3_stmt **statement)
{
	(void)sqlite3_finalize(*statement); /* the failure was reported by the step */
}

int day_file_run(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int day_file_number(int64_t *out, sqlite3 *db, const char *sql)
{
	_cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
	if (result != SQLITE_OK) {
		return result;
	}
	result = sqlite3_step(statement);
	if (result != SQLITE_ROW) {
		return result;
	}
	*out = sqlite3_column_int64(statement, 0);
	return SQLITE_OK;
}

/* Connects; the file exists. */
static int connect_to(sqlite3 **out, int directory, int64_t day, int flags, struct err *e)
{
	int r = vfs_register();
	if (r < 0) {
		return err_system(e, r, _("cannot set SQLite up"));
	}
	char name[DAY_NAME_BYTES];
	char path[PATH_BYTES];
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", directory,
		       day_name_format(day, name));
	_cleanup_(day_file_closep) sqlite3 *db = NULL;
	int result = sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
				     VFS_NAME);
	if (result != SQLITE_OK) {
		return day_file_error(db, result, day, e);
	}
	(void)sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
	/* The file may have been put there by somebody else: its schema may not run code. */
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	result = day_file_run(db, "PRAGMA cell_size_check = ON; PRAGMA cache_size = -1024;");
	if (result != SQLITE_OK) {
		return day_file_error(db, result, day, e);
	}
	*out = steal(&db);
	return 0;
}

/* @return 0 with its version (0 = nothing in it yet); -EBADMSG when it is not ours. */
static int recognise(int64_t *version, sqlite3 *db, int64_t day, struct err *e)
{
	int64_t application = 0;
	int64_t tables = 0;
	int result = day_file_number(&application, db, "PRAGMA application_id");
	if (result == SQLITE_OK) {
		result = day_file_number(version, db, "PRAGMA user_version");
	}
	if (result == SQLITE_OK) {
		result = day_file_number(&tables, db, "SELECT count(*) FROM sqlite_schema");
	}
	if (result != SQLITE_OK) {
		return day_file_error(db, result, day, e);
	}
	char name[DAY_NAME_BYTES];
	day_name_format(day, name);
	if (application == 0 && *version == 0 && tables == 0) {
		return 0;
	}
	if (application != APPLICATION_ID || *version < DAY_VERSION_OLDEST) {
		return err_set(e, EBADMSG, _("%s: this is not an event file of minato"), name);
	}
	if (*version > (int64_t)migration_count) {
		return err_set(e, EBADMSG, _("%s: written by a newer minato (version %lld)"), name,
			       (long long)*version);
	}
	return 0;
}

static int migrate_step(sqlite3 *db, const struct migration *step)
{
	char set_version[64];
	(void)snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %d", step->version);
	int result = day_file_run(db, "BEGIN IMMEDIATE");
	if (result != SQLITE_OK) {
		return result;
	}
	result = day_file_run(db, step->sql);
	if (result == SQLITE_OK) {
		result = day_file_run(db, set_version);
	}
	if (result == SQLITE_OK) {
		result = day_file_run(db, "COMMIT");
	}
	if (result != SQLITE_OK) {
		(void)day_file_run(db, "ROLLBACK"); /* SQLite may have done it already */
	}
	return result;
}

int day_file_migrate(sqlite3 *db, const struct migration *steps, size_t count)
{
	int64_t version = 0;
	int result = day_file_number(&version, db, "PRAGMA user_version");
	for (size_t i = 0; i < count && result == SQLITE_OK; i++) {
		if (steps[i].version > version) {
			result = migrate_step(db, &steps[i]);
		}
	}
	return result;
}

/* Only a file that is not there is opened by us: closing a descriptor of a file that this process
 * has open elsewhere would drop SQLite's POSIX locks on it. */
static int create_if_missing(int directory, const char *name, struct err *e)
{
	int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			S_IRUSR | S_IWUSR | S_IRGRP);
	if (fd < 0 && errno != EEXIST) {
		return err_system(e, errno, "%s", name);
	}
	close_fdp(&fd);
	return 0;
}

int day_file_open_writer(sqlite3 **out, int directory, int64_t day, struct err *e)
{
	char name[DAY_NAME_BYTES];
	int r = create_if_missing(directory, day_name_format(day, name), e);
	if (r < 0) {
		return r;
	}
	_cleanup_(day_file_closep) sqlite3 *db = NULL;
	int64_t version = 0;
	r = connect_to(&db, directory, day, SQLITE_OPEN_READWRITE, e);
	if (r == 0) {
		r = recognise(&version, db, day, e);
	}
	if (r < 0) {
		return r;
	}
	int result = day_file_run(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
				      "PRAGMA journal_size_limit = 4194304;");
	if (result == SQLITE_OK) {
		result = day_file_migrate(db, migrations, migration_count);
	}
	if (result != SQLITE_OK) {
		return day_file_error(db, result, day, e);
	}
	/* Kept between runs, so that readers who may not create them can always read. */
	int keep = 1;
	(void)sqlite3_file_control(db, NULL, SQLITE_FCNTL_PERSIST_WAL, &keep);
	(void)fsync(
		directory); /* the file's name; SQLite syncs the directory as well with its log */
	*out = steal(&db);
	return 0;
}

void day_file_finish(sqlite3 *db)
{
	int keep = 0;
	(void)sqlite3_busy_timeout(db, 0); /* a reader may stay as long as it likes */
	(void)sqlite3_file_control(db, NULL, SQLITE_FCNTL_PERSIST_WAL, &keep);
	(void)day_file_run(db, "PRAGMA journal_mode = DELETE"); /* SQLITE_BUSY: a reader has it */
}

int day_file_open_reader(sqlite3 **out, int directory, int64_t day, struct err *e)
{
	char name[DAY_NAME_BYTES];
	struct stat status;
	day_name_format(day, name);
	if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT) {
			return err_system(e, errno, "%s", name);
		}
		*out = NULL;
		return 0;
	}
	_cleanup_(day_file_closep) sqlite3 *db = NULL;
	int64_t version = 0;
	int r = connect_to(&db, directory, day, SQLITE_OPEN_READONLY, e);
	if (r == 0) {
		r = recognise(&version, db, day, e);
	}
	if (r < 0) {
		return r;
	}
	*out = version == 0 ? NULL : steal(&db);
	return 0;
}

/* Companions first: were we stopped in between, the next attempt finds the same free N and joins
 * the file to them. */
static int rename_all(int directory, const char *from, const char *to, struct err *e)
{
	static const char *const companions[] = { "-wal", "-shm", "-journal" };
	char old_name[PATH_BYTES];
	char new_name[PATH_BYTES];
	for (size_t i = 0; i < sizeof(companions) / sizeof(companions[0]); i++) {
		(void)snprintf(old_name, sizeof(old_name), "%s%s", from, companions[i]);
		(void)snprintf(new_name, sizeof(new_name), "%s%s", to, companions[i]);
		if (renameat(directory, old_name, directory, new_name) < 0 && errno != ENOENT) {
			return err_system(e, errno, "%s", old_name);
		}
	}
	if (renameat2(directory, from, directory, to, RENAME_NOREPLACE) < 0) {
		return err_system(e, errno, "%s", from);
	}
	return 0;
}

int day_file_put_aside(char *name, int directory, int64_t day, struct err *e)
{
	char from[DAY_NAME_BYTES];
	day_name_format(day, from);
	for (unsigned n = 1; n <= ASIDE_MAX; n++) {
		(void)snprintf(name, DAY_NAME_BYTES, "%.40s.aside-%u", from, n);
		if (faccessat(directory, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
			return rename_all(directory, from, name, e);
		}
	}
	return err_set(e, EMFILE, _("%s: too many damaged files of one day"), from);
}

int day_file_last_id(uint64_t *out, int directory, int64_t day, struct err *e)
{
	_cleanup_(day_file_closep) sqlite3 *db = NULL;
	int64_t last = 0;
	struct err local = ERR_INIT;
	int r = day_file_open_reader(&db, directory, day, &local);
	if (r == 0 && db != NULL) {
		int result = day_file_number(&last, db, "SELECT ifnull(max(id), 0) FROM event");
		r = result == SQLITE_OK ? 0 : day_file_error(db, result, day, &local);
	}
	if (r < 0 && r != -EBADMSG) {
		return err_set(e, r, "%s", err_text(&local));
	}
	*out = r < 0 ? 0 : (uint64_t)last;
	return 0;
}
