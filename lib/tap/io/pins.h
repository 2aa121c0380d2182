/* An open tap, and what is pinned of it; private to lib/tap. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "bpf/tap.h"
#include "tap/tap.h"

enum pin {
	PIN_SETTINGS,
	PIN_RING,
	PIN_COUNTERS,
	PIN_SUPPRESSED,
	PIN_BANS,
	PIN_NETWORKS,
	PIN_NEVER,
	PIN_WATCHED,
	PIN_DEVICES,
	PIN_INGRESS,
	PIN_EGRESS,
	PIN_XDP,
	PIN_COUNT,
};

enum { PINS_PATH_BYTES = 512 };

struct tap {
	int fds[PIN_COUNT];
	int before;    /* the XDP program of an older version that may still be attached, or -1 */
	int directory; /* its lock keeps writers of the settings apart */
	int route;     /* NETLINK_ROUTE */
	uint32_t ring_bytes;
	uint32_t cpus;
};

/* Nothing opened yet; NULL = no memory. */
struct tap *tap_pins_new(void);
/* @return 0; -EOPNOTSUPP when BPF is not to be used. */
int tap_pins_allowed(const struct tap_place *place, struct err *e);
/* Makes the folder, and sees that it is on a bpffs. Takes its lock, which is held until it is
 * closed or given back. @param make  false: -ENOENT when it is not there. */
int tap_pins_lock(struct tap *tap, const struct tap_place *place, bool make, struct err *e);
void tap_pins_unlock(const struct tap *tap);
/* Opens all of them. @return 0; -ENOENT one is missing or another version's; others. */
int tap_pins_open(struct tap *tap, const struct tap_place *place, struct err *e);
/* The XDP program of an older version, if one was kept. */
void tap_pins_open_before(struct tap *tap, const struct tap_place *place);
/* Pins what tap->fds has, in the place of what was pinned. */
int tap_pins_make(const struct tap *tap, const struct tap_place *place, struct err *e);
/* Removes everything but the folder. @param keep_xdp  an XDP program stays as the one before. */
void tap_pins_remove(const struct tap_place *place, bool keep_xdp);
/* CLOCK_BOOTTIME minus CLOCK_MONOTONIC now, nanoseconds. */
uint64_t tap_suspended(void);
