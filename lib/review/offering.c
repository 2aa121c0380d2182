/* Sockets into services, and what was declared for them. */
#include "review/offering.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Whether two processes are parts of one service. */
static bool same_program(const struct process *a, const struct process *b)
{
	if (a == b) {
		return true;
	}
	return a != NULL && b != NULL && same_text(a->container_id, b->container_id) &&
	       same_text(a->unit, b->unit) && same_text(process_program(a), process_program(b));
}

static enum exposure listener_exposure(const struct listener *listener)
{
	if (same_text(listener->interface_name, "lo")) {
		return EXPOSURE_LOOPBACK;
	}
	return addr_exposure(&listener->address);
}

static const struct listener *listener_of(const struct inventory *inventory,
					  const struct offering *offering)
{
	return &inventory->listeners.items[offering->listener];
}

/* The offering that the listener belongs to. Listeners of one port are neighbours, so only the
 * last ones of the list are looked at. */
static struct offering *find_same(struct offerings *offerings, const struct inventory *inventory,
				  const struct listener *listener)
{
	const struct process *process = inventory_listener_process(inventory, listener);
	for (size_t i = offerings->list.count; i-- > 0;) {
		struct offering *offering = &offerings->list.items[i];
		if (offering->port != listener->port) {
			return NULL;
		}
		const struct listener *first = listener_of(inventory, offering);
		if (offering->protocol == protocol_registry(listener->protocol) &&
		    first->ownership == listener->ownership &&
		    same_text(first->interface_name, listener->interface_name) &&
		    same_program(offering->process, process)) {
			return offering;
		}
	}
	return NULL;
}

static int add_listener(struct offerings *offerings, const struct inventory *inventory,
			uint32_t index)
{
	const struct listener *listener = &inventory->listeners.items[index];
	enum exposure exposure = listener_exposure(listener);
	struct offering *offering = find_same(offerings, inventory, listener);
	if (offering == NULL) {
		offering = vec_push(&offerings->list);
		if (offering == NULL) {
			return -ENOMEM;
		}
		offering->listener = index;
		offering->protocol = protocol_registry(listener->protocol);
		offering->port = listener->port;
		offering->exposure = exposure;
		offering->process = inventory_listener_process(inventory, listener);
	} else if (exposure > offering->exposure) {
		offering->listener = index;
		offering->exposure = exposure;
	}
	return 0;
}

/* ---- what was declared ---- */

static bool unit_fits(const struct process *process, const char *wanted)
{
	return process->unit == NULL || strcmp(process->unit, wanted) == 0;
}

static bool executable_fits(const struct process *process, const char *wanted)
{
	return process->executable == NULL || strcmp(process->executable, wanted) == 0;
}

static bool user_fits(const struct process *process, const char *wanted)
{
	char number[16];
	if (process->uid == UINT32_MAX ||
	    (process->user != NULL && strcmp(process->user, wanted) == 0)) {
		return true;
	}
	(void)snprintf(number, sizeof(number), "%u", process->uid);
	return strcmp(number, wanted) == 0;
}

/* A name, or the first twelve or more digits of an id, as the runtimes show it. */
static bool container_fits(const struct process *process, const char *wanted)
{
	size_t length = strlen(wanted);
	if (process->container_name != NULL && strcmp(process->container_name, wanted) == 0) {
		return true;
	}
	return process->container_id != NULL && length >= 12 &&
	       strncmp(process->container_id, wanted, length) == 0;
}

typedef bool part_fits(const struct process *process, const char *wanted);

/* Whether one of the owners fits: a master and its workers may run as different users. Nothing is
 * held against a program of which nothing is known. */
static bool some_owner_fits(const struct inventory *inventory, const struct listener *listener,
			    const char *wanted, part_fits *fits)
{
	if (wanted == NULL) {
		return true;
	}
	for (uint32_t i = 0; i < listener->owner_count; i++) {
		const struct owner *owner = &inventory->owners.items[listener->first_owner + i];
		const struct process *process = &inventory->processes.items[owner->process];
		/* systemd holds the socket for a unit that it does not name here */
		bool held_for_unit = listener->socket_activated && process->pid == 1;
		if (held_for_unit || !process->detailed || fits(process, wanted)) {
			return true;
		}
	}
	return listener->owner_count == 0;
}

static const char *wrong_part(const struct inventory *inventory, const struct listener *listener,
			      const struct policy_program *program)
{
	const struct {
		const char *name;
		const char *wanted;
		part_fits *fits;
	} parts[] = {
		{ "container", program->container, container_fits },
		{ "unit", program->unit, unit_fits },
		{ "executable", program->executable, executable_fits },
		{ "user", program->user, user_fits },
	};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!some_owner_fits(inventory, listener, parts[i].wanted, parts[i].fits)) {
			return parts[i].name;
		}
	}
	return NULL;
}

static void find_declaration(struct offering *offering, const struct inventory *inventory,
			     const struct policy *policy)
{
	const struct listener *listener = listener_of(inventory, offering);
	const struct policy_declaration *declaration = NULL;
	for (;;) {
		declaration = policy_declaration_for(policy, offering->protocol, offering->port,
						     listener->interface_name, declaration);
		if (declaration == NULL) {
			return;
		}
		const char *wrong = wrong_part(inventory, listener, &declaration->program);
		if (offering->declaration == NULL || wrong == NULL) {
			offering->declaration = declaration;
			offering->wrong = wrong;
		}
		if (wrong == NULL) {
			return;
		}
	}
}

/* ---- what is no service ---- */

/* 127.0.0.53 and 127.0.0.54 are systemd-resolved's, resolved.conf(5). */
static bool is_resolved(const struct offering *offering, const struct listener *listener)
{
	const char *program = process_program(offering->process);
	bool its_address = listener->address.family == ADDR_IPV4 &&
			   (memcmp(listener->address.bytes, "\x7f\0\0\x35", 4) == 0 ||
			    memcmp(listener->address.bytes, "\x7f\0\0\x36", 4) == 0);
	return offering->port == 53 && its_address &&
	       (program == NULL || strcmp(program, "systemd-resolved") == 0 ||
		strcmp(program, "systemd-resolve") == 0);
}

/* DHCP clients (RFC 2131 section 4.1, RFC 8415 section 7.2) and multicast DNS (RFC 6762), whose
 * queries also come from 5353: every desktop and every cloud image has them. */
static bool is_everywhere(const struct offering *offering)
{
	const struct port_knowledge *knowledge = offering->knowledge;
	bool usual_program = offering->process == NULL ||
			     (knowledge != NULL && !offering->doubted &&
			      strncmp(knowledge->name, "dhcp", strlen("dhcp")) == 0);
	if (offering->protocol != PROTOCOL_UDP) {
		return false;
	}
	return offering->port == 5353 ||
	       ((offering->port == 68 || offering->port == 546) && usual_program);
}

/*
 * A UDP socket without a peer may be a server's or a client's that uses sendto(): the kernel does
 * not tell. A client's number was chosen by the kernel from the ephemeral range; so a socket in
 * that range that nobody declared, and that no catalogue entry recognises by its program, is taken
 * for a client's. Resolvers choose numbers from the whole range above 1023 by themselves (RFC 5452
 * section 10) and are clients on all but their own.
 */
static bool is_client(const struct offering *offering, bool ephemeral)
{
	if (offering->protocol != PROTOCOL_UDP || offering->declaration != NULL) {
		return false;
	}
	if (ephemeral && offering->knowledge == NULL) {
		return true;
	}
	const struct port_knowledge *knowledge = offering->knowledge;
	bool own_number = knowledge != NULL &&
			  port_knowledge_has_port(knowledge, PROTOCOL_UDP, offering->port);
	return offering->port >= PORT_USER_FIRST && knowledge != NULL && !own_number &&
	       strcmp(knowledge->group->name, "name-resolution") == 0;
}

/* A container runtime's proxy stands for a published port, which is judged by itself. */
static bool is_proxy_of_published(const struct offering *offering,
				  const struct inventory *inventory)
{
	const char *program = process_program(offering->process);
	if (program == NULL || strcmp(program, "docker-proxy") != 0) {
		return false;
	}
	for (size_t i = 0; i < inventory->published.count; i++) {
		const struct published *published = &inventory->published.items[i];
		if (protocol_registry(published->protocol) == offering->protocol &&
		    offering->port >= published->first_port &&
		    offering->port <= published->last_port) {
			return true;
		}
	}
	return false;
}

/* A decoy of the policy, held by the daemon: no service, whatever its number is for. A real program
 * on that port is judged as on any other. */
static bool is_decoy(const struct offering *offering, const struct policy *policy)
{
	const char *name = offering->process == NULL ? NULL : offering->process->name;
	if (policy == NULL || offering->protocol != PROTOCOL_TCP ||
	    policy->defend.mode == POLICY_DEFEND_OFF ||
	    (name != NULL && strcmp(name, "minato-decoy") != 0)) {
		return false;
	}
	for (size_t i = 0; i < policy->defend.decoys.count; i++) {
		const struct policy_ports *ports = &policy->defend.decoys.items[i];
		if (offering->port >= ports->first && offering->port <= ports->last) {
			return true;
		}
	}
	return false;
}

static void recognise(struct offering *offering, const struct inventory *inventory,
		      const struct policy *policy)
{
	const struct listener *listener = listener_of(inventory, offering);
	bool ephemeral = inventory_is_ephemeral(inventory, offering->port);
	offering->knowledge = catalog_port_held(&offering->doubted, offering->protocol,
						offering->port, offering->process, ephemeral);
	offering->quiet = is_resolved(offering, listener) || is_everywhere(offering) ||
			  is_client(offering, ephemeral) ||
			  is_proxy_of_published(offering, inventory) || is_decoy(offering, policy);
}

int offerings_find(struct offerings *out, const struct inventory *inventory,
		   const struct policy *policy)
{
	*out = (struct offerings){ 0 };
	for (uint32_t i = 0; i < inventory->listeners.count; i++) {
		const struct listener *listener = &inventory->listeners.items[i];
		/* A container's sockets are reached through what is published for it. */
		if (listener->port == 0 || !inventory_is_host(inventory, listener->netns)) {
			continue;
		}
		int r = add_listener(out, inventory, i);
		if (r < 0) {
			return r;
		}
	}
	for (size_t i = 0; i < out->list.count; i++) {
		if (policy != NULL) {
			find_declaration(&out->list.items[i], inventory, policy);
		}
		recognise(&out->list.items[i], inventory, policy);
	}
	return 0;
}
