/* Drives lib/observe from a test: prints what it sees as JSON. Not installed. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io/clock.h"
#include "base/parse.h"
#include "observe/observe.h"

enum { RESOLVE_TRIES = 100 };

static int fail(int r, const struct err *e)
{
	(void)fprintf(stderr, "%d %s\n", r, err_text(e));
	return 1;
}

static void print(json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII);
	(void)puts(text);
	(void)fflush(stdout);
	free(text);
	json_decref(value);
}

static json_t *text_or_null(const char *text)
{
	return text == NULL ? json_null() : json_string(text);
}

static json_t *process_json(const struct process *process, int32_t fd)
{
	json_t *parents = json_array();
	for (uint32_t i = 0; i < process->parent_count; i++) {
		json_array_append_new(parents, json_integer(process->parents[i].pid));
	}
	return json_pack(
		"{si si si si so so sb so so so so so so so so so sI so}", "pid", process->pid,
		"fd", fd, "uid", (int)process->uid, "parent", process->parent_pid, "name",
		text_or_null(process->name), "executable", text_or_null(process->executable),
		"deleted", process->executable_deleted, "arguments",
		text_or_null(process->arguments), "user", text_or_null(process->user), "cgroup",
		text_or_null(process->cgroup), "unit", text_or_null(process->unit), "slice",
		text_or_null(process->slice), "container_id", text_or_null(process->container_id),
		"container_name", text_or_null(process->container_name), "runtime",
		text_or_null(process->container_runtime), "package", text_or_null(process->package),
		"started", (json_int_t)process->started, "parents", parents);
}

static json_t *listener_json(const struct inventory *inventory, const struct listener *listener)
{
	char address[ADDR_TEXT_BYTES];
	json_t *owners = json_array();
	for (uint32_t i = 0; i < listener->owner_count; i++) {
		const struct owner *owner = &inventory->owners.items[listener->first_owner + i];
		json_array_append_new(
			owners,
			process_json(&inventory->processes.items[owner->process], owner->fd));
	}
	json_t *peers = json_array();
	for (uint32_t i = 0; i < listener->peer_count; i++) {
		char peer[ADDR_TEXT_BYTES];
		json_array_append_new(
			peers, json_pack("[si]", addr_format(&listener->peers[i].address, peer),
					 listener->peers[i].connections));
	}
	return json_pack("{ss ss si sb si so si si si sI sI si sb sb si so so}", "protocol",
			 protocol_name(listener->protocol), "address",
			 addr_format(&listener->address, address), "port", listener->port,
			 "v6_only", listener->v6_only, "interface", listener->interface,
			 "interface_name", text_or_null(listener->interface_name), "uid",
			 (int)listener->uid, "queue", (int)listener->queue, "backlog",
			 (int)listener->backlog, "inode", (json_int_t)listener->inode, "netns",
			 (json_int_t)inventory->netns.items[listener->netns].inode, "siblings",
			 listener->siblings, "socket_activated", listener->socket_activated,
			 "counted", listener->counted, "connections", listener->connections,
			 "peers", peers, "owners", owners);
}

static json_t *published_json(const struct inventory *inventory, const struct published *published)
{
	char address[ADDR_TEXT_BYTES];
	char target[ADDR_TEXT_BYTES];
	return json_pack("{ss ss si si ss si so so so so sI}", "protocol",
			 protocol_name(published->protocol), "address",
			 addr_format(&published->address, address), "first", published->first_port,
			 "last", published->last_port, "target",
			 addr_format(&published->target, target), "target_port",
			 published->target_port, "table", text_or_null(published->table), "chain",
			 text_or_null(published->chain), "owner", text_or_null(published->owner),
			 "container", text_or_null(published->container_name), "netns",
			 (json_int_t)inventory->netns.items[published->netns].inode);
}

static json_t *connection_json(const struct inventory *inventory,
			       const struct connection *connection)
{
	char local[ENDPOINT_TEXT_BYTES];
	char remote[ENDPOINT_TEXT_BYTES];
	bool owned = connection->process != UINT32_MAX;
	return json_pack(
		"{ss ss ss si si si sI}", "protocol", protocol_name(connection->protocol), "local",
		endpoint_format(&connection->local, connection->local_port, local), "remote",
		endpoint_format(&connection->remote, connection->remote_port, remote), "state",
		connection->state, "direction", connection->direction, "pid",
		owned ? inventory->processes.items[connection->process].pid : 0, "netns",
		(json_int_t)inventory->netns.items[connection->netns].inode);
}

static json_t *inventory_json(const struct inventory *inventory)
{
	json_t *listeners = json_array();
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		const struct listener *listener = &inventory->listeners.items[i];
		json_t *row = listener_json(inventory, listener);
		json_object_set_new(row, "ownership", json_integer(listener->ownership));
		json_array_append_new(listeners, row);
	}
	json_t *published = json_array();
	for (size_t i = 0; i < inventory->published.count; i++) {
		json_array_append_new(published,
				      published_json(inventory, &inventory->published.items[i]));
	}
	json_t *connections = json_array();
	for (size_t i = 0; i < inventory->connections.count; i++) {
		json_array_append_new(connections,
				      connection_json(inventory, &inventory->connections.items[i]));
	}
	json_t *netns = json_array();
	for (size_t i = 0; i < inventory->netns.count; i++) {
		const struct netns *one = &inventory->netns.items[i];
		json_array_append_new(netns,
				      json_pack("{sI si so sb}", "inode", (json_int_t)one->inode,
						"kind", one->kind, "name", text_or_null(one->name),
						"visible", one->visible));
	}
	const struct coverage *coverage = &inventory->coverage;
	return json_pack("{so so so so s[ii] s{si sb si si si sb sb}}", "listeners", listeners,
			 "published", published, "connections", connections, "netns", netns,
			 "ephemeral", inventory->ephemeral.first, inventory->ephemeral.last,
			 "coverage", "source", coverage->owner_source, "complete",
			 coverage->owners_complete, "processes_hidden", coverage->processes_hidden,
			 "listeners_hidden", coverage->listeners_hidden, "netns_hidden",
			 coverage->netns_hidden, "published_known", coverage->published_known,
			 "connections_known", coverage->connections_known);
}

static unsigned without(void)
{
	return observe_without_parse(getenv("MINATO_WITHOUT"));
}

static int show_inventory(const char *flags, const char *directory)
{
	uint64_t mask = 0;
	if (parse_u64(&mask, flags, 0, OBSERVE_EVERYTHING) < 0) {
		return 2;
	}
	struct observe_request request = { .flags = (unsigned)mask,
					   .without = without(),
					   .now = clock_now(),
					   .bpf_directory = directory };
	struct inventory inventory;
	struct err e = ERR_INIT;
	int r = observe_inventory(&inventory, &request, &e);
	if (r < 0) {
		return fail(r, &e);
	}
	print(inventory_json(&inventory));
	inventory_deinit(&inventory);
	return 0;
}

static void show_event(const struct event *event, void *data)
{
	struct event whole = *event;
	const struct observe_sockets *sockets = data;
	bool unfinished = whole.kind == EVENT_LISTENER_OPENED && whole.port == 0;
	for (int tries = 0; unfinished && tries < RESOLVE_TRIES; tries++) {
		unfinished = observe_event_resolve(&whole, sockets, NULL) == -ENOENT;
		(void)poll(NULL, 0, 1);
	}
	char address[ADDR_TEXT_BYTES];
	print(json_pack("{ss ss ss si sI si si ss sI}", "kind", event_kind_name(whole.kind),
			"protocol", protocol_name(whole.protocol), "address",
			addr_format(&whole.address, address), "port", whole.port, "netns",
			(json_int_t)whole.netns, "pid", whole.pid, "uid", (int)whole.uid, "process",
			whole.process, "time", (json_int_t)whole.time));
}

/* Until standard input ends; then the number of lost records. */
static int show_events(const char *ring_bytes)
{
	uint64_t bytes = 0;
	struct observe_event_fds fds;
	struct observe_events *events = NULL;
	struct observe_sockets sockets;
	struct err e = ERR_INIT;
	if (parse_u64(&bytes, ring_bytes, 0, UINT32_MAX) < 0) {
		return 2;
	}
	int r = observe_events_load(&fds, bytes, without(), &e);
	if (r == 0) {
		r = observe_events_open(&events, fds.ring, fds.ring_bytes, fds.counters, &e);
	}
	if (r == 0) {
		r = observe_sockets_open(&sockets, true, without(), &e);
	}
	if (r < 0) {
		return fail(r, &e);
	}
	print(json_pack("{si}", "sources", fds.sources));
	struct pollfd waiting[] = { { .fd = observe_events_fd(events), .events = POLLIN },
				    { .fd = 0, .events = POLLIN } };
	while (waiting[1].revents == 0 && poll(waiting, 2, -1) > 0) {
		while (observe_events_read(events, 64, show_event, &sockets) > 0) {
		}
	}
	print(json_pack("{sI}", "lost", (json_int_t)observe_events_lost(events)));
	(void)observe_events_free(events);
	observe_event_fds_close(&fds);
	observe_sockets_close(&sockets);
	return 0;
}

static int pin(const char *directory, const char *group)
{
	uint64_t gid = 0;
	struct err e = ERR_INIT;
	int r = parse_u64(&gid, group, 0, UINT32_MAX);
	if (r == 0) {
		r = observe_pin(directory, 0440, (gid_t)gid, &e);
	}
	return r < 0 ? fail(r, &e) : 0;
}

int main(int count, char **words)
{
	const char *verb = count > 1 ? words[1] : "";
	if (strcmp(verb, "inventory") == 0 && count >= 3) {
		return show_inventory(words[2], count > 3 ? words[3] : NULL);
	}
	if (strcmp(verb, "events") == 0 && count == 3) {
		return show_events(words[2]);
	}
	if (strcmp(verb, "pin") == 0 && count == 4) {
		return pin(words[2], words[3]);
	}
	if (strcmp(verb, "unpin") == 0 && count == 3) {
		observe_unpin(words[2], true);
		return 0;
	}
	(void)fputs(
		"observe-probe inventory FLAGS [PINS] | events RING_BYTES | pin DIRECTORY GID | "
		"unpin DIRECTORY\n",
		stderr);
	return 2;
}
