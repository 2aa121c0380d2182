/* What a port is, told by its number and by the program that holds it. */
#include <string.h>

#include "catalog/catalog.h"
#include "catalog/tables.h"

/* Whether the name, without the version or flavour that may follow (python3.11, nc.openbsd), is on
 * a NULL-terminated list. */
static bool is_listed(const char *const *list, const char *program)
{
	for (; *list != NULL; list++) {
		size_t length = strlen(*list);
		if (strncmp(*list, program, length) == 0 &&
		    strchr("0123456789.", program[length]) != NULL) {
			return true;
		}
	}
	return false;
}

/* They run programs in whose name the service is to be found, not in theirs. */
static bool is_carrier(const char *program)
{
	static const char *const carriers[] = {
		"java",   "node", "python",   "ruby", "perl", "php",    "php-fpm", "mono",
		"dotnet", "bash", "beam.smp", "nc",   "ncat", "netcat", "socat",   NULL,
	};
	return is_listed(carriers, program);
}

/* They hold sockets for somebody else, so their name speaks neither for nor against a service. */
static bool is_stand_in(const char *program)
{
	static const char *const stand_ins[] = {
		"systemd",
		"kernel",
		"system",
		"svchost.exe",
		"docker-proxy",
		"rootlessport",
		"conmon",
		"qemu-system-x86_64",
		"qemu-system-aarch64",
		NULL,
	};
	return is_listed(stand_ins, program);
}

/* Either name counts: the kernel's may have been set by the program, the file's by its package. */
static bool names(const struct port_knowledge *entry, const struct process *process,
		  const char *program)
{
	return (process->name != NULL && port_knowledge_has_program(entry, process->name)) ||
	       (program != NULL && port_knowledge_has_program(entry, program));
}

static bool has_protocol(const struct port_knowledge *entry, enum protocol protocol)
{
	for (size_t i = 0; i < entry->port_count; i++) {
		if (entry->ports[i].protocol == protocol) {
			return true;
		}
	}
	return false;
}

/* "redis" of "redis-server", "postgresql" of "postgres": the service that a program is named after,
 * and not one of its side doors. */
static bool is_namesake(const struct port_knowledge *entry, const char *program)
{
	size_t service_length = strlen(entry->name);
	size_t program_length = strlen(program);
	size_t shorter = service_length < program_length ? service_length : program_length;
	return strncmp(entry->name, program, shorter) == 0;
}

/* The first row of knowledge_programs that is not before the name. */
static size_t first_row(const char *name)
{
	size_t low = 0;
	size_t high = knowledge_program_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(knowledge_programs[middle].name, name) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

/* What a program may be, as far as it was looked: the lower entry of two equals. */
struct candidates {
	const struct port_knowledge *namesake, *safest;
};

static void take_candidates(struct candidates *out, enum protocol protocol, const char *name,
			    const char *program)
{
	for (size_t row = first_row(name);
	     row < knowledge_program_count && program_is(knowledge_programs[row].name, name);
	     row++) {
		const struct port_knowledge *entry = &knowledge[knowledge_programs[row].entry];
		const struct port_knowledge *safest = out->safest;
		if (!has_protocol(entry, protocol)) {
			continue;
		}
		if (is_namesake(entry, program) &&
		    (out->namesake == NULL || entry < out->namesake)) {
			out->namesake = entry;
		}
		if (safest == NULL || entry->risk < safest->risk ||
		    (entry->risk == safest->risk && entry < safest)) {
			out->safest = entry;
		}
	}
}

/* A known program on a number of its own choice: its namesake, otherwise the least dangerous of the
 * services that it may be, so that nothing is claimed that may not be so. */
static const struct port_knowledge *by_program(enum protocol protocol,
					       const struct process *process)
{
	const char *program = process_program(process);
	struct candidates found = { 0 };
	if (program == NULL || is_carrier(program) || is_stand_in(program)) {
		return NULL;
	}
	take_candidates(&found, protocol, program, program);
	if (process->name != NULL && strcmp(process->name, program) != 0) {
		take_candidates(&found, protocol, process->name, program);
	}
	return found.namesake != NULL ? found.namesake : found.safest;
}

/* 50000-65535/udp (voice, games) tells nothing of a number that the kernel may have chosen. */
static bool is_narrow(const struct port_knowledge *entry, uint16_t port)
{
	enum { NARROW = 2048 };
	for (size_t i = 0; i < entry->port_count; i++) {
		const struct port_span *span = &entry->ports[i];
		if (span->first <= port && port <= span->last &&
		    span->last - span->first < NARROW) {
			return true;
		}
	}
	return false;
}

/* The entry of the number that names the program, of all that share it. */
static const struct port_knowledge *by_both(enum protocol protocol, uint16_t port,
					    const struct process *process)
{
	const struct port_knowledge *entry = catalog_port_next(protocol, port, NULL);
	const char *program = process_program(process);
	while (entry != NULL && !names(entry, process, program)) {
		entry = catalog_port_next(protocol, port, entry);
	}
	return entry;
}

/* In the ephemeral range a number alone is chance, unless nobody can be seen to hold it. A client's
 * UDP socket has such a number too, so there the program alone tells nothing either. */
static const struct port_knowledge *in_ephemeral(enum protocol protocol, uint16_t port,
						 const struct process *process)
{
	const struct port_knowledge *entry =
		process == NULL ? catalog_port(protocol, port) : by_both(protocol, port, process);
	if (entry != NULL && is_narrow(entry, port)) {
		return entry;
	}
	return process != NULL && protocol == PROTOCOL_TCP ? by_program(protocol, process) : NULL;
}

const struct port_knowledge *catalog_port_held(bool *doubted, enum protocol protocol, uint16_t port,
					       const struct process *process, bool ephemeral)
{
	bool ignored;
	doubted = doubted != NULL ? doubted : &ignored;
	*doubted = false;
	if (ephemeral) {
		return in_ephemeral(protocol, port, process);
	}
	const struct port_knowledge *entry = catalog_port(protocol, port);
	if (process == NULL) {
		return entry;
	}
	const struct port_knowledge *better = by_both(protocol, port, process);
	better = better != NULL ? better : by_program(protocol, process);
	const char *program = process_program(process);
	*doubted = better == NULL && entry != NULL && program != NULL && !is_stand_in(program);
	return better != NULL ? better : entry;
}

const struct port_knowledge *catalog_listener(bool *doubted, const struct inventory *inventory,
					      const struct listener *listener)
{
	return catalog_port_held(doubted, listener->protocol, listener->port,
				 inventory_listener_process(inventory, listener),
				 inventory_is_ephemeral(inventory, listener->port));
}

const struct port_knowledge *catalog_published(const struct published *published)
{
	const struct port_knowledge *inner =
		published->target_port == 0
			? NULL
			: catalog_port(published->protocol, published->target_port);
	return inner != NULL ? inner : catalog_port(published->protocol, published->first_port);
}
