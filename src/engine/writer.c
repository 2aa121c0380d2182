/* The store's own thread. */
#include "writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/str.h"
#include "base/vec.h"

enum {
	RETRY_SECONDS = 1, /* after a failure, when nothing new comes */
};

struct writer_queue {
	struct event *items;
	size_t count;
	size_t room;
};

struct writer {
	pthread_t thread;
	int changed; /* eventfd */
	uint32_t keep_days;
	int64_t day;          /* on which old days were removed last */
	struct store *store;  /* the thread's, once it is set */
	pthread_mutex_t lock; /* of everything below */
	pthread_cond_t wake;
	struct writer_queue queue;
	struct writer_state state;
	bool begun, ending;
};

static void tell(struct writer *writer)
{
	const uint64_t one = 1;
	(void)!write(writer->changed, &one, sizeof(one)); /* full means it is readable already */
}

static void set_fault(struct writer *writer, const struct err *e, uint64_t unstored)
{
	pthread_mutex_lock(&writer->lock);
	writer->state.unstored += unstored;
	(void)str_copy(writer->state.fault, sizeof(writer->state.fault), err_text(e));
	pthread_mutex_unlock(&writer->lock);
	tell(writer);
}

/* @return whether everything appended is durable now. */
static bool flush(struct writer *writer)
{
	struct err e = ERR_INIT;
	if (store_pending(writer->store) > 0 && store_flush(writer->store, &e) < 0) {
		set_fault(writer, &e, 0);
		return false;
	}
	pthread_mutex_lock(&writer->lock);
	writer->state.written_id = writer->state.last_id = store_last_id(writer->store);
	writer->state.fault[0] = '\0';
	pthread_mutex_unlock(&writer->lock);
	tell(writer);
	return true;
}

static void append(struct writer *writer, struct event *event)
{
	struct err e = ERR_INIT;
	int r = store_append(writer->store, event, &e);
	if (r == -ENOBUFS && flush(writer)) {
		e = ERR_INIT;
		r = store_append(writer->store, event, &e);
	}
	if (r < 0) {
		set_fault(writer, &e, 1);
	}
}

/* Whole files of days that are over for longer than asked. */
static void retain(struct writer *writer)
{
	const usec_t now = clock_now();
	uint32_t removed = 0;
	if (writer->day == now / USEC_PER_DAY) {
		return;
	}
	writer->day = now / USEC_PER_DAY;
	struct err e = ERR_INIT;
	if (store_retain(writer->store, now, writer->keep_days, &removed, &e) < 0) {
		set_fault(writer, &e, 0);
	}
	pthread_mutex_lock(&writer->lock);
	writer->state.days_removed += removed;
	pthread_mutex_unlock(&writer->lock);
}

/* Waits until there is something to do. @return false: nothing ever will be. */
static bool take(struct writer *writer, struct writer_queue *out, bool retry)
{
	struct timespec limit;
	(void)clock_gettime(CLOCK_REALTIME, &limit); /* the clock of pthread_cond_timedwait */
	limit.tv_sec += RETRY_SECONDS;
	pthread_mutex_lock(&writer->lock);
	int r = 0;
	while (r == 0 && !writer->ending && (!writer->begun || writer->queue.count == 0)) {
		r = retry ? pthread_cond_timedwait(&writer->wake, &writer->lock, &limit)
			  : pthread_cond_wait(&writer->wake, &writer->lock);
	}
	*out = writer->queue;
	writer->queue = (struct writer_queue){ 0 };
	const bool more = !writer->ending || out->count > 0;
	pthread_mutex_unlock(&writer->lock);
	return more;
}

static void *run(void *data)
{
	struct writer *writer = data;
	struct writer_queue batch = { 0 };
	bool retry = false;
	while (take(writer, &batch, retry)) {
		for (size_t i = 0; i < batch.count && writer->store != NULL; i++) {
			append(writer, &batch.items[i]);
		}
		vec_free(&batch);
		if (writer->store != NULL) {
			retry = !flush(writer);
			retain(writer);
		}
	}
	vec_free(&batch);
	return NULL;
}

int writer_new(struct writer **out, struct err *e)
{
	struct writer *writer = calloc(1, sizeof(*writer));
	if (writer == NULL) {
		return err_system(e, ENOMEM, "no memory for the writer");
	}
	writer->day = -1;
	writer->changed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	(void)pthread_mutex_init(&writer->lock, NULL); /* cannot fail with these arguments */
	(void)pthread_cond_init(&writer->wake, NULL);
	int r = writer->changed < 0 ? errno : pthread_create(&writer->thread, NULL, run, writer);
	if (r != 0) {
		close_fdp(&writer->changed);
		free(writer);
		return err_system(e, r, "cannot make the writer's thread");
	}
	*out = writer;
	return 0;
}

void writer_begin(struct writer *writer, struct store *store, uint32_t keep_days)
{
	pthread_mutex_lock(&writer->lock);
	writer->store = store;
	writer->keep_days = keep_days;
	writer->state.written_id = writer->state.last_id = store_last_id(store);
	writer->begun = true;
	pthread_cond_signal(&writer->wake);
	pthread_mutex_unlock(&writer->lock);
}

bool writer_put(struct writer *writer, const struct event *event)
{
	pthread_mutex_lock(&writer->lock);
	struct event *copy = writer->begun && writer->queue.count < WRITER_QUEUE_MAX
				     ? vec_push(&writer->queue)
				     : NULL;
	if (copy != NULL) {
		*copy = *event;
		pthread_cond_signal(&writer->wake);
	} else {
		writer->state.unstored++;
	}
	pthread_mutex_unlock(&writer->lock);
	return copy != NULL;
}

int writer_fd(const struct writer *writer)
{
	return writer->changed;
}

struct writer_state writer_state(struct writer *writer)
{
	uint64_t count = 0;
	(void)!read(writer->changed, &count, sizeof(count)); /* not readable: nothing was said */
	pthread_mutex_lock(&writer->lock);
	const struct writer_state state = writer->state;
	pthread_mutex_unlock(&writer->lock);
	return state;
}

struct writer *writer_free(struct writer *writer)
{
	if (writer == NULL) {
		return NULL;
	}
	pthread_mutex_lock(&writer->lock);
	writer->ending = true;
	pthread_cond_signal(&writer->wake);
	pthread_mutex_unlock(&writer->lock);
	(void)pthread_join(writer->thread, NULL); /* our own thread, joined once */
	writer->store = store_close(writer->store);
	vec_free(&writer->queue);
	close_fdp(&writer->changed);
	pthread_cond_destroy(&writer->wake);
	pthread_mutex_destroy(&writer->lock);
	free(writer);
	return NULL;
}
