/* Running nft and its kin: a text in, a text out, their complaint kept. No shell. */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "base/when.h"

/*
 * Runs a program found in the usual system folders, with an environment of LC_ALL=C and a lock file
 * of iptables that may be written by anybody's own namespace. It dies with the caller.
 * @param out       what it wrote, or NULL; bounded by out->max_bytes.
 * @param complaint the first line of what it wrote to stderr that is no warning; or NULL.
 * @param words     NULL-terminated; words[0] is the bare name.
 * @param input     its standard input; NULL = none.
 * @return 0; -ENOENT when it is not installed; -EIO when it ended with another code than 0;
 *         -ETIMEDOUT after 30 s; -EFBIG; other negative errno.
 */
int program_run(struct str *out, struct str *complaint, const char *const *words,
		const char *input);

/* @return whether a program is installed in the usual system folders. */
int program_exists(const char *name);
