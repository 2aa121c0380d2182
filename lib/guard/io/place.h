/* Where the guard stands, opened; private to lib/guard. */
#pragma once

#include "base/err.h"
#include "guard/guard.h"

enum { PLACE_PATH_BYTES = 512 };

/*
 * The cgroup of a place. `path`, if not NULL, has PLACE_PATH_BYTES.
 * @return its descriptor; -ENOENT no cgroup v2 is mounted; errno of open.
 */
int place_open_cgroup(const struct guard_place *place, char *path, struct err *e);
