/* A file that a command makes for people to look at: a page, a drawing. */
#pragma once

#include "command.h"

/*
 * Writes all of it or nothing: beside the file, then in its place, so that who looks at it never
 * meets half of it. It tells what is wrong with a host, so its mode is 0600, whatever the umask;
 * made with sudo it belongs to whoever typed sudo. A link is replaced, not followed.
 * @param path "-" is standard output. @return an exit code, after having complained.
 */
int page_file_write(const struct context *context, const char *path, const struct str *text);
