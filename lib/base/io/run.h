/* Running another program for its output, bounded in time and size. No shell. */
#pragma once

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
