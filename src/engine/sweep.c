/* The full look at everything: when, and what follows from it. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "common/say.h"
#include "engine.h"

enum {
	/* Sweeps on the clock may take 1/1000 of a core; without events 1/200; after a change
	 * 1/100; those that a question asks for 1/4. */
	SHARE_ON_CLOCK = 1000,
	SHARE_ALONE = 200,
	SHARE_ON_CHANGE = 200,
	SHARE_ON_QUESTION = 4,
	USUAL_FLAGS = OBSERVE_OWNERS | OBSERVE_DETAILS | OBSERVE_ALL_NETNS,
};

static const usec_t CHANGE_WAIT_USEC = 500000; /* a service that starts opens several ports */
static const usec_t SOCKETS_WAIT_USEC = 5 * USEC_PER_SEC;

/* ---- when ---- */

static usec_t greater(usec_t a, usec_t b)
{
	return a > b ? a : b;
}

/* Without events a sweep is all there is: it comes more often, and may cost more. */
static usec_t usual_interval(const struct engine *engine)
{
	const uint32_t seconds = engine->setup.sweep_seconds;
	const usec_t cost = engine->sweep.last_cost;
	if (engine->events.reader == NULL) {
		const uint32_t alone = ENGINE_SWEEP_SECONDS_ALONE;
		return greater((seconds < alone ? seconds : alone) * USEC_PER_SEC,
			       cost * SHARE_ALONE);
	}
	return greater(seconds * USEC_PER_SEC, cost * SHARE_ON_CLOCK);
}

static void plan(struct engine *engine, usec_t interval)
{
	struct engine_sweep *sweep = &engine->sweep;
	sweep->interval = interval;
	sweep->due = clock_monotonic() + interval;
	int r = sd_event_source_set_time_relative(sweep->timer, (uint64_t)sweep->interval);
	if (r >= 0) {
		r = sd_event_source_set_enabled(sweep->timer, SD_EVENT_ONESHOT);
	}
	if (r < 0) {
		say(SAY_ERROR, "no next sweep: %s", strerror(-r));
	}
}

static int on_looked(sd_event_source *source, int fd, uint32_t events, void *data);

static int on_time(sd_event_source *source, uint64_t usec, void *data)
{
	(void)source, (void)usec;
	sweep_now(data);
	return 0;
}

int sweep_start(struct engine *engine, struct err *e)
{
	engine->sweep.due = clock_monotonic();
	int r = sd_event_add_io(engine->loop, &engine->sweep.looked,
				looker_fd(engine->sweep.looker), EPOLLIN, on_looked, engine);
	if (r < 0) {
		return err_system(e, r, "cannot watch sweeps");
	}
	r = sd_event_add_time_relative(engine->loop, &engine->sweep.timer, CLOCK_MONOTONIC, 0,
				       USEC_PER_SEC, on_time, engine);
	return r < 0 ? err_system(e, r, "cannot plan sweeps") : 0;
}

static void plan_earlier(struct engine *engine, usec_t due, usec_t now)
{
	if (!engine->sweep.running && due < engine->sweep.due) {
		plan(engine, due - now);
	}
}

void sweep_soon(struct engine *engine)
{
	struct engine_sweep *sweep = &engine->sweep;
	const usec_t now = clock_monotonic();
	const usec_t allowed = sweep->last_end + sweep->last_cost * SHARE_ON_CHANGE;
	if (sweep->running) {
		sweep->again = true;
		return;
	}
	plan_earlier(engine, greater(now + CHANGE_WAIT_USEC, allowed), now);
}

void sweep_for_question(struct engine *engine, unsigned more)
{
	struct engine_sweep *sweep = &engine->sweep;
	const usec_t now = clock_monotonic();
	const usec_t allowed = sweep->last_end + sweep->last_cost * SHARE_ON_QUESTION;
	sweep->flags |= more;
	if (now >= allowed) {
		sweep_now(engine);
	} else {
		plan_earlier(engine, allowed, now);
	}
}

/* ---- what ---- */

static void on_difference(const struct event *difference, void *data)
{
	struct engine *engine = data;
	struct event event = *difference;
	if (!events_were_told(engine, &event)) {
		record_event(engine, &event);
	}
}

/* First what the events say, then what they did not say: each thing is told once. */
static void take(struct engine *engine, struct inventory *after, struct findings *findings)
{
	events_read(engine);
	if (engine->known) {
		if (observe_compare(&engine->inventory, after, on_difference, engine) < 0) {
			say(SAY_ERROR, "no memory to compare two sweeps");
		}
		inventory_deinit(&engine->inventory);
	}
	engine->inventory = *after;
	engine->known = true;
	engine->sweep.count++;
	events_forget_old(engine);
	open_ports_tell(engine);
	findings_take(engine, findings);
}

/* With whatever diag sockets have come. */
static void begin_look(struct engine *engine)
{
	struct engine_sweep *sweep = &engine->sweep;
	const struct observe_request request = {
		.flags = USUAL_FLAGS | sweep->flags,
		.without = engine->without,
		.now = clock_now(),
		.bpf_directory = engine->bpf_directory,
	};
	sweep->limit = sd_event_source_disable_unref(sweep->limit);
	sweep->flags = 0;
	sweep->looking = true;
	/* Questions from now on are for the next look. */
	sweep->answers = engine->questions.count;
	const struct event *attempts = NULL;
	attempts_sweep(engine);
	const size_t attempt_count = attempts_recent(engine, &attempts);
	looker_begin(sweep->looker, &request, &sweep->sockets, policy_now(engine), attempts,
		     attempt_count);
}

static int on_looked(sd_event_source *source, int fd, uint32_t events, void *data)
{
	(void)source, (void)fd, (void)events;
	struct engine *engine = data;
	struct engine_sweep *sweep = &engine->sweep;
	struct err e = ERR_INIT;
	struct inventory after;
	struct findings findings;
	usec_t took = 0;
	const usec_t begun = clock_monotonic();
	if (looker_end(sweep->looker, &after, &findings, &took, &e) == 0) {
		take(engine, &after, &findings);
	} else {
		sweep->failures++;
		say(SAY_WARNING, "sweep: %s", err_text(&e));
	}
	sweep->running = sweep->looking = false;
	policy_after_look(engine);
	sweep->last_end = clock_monotonic();
	sweep->last_cost = took + sweep->last_end - begun;
	plan(engine, usual_interval(engine));
	if (sweep->again) {
		sweep->again = false;
		sweep_soon(engine);
	}
	answer_waiting(engine, sweep->answers);
	return 0;
}

static int on_limit(sd_event_source *source, uint64_t usec, void *data)
{
	(void)source, (void)usec;
	begin_look(data);
	return 0;
}

/* Held no longer than a sweep: an open socket keeps its network namespace alive. */
static int ask_for_sockets(struct engine *engine)
{
	const struct wire_message message = { .type = WIRE_NETNS_WANTED };
	int r = sd_event_add_time_relative(engine->loop, &engine->sweep.limit, CLOCK_MONOTONIC,
					   (uint64_t)SOCKETS_WAIT_USEC, 0, on_limit, engine);
	return r < 0 ? r : wire_send(engine->parent.socket, &message, NULL, 0, NULL);
}

void sweep_now(struct engine *engine)
{
	struct engine_sweep *sweep = &engine->sweep;
	if (sweep->running) {
		return;
	}
	sweep->running = true;
	if (ask_for_sockets(engine) < 0) {
		begin_look(engine);
	}
}

void sweep_socket(struct engine *engine, const struct wire_netns *netns, int *fd)
{
	struct engine_sweep *sweep = &engine->sweep;
	if (!sweep->running || sweep->looking) {
		return; /* too late: it is closed by the caller */
	}
	struct observe_socket *socket = vec_push(&sweep->sockets.list);
	if (socket == NULL) {
		return;
	}
	socket->inode = netns->inode;
	socket->cookie = netns->cookie;
	socket->kind = (enum netns_kind)netns->kind;
	socket->pid = netns->pid;
	(void)str_copy(socket->name, sizeof(socket->name), netns->name);
	socket->fd = *fd >= 0 ? steal_fd(fd) : -1;
}

void sweep_sockets_end(struct engine *engine)
{
	if (engine->sweep.running && !engine->sweep.looking) {
		begin_look(engine);
	}
}

void sweep_deinit(struct engine *engine)
{
	struct engine_sweep *sweep = &engine->sweep;
	sweep->timer = sd_event_source_disable_unref(sweep->timer);
	sweep->limit = sd_event_source_disable_unref(sweep->limit);
	sweep->looked = sd_event_source_disable_unref(sweep->looked);
	sweep->looker = looker_free(sweep->looker);
	observe_sockets_close(&sweep->sockets);
}
