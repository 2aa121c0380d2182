/* What a policy says to one packet, read from the policy itself. */
#include <string.h>

#include "enforce/access.h"
#include "enforce/outbound.h"

static enum enforce_verdict worst(enum enforce_verdict a, enum enforce_verdict b)
{
	return a == ENFORCE_CLOSED || b == ENFORCE_CLOSED     ? ENFORCE_CLOSED
	       : a == ENFORCE_DEPENDS || b == ENFORCE_DEPENDS ? ENFORCE_DEPENDS
							      : ENFORCE_OPEN;
}

static enum enforce_verdict through(const char *wanted, const char *interface)
{
	if (wanted == NULL) {
		return ENFORCE_OPEN;
	}
	if (interface == NULL) {
		return ENFORCE_DEPENDS;
	}
	return strcmp(wanted, interface) == 0 ? ENFORCE_OPEN : ENFORCE_CLOSED;
}

/* Whether a who has that address, as far as it has any, at that interface. */
static enum enforce_verdict at_who(const struct policy_who *who, const struct addr *address,
				   const char *interface)
{
	bool has = !policy_who_located(who);
	for (size_t i = 0; !has && i < who->addresses.count; i++) {
		has = prefix_has(&who->addresses.items[i], address);
	}
	return has ? through(who->interface, interface) : ENFORCE_CLOSED;
}

static enum enforce_verdict by_who(const struct policy_who *who,
				   const struct enforce_packet *packet)
{
	return !access_who_counts(who) ? ENFORCE_CLOSED
				       : worst(at_who(who, &packet->from, packet->interface),
					       who->mac.given ? ENFORCE_DEPENDS : ENFORCE_OPEN);
}

static enum enforce_verdict by_from(const struct policy *policy, const struct policy_from *from,
				    const struct enforce_packet *packet)
{
	switch (from->kind) {
	case POLICY_FROM_ANY:
		return ENFORCE_OPEN;
	case POLICY_FROM_PREFIX:
		return prefix_has(&from->prefix, &packet->from) ? ENFORCE_OPEN : ENFORCE_CLOSED;
	case POLICY_FROM_WHO:
		return by_who(&policy->who.items[from->who], packet);
	case POLICY_FROM_HOST:
		break;
	}
	return ENFORCE_CLOSED; /* loopback is let in before any declaration is asked */
}

static enum enforce_verdict by_list(const struct policy *policy, const struct policy_declaration *d,
				    const struct enforce_packet *packet)
{
	enum enforce_verdict best = ENFORCE_CLOSED;
	for (size_t i = 0; i < d->from.count && best != ENFORCE_OPEN; i++) {
		enum enforce_verdict now = by_from(policy, &d->from.items[i], packet);
		best = now == ENFORCE_CLOSED ? best : now;
	}
	return best;
}

static enum enforce_verdict by_declaration(const struct policy *policy,
					   const struct policy_declaration *d,
					   const struct enforce_packet *packet)
{
	return worst(by_list(policy, d, packet), through(d->interface, packet->interface));
}

static bool lets_anyone_in(const struct policy *policy, const struct policy_declaration *d,
			   const struct enforce_environment *environment)
{
	return access_left(d, environment) >= 0 && !access_is_internal(policy, d);
}

static enum enforce_verdict undeclared(const struct policy *policy,
				       enum enforce_direction direction)
{
	return access_default(policy, direction) == POLICY_ACCEPT ? ENFORCE_OPEN : ENFORCE_CLOSED;
}

bool enforce_opens(const struct policy *policy, enum protocol protocol, uint16_t port,
		   const struct enforce_environment *environment)
{
	if (policy == NULL) {
		return true;
	}
	const struct policy_declaration *d =
		policy_declaration_for(policy, protocol, port, NULL, NULL);
	if (d == NULL) {
		return undeclared(policy, ENFORCE_INBOUND) == ENFORCE_OPEN;
	}
	for (; d != NULL; d = policy_declaration_for(policy, protocol, port, NULL, d)) {
		if (policy_observes(policy, d) || lets_anyone_in(policy, d, environment)) {
			return true;
		}
	}
	return false;
}

bool enforce_cuts(const struct policy *policy, enum protocol protocol, uint16_t port)
{
	if (policy == NULL) {
		return false;
	}
	const struct policy_declaration *d =
		policy_declaration_for(policy, protocol, port, NULL, NULL);
	bool cuts = d == NULL && policy->defaults.cut;
	for (; d != NULL; d = policy_declaration_for(policy, protocol, port, NULL, d)) {
		cuts = cuts || d->cut;
	}
	return cuts;
}

enum enforce_verdict enforce_decide(const struct policy *policy,
				    const struct enforce_packet *packet,
				    const struct enforce_environment *environment,
				    const struct policy_declaration **by)
{
	if (by != NULL) {
		*by = NULL;
	}
	if (policy == NULL || addr_exposure(&packet->from) == EXPOSURE_LOOPBACK) {
		return ENFORCE_OPEN;
	}
	bool declared = false;
	bool observed = false;
	enum enforce_verdict best = ENFORCE_CLOSED;
	const struct policy_declaration *d = NULL;
	while (best != ENFORCE_OPEN &&
	       (d = policy_declaration_for(policy, packet->protocol, packet->port, NULL, d)) !=
		       NULL) {
		declared = true;
		observed = observed || policy_observes(policy, d);
		if (!lets_anyone_in(policy, d, environment)) {
			continue;
		}
		enum enforce_verdict now = by_declaration(policy, d, packet);
		if (now != ENFORCE_CLOSED) {
			best = now;
			if (by != NULL) {
				*by = d;
			}
		}
	}
	if (!declared) {
		return undeclared(policy, ENFORCE_INBOUND);
	}
	return observed ? ENFORCE_OPEN : best;
}

/* ---- what is passed on ---- */

static enum enforce_verdict to_place(const struct policy *policy, const struct policy_from *to,
				     const struct enforce_packet *packet)
{
	if (to->kind == POLICY_FROM_ANY) {
		return ENFORCE_OPEN;
	}
	if (to->kind == POLICY_FROM_PREFIX) {
		return prefix_has(&to->prefix, &packet->to) ? ENFORCE_OPEN : ENFORCE_CLOSED;
	}
	const struct policy_who *who = &policy->who.items[to->who];
	return access_who_is_place(who) ? at_who(who, &packet->to, packet->out) : ENFORCE_CLOSED;
}

static enum enforce_verdict along(const struct policy *policy, const struct policy_declaration *d,
				  const struct enforce_packet *packet)
{
	enum enforce_verdict best = access_leads_anywhere(d) ? ENFORCE_OPEN : ENFORCE_CLOSED;
	for (size_t i = 0; i < d->to.count && best != ENFORCE_OPEN; i++) {
		const enum enforce_verdict now = to_place(policy, &d->to.items[i], packet);
		best = now == ENFORCE_CLOSED ? best : now;
	}
	return worst(best, through(d->out, packet->out));
}

enum enforce_verdict enforce_decide_forward(const struct policy *policy,
					    const struct enforce_packet *packet,
					    const struct enforce_environment *environment)
{
	if (!access_limits(policy, ENFORCE_FORWARD)) {
		return ENFORCE_OPEN;
	}
	bool declared = false;
	bool observed = false;
	enum enforce_verdict best = ENFORCE_CLOSED;
	for (size_t i = 0; i < policy->forward.count && best != ENFORCE_OPEN; i++) {
		const struct policy_declaration *d = &policy->forward.items[i];
		if (!access_covers(d, packet->protocol, packet->port)) {
			continue;
		}
		declared = true;
		observed = observed || policy_observes(policy, d);
		if (access_left(d, environment) >= 0) {
			const enum enforce_verdict now =
				worst(by_declaration(policy, d, packet), along(policy, d, packet));
			best = now == ENFORCE_CLOSED ? best : now;
		}
	}
	if (!declared) {
		return undeclared(policy, ENFORCE_FORWARD);
	}
	return observed ? ENFORCE_OPEN : best;
}

bool enforce_cuts_forward(const struct policy *policy, enum protocol protocol, uint16_t port)
{
	bool declared = false;
	bool cuts = false;
	for (size_t i = 0; policy != NULL && i < policy->forward.count; i++) {
		const struct policy_declaration *d = &policy->forward.items[i];
		if (access_covers(d, protocol, port)) {
			declared = true;
			cuts = cuts || d->cut;
		}
	}
	return declared ? cuts : policy != NULL && policy->defaults.cut;
}

/* ---- outgoing ---- */

/* The same question as by_from(): the other end of an outgoing packet is where it goes to. */
static enum enforce_verdict by_to(const struct policy *policy, const struct policy_declaration *d,
				  const struct enforce_outgoing *packet)
{
	const struct enforce_packet other = { .protocol = packet->protocol,
					      .port = packet->port,
					      .from = packet->to,
					      .interface = packet->interface };
	return by_list(policy, d, &other);
}

static enum enforce_verdict by_user(const struct policy_declaration *d,
				    const struct enforce_outgoing *packet,
				    const struct enforce_environment *environment)
{
	uint32_t user = 0;
	if (!outbound_user(&user, d, environment)) {
		return ENFORCE_CLOSED;
	}
	if (d->program.user == NULL) {
		return ENFORCE_OPEN;
	}
	if (!packet->user_known) {
		return ENFORCE_DEPENDS;
	}
	return user == packet->user ? ENFORCE_OPEN : ENFORCE_CLOSED;
}

static enum enforce_verdict by_name(const char *wanted, const char *name, bool known)
{
	if (wanted == NULL) {
		return ENFORCE_OPEN;
	}
	if (!known) {
		return ENFORCE_DEPENDS;
	}
	return name != NULL && strcmp(wanted, name) == 0 ? ENFORCE_OPEN : ENFORCE_CLOSED;
}

static enum enforce_verdict by_program(const struct policy_declaration *d,
				       const struct enforce_outgoing *packet)
{
	const bool known = packet->program_known;
	const bool all_known = known && !packet->unit_alone;
	if (d->program.container != NULL) { /* unit and executable are those inside of it */
		return by_name(d->program.container, packet->container, all_known);
	}
	return worst(by_name(d->program.unit, packet->unit, known),
		     by_name(d->program.executable, packet->executable, all_known));
}

enum enforce_verdict enforce_fits_outgoing(const struct policy *policy,
					   const struct policy_declaration *declaration,
					   const struct enforce_outgoing *packet,
					   const struct enforce_environment *environment,
					   enum enforce_condition *part)
{
	const struct policy_declaration *d = declaration;
	const enum protocol protocol =
		packet->protocol == PROTOCOL_MPTCP ? PROTOCOL_TCP : packet->protocol;
	const struct {
		enum enforce_condition part;
		enum enforce_verdict verdict;
	} parts[] = {
		{ ENFORCE_CONDITION_PORT,
		  access_covers(d, protocol, packet->port) ? ENFORCE_OPEN : ENFORCE_CLOSED },
		{ ENFORCE_CONDITION_DATE,
		  lets_anyone_in(policy, d, environment) ? ENFORCE_OPEN : ENFORCE_CLOSED },
		{ ENFORCE_CONDITION_TO, by_to(policy, d, packet) },
		{ ENFORCE_CONDITION_PROGRAM, by_program(d, packet) },
		{ ENFORCE_CONDITION_USER, by_user(d, packet, environment) },
	};
	enum enforce_verdict all = ENFORCE_OPEN;
	*part = ENFORCE_CONDITION_NONE;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (worst(all, parts[i].verdict) != all) {
			all = parts[i].verdict;
			*part = parts[i].part;
		}
	}
	return all;
}

/* Addresses of this host are reached over loopback too, which the packet filter lets pass; where
 * BPF is asked for the program, it does not know them. */
static bool stays_here(const struct policy *policy, const struct enforce_outgoing *packet)
{
	bool stays = packet->interface != NULL && strcmp(packet->interface, "lo") == 0;
	const enum protocol protocol =
		packet->protocol == PROTOCOL_MPTCP ? PROTOCOL_TCP : packet->protocol;
	for (size_t i = 0; stays && i < policy->outbound.count; i++) {
		const struct policy_declaration *d = &policy->outbound.items[i];
		stays = !access_covers(d, protocol, packet->port) ||
			!policy_names_program(&d->program);
	}
	return stays || addr_exposure(&packet->to) == EXPOSURE_LOOPBACK;
}

enum enforce_verdict enforce_decide_outgoing(const struct policy *policy,
					     const struct enforce_outgoing *packet,
					     const struct enforce_environment *environment,
					     const struct policy_declaration **by)
{
	const struct policy_declaration *none = NULL;
	by = by == NULL ? &none : by;
	*by = NULL;
	if (!access_limits(policy, ENFORCE_OUTBOUND) || stays_here(policy, packet)) {
		return ENFORCE_OPEN;
	}
	bool declared = false;
	enum enforce_verdict best = ENFORCE_CLOSED;
	for (size_t i = 0; i < policy->outbound.count && best != ENFORCE_OPEN; i++) {
		const struct policy_declaration *d = &policy->outbound.items[i];
		enum enforce_condition part = ENFORCE_CONDITION_NONE;
		const enum enforce_verdict now =
			enforce_fits_outgoing(policy, d, packet, environment, &part);
		declared = declared || part != ENFORCE_CONDITION_PORT;
		if (now != ENFORCE_CLOSED) {
			best = now;
			*by = d;
		}
	}
	return declared ? best : undeclared(policy, ENFORCE_OUTBOUND);
}
