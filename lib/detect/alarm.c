/* From what one source does to an incident of its own, or to the one that it is part of. */
#include <string.h>

#include "state.h"

enum {
	/* Of a /24 any address may be somebody else; a /64 is mostly one household (RFC 6177). */
	STRANGERS_IPV4 = 256,
	STRANGERS_IPV6 = 16,
};

static const usec_t TOGETHER = USEC_PER_MIN;    /* parts of one scan follow each other so closely */
static const usec_t AT_ONCE = 2 * USEC_PER_SEC; /* decoys begin so closely */

static unsigned closed_count(const struct source *source)
{
	unsigned count = 0;
	for (unsigned i = 0; i < source->count; i++) {
		count += !source->items[i].open;
	}
	return count;
}

/* ---- part of another one? ---- */

static unsigned shared_ports(const struct incident *incident, const struct source *source)
{
	unsigned count = 0;
	for (unsigned i = 0; i < source->count; i++) {
		count += !source->items[i].open &&
			 portset_has(incident->ports, source->items[i].port);
	}
	return count;
}

static bool is_decoy_of(const struct incident *incident, const struct source *source)
{
	const usec_t apart = source->items[0].time - incident->begun;
	return apart <= AT_ONCE && apart >= -AT_ONCE && !incident->slow &&
	       incident->seen.port_count <= 2U * closed_count(source) + 2 && /* neither is ahead */
	       shared_ports(incident, source) * 4 >= closed_count(source) * 3;
}

static bool is_part_of(const struct detect *detect, const struct incident *incident,
		       const struct source *source)
{
	const struct detect_incident *seen = &incident->seen;
	return !incident->decoy && detect->now - incident->last <= TOGETHER &&
	       seen->port_count <= (uint32_t)SMALL_SOURCE * seen->source_count &&
	       shared_ports(incident, source) * 4 <= closed_count(source);
}

/* The incident that the source belongs to, marked as what it thereby becomes; NULL for none. */
static struct incident *find_whole(struct detect *detect, const struct packet_note *note,
				   const struct source *source, struct incident_ref *ref)
{
	for (uint32_t i = 0; i < detect->parameters.incidents_max; i++) {
		struct incident *incident = &detect->incidents[i];
		const struct detect_incident *seen = &incident->seen;
		if (seen->id == 0 || seen->ended || incident->flood || seen->host_count > 1 ||
		    addr_compare(&seen->victim, &note->destination) != 0 ||
		    seen->probe != source->items[source->count - 1].probe) {
			continue;
		}
		*ref = (struct incident_ref){ i, seen->id };
		if (is_decoy_of(incident, source)) {
			incident->decoy = true;
			return incident;
		}
		if (is_part_of(detect, incident, source)) {
			return incident;
		}
	}
	return NULL;
}

/* ---- alarms ---- */

static void start(struct detect *detect, struct incident *incident, const struct source *by,
		  usec_t window)
{
	incident->slow = window > USEC_PER_MIN;
	if (incident->slow && incident->quiet < window) {
		incident->quiet = window; /* its packets come so rarely */
	}
	incident->seen.alarm_ports = closed_count(by);
	incident->seen.alarm_usec = detect->now - incident->begun;
	incident_changed(detect, incident, DETECT_STARTED);
}

static void forget_network(struct detect *detect, const struct addr *address)
{
	const struct cache_key key = key_of_network(address);
	struct source *network = cache_find(&detect->networks, &key);
	if (network != NULL) {
		network->count = 0; /* what it did is told with the address */
		network->many = false;
	}
}

static void alarm_source(struct detect *detect, const struct packet_note *note,
			 struct source *source, usec_t window)
{
	struct incident_ref ref;
	struct incident *incident = find_whole(detect, note, source, &ref);
	if (incident != NULL) {
		incident_take(detect, incident, &ref, source);
		incident_touch(detect, incident, note);
		incident_changed(detect, incident, DETECT_GREW);
		if (incident->seen.shape == DETECT_DISTRIBUTED &&
		    incident->seen.source_count >= 3) {
			crowd_is(detect, &note->destination, &ref);
		}
	} else {
		incident = incident_new(detect, note, &ref);
		if (incident == NULL) {
			return;
		}
		incident_take(detect, incident, &ref, source);
		start(detect, incident, source, window);
	}
	forget_network(detect, &note->source);
}

/* Its members are taken in one by one as they go on. */
static void alarm_network(struct detect *detect, const struct packet_note *note,
			  struct source *network, struct source *source, usec_t window)
{
	struct incident_ref ref;
	struct incident *incident = incident_new(detect, note, &ref);
	if (incident == NULL) {
		return;
	}
	const struct cache_key *key = &network->head.key;
	incident_take(detect, incident, &ref, network);
	incident->seen.source_count = 0; /* until here it was the network itself */
	incident->seen.packet_count = 0;
	incident->seen.source = (struct prefix){ key->address, key->extra };
	incident_take(detect, incident, &ref, source);
	crowd_take(detect, &note->destination, &incident->seen.source, incident, &ref);
	start(detect, incident, network, window);
}

/* ---- while everybody is forged ---- */

/*
 * In a flood of forged sources each address collects ports by chance. One that asks for far more
 * than its share is somebody.
 */
static bool stands_out(const struct detect *detect, const struct addr *victim,
		       const struct source *source)
{
	struct incident_ref ref;
	const struct incident *flood = crowd_incident(detect, victim, &ref);
	if (flood == NULL || !flood->flood) {
		return true;
	}
	const double lasted = (double)(detect->now - flood->begun) + 1;
	const double span = (double)(detect->now - source->items[0].time) + 1;
	const double share = (double)flood->seen.packet_count / (flood->seen.source_count + 1.0);
	return source->count == ITEMS && share * span / lasted < ITEMS / 4.0;
}

/* ---- one packet ---- */

/* Whether somebody may have sent it who still knows a connection that the host has forgotten. */
static bool is_stray(const struct detect *detect, const struct packet_note *note,
		     enum detect_probe probe)
{
	return (probe == DETECT_ACK || probe == DETECT_MAIMON) &&
	       note->destination_port >= detect->parameters.ephemeral_first &&
	       detect->now < detect->parameters.settling;
}

static struct item item_of(const struct detect *detect, const struct packet_note *note,
			   enum detect_probe probe, bool live)
{
	return (struct item){ .time = detect->now,
			      .clock = note->time,
			      .host = host_number(&note->destination),
			      .port = note->destination_port,
			      .probe = (uint8_t)probe,
			      .tool = (uint8_t)judge_tool(note, probe),
			      .open = live,
			      .stray = !live && is_stray(detect, note, probe) };
}

/* Two who seemed to be parts of one scan, until one of them went on by itself. */
static bool leaves(struct detect *detect, struct incident *incident, struct source *source,
		   const struct item *item)
{
	const struct detect_incident *seen = &incident->seen;
	if (seen->source_count != 2 || incident->decoy || seen->source.bits != 0 ||
	    source->count < ITEMS || portset_has(incident->ports, item->port)) {
		return false;
	}
	incident_give_back(incident, source);
	incident_changed(detect, incident, DETECT_GREW);
	return true;
}

/* @return whether the packet is accounted for. */
static bool goes_on(struct detect *detect, const struct packet_note *note, struct source *source,
		    const struct item *item)
{
	struct incident *incident = incident_of(detect, &source->incident);
	if (incident == NULL && source->incident.id != 0) {
		source->incident = (struct incident_ref){ 0 };
		source->count = 0; /* told with the incident that has ended */
	}
	if (incident == NULL) {
		return false;
	}
	if (leaves(detect, incident, source, item)) {
		struct incident_ref ref;
		struct incident *own = incident_new(detect, note, &ref);
		if (own == NULL) {
			return true;
		}
		incident_take(detect, own, &ref, source);
		start(detect, own, source, 0);
		incident = own;
	}
	if (source->count < ITEMS) {
		(void)evidence_add(source, item); /* in case it leaves */
	}
	incident_count(detect, incident, note, item->probe, item->tool);
	return true;
}

/* Becomes part of what the crowd or the network does. @return whether it did. */
static bool joins(struct detect *detect, const struct packet_note *note, struct source *source,
		  const struct source *network)
{
	struct incident_ref ref;
	struct incident *incident = crowd_incident(detect, &note->destination, &ref);
	if (incident == NULL || incident->flood) {
		ref = network->incident;
		incident = incident_of(detect, &ref);
	}
	if (incident == NULL) {
		return false;
	}
	incident_take(detect, incident, &ref, source);
	incident_touch(detect, incident, note);
	return true;
}

static struct source *network_of(struct detect *detect, const struct packet_note *note)
{
	const struct cache_key key = key_of_network(&note->source);
	struct source *network = cache_make(&detect->networks, &key, detect->now);
	if (network->incident.id != 0 && incident_of(detect, &network->incident) == NULL) {
		network->incident = (struct incident_ref){ 0 };
		network->count = 0; /* told with the incident that has ended */
	}
	if (network->count == 0) {
		network->many = false;
		network->member = note->source;
	}
	network->many = network->many || addr_compare(&network->member, &note->source) != 0;
	return network;
}

/* What came in a flood may have been forged: it is not held against the address afterwards. */
static void forget_flood(struct source *source, bool forged)
{
	if (source->flooded && !forged) {
		source->items[0] = source->items[source->count - 1];
		source->count = 1;
	}
	source->flooded = forged;
}

/* @return whether it is an alarm about the network. */
static bool network_asked(struct detect *detect, const struct packet_note *note,
			  struct source *source, struct source *network, const struct item *item)
{
	if (detect->parameters.through && evidence_forgive(network, item)) {
		return false;
	}
	const double strangers = note->source.family == ADDR_IPV4 ? STRANGERS_IPV4 : STRANGERS_IPV6;
	if (!evidence_add(network, item)) {
		return false;
	}
	network->head.rank = network->count;
	const usec_t window = evidence_window(&detect->parameters, network, strangers, detect->now);
	if (!network->many || window == 0) {
		return false;
	}
	alarm_network(detect, note, network, source, window);
	return true;
}

/* A closed port that the source had not asked for before. */
static void closed_port(struct detect *detect, const struct packet_note *note,
			struct source *source, const struct item *item)
{
	struct source *network = network_of(detect, note);
	const bool forged = crowd_is_forged(detect, &note->destination);
	forget_flood(source, forged);
	source->head.rank = source->count;
	if (!item->stray && joins(detect, note, source, network)) {
		return;
	}
	const usec_t window = evidence_window(&detect->parameters, source, 1, detect->now);
	if (window > 0 && stands_out(detect, &note->destination, source)) {
		alarm_source(detect, note, source, window);
	} else if (item->stray) {
		return; /* many servers may do so at once */
	} else if (forged || !network_asked(detect, note, source, network, item)) {
		crowd_asked(detect, note, item->probe);
	}
}

/* Behind a router the source's open ports and those of its network are weighed against the closed.
 */
static bool is_spoken_for(struct detect *detect, const struct packet_note *note,
			  struct source *source, const struct item *item)
{
	struct source *network = network_of(detect, note);
	if (item->open) {
		evidence_speak_for(source);
		evidence_speak_for(network);
		return false;
	}
	if (evidence_forgive(source, item)) {
		(void)evidence_forgive(network, item);
		return true;
	}
	return false;
}

void alarm_asked(struct detect *detect, const struct packet_note *note, enum detect_probe probe,
		 bool live)
{
	const struct cache_key key = key_of(&note->source);
	const struct item item = item_of(detect, note, probe, live);
	const bool contact = probe == DETECT_SYN || probe == DETECT_CONNECT || probe == DETECT_UDP;
	struct source *source = cache_find(&detect->sources, &key);
	if (live && (source == NULL ? !contact : !contact && source->incident.id == 0)) {
		return; /* a stray packet to an open port says nothing */
	}
	source = cache_make(&detect->sources, &key, detect->now);
	if (goes_on(detect, note, source, &item) ||
	    (detect->parameters.through && is_spoken_for(detect, note, source, &item))) {
		return;
	}
	if (evidence_add(source, &item) && !live) {
		closed_port(detect, note, source, &item);
	}
}

void alarm_answered(struct detect *detect, const struct packet_note *note)
{
	const uint8_t flags = note->flags & (TCP_FLAG_SYN | TCP_FLAG_ACK);
	if (note->protocol == PROTOCOL_TCP && flags != (TCP_FLAG_SYN | TCP_FLAG_ACK)) {
		return;
	}
	const struct cache_key key = key_of(&note->destination);
	struct source *source = cache_find(&detect->sources, &key);
	if (source == NULL) {
		return;
	}
	struct incident *incident = incident_of(detect, &source->incident);
	if (incident != NULL) {
		incident_answered(detect, incident, note->source_port, note->protocol);
	}
	for (unsigned i = 0; i < source->count; i++) {
		struct item *item = &source->items[i];
		item->answered = item->answered || (item->open && item->port == note->source_port);
	}
}
