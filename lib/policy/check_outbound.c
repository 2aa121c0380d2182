/* What takes all of `outbound:` to judge. */
#include <string.h>

#include "policy/check.h"

/* Every who by its number; they wait in the order of reading. */
static const struct policy_who **list_who(struct reader *reader)
{
	const struct bag *bag = bag_find(reader, &reader->policy.who);
	const struct policy_who **list =
		reader_alloc(reader, (bag == NULL ? 1 : bag->count) * sizeof(struct policy_who *));
	for (const struct draft *d = bag == NULL ? NULL : bag->drafts; list != NULL && d != NULL;
	     d = d->hh.next) {
		list[d->index] = d->entry;
	}
	return list;
}

/* Where a packet goes is told by its address and its interface, not by what shows itself only when
 * somebody comes. */
static void check_to(struct reader *reader, const struct view *v, const struct policy_who **known)
{
	const struct policy_declaration *d = v->declaration;
	for (size_t i = 0; i < d->from.count; i++) {
		const struct policy_from *to = &d->from.items[i];
		const struct policy_who *who = to->kind == POLICY_FROM_WHO ? known[to->who] : NULL;
		if (who != NULL && (who->mac.given || who->certificate.name != NULL)) {
			fault(reader, value_or_name(v, "to"), "policy-to-device", NULL,
			      ARGUMENTS({ "name", who->entry.name }));
		}
	}
}

/* ---- outbound ports that are kept for programs ---- */

enum { KEPT_PORTS = 2 * 65536 }; /* of TCP, then of UDP */

/* The ports that some declaration keeps for a program, of TCP and of UDP. */
struct kept {
	struct portset *sets;
	uint8_t *counts; /* of them: 1, and one more for each declaration that names them */
};

/* @return the ports' place in the counts; -1 for a protocol that programs cannot be told by. */
static int32_t kept_place(enum protocol protocol)
{
	return protocol == PROTOCOL_TCP ? 0 : protocol == PROTOCOL_UDP ? 65536 : -1;
}

static void keep_ports(struct reader *reader, const struct view *v, const struct kept *kept)
{
	const struct policy_declaration *d = v->declaration;
	for (size_t i = 0; policy_names_program(&d->program) && i < d->ports.count; i++) {
		const struct policy_ports *p = &d->ports.items[i];
		const int32_t place = kept_place(p->protocol);
		if (place < 0) {
			fault(reader, port_node(v, p), "policy-outbound-protocol", NULL,
			      NO_ARGUMENTS);
			continue;
		}
		memset(kept->counts + place + p->first, 1, p->last - p->first + 1U);
	}
}

/* @return whether the declaration names a port that is kept; counts it there. */
static bool names_kept(struct reader *reader, const struct view *v, const struct kept *kept)
{
	const struct policy_declaration *d = v->declaration;
	bool found = false;
	bool many = false;
	for (size_t i = 0; i < d->ports.count && !many; i++) {
		const struct policy_ports *p = &d->ports.items[i];
		const int32_t place = kept_place(p->protocol);
		const struct portset *set = place < 0 ? NULL : &kept->sets[place != 0];
		int32_t port = set == NULL ? -1 : portset_next(set, p->first);
		for (; port >= 0 && port <= p->last && !many;
		     port = portset_next(set, (uint32_t)port + 1)) {
			found = true;
			many = ++kept->counts[place + port] > POLICY_OUTBOUND_DECLARATIONS_MAX + 1;
		}
		if (many) {
			fault(reader, port_node(v, p), "policy-outbound-many", NULL, NO_ARGUMENTS);
		}
	}
	return found;
}

/* What the kernel's side cannot tell where connect() is asked: the interface, very many networks.
 */
static void check_kept(struct reader *reader, const struct view *v, const struct policy_who **known)
{
	const struct policy_declaration *d = v->declaration;
	size_t networks = 0;
	for (size_t i = 0; i < d->from.count; i++) {
		const struct policy_from *to = &d->from.items[i];
		const struct policy_who *who = to->kind == POLICY_FROM_WHO ? known[to->who] : NULL;
		networks += who != NULL ? who->addresses.count : 1;
		if (who != NULL && who->interface != NULL) {
			fault(reader, value_or_name(v, "to"), "policy-outbound-interface", NULL,
			      ARGUMENTS({ "name", who->entry.name }));
		}
	}
	if (networks > POLICY_OUTBOUND_NETWORKS_MAX) {
		fault(reader, value_or_name(v, "to"), "policy-outbound-networks", NULL,
		      NO_ARGUMENTS);
	}
}

static void collect_kept(const struct kept *kept)
{
	for (uint32_t i = 0; i < KEPT_PORTS; i++) {
		if (kept->counts[i] != 0) {
			portset_add(&kept->sets[i >> 16], (uint16_t)i);
		}
	}
}

static void check_programs(struct reader *reader, const struct bag *bag,
			   const struct policy_who **known)
{
	const struct kept kept = { reader_alloc(reader, 2 * sizeof(*kept.sets)),
				   reader_alloc(reader, KEPT_PORTS) };
	if (kept.sets == NULL || kept.counts == NULL) {
		return;
	}
	for (const struct draft *d = bag->drafts; d != NULL; d = d->hh.next) {
		keep_ports(reader, &(struct view){ .declaration = d->entry, .node = d->node },
			   &kept);
	}
	collect_kept(&kept);
	for (const struct draft *d = bag->drafts; d != NULL; d = d->hh.next) {
		const struct view v = { .declaration = d->entry, .node = d->node };
		if (names_kept(reader, &v, &kept)) {
			check_kept(reader, &v, known);
		}
	}
}

void check_outbound(struct reader *reader, const struct bag *bag)
{
	const struct policy_who **known = list_who(reader);
	for (const struct draft *d = bag->drafts; known != NULL && d != NULL; d = d->hh.next) {
		const struct view v = { .declaration = d->entry, .node = d->node };
		fill_owner(reader, &v);
		if (tree_get(v.node, "to") == NULL) {
			from_any(reader, v.declaration);
		}
		check_to(reader, &v, known);
		check_dates(reader, &v);
		check_confirmed(reader, &v);
	}
	if (known != NULL) {
		check_programs(reader, bag, known);
	}
}
