/* Binds and connects that did not fit, out of the rings of the guards: into the record, and for
 * findings. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/io/clock.h"
#include "common/say.h"
#include "engine.h"
#include "review/review.h"

enum { ATTEMPTS_A_TURN = 512 };

static const usec_t RECENT_USEC = REVIEW_ATTEMPTS_SECONDS * USEC_PER_SEC;

/* ---- recent ones ---- */

static void drop_oldest(struct engine_attempts *attempts, size_t count)
{
	if (count > 0) {
		memmove(attempts->recent.items, attempts->recent.items + count,
			(attempts->recent.count - count) * sizeof(struct event));
		attempts->recent.count -= count;
	}
}

static void remember(struct engine_attempts *attempts, const struct event *event)
{
	if (attempts->recent.count == REVIEW_ATTEMPTS_MAX) {
		drop_oldest(attempts, 1);
	}
	struct event *kept = vec_push(&attempts->recent);
	if (kept != NULL) { /* else no finding is made of it: it is in the record */
		*kept = *event;
	}
}

static int recall(const struct event *event, void *data)
{
	remember(data, event);
	return 0;
}

void attempts_recall(struct engine *engine)
{
	const struct store_filter filter = {
		.kinds = REVIEW_ATTEMPT_KINDS,
		.from = clock_now() - RECENT_USEC,
	};
	/* What cannot be recalled makes no finding. */
	(void)store_query(engine->state, &filter, recall, &engine->attempts, NULL);
}

size_t attempts_recent(const struct engine *engine, const struct event **out)
{
	*out = engine->attempts.recent.items;
	return engine->attempts.recent.count;
}

/* ---- telling ---- */

/* The guard knows a namespace by its cookie, everything else by its inode. */
static uint32_t inode_of(const struct engine *engine, uint64_t cookie)
{
	const struct observe_sockets *own = &engine->events.own_sockets;
	for (size_t i = 0; i < own->list.count; i++) {
		if (own->list.items[i].cookie == cookie) {
			return own->list.items[i].inode;
		}
	}
	return 0;
}

static void set_declared(struct event *event, const struct engine *engine, bool outgoing)
{
	const struct policy *policy = policy_now(engine);
	struct str text = STR_INIT(4096);
	if (policy != NULL && outgoing) {
		guard_outbound_format(&text, policy, event->protocol, event->port);
	} else if (policy != NULL) {
		guard_programs_format(&text, policy, event->protocol, event->port);
	}
	(void)str_copy(event->detail, sizeof(event->detail), str_text(&text));
	str_deinit(&text);
}

static enum event_kind kind_of(const struct guard_attempt *attempt)
{
	if (attempt->outgoing) {
		return attempt->refused ? EVENT_CONNECT_REFUSED : EVENT_CONNECT_WATCHED;
	}
	return attempt->refused ? EVENT_BIND_REFUSED : EVENT_BIND_WATCHED;
}

static void on_told(const struct guard_attempt *attempt, uint64_t count, void *data)
{
	struct engine *engine = data;
	struct event event = {
		.time = attempt->time,
		.kind = kind_of(attempt),
		.protocol = attempt->protocol,
		.address = attempt->address,
		.port = attempt->port,
		.netns = inode_of(engine, attempt->netns_cookie),
		.pid = attempt->pid,
		.uid = attempt->uid,
		.count = count,
	};
	(void)str_copy(event.process, sizeof(event.process), attempt->process);
	events_describe(engine, &event);
	if (attempt->unit[0] != '\0' && event.container[0] == '\0') {
		(void)str_copy(event.unit, sizeof(event.unit), attempt->unit);
	}
	set_declared(&event, engine, attempt->outgoing);
	remember(&engine->attempts, &event);
	record_event(engine, &event);
	sweep_soon(engine);
}

static void on_attempt(const struct guard_attempt *attempt, void *data)
{
	struct engine *engine = data;
	guard_repeats_add(&engine->attempts.repeats, attempt, on_told, engine);
}

static int on_ring(sd_event_source *source, int fd, uint32_t events, void *data)
{
	(void)fd, (void)events;
	struct engine *engine = data;
	for (unsigned i = 0; i < GUARD_HOOKS; i++) {
		const struct engine_ring *ring = &engine->attempts.rings[i];
		if (ring->source == source) {
			(void)guard_attempts_read(ring->reader, ATTEMPTS_A_TURN, on_attempt,
						  engine);
		}
	}
	return 0;
}

void attempts_sweep(struct engine *engine)
{
	struct engine_attempts *attempts = &engine->attempts;
	const usec_t now = clock_now();
	size_t old = 0;
	guard_repeats_flush(&attempts->repeats, now, false, on_told, engine);
	while (old < attempts->recent.count &&
	       attempts->recent.items[old].time + RECENT_USEC < now) {
		old++;
	}
	drop_oldest(attempts, old);
}

/* ---- beginning and end ---- */

static void stop_reading(struct engine_ring *ring)
{
	ring->source = sd_event_source_disable_unref(ring->source);
	ring->reader = guard_attempts_free(ring->reader);
}

void attempts_start(struct engine *engine, enum guard_hook hook, uint32_t ring_bytes, int fd)
{
	struct engine_ring *ring = &engine->attempts.rings[hook];
	struct err e = ERR_INIT;
	/* What the guard before told last. */
	while (ring->reader != NULL &&
	       guard_attempts_read(ring->reader, ATTEMPTS_A_TURN, on_attempt, engine) > 0) {
	}
	stop_reading(ring);
	if (fd < 0) {
		return;
	}
	int r = guard_attempts_open(&ring->reader, fd, ring_bytes, &e);
	if (r == 0) {
		r = sd_event_add_io(engine->loop, &ring->source, guard_attempts_fd(ring->reader),
				    EPOLLIN, on_ring, engine);
	}
	if (r < 0) {
		stop_reading(ring);
		say(SAY_WARNING, "%s that do not fit are not told: %s",
		    hook == GUARD_HOOK_BIND ? "binds" : "connects",
		    e.code != 0 ? err_text(&e) : strerror(-r));
	}
}

void attempts_end(struct engine *engine)
{
	guard_repeats_flush(&engine->attempts.repeats, clock_now(), true, on_told, engine);
	for (unsigned i = 0; i < GUARD_HOOKS; i++) {
		stop_reading(&engine->attempts.rings[i]);
	}
	vec_free(&engine->attempts.recent);
}
