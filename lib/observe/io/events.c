/* Reading the events out of their ring, and finding out what they do not tell. */
#include <errno.h>
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
	size_t counters_bytes;
	const struct tally_record *counters; /* [0].key = lost records */
	observe_peer_function *peer_function;
	void *peer_data;
};

_Static_assert(OBSERVE_TALLY_SLOTS == TALLY_SLOTS, "as the programs have it");

int observe_events_open(struct observe_events **out, int ring, size_t ring_bytes, int counters,
			struct err *e)
{
	struct observe_events *events = calloc(1, sizeof(*events));
	if (events == NULL) {
		return err_system(e, ENOMEM, "events");
	}
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const size_t needed = (1 + TALLY_SLOTS) * sizeof(struct tally_record);
	events->counters_bytes = (needed + page - 1) / page * page;
	int r = ring_open(&events->ring, ring, ring_bytes, e);
	if (r == 0) {
		const void *mapped =
			mmap(NULL, events->counters_bytes, PROT_READ, MAP_SHARED, counters, 0);
		r = mapped == MAP_FAILED ? err_system(e, errno, "cannot map the event counters")
					 : 0;
		events->counters = r == 0 ? mapped : NULL;
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
	if (events->counters != NULL) {
		/* Mapped by us with this length. */
		(void)munmap((void *)(uintptr_t)events->counters, events->counters_bytes);
	}
	ring_close(&events->ring);
	free(events);
	return NULL;
}

int observe_events_fd(const struct observe_events *events)
{
	return events->ring.fd;
}

/* The kernel counts while we look. */
static uint64_t value_now(const __u64 *place)
{
	return __atomic_load_n(place, __ATOMIC_RELAXED);
}

uint64_t observe_events_lost(const struct observe_events *events)
{
	return value_now(&events->counters[0].key);
}

void observe_events_peers(struct observe_events *events, observe_peer_function *function,
			  void *data)
{
	events->peer_function = function;
	events->peer_data = data;
}

void observe_events_tally(const struct observe_events *events, observe_tally_function *function,
			  void *data)
{
	for (uint32_t slot = 0; slot < TALLY_SLOTS; slot++) {
		const struct tally_record *record = &events->counters[1 + slot];
		const uint64_t key = value_now(&record->key);
		const struct observe_tally tally = {
			.slot = slot,
			.netns = (uint32_t)(key >> 32),
			.port = (uint16_t)(key >> 16),
			.opened = value_now(&record->opened),
			.ended = value_now(&record->ended),
			.silent = value_now(&record->silent),
			.bytes = value_now(&record->bytes),
		};
		if (key != 0) {
			function(&tally, data);
		}
	}
}

struct receiver {
	const struct observe_events *events;
	usec_t boot_offset;
	observe_event_function *function;
	void *data;
};

static bool hand_over(const void *record, size_t length, void *data)
{
	const struct receiver *receiver = data;
	const struct observe_events *events = receiver->events;
	struct event event;
	struct observe_peer peer;
	if (records_peer(&peer, record, length) == 0) {
		if (events->peer_function != NULL) {
			events->peer_function(&peer, events->peer_data);
		}
		return true;
	}
	if (records_event(&event, record, length, receiver->boot_offset) < 0) {
		return false;
	}
	receiver->function(&event, receiver->data);
	return true;
}

unsigned observe_events_read(struct observe_events *events, unsigned max,
			     observe_event_function *function, void *data)
{
	struct receiver receiver = { events, clock_boot_offset(), function, data };
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
