/* Which rows of the inventory a person asked for. */
#include "ports_filter.h"

#include <string.h>

const char *const filter_classes[] = { "any", "system", "user", "dynamic", NULL };
const char *const filter_protocols[] = { "any",  "tcp",  "udp",     "mptcp",
					 "sctp", "dccp", "udplite", NULL };
const char *const filter_exposures[] = { "all", "loopback", "private", "public", "any", NULL };

static bool number_fits(const struct ports_filter *filter, enum protocol protocol, uint16_t first,
			uint16_t last)
{
	if (filter->ports.given && (last < filter->ports.first || first > filter->ports.last)) {
		return false;
	}
	if (filter->class != 0 && (int)port_class(first) + 1 != filter->class) {
		return false;
	}
	return filter->protocol == 0 ||
	       strcmp(filter_protocols[filter->protocol], protocol_name(protocol)) == 0;
}

static bool exposure_fits(const struct ports_filter *filter, const struct addr *address)
{
	return filter->exposure == 0 || strcmp(filter_exposures[filter->exposure],
					       exposure_name(addr_exposure(address))) == 0;
}

static bool netns_fits(const struct ports_filter *filter, const struct inventory *inventory,
		       uint32_t index)
{
	if (filter->netns == NULL) {
		return true;
	}
	const struct netns *netns = &inventory->netns.items[index];
	if (netns->kind == NETNS_HOST && strcmp(filter->netns, "host") == 0) {
		return true;
	}
	return netns->name != NULL && strcmp(netns->name, filter->netns) == 0;
}

static bool equal(const char *wanted, const char *have)
{
	return wanted == NULL || (have != NULL && strcmp(wanted, have) == 0);
}

static bool unit_fits(const char *wanted, const char *have)
{
	if (wanted == NULL) {
		return true;
	}
	size_t length = strlen(wanted);
	return have != NULL && strncmp(have, wanted, length) == 0 &&
	       (have[length] == '\0' || strcmp(have + length, ".service") == 0);
}

static bool container_fits(const char *wanted, const struct process *process)
{
	if (wanted == NULL || equal(wanted, process->container_name)) {
		return true;
	}
	return process->container_id != NULL && strlen(wanted) >= 4 &&
	       str_starts(process->container_id, wanted);
}

static bool contains(const char *text, const char *part)
{
	return text != NULL && strstr(text, part) != NULL;
}

static bool process_fits(const struct ports_filter *filter, const struct process *process)
{
	if (filter->process != NULL && !contains(process->name, filter->process) &&
	    !contains(process->executable, filter->process)) {
		return false;
	}
	return (filter->pid == 0 || (uint64_t)process->pid == filter->pid) &&
	       equal(filter->user, process->user) && unit_fits(filter->unit, process->unit) &&
	       container_fits(filter->container, process);
}

bool filter_needs_details(const struct ports_filter *filter)
{
	return filter->process != NULL || filter->user != NULL || filter->unit != NULL ||
	       filter->container != NULL;
}

static bool asks_for_process(const struct ports_filter *filter)
{
	return filter_needs_details(filter) || filter->pid != 0;
}

bool filter_listener(const struct ports_filter *filter, const struct inventory *inventory,
		     const struct listener *listener)
{
	if (!number_fits(filter, listener->protocol, listener->port, listener->port) ||
	    !exposure_fits(filter, &listener->address) ||
	    !netns_fits(filter, inventory, listener->netns)) {
		return false;
	}
	if (!asks_for_process(filter)) {
		return true;
	}
	for (uint32_t i = 0; i < listener->owner_count; i++) {
		const struct owner *owner = &inventory->owners.items[listener->first_owner + i];
		if (process_fits(filter, &inventory->processes.items[owner->process])) {
			return true;
		}
	}
	return false;
}

bool filter_published(const struct ports_filter *filter, const struct inventory *inventory,
		      const struct published *published)
{
	struct addr any = { .family = ADDR_IPV4 };
	const struct addr *address =
		published->address.family == ADDR_NONE ? &any : &published->address;
	if (asks_for_process(filter) &&
	    (filter->container == NULL || !equal(filter->container, published->container_name))) {
		return false;
	}
	return number_fits(filter, published->protocol, published->first_port,
			   published->last_port) &&
	       exposure_fits(filter, address) && netns_fits(filter, inventory, published->netns);
}

bool filter_connection(const struct ports_filter *filter, const struct inventory *inventory,
		       const struct connection *connection)
{
	bool local = number_fits(filter, connection->protocol, connection->local_port,
				 connection->local_port);
	bool remote = number_fits(filter, connection->protocol, connection->remote_port,
				  connection->remote_port);
	if ((!local && !remote) || !netns_fits(filter, inventory, connection->netns)) {
		return false;
	}
	if (!asks_for_process(filter)) {
		return true;
	}
	return connection->process != UINT32_MAX &&
	       process_fits(filter, &inventory->processes.items[connection->process]);
}
