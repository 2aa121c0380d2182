/* What changed between two inventories, as events. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "observe/observe.h"

/* One listener with what it is sorted by. */
struct entry {
	const struct inventory *inventory;
	const struct listener *listener;
	uint32_t netns; /* inode */
	bool paired;    /* the other inventory has it too */
};

struct entries {
	struct entry *items;
	size_t count;
};

static int order(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_endpoints(const struct entry *a, const struct entry *b)
{
	int r = order(a->netns, b->netns);
	if (r == 0) {
		r = order(a->listener->port, b->listener->port);
	}
	if (r == 0) {
		r = order(a->listener->protocol, b->listener->protocol);
	}
	if (r == 0) {
		r = addr_compare(&a->listener->address, &b->listener->address);
	}
	return r != 0 ? r : order(a->listener->interface, b->listener->interface);
}

static int compare_sockets(const struct entry *a, const struct entry *b)
{
	const struct listener *x = a->listener;
	const struct listener *y = b->listener;
	/* The iterator knows no cookie that the kernel has not made yet; then the inode decides. */
	bool cookies = x->cookie != 0 && y->cookie != 0;
	return cookies ? order(x->cookie, y->cookie) : order(x->inode, y->inode);
}

/* Endpoint first, so that sockets that share or inherit one are neighbours. */
static int compare_entries(const void *pa, const void *pb)
{
	const struct entry *a = pa;
	const struct entry *b = pb;
	int r = compare_endpoints(a, b);
	return r != 0 ? r : order(a->listener->inode, b->listener->inode);
}

static int list(struct entries *out, const struct inventory *inventory)
{
	size_t count = inventory->listeners.count;
	out->items = calloc(count + 1, sizeof(*out->items));
	if (out->items == NULL) {
		return -ENOMEM;
	}
	out->count = count;
	for (size_t i = 0; i < count; i++) {
		const struct listener *listener = &inventory->listeners.items[i];
		bool known = listener->netns < inventory->netns.count;
		out->items[i] = (struct entry){
			.inventory = inventory,
			.listener = listener,
			.netns = known ? inventory->netns.items[listener->netns].inode : 0,
		};
	}
	qsort(out->items, count, sizeof(*out->items), compare_entries);
	return 0;
}

struct run {
	observe_event_function *function;
	void *data;
	usec_t now;
	int count;
};

static void describe(struct event *event, const struct process *process)
{
	event->pid = process->pid;
	event->uid = process->uid;
	(void)str_copy(event->process, sizeof(event->process), process->name ?: "");
	(void)str_copy(event->executable, sizeof(event->executable), process->executable ?: "");
	(void)str_copy(event->unit, sizeof(event->unit), process->unit ?: "");
	const char *container = process->container_name ?: process->container_id;
	(void)str_copy(event->container, sizeof(event->container), container ?: "");
}

static void tell(struct run *run, enum event_kind kind, const struct entry *entry,
		 const char *detail)
{
	struct event event = { .time = run->now,
			       .kind = kind,
			       .protocol = entry->listener->protocol,
			       .address = entry->listener->address,
			       .port = entry->listener->port,
			       .netns = entry->netns,
			       .cookie = entry->listener->cookie,
			       .uid = entry->listener->uid };
	const struct process *process =
		inventory_listener_process(entry->inventory, entry->listener);
	if (process != NULL) {
		describe(&event, process);
	}
	(void)str_copy(event.detail, sizeof(event.detail), detail);
	run->function(&event, run->data);
	run->count++;
}

/* The program's name for comparing: its file, or the kernel's name where no file was asked for. */
static const char *program(const struct entry *entry)
{
	const struct process *process =
		inventory_listener_process(entry->inventory, entry->listener);
	if (process == NULL) {
		return NULL;
	}
	return process->executable ?: process->name;
}

static bool program_changed(const struct entry *before, const struct entry *after)
{
	const char *old = program(before);
	const char *new = program(after);
	/* Not seeing an owner in one of the two is no change. */
	return old != NULL && new != NULL &&strcmp(old, new) != 0;
}

/* Marks in both lists what the other has. Sockets of one endpoint are few. */
static void pair(struct entries *before, struct entries *after)
{
	size_t first = 0;
	for (size_t i = 0; i < after->count; i++) {
		struct entry *now = &after->items[i];
		while (first < before->count && compare_endpoints(&before->items[first], now) < 0) {
			first++;
		}
		for (size_t k = first;
		     k < before->count && compare_endpoints(&before->items[k], now) == 0; k++) {
			if (!before->items[k].paired &&
			    compare_sockets(&before->items[k], now) == 0) {
				before->items[k].paired = now->paired = true;
				break;
			}
		}
	}
}

/* The socket that stood here before: the same one, or any that stood on the endpoint. */
static const struct entry *predecessor(const struct entries *before, const struct entry *now)
{
	const struct entry *found = NULL;
	size_t low = 0;
	for (size_t high = before->count; low < high;) {
		size_t middle = low + (high - low) / 2;
		if (compare_endpoints(&before->items[middle], now) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	for (size_t k = low; k < before->count && compare_endpoints(&before->items[k], now) == 0;
	     k++) {
		const struct entry *entry = &before->items[k];
		if (now->paired == entry->paired) {
			found = found == NULL ? entry : found;
			if (compare_sockets(entry, now) == 0) {
				return entry;
			}
		}
	}
	return found;
}

static void tell_unpaired(struct run *run, enum event_kind kind, const struct entries *entries)
{
	for (size_t i = 0; i < entries->count; i++) {
		if (!entries->items[i].paired) {
			tell(run, kind, &entries->items[i], "");
		}
	}
}

static void tell_changed(struct run *run, const struct entries *before, const struct entries *after)
{
	for (size_t i = 0; i < after->count; i++) {
		const struct entry *now = &after->items[i];
		const struct entry *then = predecessor(before, now);
		if (then != NULL && program_changed(then, now)) {
			tell(run, EVENT_OWNER_CHANGED, now, program(then));
		}
	}
}

int observe_compare(const struct inventory *before, const struct inventory *after,
		    observe_event_function *function, void *data)
{
	struct entries old = { 0 };
	struct entries new = { 0 };
	int r = list(&old, before);
	_cleanup_(freep) struct entry *old_items = old.items;
	if (r == 0) {
		r = list(&new, after);
	}
	_cleanup_(freep) struct entry *new_items = new.items;
	if (r < 0) {
		return r;
	}
	pair(&old, &new);
	struct run run = { .function = function, .data = data, .now = after->time };
	tell_unpaired(&run, EVENT_LISTENER_CLOSED, &old);
	tell_unpaired(&run, EVENT_LISTENER_OPENED, &new);
	tell_changed(&run, &old, &new);
	(void)old_items; /* freed by scope */
	(void)new_items;
	return run.count;
}

static const struct listener *listener_of(const struct inventory *inventory,
					  const struct event *event)
{
	for (size_t i = 0; event->cookie != 0 && i < inventory->listeners.count; i++) {
		const struct listener *listener = &inventory->listeners.items[i];
		if (listener->cookie == event->cookie && listener->netns < inventory->netns.count &&
		    inventory->netns.items[listener->netns].inode == event->netns) {
			return listener;
		}
	}
	return NULL;
}

bool observe_event_recall(struct event *event, const struct inventory *inventory)
{
	const struct listener *listener = listener_of(inventory, event);
	if (listener == NULL) {
		return false;
	}
	event->port = listener->port;
	event->protocol = listener->protocol;
	event->address = listener->address;
	const struct process *process = inventory_listener_process(inventory, listener);
	if (process != NULL) {
		describe(event, process);
	}
	return true;
}
