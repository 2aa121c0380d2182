/* Names that container runtimes gave to their containers, from their state files. */
#pragma once

#include <stddef.h>

enum { CONTAINER_NAME_BYTES = 128 };

/*
 * Looks a container up.
 * @param root    the host's root directory, "" usually; tests give another one.
 * @param runtime as observe_cgroup_parse tells it.
 * @param id      whole id as in the cgroup path.
 * @param out     CONTAINER_NAME_BYTES; set on success alone.
 * @return 0; -ENOENT when the runtime keeps no readable name; -EACCES; -ENOMEM.
 */
int container_name(char *out, const char *root, const char *runtime, const char *id);
