/* Events: into the store, and on to the face. */
#include "engine.h"

#include <errno.h>
#include <string.h>

#include "base/io/clock.h"
#include "common/say.h"

/* An event waits no longer than this for the disk: a burst is written as one batch. */
static const usec_t FLUSH_USEC = 20000;

static void fault(struct engine *engine, const struct err *e)
{
	if (strcmp(engine->record.fault, err_text(e)) != 0) {
		(void)str_copy(engine->record.fault, sizeof(engine->record.fault), err_text(e));
		say(SAY_ERROR, "store: %s", engine->record.fault);
	}
}

static int on_flush(sd_event_source *source, uint64_t usec, void *data)
{
	(void)source, (void)usec;
	record_flush(data);
	return 0;
}

void record_start(struct engine *engine)
{
	struct err e = ERR_INIT;
	if (store_open_at(&engine->record.store, engine->state, &e) < 0) {
		fault(engine, &e);
	}
	if (engine->setup.restarts == 0) {
		struct event event = { .time = engine->setup.started,
				       .kind = EVENT_DAEMON_STARTED,
				       .uid = UINT32_MAX };
		record_event(engine, &event);
	}
}

static void plan_flush(struct engine *engine)
{
	struct engine_record *record = &engine->record;
	if (record->flush_waits) {
		return;
	}
	int r = record->flush == NULL
			? sd_event_add_time_relative(engine->loop, &record->flush, CLOCK_MONOTONIC,
						     (uint64_t)FLUSH_USEC, 1000, on_flush, engine)
			: sd_event_source_set_time_relative(record->flush, (uint64_t)FLUSH_USEC);
	if (r >= 0) {
		r = sd_event_source_set_enabled(record->flush, SD_EVENT_ONESHOT);
	}
	record->flush_waits = r >= 0;
	if (r < 0) {
		record_flush(engine);
	}
}

static void append(struct engine *engine, struct event *event)
{
	struct engine_record *record = &engine->record;
	struct err e = ERR_INIT;
	int r = -ENOENT;
	if (record->store != NULL) {
		r = store_append(record->store, event, &e);
		if (r == -ENOBUFS) {
			e = ERR_INIT;
			record_flush(engine);
			r = store_append(record->store, event, &e);
		}
	}
	if (r < 0) {
		/* Told to who listens now all the same, with an id that grows. */
		event->id = event->time > (usec_t)record->last_id ? (uint64_t)event->time
								  : record->last_id + 1;
		record->unstored++;
		if (record->store != NULL) {
			fault(engine, &e);
		}
	}
	record->last_id = event->id;
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
	append(engine, event);
	plan_flush(engine);
	if (engine->face.socket < 0) {
		return;
	}
	tell_lost(engine);
	struct wire_message message = { .type = WIRE_EVENT };
	message.event = *event;
	if (wire_send(engine->face.socket, &message, NULL, 0, NULL) < 0) {
		engine->record.unsent++;
	}
}

void record_flush(struct engine *engine)
{
	struct engine_record *record = &engine->record;
	struct err e = ERR_INIT;
	record->flush_waits = false;
	if (record->store == NULL || store_pending(record->store) == 0) {
		return;
	}
	if (store_flush(record->store, &e) < 0) {
		fault(engine, &e);
		return; /* still pending: the next event tries again */
	}
	record->fault[0] = '\0';
	record->written_id = record->last_id;
	const struct wire_message message = { .type = WIRE_WRITTEN,
					      .written = { .id = record->written_id } };
	if (engine->face.socket >= 0) {
		(void)wire_send(engine->face.socket, &message, NULL, 0,
				NULL); /* the next one says the same and more */
	}
}

void record_deinit(struct engine *engine)
{
	engine->record.flush = sd_event_source_disable_unref(engine->record.flush);
	engine->record.store = store_close(engine->record.store);
}
