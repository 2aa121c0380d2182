/* Scans, as the sentry tells of them: joined to the policy, into the record, and for whoever asks.
 */
#include "incidents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/io/clock.h"
#include "engine.h"
#include "policy/policy.h"

enum { AHEAD_MAX = 1 << 20 };

static const uint64_t kinds = EVENT_BIT(EVENT_SCAN_STARTED) | EVENT_BIT(EVENT_SCAN_ENDED);

/* ---- those that go on ---- */

static struct engine_incident *find(struct engine_incidents *incidents, uint64_t id)
{
	for (size_t i = 0; i < incidents->going_on.count; i++) {
		if (incidents->going_on.items[i].item.id == id) {
			return &incidents->going_on.items[i];
		}
	}
	return NULL;
}

static void forget(struct engine_incidents *incidents, uint64_t id)
{
	struct engine_incident *entry = find(incidents, id);
	if (entry != NULL) {
		*entry = incidents->going_on.items[--incidents->going_on.count];
	}
}

static struct engine_incident *keep(struct engine_incidents *incidents,
				    const struct incident *incident)
{
	struct engine_incident *entry = find(incidents, incident->id);
	if (entry == NULL && incidents->going_on.count < ENGINE_INCIDENTS_MAX) {
		entry = vec_push(&incidents->going_on);
	}
	if (entry != NULL) {
		*entry = (struct engine_incident){ .item = *incident };
	}
	return entry;
}

/* ---- telling ---- */

/* What answered, against the policy that is declared now; it says nothing of other machines. */
static void join_policy(struct incident *incident, const struct policy *policy)
{
	policy = incident->through ? NULL : policy;
	incident->policy = policy != NULL;
	incident->undeclared_count = 0;
	for (uint32_t n = 0; n < incident->answered_count; n++) {
		struct incident_port *port = &incident->answered[n];
		port->declared = policy != NULL &&
				 policy_declaration_for(policy, (enum protocol)port->protocol,
							port->port, NULL, NULL) != NULL;
		incident->undeclared_count += policy != NULL && !port->declared;
	}
}

static void record(struct engine *engine, const struct incident *incident, enum event_kind kind)
{
	struct event event;
	incident_write(&event, incident, kind, clock_now());
	record_event(engine, &event);
}

static void end(struct engine *engine, const struct incident *incident)
{
	struct incident ended = *incident;
	ended.ended = true;
	record(engine, &ended, EVENT_SCAN_ENDED);
	forget(&engine->incidents, ended.id);
}

void incidents_take(struct engine *engine, const struct wire_incident *told)
{
	struct engine_incidents *incidents = &engine->incidents;
	struct incident incident = told->item;
	/* Its numbers follow on ours. One far beyond would use them up for ever, in the store. */
	if (incident.id > incidents->next + AHEAD_MAX) {
		return;
	}
	join_policy(&incident, policy_now(engine));
	if (incident.id >= incidents->next) {
		incidents->next = incident.id + 1;
	}
	/* Growth of one that nobody here knows: it began while there was no engine. */
	const bool known = find(incidents, incident.id) != NULL;
	if (keep(incidents, &incident) == NULL) {
		return; /* there are too many: it is told when there is room */
	}
	if (!known && ((told->changes & WIRE_INCIDENT_STARTED) != 0 || !incident.ended)) {
		record(engine, &incident, EVENT_SCAN_STARTED);
	}
	if ((told->changes & WIRE_INCIDENT_ENDED) != 0) {
		end(engine, &incident);
	}
}

/* ---- the sentry itself ---- */

/* Those that only the store knows of: nobody will say that they have ended. */
static void end_recalled(struct engine *engine)
{
	struct engine_incidents *incidents = &engine->incidents;
	for (size_t i = incidents->going_on.count; i > 0; i--) {
		if (incidents->going_on.items[i - 1].recalled) {
			const struct incident item = incidents->going_on.items[i - 1].item;
			end(engine, &item);
		}
	}
}

void incidents_watched(struct engine *engine, const struct wire_watched *watched)
{
	engine->incidents.watched = *watched;
	engine->incidents.heard = true;
	end_recalled(engine); /* before this the sentry told of all that go on */
}

void incidents_tapped(struct engine *engine, const struct wire_tapped *tapped)
{
	engine->incidents.tapped = *tapped;
}

void incidents_of_new_sentry(struct engine *engine, bool news)
{
	struct engine_incidents *incidents = &engine->incidents;
	for (size_t i = 0; news && i < incidents->going_on.count; i++) {
		incidents->going_on.items[i].recalled = true; /* another one saw them */
	}
	if (news) {
		end_recalled(engine);
	}
	open_ports_tell_all(engine);
}

/* ---- the store ---- */

struct gathering {
	VEC(struct incident) list;
	uint64_t id; /* 0 = any */
};

static int gather(const struct event *event, void *data)
{
	struct gathering *gathering = data;
	struct incident incident;
	if (incident_read(&incident, event) < 0 ||
	    (gathering->id != 0 && gathering->id != incident.id)) {
		return 0;
	}
	struct incident *place = vec_push(&gathering->list);
	if (place == NULL) {
		return -ENOMEM;
	}
	*place = incident;
	return 0;
}

static void take_recalled(struct engine_incidents *incidents, const struct gathering *gathering)
{
	for (size_t i = 0; i < gathering->list.count; i++) {
		const struct incident *incident = &gathering->list.items[i];
		struct engine_incident *entry = incident->ended ? NULL : keep(incidents, incident);
		if (entry != NULL) {
			entry->recalled = true;
		}
		if (incident->id >= incidents->next) {
			incidents->next = incident->id + 1;
		}
	}
}

void incidents_recall(struct engine *engine)
{
	const struct store_filter filter = { .kinds = kinds,
					     .limit = 2ULL * ENGINE_INCIDENTS_MAX,
					     .newest_first = true };
	struct gathering gathering = { 0 };
	engine->incidents.next = 1;
	/* What cannot be recalled is told again, under another number. */
	(void)store_query(engine->state, &filter, gather, &gathering, NULL);
	gathering.list.count = incidents_fold(gathering.list.items, gathering.list.count);
	take_recalled(&engine->incidents, &gathering);
	vec_free(&gathering.list);
	if (engine->setup.restarts == 0) {
		end_recalled(engine); /* they were cut off with the daemon that saw them */
	}
}

static bool is_asked_for(const struct incident *incident, const struct wire_query *query)
{
	return (query->incident == 0 || query->incident == incident->id) &&
	       (query->until == 0 || incident->first < query->until) &&
	       (query->since == 0 || incident->last >= query->since) &&
	       (query->address.address.family == ADDR_NONE ||
		prefix_has(&query->address, &incident->source.address));
}

static int add_going_on(struct gathering *gathering, struct engine_incidents *incidents,
			const struct wire_query *query)
{
	for (size_t i = 0; i < incidents->going_on.count; i++) {
		const struct incident *item = &incidents->going_on.items[i].item;
		struct incident *place =
			is_asked_for(item, query) ? vec_push(&gathering->list) : NULL;
		if (place != NULL) {
			*place = *item;
		} else if (is_asked_for(item, query)) {
			return -ENOMEM;
		}
	}
	return 0;
}

int incidents_list(json_t *out, struct engine *engine, const struct wire_query *query,
		   uint32_t limit, struct err *e)
{
	const struct store_filter filter = { .kinds = kinds,
					     .from = query->since,
					     .to = query->until,
					     .address = query->address,
					     .limit = query->incident != 0 ? 0 : 2ULL * limit,
					     .newest_first = true };
	struct gathering gathering = { .id = query->incident };
	int stored = store_query(engine->state, &filter, gather, &gathering, e);
	int r = stored < 0 && stored != -EBADMSG
			? stored
			: add_going_on(&gathering, &engine->incidents, query);
	gathering.list.count = incidents_fold(gathering.list.items, gathering.list.count);
	for (size_t i = 0; r == 0 && i < gathering.list.count && i < limit; i++) {
		const struct incident *incident = &gathering.list.items[i];
		const bool goes_on = find(&engine->incidents, incident->id) != NULL;
		r = json_array_append_new(out, view_incident(incident, goes_on)) == 0 ? 0 : -ENOMEM;
	}
	vec_free(&gathering.list);
	return r < 0 ? r : stored;
}

/* ---- status ---- */

static const char *const ways[] = {
	[WIRE_TAP_NONE] = "off",
	[WIRE_TAP_BPF] = "tap",
	[WIRE_TAP_PACKETS] = "packets",
};

json_t *incidents_status(struct engine *engine, usec_t now)
{
	const struct engine_incidents *incidents = &engine->incidents;
	const struct wire_watched *watched = &incidents->watched;
	const struct wire_tapped *tapped = &incidents->tapped;
	const struct store_filter filter = { .kinds = EVENT_BIT(EVENT_SCAN_STARTED),
					     .from = now - USEC_PER_DAY };
	uint64_t day = 0;
	(void)store_count(&day, engine->state, &filter, NULL); /* 0 where it cannot be read */
	return json_pack(
		"{s:b, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:I}", "on",
		incidents->heard && watched->way != WIRE_TAP_NONE, "way", ways[watched->way],
		"reason",
		view_string(incidents->heard ? watched->reason : "no sentry has been heard of"),
		"going_on", (json_int_t)incidents->going_on.count, "last_24_hours", (json_int_t)day,
		"addresses", (json_int_t)watched->addresses, "packets", (json_int_t)watched->notes,
		"lost", (json_int_t)watched->lost, "limited", (json_int_t)watched->limited,
		"memory_bytes", (json_int_t)watched->bytes, "interfaces",
		(json_int_t)tapped->attached, "interfaces_failed", (json_int_t)tapped->failed,
		"interface_fault", view_string(tapped->reason), "neighbour",
		view_string(tapped->neighbour), "kept_out", (json_int_t)tapped->kept_out);
}

void incidents_end(struct engine *engine)
{
	vec_free(&engine->incidents.going_on);
}
