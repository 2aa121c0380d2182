/* What a declaration asks of packets, and what becomes of those that nobody declared. */
#include "enforce/access.h"

/* ---- by direction ---- */

const char *enforce_direction_name(enum enforce_direction direction)
{
	static const char *const names[] = { [ENFORCE_INBOUND] = "inbound",
					     [ENFORCE_FORWARD] = "forward",
					     [ENFORCE_OUTBOUND] = "outbound" };
	return names[direction];
}

const struct policy_declaration *access_declarations(size_t *count, const struct policy *policy,
						     enum enforce_direction direction)
{
	switch (direction) {
	case ENFORCE_FORWARD:
		*count = policy->forward.count;
		return policy->forward.items;
	case ENFORCE_OUTBOUND:
		*count = policy->outbound.count;
		return policy->outbound.items;
	case ENFORCE_INBOUND:
		break;
	}
	*count = policy->declarations.count;
	return policy->declarations.items;
}

int access_verdict(const struct policy *policy, enum enforce_direction direction)
{
	const int verdicts[] = { [ENFORCE_INBOUND] = policy->defaults.inbound,
				 [ENFORCE_FORWARD] = policy->defaults.forward,
				 [ENFORCE_OUTBOUND] = policy->defaults.outbound };
	return verdicts[direction];
}

int access_default(const struct policy *policy, enum enforce_direction direction)
{
	return policy == NULL || policy_observes(policy, NULL) ? POLICY_ACCEPT
							       : access_verdict(policy, direction);
}

bool access_limits(const struct policy *policy, enum enforce_direction direction)
{
	size_t count = 0;
	if (policy == NULL) {
		return false;
	}
	(void)access_declarations(&count, policy, direction);
	/* What passes through is counted also where it is only observed. */
	return direction == ENFORCE_INBOUND ||
	       ((direction == ENFORCE_FORWARD || !policy_observes(policy, NULL)) &&
		(count > 0 || access_verdict(policy, direction) != POLICY_ACCEPT));
}

bool enforce_limits_forward(const struct policy *policy)
{
	return access_limits(policy, ENFORCE_FORWARD);
}

bool enforce_limits_outbound(const struct policy *policy)
{
	return access_limits(policy, ENFORCE_OUTBOUND);
}

/* ---- of one declaration ---- */

usec_t access_left(const struct policy_declaration *declaration,
		   const struct enforce_environment *environment)
{
	if (declaration->until == POLICY_NO_DATE) {
		return 0;
	}
	usec_t left = environment->day_end(declaration->until) - environment->now;
	return left <= 0 ? -1 : left;
}

bool access_covers(const struct policy_declaration *declaration, enum protocol protocol,
		   uint16_t port)
{
	return declaration->ports.count == 0 || policy_names_port(declaration, protocol, port);
}

bool access_who_counts(const struct policy_who *who)
{
	return policy_who_located(who) || who->interface != NULL || who->mac.given;
}

bool access_is_internal(const struct policy *policy, const struct policy_declaration *declaration)
{
	for (size_t i = 0; i < declaration->from.count; i++) {
		const struct policy_from *from = &declaration->from.items[i];
		if (from->kind == POLICY_FROM_ANY || from->kind == POLICY_FROM_PREFIX ||
		    (from->kind == POLICY_FROM_WHO &&
		     access_who_counts(&policy->who.items[from->who]))) {
			return false;
		}
	}
	return true;
}

bool access_leads_anywhere(const struct policy_declaration *declaration)
{
	bool anywhere = declaration->to.count == 0;
	for (size_t i = 0; !anywhere && i < declaration->to.count; i++) {
		anywhere = declaration->to.items[i].kind == POLICY_FROM_ANY;
	}
	return anywhere;
}

bool access_who_is_place(const struct policy_who *who)
{
	return policy_who_located(who) || who->interface != NULL;
}

bool access_leads_nowhere(const struct policy *policy, const struct policy_declaration *declaration)
{
	const struct policy_declaration *d = declaration;
	bool nowhere = !access_leads_anywhere(d);
	for (size_t i = 0; nowhere && i < d->to.count; i++) {
		nowhere = d->to.items[i].kind == POLICY_FROM_WHO &&
			  !access_who_is_place(&policy->who.items[d->to.items[i].who]);
	}
	return nowhere;
}
