/* Floods: to one port, more questions than are ever followed up. */
#include "state.h"

enum { BURST_SECONDS = 2 };

/* What of the packet weighs: +1 a question, -1 a question that is followed up, 0 neither. */
static int weigh(const struct packet_note *note, bool live)
{
	if ((note->marks & PACKET_OPEN) != 0) {
		return 0; /* what follows belongs to a socket, and makes no note */
	}
	if (note->protocol == PROTOCOL_UDP) {
		return live ? 0 : 1; /* a stream to an open port may well be one-sided */
	}
	const uint8_t flags = note->flags & (TCP_FLAG_SYN | TCP_FLAG_ACK | TCP_FLAG_RST);
	if (flags == TCP_FLAG_SYN) {
		return 1;
	}
	if (flags == TCP_FLAG_ACK) {
		return -1;
	}
	return live ? 0 : 1; /* SYN-ACK and RST that nobody asked for: reflected */
}

static void add_askers(struct detect *detect, const struct flood *flood, struct incident *incident)
{
	for (unsigned i = 0; i < DETECT_SHOWN; i++) {
		if (flood->askers[i].source.family != ADDR_NONE &&
		    detect->now - flood->askers[i].time <= BURST_SECONDS * USEC_PER_SEC) {
			incident_add_source(detect, incident, &flood->askers[i].source);
		}
	}
}

static void begin(struct detect *detect, struct flood *flood, const struct packet_note *note)
{
	struct incident *incident = incident_new(detect, note, &flood->incident);
	if (incident == NULL) {
		return;
	}
	incident->flood = true;
	incident->seen.first = flood->first_clock;
	incident->begun = flood->begun;
	incident->seen.packet_count = (uint64_t)flood->balance;
	incident_count(detect, incident, note,
		       note->protocol == PROTOCOL_UDP ? DETECT_UDP : DETECT_SYN, DETECT_TOOL_NONE);
	incident_add_source(detect, incident, &note->source);
	add_askers(detect, flood, incident);
	incident->seen.alarm_ports = 1;
	incident->seen.alarm_usec = detect->now - flood->begun;
	incident_changed(detect, incident, DETECT_STARTED);
}

static void rises(struct detect *detect, struct flood *flood, const struct packet_note *note,
		  uint64_t count)
{
	const double rate = detect->parameters.flood_rate;
	const double elapsed = (double)(detect->now - flood->at) / (double)USEC_PER_SEC;
	flood->balance -= flood->balance < rate * elapsed ? flood->balance : rate * elapsed;
	flood->at = detect->now;
	if (flood->balance < 1) {
		flood->first_clock = note->time;
		flood->begun = detect->now;
	}
	flood->balance += (double)count;
	struct incident *incident = incident_of(detect, &flood->incident);
	if (incident != NULL && flood->balance >= rate) {
		incident_count(detect, incident, note, incident->seen.probe, DETECT_TOOL_NONE);
		incident_add_source(detect, incident, &note->source);
		incident->seen.packet_count += count - 1;
		flood->balance = flood->balance < rate * BURST_SECONDS ? flood->balance
								       : rate * BURST_SECONDS;
	} else if (incident == NULL && flood->balance >= rate * BURST_SECONDS) {
		begin(detect, flood, note);
	}
}

static struct cache_key flooded(const struct packet_note *note)
{
	return (struct cache_key){ .address = note->destination,
				   .extra = note->protocol,
				   .port = note->destination_port };
}

static void add(struct detect *detect, const struct packet_note *note, uint64_t count)
{
	const struct cache_key key = flooded(note);
	struct flood *flood = cache_make(&detect->floods, &key, detect->now);
	flood->head.rank = (uint8_t)(flood->balance < 255 ? flood->balance : 255);
	rises(detect, flood, note, count);
}

void flood_add(struct detect *detect, const struct packet_note *note, uint64_t count)
{
	if (count > 0) {
		add(detect, note, count);
	}
}

/* One who asks for an open port: if it is flooded, that is counted elsewhere. */
static void add_asker(struct detect *detect, const struct packet_note *note)
{
	const struct cache_key key = flooded(note);
	struct flood *flood = cache_make(&detect->floods, &key, detect->now);
	struct incident *incident = incident_of(detect, &flood->incident);
	flood->askers[flood->next].source = note->source;
	flood->askers[flood->next].time = detect->now;
	flood->next = (uint8_t)((flood->next + 1) % DETECT_SHOWN);
	if (incident != NULL) {
		incident_add_source(detect, incident, &note->source);
	}
}

void flood_count(struct detect *detect, const struct packet_note *note, bool live)
{
	const int weight = weigh(note, live);
	if (weight > 0) {
		add(detect, note, 1);
	} else if (weight < 0) {
		const struct cache_key key = flooded(note);
		struct flood *flood = cache_find(&detect->floods, &key);
		if (flood != NULL && flood->balance >= 1) {
			flood->balance -= 1;
		}
	} else if ((note->marks & PACKET_OPEN) != 0 && note->protocol == PROTOCOL_TCP) {
		add_asker(detect, note);
	}
}
