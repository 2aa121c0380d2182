/* Other machines of the policy: whose answers are to be heard, and what they offer that nobody
 * declared. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/io/clock.h"
#include "devices/devices.h"
#include "engine.h"

/* ---- which machines ---- */

static void send_part(struct engine *engine, struct wire_message *message, bool last)
{
	message->devices.last = last;
	(void)wire_send(engine->parent.socket, message, NULL, 0,
			NULL); /* the list comes again with the next policy or keeper */
	message->devices.first = (uint16_t)(message->devices.first + message->devices.count);
	message->devices.count = 0;
}

/* As the wire has them: IPv4 inside ::ffff:0:0/96. */
static void put_address(uint8_t to[WIRE_DEVICE_BYTES], const struct addr *address)
{
	memset(to, 0, WIRE_DEVICE_BYTES);
	if (address->family == ADDR_IPV4) {
		to[10] = to[11] = 0xff;
		memcpy(to + 12, address->bytes, 4);
	} else {
		memcpy(to, address->bytes, WIRE_DEVICE_BYTES);
	}
}

static void add(struct engine *engine, struct wire_message *message, const struct addr *address)
{
	struct wire_devices *part = &message->devices;
	if (part->first + part->count == WIRE_DEVICES_MAX) {
		return; /* those beyond are heard of by audits alone */
	}
	if (part->count == WIRE_DEVICES_PART) {
		send_part(engine, message, false);
	}
	put_address(part->addresses + (size_t)part->count * WIRE_DEVICE_BYTES, address);
	part->count++;
}

void devices_tell(struct engine *engine)
{
	const struct policy *policy = policy_now(engine);
	struct wire_message message = { .type = WIRE_DEVICES };
	for (size_t i = 0; policy != NULL && i < policy->hosts.count; i++) {
		const struct policy_host *host = &policy->hosts.items[i];
		for (size_t k = 0; k < host->addresses.count; k++) {
			add(engine, &message, &host->addresses.items[k].address);
		}
	}
	send_part(engine, &message, true);
}

/* ---- what they offer ---- */

static int recall(const struct event *event, void *data)
{
	struct event *place = vec_push(&((struct engine_devices *)data)->recalled);
	if (place == NULL) {
		return -ENOMEM;
	}
	*place = *event;
	return 0;
}

void devices_recall(struct engine *engine)
{
	struct engine_devices *devices = &engine->devices;
	const struct store_filter filter = { .kinds = EVENT_BIT(EVENT_PORT_OPENED) |
						      EVENT_BIT(EVENT_PORT_CLOSED),
					     .from = clock_now() - DEVICES_SEEN_USEC,
					     .limit = DEVICES_SEEN_MAX,
					     .newest_first = true };
	/* What cannot be recalled is told again. */
	(void)store_query(engine->state, &filter, recall, devices, NULL);
	for (size_t i = devices->recalled.count; i > 0; i--) {
		devices_see_event(&devices->seen, &devices->recalled.items[i - 1]);
	}
	vec_free(&devices->recalled);
}

void devices_event(struct engine *engine, const struct event *event)
{
	devices_see_event(&engine->devices.seen, event);
}

void devices_answered(struct engine *engine, const struct wire_answered *answered)
{
	const usec_t now = clock_now();
	const struct policy_host *host = devices_host_with(policy_now(engine), &answered->address);
	if (host == NULL ||
	    devices_declaration(host, PROTOCOL_TCP, answered->port, clock_local_day(now)) != NULL) {
		return;
	}
	const enum devices_news news = devices_see(&engine->devices.seen, &answered->address,
						   PROTOCOL_TCP, answered->port, now);
	if (news == DEVICES_KNOWN) {
		return;
	}
	struct devices_opening opening = { .time = now,
					   .address = answered->address,
					   .port = news == DEVICES_MANY ? 0 : answered->port,
					   .protocol = PROTOCOL_TCP,
					   .asked_by = answered->asked_by,
					   .through = answered->through };
	struct event event;
	(void)str_copy(opening.host, sizeof(opening.host), host->entry.name);
	devices_write_event(&event, &opening);
	record_event(engine, &event);
}

json_t *devices_status(const struct engine *engine, usec_t now)
{
	const struct policy *policy = policy_now(engine);
	const struct store_filter filter = { .kinds = EVENT_BIT(EVENT_PORT_OPENED),
					     .from = now - USEC_PER_DAY };
	uint64_t opened = 0;
	(void)store_count(&opened, engine->state, &filter, NULL); /* 0 where it cannot be read */
	return json_pack("{s:I, s:I}", "declared",
			 policy == NULL ? (json_int_t)0 : (json_int_t)policy->hosts.count,
			 "opened_last_24_hours", (json_int_t)opened);
}

void devices_end(struct engine *engine)
{
	devices_seen_deinit(&engine->devices.seen);
	vec_free(&engine->devices.recalled);
}
