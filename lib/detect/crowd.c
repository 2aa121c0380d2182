/*
 * What many sources do together that are nothing by themselves: one scan from everywhere, or a
 * flood of forged addresses.
 */
#include <string.h>

#include "state.h"

enum { FORGED_SOURCES = 512 };

static const usec_t UNDECIDED = USEC_PER_SEC / 10;
static const usec_t FLOOD_OVER = 30 * USEC_PER_SEC;

struct incident *crowd_incident(const struct detect *detect, const struct addr *victim,
				struct incident_ref *ref)
{
	const struct cache_key key = key_of(victim);
	const struct crowd *crowd = cache_find(&detect->crowds, &key);
	*ref = crowd == NULL ? (struct incident_ref){ 0 } : crowd->incident;
	return incident_of(detect, ref);
}

bool crowd_is_forged(const struct detect *detect, const struct addr *victim)
{
	const struct cache_key key = key_of(victim);
	const struct crowd *crowd = cache_find(&detect->crowds, &key);
	const struct incident *incident =
		crowd == NULL ? NULL : incident_of(detect, &crowd->incident);
	return crowd != NULL && (crowd->waiting || (incident != NULL && incident->flood));
}

struct tally {
	uint32_t ports, sources, entries;
	usec_t oldest;
};

enum { HASHES = 1024 };

/* One more unless its hash was there: with 64 entries one or two too few at times. */
static uint32_t is_new(uint64_t *seen, unsigned hash)
{
	const uint64_t bit = (uint64_t)1 << hash % 64;
	const bool is = (seen[hash / 64] & bit) == 0;
	seen[hash / 64] |= bit;
	return is;
}

/* What of the last minute is in the ring; the sources of it are counted if there are ports enough.
 */
static struct tally count(const struct detect *detect, const struct crowd *crowd)
{
	uint64_t ports[HASHES / 64] = { 0 };
	uint64_t sources[HASHES / 64] = { 0 };
	struct tally tally = { .oldest = detect->now };
	const usec_t since = detect->now - USEC_PER_MIN;
	for (unsigned i = 0; i < crowd->filled; i++) {
		const usec_t time = crowd->ring[i].time;
		if (time >= since) {
			tally.oldest = time < tally.oldest ? time : tally.oldest;
			tally.entries++;
			tally.ports += is_new(ports, crowd->ring[i].port % HASHES);
		}
	}
	for (unsigned i = 0; tally.ports >= detect->parameters.crowd_ports && i < crowd->filled;
	     i++) {
		if (crowd->ring[i].time >= since) {
			const uint32_t hash = source_hash(detect, &crowd->ring[i].source);
			tally.sources += is_new(sources, hash % HASHES);
		}
	}
	return tally;
}

void crowd_take(struct detect *detect, const struct addr *victim, const struct prefix *network,
		struct incident *incident, const struct incident_ref *ref)
{
	const struct cache_key crowd_key = key_of(victim);
	const struct crowd *crowd = cache_find(&detect->crowds, &crowd_key);
	for (unsigned i = 0; crowd != NULL && i < crowd->filled; i++) {
		if (network != NULL ? !prefix_has(network, &crowd->ring[i].source)
				    : crowd->ring[i].time + USEC_PER_MIN < detect->now) {
			continue;
		}
		const struct cache_key key = key_of(&crowd->ring[i].source);
		struct source *source = cache_find(&detect->sources, &key);
		if (source != NULL && incident_of(detect, &source->incident) == NULL) {
			incident_take(detect, incident, ref, source);
		}
	}
}

void crowd_is(struct detect *detect, const struct addr *victim, const struct incident_ref *ref)
{
	const struct cache_key key = key_of(victim);
	struct crowd *crowd = cache_make(&detect->crowds, &key, detect->now);
	if (incident_of(detect, &crowd->incident) == NULL) {
		crowd->incident = *ref;
		crowd->waiting = false;
	}
}

static void begin(struct detect *detect, struct crowd *crowd, const struct packet_note *note,
		  enum detect_probe probe, bool flood)
{
	struct incident *incident = incident_new(detect, note, &crowd->incident);
	if (incident == NULL) {
		return;
	}
	const struct tally tally = count(detect, crowd);
	crowd->waiting = false;
	incident->flood = flood;
	incident->begun = tally.oldest;
	incident->seen.first = note->time - (detect->now - tally.oldest);
	incident_touch(detect, incident, note);
	if (flood) {
		crowd->filled = crowd->next = 0; /* told with it */
		incident->quiet = FLOOD_OVER; /* as long as it goes on, others are hard to tell */
		incident_count(detect, incident, note, probe, DETECT_TOOL_NONE);
		incident_add_source(detect, incident, &note->source);
	} else {
		crowd_take(detect, &note->destination, NULL, incident, &crowd->incident);
	}
	incident->seen.alarm_ports = tally.ports;
	incident->seen.alarm_usec = detect->now - tally.oldest;
	incident_changed(detect, incident, DETECT_STARTED);
}

static void remember(struct detect *detect, struct crowd *crowd, const struct packet_note *note)
{
	crowd->ring[crowd->next].time = detect->now;
	crowd->ring[crowd->next].source = note->source;
	crowd->ring[crowd->next].port = note->destination_port;
	crowd->next = (uint8_t)((crowd->next + 1) % CROWD_RING);
	crowd->filled = (uint8_t)(crowd->filled < CROWD_RING ? crowd->filled + 1 : CROWD_RING);
}

/* Nearly every packet from another address, faster than anybody scans by hand of many. */
static bool looks_forged(const struct detect *detect, const struct tally *tally)
{
	const double seconds = (double)(detect->now - tally->oldest) / (double)USEC_PER_SEC;
	return tally->sources * 10 >= tally->entries * 9 &&
	       tally->entries >= detect->parameters.flood_rate * seconds;
}

void crowd_asked(struct detect *detect, const struct packet_note *note, enum detect_probe probe)
{
	const struct cache_key key = key_of(&note->destination);
	struct crowd *crowd = cache_make(&detect->crowds, &key, detect->now);
	struct incident *incident = incident_of(detect, &crowd->incident);
	if (incident != NULL) { /* a flood; a scan has taken the source in */
		incident_count(detect, incident, note, probe, DETECT_TOOL_NONE);
		incident_add_source(detect, incident, &note->source);
		return;
	}
	remember(detect, crowd, note);
	if (crowd->waiting) {
		if (++crowd->singles >= FORGED_SOURCES) {
			begin(detect, crowd, note, probe, true);
		} else if (detect->now - crowd->since >= UNDECIDED) {
			begin(detect, crowd, note, probe, false);
		}
		return;
	}
	const struct tally tally = count(detect, crowd);
	if (tally.ports < detect->parameters.crowd_ports ||
	    tally.sources < detect->parameters.crowd_sources) {
		return;
	}
	if (looks_forged(detect, &tally)) {
		crowd->waiting = true;
		crowd->since = detect->now;
		crowd->singles = tally.sources;
		return;
	}
	begin(detect, crowd, note, probe, false);
}

/* ---- where nothing more came ---- */

void crowd_tick(struct detect *detect)
{
	const size_t all = cache_bytes(&detect->crowds) / detect->crowds.element_bytes;
	for (size_t i = 0; i < all; i++) {
		struct crowd *crowd =
			(struct crowd *)(detect->crowds.items + i * detect->crowds.element_bytes);
		if (crowd->head.taken == 0 || !crowd->waiting ||
		    detect->now - crowd->since < UNDECIDED) {
			continue;
		}
		const unsigned newest = (crowd->next + CROWD_RING - 1U) % CROWD_RING;
		const struct packet_note note = {
			.time = detect->clock - (detect->now - crowd->ring[newest].time),
			.source = crowd->ring[newest].source,
			.destination = crowd->head.key.address,
			.destination_port = crowd->ring[newest].port,
		};
		begin(detect, crowd, &note, DETECT_SYN, false);
	}
}
