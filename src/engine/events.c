/* The kernel's events: at once into the record; the next sweep's difference then leaves them out.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/io/file.h"
#include "common/say.h"
#include "engine.h"

enum {
	EVENTS_A_TURN = 512,
	ANNOUNCED_MAX = 65536, /* beyond it an opening may be told twice: by event and by sweep */
	ANNOUNCED_SWEEPS = 3,  /* after so many no difference can speak of it any more */
};

struct announced_key {
	uint64_t cookie;
	uint64_t netns;
};

/*
 * A socket that events told of. A sweep looks while events come in, so its difference may say the
 * same once more, or say of a socket that was closed meanwhile that it is open.
 */
struct announced {
	struct announced_key key;
	uint64_t sweep; /* number of the last sweep before the last event */
	bool opened, closed;
	UT_hash_handle hh;
};

static struct announced *find(const struct engine *engine, const struct event *event)
{
	struct announced_key key;
	struct announced *found = NULL;
	memset(&key, 0, sizeof(key));
	key.cookie = event->cookie;
	key.netns = event->netns;
	if (event->cookie != 0) {
		HASH_FIND(hh, engine->events.announced, &key, sizeof(key), found);
	}
	return found;
}

static struct announced *add(struct engine *engine, const struct event *event)
{
	struct announced *entry = NULL;
	if (event->cookie != 0 && HASH_COUNT(engine->events.announced) < ANNOUNCED_MAX) {
		entry = calloc(1, sizeof(*entry));
	}
	if (entry != NULL) {
		entry->key = (struct announced_key){ event->cookie, event->netns };
		HASH_ADD(hh, engine->events.announced, key, sizeof(entry->key), entry);
	}
	return entry;
}

static void remember(struct engine *engine, const struct event *event)
{
	struct announced *entry = find(engine, event);
	if (entry == NULL) {
		entry = add(engine, event);
	}
	if (entry != NULL) {
		entry->opened = entry->opened || event->kind == EVENT_LISTENER_OPENED;
		entry->closed = event->kind == EVENT_LISTENER_CLOSED;
		entry->sweep = engine->sweep.count;
	}
}

bool events_were_told(const struct engine *engine, const struct event *event)
{
	const struct announced *entry = find(engine, event);
	return entry != NULL && (event->kind == EVENT_LISTENER_OPENED   ? entry->opened
				 : event->kind == EVENT_LISTENER_CLOSED ? entry->closed
									: false);
}

void events_forget_old(struct engine *engine)
{
	struct announced *entry;
	struct announced *next;
	HASH_ITER (hh, engine->events.announced, entry, next) {
		if (entry->sweep + ANNOUNCED_SWEEPS < engine->sweep.count) {
			HASH_DEL(engine->events.announced, entry);
			free(entry);
		}
	}
}

/* The line of systemd's hierarchy: "0::/path" of cgroup v2, or "N:name=systemd:/path" beside v1. */
static const char *cgroup_path(char *text)
{
	const char *found = NULL;
	char *rest = NULL;
	for (char *line = strtok_r(text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		const char *names = strchr(line, ':');
		const char *path = names != NULL ? strchr(names + 1, ':') : NULL;
		if (path == NULL) {
			continue;
		}
		if (strncmp(names, ":name=systemd:", strlen(":name=systemd:")) == 0) {
			return path + 1;
		}
		if (path == names + 1) {
			found = path + 1;
		}
	}
	return found;
}

/* Unit and container: the process may be gone in a moment, its cgroup file is readable to all. */
static void find_unit(struct engine_described *out, int32_t pid)
{
	char path[64];
	char text[4096];
	struct observe_cgroup cgroup;
	(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	const char *place =
		file_read_into(text, sizeof(text), AT_FDCWD, path) > 0 ? cgroup_path(text) : NULL;
	if (place != NULL) {
		observe_cgroup_parse(&cgroup, place);
		(void)str_copy(out->unit, sizeof(out->unit), cgroup.unit);
		(void)str_copy(out->container, sizeof(out->container), cgroup.container_id);
	}
}

static void find_executable(struct engine_described *out, const struct engine *engine,
			    const struct event *event)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/exe", event->pid);
	const ssize_t length = readlink(path, out->executable, sizeof(out->executable) - 1);
	out->executable[length > 0 ? length : 0] = '\0';
	/* That of another user's process may not be read, but the last sweep may have seen it. */
	const struct process *process =
		engine->known ? inventory_process(&engine->inventory, event->pid) : NULL;
	if (length <= 0 && process != NULL && process->executable != NULL &&
	    process->name != NULL && strcmp(process->name, event->process) == 0) {
		(void)str_copy(out->executable, sizeof(out->executable), process->executable);
	}
}

/* A program that opens many ports at once is looked at once a second. */
void events_describe(struct engine *engine, struct event *event)
{
	struct engine_described *known =
		&engine->events.described[(uint32_t)event->pid % ENGINE_DESCRIBED];
	if (known->pid != event->pid || strcmp(known->process, event->process) != 0 ||
	    event->time - known->time > USEC_PER_SEC || event->time < known->time) {
		*known = (struct engine_described){ .pid = event->pid, .time = event->time };
		(void)str_copy(known->process, sizeof(known->process), event->process);
		find_unit(known, event->pid);
		find_executable(known, engine, event);
	}
	memcpy(event->unit, known->unit, sizeof(event->unit));
	memcpy(event->container, known->container, sizeof(event->container));
	memcpy(event->executable, known->executable, sizeof(event->executable));
}

static void on_event(const struct event *told, void *data)
{
	struct engine *engine = data;
	struct event event = *told;
	engine->events.received++;
	sweep_soon(engine);
	if (event.kind == EVENT_LISTENER_OPENED && event.port == 0 &&
	    observe_event_resolve(&event, &engine->events.own_sockets, NULL) < 0) {
		return; /* in another namespace, or gone again: the sweep finds it if it lasts */
	}
	if (event.kind == EVENT_LISTENER_OPENED) {
		events_describe(engine, &event);
	} else if (event.pid == 0 && engine->known &&
		   !observe_event_recall(&event, &engine->inventory) && event.port == 0) {
		return; /* never told of as open, and nobody knows its number any more */
	}
	if (event.kind == EVENT_LISTENER_OPENED) {
		open_ports_opened(engine, &event);
	}
	remember(engine, &event);
	record_event(engine, &event);
}

static void tell_lost(struct engine *engine)
{
	const uint64_t lost = observe_events_lost(engine->events.reader);
	if (lost > engine->events.lost) {
		struct event event = { .time = clock_now(),
				       .kind = EVENT_RECORDS_LOST,
				       .uid = UINT32_MAX,
				       .count = lost - engine->events.lost };
		engine->events.lost = lost;
		record_event(engine, &event);
		sweep_soon(engine);
	}
}

void events_read(struct engine *engine)
{
	if (engine->events.reader != NULL) {
		(void)observe_events_read(engine->events.reader, EVENTS_A_TURN, on_event, engine);
		tell_lost(engine);
	}
}

static int on_ring(sd_event_source *source, int fd, uint32_t events, void *data)
{
	(void)source, (void)fd, (void)events;
	events_read(data);
	return 0;
}

/* @return 0 or negative errno. */
static int open_ring(struct engine *engine, const struct wire_ring *ring, const int *fds,
		     struct err *e)
{
	struct engine_events *events = &engine->events;
	int r = observe_events_open(&events->reader, fds[0], ring->ring_bytes, fds[1], e);
	if (r == 0) {
		events->lost = observe_events_lost(events->reader);
		r = sd_event_add_io(engine->loop, &events->source,
				    observe_events_fd(events->reader), EPOLLIN, on_ring, engine);
	}
	if (r >= 0) {
		/* What listens without bind() gets its number later: asked for by its cookie. */
		r = observe_sockets_open(&events->own_sockets, false, engine->without, e);
	}
	return r < 0 ? r : 0;
}

void events_start(struct engine *engine, const struct wire_ring *ring, const int *fds)
{
	struct engine_events *events = &engine->events;
	struct err e = ERR_INIT;
	events_deinit(engine);
	(void)str_copy(events->reason, sizeof(events->reason), ring->reason);
	if (ring->sources == 0) {
		return;
	}
	if (open_ring(engine, ring, fds, &e) < 0) {
		events_deinit(engine);
		(void)str_copy(events->reason, sizeof(events->reason), err_text(&e));
		say(SAY_WARNING, "no kernel events, sweeps alone: %s", events->reason);
		return;
	}
	events->sources = ring->sources;
	events->reason[0] = '\0';
}

void events_deinit(struct engine *engine)
{
	struct engine_events *events = &engine->events;
	struct announced *entry;
	struct announced *next;
	events->source = sd_event_source_disable_unref(events->source);
	events->reader = observe_events_free(events->reader);
	observe_sockets_close(&events->own_sockets);
	events->own_sockets = (struct observe_sockets){ 0 };
	events->sources = 0;
	HASH_ITER (hh, events->announced, entry, next) {
		HASH_DEL(events->announced, entry);
		free(entry);
	}
}
