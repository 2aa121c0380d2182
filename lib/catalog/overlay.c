/* The overlay by number, by id and as whole tables. */
#include <string.h>

#include "catalog/tables.h"

static size_t first_number(uint8_t protocol, uint16_t port)
{
	uint32_t wanted = (uint32_t)protocol << 16 | port;
	size_t low = 0;
	size_t high = knowledge_number_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct knowledge_number *number = &knowledge_numbers[middle];
		if (((uint32_t)number->protocol << 16 | number->port) < wanted) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

/* The `nth` entry of a number: those that name it, then those whose range holds it. */
static const struct port_knowledge *nth_entry(enum protocol protocol, uint16_t port, size_t nth)
{
	uint8_t wanted = (uint8_t)protocol_registry(protocol);
	for (size_t i = first_number(wanted, port); i < knowledge_number_count; i++) {
		const struct knowledge_number *number = &knowledge_numbers[i];
		if (number->protocol != wanted || number->port != port) {
			break;
		}
		if (nth-- == 0) {
			return &knowledge[number->entry];
		}
	}
	for (size_t i = 0; i < knowledge_range_count; i++) {
		const struct port_span *span = &knowledge_ranges[i].span;
		if (span->protocol == wanted && span->first <= port && port <= span->last &&
		    nth-- == 0) {
			return &knowledge[knowledge_ranges[i].entry];
		}
	}
	return NULL;
}

/* Whether the entry says something about this very number. */
static bool is_specific(const struct port_knowledge *entry, enum protocol protocol, uint16_t port)
{
	for (size_t i = 0; i < entry->port_count; i++) {
		const struct port_span *span = &entry->ports[i];
		if (span->protocol == protocol && span->first <= port && port <= span->last &&
		    span->last - span->first < CATALOG_WIDE_PORTS) {
			return true;
		}
	}
	return false;
}

const struct port_knowledge *catalog_port(enum protocol protocol, uint16_t port)
{
	/* Wide ranges come last: when the first entry is one, all are. */
	const struct port_knowledge *entry = nth_entry(protocol, port, 0);
	return entry != NULL && is_specific(entry, protocol_registry(protocol), port) ? entry
										      : NULL;
}

const struct port_knowledge *catalog_port_next(enum protocol protocol, uint16_t port,
					       const struct port_knowledge *after)
{
	const struct port_knowledge *entry = NULL;
	size_t nth = 0;
	if (after == NULL) {
		return nth_entry(protocol, port, 0);
	}
	do {
		entry = nth_entry(protocol, port, nth++);
	} while (entry != NULL && entry != after);
	return entry != NULL ? nth_entry(protocol, port, nth) : NULL;
}

bool program_is(const char *program, const char *running)
{
	enum { COMM_BYTES = 15 }; /* TASK_COMM_LEN - 1, include/linux/sched.h */
	return strcmp(program, running) == 0 ||
	       (strlen(running) == COMM_BYTES && strncmp(program, running, COMM_BYTES) == 0);
}

bool port_knowledge_has_program(const struct port_knowledge *entry, const char *program)
{
	for (const char *const *name = entry->programs; *name != NULL; name++) {
		if (program_is(*name, program)) {
			return true;
		}
	}
	return false;
}

bool port_knowledge_has_port(const struct port_knowledge *entry, enum protocol protocol,
			     uint16_t port)
{
	enum protocol registered = protocol_registry(protocol);
	for (size_t i = 0; i < entry->port_count; i++) {
		const struct port_span *span = &entry->ports[i];
		if (span->protocol == registered && span->first <= port && port <= span->last) {
			return true;
		}
	}
	return false;
}

const struct port_knowledge *catalog_port_named(const char *name)
{
	size_t low = 0;
	size_t high = knowledge_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct port_knowledge *entry = &knowledge[knowledge_by_name[middle]];
		int order = strcmp(entry->name, name);
		if (order == 0) {
			return entry;
		}
		if (order < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

const struct port_knowledge *catalog_ports(size_t *count)
{
	*count = knowledge_count;
	return knowledge;
}

const struct port_group *catalog_groups(size_t *count)
{
	*count = port_group_count;
	return port_groups;
}

static bool listed(const struct port_knowledge *entry, enum catalog_list list)
{
	switch (list) {
	case CATALOG_LIST_COMMON:
		return entry->everyday;
	case CATALOG_LIST_RISKY:
		return entry->risk >= SEVERITY_HIGH;
	case CATALOG_LIST_WELL_KNOWN:
		return port_class(entry->ports[0].first) == PORT_CLASS_SYSTEM;
	case CATALOG_LIST_REGISTERED:
		return port_class(entry->ports[0].first) == PORT_CLASS_USER;
	}
	return false;
}

size_t catalog_list(const struct port_knowledge **out, size_t room, enum catalog_list list)
{
	size_t found = 0;
	/* One pass per risk, the worst first, where the list is ordered by it. */
	int worst = list == CATALOG_LIST_RISKY ? SEVERITY_CRITICAL : SEVERITY_NONE;
	int least = list == CATALOG_LIST_RISKY ? SEVERITY_HIGH : SEVERITY_NONE;
	for (int risk = worst; risk >= least; risk--) {
		for (size_t i = 0; i < knowledge_count; i++) {
			if (!listed(&knowledge[i], list) ||
			    (risk != SEVERITY_NONE && (int)knowledge[i].risk != risk)) {
				continue;
			}
			if (found < room) {
				out[found] = &knowledge[i];
			}
			found++;
		}
	}
	return found;
}
