/* Questions to a policy, and its values as the language writes them. */
#include "policy/policy.h"

#include <stdio.h>
#include <string.h>

void policy_deinit(struct policy *policy)
{
	if (policy != NULL) {
		arena_deinit(&policy->arena);
		*policy = (struct policy){ 0 };
	}
}

bool policy_names_port(const struct policy_declaration *declaration, enum protocol protocol,
		       uint16_t port)
{
	for (size_t i = 0; i < declaration->ports.count; i++) {
		const struct policy_ports *p = &declaration->ports.items[i];
		if (p->protocol == protocol && p->first <= port && port <= p->last) {
			return true;
		}
	}
	return false;
}

static bool covers(const struct policy_declaration *d, enum protocol protocol, uint16_t port,
		   const char *interface)
{
	const bool elsewhere =
		interface != NULL && d->interface != NULL && strcmp(interface, d->interface) != 0;
	return !elsewhere && policy_names_port(d, protocol, port);
}

const struct policy_declaration *policy_declaration_for(const struct policy *policy,
							enum protocol protocol, uint16_t port,
							const char *interface,
							const struct policy_declaration *previous)
{
	if (protocol == PROTOCOL_MPTCP) {
		protocol = PROTOCOL_TCP;
	}
	size_t i = previous == NULL ? 0 : (size_t)(previous - policy->declarations.items) + 1;
	for (; i < policy->declarations.count; i++) {
		if (covers(&policy->declarations.items[i], protocol, port, interface)) {
			return &policy->declarations.items[i];
		}
	}
	return NULL;
}

bool policy_names_program(const struct policy_program *program)
{
	return program->unit != NULL || program->executable != NULL || program->container != NULL;
}

bool policy_has_program(const struct policy_program *program)
{
	return program->user != NULL || policy_names_program(program);
}

const struct policy_declaration *policy_declaration_named(const struct policy *policy,
							  const char *name)
{
	for (size_t i = 0; i < policy->declarations.count; i++) {
		if (strcmp(policy->declarations.items[i].entry.name, name) == 0) {
			return &policy->declarations.items[i];
		}
	}
	return NULL;
}

/* Whether the network lies inside loopback. */
static bool inside_loopback(const struct prefix *prefix)
{
	return addr_exposure(&prefix->address) == EXPOSURE_LOOPBACK &&
	       prefix->bits >= (prefix->address.family == ADDR_IPV4 ? 8 : 128);
}

bool policy_only_host(const struct policy_declaration *declaration)
{
	for (size_t i = 0; i < declaration->from.count; i++) {
		const struct policy_from *from = &declaration->from.items[i];
		if (from->kind != POLICY_FROM_HOST &&
		    (from->kind != POLICY_FROM_PREFIX || !inside_loopback(&from->prefix))) {
			return false;
		}
	}
	return declaration->from.count > 0;
}

static bool who_has(const struct policy_who *who, const struct addr *address)
{
	for (size_t i = 0; i < who->addresses.count; i++) {
		if (prefix_has(&who->addresses.items[i], address)) {
			return true;
		}
	}
	return false;
}

bool policy_who_located(const struct policy_who *who)
{
	return who->addresses.count > 0 || who->names.count > 0;
}

bool policy_from_has(const struct policy *policy, const struct policy_declaration *declaration,
		     const struct addr *address)
{
	return policy_froms_have(policy, declaration->from.items, declaration->from.count, address);
}

bool policy_froms_have(const struct policy *policy, const struct policy_from *items, size_t count,
		       const struct addr *address)
{
	struct addr plain = addr_unmap(address);
	for (size_t i = 0; i < count; i++) {
		const struct policy_from *from = &items[i];
		bool has =
			from->kind == POLICY_FROM_ANY ||
			(from->kind == POLICY_FROM_HOST &&
			 addr_exposure(&plain) == EXPOSURE_LOOPBACK) ||
			(from->kind == POLICY_FROM_PREFIX && prefix_has(&from->prefix, &plain)) ||
			(from->kind == POLICY_FROM_WHO &&
			 who_has(&policy->who.items[from->who], &plain));
		if (has) {
			return true;
		}
	}
	return false;
}

const char *policy_encryption_name(int encryption)
{
	static const char *const names[] = { "", "own", "gateway", "none" };
	return names[encryption];
}

const char *policy_verdict_name(int verdict)
{
	static const char *const names[] = { "drop", "reject", "accept" };
	return names[verdict];
}

const char *policy_guard_name(int guard)
{
	static const char *const names[] = { "observe", "enforce", "off" };
	return names[guard];
}

bool policy_observes(const struct policy *policy, const struct policy_declaration *declaration)
{
	if (declaration != NULL && declaration->mode != POLICY_MODE_UNSAID) {
		return declaration->mode == POLICY_MODE_OBSERVE;
	}
	return policy->defaults.observe == 1;
}

void policy_from_format(struct str *out, const struct policy *policy,
			const struct policy_from *from)
{
	char text[PREFIX_TEXT_BYTES];
	switch (from->kind) {
	case POLICY_FROM_ANY:
		str_add(out, "any");
		break;
	case POLICY_FROM_HOST:
		str_add(out, "host");
		break;
	case POLICY_FROM_WHO:
		str_add(out, policy->who.items[from->who].entry.name);
		break;
	case POLICY_FROM_PREFIX:
		str_add(out, prefix_format(&from->prefix, text));
		break;
	}
}

void policy_ports_format(struct str *out, const struct policy_ports *ports)
{
	const char *protocol = protocol_name(ports->protocol);
	if (ports->first == ports->last) {
		str_printf(out, "%u/%s", ports->first, protocol);
	} else {
		str_printf(out, "%u-%u/%s", ports->first, ports->last, protocol);
	}
}

const char *policy_date_format(int32_t days, char *out)
{
	char text[TIME_TEXT_BYTES];
	out[0] = '\0';
	if (days != POLICY_NO_DATE) {
		(void)snprintf(out, POLICY_DATE_TEXT_BYTES, "%.10s",
			       time_format(days * USEC_PER_DAY, text));
	}
	return out;
}
