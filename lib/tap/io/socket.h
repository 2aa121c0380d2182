/* Packets from a socket, where there is no BPF; private to lib/tap. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "capture/capture.h"
#include "tap/seen.h"
#include "tap/tap.h"

/* The mapped ring of a packet socket (Documentation/networking/packet_mmap.rst, TPACKET_V3). */
struct packets {
	int fd;
	uint8_t *blocks;
	unsigned block; /* being read */
	unsigned left;  /* packets of it not read yet */
	size_t at;      /* of the next one */
	bool begun;     /* the block is ours until it is given back */
	struct seen seen;
	struct capture_fragments fragments;
	struct tap_counters counters;
};

/* Free with packets_free, also after a failure. `fd` stays the caller's. */
int packets_open(struct packets **out, int fd, const uint64_t secret[2], struct err *e);
void packets_free(struct packets *packets);
unsigned packets_read(struct packets *packets, unsigned max, tap_note_function *function,
		      void *data);
/* Asks the kernel too for what it had no room for. */
void packets_count(struct packets *packets, struct tap_counters *out);
