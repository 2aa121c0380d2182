/* What is pinned of the two guards, bind's and connect's: private to lib/guard. */
#pragma once

#include "base/err.h"
#include "bpf/guard.h"
#include "guard/guard.h"

/* The maps come first: links that stand there always have theirs. */
enum pin {
	PIN_SETS,
	PIN_RING,
	PIN_COUNTERS,
	PIN_LINKS, /* the first of them */
	PINS_MAX = PIN_LINKS + 4,
};

/* One of the guards. */
struct pins_kind {
	const char *what;                     /* "bind guard", in sentences */
	const char *hook;                     /* "bind()", likewise */
	const char *names[PINS_MAX];          /* of the files */
	uint32_t types[PINS_MAX - PIN_LINKS]; /* enum bpf_attach_type, of the links */
	unsigned count;                       /* of files */
	uint32_t version;                     /* of its sets */
	uint32_t set_bytes;                   /* of its sets */
};

extern const struct pins_kind pins_bind, pins_connect;

/* Descriptors, -1 = not there. */
struct pins {
	const struct pins_kind *kind;
	int fds[PINS_MAX];
};

#define PINS_INIT(kind) ((struct pins){ (kind), { -1, -1, -1, -1, -1, -1, -1 } })

/* The file of a pin. @param path  of PLACE_PATH_BYTES. @return 0; -ENAMETOOLONG. */
int pins_path(char *path, const struct pins_kind *kind, const struct guard_place *place,
	      unsigned which);
void pins_close(struct pins *pins);
/* @return 0; -EOPNOTSUPP when BPF is not to be used. */
int pins_allowed(const struct guard_place *place, struct err *e);
/* Opens what is there; `out` is of PINS_INIT. @return 0, also when nothing is; -EPERM; others of
 * bpf(2). */
int pins_open(struct pins *out, const struct guard_place *place, struct err *e);
/* Whether all of it is there. */
bool pins_whole(const struct pins *pins);
/* What a bpffs is needed for, see base/io/bpffs.h. */
extern const char pins_purpose[];
/* Makes the folder, and its bpffs known. @return a descriptor that holds its lock; negative errno.
 * -ENOENT with `make` false: there is none. */
int pins_lock(const struct guard_place *place, bool make, struct err *e);
/* Removes everything, links first, and the folder. */
void pins_remove(const struct pins *pins, const struct guard_place *place);

/* ---- what stands there (standing.c) ---- */

/* Whether all of it is there and attached to this cgroup; to another one is an error. */
int pins_attached(bool *attached, const struct pins *pins, const struct guard_place *place,
		  struct err *e);

/*
 * The set behind a key of the map of sets.
 * @param out     freed by the caller; set_bytes or more; NULL = there is none.
 * @param current false: another version wrote it, and only what every version shares means what it
 *                says.
 */
int pins_read_set(void **out, bool *current, const struct pins *pins, uint32_t key, struct err *e);
/* @param counts  GUARD_COUNTERS, all CPUs together. */
int pins_read_counters(uint64_t *counts, const struct pins *pins, struct err *e);
/* Makes the set a map of its own and hangs it in: the one step from the old to the new rules. */
int pins_put_set(const struct pins_kind *kind, int sets, uint32_t key, const void *set,
		 struct err *e);

/* What a skeleton has after it was loaded: the maps by their pins, then the programs. */
struct pins_loaded {
	int fds[PINS_MAX];
};

/*
 * Puts a guard that was just loaded and has its sets into its place: where `before` is attached its
 * links get the new programs, so that no call goes unasked. On failure nothing is left where
 * nothing was attached.
 */
int pins_replace(const struct pins *before, bool attached, const struct pins_loaded *loaded,
		 const struct guard_place *place, struct err *e);

/* What is said of a skeleton that could not be loaded. @return the errno that tells it. */
int pins_not_loaded(const struct pins_kind *kind, int r, struct err *e);

/* Takes it away; none is fine. */
int pins_unload(const struct pins_kind *kind, const struct guard_place *place, struct err *e);
