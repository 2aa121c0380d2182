/* Decoding of the records that our BPF programs write (bpf/records.h). */
#include "observe/records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { NSEC_PER_USEC = 1000 };

void sightings_deinit(struct sightings *sightings)
{
	vec_free(&sightings->holdings.list);
	vec_free(&sightings->foreign);
	vec_free(&sightings->more);
}

static struct addr address_of(uint8_t family, const uint8_t *bytes)
{
	return family == AF_INET ? addr_from_ipv4(bytes) : addr_from_ipv6(bytes);
}

static bool listed(const struct inventory *inventory, uint32_t inode)
{
	for (size_t i = 0; i < inventory->netns.count; i++) {
		const struct netns *netns = &inventory->netns.items[i];
		if (netns->inode == inode) {
			return netns->visible;
		}
	}
	return false;
}

static int take_listener(struct sightings *sightings, const struct listener_record *record)
{
	if (record->fd == LISTENER_RECORD_MORE) {
		int32_t *pid = vec_push(&sightings->more);
		if (pid == NULL) {
			return -ENOMEM;
		}
		*pid = record->pid;
		return 0;
	}
	if (record->family != AF_INET && record->family != AF_INET6) {
		return -EBADMSG;
	}
	if (record->pid <= 0) {
		return 0; /* outside our pid namespace since the walk began */
	}
	struct holding *holding = vec_push(&sightings->holdings.list);
	if (holding == NULL) {
		return -ENOMEM;
	}
	*holding = (struct holding){
		.inode = record->inode, .pid = record->pid, .fd = record->fd, .uid = record->uid
	};
	memcpy(holding->name, record->name, sizeof(holding->name) - 1);
	if (sightings->inventory == NULL || listed(sightings->inventory, record->netns)) {
		return 0;
	}
	struct listener_record *foreign = vec_push(&sightings->foreign);
	if (foreign == NULL) {
		return -ENOMEM;
	}
	*foreign = *record;
	return 0;
}

ssize_t records_take_listeners(const void *bytes, size_t length, void *data)
{
	size_t taken = 0;
	struct listener_record record;
	for (; length - taken >= sizeof(record); taken += sizeof(record)) {
		memcpy(&record, (const char *)bytes + taken, sizeof(record));
		int r = take_listener(data, &record);
		if (r < 0) {
			return r;
		}
	}
	return (ssize_t)taken;
}

ssize_t records_take_connections(const void *bytes, size_t length, void *data)
{
	struct holdings *holdings = data;
	size_t taken = 0;
	struct connection_record record;
	for (; length - taken >= sizeof(record); taken += sizeof(record)) {
		memcpy(&record, (const char *)bytes + taken, sizeof(record));
		struct holding *holding = record.pid <= 0 ? NULL : vec_push(&holdings->list);
		if (holding != NULL) {
			*holding = (struct holding){ .inode = record.inode,
						     .pid = record.pid,
						     .fd = record.fd,
						     .uid = record.uid };
			memcpy(holding->name, record.name, sizeof(holding->name) - 1);
		} else if (record.pid > 0) {
			return -ENOMEM;
		}
	}
	return (ssize_t)taken;
}

static int take_process(struct process_table *table, const struct process_record *record,
			const char *path)
{
	struct process_facts *facts = vec_push(&table->list);
	if (facts == NULL) {
		return -ENOMEM;
	}
	*facts = (struct process_facts){ .pid = record->pid,
					 .parent_pid = record->parent_pid,
					 .uid = record->uid,
					 .netns = record->netns,
					 .started_ns = record->started_ns };
	memcpy(facts->name, record->name, sizeof(facts->name) - 1);
	if (record->path_bytes > 0) {
		facts->executable = arena_strndup(table->arena, path, record->path_bytes);
		return facts->executable == NULL ? -ENOMEM : 0;
	}
	return 0;
}

ssize_t records_take_processes(const void *bytes, size_t length, void *data)
{
	size_t taken = 0;
	struct process_record record;
	while (length - taken >= sizeof(record)) {
		memcpy(&record, (const char *)bytes + taken, sizeof(record));
		if (record.path_bytes >= RECORD_PATH_BYTES) {
			return -EBADMSG;
		}
		if (length - taken - sizeof(record) < record.path_bytes) {
			break;
		}
		const char *path = (const char *)bytes + taken + sizeof(record);
		int r = take_process(data, &record, path);
		if (r < 0) {
			return r;
		}
		taken += sizeof(record) + record.path_bytes;
	}
	return (ssize_t)taken;
}

static int compare_inodes(const void *pa, const void *pb)
{
	const struct listener_record *a = pa;
	const struct listener_record *b = pb;
	return a->inode < b->inode ? -1 : a->inode > b->inode;
}

/* @return index into inventory->netns, or -ENOMEM. */
static ssize_t netns_index(struct inventory *inventory, uint32_t inode)
{
	for (size_t i = 0; i < inventory->netns.count; i++) {
		if (inventory->netns.items[i].inode == inode) {
			return (ssize_t)i;
		}
	}
	struct netns *netns = vec_push(&inventory->netns);
	if (netns == NULL) {
		return -ENOMEM;
	}
	*netns = (struct netns){ .inode = inode, .kind = NETNS_OTHER };
	inventory->coverage.netns_hidden++;
	return (ssize_t)inventory->netns.count - 1;
}

int sightings_add_foreign(struct sightings *sightings, struct inventory *inventory)
{
	struct listener_record *all = sightings->foreign.items;
	size_t count = sightings->foreign.count;
	if (count > 0) {
		qsort(all, count, sizeof(*all), compare_inodes);
	}
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && all[i].inode == all[i - 1].inode) {
			continue;
		}
		ssize_t netns = netns_index(inventory, all[i].netns);
		struct listener *listener = netns < 0 ? NULL : vec_push(&inventory->listeners);
		if (listener == NULL) {
			return -ENOMEM;
		}
		*listener = (struct listener){ .protocol = all[i].protocol,
					       .address = address_of(all[i].family, all[i].address),
					       .port = all[i].port,
					       .v6_only = all[i].v6_only != 0,
					       .interface = all[i].interface,
					       .netns = (uint32_t)netns,
					       .inode = all[i].inode,
					       .cookie = all[i].cookie,
					       .uid = all[i].socket_uid,
					       .queue = all[i].receive_queue,
					       .backlog = all[i].send_queue,
					       .siblings = 1 };
	}
	return 0;
}

static int compare_pids(const void *pa, const void *pb)
{
	const struct process_facts *a = pa;
	const struct process_facts *b = pb;
	return a->pid < b->pid ? -1 : a->pid > b->pid;
}

void process_table_sort(struct process_table *table)
{
	if (table->list.count > 0) {
		qsort(table->list.items, table->list.count, sizeof(*table->list.items),
		      compare_pids);
	}
}

const struct process_facts *process_table_find(const struct process_table *table, int32_t pid)
{
	struct process_facts key = { .pid = pid };
	return table->list.count == 0 ? NULL
				      : bsearch(&key, table->list.items, table->list.count,
						sizeof(key), compare_pids);
}

int records_event(struct event *out, const void *bytes, size_t length, usec_t boot_offset)
{
	struct event_record record;
	if (length < sizeof(record)) {
		return -EBADMSG;
	}
	memcpy(&record, bytes, sizeof(record));
	bool known_kind = record.kind == EVENT_RECORD_OPENED || record.kind == EVENT_RECORD_CLOSED;
	if (!known_kind || (record.family != AF_INET && record.family != AF_INET6)) {
		return -EBADMSG;
	}
	memset(out, 0, sizeof(*out));
	out->time = (usec_t)(record.time_ns / NSEC_PER_USEC) + boot_offset;
	out->kind =
		record.kind == EVENT_RECORD_OPENED ? EVENT_LISTENER_OPENED : EVENT_LISTENER_CLOSED;
	out->protocol = record.protocol;
	out->address = address_of(record.family, record.address);
	out->port = record.port;
	out->netns = record.netns;
	out->cookie = record.cookie;
	out->pid = record.pid;
	out->uid = record.uid;
	memcpy(out->process, record.name, RECORD_NAME_BYTES - 1);
	return 0;
}

int records_peer(struct observe_peer *out, const void *bytes, size_t length)
{
	struct peer_record record;
	if (length != sizeof(record)) {
		return -EBADMSG;
	}
	memcpy(&record, bytes, sizeof(record));
	if (record.kind != EVENT_RECORD_PEER ||
	    (record.family != AF_INET && record.family != AF_INET6)) {
		return -EBADMSG;
	}
	*out = (struct observe_peer){
		.netns = record.netns,
		.port = record.port,
		.address = address_of(record.family, record.address),
		.opened = record.opened,
		.ended = record.ended,
	};
	return 0;
}
