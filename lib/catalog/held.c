/* What a port is, told by its number and by the program that holds it. */
#include <string.h>

#include "catalog/catalog.h"

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
static bool names(const struct port_knowledge *knowledge, const struct process *process,
		  const char *program)
{
	return (process->name != NULL && port_knowledge_has_program(knowledge, process->name)) ||
	       (program != NULL && port_knowledge_has_program(knowledge, program));
}

static bool has_protocol(const struct port_knowledge *knowledge, enum protocol protocol)
{
	for (size_t i = 0; i < knowledge->port_count; i++) {
		if (knowledge->ports[i].protocol == protocol) {
			return true;
		}
	}
	return false;
}

/* "redis" of "redis-server", "postgresql" of "postgres": the service that a program is named after,
 * and not one of its side doors. */
static bool is_namesake(const struct port_knowledge *knowledge, const char *program)
{
	size_t service_length = strlen(knowledge->name);
	size_t program_length = strlen(program);
	size_t shorter = service_length < program_length ? service_length : program_length;
	return strncmp(knowledge->name, program, shorter) == 0;
}

/* A known program on a number of its own choice: its namesake, otherwise the least dangerous of the
 * services that it may be, so that nothing is claimed that may not be so. */
static const struct port_knowledge *by_program(enum protocol protocol,
					       const struct process *process)
{
	size_t count = 0;
	const struct port_knowledge *all = catalog_ports(&count);
	const struct port_knowledge *best = NULL;
	const char *program = process_program(process);
	if (program == NULL || is_carrier(program) || is_stand_in(program)) {
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		if (!names(&all[i], process, program) || !has_protocol(&all[i], protocol)) {
			continue;
		}
		if (is_namesake(&all[i], program)) {
			return &all[i];
		}
		best = best == NULL || all[i].risk < best->risk ? &all[i] : best;
	}
	return best;
}

/* 50000-65535/udp (voice, games) tells nothing of a number that the kernel may have chosen. */
static bool is_narrow(const struct port_knowledge *knowledge, uint16_t port)
{
	enum { NARROW = 2048 };
	for (size_t i = 0; i < knowledge->port_count; i++) {
		const struct port_span *span = &knowledge->ports[i];
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
