/* Things that were seen before: sorted lists of keys with a bound each. */
#include <stdlib.h>
#include <string.h>

#include "anomaly/state.h"

/* Networks have a list of their own, so that strangers push out strangers only. */
size_t known_max(enum known_kind kind)
{
	static const size_t most[KNOWN_KINDS] = {
		[KNOWN_LISTENERS] = 2048, [KNOWN_PROGRAMS] = 4096, [KNOWN_NETWORKS] = 8192,
		[KNOWN_SERVICES] = 1024,  [KNOWN_OUTBOUND] = 1024, [KNOWN_LEVELS] = 2048,
		[KNOWN_NAMESPACES] = 256,
	};
	return most[kind];
}

/* Index of the first that is not less. */
static size_t place_of(const struct known_set *set, uint64_t key)
{
	size_t low = 0;
	size_t high = set->count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (set->items[middle].key < key) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

struct known *known_find(const struct known_set *set, uint64_t key)
{
	const size_t place = place_of(set, key);
	return place < set->count && set->items[place].key == key ? &set->items[place] : NULL;
}

static void take_out(struct known_set *set, size_t place)
{
	memmove(&set->items[place], &set->items[place + 1],
		(set->count - place - 1) * sizeof(*set->items));
	set->count--;
}

void known_remove(struct known_set *set, uint64_t key)
{
	const struct known *found = known_find(set, key);
	if (found != NULL) {
		take_out(set, (size_t)(found - set->items));
	}
}

/* Room for an eighth at once, so that strangers in great numbers cost little each. */
static void drop_oldest(struct known_set *set)
{
	const size_t most = set->count / 8;
	uint32_t first = UINT32_MAX;
	uint32_t last = 0;
	for (size_t i = 0; i < set->count; i++) {
		first = set->items[i].last < first ? set->items[i].last : first;
		last = set->items[i].last > last ? set->items[i].last : last;
	}
	const uint32_t old = first + (last - first) / 8;
	size_t kept = 0;
	for (size_t i = 0; i < set->count; i++) {
		if (set->items[i].last > old || i - kept >= most) {
			set->items[kept++] = set->items[i];
		}
	}
	set->count = kept;
}

struct known *known_add(struct anomaly_model *model, enum known_kind kind, uint64_t key)
{
	struct known_set *set = &model->known[kind];
	struct known *found = known_touch(model, kind, key);
	if (found != NULL) {
		return found;
	}
	if (set->count == known_max(kind)) {
		drop_oldest(set);
	}
	if (vec_push(set) == NULL) {
		return NULL;
	}
	set->count--; /* the room is there; the place is not the last one */
	const size_t place = place_of(set, key);
	memmove(&set->items[place + 1], &set->items[place],
		(set->count - place) * sizeof(*set->items));
	set->count++;
	set->items[place] = (struct known){ key, minute_of(model), minute_of(model), 0 };
	return &set->items[place];
}

struct known *known_touch(struct anomaly_model *model, enum known_kind kind, uint64_t key)
{
	struct known *found = known_find(&model->known[kind], key);
	if (found != NULL) {
		found->last = minute_of(model);
	}
	return found;
}

/* ---- keys ---- */

/* The finaliser of MurmurHash3, keyed before and after each word. */
static uint64_t mix(uint64_t value, uint64_t secret)
{
	value ^= secret;
	value = (value ^ value >> 33) * 0xff51afd7ed558ccdULL;
	value = (value ^ value >> 33) * 0xc4ceb9fe1a85ec53ULL;
	return (value ^ value >> 33) + secret;
}

static uint64_t add_bytes(const struct anomaly_model *model, uint64_t hash, const void *bytes,
			  size_t length)
{
	const uint8_t *from = bytes;
	for (size_t i = 0; i < length; i += sizeof(uint64_t)) {
		uint64_t word = 0;
		memcpy(&word, from + i, length - i < sizeof(word) ? length - i : sizeof(word));
		hash = mix(word ^ hash, model->secret[i / sizeof(word) & 1]);
	}
	return mix(hash ^ length, model->secret[1]);
}

uint64_t key_of(const struct anomaly_model *model, const struct anomaly_port *at, const char *text,
		const struct prefix *prefix)
{
	const uint64_t number = (uint64_t)at->protocol << 16 | at->port;
	uint64_t hash = mix(mix(at->netns, model->secret[0]) ^ number, model->secret[1]);
	if (text != NULL) {
		hash = add_bytes(model, hash, text, strlen(text));
	}
	if (prefix != NULL) {
		hash = add_bytes(model, hash, prefix->address.bytes, sizeof(prefix->address.bytes));
		hash = mix(hash ^ (uint64_t)prefix->address.family << 8 ^ prefix->bits,
			   model->secret[0]);
	}
	return hash == 0 ? 1 : hash;
}
