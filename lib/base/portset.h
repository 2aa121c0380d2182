/* A set of port numbers: one bit for each of the 65,536. 8 KiB, no allocation. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct portset {
	uint64_t words[65536 / 64];
};

/* Adds one port, 0..65535. */
void portset_add(struct portset *set, uint16_t port);
/* Adds first..last, both included; first must not be greater than last. */
void portset_add_range(struct portset *set, uint16_t first, uint16_t last);
bool portset_has(const struct portset *set, uint16_t port);
/* How many ports are in it, 0..65536. */
uint32_t portset_count(const struct portset *set);
/* The lowest port >= `from` in the set; -1 when there is none. `from` is 0..65536. */
int32_t portset_next(const struct portset *set, uint32_t from);
/* The last port of the run of neighbours that begins with `first`, which is in the set. */
int32_t portset_run_end(const struct portset *set, int32_t first);

/*
 * Reads the kernel's list form, "3000,8000-8010" (also empty), as in ip_local_reserved_ports.
 * The set is untouched on failure. @return 0, -EINVAL, -ERANGE.
 */
int portset_parse(struct portset *set, const char *text);
