/* Declared machines that answer somebody: told to the engine, each port now and then. */
#include <string.h>

#include "base/fnv.h"
#include "sentry.h"

/* What was told is not told again for so long: the engine knows. */
static const usec_t AGAIN_USEC = 60 * USEC_PER_SEC;

/* One machine may answer anywhere: it has so many at once, and one more each so often. */
enum { BURST = 64 };
static const usec_t INTERVAL_USEC = USEC_PER_SEC / 10;

/* Who could choose collisions is declared, and asked; a collision only tells it again. */
static uint32_t hash_of(const struct addr *address, uint16_t port)
{
	uint32_t hash = fnv32_add(FNV32_BEGIN, &port, sizeof(port));
	hash = fnv32_add(hash, address->bytes, sizeof(address->bytes));
	return hash ^ hash >> 15;
}

static bool may_tell(struct sentry_devices *devices, const struct addr *address, usec_t now)
{
	struct sentry_share *share = &devices->shares[hash_of(address, 0) % SENTRY_DEVICE_SHARES];
	const usec_t most = BURST * INTERVAL_USEC;
	usec_t saved = share->saved + (now > share->at ? now - share->at : 0);
	saved = share->at == 0 || saved > most ? most : saved;
	share->at = now;
	share->saved = saved >= INTERVAL_USEC ? saved - INTERVAL_USEC : saved;
	return saved >= INTERVAL_USEC;
}

void devices_note(struct sentry *sentry, const struct packet_note *note)
{
	struct sentry_devices *devices = &sentry->devices;
	const uint32_t at = hash_of(&note->source, note->source_port) % SENTRY_DEVICE_PORTS;
	struct sentry_device_port *told = &devices->told[at];
	if (note->source_port == 0 ||
	    (told->port == note->source_port && addr_compare(&told->address, &note->source) == 0 &&
	     note->time >= told->time && note->time - told->time < AGAIN_USEC) ||
	    !may_tell(devices, &note->source, note->time)) {
		return;
	}
	const struct wire_message message = {
		.type = WIRE_ANSWERED,
		.answered = { .address = note->source,
			      .asked_by = note->destination,
			      .port = note->source_port,
			      .through = (note->marks & PACKET_SENT) != 0 },
	};
	if (wire_send(sentry->parent.socket, &message, NULL, 0, NULL) == 0) {
		*told = (struct sentry_device_port){ note->source, note->source_port, note->time };
	}
}
