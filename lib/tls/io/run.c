/* An order carried out: as many ports at once as there is room for. */
#include "tls/io/run.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/cleanup.h"
#include "base/io/clock.h"

enum {
	AT_ONCE = 128, /* ports; one connection each */
	EVENTS_AT_ONCE = 64,
};

struct run {
	struct tls_engine engine;
	tls_tell_function *tell;
	void *data;
	uint32_t next; /* port to begin with */
	size_t count;
	struct subject *subjects[AT_ONCE];
};

static void run_free(struct run *run)
{
	for (size_t i = 0; i < run->count; i++) {
		subject_end(run->subjects[i]);
		free(run->subjects[i]);
	}
	close_fdp(&run->engine.epoll);
	free(run);
}

static void run_freep(struct run **run)
{
	if (*run != NULL) {
		run_free(*run);
	}
}

static int begin_more(struct run *run)
{
	const struct tls_order *order = run->engine.order;
	while (run->count < AT_ONCE && run->next < order->count) {
		struct subject *s = calloc(1, sizeof(*s));
		if (s == NULL) {
			return -ENOMEM;
		}
		run->subjects[run->count++] = s;
		subject_begin(s, &run->engine, order->ports[run->next++], clock_monotonic());
	}
	return 0;
}

/* Tells of those that are over, and forgets them. */
static int clear_away(struct run *run)
{
	int r = 0;
	for (size_t i = 0; i < run->count && r == 0;) {
		struct subject *s = run->subjects[i];
		if (!subject_is_over(s)) {
			i++;
			continue;
		}
		r = run->tell(run->data, &s->record);
		subject_end(s);
		free(s);
		run->subjects[i] = run->subjects[--run->count];
	}
	return r;
}

static int time_left(const struct run *run, usec_t now)
{
	usec_t first = now + USEC_PER_SEC;
	for (size_t i = 0; i < run->count; i++) {
		const usec_t deadline = run->subjects[i]->deadline;
		first = deadline < first ? deadline : first;
	}
	return first <= now ? 0 : (int)((first - now + 999) / 1000);
}

static int turn(struct run *run)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	const int count = epoll_wait(run->engine.epoll, events, EVENTS_AT_ONCE,
				     time_left(run, clock_monotonic()));
	if (count < 0 && errno != EINTR) {
		return -errno;
	}
	for (int i = 0; i < count; i++) {
		struct subject *s = events[i].data.ptr;
		if (!subject_is_over(s) && s->socket >= 0) {
			subject_ready(s, clock_monotonic());
		}
	}
	const usec_t now = clock_monotonic();
	for (size_t i = 0; i < run->count; i++) {
		if (!subject_is_over(run->subjects[i]) && run->subjects[i]->deadline <= now) {
			subject_late(run->subjects[i], now);
		}
	}
	return clear_away(run);
}

int tls_run(const struct tls_order *order, struct ssl_ctx_st *context, tls_tell_function *tell,
	    void *data)
{
	_cleanup_(run_freep) struct run *run = calloc(1, sizeof(*run));
	if (run == NULL || context == NULL) {
		return -ENOMEM;
	}
	run->engine = (struct tls_engine){ .order = order,
					   .context = context,
					   .epoll = epoll_create1(EPOLL_CLOEXEC) };
	if (run->engine.epoll < 0) {
		return -errno;
	}
	(void)addr_format(&order->address, run->engine.address);
	run->tell = tell;
	run->data = data;
	int r = 0;
	while (r == 0 && (run->next < order->count || run->count > 0)) {
		r = begin_more(run);
		r = r == 0 ? turn(run) : r;
	}
	return r;
}
