/* Which listeners and connections a question is about. */
#include <string.h>

#include "catalog/catalog.h"
#include "engine.h"

static bool number_fits(const struct wire_query *query, enum protocol protocol, uint16_t port)
{
	if (query->port_given && (port < query->first_port || port > query->last_port)) {
		return false;
	}
	if (query->class != 0 && (unsigned)port_class(port) + 1 != query->class) {
		return false;
	}
	return query->protocol == PROTOCOL_NONE || query->protocol == protocol;
}

static bool equals(const char *wanted, const char *have)
{
	return wanted[0] == '\0' || (have != NULL && strcmp(wanted, have) == 0);
}

static bool contains(const char *have, const char *part)
{
	return have != NULL && strstr(have, part) != NULL;
}

/* With or without ".service". */
static bool unit_fits(const char *wanted, const char *have)
{
	const size_t length = strlen(wanted);
	return length == 0 || (have != NULL && strncmp(have, wanted, length) == 0 &&
			       (have[length] == '\0' || strcmp(have + length, ".service") == 0));
}

/* By name, or by the beginning of the id. */
static bool container_fits(const char *wanted, const struct process *process)
{
	return equals(wanted, process->container_name) ||
	       (strlen(wanted) >= 4 && process->container_id != NULL &&
		str_starts(process->container_id, wanted));
}

static bool process_fits(const struct wire_query *query, const struct process *process)
{
	return (query->process[0] == '\0' || contains(process->name, query->process) ||
		contains(process->executable, query->process)) &&
	       (query->pid == 0 || query->pid == process->pid) &&
	       equals(query->user, process->user) && unit_fits(query->unit, process->unit) &&
	       container_fits(query->container, process);
}

static bool asks_for_process(const struct wire_query *query)
{
	return query->process[0] != '\0' || query->pid != 0 || query->user[0] != '\0' ||
	       query->unit[0] != '\0' || query->container[0] != '\0';
}

bool filter_takes_listener(const struct wire_query *query, const struct inventory *inventory,
			   const struct listener *listener)
{
	if (!number_fits(query, listener->protocol, listener->port) ||
	    (query->exposure != 0 &&
	     (unsigned)addr_exposure(&listener->address) + 1 != query->exposure)) {
		return false;
	}
	if (!asks_for_process(query)) {
		return true;
	}
	for (uint32_t i = 0; i < listener->owner_count; i++) {
		const struct owner *owner = &inventory->owners.items[listener->first_owner + i];
		if (process_fits(query, &inventory->processes.items[owner->process])) {
			return true;
		}
	}
	return false;
}

bool filter_takes_connection(const struct wire_query *query, const struct inventory *inventory,
			     const struct connection *connection)
{
	return (number_fits(query, connection->protocol, connection->local_port) ||
		number_fits(query, connection->protocol, connection->remote_port)) &&
	       (!asks_for_process(query) ||
		(connection->process != UINT32_MAX &&
		 process_fits(query, &inventory->processes.items[connection->process])));
}
