/* A policy file that was not there before. */
#pragma once

#include "command.h"

/* @return whether nothing is there; else it was said that it stays. @param command  "minato init":
 * what to type is made of it. */
bool policy_file_absent(const struct context *context, const char *path, const char *command);

/*
 * Writes the whole file, or none: what is there stays, also when it appears meanwhile. Where the
 * policy of this host has no folder yet (/etc/minato), that is made; one level, no more.
 * @return an exit code, after saying what is wrong.
 */
int policy_file_new(const struct context *context, const char *path, const struct str *text,
		    const char *command);

/* Says that it is there, and what is to be done with it. @return an exit code. */
int policy_file_tell(const char *path);
