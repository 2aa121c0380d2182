/* What is pinned of a guard; private to lib/guard. */
#pragma once

#include "base/err.h"
#include "bpf/guard.h"
#include "guard/guard.h"

/* The maps come first: links that stand there always have theirs. */
enum pin {
	PIN_SETS,
	PIN_RING,
	PIN_COUNTERS,
	PIN_BIND4,
	PIN_BIND6,
	PIN_COUNT,
};

/* Descriptors, -1 = not there. */
struct pins {
	int fds[PIN_COUNT];
};

#define PINS_INIT ((struct pins){ .fds = { -1, -1, -1, -1, -1 } })

void pins_close(struct pins *pins);
/* @return 0; -EOPNOTSUPP when BPF is not to be used. */
int pins_allowed(const struct guard_place *place, struct err *e);
/* Opens what is there. @return 0, also when nothing is; -EPERM; others of bpf(2). */
int pins_open(struct pins *out, const struct guard_place *place, struct err *e);
/* Whether all of it is there. */
bool pins_whole(const struct pins *pins);
/* Makes the folder, and its bpffs known. @return a descriptor that holds its lock; negative errno.
 * -ENOENT with `make` false: there is none. */
int pins_lock(const struct guard_place *place, bool make, struct err *e);
int pins_make(const struct guard_place *place, enum pin which, int fd, struct err *e);
/* Removes everything, links first, and the folder. */
void pins_remove(const struct guard_place *place);

/* The table that holds. @param out freed by the caller. @param current false: another version wrote
 * it, and nothing but head and reserved ports means what it says. */
int pins_read_set(struct guard_set **out, bool *current, const struct pins *pins, struct err *e);
