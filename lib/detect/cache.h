/*
 * A table of fixed size that forgets: buckets of eight, the least valued of a full bucket makes
 * room. No chain grows and nothing is allocated, whatever addresses somebody chooses.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/when.h"

struct cache_key {
	struct addr address;
	uint8_t extra; /* prefix length, or protocol */
	uint16_t port;
};

/* The first member of every element. */
struct cache_head {
	struct cache_key key;
	uint8_t taken;
	uint8_t rank; /* the lowest goes first, halved with age; then the longest unused */
	usec_t used;
};

struct cache {
	uint8_t *items;
	size_t buckets, element_bytes;
	uint64_t secret[2];
};

/* @param elements rounded up to a multiple of eight. @return 0, -ENOMEM. */
int cache_init(struct cache *cache, size_t elements, size_t element_bytes,
	       const uint64_t secret[2]);
void cache_deinit(struct cache *cache);

/* NULL when it is not there. */
void *cache_find(const struct cache *cache, const struct cache_key *key);

/* Found, or made with the rest zeroed; `used` is set to now. */
void *cache_make(struct cache *cache, const struct cache_key *key, usec_t now);

size_t cache_bytes(const struct cache *cache);

/* A number that nobody can foresee without the secret. */
uint64_t cache_hash(const uint64_t secret[2], const struct cache_key *key);
