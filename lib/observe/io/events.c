/* Reading the events out of their ring, and finding out what they do not tell. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io/clock.h"
#include "base/io/ring.h"
#include "observe/io/dump.h"
#include "observe/observe.h"
#include "observe/records.h"

struct observe_events {
	struct ring ring;
	size_t page_bytes;
	const _Atomic uint64_t *lost;
};

int observe_events_open(struct observe_events **out, int ring, size_t ring_bytes, int counters,
			struct err *e)
{
	struct observe_events *events = calloc(1, sizeof(*events));
	if (events == NULL) {
		return err_system(e, ENOMEM, "events");
	}
	events->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	int r = ring_open(&events->ring, ring, ring_bytes, e);
	if (r == 0) {
		const void *lost =
			mmap(NULL, events->page_bytes, PROT_READ, MAP_SHARED, counters, 0);
		r = lost == MAP_FAILED ? err_system(e, errno, "cannot map the event counters") : 0;
		events->lost = r == 0 ? lost : NULL;
	}
	if (r < 0) {
		(void)observe_events_free(events);
		return r;
	}
	*out = events;
	return 0;
}

struct observe_events *observe_events_free(struct observe_events *events)
{
	if (events == NULL) {
		return NULL;
	}
	if (events->lost != NULL) {
		/* Mapped by us with this length. */
		(void)munmap((void *)(uintptr_t)events->lost, events->page_bytes);
	}
	ring_close(&events->ring);
	free(events);
	return NULL;
}

int observe_events_fd(const struct observe_events *events)
{
	return events->ring.fd;
}

uint64_t observe_events_lost(const struct observe_events *events)
{
	return atomic_load_explicit(events->lost, memory_order_relaxed);
}

struct receiver {
	usec_t boot_offset;
	observe_event_function *function;
	void *data;
};

static bool hand_over(const void *record, size_t length, void *data)
{
	const struct receiver *receiver = data;
	struct event event;
	if (records_event(&event, record, length, receiver->boot_offset) < 0) {
		return false;
	}
	receiver->function(&event, receiver->data);
	return true;
}

unsigned observe_events_read(struct observe_events *events, unsigned max,
			     observe_event_function *function, void *data)
{
	struct receiver receiver = { clock_boot_offset(), function, data };
	return ring_read(&events->ring, max, hand_over, &receiver);
}

struct search {
	struct event *event;
	bool found;
};

static int compare_cookie(const struct socket_facts *facts, void *data)
{
	struct search *search = data;
	if (facts->cookie == search->event->cookie) {
		search->event->address = facts->local;
		search->event->port = facts->local_port;
		search->found = true;
	}
	return 0;
}

int observe_event_resolve(struct event *event, const struct observe_sockets *sockets, struct err *e)
{
	for (size_t i = 0; i < sockets->list.count; i++) {
		const struct observe_socket *socket = &sockets->list.items[i];
		if (socket->inode != event->netns || socket->fd < 0) {
			continue;
		}
		struct search search = { .event = event };
		struct observe_socket asked = *socket;
		asked.idle = 0; /* this socket is newer than what was known then */
		int r = dump_sockets(&asked, event->protocol,
				     diag_listening_states(event->protocol), NULL, compare_cookie,
				     &search, e);
		if (r < 0) {
			return r;
		}
		return search.found ? 0 : -ENOENT;
	}
	return -ENOENT;
}
