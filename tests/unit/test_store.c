/* store: what goes in comes out, and what was acknowledged is never lost. */
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
#include "check.h"
#include "store/day.h"
#include "store/io/day-file.h"
#include "store/store.h"
#include "temporary.h"

static const usec_t noon = INT64_C(1795348800) * USEC_PER_SEC; /* 2026-11-22T12:00:00Z */
enum { NOBODY = 65534 };

/* ---- a small world ---- */

struct random {
	uint64_t state;
};

/* xorshift64*: the same numbers in every run. */
static uint32_t next_random(struct random *random, uint32_t below)
{
	random->state ^= random->state >> 12;
	random->state ^= random->state << 25;
	random->state ^= random->state >> 27;
	return (uint32_t)((random->state * UINT64_C(2685821657736338717)) >> 33) % below;
}

static struct event plain_event(usec_t time, uint16_t port)
{
	struct event event = {
		.time = time,
		.kind = EVENT_LISTENER_OPENED,
		.protocol = PROTOCOL_TCP,
		.port = port,
		.uid = UINT32_MAX,
	};
	return event;
}

static void random_text(struct random *random, char *out, size_t room)
{
	static const char *const texts[] = {
		"",          "sshd",        "nginx: worker",           "港",
		"\xff\x01 ", "ssh.service", "a'; DROP TABLE event; --"
	};
	uint32_t which = next_random(random, 8);
	if (which < 7) {
		(void)snprintf(out, room, "%s", texts[which]);
		return;
	}
	memset(out, 'x', room - 1); /* as long as it may be */
	out[room - 1] = '\0';
}

static struct addr random_address(struct random *random)
{
	uint8_t bytes[16] = { 10, (uint8_t)next_random(random, 3), 0,
			      (uint8_t)next_random(random, 4) };
	switch (next_random(random, 3)) {
	case 0:
		return addr_from_ipv4(bytes);
	case 1:
		return addr_from_ipv6(bytes); /* begins with the bytes of an IPv4 address */
	default:
		return (struct addr){ 0 };
	}
}

static struct event random_event(struct random *random, usec_t time)
{
	static const enum protocol protocols[] = { PROTOCOL_NONE, PROTOCOL_TCP, PROTOCOL_UDP,
						   PROTOCOL_MPTCP };
	struct event event = {
		.time = time,
		.kind = (enum event_kind)(1 + next_random(random, EVENT_KIND_LAST)),
		.protocol = protocols[next_random(random, 4)],
		.address = random_address(random),
		.port = (uint16_t)(next_random(random, 2) == 0 ? next_random(random, 20) : 65535),
		.netns = next_random(random, 2) == 0 ? 0 : UINT32_C(4026531840),
		.cookie = next_random(random, 2) == 0 ? UINT64_MAX : 7,
		.pid = (int32_t)next_random(random, 3),
		.uid = next_random(random, 2) == 0 ? UINT32_MAX : next_random(random, 2),
		.count = next_random(random, 2) == 0 ? 0 : UINT64_MAX,
	};
	random_text(random, event.process, sizeof(event.process));
	random_text(random, event.executable, sizeof(event.executable));
	random_text(random, event.unit, sizeof(event.unit));
	random_text(random, event.container, sizeof(event.container));
	random_text(random, event.finding, sizeof(event.finding));
	random_text(random, event.detail, sizeof(event.detail));
	return event;
}

static void assert_same_event(const struct event *a, const struct event *b)
{
	assert_int_equal(a->time, b->time);
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->protocol, b->protocol);
	assert_memory_equal(&a->address, &b->address, sizeof(a->address));
	assert_int_equal(a->port, b->port);
	assert_int_equal(a->netns, b->netns);
	assert_int_equal(a->cookie, b->cookie);
	assert_int_equal(a->pid, b->pid);
	assert_int_equal(a->uid, b->uid);
	assert_int_equal(a->count, b->count);
	assert_string_equal(a->process, b->process);
	assert_string_equal(a->executable, b->executable);
	assert_string_equal(a->unit, b->unit);
	assert_string_equal(a->container, b->container);
	assert_string_equal(a->finding, b->finding);
	assert_string_equal(a->detail, b->detail);
}

struct list {
	VEC(struct event) events;
};

static int collect(const struct event *event, void *data)
{
	struct list *list = data;
	struct event *copy = vec_push(&list->events);
	assert_non_null(copy);
	*copy = *event;
	return 0;
}

static struct list everything(int directory)
{
	struct list list = { 0 };
	struct store_filter all = { 0 };
	struct err e = ERR_INIT;
	if (store_query(directory, &all, collect, &list, &e) < 0) {
		fail_msg("%s", err_text(&e));
	}
	return list;
}

static void append(struct store *store, struct event *event)
{
	struct err e = ERR_INIT;
	if (store_append(store, event, &e) < 0) {
		fail_msg("%s", err_text(&e));
	}
}

static void flush(struct store *store)
{
	struct err e = ERR_INIT;
	if (store_flush(store, &e) < 0) {
		fail_msg("%s", err_text(&e));
	}
}

static struct store *opened(int directory)
{
	struct store *store = NULL;
	struct err e = ERR_INIT;
	if (store_open_at(&store, directory, &e) < 0) {
		fail_msg("%s", err_text(&e));
	}
	return store;
}

/* Stores one event and returns its id. */
static uint64_t stored(struct store *store, usec_t time)
{
	struct event event = plain_event(time, 22);
	append(store, &event);
	flush(store);
	return event.id;
}

static bool exists(const struct temporary *t, const char *name)
{
	return faccessat(t->fd, name, F_OK, 0) == 0;
}

static void write_file(const struct temporary *t, const char *name, const void *bytes, size_t n)
{
	int fd = openat(t->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), (ssize_t)n);
	assert_int_equal(close(fd), 0);
}

/* ---- names and numbers ---- */

static void names_of_days_are_read_back(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int result;
		enum day_name kind;
	} cases[] = {
		{ "events-2026-11-22.sqlite", 0, DAY_NAME_FILE },
		{ "events-2026-11-22.sqlite-wal", 0, DAY_NAME_COMPANION },
		{ "events-2026-11-22.sqlite-shm", 0, DAY_NAME_COMPANION },
		{ "events-2026-11-22.sqlite.aside-12", 0, DAY_NAME_ASIDE },
		{ "events-2026-11-22.sqlite.aside-1-wal", 0, DAY_NAME_ASIDE_COMPANION },
		{ "events-2026-11-22.sqlite.aside-", -EINVAL, 0 },
		{ "events-2026-11-22.sqlite.bak", -EINVAL, 0 },
		{ "events-2026-02-30.sqlite", -EINVAL, 0 },
		{ "events-2026-1-2.sqlite", -EINVAL, 0 },
		{ "events-", -EINVAL, 0 },
		{ "policy.yaml", -EINVAL, 0 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t day = 0;
		enum day_name kind = DAY_NAME_FILE;
		assert_int_equal(day_name_parse(&day, &kind, cases[i].name), cases[i].result);
		if (cases[i].result == 0) {
			assert_int_equal(kind, cases[i].kind);
			assert_int_equal(day, day_of((uint64_t)noon));
		}
	}
	char name[DAY_NAME_BYTES];
	assert_string_equal(day_name_format(day_of((uint64_t)noon), name),
			    "events-2026-11-22.sqlite");
}

static void ids_grow_unless_the_clock_goes_far_back(void **state)
{
	(void)state;
	assert_int_equal(day_next_id(0, 5), 5);
	assert_int_equal(day_next_id(5, 5), 6);
	assert_int_equal(day_next_id(9, 5), 10);
	uint64_t ahead = (uint64_t)(noon + USEC_PER_DAY);
	assert_int_equal(day_next_id(ahead, noon), ahead + 1);
	assert_int_equal(day_next_id(ahead + 1, noon), noon);
}

/* ---- round trip ---- */

static void every_event_comes_back_as_it_was(void **state)
{
	const struct temporary *t = *state;
	struct random random = { 20261122 };
	struct list put = { 0 };
	struct store *store = opened(t->fd);
	usec_t time = noon;
	for (unsigned i = 0; i < 1500; i++) {
		/* bursts within one microsecond, steps back, and jumps over midnight */
		time += next_random(&random, 3) == 0 ? 0 : next_random(&random, 800 * 1000000U);
		time -= next_random(&random, 50) == 0 ? USEC_PER_HOUR : 0;
		struct event event = random_event(&random, time);
		append(store, &event);
		collect(&event, &put);
		if (next_random(&random, 200) == 0) {
			flush(store);
			assert_int_equal(store_pending(store), 0);
		}
	}
	flush(store);
	struct list got = everything(t->fd);
	assert_int_equal(got.events.count, put.events.count);
	for (size_t i = 0; i < put.events.count; i++) {
		assert_same_event(&got.events.items[i], &put.events.items[i]);
		assert_true(i == 0 || put.events.items[i].id > put.events.items[i - 1].id);
	}
	struct store_summary summary = { 0 };
	assert_int_equal(store_summary(&summary, t->fd, NULL), 0);
	assert_true(summary.days > 2);
	assert_true(summary.bytes > 0);
	vec_free(&got.events);
	vec_free(&put.events);
	store_close(store);
}

static void what_was_not_flushed_is_not_there(void **state)
{
	const struct temporary *t = *state;
	struct store *store = opened(t->fd);
	struct event event = plain_event(noon, 22);
	append(store, &event);
	assert_int_equal(store_pending(store), 1);
	struct list got = everything(t->fd);
	assert_int_equal(got.events.count, 0);
	store_close(store);
}

static void the_queue_has_a_bound(void **state)
{
	const struct temporary *t = *state;
	struct store *store = opened(t->fd);
	struct event event = plain_event(noon, 22);
	for (unsigned i = 0; i < STORE_PENDING_MAX; i++) {
		append(store, &event);
	}
	assert_int_equal(store_append(store, &event, NULL), -ENOBUFS);
	flush(store);
	append(store, &event);
	store_close(store);
}

static void impossible_times_are_refused(void **state)
{
	const struct temporary *t = *state;
	struct store *store = opened(t->fd);
	static const usec_t times[] = { INT64_MIN, -1, 0, INT64_C(253402300800000000), INT64_MAX };
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct event event = plain_event(times[i], 22);
		assert_int_equal(store_append(store, &event, NULL), -ERANGE);
	}
	store_close(store);
}

/* ---- days and clocks ---- */

static void midnight_begins_a_new_file(void **state)
{
	const struct temporary *t = *state;
	struct store *store = opened(t->fd);
	usec_t midnight = noon + 12 * USEC_PER_HOUR;
	struct event before = plain_event(midnight - 1, 22);
	struct event after = plain_event(midnight, 22);
	struct event burst = plain_event(midnight - 1, 80); /* its id falls into the next day */
	append(store, &before);
	append(store, &after);
	append(store, &burst);
	flush(store);
	assert_true(exists(t, "events-2026-11-22.sqlite"));
	assert_true(exists(t, "events-2026-11-23.sqlite"));
	assert_false(exists(t, "events-2026-11-22.sqlite-wal")); /* finished: one plain file */
	struct store_filter evening = { .from = midnight - 1, .to = midnight };
	struct list got = { 0 };
	assert_int_equal(store_query(t->fd, &evening, collect, &got, NULL), 0);
	assert_int_equal(got.events.count, 2);
	assert_same_event(&got.events.items[0], &before);
	assert_same_event(&got.events.items[1], &burst);
	vec_free(&got.events);
	store_close(store);
}

static void ids_stay_unique_when_the_clock_is_set_back(void **state)
{
	const struct temporary *t = *state;
	static const usec_t steps[] = { 0, -USEC_PER_HOUR,    -USEC_PER_DAY,     300 * USEC_PER_DAY,
					0, -2 * USEC_PER_DAY, -2 * USEC_PER_DAY, 1 };
	enum { STEPS = sizeof(steps) / sizeof(steps[0]) };
	for (unsigned reopen = 0; reopen < 2; reopen++) {
		struct store *store = opened(t->fd);
		for (size_t i = 0; i < STEPS; i++) {
			stored(store, noon + steps[i]);
			store = reopen == 1 ? store_close(store) : store;
			store = reopen == 1 ? opened(t->fd) : store;
		}
		store_close(store);
	}
	struct list got = everything(t->fd);
	assert_int_equal(got.events.count, 2 * STEPS);
	unsigned at_noon = 0;
	for (size_t i = 0; i < got.events.count; i++) {
		assert_true(i == 0 || got.events.items[i].id > got.events.items[i - 1].id);
		at_noon += got.events.items[i].time == noon;
	}
	assert_int_equal(at_noon, 4); /* each event keeps the time it was given */
	vec_free(&got.events);
}

static void retention_removes_whole_days(void **state)
{
	const struct temporary *t = *state;
	struct store *store = opened(t->fd);
	for (int day = 5; day >= 0; day--) {
		stored(store, noon - day * USEC_PER_DAY);
	}
	write_file(t, "events-2026-11-18.sqlite.aside-1", "x", 1);
	write_file(t, "events-2026-11-18.txt", "x", 1);
	uint32_t removed = 0;
	assert_int_equal(store_retain(store, noon, 2, &removed, NULL), 0);
	assert_int_equal(removed, 3);
	assert_false(exists(t, "events-2026-11-19.sqlite"));
	assert_false(exists(t, "events-2026-11-18.sqlite.aside-1"));
	assert_true(exists(t, "events-2026-11-18.txt"));
	assert_true(exists(t, "events-2026-11-20.sqlite"));
	struct list got = everything(t->fd);
	assert_int_equal(got.events.count, 3);
	vec_free(&got.events);
	/* the day that is being written stays, whatever the clock says */
	assert_int_equal(store_retain(store, noon + 90 * USEC_PER_DAY, 2, &removed, NULL), 0);
	assert_int_equal(removed, 2);
	assert_true(exists(t, "events-2026-11-22.sqlite"));
	store_close(store);
}

/* ---- queries ---- */

static struct store_filter random_filter(struct random *random)
{
	static const char *const processes[] = { "sshd", "港", "\xff\x01 ", "nobody" };
	struct store_filter filter = { .newest_first = next_random(random, 2) == 0 };
	usec_t span = 4 * USEC_PER_DAY;
	if (next_random(random, 2) == 0) {
		filter.from = noon + (usec_t)next_random(random, 1000) * span / 1000;
	}
	if (next_random(random, 2) == 0) {
		filter.to = noon + (usec_t)next_random(random, 1000) * span / 1000;
	}
	if (next_random(random, 4) == 0) {
		filter.after_id = (uint64_t)(noon + next_random(random, 1000) * span / 1000);
	}
	if (next_random(random, 3) == 0) {
		filter.has_ports = true;
		filter.first_port = (uint16_t)next_random(random, 20);
		filter.last_port = (uint16_t)(filter.first_port + next_random(random, 20));
	}
	if (next_random(random, 3) == 0) {
		filter.protocol = PROTOCOL_UDP;
	}
	if (next_random(random, 3) == 0) {
		uint8_t bytes[16] = { 10 };
		bool four = next_random(random, 2) == 0;
		filter.address.address = four ? addr_from_ipv4(bytes) : addr_from_ipv6(bytes);
		filter.address.bits = (uint8_t)(8 * (1 + next_random(random, four ? 4 : 16)));
	}
	if (next_random(random, 4) == 0) {
		filter.process = processes[next_random(random, 4)];
	}
	if (next_random(random, 3) == 0) {
		filter.kinds = next_random(random, 2U << EVENT_KIND_LAST);
	}
	filter.netns = next_random(random, 5) == 0 ? UINT32_C(4026531840) : 0;
	filter.limit = next_random(random, 3) == 0 ? 1 + next_random(random, 9) : 0;
	return filter;
}

/* Compares a query with looking at every event. @return how many matched. */
static size_t check_filter(int directory, const struct list *all, const struct store_filter *filter)
{
	struct list got = { 0 };
	uint64_t counted = 0;
	assert_int_equal(store_query(directory, filter, collect, &got, NULL), 0);
	assert_int_equal(store_count(&counted, directory, filter, NULL), 0);
	size_t found = 0;
	for (size_t i = 0; i < all->events.count; i++) {
		size_t at = filter->newest_first ? all->events.count - 1 - i : i;
		if (!store_filter_matches(filter, &all->events.items[at])) {
			continue;
		}
		if (filter->limit == 0 || found < filter->limit) {
			assert_true(found < got.events.count);
			assert_same_event(&got.events.items[found], &all->events.items[at]);
		}
		found++;
	}
	assert_int_equal(counted, found);
	assert_int_equal(got.events.count,
			 filter->limit != 0 && found > filter->limit ? filter->limit : found);
	vec_free(&got.events);
	return found;
}

static void queries_find_what_a_linear_scan_finds(void **state)
{
	const struct temporary *t = *state;
	struct random random = { 443 };
	struct store *store = opened(t->fd);
	usec_t time = noon;
	for (unsigned i = 0; i < 600; i++) {
		time += next_random(&random, 2) * (4 * USEC_PER_DAY / 300);
		struct event event = random_event(&random, time);
		append(store, &event);
	}
	flush(store);
	struct list all = everything(t->fd);
	assert_int_equal(all.events.count, 600);
	unsigned fruitful = 0;
	for (unsigned i = 0; i < 400; i++) {
		struct store_filter filter = random_filter(&random);
		fruitful += check_filter(t->fd, &all, &filter) > 0;
	}
	assert_true(fruitful > 100); /* the comparison must not be one of empty lists */
	vec_free(&all.events);
	store_close(store);
}

static void the_filter_decides_by_each_field(void **state)
{
	(void)state;
	struct event event = plain_event(noon, 22);
	event.id = (uint64_t)noon;
	event.address = addr_from_ipv4("\x0a\x00\x00\x01");
	(void)snprintf(event.process, sizeof(event.process), "sshd");
	struct store_filter match = { .from = noon,
				      .to = noon + 1,
				      .has_ports = true,
				      .first_port = 22,
				      .last_port = 22,
				      .process = "sshd",
				      .protocol = PROTOCOL_TCP,
				      .kinds = 1U << EVENT_LISTENER_OPENED,
				      .after_id = (uint64_t)noon - 1 };
	assert_true(store_filter_matches(&match, &event));
	const struct store_filter misses[] = {
		{ .from = noon + 1 },
		{ .to = noon },
		{ .after_id = (uint64_t)noon },
		{ .has_ports = true, .first_port = 23, .last_port = 99 },
		{ .has_ports = true, .first_port = 1, .last_port = 21 },
		{ .protocol = PROTOCOL_UDP },
		{ .process = "ssh" },
		{ .kinds = 1U << EVENT_LISTENER_CLOSED },
		{ .netns = 1 },
		{ .address = { addr_from_ipv4("\x0a\x00\x00\x02"), 32 } },
	};
	for (size_t i = 0; i < sizeof(misses) / sizeof(misses[0]); i++) {
		assert_false(store_filter_matches(&misses[i], &event));
	}
}

static int stop_at_second(const struct event *event, void *data)
{
	(void)event;
	return ++*(int *)data == 2;
}

static int fail_at_once(const struct event *event, void *data)
{
	(void)event, (void)data;
	return -ECANCELED;
}

static void the_callback_can_stop(void **state)
{
	const struct temporary *t = *state;
	struct store *store = opened(t->fd);
	for (int day = 0; day < 4; day++) {
		stored(store, noon + day * USEC_PER_DAY);
	}
	struct store_filter all = { 0 };
	int calls = 0;
	assert_int_equal(store_query(t->fd, &all, stop_at_second, &calls, NULL), 0);
	assert_int_equal(calls, 2);
	assert_int_equal(store_query(t->fd, &all, fail_at_once, NULL, NULL), -ECANCELED);
	store_close(store);
}

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
		cmocka_unit_test(names_of_days_are_read_back),
		cmocka_unit_test(ids_grow_unless_the_clock_goes_far_back),
		WITH_DIRECTORY(every_event_comes_back_as_it_was),
		WITH_DIRECTORY(what_was_not_flushed_is_not_there),
		WITH_DIRECTORY(the_queue_has_a_bound),
		WITH_DIRECTORY(impossible_times_are_refused),
		WITH_DIRECTORY(midnight_begins_a_new_file),
		WITH_DIRECTORY(ids_stay_unique_when_the_clock_is_set_back),
		WITH_DIRECTORY(retention_removes_whole_days),
		WITH_DIRECTORY(queries_find_what_a_linear_scan_finds),
		cmocka_unit_test(the_filter_decides_by_each_field),
		WITH_DIRECTORY(the_callback_can_stop),
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
