/* Reading a BPF ring buffer without the bpf() system call (Documentation/bpf/ringbuf.rst). */
#include "base/io/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"

static void *map(int fd, size_t length, int protection, size_t offset)
{
	void *memory = mmap(NULL, length, protection, MAP_SHARED, fd, (off_t)offset);
	return memory == MAP_FAILED ? NULL : memory;
}

static int map_all(struct ring *ring, int fd, size_t bytes)
{
	size_t page = ring->page_bytes;
	ring->consumed = map(fd, page, PROT_READ | PROT_WRITE, 0);
	ring->produced = map(fd, page + 2 * bytes, PROT_READ, page);
	if (ring->consumed == NULL || ring->produced == NULL) {
		return -errno;
	}
	ring->data = (const char *)ring->produced + page;
	ring->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return ring->fd < 0 ? -errno : 0;
}

int ring_open(struct ring *out, int fd, size_t bytes, struct err *e)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	*out = RING_INIT;
	if (bytes < page || bytes > UINT32_MAX || (bytes & (bytes - 1)) != 0) {
		return err_set(e, EINVAL, "%zu bytes are no size of a ring buffer", bytes);
	}
	out->page_bytes = page;
	out->mask = bytes - 1;
	int r = map_all(out, fd, bytes);
	return r < 0 ? err_system(e, r, "cannot map the ring buffer") : 0;
}

static void unmap(const volatile void *memory, size_t length)
{
	if (memory != NULL) {
		(void)munmap((void *)memory, length); /* mapped by us with this length */
	}
}

void ring_close(struct ring *ring)
{
	if (ring == NULL) {
		return;
	}
	unmap(ring->consumed, ring->page_bytes);
	unmap(ring->produced, ring->page_bytes + 2 * (ring->mask + 1));
	close_fdp(&ring->fd);
	*ring = RING_INIT;
}

/* Bytes that a record takes in the ring, with its header. */
static unsigned long room_of(uint32_t header)
{
	uint32_t length = header & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
	return (length + BPF_RINGBUF_HDR_SZ + 7UL) & ~7UL;
}

unsigned ring_read(struct ring *ring, unsigned max, ring_function *function, void *data)
{
	unsigned count = 0;
	/* Only we write it. */
	unsigned long at = atomic_load_explicit(ring->consumed, memory_order_relaxed);
	while (count < max && at < atomic_load_explicit(ring->produced, memory_order_acquire)) {
		const char *record = ring->data + (at & ring->mask);
		uint32_t header = atomic_load_explicit(
			(const _Atomic uint32_t *)(const void *)record, memory_order_acquire);
		if ((header & BPF_RINGBUF_BUSY_BIT) != 0) {
			break; /* being written; the kernel wakes us again */
		}
		if ((header & BPF_RINGBUF_DISCARD_BIT) == 0) {
			count += function(record + BPF_RINGBUF_HDR_SZ, header, data);
		}
		at += room_of(header);
		/* Sequentially consistent: the kernel decides by it whether to wake us. */
		atomic_store(ring->consumed, at);
	}
	return count;
}
