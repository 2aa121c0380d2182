/* The few calls of bpf(2) that are needed beyond a skeleton. Each answers a negative errno when it
 * fails. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* @return a descriptor of what is pinned there. -ENOENT nothing is. */
int bpf_open_pin(const char *path);
/* Takes the place of what was pinned there. */
int bpf_make_pin(int fd, const char *path);
/* The one value of the map behind [0] of a map of maps, or [key] of a plain one. */
int bpf_read_value(int map, uint32_t key, void *value);
/* Any map: key and value have the sizes it was made with. -ENOENT no such key. */
int bpf_lookup(int map, const void *key, void *value);
/* Adds or replaces; -E2BIG, -ENOSPC, -ENOMEM it is full. */
int bpf_update(int map, const void *key, const void *value);
int bpf_delete(int map, const void *key);
/* The key behind `key` in the order of the map; NULL or one that is gone = the first. -ENOENT that
 * was the last. */
int bpf_next_key(int map, const void *key, void *next);
/* -ENOENT there is none. */
int bpf_delete_value(int map, uint32_t key);
int bpf_open_map(uint32_t id);
/* The kernel's number of a program. */
int bpf_program_id(int program, uint32_t *id);
/* Value size and number of places. */
int bpf_map_size(int map, uint32_t *value_bytes, uint32_t *places);
/* The cgroup of a link, 0 = it is gone. */
int bpf_link_cgroup(int link, uint64_t *id);
int bpf_replace_link(int link, int program);
int bpf_detach_link(int link);
