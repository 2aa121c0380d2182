/* Queries over the days. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "store/io/day-file.h"
#include "store/store.h"

/* The conditions of a filter as SQL; their values are bound by name, absent ones are not named. */
static void add_conditions(struct str *sql, const struct store_filter *filter)
{
	str_add(sql, " WHERE e.id >= :from AND e.id - ifnull(e.lag, 0) >= :from");
	if (filter->to > 0) {
		/* An id is never before its event's time, and behind it by `lag`. */
		str_add(sql, " AND e.id < :to + (SELECT ifnull(max(lag), 0) FROM event"
			     " WHERE lag IS NOT NULL) AND e.id - ifnull(e.lag, 0) < :to");
	}
	if (filter->after_id > 0) {
		str_add(sql, " AND e.id > :after");
	}
	if (filter->has_ports) {
		str_add(sql, " AND e.port >= :first AND e.port <= :last");
	}
	if (filter->protocol != PROTOCOL_NONE) {
		str_add(sql, " AND e.protocol = :protocol");
	}
	if (filter->address.address.family != ADDR_NONE) {
		str_add(sql, " AND e.address >= :lowest AND e.address <= :highest"
			     " AND length(e.address) = length(:lowest)");
	}
	if (filter->process != NULL) {
		str_add(sql, " AND e.process = (SELECT id FROM word WHERE text = :process)");
	}
	if (filter->kinds != 0) {
		str_add(sql, " AND (1 << e.kind) & :kinds");
	}
	if (filter->netns != 0) {
		str_add(sql, " AND e.netns = :netns");
	}
}

/* A name that the statement does not have has index 0: nothing to bind. */
static int bind_number(sqlite3_stmt *statement, const char *name, uint64_t value)
{
	int index = sqlite3_bind_parameter_index(statement, name);
	return index == 0 ? SQLITE_OK : sqlite3_bind_int64(statement, index, (int64_t)value);
}

/* Lowest and highest address of the prefix: addresses sort as their bytes do. */
static int bind_prefix(sqlite3_stmt *statement, const struct prefix *prefix)
{
	int length = prefix->address.family == ADDR_IPV4 ? 4 : 16;
	uint8_t highest[16];
	memcpy(highest, prefix->address.bytes, sizeof(highest));
	for (unsigned bit = prefix->bits; bit < (unsigned)length * 8; bit++) {
		highest[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	}
	int result =
		sqlite3_bind_blob(statement, sqlite3_bind_parameter_index(statement, ":lowest"),
				  prefix->address.bytes, length, SQLITE_TRANSIENT);
	return result |
	       sqlite3_bind_blob(statement, sqlite3_bind_parameter_index(statement, ":highest"),
				 highest, length, SQLITE_TRANSIENT);
}

static int bind_filter(sqlite3_stmt *statement, const struct store_filter *filter)
{
	int result = bind_number(statement, ":from", (uint64_t)filter->from);
	result |= bind_number(statement, ":to", (uint64_t)filter->to);
	result |= bind_number(statement, ":after", filter->after_id);
	result |= bind_number(statement, ":first", filter->first_port);
	result |= bind_number(statement, ":last", filter->last_port);
	result |= bind_number(statement, ":protocol", filter->protocol);
	result |= bind_number(statement, ":kinds", filter->kinds);
	result |= bind_number(statement, ":netns", filter->netns);
	if (filter->address.address.family != ADDR_NONE) {
		result |= bind_prefix(statement, &filter->address);
	}
	if (filter->process != NULL) {
		result |= sqlite3_bind_text(statement,
					    sqlite3_bind_parameter_index(statement, ":process"),
					    filter->process, -1, SQLITE_STATIC);
	}
	return result;
}

static const char select_events[] =
	"SELECT e.id, e.lag, e.kind, e.protocol, e.address, e.port, e.netns, e.cookie, e.pid,"
	" e.uid, e.count, p.text, x.text, u.text, c.text, f.text, e.detail FROM event e"
	" LEFT JOIN word p ON p.id = e.process LEFT JOIN word x ON x.id = e.executable"
	" LEFT JOIN word u ON u.id = e.unit LEFT JOIN word c ON c.id = e.container"
	" LEFT JOIN word f ON f.id = e.finding";

static void read_text(char *to, size_t room, sqlite3_stmt *row, enum event_column column)
{
	const unsigned char *text = sqlite3_column_text(row, column);
	(void)snprintf(to, room, "%s", text == NULL ? "" : (const char *)text);
}

static void read_address(struct addr *out, sqlite3_stmt *row)
{
	const void *bytes = sqlite3_column_blob(row, COLUMN_ADDRESS);
	*out = addr_from_bytes(
		bytes, bytes == NULL ? 0 : (size_t)sqlite3_column_bytes(row, COLUMN_ADDRESS));
}

static void read_event(struct event *out, sqlite3_stmt *row)
{
	*out = (struct event){ 0 };
	out->id = (uint64_t)sqlite3_column_int64(row, COLUMN_ID);
	out->time = (usec_t)out->id - sqlite3_column_int64(row, COLUMN_LAG);
	out->kind = (enum event_kind)sqlite3_column_int(row, COLUMN_KIND);
	out->protocol = (enum protocol)sqlite3_column_int(row, COLUMN_PROTOCOL);
	read_address(&out->address, row);
	out->port = (uint16_t)sqlite3_column_int(row, COLUMN_PORT);
	out->netns = (uint32_t)sqlite3_column_int64(row, COLUMN_NETNS);
	out->cookie = (uint64_t)sqlite3_column_int64(row, COLUMN_COOKIE);
	out->pid = sqlite3_column_int(row, COLUMN_PID);
	bool has_uid = sqlite3_column_type(row, COLUMN_UID) != SQLITE_NULL;
	out->uid = has_uid ? (uint32_t)sqlite3_column_int64(row, COLUMN_UID) : UINT32_MAX;
	out->count = (uint64_t)sqlite3_column_int64(row, COLUMN_COUNT);
	read_text(out->process, sizeof(out->process), row, COLUMN_PROCESS);
	read_text(out->executable, sizeof(out->executable), row, COLUMN_EXECUTABLE);
	read_text(out->unit, sizeof(out->unit), row, COLUMN_UNIT);
	read_text(out->container, sizeof(out->container), row, COLUMN_CONTAINER);
	read_text(out->finding, sizeof(out->finding), row, COLUMN_FINDING);
	read_text(out->detail, sizeof(out->detail), row, COLUMN_DETAIL);
}

/* One query over all days, on its way. */
struct walk {
	const struct store_filter *filter;
	store_found *found;
	void *data;
	uint64_t left;    /* of the limit */
	uint64_t counted; /* when there is no `found` */
	bool stopped;     /* the callback has enough */
};

static int deliver(struct walk *walk, sqlite3_stmt *row)
{
	struct event event;
	if (walk->found == NULL) {
		walk->counted += (uint64_t)sqlite3_column_int64(row, 0);
		return 0;
	}
	read_event(&event, row);
	int r = walk->found(&event, walk->data);
	walk->left--;
	walk->stopped = r != 0 || walk->left == 0;
	return r < 0 ? r : 0;
}

static int prepare(sqlite3_stmt **out, sqlite3 *db, const struct walk *walk)
{
	struct str sql = STR_INIT(4096);
	str_add(&sql, walk->found == NULL ? "SELECT count(*) FROM event e" : select_events);
	add_conditions(&sql, walk->filter);
	if (walk->found != NULL) {
		str_add(&sql,
			walk->filter->newest_first ? " ORDER BY e.id DESC" : " ORDER BY e.id");
	}
	int result = sql.error != 0 ? SQLITE_NOMEM
				    : sqlite3_prepare_v2(db, str_text(&sql), -1, out, NULL);
	str_deinit(&sql);
	return result == SQLITE_OK ? bind_filter(*out, walk->filter) : result;
}

static int walk_day(struct walk *walk, int directory, int64_t day, struct err *e)
{
	_cleanup_(day_file_closep) sqlite3 *db = NULL;
	int r = day_file_open_reader(&db, directory, day, e);
	if (r < 0 || db == NULL) {
		return r;
	}
	_cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
	int result = prepare(&statement, db, walk);
	while (result == SQLITE_OK || result == SQLITE_ROW) {
		result = sqlite3_step(statement);
		r = result == SQLITE_ROW ? deliver(walk, statement) : 0;
		if (r < 0 || walk->stopped) {
			return r;
		}
	}
	return result == SQLITE_DONE ? 0 : day_file_error(db, result, day, e);
}

/* Whether a day's ids can match: an id is never before its event's time. */
static bool day_is_asked_for(const struct store_filter *filter, int64_t day)
{
	return (filter->from <= 0 || day >= day_of((uint64_t)filter->from)) &&
	       day >= day_of(filter->after_id);
}

static int walk_days(struct walk *walk, int directory, struct err *e)
{
	struct day_list list = { 0 };
	int r = day_list_read(&list, directory, e);
	int fault = 0;
	for (size_t i = 0; i < list.days.count && r == 0 && !walk->stopped; i++) {
		size_t at = walk->filter->newest_first ? list.days.count - 1 - i : i;
		if (!day_is_asked_for(walk->filter, list.days.items[at])) {
			continue;
		}
		r = walk_day(walk, directory, list.days.items[at], e);
		if (r == -EBADMSG) {
			fault = r; /* `e` keeps the first; the other days are still worth having */
			r = 0;
		}
	}
	vec_free(&list.days);
	return r < 0 ? r : fault;
}

int store_query(int directory, const struct store_filter *filter, store_found *found, void *data,
		struct err *e)
{
	struct walk walk = {
		.filter = filter,
		.found = found,
		.data = data,
		.left = filter->limit == 0 ? UINT64_MAX : filter->limit,
	};
	return walk_days(&walk, directory, e);
}

int store_count(uint64_t *out, int directory, const struct store_filter *filter, struct err *e)
{
	struct walk walk = { .filter = filter };
	int r = walk_days(&walk, directory, e);
	if (r == 0) {
		*out = walk.counted;
	}
	return r;
}
