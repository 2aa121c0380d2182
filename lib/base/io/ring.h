/* Reading a BPF ring buffer without the bpf() system call (Documentation/bpf/ringbuf.rst). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct ring {
	int fd;      /* readable when records wait */
	size_t mask; /* data bytes - 1 */
	size_t page_bytes;
	_Atomic unsigned long *consumed; /* first page, ours to write */
	const _Atomic unsigned long *produced;
	const char *data; /* mapped twice in a row, so no record is cut */
};

#define RING_INIT ((struct ring){ .fd = -1 })

/*
 * Maps the ring. `fd` stays the caller's; ring_close in every case.
 * @param bytes  its size: a power of two, at least a page.
 * @return 0; -EINVAL no such size; errno of mmap.
 */
int ring_open(struct ring *out, int fd, size_t bytes, struct err *e);
/* NULL, RING_INIT and a half-open one are allowed. */
void ring_close(struct ring *ring);

/* @return whether the record counts; its bytes are only there during the call. */
typedef bool ring_function(const void *record, size_t length, void *data);

/* Hands over at most `max` records that count; those that do not are passed over. @return how many.
 * One reader at a time. */
unsigned ring_read(struct ring *ring, unsigned max, ring_function *function, void *data);
