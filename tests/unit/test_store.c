/* store: what goes in comes out, and queries find it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/day.h"
#include "store_world.h"

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

static void an_id_brought_along_is_kept_when_it_is_new(void **state)
{
	const struct temporary *t = *state;
	struct store *store = opened(t->fd);
	assert_int_equal(store_last_id(store), 0);
	static const struct {
		uint64_t brought, given;
	} cases[] = {
		{ 0, 0 },           /* its time */
		{ 40, 40 },         /* greater than all before it */
		{ 40, 41 },         /* taken */
		{ 7, 42 },          /* smaller */
		{ UINT64_MAX, 43 }, /* no number that the store can hold */
		{ 1000, 1000 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event event = { .time = noon, .kind = EVENT_DAEMON_STARTED };
		event.id = cases[i].brought == 0 || cases[i].brought == UINT64_MAX
				   ? cases[i].brought
				   : (uint64_t)noon + cases[i].brought;
		assert_int_equal(store_append(store, &event, NULL), 0);
		assert_int_equal(event.id, (uint64_t)noon + cases[i].given);
	}
	assert_int_equal(store_last_id(store), (uint64_t)noon + 1000);
	struct event early = { .time = noon + 2000, .id = (uint64_t)noon + 1500 };
	assert_int_equal(store_append(store, &early, NULL), 0);
	assert_int_equal(early.id, (uint64_t)noon + 2000);
	store_close(store);
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
		filter.kinds = (uint64_t)next_random(random, 1U << 31)
			       << next_random(random, EVENT_KIND_LAST - 29);
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
				      .kinds = EVENT_BIT(EVENT_LISTENER_OPENED),
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
		{ .kinds = EVENT_BIT(EVENT_LISTENER_CLOSED) },
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
		WITH_DIRECTORY(an_id_brought_along_is_kept_when_it_is_new),
		WITH_DIRECTORY(retention_removes_whole_days),
		WITH_DIRECTORY(queries_find_what_a_linear_scan_finds),
		cmocka_unit_test(the_filter_decides_by_each_field),
		WITH_DIRECTORY(the_callback_can_stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
