/* The few calls of bpf(2) that the guard needs beyond its skeleton; private to lib/guard. Each
 * answers a negative errno when it fails. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* @return a descriptor of what is pinned there. -ENOENT nothing is. */
int bpf_open_pin(const char *path);
/* Takes the place of what was pinned there. */
int bpf_make_pin(int fd, const char *path);
/* The one value of the map behind [0] of a map of maps, or [key] of a plain one. */
int bpf_read_value(int map, uint32_t key, void *value);
/* -ENOENT there is none. */
int bpf_delete_value(int map, uint32_t key);
int bpf_open_map(uint32_t id);
/* Value size and number of places. */
int bpf_map_size(int map, uint32_t *value_bytes, uint32_t *places);
/* The cgroup of a link, 0 = it is gone. */
int bpf_link_cgroup(int link, uint64_t *id);
int bpf_replace_link(int link, int program);
int bpf_detach_link(int link);
