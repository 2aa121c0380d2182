/* What was declared: silent, over, due, twice, in the wrong range. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "review/rules.h"

static bool offering_in(const struct offering *offering, const struct policy_ports *ports)
{
	return offering->protocol == protocol_registry(ports->protocol) &&
	       offering->port >= ports->first && offering->port <= ports->last;
}

static bool published_in(const struct published *published, const struct policy_ports *ports)
{
	return protocol_registry(published->protocol) == protocol_registry(ports->protocol) &&
	       published->first_port <= ports->last && published->last_port >= ports->first;
}

/* The first service inside the ports; NULL when nothing listens there. */
static const struct offering *first_inside(const struct review *review,
					   const struct policy_ports *ports)
{
	for (size_t i = 0; i < review->offerings.list.count; i++) {
		if (offering_in(&review->offerings.list.items[i], ports)) {
			return &review->offerings.list.items[i];
		}
	}
	return NULL;
}

static bool is_live(const struct review *review, const struct policy_ports *ports)
{
	const struct inventory *inventory = review->in->inventory;
	if (first_inside(review, ports) != NULL) {
		return true;
	}
	for (size_t i = 0; i < inventory->published.count; i++) {
		if (published_in(&inventory->published.items[i], ports)) {
			return true;
		}
	}
	return false;
}

/* Every number that was written down should answer; a profile names all that its use may need
 * (HTTPS: also UDP for HTTP/3), so one of them is enough. */
static void silent(struct review *review, const struct policy_declaration *declaration)
{
	const struct policy_ports *first = NULL;
	struct str list = STR_INIT(4096);
	size_t silent_count = 0;
	for (size_t i = 0; i < declaration->ports.count; i++) {
		const struct policy_ports *ports = &declaration->ports.items[i];
		if (is_live(review, ports)) {
			continue;
		}
		first = first == NULL ? ports : first;
		str_add(&list, silent_count++ == 0 ? "" : ", ");
		policy_ports_format(&list, ports);
	}
	bool enough = declaration->profile != NULL && silent_count < declaration->ports.count;
	if (silent_count > 0 && !enough) {
		struct finding *finding = review_add_declaration(review, "declared-but-silent",
								 SEVERITY_LOW, declaration, first);
		review_fact(review, finding, "silent", str_text(&list));
	}
	str_deinit(&list);
}

/* `until` is the last day that the port is open. */
static bool is_expired(const struct review *review, const struct policy_declaration *declaration)
{
	return declaration->until != POLICY_NO_DATE && declaration->until < review->in->today;
}

static void expired(struct review *review, const struct policy_declaration *declaration)
{
	char date[POLICY_DATE_TEXT_BYTES];
	const struct policy_ports *ports = &declaration->ports.items[0];
	const struct offering *offering = NULL;
	for (size_t i = 0; i < declaration->ports.count && offering == NULL; i++) {
		offering = first_inside(review, &declaration->ports.items[i]);
		ports = offering != NULL ? &declaration->ports.items[i] : ports;
	}
	struct finding *finding = review_add_declaration(
		review, "declaration-expired", offering != NULL ? SEVERITY_MEDIUM : SEVERITY_LOW,
		declaration, ports);
	review_fact(review, finding, "until", policy_date_format(declaration->until, date));
	if (finding != NULL && offering != NULL) {
		finding->listener = offering->listener;
	}
}

static void overdue(struct review *review, const struct policy_declaration *declaration)
{
	enum { YEAR_DAYS = 365 };
	char date[POLICY_DATE_TEXT_BYTES];
	if (declaration->review == POLICY_NO_DATE || declaration->review >= review->in->today) {
		return;
	}
	struct finding *finding = review_add_declaration(review, "review-overdue", SEVERITY_LOW,
							 declaration, &declaration->ports.items[0]);
	review_fact(review, finding, "due", policy_date_format(declaration->review, date));
	review_fact(review, finding, "next",
		    policy_date_format((int32_t)review->in->today + YEAR_DAYS, date));
}

/* The part of the ports that the kernel may give to an outgoing connection. */
static bool clash_part(const struct review *review, const struct policy_ports *ports,
		       struct policy_ports *out)
{
	const struct inventory *inventory = review->in->inventory;
	const struct port_range *range = &inventory->ephemeral;
	out->protocol = ports->protocol;
	out->first = ports->first > range->first ? ports->first : range->first;
	out->last = ports->last < range->last ? ports->last : range->last;
	for (uint32_t port = out->first; port <= out->last; port++) {
		if (!portset_has(&inventory->reserved, (uint16_t)port)) {
			return range->last != 0;
		}
	}
	return false;
}

static void declared_in_ephemeral(struct review *review,
				  const struct policy_declaration *declaration)
{
	for (size_t i = 0; i < declaration->ports.count; i++) {
		struct policy_ports part;
		if (clash_part(review, &declaration->ports.items[i], &part)) {
			struct finding *finding = review_add_declaration(
				review, "ephemeral-clash", SEVERITY_MEDIUM, declaration, &part);
			review_reserve_command(review, finding, part.first, part.last);
			return;
		}
	}
}

/* ---- the same port twice ---- */

/* Who declared each port of a protocol first; 1 + index, 0 = nobody. */
struct first_claims {
	enum protocol protocol;
	uint32_t claims[UINT16_MAX + 1];
};

static bool meet(const struct policy_declaration *a, const struct policy_declaration *b)
{
	return a->interface == NULL || b->interface == NULL ||
	       strcmp(a->interface, b->interface) == 0;
}

static void duplicate(struct review *review, const struct policy_declaration *declaration,
		      const struct policy_declaration *other, enum protocol protocol, uint16_t port)
{
	const struct policy_ports ports = { protocol, port, port };
	struct finding *finding = review_add_declaration(review, "duplicate-declaration",
							 SEVERITY_MEDIUM, declaration, &ports);
	review_fact(review, finding, "other", other->entry.name);
	review_fact_printf(review, finding, "other_place", "%s:%u", other->entry.place.file,
			   other->entry.place.line);
}

/* Claims the ports. @return the declaration that had one of them before, with that port. */
static const struct policy_declaration *claim(struct first_claims *claims,
					      const struct policy *policy, size_t index,
					      const struct policy_ports *ports, uint16_t *where)
{
	const struct policy_declaration *declaration = &policy->declarations.items[index];
	const struct policy_declaration *before = NULL;
	for (uint32_t port = ports->first; port <= ports->last; port++) {
		uint32_t first = claims->claims[port];
		if (first == 0) {
			claims->claims[port] = (uint32_t)index + 1;
		} else if (before == NULL && first != index + 1 &&
			   meet(declaration, &policy->declarations.items[first - 1])) {
			before = &policy->declarations.items[first - 1];
			*where = (uint16_t)port;
		}
	}
	return before;
}

/* One finding for each declaration that repeats a port of an earlier one. */
static void duplicates(struct review *review, struct first_claims *claims)
{
	const struct policy *policy = review->in->policy;
	for (size_t i = 0; i < policy->declarations.count; i++) {
		const struct policy_declaration *declaration = &policy->declarations.items[i];
		const struct policy_declaration *before = NULL;
		uint16_t where = 0;
		for (size_t k = 0; k < declaration->ports.count; k++) {
			const struct policy_ports *ports = &declaration->ports.items[k];
			if (protocol_registry(ports->protocol) != claims->protocol) {
				continue;
			}
			uint16_t port = 0;
			const struct policy_declaration *found =
				claim(claims, policy, i, ports, &port);
			if (before == NULL && found != NULL) {
				before = found;
				where = port;
			}
		}
		if (before != NULL) {
			duplicate(review, declaration, before, claims->protocol, where);
		}
	}
}

static void find_duplicates(struct review *review)
{
	static const enum protocol protocols[] = { PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP,
						   PROTOCOL_DCCP };
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		_cleanup_(freep) struct first_claims *claims = calloc(1, sizeof(*claims));
		if (claims == NULL) {
			review->error = -ENOMEM;
			return;
		}
		claims->protocol = protocols[i];
		duplicates(review, claims);
	}
}

void rules_of_declarations(struct review *review)
{
	const struct policy *policy = review->in->policy;
	for (size_t i = 0; policy != NULL && i < policy->declarations.count; i++) {
		const struct policy_declaration *declaration = &policy->declarations.items[i];
		if (is_expired(review, declaration)) {
			expired(review, declaration);
			continue; /* what is over need not answer nor be looked at again */
		}
		silent(review, declaration);
		overdue(review, declaration);
		declared_in_ephemeral(review, declaration);
	}
	if (policy != NULL && policy->declarations.count > 1) {
		find_duplicates(review);
	}
}
