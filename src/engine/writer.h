/*
 * The store's own thread: writing waits for the disk, hearing of events must not. The loop puts
 * events into a queue; the thread takes all that are there, writes them as one batch and says up to
 * which id everything is safe.
 */
#pragma once

#include "base/err.h"
#include "store/store.h"

enum {
	WRITER_QUEUE_MAX = 16384, /* events that wait for the disk; more are counted as unstored */
	WRITER_FAULT_BYTES = 256,
};

struct writer;

/* What the thread has done so far. */
struct writer_state {
	uint64_t written_id; /* everything up to it is durable */
	uint64_t last_id;  /* that the store has given; greater than the loop's when clocks jump */
	uint64_t unstored; /* events that could not be kept */
	uint32_t days_removed;
	char fault[WRITER_FAULT_BYTES]; /* why the last attempt failed; "" = it did not */
};

/* Makes the thread; it waits for a store. Before the process gives up the right to make threads.
 * @return 0; -ENOMEM, -EAGAIN, other negative errno. */
int writer_new(struct writer **out, struct err *e);

/* Hands the store over; it is the thread's from now on. @param keep_days  older days are removed.
 */
void writer_begin(struct writer *writer, struct store *store, uint32_t keep_days);

/* @return whether there was room. */
bool writer_put(struct writer *writer, const struct event *event);

/* Readable after the state changed; reading writer_state() makes it unreadable again. */
int writer_fd(const struct writer *writer);
struct writer_state writer_state(struct writer *writer);

/* Writes what waits, ends the thread and closes the store. @return NULL; NULL is allowed. */
struct writer *writer_free(struct writer *writer);
