/* Open ports of other machines, each told once; bounded, whatever a machine answers. */
#include <stdlib.h>

#include "devices/devices.h"

static bool is_at(const struct devices_seen_port *item, const struct addr *address,
		  enum protocol protocol, uint16_t port)
{
	return item->port == port && item->protocol == protocol &&
	       addr_compare(&item->address, address) == 0;
}

static struct devices_seen_port *find(const struct devices_seen *seen, const struct addr *address,
				      enum protocol protocol, uint16_t port)
{
	for (size_t i = 0; i < seen->list.count; i++) {
		if (is_at(&seen->list.items[i], address, protocol, port)) {
			return &seen->list.items[i];
		}
	}
	return NULL;
}

static void drop(struct devices_seen *seen, struct devices_seen_port *item)
{
	*item = seen->list.items[--seen->list.count];
}

static void forget_old(struct devices_seen *seen, usec_t now)
{
	for (size_t i = seen->list.count; i > 0; i--) {
		if (now - seen->list.items[i - 1].last > DEVICES_SEEN_USEC) {
			drop(seen, &seen->list.items[i - 1]);
		}
	}
}

static unsigned count_of(const struct devices_seen *seen, const struct addr *address)
{
	unsigned count = 0;
	for (size_t i = 0; i < seen->list.count; i++) {
		count += addr_compare(&seen->list.items[i].address, address) == 0;
	}
	return count;
}

static bool keep(struct devices_seen *seen, const struct addr *address, enum protocol protocol,
		 uint16_t port, usec_t now)
{
	struct devices_seen_port *item =
		seen->list.count < DEVICES_SEEN_MAX ? vec_push(&seen->list) : NULL;
	if (item == NULL) {
		return false;
	}
	*item = (struct devices_seen_port){ *address, protocol, port, now };
	return true;
}

enum devices_news devices_see(struct devices_seen *seen, const struct addr *address,
			      enum protocol protocol, uint16_t port, usec_t now)
{
	forget_old(seen, now);
	struct devices_seen_port *item = find(seen, address, protocol, port);
	item = item != NULL ? item : find(seen, address, protocol, 0);
	if (item != NULL) {
		item->last = now > item->last ? now : item->last;
		return DEVICES_KNOWN;
	}
	const bool many = count_of(seen, address) >= DEVICES_SEEN_PER_MACHINE;
	if (!keep(seen, address, protocol, many ? 0 : port, now)) {
		return DEVICES_KNOWN;
	}
	return many ? DEVICES_MANY : DEVICES_NEW;
}

void devices_see_closed(struct devices_seen *seen, const struct addr *address,
			enum protocol protocol, uint16_t port)
{
	struct devices_seen_port *item = find(seen, address, protocol, port);
	if (item != NULL) {
		drop(seen, item);
	}
}

void devices_see_event(struct devices_seen *seen, const struct event *event)
{
	if (event->kind == EVENT_PORT_CLOSED) {
		devices_see_closed(seen, &event->address, event->protocol, event->port);
	} else if (event->kind == EVENT_PORT_OPENED &&
		   find(seen, &event->address, event->protocol, event->port) == NULL) {
		(void)keep(seen, &event->address, event->protocol, event->port,
			   event->time); /* without room it is told again */
	}
}

void devices_seen_deinit(struct devices_seen *seen)
{
	vec_free(&seen->list);
}
