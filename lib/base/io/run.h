/* Running another program for its output, bounded in time and size. No shell. */
#pragma once

#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "base/when.h"

/*
 * Runs a program found in the usual system folders (not by PATH), with an empty input, an empty
 * environment but LC_ALL=C, and its errors thrown away, in the calling thread's namespaces.
 * @param out     what it wrote; bounded by out->max_bytes.
 * @param words   NULL-terminated; words[0] is the bare name.
 * @param timeout until it is killed.
 * @return 0; -ENOENT when it is not installed; -ETIMEDOUT; -EFBIG; -EIO when it ended with another
 *         code than 0; other negative errno.
 */
int run_program(struct str *out, const char *const *words, usec_t timeout);

/* ---- the same in parts, for who starts a program in another way ---- */

enum { RUN_PATH_BYTES = 128 };

/* Where a program is in the usual system folders. `path` has RUN_PATH_BYTES. @return 0, -ENOENT. */
int run_find(char *path, const char *name);

/*
 * Reads what a started program writes until it closes its output, and waits for its end; kills it
 * when that takes too long or becomes too much.
 * @param out    bounded by out->max_bytes; NULL = thrown away.
 * @param input  the reading end of its output; stays open.
 * @return as run_program.
 */
int run_finish(struct str *out, int input, pid_t child, usec_t timeout);

/* How a shell tells an end of waitpid(2): the exit code, or 128 and the signal. */
int run_code(int status);
/* Waits for its end, whatever signals come. @return run_code(). */
int run_wait(pid_t child);

/* ---- programs of our own ---- */

/*
 * Opens one that belongs to this program and that nobody calls by hand: beside this one, as in a
 * build, else in MINATO_LIBEXEC_DIRECTORY.
 * @param name  bare, "minato-engine".
 * @return a descriptor (O_PATH | O_CLOEXEC) for execveat(2), which the caller closes; the negative
 *         errno of opening the second one, -ENOENT when it is not installed.
 */
int run_open_own(const char *name);
