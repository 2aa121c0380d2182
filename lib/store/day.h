/* Days, the names of their files, and the numbers of events. */
#pragma once

#include <stdint.h>

#include "base/when.h"

enum {
	DAY_NAME_BYTES = 64, /* events-2026-11-22.sqlite with ".aside-N-wal" */
};

enum day_name {
	DAY_NAME_FILE,            /* events-2026-11-22.sqlite */
	DAY_NAME_COMPANION,       /* its -wal, -shm or -journal */
	DAY_NAME_ASIDE,           /* events-2026-11-22.sqlite.aside-1 */
	DAY_NAME_ASIDE_COMPANION, /* that one's -wal, -shm or -journal */
};

/* Days since 1970-01-01 of a time or an event's id; not for negative times. */
int64_t day_of(uint64_t id);

/* Name of a day's file. `out` has DAY_NAME_BYTES. @return out. */
const char *day_name_format(int64_t day, char *out);

/* Reads a name of the store's directory. @return 0, or -EINVAL for a name that is not ours. */
int day_name_parse(int64_t *day, enum day_name *kind, const char *name);

/*
 * The id that an event of this time gets after `last`, the id given before it (0 = none).
 * It grows also when the clock is set back, unless by more than a day: after a clock that was once
 * years ahead, ids must come back to the present, or no day would ever end.
 */
uint64_t day_next_id(uint64_t last, usec_t time);
