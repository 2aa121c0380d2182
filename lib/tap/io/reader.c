/* Notes out of the ring, and the counters beside it: mapped memory, no system call but epoll. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/io/ring.h"
#include "model/protocol.h"
#include "tap/io/pins.h"
#include "tap/io/socket.h"
#include "tap/table.h"

struct tap_reader {
	struct packets *packets; /* then there is no ring, or NULL */
	struct ring ring;
	const volatile struct tap_counts *counts; /* one for each CPU */
	size_t counts_bytes;
	const volatile uint64_t *suppressed; /* TAP_PLACES */
	size_t suppressed_bytes;
	uint32_t cpus;
};

/* An array that the kernel lets be mapped; its length is rounded up to pages. */
static int map_array(const volatile void **out, size_t *bytes, int fd, size_t length)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	*bytes = (length + page - 1) / page * page;
	void *memory = mmap(NULL, *bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) {
		return -errno;
	}
	*out = memory;
	return 0;
}

static void unmap(const volatile void *memory, size_t bytes)
{
	if (memory != NULL) {
		(void)munmap((void *)memory, bytes); /* mapped by us with this length */
	}
}

struct tap_reader *tap_reader_free(struct tap_reader *reader)
{
	if (reader != NULL) {
		packets_free(reader->packets);
		ring_close(&reader->ring);
		unmap(reader->counts, reader->counts_bytes);
		unmap(reader->suppressed, reader->suppressed_bytes);
		free(reader);
	}
	return NULL;
}

static void reader_freep(struct tap_reader **reader)
{
	*reader = tap_reader_free(*reader);
}

static int open_ring(struct tap_reader *reader, const struct tap_fds *fds, struct err *e)
{
	const volatile void *counts = NULL;
	const volatile void *suppressed = NULL;
	int r = ring_open(&reader->ring, fds->ring, fds->ring_bytes, e);
	if (r < 0) {
		return r;
	}
	r = map_array(&counts, &reader->counts_bytes, fds->counters,
		      fds->cpus * sizeof(struct tap_counts));
	reader->counts = counts;
	if (r == 0) {
		r = map_array(&suppressed, &reader->suppressed_bytes, fds->suppressed,
			      (size_t)TAP_PLACES * sizeof(uint64_t));
		reader->suppressed = suppressed;
	}
	if (r < 0) {
		return err_system(e, r, "cannot map the tap's counters");
	}
	reader->cpus = fds->cpus;
	return 0;
}

int tap_reader_open(struct tap_reader **out, const struct tap_fds *fds, const uint64_t secret[2],
		    struct err *e)
{
	_cleanup_(reader_freep) struct tap_reader *reader = calloc(1, sizeof(*reader));
	if (reader == NULL) {
		return err_system(e, ENOMEM, "tap");
	}
	reader->ring = RING_INIT;
	int r = fds->ring_bytes != 0 ? open_ring(reader, fds, e)
				     : packets_open(&reader->packets, fds->ring, secret, e);
	if (r == 0) {
		*out = steal(&reader);
	}
	return r;
}

int tap_reader_fd(const struct tap_reader *reader)
{
	return reader->packets != NULL ? reader->packets->fd : reader->ring.fd;
}

struct receiver {
	usec_t boot_offset;
	tap_note_function *function;
	void *data;
};

static bool hand_over(const void *record, size_t length, void *data)
{
	const struct receiver *receiver = data;
	struct packet_note note;
	if (tap_note_read(&note, record, length, receiver->boot_offset) < 0) {
		return false;
	}
	receiver->function(&note, receiver->data);
	return true;
}

unsigned tap_reader_read(struct tap_reader *reader, unsigned max, tap_note_function *function,
			 void *data)
{
	if (reader->packets != NULL) {
		return packets_read(reader->packets, max, function, data);
	}
	struct receiver receiver = { clock_boot_offset(), function, data };
	return ring_read(&reader->ring, max, hand_over, &receiver);
}

void tap_reader_counters(struct tap_reader *reader, struct tap_counters *out)
{
	struct tap_counters sum = { 0 };
	if (reader->packets != NULL) {
		packets_count(reader->packets, out);
		return;
	}
	for (uint32_t cpu = 0; cpu < reader->cpus; cpu++) {
		struct tap_counts counts;
		for (size_t i = 0; i < sizeof(counts.values) / sizeof(counts.values[0]); i++) {
			counts.values[i] = reader->counts[cpu].values[i];
		}
		table_add_counts(&sum, &counts);
	}
	*out = sum;
}

uint64_t tap_reader_suppressed(const struct tap_reader *reader, uint8_t protocol, uint16_t port)
{
	return reader->suppressed == NULL
		       ? 0
		       : reader->suppressed[(protocol == PROTOCOL_UDP ? TAP_PORTS / 2 : 0) + port];
}

struct tap_begun tap_reader_begun(const struct tap_reader *reader, uint16_t port)
{
	return reader->suppressed == NULL
		       ? (struct tap_begun){ 0 }
		       : (struct tap_begun){
				 reader->suppressed[TAP_PLACE_ASKED + port] * TAP_SAMPLE,
				 reader->suppressed[TAP_PLACE_MADE + port] * TAP_SAMPLE
			 };
}
