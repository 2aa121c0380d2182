/* Counts of refused packets: in order, and what has come between two readings. */
#include "enforce/counts.h"

#include <errno.h>
#include <stdlib.h>

#include "base/vec.h"

static int compare_keys(const void *pa, const void *pb)
{
	const struct enforce_counted *a = pa;
	const struct enforce_counted *b = pb;
	int r = (a->direction > b->direction) - (a->direction < b->direction);
	r = r != 0 ? r : addr_compare(&a->from, &b->from);
	r = r != 0 ? r : (a->protocol > b->protocol) - (a->protocol < b->protocol);
	return r != 0 ? r : (int)a->port - (int)b->port;
}

static int compare_packets(const void *pa, const void *pb)
{
	const struct enforce_counted *a = pa;
	const struct enforce_counted *b = pb;
	if (a->packets != b->packets) {
		return a->packets > b->packets ? -1 : 1;
	}
	return compare_keys(pa, pb);
}

static void sort(struct enforce_counts *counts, int (*compare)(const void *, const void *))
{
	if (counts->count > 0) {
		qsort(counts->items, counts->count, sizeof(*counts->items), compare);
	}
}

void counts_rank(struct enforce_counts *counts)
{
	sort(counts, compare_packets);
}

void enforce_counts_sort(struct enforce_counts *counts)
{
	sort(counts, compare_keys);
}

static struct enforce_counted *find(const struct enforce_counts *counts,
				    const struct enforce_counted *wanted)
{
	return counts->count == 0 ? NULL
				  : bsearch(wanted, counts->items, counts->count,
					    sizeof(*counts->items), compare_keys);
}

int enforce_counts_grown(struct enforce_counts *out, const struct enforce_counts *now,
			 const struct enforce_counts *before)
{
	VEC(struct enforce_counted) list = { 0 };
	for (size_t i = 0; i < now->count; i++) {
		struct enforce_counted grown = now->items[i];
		const struct enforce_counted *old = find(before, &grown);
		if (old != NULL && old->packets <= grown.packets) {
			grown.packets -= old->packets;
		}
		struct enforce_counted *kept = grown.packets > 0 ? vec_push(&list) : NULL;
		if (kept != NULL) {
			*kept = grown;
		} else if (grown.packets > 0) {
			vec_free(&list);
			return -ENOMEM;
		}
	}
	*out = (struct enforce_counts){ list.items, list.count };
	counts_rank(out);
	return 0;
}

void enforce_counts_take_back(struct enforce_counts *counts, const struct enforce_counted *some)
{
	struct enforce_counted *of = find(counts, some);
	if (of != NULL && of->packets >= some->packets) {
		of->packets -= some->packets;
	}
}

static uint64_t packets_between(const struct enforce_counts *counts,
				const struct enforce_counted *run)
{
	const uint16_t last = run->last_port == 0 ? run->port : run->last_port;
	uint64_t packets = 0;
	for (size_t i = 0; i < counts->count; i++) {
		const struct enforce_counted *one = &counts->items[i];
		packets += one->direction == run->direction && one->protocol == run->protocol &&
					   one->port >= run->port && one->port <= last
				   ? one->packets
				   : 0;
	}
	return packets;
}

void enforce_counts_let_in(struct enforce_counts *asked, const struct enforce_counts *refused)
{
	for (size_t i = 0; i < asked->count; i++) {
		struct enforce_counted *one = &asked->items[i];
		const uint64_t packets = packets_between(refused, one);
		one->packets -= packets < one->packets ? packets : one->packets;
	}
	counts_rank(asked);
	while (asked->count > 0 && asked->items[asked->count - 1].packets == 0) {
		asked->count--;
	}
}

void enforce_counts_merge(struct enforce_counts *counts)
{
	size_t kept = 0;
	enforce_counts_sort(counts);
	for (size_t i = 0; i < counts->count; i++) {
		struct enforce_counted *last = kept == 0 ? NULL : &counts->items[kept - 1];
		const struct enforce_counted *one = &counts->items[i];
		if (last == NULL || compare_keys(last, one) != 0) {
			counts->items[kept++] = *one;
		} else {
			last->packets += one->packets;
			last->last = one->last > last->last ? one->last : last->last;
		}
	}
	counts->count = kept;
}

int enforce_counts_join(struct enforce_counts *counts, struct enforce_counts *remembered,
			bool within)
{
	const size_t room = (counts->count + remembered->count + 1) * sizeof(*counts->items);
	size_t count = counts->count;
	enforce_counts_sort(counts);
	struct enforce_counted *items = realloc(counts->items, room);
	if (items == NULL) {
		enforce_counts_deinit(remembered);
		return -ENOMEM;
	}
	counts->items = items;
	for (size_t i = 0; i < remembered->count; i++) {
		const struct enforce_counted *one = &remembered->items[i];
		struct enforce_counted *known = find(counts, one);
		if (known == NULL) {
			items[count++] = *one; /* behind what `find` looks at */
		} else if (within || one->packets > known->packets) {
			known->packets = one->packets;
		}
	}
	counts->count = count;
	counts_rank(counts);
	enforce_counts_deinit(remembered);
	return 0;
}

void enforce_counts_deinit(struct enforce_counts *counts)
{
	free(counts->items);
	*counts = (struct enforce_counts){ 0 };
}
