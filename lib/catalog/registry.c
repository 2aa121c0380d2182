/* IANA's names: by number and by name. */
#include <string.h>
#include <strings.h>

#include "catalog/tables.h"

const char *service_description(const struct service *service)
{
	return registry_descriptions + service->description;
}

static uint32_t key_of(unsigned protocol, uint16_t port)
{
	return (uint32_t)protocol << 16 | port;
}

const struct service *catalog_registry(enum protocol protocol, uint16_t port)
{
	uint32_t wanted = key_of(protocol_registry(protocol), port);
	size_t low = 0;
	size_t high = registry_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		uint32_t key = key_of(registry[middle].protocol, registry[middle].port);
		if (key == wanted) {
			return &registry[middle];
		}
		if (key < wanted) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

const struct service *catalog_registry_all(size_t *count)
{
	*count = registry_count;
	return registry;
}

size_t catalog_registry_named(const struct service **out, size_t room, const char *name)
{
	size_t low = 0;
	size_t high = registry_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcasecmp(registry[registry_by_name[middle]].name, name) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	size_t found = 0;
	for (; low < registry_count; low++) {
		const struct service *service = &registry[registry_by_name[low]];
		if (strcasecmp(service->name, name) != 0) {
			break;
		}
		if (found < room) {
			out[found] = service;
		}
		found++;
	}
	return found;
}
