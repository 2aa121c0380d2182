/* Which ports others can find open, for the sentry: as slices of bits, those that changed. */
#include <string.h>
#include <sys/stat.h>

#include "engine.h"

enum { TCP, UDP };

static const enum protocol protocols[] = { [TCP] = PROTOCOL_TCP, [UDP] = PROTOCOL_UDP };

/* The namespace that packets are heard in is the daemon's own. */
static uint32_t own_netns(void)
{
	struct stat status;
	return stat("/proc/self/ns/net", &status) == 0 ? (uint32_t)status.st_ino : 0;
}

static int set_of(enum protocol protocol)
{
	return protocol == PROTOCOL_TCP || protocol == PROTOCOL_MPTCP ? TCP
	       : protocol == PROTOCOL_UDP                             ? UDP
								      : -1;
}

static bool is_for_others(const struct addr *address)
{
	return addr_exposure(address) != EXPOSURE_LOOPBACK;
}

static void gather(struct portset open[2], const struct engine *engine)
{
	const struct inventory *inventory = &engine->inventory;
	const uint32_t own = own_netns();
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		const struct listener *listener = &inventory->listeners.items[i];
		const int set = set_of(listener->protocol);
		if (set >= 0 && is_for_others(&listener->address) &&
		    inventory->netns.items[listener->netns].inode == own) {
			portset_add(&open[set], listener->port);
		}
	}
}

/* @return whether it went out. */
static bool send_slice(struct engine *engine, int set, unsigned slice, const uint8_t *bits)
{
	struct wire_message message = { .type = WIRE_OPEN_PORTS };
	message.open_ports.next_incident = engine->incidents.next;
	message.open_ports.protocol = (uint16_t)protocols[set];
	message.open_ports.slice = (uint16_t)slice;
	memcpy(message.open_ports.bits, bits, sizeof(message.open_ports.bits));
	return wire_send(engine->parent.socket, &message, NULL, 0, NULL) == 0;
}

static void slice_of(uint8_t bits[WIRE_SLICE_PORTS / 8], const struct portset *open, unsigned slice)
{
	memset(bits, 0, WIRE_SLICE_PORTS / 8);
	for (unsigned n = 0; n < WIRE_SLICE_PORTS; n++) {
		if (portset_has(open, (uint16_t)(slice * WIRE_SLICE_PORTS + n))) {
			bits[n / 8] |= (uint8_t)(1U << n % 8);
		}
	}
}

static void tell(struct engine *engine, const struct portset open[2])
{
	struct engine_open_ports *told = &engine->open_ports;
	for (int set = TCP; set <= UDP; set++) {
		for (unsigned slice = 0; slice < WIRE_SLICES; slice++) {
			uint8_t bits[WIRE_SLICE_PORTS / 8];
			uint8_t *before = told->bits[set][slice];
			slice_of(bits, &open[set], slice);
			if (!told->sent[set][slice] || memcmp(before, bits, sizeof(bits)) != 0) {
				memcpy(before, bits, sizeof(bits));
				told->sent[set][slice] = send_slice(engine, set, slice, bits);
			}
		}
	}
}

void open_ports_tell(struct engine *engine)
{
	struct portset open[2] = { 0 };
	if (engine->known) {
		gather(open, engine);
		tell(engine, open);
	}
}

void open_ports_tell_all(struct engine *engine)
{
	memset(engine->open_ports.sent, 0, sizeof(engine->open_ports.sent));
	open_ports_tell(engine);
}

/* What closes is told with the next sweep: another socket may hold the port, and there is a grace
 * anyway. */
void open_ports_opened(struct engine *engine, const struct event *event)
{
	const int set = set_of(event->protocol);
	const unsigned slice = event->port / WIRE_SLICE_PORTS;
	const unsigned n = event->port % WIRE_SLICE_PORTS;
	if (set < 0 || !engine->known || !is_for_others(&event->address) ||
	    event->netns != own_netns()) {
		return;
	}
	uint8_t *bits = engine->open_ports.bits[set][slice];
	if ((bits[n / 8] >> n % 8 & 1) == 0) {
		bits[n / 8] |= (uint8_t)(1U << n % 8);
		engine->open_ports.sent[set][slice] = send_slice(engine, set, slice, bits);
	}
}
