/* The table that forgets. */
#include "cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WAYS = 8 };

/* The finaliser of MurmurHash3, keyed before and after each word. */
static uint64_t mix(uint64_t value, uint64_t secret)
{
	value ^= secret;
	value = (value ^ value >> 33) * 0xff51afd7ed558ccdULL;
	value = (value ^ value >> 33) * 0xc4ceb9fe1a85ec53ULL;
	return (value ^ value >> 33) + secret;
}

uint64_t cache_hash(const uint64_t secret[2], const struct cache_key *key)
{
	uint64_t words[3] = { 0 };
	memcpy(words, key->address.bytes, sizeof(key->address.bytes));
	words[2] = (uint64_t)key->address.family << 32 | (uint64_t)key->extra << 16 | key->port;
	uint64_t hash = secret[0];
	for (size_t i = 0; i < 3; i++) {
		hash = mix(words[i] ^ hash, secret[i & 1]);
	}
	return mix(hash, secret[1]);
}

int cache_init(struct cache *cache, size_t elements, size_t element_bytes, const uint64_t secret[2])
{
	cache->buckets = (elements + WAYS - 1) / WAYS;
	cache->element_bytes = element_bytes;
	memcpy(cache->secret, secret, sizeof(cache->secret));
	cache->items = calloc(cache->buckets * WAYS, element_bytes);
	return cache->items == NULL ? -ENOMEM : 0;
}

void cache_deinit(struct cache *cache)
{
	free(cache->items);
	cache->items = NULL;
}

static struct cache_head *bucket(const struct cache *cache, const struct cache_key *key)
{
	const size_t n = (size_t)(cache_hash(cache->secret, key) % cache->buckets);
	return (struct cache_head *)(cache->items + n * WAYS * cache->element_bytes);
}

static struct cache_head *way(const struct cache *cache, struct cache_head *first, size_t n)
{
	return (struct cache_head *)((uint8_t *)first + n * cache->element_bytes);
}

void *cache_find(const struct cache *cache, const struct cache_key *key)
{
	struct cache_head *first = bucket(cache, key);
	for (size_t i = 0; i < WAYS; i++) {
		struct cache_head *head = way(cache, first, i);
		if (head->taken != 0 && memcmp(&head->key, key, sizeof(*key)) == 0) {
			return head;
		}
	}
	return NULL;
}

/* Halved every ten minutes without use, so that no value is kept for ever. */
static unsigned value(const struct cache_head *head, usec_t now)
{
	const usec_t age = (now - head->used) / (10 * USEC_PER_MIN);
	return age > 8 ? 0 : (unsigned)head->rank >> (age < 0 ? 0 : age);
}

static bool goes_before(const struct cache_head *a, const struct cache_head *b, usec_t now)
{
	if (a->taken != b->taken) {
		return a->taken == 0;
	}
	const unsigned value_a = value(a, now);
	const unsigned value_b = value(b, now);
	return value_a != value_b ? value_a < value_b : a->used < b->used;
}

void *cache_make(struct cache *cache, const struct cache_key *key, usec_t now)
{
	struct cache_head *head = cache_find(cache, key);
	if (head == NULL) {
		struct cache_head *first = bucket(cache, key);
		head = first;
		for (size_t i = 1; i < WAYS; i++) {
			struct cache_head *other = way(cache, first, i);
			head = goes_before(other, head, now) ? other : head;
		}
		memset(head, 0, cache->element_bytes);
		head->key = *key;
		head->taken = 1;
	}
	head->used = now;
	return head;
}

size_t cache_bytes(const struct cache *cache)
{
	return cache->buckets * WAYS * cache->element_bytes;
}
