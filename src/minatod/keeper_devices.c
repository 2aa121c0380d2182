/* Which other machines are declared, as the engine tells: their answers are told apart by the tap.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "common/say.h"
#include "keeper.h"

_Static_assert((int)WIRE_DEVICES_MAX == (int)TAP_DEVICE_ADDRESSES_MAX, "as many as the tap holds");

static struct prefix prefix_of(const uint8_t bytes[WIRE_DEVICE_BYTES])
{
	const struct addr six = addr_from_ipv6(bytes);
	const struct addr address = addr_unmap(&six);
	return (struct prefix){ address, address.family == ADDR_IPV4 ? 32 : 128 };
}

static void set(struct keeper *keeper, const struct keeper_devices *devices)
{
	struct err e = ERR_INIT;
	_cleanup_(freep) struct prefix *list = calloc(devices->count + 1U, sizeof(*list));
	if (list == NULL) {
		return; /* the next list comes with the next policy */
	}
	for (unsigned i = 0; i < devices->count; i++) {
		list[i] = prefix_of(devices->addresses[i]);
	}
	if (tap_devices_set(keeper->taps.tap, list, devices->count, &e) < 0) {
		say(SAY_WARNING, "what devices answer is not heard: %s", err_text(&e));
	}
}

void keeper_devices_take(struct keeper *keeper, const struct wire_devices *part)
{
	struct keeper_devices *devices = &keeper->devices;
	if (part->first == 0) {
		devices->count = 0;
	}
	if (keeper->taps.tap == NULL || part->first != devices->count) {
		return; /* nobody hears them; or a part was lost, and the list comes again */
	}
	memcpy(devices->addresses[part->first], part->addresses,
	       (size_t)part->count * WIRE_DEVICE_BYTES);
	devices->count = (uint16_t)(devices->count + part->count);
	if (part->last) {
		set(keeper, devices);
	}
}
