/* The use of connections that this host made. */
#include <string.h>

#include "catalog/tables.h"

static const struct client_use *by_program(const char *program)
{
	for (size_t i = 0; i < client_program_count; i++) {
		if (strcmp(client_programs[i].name, program) == 0) {
			return &client_uses[client_programs[i].use];
		}
	}
	return NULL;
}

/* What the kind of traffic says, if it says more than client-server. */
static const struct client_use *by_traffic(unsigned uses)
{
	for (size_t i = 0; i < PORT_USE_COUNT; i++) {
		if ((uses >> i & 1) != 0 && 1u << i != PORT_USE_CLIENT_SERVER) {
			return &client_uses[client_use_of_port_use[i]];
		}
	}
	return NULL;
}

/* The first entry of the number that names the program, otherwise the most common one. */
static const struct port_knowledge *entry_of_client(enum protocol protocol, uint16_t port,
						    const char *program)
{
	const struct port_knowledge *entry =
		program == NULL ? NULL : catalog_port_next(protocol, port, NULL);
	while (entry != NULL && !port_knowledge_has_program(entry, program)) {
		entry = catalog_port_next(protocol, port, entry);
	}
	return entry != NULL ? entry : catalog_port(protocol, port);
}

const struct client_use *catalog_use(enum protocol protocol, uint16_t remote_port,
				     const char *program)
{
	const struct client_use *other = &client_uses[client_use_count - 1];
	const struct client_use *use = program != NULL ? by_program(program) : NULL;
	if (use != NULL) {
		return use;
	}
	/* A program that runs a service there speaks the same protocol as its client. */
	const struct port_knowledge *entry = entry_of_client(protocol, remote_port, program);
	if (entry == NULL) {
		return other;
	}
	use = &client_uses[client_use_of_group[entry->group - port_groups]];
	if (use != other) {
		return use;
	}
	const struct client_use *traffic = by_traffic(entry->uses);
	return traffic != NULL ? traffic : other;
}

const struct client_use *catalog_use_named(const char *name)
{
	for (size_t i = 0; i < client_use_count; i++) {
		if (strcmp(client_uses[i].name, name) == 0) {
			return &client_uses[i];
		}
	}
	return NULL;
}

const struct client_use *catalog_uses(size_t *count)
{
	*count = client_use_count;
	return client_uses;
}
