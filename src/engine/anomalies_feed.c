/* What the looks tell the model of the usual. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "anomalies.h"
#include "base/fnv.h"
#include "base/io/clock.h"
#include "base/io/file.h"
#include "base/parse.h"
#include "catalog/catalog.h"

enum {
	FLOWS_MAX = 1 << 18, /* remembered from one look to the next; more are not counted */
	STATE_ESTABLISHED = 1,
	STATE_SYN_RECV = 3,
	STATE_NEW_SYN_RECV = 12,
	NETSTAT_BYTES = 1 << 16,
};

static const usec_t CONNECTIONS_USEC = 55 * USEC_PER_SEC;

unsigned anomalies_flags(const struct engine *engine)
{
	const struct engine_anomalies *anomalies = &engine->anomalies;
	const bool due = clock_monotonic() - anomalies->looked >= CONNECTIONS_USEC;
	return anomalies->model != NULL && (anomalies->looked == 0 || due) ? OBSERVE_CONNECTIONS
									   : 0;
}

/*
 * The model's namespace of a row; that of the daemon itself is 0. Containers are left out: their
 * names change with every start, and what they open is reached only through a port of the host.
 */
static bool place_of(uint64_t *out, const struct engine *engine, uint32_t index)
{
	const struct netns *netns = &engine->inventory.netns.items[index];
	const bool own = netns->inode == engine->anomalies.own;
	*out = own ? 0 : anomaly_netns(netns->name);
	return own ||
	       (netns->name != NULL && (netns->kind == NETNS_HOST || netns->kind == NETNS_NAMED));
}

/* By its inode; one that no look has met yet is none. */
static bool place_of_inode(uint64_t *out, const struct engine *engine, uint32_t inode)
{
	for (uint32_t i = 0; engine->known && i < engine->inventory.netns.count; i++) {
		if (engine->inventory.netns.items[i].inode == inode) {
			return place_of(out, engine, i);
		}
	}
	return false;
}

static const char *program_of(char room[ANOMALY_NAME_BYTES], const struct process *process)
{
	const char *program = process != NULL ? process_program(process) : NULL;
	return program != NULL ? anomaly_program(room, program) : NULL;
}

/* ---- listeners ---- */

/* Of those that hold the socket the oldest: what a service starts may have inherited it. */
static const struct process *holder_of(const struct inventory *inventory,
				       const struct listener *listener)
{
	const struct process *oldest = inventory_listener_process(inventory, listener);
	for (uint32_t i = 0; i < listener->owner_count; i++) {
		const struct owner *owner = &inventory->owners.items[listener->first_owner + i];
		const struct process *process = &inventory->processes.items[owner->process];
		if (process->started != 0 && process->started < oldest->started) {
			oldest = process;
		}
	}
	return oldest;
}

static void feed_listener(struct engine *engine, const struct listener *listener)
{
	const struct inventory *inventory = &engine->inventory;
	const struct policy *policy = policy_now(engine);
	const struct port_knowledge *known = catalog_listener(NULL, inventory, listener);
	char program[ANOMALY_NAME_BYTES];
	struct anomaly_listener told = {
		.at = { .protocol = listener->protocol, .port = listener->port },
		.address = listener->address,
		.program = program_of(program, holder_of(inventory, listener)),
		.queue = listener->queue,
		.backlog = listener->backlog,
		.ephemeral = inventory_is_ephemeral(inventory, listener->port),
		.activated = listener->socket_activated,
		.admin = known != NULL && (known->uses & PORT_USE_REMOTE_ACCESS) != 0,
		.login = known != NULL && known->login == TRISTATE_YES,
		.declared = policy != NULL &&
			    policy_declaration_for(policy, listener->protocol, listener->port,
						   listener->interface_name, NULL) != NULL,
	};
	if (place_of(&told.at.netns, engine, listener->netns)) {
		anomaly_listener(engine->anomalies.model, &told);
	}
}

/* ---- connections ---- */

/* A collision is one connection less. */
static uint64_t flow_key(const struct inventory *inventory, const struct connection *connection)
{
	const uint32_t numbers[] = {
		inventory->netns.items[connection->netns].inode,
		(uint32_t)connection->local_port << 16 | connection->remote_port,
	};
	uint64_t hash = fnv64_add(FNV64_BEGIN, numbers, sizeof(numbers));
	hash = fnv64_add(hash, connection->local.bytes, sizeof(connection->local.bytes));
	return fnv64_add(hash, connection->remote.bytes, sizeof(connection->remote.bytes));
}

static int compare_flows(const void *pa, const void *pb)
{
	const struct engine_flow *a = pa;
	const struct engine_flow *b = pb;
	return a->key < b->key ? -1 : a->key > b->key;
}

static const struct engine_flow *flow_find(const struct engine_flows *flows, uint64_t key)
{
	const struct engine_flow wanted = { .key = key };
	return flows->count == 0 ? NULL
				 : bsearch(&wanted, flows->items, flows->count,
					   sizeof(*flows->items), compare_flows);
}

/* Where the kernel counts, what the looks see of it is less. */
static bool kernel_counts(const struct engine *engine)
{
	return engine->events.reader != NULL && (engine->events.sources & OBSERVE_EVENTS_TCP) != 0;
}

static void feed_peer(struct engine *engine, const struct engine_flow *flow, uint32_t opened,
		      uint32_t ended)
{
	if (kernel_counts(engine) && flow->at.protocol == PROTOCOL_TCP) {
		return;
	}
	const struct anomaly_peer peer = {
		.at = flow->at, .address = flow->address, .opened = opened, .ended = ended
	};
	const struct anomaly_traffic traffic = { .at = flow->at, .connections = opened };
	anomaly_peer(engine->anomalies.model, &peer);
	anomaly_traffic(engine->anomalies.model, &traffic);
}

static bool is_handshake(const struct connection *connection)
{
	return connection->state == STATE_SYN_RECV || connection->state == STATE_NEW_SYN_RECV;
}

static void feed_outbound(struct engine *engine, const struct connection *connection)
{
	const struct inventory *inventory = &engine->inventory;
	char program[ANOMALY_NAME_BYTES];
	struct anomaly_outbound told = { .protocol = connection->protocol,
					 .address = connection->remote,
					 .port = connection->remote_port };
	if (connection->process >= inventory->processes.count ||
	    addr_compare(&connection->local, &connection->remote) == 0 ||
	    !place_of(&told.netns, engine, connection->netns)) {
		return;
	}
	told.program = program_of(program, &inventory->processes.items[connection->process]);
	if (told.program != NULL) {
		anomaly_outbound(engine->anomalies.model, &told);
	}
}

/* What came since the look before is new; what is in it already and closes now has ended. */
static void feed_inbound(struct engine *engine, struct engine_flows *now,
			 const struct connection *connection)
{
	struct engine_flow flow = {
		.key = flow_key(&engine->inventory, connection),
		.at = { .protocol = connection->protocol, .port = connection->local_port },
		.address = connection->remote,
		.over = connection->state != STATE_ESTABLISHED,
	};
	if (!place_of(&flow.at.netns, engine, connection->netns)) {
		return;
	}
	const struct engine_flow *before = flow_find(&engine->anomalies.flows, flow.key);
	if (is_handshake(connection)) {
		/* One that a look later has not come further makes no progress. */
		const struct anomaly_traffic failed = { .at = flow.at, .failed = 1 };
		flow.handshake = true;
		if (before != NULL && before->handshake) {
			anomaly_traffic(engine->anomalies.model, &failed);
		}
	} else {
		const bool new = before == NULL || before->handshake;
		feed_peer(engine, &flow, new ? 1 : 0, flow.over && (new || !before->over) ? 1 : 0);
	}
	struct engine_flow *kept = now->count < FLOWS_MAX ? vec_push(now) : NULL;
	if (kept != NULL) {
		*kept = flow;
	}
}

/* Those of the look before that are gone. */
static void feed_gone(struct engine *engine, const struct engine_flows *now)
{
	const struct engine_flows *before = &engine->anomalies.flows;
	for (size_t i = 0; i < before->count; i++) {
		const struct engine_flow *flow = &before->items[i];
		if (!flow->over && !flow->handshake && flow_find(now, flow->key) == NULL) {
			feed_peer(engine, flow, 0, 1);
		}
	}
}

static void feed_connections(struct engine *engine)
{
	struct engine_anomalies *anomalies = &engine->anomalies;
	const struct inventory *inventory = &engine->inventory;
	struct engine_flows now = { 0 };
	/* What was open before the first look came at a time that nobody knows. */
	const bool first = anomalies->looked == 0;
	for (size_t i = 0; i < inventory->connections.count; i++) {
		const struct connection *connection = &inventory->connections.items[i];
		if (connection->direction == DIRECTION_OUTBOUND) {
			feed_outbound(engine, connection);
		} else if (connection->direction == DIRECTION_INBOUND && !first) {
			feed_inbound(engine, &now, connection);
		}
	}
	if (now.count > 0) {
		qsort(now.items, now.count, sizeof(*now.items), compare_flows);
	}
	feed_gone(engine, &now);
	vec_free(&anomalies->flows);
	anomalies->flows = now;
}

/* ---- what the kernel counted ---- */

void anomalies_peer(const struct observe_peer *peer, void *data)
{
	struct engine *engine = data;
	struct anomaly_peer told = {
		.at = { .protocol = PROTOCOL_TCP, .port = peer->port },
		.address = peer->address,
		.opened = peer->opened,
		.ended = peer->ended,
	};
	if (engine->anomalies.model != NULL &&
	    place_of_inode(&told.at.netns, engine, peer->netns)) {
		anomaly_peer(engine->anomalies.model, &told);
	}
}

static void feed_tally(const struct observe_tally *now, void *data)
{
	struct engine *engine = data;
	struct observe_tally *before = &engine->anomalies.tallies[now->slot];
	const struct anomaly_traffic traffic = {
		.at = { .protocol = PROTOCOL_TCP, .port = now->port },
		.connections = now->opened - before->opened,
		.bytes = now->bytes - before->bytes,
		.failed = now->silent - before->silent,
	};
	struct anomaly_traffic told = traffic;
	if (engine->anomalies.tallied && place_of_inode(&told.at.netns, engine, now->netns)) {
		anomaly_traffic(engine->anomalies.model, &told);
	}
	*before = *now;
}

/* What was counted before the first reading came at a time that nobody knows. */
static void feed_tallies(struct engine *engine)
{
	struct engine_anomalies *anomalies = &engine->anomalies;
	if (!kernel_counts(engine)) {
		return;
	}
	if (anomalies->tallies == NULL) {
		anomalies->tallies = calloc(OBSERVE_TALLY_SLOTS, sizeof(*anomalies->tallies));
	}
	if (anomalies->tallies != NULL) {
		observe_events_tally(engine->events.reader, feed_tally, engine);
		anomalies->tallied = true;
	}
}

void anomalies_forget_tallies(struct engine *engine)
{
	free(engine->anomalies.tallies);
	engine->anomalies.tallies = NULL;
	engine->anomalies.tallied = false;
}

/* ---- queues ---- */

/* The value under `name` in two lines of /proc/net/netstat: names, then numbers. */
static bool netstat_value(uint64_t *out, char *text, const char *name)
{
	char *names = strstr(text, "TcpExt: ");
	char *values = names != NULL ? strstr(names + 1, "TcpExt: ") : NULL;
	char *rest[2] = { NULL, NULL };
	if (values == NULL) {
		return false;
	}
	values[-1] = '\0';
	values[strcspn(values, "\n")] = '\0';
	const char *word = strtok_r(names, " ", &rest[0]);
	const char *value = strtok_r(values, " ", &rest[1]);
	while (word != NULL && value != NULL && strcmp(word, name) != 0) {
		word = strtok_r(NULL, " ", &rest[0]);
		value = strtok_r(NULL, " ", &rest[1]);
	}
	return word != NULL && value != NULL && parse_u64(out, value, 0, UINT64_MAX) == 0;
}

/* Of the namespace that the daemon is in; of others the queues themselves tell. */
static void feed_overflows(struct engine *engine)
{
	struct engine_anomalies *anomalies = &engine->anomalies;
	char *text = malloc(NETSTAT_BYTES);
	uint64_t total = 0;
	if (text != NULL &&
	    file_read_into(text, NETSTAT_BYTES, AT_FDCWD, "/proc/self/net/netstat") > 0 &&
	    netstat_value(&total, text, "ListenOverflows")) {
		if (anomalies->overflows_known && total > anomalies->overflows) {
			anomaly_overflows(anomalies->model, 0, total - anomalies->overflows);
		}
		anomalies->overflows = total;
		anomalies->overflows_known = true;
	}
	free(text);
}

/* ---- all of it ---- */

static uint32_t own_namespace(void)
{
	struct stat status;
	return stat("/proc/self/ns/net", &status) == 0 ? (uint32_t)status.st_ino : 0;
}

void anomalies_refused(struct engine *engine, const struct event *event)
{
	const struct anomaly_traffic refused = {
		.at = { .protocol = event->protocol, .port = event->port },
		.refused = event->count,
	};
	if (engine->anomalies.model != NULL) {
		anomaly_traffic(engine->anomalies.model, &refused);
	}
}

void anomalies_feed_counts(struct engine *engine)
{
	feed_overflows(engine);
	feed_tallies(engine);
}

void anomalies_take(struct engine *engine)
{
	struct engine_anomalies *anomalies = &engine->anomalies;
	const struct inventory *inventory = &engine->inventory;
	if (anomalies->model == NULL) {
		return;
	}
	anomalies->own = own_namespace();
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		feed_listener(engine, &inventory->listeners.items[i]);
	}
	if (inventory->coverage.connections_known) {
		feed_connections(engine);
		anomalies->looked = clock_monotonic();
	}
	anomalies_feed_counts(engine);
	anomalies_tick(engine, true);
}

void anomalies_feed_deinit(struct engine *engine)
{
	vec_free(&engine->anomalies.flows);
	anomalies_forget_tallies(engine);
}
