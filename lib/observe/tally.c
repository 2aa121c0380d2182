/* Connections counted by the listener that took them, and their most frequent peers. */
#include "observe/tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"

enum { PORTS = 65536, FIRST_SLOTS = 1024, NO_LISTENER = -1 };

/* How many connections one address has to one listener. */
struct pairing {
	uint32_t listener;
	uint32_t connections; /* 0 = free */
	struct addr peer;
};

struct tally {
	struct listener *listeners; /* as they were at the beginning */
	size_t count;
	bool *entered;            /* by listener: its namespace was looked at */
	int32_t heads[PORTS];     /* of the present namespace: first listener of a port */
	int32_t *next;            /* by listener: another one of the same port */
	uint32_t *counts;         /* by listener */
	struct pairing *pairings; /* open addressing */
	size_t mask;
	size_t used;
};

struct tally *tally_free(struct tally *tally)
{
	if (tally != NULL) {
		free(tally->listeners);
		free(tally->entered);
		free(tally->next);
		free(tally->counts);
		free(tally->pairings);
		free(tally);
	}
	return NULL;
}

struct tally *tally_new(const struct inventory *inventory)
{
	struct tally *tally = calloc(1, sizeof(*tally));
	if (tally == NULL) {
		return NULL;
	}
	size_t room = inventory->listeners.count + 1;
	tally->count = inventory->listeners.count;
	tally->listeners = calloc(room, sizeof(*tally->listeners));
	tally->entered = calloc(room, sizeof(*tally->entered));
	tally->next = calloc(room, sizeof(*tally->next));
	tally->counts = calloc(room, sizeof(*tally->counts));
	tally->pairings = calloc(FIRST_SLOTS, sizeof(*tally->pairings));
	tally->mask = FIRST_SLOTS - 1;
	if (tally->listeners == NULL || tally->entered == NULL || tally->next == NULL ||
	    tally->counts == NULL || tally->pairings == NULL) {
		return tally_free(tally);
	}
	if (tally->count > 0) {
		memcpy(tally->listeners, inventory->listeners.items,
		       tally->count * sizeof(*tally->listeners));
	}
	return tally;
}

void tally_enter(struct tally *tally, uint32_t netns)
{
	memset(tally->heads, 0xff, sizeof(tally->heads)); /* NO_LISTENER */
	for (size_t i = tally->count; i-- > 0;) {
		const struct listener *listener = &tally->listeners[i];
		if (listener->netns == netns) {
			tally->entered[i] = true;
			tally->next[i] = tally->heads[listener->port];
			tally->heads[listener->port] = (int32_t)i;
		}
	}
}

void tally_ports(struct portset *out, const struct tally *tally, uint32_t netns)
{
	for (size_t i = 0; i < tally->count; i++) {
		if (tally->listeners[i].netns == netns) {
			portset_add(out, tally->listeners[i].port);
		}
	}
}

/* 0 = does not take it; a greater number is nearer, as the kernel scores (inet_hashtables.c). */
static int nearness(const struct listener *listener, const struct addr *local,
		    enum protocol protocol)
{
	if (protocol_registry(listener->protocol) != protocol_registry(protocol)) {
		return 0;
	}
	struct addr bound = addr_unmap(&listener->address);
	if (addr_compare(&bound, local) == 0) {
		return 3;
	}
	if (!addr_is_any(&bound)) {
		return 0;
	}
	if (bound.family == local->family) {
		return 2;
	}
	return bound.family == ADDR_IPV6 && !listener->v6_only;
}

static int32_t taker(const struct tally *tally, const struct socket_facts *facts)
{
	const struct addr local = addr_unmap(&facts->local);
	int32_t found = NO_LISTENER;
	int best = 0;
	for (int32_t i = tally->heads[facts->local_port]; i != NO_LISTENER; i = tally->next[i]) {
		int near = nearness(&tally->listeners[i], &local, facts->protocol);
		if (near > best) {
			best = near;
			found = i;
		}
	}
	return found;
}

static size_t slot_of(const struct tally *tally, uint32_t listener, const struct addr *peer)
{
	/* A peer that provokes collisions costs time in a table that lives for one look. */
	const uint64_t hash = fnv64_add(FNV64_BEGIN ^ listener, peer->bytes, sizeof(peer->bytes));
	return (size_t)(hash ^ hash >> 32) & tally->mask;
}

static struct pairing *pairing_of(struct tally *tally, uint32_t listener, const struct addr *peer)
{
	size_t at = slot_of(tally, listener, peer);
	for (;; at = (at + 1) & tally->mask) {
		struct pairing *pairing = &tally->pairings[at];
		if (pairing->connections == 0 ||
		    (pairing->listener == listener && addr_compare(&pairing->peer, peer) == 0)) {
			return pairing;
		}
	}
}

static int grow(struct tally *tally)
{
	struct pairing *old = tally->pairings;
	size_t old_slots = tally->mask + 1;
	struct pairing *grown = calloc(old_slots * 2, sizeof(*grown));
	if (grown == NULL) {
		return -ENOMEM;
	}
	tally->pairings = grown;
	tally->mask = old_slots * 2 - 1;
	for (size_t i = 0; i < old_slots; i++) {
		if (old[i].connections != 0) {
			*pairing_of(tally, old[i].listener, &old[i].peer) = old[i];
		}
	}
	free(old);
	return 0;
}

int tally_take(struct tally *tally, const struct socket_facts *facts, enum direction *direction)
{
	int32_t listener = taker(tally, facts);
	*direction = listener == NO_LISTENER ? DIRECTION_OUTBOUND : DIRECTION_INBOUND;
	if (listener == NO_LISTENER || facts->state != SOCKET_ESTABLISHED) {
		return 0;
	}
	tally->counts[listener]++;
	if (tally->used * 2 > tally->mask && grow(tally) < 0) {
		return -ENOMEM;
	}
	struct addr peer = addr_unmap(&facts->remote);
	struct pairing *pairing = pairing_of(tally, (uint32_t)listener, &peer);
	if (pairing->connections == 0) {
		pairing->listener = (uint32_t)listener;
		pairing->peer = peer;
		tally->used++;
	}
	pairing->connections++;
	return 0;
}

/* More connections first; equal ones in the order of addresses, so that the answer is stable. */
static bool goes_before(const struct listener_peer *a, const struct listener_peer *b)
{
	if (a->connections != b->connections) {
		return a->connections > b->connections;
	}
	return addr_compare(&a->address, &b->address) < 0;
}

static void rank(struct listener *listener, const struct pairing *pairing)
{
	struct listener_peer now = { .address = pairing->peer,
				     .connections = pairing->connections };
	uint32_t at = listener->peer_count;
	while (at > 0 && goes_before(&now, &listener->peers[at - 1])) {
		at--;
	}
	if (at == LISTENER_PEERS_MAX) {
		return;
	}
	if (listener->peer_count < LISTENER_PEERS_MAX) {
		listener->peer_count++;
	}
	memmove(&listener->peers[at + 1], &listener->peers[at],
		(listener->peer_count - at - 1) * sizeof(now));
	listener->peers[at] = now;
}

void tally_finish(const struct tally *tally, struct inventory *inventory)
{
	for (size_t i = 0; i < tally->count; i++) {
		inventory->listeners.items[i].counted = tally->entered[i];
		inventory->listeners.items[i].connections = tally->counts[i];
	}
	for (size_t i = 0; i <= tally->mask; i++) {
		const struct pairing *pairing = &tally->pairings[i];
		if (pairing->connections != 0) {
			rank(&inventory->listeners.items[pairing->listener], pairing);
		}
	}
}
