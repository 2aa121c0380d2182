/* The engine's slices of open ports, handed to the detector as openings and closings. */
#include "sentry.h"

enum { BIT_OF_UDP = WIRE_SLICES };

bool ports_are_known(const struct sentry_ports *ports)
{
	return ports->slices == UINT32_MAX;
}

static void take_port(struct sentry *sentry, enum protocol protocol, uint16_t port, bool open)
{
	struct portset *set = &sentry->ports.open[protocol == PROTOCOL_UDP];
	if (portset_has(set, port) == open) {
		return;
	}
	if (open) {
		portset_add(set, port);
		detect_opened(sentry->detect, protocol, port);
	} else {
		set->words[port / 64] &= ~((uint64_t)1 << port % 64);
		detect_closed(sentry->detect, protocol, port); /* its grace is the detector's */
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
