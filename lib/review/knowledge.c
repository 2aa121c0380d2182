/* What a port is, told by its number and by the program that holds it. */
#include <string.h>

#include "review/offering.h"

/* Their names say nothing about the service that they carry. */
static bool is_carrier(const char *program)
{
	static const char *const carriers[] = {
		"java",
		"node",
		"python",
		"ruby",
		"perl",
		"php",
		"php-fpm",
		"dotnet",
		"mono",
		"beam.smp",
		"bash",
		"systemd",
		"kernel",
		"system",
		"svchost.exe",
		"docker-proxy",
		"rootlessport",
		"conmon",
		"qemu-system-x86_64",
		"qemu-system-aarch64",
		"nc",
		"ncat",
		"netcat",
		"socat",
	};
	for (size_t i = 0; i < sizeof(carriers) / sizeof(carriers[0]); i++) {
		/* versions and flavours follow: python3.11, php8.2, nc.openbsd */
		size_t length = strlen(carriers[i]);
		if (strncmp(carriers[i], program, length) == 0 &&
		    strchr("0123456789.", program[length]) != NULL) {
			return true;
		}
	}
	return false;
}

const char *process_program(const struct process *process)
{
	if (process == NULL) {
		return NULL;
	}
	const char *slash = process->executable == NULL ? NULL : strrchr(process->executable, '/');
	return slash != NULL ? slash + 1 : process->name;
}

/* Either name counts: the kernel's may have been set by the program, the file's by its package. */
static bool names(const struct port_knowledge *knowledge, const struct process *process)
{
	const char *program = process_program(process);
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
	if (program == NULL || is_carrier(program)) {
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		if (!names(&all[i], process) || !has_protocol(&all[i], protocol)) {
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
	const struct port_knowledge *entry = catalog_port(protocol, port);
	while (entry != NULL && !names(entry, process)) {
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

const struct port_knowledge *knowledge_of(bool *doubted, enum protocol protocol, uint16_t port,
					  const struct process *process, bool ephemeral)
{
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
	*doubted = better == NULL && entry != NULL;
	return better != NULL ? better : entry;
}
