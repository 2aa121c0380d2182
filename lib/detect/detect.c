/* The detector: notes in, time, which ports are in use, changes out. */
#include "detect/detect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/be.h"
#include "state.h"

static const usec_t REORDERED = USEC_PER_SEC;
static const usec_t MONTH = 30 * USEC_PER_DAY;
static const usec_t SWEEP_EVERY = USEC_PER_SEC / 10;

/* ---- making ---- */

struct detect_parameters detect_defaults(void)
{
	return (struct detect_parameters){
		.false_alarm = 0.01, /* these four are those of the paper, section 5.2 */
		.miss = 0.01,
		.honest_success = 0.8,
		.scan_success = 0.2,
		.grace = 10 * USEC_PER_MIN,
		.quiet = 5 * USEC_PER_MIN,
		.settling = 10 * USEC_PER_MIN, /* ours: pools and servers ask within minutes */
		.ephemeral_first = 32768,      /* Linux's ip_local_port_range */
		.crowd_ports = 32,
		.crowd_sources = 8,
		.flood_rate = 1000,
		.sources_max = 32768,
		.incidents_max = 256,
	};
}

struct detect_parameters detect_defaults_through(void)
{
	struct detect_parameters p = detect_defaults();
	p.through = true;
	p.false_alarm = 0.0001;          /* one machine that is off is asked for all that it had */
	p.look_ahead = 3 * USEC_PER_SEC; /* the answer to a SYN that is repeated once, RFC 6298 2 */
	p.sources_max /= 2;
	p.incidents_max = 64;
	return p;
}

static bool is_share(double value)
{
	return value > 0 && value < 1;
}

static bool are_valid(const struct detect_parameters *p)
{
	return is_share(p->false_alarm) && is_share(p->miss) && is_share(p->honest_success) &&
	       is_share(p->scan_success) && p->scan_success < p->honest_success && p->grace >= 0 &&
	       p->quiet > 0 && p->look_ahead >= 0 && p->settling >= 0 && p->crowd_ports > 0 &&
	       p->crowd_ports < CROWD_RING && p->crowd_sources > 1 && p->flood_rate > 0 &&
	       p->sources_max >= 8 && p->sources_max <= 1U << 24 && p->incidents_max > 0 &&
	       p->incidents_max <= 1U << 16 && p->host_count <= DETECT_HOSTS_MAX;
}

static int take_memory(struct detect *d)
{
	const struct detect_parameters *p = &d->parameters;
	int r = cache_init(&d->sources, p->sources_max, sizeof(struct source), p->secret);
	r = r < 0 ? r
		  : cache_init(&d->networks, p->sources_max / 4, sizeof(struct source), p->secret);
	r = r < 0 ? r : cache_init(&d->crowds, CROWDS, sizeof(struct crowd), p->secret);
	r = r < 0 ? r : cache_init(&d->floods, FLOOD_PORTS, sizeof(struct flood), p->secret);
	r = r < 0 ? r : cache_init(&d->live, LIVE_PORTS, sizeof(struct live), p->secret);
	d->incidents = calloc(p->incidents_max, sizeof(*d->incidents));
	if (p->look_ahead > 0) {
		d->queue = calloc(DETECT_LOOK_AHEAD_NOTES, sizeof(*d->queue));
	}
	return r < 0 || d->incidents == NULL || (p->look_ahead > 0 && d->queue == NULL) ? -ENOMEM
											: 0;
}

int detect_new(struct detect **out, const struct detect_parameters *parameters, struct err *e)
{
	if (!are_valid(parameters)) {
		return err_set(e, EINVAL, "a parameter of the detector is out of its range");
	}
	struct detect *d = calloc(1, sizeof(*d));
	if (d != NULL) {
		d->parameters = *parameters;
	}
	if (d == NULL || take_memory(d) < 0) {
		detect_free(d);
		return err_set(e, ENOMEM, "no memory for the detector");
	}
	*out = d;
	return 0;
}

void detect_free(struct detect *d)
{
	if (d == NULL) {
		return;
	}
	for (uint32_t i = 0; d->incidents != NULL && i < d->parameters.incidents_max; i++) {
		incident_deinit(&d->incidents[i]);
	}
	cache_deinit(&d->sources);
	cache_deinit(&d->networks);
	cache_deinit(&d->crowds);
	cache_deinit(&d->floods);
	cache_deinit(&d->live);
	free(d->incidents);
	free(d->queue);
	free(d);
}

/* ---- keys ---- */

struct cache_key key_of(const struct addr *address)
{
	return (struct cache_key){ .address = *address,
				   .extra = address->family == ADDR_IPV4 ? 32 : 128 };
}

struct cache_key key_of_network(const struct addr *address)
{
	struct cache_key key = { .address = *address };
	key.extra = address->family == ADDR_IPV4 ? 24 : 64;
	memset(key.address.bytes + key.extra / 8, 0, sizeof(key.address.bytes) - key.extra / 8);
	return key;
}

uint32_t host_number(const struct addr *address)
{
	return be32_at(address->bytes + (address->family == ADDR_IPV4 ? 0 : 12));
}

uint32_t source_hash(const struct detect *d, const struct addr *address)
{
	const struct cache_key key = key_of(address);
	return (uint32_t)cache_hash(d->parameters.secret, &key);
}

/* ---- which ports are in use ---- */

static unsigned set_of(enum protocol protocol)
{
	return protocol == PROTOCOL_UDP ? 1 : 0;
}

static struct cache_key live_key(const struct addr *host, uint8_t protocol, uint16_t port)
{
	return (struct cache_key){ .address = *host, .extra = protocol, .port = port };
}

/* Until its grace is over. */
static void in_use(struct detect *d, const struct addr *host, uint8_t protocol, uint16_t port)
{
	const struct cache_key key = live_key(host, protocol, port);
	(void)cache_make(&d->live, &key, d->now);
}

static bool is_in_use(const struct detect *d, const struct addr *host, uint8_t protocol,
		      uint16_t port)
{
	const struct addr any = { 0 };
	if (portset_has(&d->open[set_of(protocol)], port)) {
		return true;
	}
	const struct cache_key keys[] = { live_key(host, protocol, port),
					  live_key(&any, protocol, port) };
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct live *live = cache_find(&d->live, &keys[i]);
		if (live != NULL && d->now - live->head.used <= d->parameters.grace) {
			return true;
		}
	}
	return false;
}

void detect_opened(struct detect *d, enum protocol protocol, uint16_t port)
{
	portset_add(&d->open[set_of(protocol)], port);
}

void detect_closed(struct detect *d, enum protocol protocol, uint16_t port)
{
	const struct addr any = { 0 };
	d->open[set_of(protocol)].words[port / 64] &= ~((uint64_t)1 << port % 64);
	in_use(d, &any, (uint8_t)protocol, port);
}

/* Port 0 of a network stands for anything in it that was heard. */
static struct cache_key heard_key(const struct addr *host)
{
	struct cache_key key = key_of_network(host);
	return live_key(&key.address, 0, 0);
}

static bool is_heard(const struct detect *d, const struct addr *host)
{
	const struct cache_key key = heard_key(host);
	const struct live *live = cache_find(&d->live, &key);
	return live != NULL && d->now - live->head.used <= USEC_PER_DAY;
}

/* A closed port says nothing but RST: whatever else comes from a port, something has it open. */
static void learn(struct detect *d, const struct packet_note *note)
{
	if (note->protocol == PROTOCOL_UDP ||
	    (note->protocol == PROTOCOL_TCP && (note->flags & TCP_FLAG_RST) == 0)) {
		in_use(d, &note->source, note->protocol, note->source_port);
	}
	if (d->parameters.through) {
		const struct cache_key key = heard_key(&note->source);
		(void)cache_make(&d->live, &key, d->now);
	}
}

/* ---- time ---- */

/* Nobody's clock; so that differences of two cannot overflow. */
static usec_t possible(usec_t clock)
{
	const usec_t most = (usec_t)1 << 60;
	return clock > most ? most : clock < -most ? -most : clock;
}

static void advance(struct detect *d, usec_t clock)
{
	if (!d->begun) {
		d->begun = true;
		d->clock = clock;
	}
	if (clock > d->clock) {
		/* After a month nothing is remembered anyway; so a jump cannot use time up. */
		const usec_t step = clock - d->clock;
		d->now = possible(d->now + (step < MONTH ? step : MONTH));
		d->clock = clock;
	} else if (d->clock - REORDERED > clock) {
		d->clock = clock; /* it was set back: time goes on from there */
	}
}

static void sweep(struct detect *d)
{
	d->swept = d->now;
	crowd_tick(d);
	for (uint32_t i = 0; i < d->parameters.incidents_max; i++) {
		struct incident *incident = &d->incidents[i];
		if (incident->seen.id != 0 && !incident->seen.ended &&
		    d->now - incident->last > incident->quiet) {
			incident_end(d, incident);
		}
	}
}

/* ---- notes ---- */

static bool is_watched(const struct detect *d, const struct addr *address)
{
	for (size_t i = 0; i < d->parameters.host_count; i++) {
		if (prefix_has(&d->parameters.hosts[i], address)) {
			return true;
		}
	}
	return false;
}

static bool is_from_host(const struct detect *d, const struct packet_note *note)
{
	return d->parameters.host_count == 0 ? (note->marks & PACKET_SENT) != 0
					     : is_watched(d, &note->source);
}

static bool is_to_host(const struct detect *d, const struct packet_note *note)
{
	return d->parameters.host_count == 0 ? (note->marks & PACKET_SENT) == 0
					     : is_watched(d, &note->destination);
}

static void judge(struct detect *d, const struct packet_note *note)
{
	if (d->now - d->swept >= SWEEP_EVERY) {
		sweep(d);
	}
	if (is_from_host(d, note)) {
		alarm_answered(d, note);
	}
	if (!is_to_host(d, note) || addr_compare(&note->source, &note->destination) == 0 ||
	    (d->parameters.through && !is_heard(d, &note->destination))) {
		return;
	}
	const bool live = (note->marks & PACKET_OPEN) != 0 ||
			  is_in_use(d, &note->destination, note->protocol, note->destination_port);
	flood_count(d, note, live);
	const int probe = judge_probe(&d->parameters, note);
	if (probe >= 0) {
		alarm_asked(d, note, (enum detect_probe)probe, live);
	}
}

/* The oldest that waits. */
static void judge_waiting(struct detect *d)
{
	const struct waiting waiting = d->queue[d->queue_at];
	d->queue_at = (d->queue_at + 1) % DETECT_LOOK_AHEAD_NOTES;
	d->queue_count--;
	const usec_t now = d->now;
	d->now = waiting.at;
	judge(d, &waiting.note);
	d->now = now;
}

static void judge_due(struct detect *d)
{
	while (d->queue_count > 0 &&
	       (d->queue_count == DETECT_LOOK_AHEAD_NOTES ||
		d->now - d->queue[d->queue_at].at >= d->parameters.look_ahead)) {
		judge_waiting(d);
	}
}

void detect_note(struct detect *d, const struct packet_note *note)
{
	struct packet_note copy = *note;
	copy.time = possible(note->time);
	note = &copy;
	advance(d, copy.time);
	/* An error tells of a packet that somebody may have invented; nobody scans with them. */
	if ((note->marks & PACKET_ERROR) != 0 ||
	    (note->protocol != PROTOCOL_TCP && note->protocol != PROTOCOL_UDP)) {
		return;
	}
	if (is_from_host(d, note)) {
		learn(d, note);
	}
	if (d->queue == NULL) {
		judge(d, note);
		return;
	}
	judge_due(d);
	const size_t at = (d->queue_at + d->queue_count++) % DETECT_LOOK_AHEAD_NOTES;
	d->queue[at] = (struct waiting){ *note, d->now };
}

void detect_unanswered(struct detect *d, const struct packet_note *like, uint64_t count)
{
	struct packet_note copy = *like;
	copy.time = possible(like->time);
	advance(d, copy.time);
	flood_add(d, &copy, count);
}

void detect_tick(struct detect *d, usec_t now)
{
	advance(d, possible(now));
	if (d->queue != NULL) {
		judge_due(d);
	}
	sweep(d);
}

void detect_finish(struct detect *d)
{
	while (d->queue_count > 0) {
		judge_waiting(d);
	}
	d->now += USEC_PER_SEC; /* what is undecided is decided */
	crowd_tick(d);
	for (uint32_t i = 0; i < d->parameters.incidents_max; i++) {
		if (d->incidents[i].seen.id != 0 && !d->incidents[i].seen.ended) {
			incident_end(d, &d->incidents[i]);
		}
	}
}

/* ---- changes ---- */

int detect_next(struct detect *d, struct detect_incident *out)
{
	struct incident *oldest = NULL;
	for (uint32_t i = 0; d->pending > 0 && i < d->parameters.incidents_max; i++) {
		struct incident *incident = &d->incidents[i];
		if (incident->pending != 0 &&
		    (oldest == NULL || incident->changed < oldest->changed)) {
			oldest = incident;
		}
	}
	if (oldest == NULL) {
		return 0;
	}
	const int changes = oldest->pending;
	*out = oldest->seen;
	oldest->pending = 0;
	d->pending--;
	return changes;
}

bool detect_at(const struct detect *d, uint32_t place, struct detect_incident *out)
{
	const struct incident *incident =
		place < d->parameters.incidents_max ? &d->incidents[place] : NULL;
	if (incident == NULL || incident->seen.id == 0 || incident->seen.ended) {
		return false;
	}
	*out = incident->seen;
	return true;
}

size_t detect_memory(const struct detect *d)
{
	size_t bytes = sizeof(*d) + cache_bytes(&d->sources) + cache_bytes(&d->networks) +
		       cache_bytes(&d->crowds) + cache_bytes(&d->floods) + cache_bytes(&d->live) +
		       d->parameters.incidents_max * sizeof(*d->incidents) +
		       (d->queue == NULL ? 0 : DETECT_LOOK_AHEAD_NOTES * sizeof(*d->queue));
	for (uint32_t i = 0; i < d->parameters.incidents_max; i++) {
		const struct incident *incident = &d->incidents[i];
		const void *const sets[] = { incident->ports, incident->answered, incident->sources,
					     incident->hosts };
		for (size_t n = 0; n < sizeof(sets) / sizeof(sets[0]); n++) {
			bytes += sets[n] == NULL ? 0 : sizeof(struct portset);
		}
	}
	return bytes;
}
