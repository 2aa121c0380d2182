/* Folders on a BPF file system, in which is pinned what outlives who loaded it. */
#pragma once

#include <stdbool.h>

#include "base/err.h"

/*
 * Whether a folder lies, or could be made, on a BPF file system. Rights are not looked at.
 * @param purpose  what it is needed for, as the end of "... is on no BPF file system, where".
 * @return 0; -ENOTTY it does not; -ENAMETOOLONG.
 */
int bpffs_possible(const char *directory, const char *purpose, struct err *e);

/*
 * Takes the lock of a folder (flock), which is held until the descriptor is closed.
 * @param make  whether it is made when it is missing, for its user alone.
 * @return a descriptor that the caller closes; -ENOENT with `make` false: it is not there, and
 *         nothing is said; -ENOTTY it is on another file system, and what was made is gone again;
 *         errno of mkdir(), open(), flock().
 */
int bpffs_lock(const char *directory, bool make, const char *purpose, struct err *e);
