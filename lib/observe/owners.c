/* Joining "this process holds that socket" with the listeners, by the socket's inode. */
#include "observe/owners.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Open addressing from inode to sockets; equal inodes stand in one run (MPTCP and its subflow). */
struct inode_index {
	struct inode_slot {
		uint64_t inode; /* 0 = free */
		uint32_t value; /* listeners first, then connections */
	} * slots;
	size_t mask;
};

static size_t slot_of(const struct inode_index *index, uint64_t inode)
{
	/* Fibonacci hashing: inodes are consecutive numbers. */
	return (size_t)(inode * 0x9e3779b97f4a7c15ULL >> 32) & index->mask;
}

static void index_add(struct inode_index *index, uint64_t inode, size_t value)
{
	if (inode == 0) {
		return;
	}
	size_t at = slot_of(index, inode);
	while (index->slots[at].inode != 0) {
		at = (at + 1) & index->mask;
	}
	index->slots[at] = (struct inode_slot){ .inode = inode, .value = (uint32_t)value };
}

static int index_make(struct inode_index *index, const struct inventory *inventory)
{
	size_t sockets = inventory->listeners.count + inventory->connections.count;
	size_t size = 64;
	while (size < sockets * 2) {
		size *= 2;
	}
	index->slots = calloc(size, sizeof(*index->slots));
	if (index->slots == NULL) {
		return -ENOMEM;
	}
	index->mask = size - 1;
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		index_add(index, inventory->listeners.items[i].inode, i);
	}
	for (size_t i = 0; i < inventory->connections.count; i++) {
		index_add(index, inventory->connections.items[i].inode,
			  inventory->listeners.count + i);
	}
	return 0;
}

static int compare_holdings(const void *pa, const void *pb)
{
	const struct holding *a = pa;
	const struct holding *b = pb;
	if (a->pid != b->pid) {
		return a->pid < b->pid ? -1 : 1;
	}
	return a->fd < b->fd ? -1 : a->fd > b->fd;
}

/* Threads with descriptor tables of their own may show one descriptor twice. */
static bool repeats(const struct holdings *holdings, size_t i)
{
	const struct holding *now = &holdings->list.items[i];
	const struct holding *last = now - 1;
	return i > 0 && now->pid == last->pid && now->fd == last->fd && now->inode == last->inode;
}

static int process_of(struct inventory *inventory, const struct holding *holding)
{
	size_t count = inventory->processes.count;
	if (count > 0 && inventory->processes.items[count - 1].pid == holding->pid) {
		return 0;
	}
	struct process *process = vec_push(&inventory->processes);
	if (process == NULL) {
		return -ENOMEM;
	}
	process->pid = holding->pid;
	process->uid = holding->uid;
	process->name = arena_strndup(&inventory->arena, holding->name,
				      strnlen(holding->name, sizeof(holding->name)));
	return process->name == NULL ? -ENOMEM : 0;
}

/* Gives one holding to every socket of its inode. The owners stand in the order of processes. */
static int give(struct inventory *inventory, const struct inode_index *index,
		const struct holding *holding)
{
	for (size_t at = slot_of(index, holding->inode); index->slots[at].inode != 0;
	     at = (at + 1) & index->mask) {
		if (index->slots[at].inode != holding->inode) {
			continue;
		}
		int r = process_of(inventory, holding);
		if (r < 0) {
			return r;
		}
		uint32_t process = (uint32_t)inventory->processes.count - 1;
		uint32_t value = index->slots[at].value;
		if (value >= inventory->listeners.count) {
			value -= (uint32_t)inventory->listeners.count;
			inventory->connections.items[value].process = process;
			continue;
		}
		struct owner *owner = vec_push(&inventory->owners);
		if (owner == NULL) {
			return -ENOMEM;
		}
		*owner = (struct owner){ .listener = value, .process = process, .fd = holding->fd };
		inventory->listeners.items[value].owner_count++;
	}
	return 0;
}

/* Brings the owners of each listener together: a counting sort, which keeps their order. */
static int gather(struct inventory *inventory)
{
	size_t count = inventory->owners.count;
	_cleanup_(freep) struct owner *gathered = reallocarray(NULL, count + 1, sizeof(*gathered));
	if (gathered == NULL) {
		return -ENOMEM;
	}
	uint32_t used = 0;
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		struct listener *listener = &inventory->listeners.items[i];
		listener->first_owner = used;
		used += listener->owner_count;
		listener->owner_count = 0;
	}
	for (size_t i = 0; i < count; i++) {
		const struct owner *owner = &inventory->owners.items[i];
		struct listener *listener = &inventory->listeners.items[owner->listener];
		gathered[listener->first_owner + listener->owner_count++] = *owner;
	}
	if (count > 0) {
		memcpy(inventory->owners.items, gathered, count * sizeof(*gathered));
	}
	return 0;
}

int owners_join(struct inventory *inventory, struct holdings *holdings)
{
	struct inode_index index = { 0 };
	int r = index_make(&index, inventory);
	_cleanup_(freep) struct inode_slot *slots = index.slots;
	if (r < 0) {
		return r;
	}
	if (holdings->list.count > 0) {
		qsort(holdings->list.items, holdings->list.count, sizeof(*holdings->list.items),
		      compare_holdings);
	}
	for (size_t i = 0; i < holdings->list.count; i++) {
		if (!repeats(holdings, i)) {
			r = give(inventory, &index, &holdings->list.items[i]);
		}
		if (r < 0) {
			return r;
		}
	}
	(void)slots; /* freed by scope */
	return gather(inventory);
}

void owners_decide(struct inventory *inventory, bool complete)
{
	inventory->coverage.listeners_hidden = 0;
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		struct listener *listener = &inventory->listeners.items[i];
		if (listener->owner_count > 0) {
			listener->ownership = OWNERSHIP_OWNED;
		} else if (complete) {
			listener->ownership = OWNERSHIP_NONE;
		} else {
			listener->ownership = OWNERSHIP_HIDDEN;
			inventory->coverage.listeners_hidden++;
		}
	}
}

static bool same_group(const struct listener *a, const struct listener *b)
{
	return a->netns == b->netns && a->port == b->port && a->protocol == b->protocol &&
	       a->interface == b->interface && addr_compare(&a->address, &b->address) == 0;
}

void owners_count_siblings(struct inventory *inventory)
{
	/* Sorted by inventory_sort, one endpoint's sockets are neighbours. */
	struct listener *all = inventory->listeners.items;
	for (size_t first = 0, end; first < inventory->listeners.count; first = end) {
		end = first + 1;
		while (end < inventory->listeners.count && same_group(&all[first], &all[end])) {
			end++;
		}
		for (size_t i = first; i < end; i++) {
			all[i].siblings = 0;
			for (size_t k = first; k < end; k++) {
				all[i].siblings += all[k].uid == all[i].uid;
			}
		}
	}
}
