/* What was never seen before: listeners, programs, networks, connections of services. */
#include <string.h>

#include "anomaly/state.h"

enum {
	PORT_HIGH = 1024,
	PORT_DNS = 53,
	FORGOTTEN_MINUTES = 180 * 1440, /* a network that did not come for so long is new again */
	STRANGERS_FROM_MINUTES = 3 * 1440, /* the first days everybody is new */
	STRANGERS_OF_ONE_DAY = 8,          /* new networks: no more are told */
};

static const float STRANGERS_A_DAY = 1; /* on average: then another one says nothing */

/* ---- listeners ---- */

static void fill(struct anomaly *out, enum anomaly_kind kind, const struct anomaly_port *at,
		 const char *program)
{
	*out = (struct anomaly){ .kind = kind, .at = *at };
	(void)str_copy(out->program, sizeof(out->program), program);
}

/* A namespace that has just been made is learned before anything in it is unusual. */
static bool learning(struct anomaly_model *model, uint64_t netns)
{
	const struct anomaly_port place = { .netns = netns };
	const struct known *known =
		known_add(model, KNOWN_NAMESPACES, key_of(model, &place, NULL, NULL));
	return known == NULL || minute_of(model) - known->first < ANOMALY_LEARN_LISTENERS_MINUTES;
}

uint64_t listener_key(const struct anomaly_model *model, const struct anomaly_port *at,
		      bool ephemeral, const char *program)
{
	const struct anomaly_port anywhere = { .netns = at->netns, .protocol = at->protocol };
	return ephemeral ? key_of(model, &anywhere, program, NULL) : key_of(model, at, NULL, NULL);
}

static void watch_new(struct anomaly_model *model, const struct anomaly_listener *listener,
		      const char *program)
{
	const uint64_t key = listener_key(model, &listener->at, listener->ephemeral, program);
	if (known_touch(model, KNOWN_LISTENERS, key) != NULL) {
		return;
	}
	struct anomaly found;
	fill(&found, ANOMALY_NEW_LISTENER, &listener->at, program);
	found.high = minute_of(model) / 1440;
	found.ephemeral = listener->ephemeral;
	if (learning(model, listener->at.netns) || listener->declared ||
	    listener->at.port < PORT_HIGH || standing_raise(model, &found) == RAISED_USUAL) {
		(void)known_add(model, KNOWN_LISTENERS, key);
	}
}

static void watch_program(struct anomaly_model *model, const struct anomaly_listener *listener,
			  struct port_record *port)
{
	const char *program = listener->program;
	if (program == NULL || listener->activated || listener->ephemeral) {
		return;
	}
	const uint64_t key = key_of(model, &listener->at, program, NULL);
	if (known_touch(model, KNOWN_PROGRAMS, key) == NULL) {
		struct anomaly found;
		fill(&found, ANOMALY_PROGRAM_CHANGED, &listener->at, program);
		memcpy(found.before, port->program, sizeof(found.before));
		if (learning(model, listener->at.netns) || listener->declared ||
		    port->program[0] == '\0' || standing_raise(model, &found) == RAISED_USUAL) {
			(void)known_add(model, KNOWN_PROGRAMS, key);
		} else {
			return; /* the port is still called after who should hold it */
		}
	}
	(void)str_copy(port->program, sizeof(port->program), program);
}

void anomaly_listener(struct anomaly_model *model, const struct anomaly_listener *listener)
{
	const char *program = listener->program != NULL ? listener->program : "";
	const bool udp =
		listener->at.protocol == PROTOCOL_UDP || listener->at.protocol == PROTOCOL_UDPLITE;
	/* A UDP socket with such a number is a client that waits for its answer. */
	if (addr_exposure(&listener->address) == EXPOSURE_LOOPBACK ||
	    (udp && listener->ephemeral)) {
		return;
	}
	watch_new(model, listener, program);
	if (program[0] != '\0') {
		const struct anomaly_port service = { .netns = listener->at.netns };
		(void)known_add(model, KNOWN_SERVICES, key_of(model, &service, program, NULL));
	}
	struct port_record *port = listener->ephemeral ? NULL : port_make(model, &listener->at);
	if (port == NULL) {
		return;
	}
	port->listening = true;
	port->seen = minute_of(model);
	port->admin = port->admin || listener->admin;
	port->login = port->login || listener->login;
	if (listener->queue >= port->queue) {
		port->queue = listener->queue;
		port->backlog = listener->backlog;
	}
	watch_program(model, listener, port);
}

/* ---- outbound ---- */

/* Everybody asks for names now and then. */
static bool is_lookup(const struct anomaly_outbound *outbound)
{
	return outbound->protocol == PROTOCOL_UDP && outbound->port == PORT_DNS;
}

void anomaly_outbound(struct anomaly_model *model, const struct anomaly_outbound *outbound)
{
	const struct anomaly_port service = { .netns = outbound->netns };
	const uint64_t key = key_of(model, &service, outbound->program, NULL);
	const struct known *known = known_find(&model->known[KNOWN_SERVICES], key);
	if (known == NULL || is_lookup(outbound) ||
	    addr_exposure(&outbound->address) == EXPOSURE_LOOPBACK ||
	    known_touch(model, KNOWN_OUTBOUND, key) != NULL) {
		return;
	}
	const uint32_t age = minute_of(model) - known->first;
	struct anomaly found;
	fill(&found, ANOMALY_FIRST_OUTBOUND, &service, outbound->program);
	found.at.protocol = outbound->protocol;
	found.source.address = addr_unmap(&outbound->address);
	found.source.bits = found.source.address.family == ADDR_IPV4 ? 32 : 128;
	found.remote_port = outbound->port;
	found.now = 1;
	found.high = age / 1440;
	if (age < ANOMALY_LEARN_OUTBOUND_MINUTES || standing_raise(model, &found) == RAISED_USUAL) {
		(void)known_add(model, KNOWN_OUTBOUND, key);
	}
}

/* ---- networks ---- */

static struct prefix network_of(const struct addr *address)
{
	struct prefix network = { addr_unmap(address), 24 };
	size_t kept = 3;
	if (network.address.family == ADDR_IPV6) {
		network.bits = 64;
		kept = 8;
	}
	memset(network.address.bytes + kept, 0, sizeof(network.address.bytes) - kept);
	return network;
}

static void watch_network(struct anomaly_model *model, struct port_record *port,
			  const struct addr *address)
{
	const struct prefix network = network_of(address);
	const uint64_t key = key_of(model, &port->at, NULL, &network);
	const struct known *known = known_find(&model->known[KNOWN_NETWORKS], key);
	if (known != NULL && minute_of(model) - known->last < FORGOTTEN_MINUTES) {
		(void)known_touch(model, KNOWN_NETWORKS, key);
		return;
	}
	struct anomaly found;
	fill(&found, ANOMALY_NEW_NETWORK, &port->at, port->program);
	found.source = network;
	found.now = 1;
	found.high = port->networks;
	if (standing_find(model, &found) == NULL) {
		port->new_today++;
	}
	if (port->minutes < ANOMALY_LEARN_NETWORKS_MINUTES || port->new_a_day >= STRANGERS_A_DAY ||
	    port->new_today > STRANGERS_OF_ONE_DAY ||
	    standing_raise(model, &found) == RAISED_USUAL) {
		(void)known_add(model, KNOWN_NETWORKS, key);
		port->networks++;
	}
}

/* A port that strangers meet every day is told by their number. */
void watch_day(struct port_record *port, uint32_t minutes)
{
	port->day_minutes += minutes;
	if (port->day_minutes >= 1440) {
		port->day_minutes -= 1440;
		if (port->minutes > STRANGERS_FROM_MINUTES) {
			port->new_a_day = 0.8F * port->new_a_day + 0.2F * (float)port->new_today;
		}
		port->new_today = 0;
	}
}

void anomaly_peer(struct anomaly_model *model, const struct anomaly_peer *peer)
{
	struct port_record *port = port_find(model, &peer->at);
	if (port == NULL || addr_exposure(&peer->address) == EXPOSURE_LOOPBACK) {
		return;
	}
	const struct prefix whole = { addr_unmap(&peer->address), 128 };
	const struct anomaly_port anywhere = { 0 };
	sketch_add(port->sketch, key_of(model, &anywhere, NULL, &whole));
	if (port->admin) {
		watch_network(model, port, &peer->address);
	}
	if (port->login) {
		source_add(model, peer);
	}
}

/* ---- queues ---- */

void anomaly_overflows(struct anomaly_model *model, uint64_t netns, uint64_t count)
{
	for (size_t i = 0; i < model->overflow_count; i++) {
		if (model->overflows[i].netns == netns) {
			model->overflows[i].count += count;
			model->overflows[i].fresh += count;
			return;
		}
	}
	if (count > 0 && model->overflow_count < OVERFLOWS_MAX) {
		model->overflows[model->overflow_count++] =
			(struct overflow){ netns, count, count };
	}
}

/* The kernel counts drops for a whole namespace: they belong to the fullest queue in it. */
static struct port_record *fullest(const struct anomaly_model *model, uint64_t netns)
{
	struct port_record *found = NULL;
	for (size_t i = 0; i < model->port_count; i++) {
		struct port_record *port = model->ports[i];
		const bool more = found == NULL || (uint64_t)port->queue * found->backlog >
							   (uint64_t)found->queue * port->backlog;
		if (port->at.netns == netns && port->listening && port->queue > 0 && more) {
			found = port;
		}
	}
	return found;
}

static void tell_overflow(struct anomaly_model *model, const struct port_record *port,
			  const struct anomaly_port *at, uint64_t count)
{
	struct anomaly found;
	fill(&found, ANOMALY_QUEUE_OVERFLOW, at, port != NULL ? port->program : "");
	found.now = count;
	found.high = port != NULL ? port->backlog : 0;
	(void)standing_raise(model, &found);
}

static uint64_t dropped(const struct anomaly_model *model, uint64_t netns)
{
	for (size_t i = 0; i < model->overflow_count; i++) {
		if (model->overflows[i].netns == netns) {
			return model->overflows[i].count;
		}
	}
	return 0;
}

static void watch_queue(struct anomaly_model *model, struct port_record *port)
{
	/* Linux lets one more wait than the backlog says (sk_acceptq_is_full). */
	const bool full = port->backlog > 0 && port->queue > port->backlog;
	port->full_ticks = full ? port->full_ticks + 1 : 0;
	if (port->full_ticks >= 2) {
		tell_overflow(model, port, &port->at, dropped(model, port->at.netns));
	}
}

void watch_tick(struct anomaly_model *model)
{
	for (size_t i = 0; i < model->overflow_count; i++) {
		struct overflow *overflow = &model->overflows[i];
		const struct port_record *port = fullest(model, overflow->netns);
		const struct anomaly_port unknown = { .netns = overflow->netns,
						      .protocol = PROTOCOL_TCP };
		if (overflow->fresh > 0 && overflow->count >= ANOMALY_OVERFLOWS) {
			tell_overflow(model, port, port != NULL ? &port->at : &unknown,
				      overflow->count);
		}
		overflow->fresh = 0;
	}
	for (size_t i = 0; i < model->port_count; i++) {
		watch_queue(model, model->ports[i]);
	}
}
