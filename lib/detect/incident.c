/* Incidents: counted, named, ended. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

enum { HASHES = 65536 };

struct incident *incident_of(const struct detect *detect, const struct incident_ref *ref)
{
	if (ref->id == 0) {
		return NULL;
	}
	struct incident *incident = &detect->incidents[ref->slot];
	return incident->seen.id == ref->id && !incident->seen.ended ? incident : NULL;
}

void incident_deinit(struct incident *incident)
{
	free(incident->ports);
	free(incident->answered);
	free(incident->sources);
	free(incident->hosts);
	memset(incident, 0, sizeof(*incident));
}

/* ---- a place for it ---- */

static bool is_free(const struct incident *incident)
{
	return incident->seen.id == 0 || (incident->seen.ended && incident->pending == 0);
}

/* @return the place, or incidents_max: the quietest was ended, and its place comes later. */
static uint32_t find_place(struct detect *detect)
{
	const uint32_t count = detect->parameters.incidents_max;
	struct incident *quietest = NULL;
	bool ending = false;
	for (uint32_t i = 0; i < count; i++) {
		struct incident *incident = &detect->incidents[i];
		if (is_free(incident)) {
			return i;
		}
		ending = ending || incident->seen.ended;
		if (quietest == NULL || incident->last < quietest->last) {
			quietest = incident;
		}
	}
	if (!ending && quietest != NULL) {
		incident_end(detect, quietest);
	}
	return count;
}

struct incident *incident_new(struct detect *detect, const struct packet_note *note,
			      struct incident_ref *ref)
{
	const uint32_t slot = find_place(detect);
	if (slot == detect->parameters.incidents_max) {
		return NULL;
	}
	struct incident *incident = &detect->incidents[slot];
	incident_deinit(incident);
	incident->ports = calloc(1, sizeof(*incident->ports));
	incident->answered = calloc(1, sizeof(*incident->answered));
	if (incident->ports == NULL || incident->answered == NULL) {
		incident_deinit(incident);
		return NULL;
	}
	incident->seen.id = ++detect->next_id;
	incident->seen.victim = note->destination;
	incident->seen.host_count = 1;
	incident->seen.through = detect->parameters.through;
	incident->seen.first = incident->seen.last = note->time;
	incident->begun = incident->last = detect->now;
	incident->quiet = detect->parameters.quiet;
	*ref = (struct incident_ref){ slot, incident->seen.id };
	return incident;
}

/* ---- its name ---- */

static unsigned largest(const uint32_t *counts, unsigned count)
{
	unsigned best = 0;
	for (unsigned i = 1; i < count; i++) {
		best = counts[i] > counts[best] ? i : best;
	}
	return best;
}

static enum detect_shape shape_of(const struct incident *incident)
{
	const struct detect_incident *seen = &incident->seen;
	if (incident->flood) {
		return DETECT_FLOOD;
	}
	if (incident->decoy) {
		return DETECT_DECOY;
	}
	if (seen->source_count > 1) {
		return DETECT_DISTRIBUTED;
	}
	if (seen->host_count >= 3 && seen->port_count * 2 <= seen->host_count) {
		return DETECT_SWEEP;
	}
	return incident->slow ? DETECT_SLOW : DETECT_SCAN;
}

static void name(struct incident *incident)
{
	struct detect_incident *seen = &incident->seen;
	seen->shape = shape_of(incident);
	seen->probe = largest(incident->by_probe, DETECT_PROBES);
	seen->tool = largest(incident->by_tool, DETECT_TOOLS);
	if (incident->flood && incident->sources != NULL) {
		/* Linear counting (Whang et al. 1990): hashes that fell together are made up for.
		 */
		const double free_share = (double)(HASHES - incident->source_bits) / HASHES;
		seen->source_count =
			free_share <= 0 ? HASHES : (uint32_t)lround(-HASHES * log(free_share));
	}
	if (seen->source.bits == 0 && seen->source_count == 1) {
		seen->source = (struct prefix){ seen->sources[0],
						seen->sources[0].family == ADDR_IPV4 ? 32 : 128 };
	} else if (seen->source_count > 1 &&
		   seen->source.bits == (seen->source.address.family == ADDR_IPV4 ? 32 : 128)) {
		seen->source = (struct prefix){ 0 };
	}
}

/* ---- changes ---- */

void incident_changed(struct detect *detect, struct incident *incident, enum detect_change change)
{
	if (incident->pending == 0) {
		incident->changed = ++detect->changes;
		detect->pending++;
	}
	incident->pending |= (uint8_t)change;
	name(incident);
}

/* Told each time that a number has doubled, so that the longest incident is few lines. */
static void grew(struct detect *detect, struct incident *incident, uint64_t count)
{
	if ((count & (count - 1)) == 0) {
		incident_changed(detect, incident, DETECT_GREW);
	}
}

void incident_end(struct detect *detect, struct incident *incident)
{
	incident->seen.ended = true;
	incident_changed(detect, incident, DETECT_ENDED);
}

/* ---- what it consists of ---- */

static void add_port(struct detect *detect, struct incident *incident, uint16_t port)
{
	struct detect_incident *seen = &incident->seen;
	if (portset_has(incident->ports, port)) {
		return;
	}
	portset_add(incident->ports, port);
	if (seen->port_count < DETECT_SHOWN) {
		seen->ports[seen->port_count] = port;
	}
	grew(detect, incident, ++seen->port_count);
}

/* @return whether its last 16 bits are new ones; without memory it is not counted. */
static bool add_hash(struct portset **set, uint32_t hash)
{
	if (*set == NULL) {
		*set = calloc(1, sizeof(**set));
	}
	if (*set == NULL || portset_has(*set, (uint16_t)hash)) {
		return false;
	}
	portset_add(*set, (uint16_t)hash);
	return true;
}

/* The set is made with the second host. */
static void add_host(struct detect *detect, struct incident *incident, uint32_t number)
{
	const uint32_t first = host_number(&incident->seen.victim);
	if (incident->hosts == NULL && number == first) {
		return;
	}
	if (incident->hosts == NULL) {
		(void)add_hash(&incident->hosts, first); /* counted already */
	}
	if (add_hash(&incident->hosts, number)) {
		grew(detect, incident, ++incident->seen.host_count);
	}
}

void incident_touch(struct detect *detect, struct incident *incident,
		    const struct packet_note *note)
{
	incident->seen.last = note->time;
	incident->last = detect->now;
	incident->seen.lasted = detect->now - incident->begun;
}

void incident_count(struct detect *detect, struct incident *incident,
		    const struct packet_note *note, enum detect_probe probe, enum detect_tool tool)
{
	incident->seen.packet_count++;
	incident_touch(detect, incident, note);
	incident->by_probe[probe]++;
	incident->by_tool[tool]++;
	incident->seen.probes |= (uint8_t)(1U << probe);
	add_port(detect, incident, note->destination_port);
	add_host(detect, incident, host_number(&note->destination));
}

void incident_add_source(struct detect *detect, struct incident *incident,
			 const struct addr *address)
{
	struct detect_incident *seen = &incident->seen;
	if (incident->flood) {
		if (!add_hash(&incident->sources, source_hash(detect, address))) {
			return;
		}
		incident->source_bits++;
		if (seen->source_count < DETECT_SHOWN) {
			seen->sources[seen->source_count] = *address;
		}
		seen->source_count++;
		return;
	}
	if (seen->source_count < DETECT_SHOWN) {
		seen->sources[seen->source_count] = *address;
	}
	grew(detect, incident, ++seen->source_count);
}

void incident_answered(struct detect *detect, struct incident *incident, uint16_t port,
		       uint8_t protocol)
{
	struct detect_incident *seen = &incident->seen;
	if (!portset_has(incident->ports, port) || portset_has(incident->answered, port)) {
		return;
	}
	portset_add(incident->answered, port);
	if (seen->answer_count < DETECT_ANSWERED) {
		seen->answered[seen->answer_count] = (struct detect_answer){ port, protocol };
	}
	grew(detect, incident, ++seen->answer_count);
}

static uint8_t protocol_of(const struct item *item)
{
	return item->probe == DETECT_UDP ? PROTOCOL_UDP : PROTOCOL_TCP;
}

void incident_take(struct detect *detect, struct incident *incident, const struct incident_ref *ref,
		   struct source *source)
{
	source->incident = *ref;
	source->head.rank = UINT8_MAX;
	incident_add_source(detect, incident, &source->head.key.address);
	for (unsigned i = 0; i < source->count; i++) {
		const struct item *item = &source->items[i];
		incident->seen.packet_count++;
		incident->by_probe[item->probe]++;
		incident->by_tool[item->tool]++;
		incident->seen.probes |= (uint8_t)(1U << item->probe);
		add_port(detect, incident, item->port);
		add_host(detect, incident, item->host);
		if (item->answered) {
			incident_answered(detect, incident, item->port, protocol_of(item));
		}
		if (item->time < incident->begun) {
			incident->begun = item->time;
			incident->seen.first = item->clock;
			incident->seen.lasted = incident->last - item->time;
		}
	}
}

static void remove_answer(struct detect_incident *seen, uint16_t port)
{
	const uint32_t named =
		seen->answer_count < DETECT_ANSWERED ? seen->answer_count : DETECT_ANSWERED;
	seen->answer_count--;
	for (uint32_t i = 0; i < named; i++) {
		if (seen->answered[i].port == port) {
			memmove(seen->answered + i, seen->answered + i + 1,
				sizeof(seen->answered[0]) * (DETECT_ANSWERED - 1 - i));
			return;
		}
	}
}

static void remove_port(struct incident *incident, uint16_t port)
{
	struct detect_incident *seen = &incident->seen;
	if (!portset_has(incident->ports, port)) {
		return;
	}
	const uint64_t others = ~((uint64_t)1 << port % 64);
	incident->ports->words[port / 64] &= others;
	seen->port_count--;
	if (portset_has(incident->answered, port)) {
		incident->answered->words[port / 64] &= others;
		remove_answer(seen, port);
	}
}

void incident_give_back(struct incident *incident, struct source *source)
{
	struct detect_incident *seen = &incident->seen;
	for (unsigned i = 0; i < source->count; i++) {
		remove_port(incident, source->items[i].port);
	}
	const uint64_t packets = source->count;
	seen->packet_count -= seen->packet_count < packets ? seen->packet_count : packets;
	for (unsigned i = 0; i < seen->source_count && i < DETECT_SHOWN; i++) {
		if (addr_compare(&seen->sources[i], &source->head.key.address) == 0) {
			memmove(seen->sources + i, seen->sources + i + 1,
				sizeof(seen->sources[0]) * (DETECT_SHOWN - 1 - i));
			break;
		}
	}
	seen->source_count--;
	source->incident = (struct incident_ref){ 0 };
}
