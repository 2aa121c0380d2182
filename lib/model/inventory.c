/* Everything that is open on the host at one moment. */
#include "model/inventory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void inventory_init(struct inventory *inventory, size_t limit_bytes)
{
	*inventory = (struct inventory){ 0 };
	arena_init(&inventory->arena, limit_bytes);
}

void inventory_deinit(struct inventory *inventory)
{
	if (inventory == NULL) {
		return;
	}
	arena_deinit(&inventory->arena);
	vec_free(&inventory->netns);
	vec_free(&inventory->listeners);
	vec_free(&inventory->owners);
	vec_free(&inventory->processes);
	vec_free(&inventory->connections);
	vec_free(&inventory->published);
}

static int order(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* What qsort compares: the listener and where it stood, so that owners can follow. */
struct place {
	struct listener listener;
	uint32_t netns_rank;
};

static int compare_places(const void *pa, const void *pb)
{
	const struct place *a = pa;
	const struct place *b = pb;
	const struct listener *x = &a->listener;
	const struct listener *y = &b->listener;
	int r = order(a->netns_rank, b->netns_rank);
	if (r == 0) {
		r = order(x->port, y->port);
	}
	if (r == 0) {
		r = order(x->protocol, y->protocol);
	}
	if (r == 0) {
		r = addr_compare(&x->address, &y->address);
	}
	if (r == 0) {
		r = order(x->interface, y->interface);
	}
	return r != 0 ? r : order(x->inode, y->inode);
}

/* The host's namespace first, then in the order they were found. */
static uint32_t netns_rank(const struct inventory *inventory, uint32_t index)
{
	bool host =
		index < inventory->netns.count && inventory->netns.items[index].kind == NETNS_HOST;
	return host ? 0 : index + 1;
}

static int compare_owners(const void *pa, const void *pb)
{
	const struct owner *a = pa;
	const struct owner *b = pb;
	int r = order(a->process, b->process);
	return r != 0 ? r : order((uint64_t)a->fd + 1, (uint64_t)b->fd + 1);
}

static void place_owners(struct inventory *inventory, struct owner *sorted)
{
	uint32_t used = 0;
	for (uint32_t i = 0; i < inventory->listeners.count; i++) {
		struct listener *listener = &inventory->listeners.items[i];
		uint32_t count = listener->owner_count;
		if (count > 0) {
			memcpy(sorted + used, inventory->owners.items + listener->first_owner,
			       count * sizeof(*sorted));
			qsort(sorted + used, count, sizeof(*sorted), compare_owners);
		}
		for (uint32_t k = 0; k < count; k++) {
			sorted[used + k].listener = i;
		}
		listener->first_owner = used;
		used += count;
	}
	memcpy(inventory->owners.items, sorted, used * sizeof(*sorted));
}

int inventory_sort(struct inventory *inventory)
{
	size_t count = inventory->listeners.count;
	if (count == 0) {
		return 0;
	}
	struct place *places = reallocarray(NULL, count, sizeof(*places));
	struct owner *owners = reallocarray(NULL, inventory->owners.count + 1, sizeof(*owners));
	if (places == NULL || owners == NULL) {
		free(places);
		free(owners);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		places[i].listener = inventory->listeners.items[i];
		places[i].netns_rank = netns_rank(inventory, places[i].listener.netns);
	}
	qsort(places, count, sizeof(*places), compare_places);
	for (size_t i = 0; i < count; i++) {
		inventory->listeners.items[i] = places[i].listener;
	}
	if (inventory->owners.count > 0) {
		place_owners(inventory, owners);
	}
	free(places);
	free(owners);
	return 0;
}

struct process *inventory_process(const struct inventory *inventory, int32_t pid)
{
	size_t low = 0;
	size_t high = inventory->processes.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct process *process = &inventory->processes.items[middle];
		if (process->pid == pid) {
			return process;
		}
		if (process->pid < pid) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

bool inventory_is_host(const struct inventory *inventory, uint32_t netns)
{
	return netns >= inventory->netns.count || inventory->netns.items[netns].kind == NETNS_HOST;
}

const struct listener *inventory_listener_at(const struct inventory *inventory,
					     enum protocol protocol, const struct addr *to,
					     uint16_t port)
{
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		const struct listener *l = &inventory->listeners.items[i];
		const struct addr bound = addr_unmap(&l->address);
		const bool ipv4 = to->family == ADDR_IPV4;
		if (l->port != port || protocol_registry(l->protocol) != protocol ||
		    !inventory_is_host(inventory, l->netns)) {
			continue;
		}
		const bool family =
			(l->address.family == ADDR_IPV4) == ipv4 || (ipv4 && !l->v6_only);
		if (addr_is_any(&l->address) ? family : addr_compare(&bound, to) == 0) {
			return l;
		}
	}
	return NULL;
}

bool inventory_is_ephemeral(const struct inventory *inventory, uint16_t port)
{
	const struct port_range *range = &inventory->ephemeral;
	return range->last > 0 && port >= range->first && port <= range->last &&
	       !portset_has(&inventory->reserved, port);
}

const struct process *inventory_listener_process(const struct inventory *inventory,
						 const struct listener *listener)
{
	if (listener->owner_count == 0) {
		return NULL;
	}
	const struct owner *owner = &inventory->owners.items[listener->first_owner];
	return &inventory->processes.items[owner->process];
}
