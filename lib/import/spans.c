/* Sets of numbers as sorted, disjoint ranges. */
#include "import/spans.h"

#include <stdlib.h>
#include <string.h>

const struct spans spans_none = { 0 };

const struct spans *spans_all(enum addr_family family)
{
	static const struct spans ports = { .count = 1, .items = { { 1, UINT16_MAX } } };
	static const struct spans ipv4 = { .count = 1, .items = { { 0, UINT32_MAX } } };
	static const struct spans ipv6 = { .count = 1, .items = { { 0, ~(number_t)0 } } };
	return family == ADDR_IPV4 ? &ipv4 : family == ADDR_IPV6 ? &ipv6 : &ports;
}

static struct spans *make_room(struct arena *arena, size_t count)
{
	return count > SPANS_MAX
		       ? NULL
		       : arena_alloc(arena, sizeof(struct spans) + count * sizeof(struct span));
}

static int compare(const void *left, const void *right)
{
	const struct span *a = left;
	const struct span *b = right;
	return a->first < b->first ? -1 : a->first > b->first;
}

/* Appends a range that begins not before the last one. */
static void append(struct spans *set, struct span item)
{
	struct span *last = set->count == 0 ? NULL : &set->items[set->count - 1];
	if (last != NULL && (last->last == ~(number_t)0 || item.first <= last->last + 1)) {
		last->last = item.last > last->last ? item.last : last->last;
	} else {
		set->items[set->count++] = item;
	}
}

const struct spans *spans_make(struct arena *arena, struct span *items, size_t count)
{
	struct spans *set = make_room(arena, count);
	if (count > 1) {
		qsort(items, count, sizeof(*items), compare);
	}
	for (size_t i = 0; set != NULL && i < count; i++) {
		append(set, items[i]);
	}
	return set;
}

static number_t number_of(const struct addr *address)
{
	number_t value = 0;
	size_t length = address->family == ADDR_IPV4 ? 4 : 16;
	for (size_t i = 0; i < length; i++) {
		value = value << 8 | address->bytes[i];
	}
	return value;
}

struct span span_of_address(const struct addr *address)
{
	number_t value = number_of(address);
	return (struct span){ value, value };
}

struct span span_of_prefix(const struct prefix *prefix)
{
	unsigned width = prefix->address.family == ADDR_IPV4 ? 32 : 128;
	unsigned host = width - prefix->bits;
	number_t mask = host == 128 ? ~(number_t)0 : ((number_t)1 << host) - 1;
	number_t first = number_of(&prefix->address) & ~mask;
	return (struct span){ first, first | mask };
}

const struct spans *spans_of_prefix(struct arena *arena, const struct prefix *prefix)
{
	struct span item = span_of_prefix(prefix);
	return spans_make(arena, &item, 1);
}

static bool is_all(const struct spans *set, const struct spans *other)
{
	return set->count == 1 && other->count > 0 &&
	       set->items[0].first <= other->items[0].first &&
	       set->items[0].last >= other->items[other->count - 1].last;
}

const struct spans *spans_and(struct arena *arena, const struct spans *a, const struct spans *b)
{
	if (a == b || a->count == 0 || is_all(b, a)) {
		return a;
	}
	if (b->count == 0 || is_all(a, b)) {
		return b;
	}
	struct spans *set = make_room(arena, (size_t)a->count + b->count);
	for (uint32_t i = 0, j = 0; set != NULL && i < a->count && j < b->count;) {
		const struct span *x = &a->items[i];
		const struct span *y = &b->items[j];
		struct span both = { x->first > y->first ? x->first : y->first,
				     x->last < y->last ? x->last : y->last };
		if (both.first <= both.last) {
			set->items[set->count++] = both;
		}
		if (x->last < y->last) {
			i++;
		} else {
			j++;
		}
	}
	return set;
}

const struct spans *spans_minus(struct arena *arena, const struct spans *a, const struct spans *b)
{
	if (a->count == 0 || b->count == 0) {
		return a;
	}
	if (a == b || is_all(b, a)) {
		return &spans_none;
	}
	struct spans *set = make_room(arena, (size_t)a->count + b->count);
	uint32_t j = 0;
	for (uint32_t i = 0; set != NULL && i < a->count; i++) {
		struct span rest = a->items[i];
		bool left = true;
		while (j < b->count && b->items[j].last < rest.first) {
			j++;
		}
		for (uint32_t k = j; left && k < b->count && b->items[k].first <= rest.last; k++) {
			const struct span *hole = &b->items[k];
			if (hole->first > rest.first) {
				set->items[set->count++] =
					(struct span){ rest.first, hole->first - 1 };
			}
			left = hole->last < rest.last;
			rest.first = left ? hole->last + 1 : rest.first;
		}
		if (left) {
			set->items[set->count++] = rest;
		}
	}
	return set;
}

const struct spans *spans_or(struct arena *arena, const struct spans *a, const struct spans *b)
{
	if (a == b || b->count == 0 || is_all(a, b)) {
		return a;
	}
	if (a->count == 0 || is_all(b, a)) {
		return b;
	}
	struct spans *set = make_room(arena, (size_t)a->count + b->count);
	uint32_t i = 0;
	uint32_t j = 0;
	while (set != NULL && (i < a->count || j < b->count)) {
		bool from_a =
			j == b->count || (i < a->count && a->items[i].first <= b->items[j].first);
		append(set, from_a ? a->items[i++] : b->items[j++]);
	}
	return set;
}

bool spans_equal(const struct spans *a, const struct spans *b)
{
	return a == b || (a->count == b->count &&
			  memcmp(a->items, b->items, a->count * sizeof(a->items[0])) == 0);
}

bool spans_within(const struct spans *a, const struct spans *b)
{
	uint32_t j = 0;
	for (uint32_t i = 0; i < a->count; i++) {
		while (j < b->count && b->items[j].last < a->items[i].first) {
			j++;
		}
		if (j == b->count || b->items[j].first > a->items[i].first ||
		    b->items[j].last < a->items[i].last) {
			return false;
		}
	}
	return true;
}

bool spans_overlap(const struct spans *a, const struct spans *b)
{
	for (uint32_t i = 0, j = 0; i < a->count && j < b->count;) {
		if (a->items[i].first <= b->items[j].last &&
		    b->items[j].first <= a->items[i].last) {
			return true;
		}
		if (a->items[i].last < b->items[j].last) {
			i++;
		} else {
			j++;
		}
	}
	return false;
}

static void put_prefix(struct prefix *out, number_t first, unsigned bits, enum addr_family family)
{
	unsigned length = family == ADDR_IPV4 ? 4 : 16;
	*out = (struct prefix){ .address = { .family = (uint8_t)family }, .bits = (uint8_t)bits };
	for (unsigned i = length; i-- > 0; first >>= 8) {
		out->address.bytes[i] = (uint8_t)first;
	}
}

size_t spans_prefixes(struct prefix *out, size_t room, const struct spans *set,
		      enum addr_family family)
{
	unsigned width = family == ADDR_IPV4 ? 32 : 128;
	size_t count = 0;
	for (uint32_t i = 0; i < set->count; i++) {
		struct span rest = set->items[i];
		for (;;) {
			unsigned host = 0;
			number_t mask = 0; /* of the largest block that begins here and fits */
			while (host < width) {
				number_t wider = mask << 1 | 1;
				if ((rest.first & wider) != 0 || wider > rest.last - rest.first) {
					break;
				}
				mask = wider;
				host++;
			}
			if (count == room) {
				return room + 1;
			}
			put_prefix(&out[count++], rest.first, width - host, family);
			if ((rest.first | mask) == rest.last) {
				break;
			}
			rest.first = (rest.first | mask) + 1;
		}
	}
	return count;
}
