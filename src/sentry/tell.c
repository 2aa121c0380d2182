/* What the sentry tells: incidents when they begin, grow and end, and how it is itself. */
#include <string.h>

#include "base/str.h"
#include "sentry.h"

/* ---- one incident ---- */

static void set_probes(struct incident *out, uint8_t bits)
{
	struct str text = STR_INIT(sizeof(out->probes));
	for (unsigned i = 0; i < DETECT_PROBES; i++) {
		if ((bits >> i & 1) != 0) {
			str_printf(&text, "%s%s", text.length > 0 ? "," : "",
				   detect_probe_name((enum detect_probe)i));
		}
	}
	(void)str_copy(out->probes, sizeof(out->probes), str_text(&text));
	str_deinit(&text);
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Notes may carry any time; what is told is between the beginning of the count and its end. */
static usec_t wall(usec_t time)
{
	return time < 0 ? 0 : time;
}

static void convert(struct incident *out, const struct detect_incident *i, uint64_t number)
{
	*out = (struct incident){ .id = number,
				  .ended = i->ended,
				  .through = i->through,
				  .source = i->source,
				  .victim = i->victim,
				  .source_count = i->source_count,
				  .host_count = i->host_count,
				  .port_count = i->port_count,
				  .answer_count = i->answer_count,
				  .alarm_ports = i->alarm_ports,
				  .alarm_usec = wall(i->alarm_usec),
				  .packet_count = i->packet_count,
				  .first = wall(i->first),
				  .last = wall(i->last),
				  .lasted = wall(i->lasted) };
	(void)str_copy(out->kind, sizeof(out->kind), detect_shape_name(i->shape));
	(void)str_copy(out->probe, sizeof(out->probe), detect_probe_name(i->probe));
	(void)str_copy(out->tool, sizeof(out->tool), detect_tool_name(i->tool));
	set_probes(out, i->probes);
	memcpy(out->sources, i->sources, sizeof(out->sources));
	memcpy(out->ports, i->ports, sizeof(out->ports));
	out->answered_count = least(i->answer_count, INCIDENT_ANSWERED);
	for (uint32_t n = 0; n < out->answered_count; n++) {
		out->answered[n].port = i->answered[n].port;
		out->answered[n].protocol = i->answered[n].protocol;
	}
}

_Static_assert(INCIDENT_SHOWN == (int)DETECT_SHOWN && INCIDENT_ANSWERED == (int)DETECT_ANSWERED,
	       "the same lists");

/* What was said last, or a place for it with a number of its own. NULL: all are taken, which cannot
 * be, as the detectors have no more than so many. */
static struct sentry_told *told_of(struct sentry *sentry, const struct detect *by, uint64_t id)
{
	struct sentry_told *free_one = NULL;
	for (unsigned i = 0; i < SENTRY_TOLD_MAX; i++) {
		struct sentry_told *told = &sentry->told[i];
		if (told->by == by && told->id == id) {
			return told;
		}
		free_one = told->by == NULL && free_one == NULL ? told : free_one;
	}
	if (free_one != NULL) {
		const uint64_t base = sentry->ports.base == 0 ? 1 : sentry->ports.base;
		*free_one = (struct sentry_told){ by, id, base + sentry->numbered++, 0 };
	}
	return free_one;
}

static void tell(struct sentry *sentry, struct sentry_told *told,
		 const struct detect_incident *incident, uint8_t changes)
{
	struct wire_message message = { .type = WIRE_INCIDENT };
	if (told == NULL) {
		return;
	}
	message.incident.changes = changes;
	convert(&message.incident.item, incident, told->number);
	(void)wire_send(sentry->parent.socket, &message, NULL, 0,
			NULL); /* the next growth says the same and more */
	told->packets = incident->packet_count;
	if (incident->ended) {
		*told = (struct sentry_told){ 0 };
	}
}

static void tell_changes_of(struct sentry *sentry, struct detect *by)
{
	struct detect_incident incident;
	for (int changes; by != NULL && (changes = detect_next(by, &incident)) != 0;) {
		tell(sentry, told_of(sentry, by, incident.id), &incident, (uint8_t)changes);
	}
}

void tell_changes(struct sentry *sentry)
{
	tell_changes_of(sentry, sentry->detect);
	tell_changes_of(sentry, sentry->through);
}

static uint32_t tell_those_of(struct sentry *sentry, const struct detect *by, bool all)
{
	struct detect_incident incident;
	uint32_t count = 0;
	for (uint32_t place = 0; by != NULL && place < SENTRY_INCIDENTS_MAX; place++) {
		if (!detect_at(by, place, &incident)) {
			continue;
		}
		struct sentry_told *told = told_of(sentry, by, incident.id);
		count++;
		if (all || told == NULL || told->packets != incident.packet_count) {
			tell(sentry, told, &incident, WIRE_INCIDENT_GREW);
		}
	}
	return count;
}

static uint32_t tell_those(struct sentry *sentry, bool all)
{
	return tell_those_of(sentry, sentry->detect, all) +
	       tell_those_of(sentry, sentry->through, all);
}

/* ---- the sentry itself ---- */

static bool is_same(const struct wire_watched *a, const struct wire_watched *b)
{
	return a->way == b->way && a->going_on == b->going_on && a->addresses == b->addresses &&
	       a->notes == b->notes && a->lost == b->lost && a->limited == b->limited &&
	       a->bytes == b->bytes && strcmp(a->reason, b->reason) == 0;
}

static void tell_watched(struct sentry *sentry, uint32_t going_on, bool always)
{
	struct wire_message message = { .type = WIRE_WATCHED };
	struct wire_watched *now = &message.watched;
	struct tap_counters counters = { 0 };
	/* With a socket what it calls suppressed was asked before: nothing is missed. */
	const bool bpf = sentry->tap.way == WIRE_TAP_BPF;
	if (sentry->reader != NULL) {
		tap_reader_counters(sentry->reader, &counters);
	}
	*now = (struct wire_watched){
		.way = sentry->reader != NULL ? sentry->tap.way : (uint8_t)WIRE_TAP_NONE,
		.going_on = going_on,
		.addresses = sentry->addresses.now,
		.notes = sentry->judged,
		.lost = counters.lost,
		.limited = bpf ? counters.suppressed : 0,
		.bytes = detect_memory(sentry->detect) +
			 (sentry->through == NULL ? 0 : detect_memory(sentry->through))
	};
	(void)str_copy(now->reason, sizeof(now->reason), sentry->tap.reason);
	if (!always && is_same(now, &sentry->watched)) {
		return;
	}
	if (wire_send(sentry->parent.socket, &message, NULL, 0, NULL) == 0) {
		sentry->watched = *now;
	}
}

void tell_growth(struct sentry *sentry)
{
	tell_watched(sentry, tell_those(sentry, false), false);
}

void tell_again(struct sentry *sentry)
{
	tell_watched(sentry, tell_those(sentry, true), true);
}
