/* Events: to the writer, and on to the face. */
#include "engine.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "common/say.h"

/* Kept for who comes later; only this much of the writer's state is the loop's own. */
static void on_state(struct engine *engine)
{
	struct engine_record *record = &engine->record;
	const struct writer_state state = writer_state(record->writer);
	if (state.fault[0] != '\0' && strcmp(state.fault, record->state.fault) != 0) {
		say(SAY_ERROR, "store: %s", state.fault);
	}
	const bool more = state.written_id > record->state.written_id;
	record->state = state;
	/* After the clock was set back far the store goes on with other numbers than ours. */
	if (state.last_id > record->last_id) {
		record->last_id = state.last_id;
	}
	const struct wire_message message = { .type = WIRE_WRITTEN,
					      .written = { .id = state.written_id } };
	if (more && engine->face.socket >= 0) {
		(void)wire_send(engine->face.socket, &message, NULL, 0,
				NULL); /* the next one says the same and more */
	}
	answer_written(engine);
}

static int on_writer(sd_event_source *source, int fd, uint32_t events, void *data)
{
	(void)source, (void)fd, (void)events;
	on_state(data);
	return 0;
}

/* Without a store everything works but memory. */
static void open_store(struct engine *engine)
{
	struct engine_record *record = &engine->record;
	struct store *store = NULL;
	struct err e = ERR_INIT;
	int r = store_open_at(&store, engine->state, &e);
	if (r == 0) {
		writer_begin(record->writer, store, engine->setup.keep_days);
		record->writable = true;
		record->last_id = store_last_id(store);
		r = sd_event_add_io(engine->loop, &record->source, writer_fd(record->writer),
				    EPOLLIN, on_writer, engine);
	}
	if (r < 0) {
		(void)str_copy(record->state.fault, sizeof(record->state.fault), err_text(&e));
		say(SAY_ERROR, "store: %s", record->state.fault);
	}
}

void record_start(struct engine *engine)
{
	open_store(engine);
	if (engine->setup.restarts == 0) {
		struct event event = { .time = engine->setup.started,
				       .kind = EVENT_DAEMON_STARTED,
				       .uid = UINT32_MAX };
		record_event(engine, &event);
	}
}

/* The store's own rule (store.h), applied here because nobody waits for the store. */
static uint64_t next_id(const struct engine_record *record, usec_t time)
{
	const uint64_t last = record->last_id;
	return (uint64_t)time > last || last > (uint64_t)time + USEC_PER_DAY ? (uint64_t)time
									     : last + 1;
}

static void tell_lost(struct engine *engine)
{
	const struct wire_message message = { .type = WIRE_LOST,
					      .lost = { .count = engine->record.unsent } };
	if (engine->record.unsent > 0 &&
	    wire_send(engine->face.socket, &message, NULL, 0, NULL) == 0) {
		engine->record.unsent = 0;
	}
}

void record_event(struct engine *engine, struct event *event)
{
	struct engine_record *record = &engine->record;
	event->id = record->last_id = next_id(record, event->time);
	if (!record->writable || !writer_put(record->writer, event)) {
		record->refused++;
	}
	if (engine->face.socket < 0) {
		return;
	}
	tell_lost(engine);
	struct wire_message message = { .type = WIRE_EVENT };
	message.event = *event;
	if (wire_send(engine->face.socket, &message, NULL, 0, NULL) < 0) {
		record->unsent++;
	}
}

bool record_is_written(const struct engine *engine, uint64_t id)
{
	const struct engine_record *record = &engine->record;
	return !record->writable || record->state.fault[0] != '\0' ||
	       record->state.written_id >= id;
}

void record_end(struct engine *engine)
{
	engine->record.source = sd_event_source_disable_unref(engine->record.source);
	engine->record.writer = writer_free(engine->record.writer);
}
