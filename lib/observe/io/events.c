/* Reading the event ring without the bpf() system call (Documentation/bpf/ringbuf.rst). */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "observe/io/dump.h"
#include "observe/observe.h"
#include "observe/records.h"

struct observe_events {
	int ring;
	size_t mask; /* data bytes - 1 */
	size_t page_bytes;
	_Atomic unsigned long *consumed; /* first page, ours to write */
	const _Atomic unsigned long *produced;
	const char *data; /* mapped twice in a row, so no record is cut */
	const _Atomic uint64_t *lost;
};

static void *map(int fd, size_t length, int protection, size_t offset)
{
	void *memory = mmap(NULL, length, protection, MAP_SHARED, fd, (off_t)offset);
	return memory == MAP_FAILED ? NULL : memory;
}

static int map_all(struct observe_events *events, int ring, size_t ring_bytes, int counters)
{
	size_t page = events->page_bytes;
	events->consumed = map(ring, page, PROT_READ | PROT_WRITE, 0);
	events->produced = map(ring, page + 2 * ring_bytes, PROT_READ, page);
	events->lost = map(counters, page, PROT_READ, 0);
	if (events->consumed == NULL || events->produced == NULL || events->lost == NULL) {
		return -errno;
	}
	events->data = (const char *)events->produced + page;
	events->ring = fcntl(ring, F_DUPFD_CLOEXEC, 0);
	return events->ring < 0 ? -errno : 0;
}

int observe_events_open(struct observe_events **out, int ring, size_t ring_bytes, int counters,
			struct err *e)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	if (ring_bytes < page || ring_bytes > UINT32_MAX || (ring_bytes & (ring_bytes - 1)) != 0) {
		return err_set(e, EINVAL, "%zu bytes are no size of a ring buffer", ring_bytes);
	}
	struct observe_events *events = calloc(1, sizeof(*events));
	if (events == NULL) {
		return err_system(e, ENOMEM, "events");
	}
	events->ring = -1;
	events->page_bytes = page;
	events->mask = ring_bytes - 1;
	int r = map_all(events, ring, ring_bytes, counters);
	if (r < 0) {
		(void)observe_events_free(events);
		return err_system(e, r, "cannot map the event ring");
	}
	*out = events;
	return 0;
}

static void unmap(const volatile void *memory, size_t length)
{
	if (memory != NULL) {
		(void)munmap((void *)memory, length); /* mapped by us with this length */
	}
}

struct observe_events *observe_events_free(struct observe_events *events)
{
	if (events == NULL) {
		return NULL;
	}
	unmap(events->consumed, events->page_bytes);
	unmap(events->produced, events->page_bytes + 2 * (events->mask + 1));
	unmap(events->lost, events->page_bytes);
	close_fdp(&events->ring);
	free(events);
	return NULL;
}

int observe_events_fd(const struct observe_events *events)
{
	return events->ring;
}

uint64_t observe_events_lost(const struct observe_events *events)
{
	return atomic_load_explicit(events->lost, memory_order_relaxed);
}

/* Bytes that a record takes in the ring, with its header. */
static unsigned long room_of(uint32_t header)
{
	uint32_t length = header & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
	return (length + BPF_RINGBUF_HDR_SZ + 7UL) & ~7UL;
}

static bool hand_over(const char *record, uint32_t header, usec_t boot_offset,
		      observe_event_function *function, void *data)
{
	struct event event;
	if ((header & BPF_RINGBUF_DISCARD_BIT) != 0 ||
	    records_event(&event, record, header, boot_offset) < 0) {
		return false;
	}
	function(&event, data);
	return true;
}

unsigned observe_events_read(struct observe_events *events, unsigned max,
			     observe_event_function *function, void *data)
{
	const usec_t boot_offset = clock_boot_offset();
	unsigned count = 0;
	/* Only we write it. */
	unsigned long at = atomic_load_explicit(events->consumed, memory_order_relaxed);
	while (count < max && at < atomic_load_explicit(events->produced, memory_order_acquire)) {
		const char *record = events->data + (at & events->mask);
		uint32_t header = atomic_load_explicit(
			(const _Atomic uint32_t *)(const void *)record, memory_order_acquire);
		if ((header & BPF_RINGBUF_BUSY_BIT) != 0) {
			break; /* being written; the kernel wakes us again */
		}
		count +=
			hand_over(record + BPF_RINGBUF_HDR_SZ, header, boot_offset, function, data);
		at += room_of(header);
		/* Sequentially consistent: the kernel decides by it whether to wake us. */
		atomic_store(events->consumed, at);
	}
	return count;
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
