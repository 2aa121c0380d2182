/* The engine's slices of open ports, handed to the detector as openings and closings. */
#include "sentry.h"

#include <string.h>

#include "base/parse.h"

enum { BIT_OF_UDP = WIRE_SLICES };

bool ports_are_known(const struct sentry_ports *ports)
{
	return ports->slices == UINT32_MAX;
}

static void take_port(struct sentry *sentry, enum protocol protocol, uint16_t port, bool open)
{
	struct portset *set = &sentry->ports.open[protocol == PROTOCOL_UDP];
	const bool decoy = protocol == PROTOCOL_TCP && portset_has(&sentry->ports.decoys, port);
	if (portset_has(set, port) == open) {
		return;
	}
	if (open) {
		portset_add(set, port);
		if (!decoy) {
			detect_opened(sentry->detect, protocol, port);
		}
	} else {
		set->words[port / 64] &= ~((uint64_t)1 << port % 64);
		detect_closed(sentry->detect, protocol, port); /* its grace is the detector's */
	}
}

/* One that is open by now and becomes a decoy has its grace. */
static void become_decoy(struct sentry *sentry, uint16_t port, bool decoy)
{
	if (portset_has(&sentry->ports.open[0], port) && decoy) {
		detect_closed(sentry->detect, PROTOCOL_TCP, port);
	} else if (portset_has(&sentry->ports.open[0], port)) {
		detect_opened(sentry->detect, PROTOCOL_TCP, port);
	}
}

void ports_take_decoys(struct sentry *sentry, const char *list)
{
	const struct portset before = sentry->ports.decoys;
	struct portset now = { 0 };
	while (*list != '\0') {
		const size_t length = strcspn(list, ",");
		uint64_t port = 0;
		if (parse_u64_bytes(&port, list, length, 1, UINT16_MAX) == 0) {
			portset_add(&now, (uint16_t)port);
		}
		list += length + (list[length] == ',' ? 1 : 0);
	}
	sentry->ports.decoys = now;
	for (uint32_t port = 1; port <= UINT16_MAX; port++) {
		const bool decoy = portset_has(&now, (uint16_t)port);
		if (decoy != portset_has(&before, (uint16_t)port)) {
			become_decoy(sentry, (uint16_t)port, decoy);
		}
	}
}

void ports_take(struct sentry *sentry, const struct wire_open_ports *slice)
{
	struct sentry_ports *ports = &sentry->ports;
	const enum protocol protocol = (enum protocol)slice->protocol;
	const uint32_t first = (uint32_t)slice->slice * WIRE_SLICE_PORTS;
	for (uint32_t n = 0; n < WIRE_SLICE_PORTS; n++) {
		take_port(sentry, protocol, (uint16_t)(first + n),
			  (slice->bits[n / 8] >> n % 8 & 1) != 0);
	}
	ports->slices |= 1U << (slice->slice + (protocol == PROTOCOL_UDP ? BIT_OF_UDP : 0));
	if (ports->base == 0) {
		ports->base = slice->next_incident; /* the detector begins with 1 */
	}
}
