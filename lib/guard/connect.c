/* From `outbound:` to the set that the kernel's side looks into at connect() and sendmsg(). */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bpf/connect.h"
#include "guard/rule.h"

_Static_assert(CONNECT_PORT_RULES == POLICY_OUTBOUND_DECLARATIONS_MAX, "what a policy may say");
_Static_assert(CONNECT_NETWORKS_MAX == POLICY_OUTBOUND_NETWORKS_MAX, "likewise");

struct making {
	struct guard_connect connect;
	const struct policy *policy;
	const struct guard_days *days;
	const struct guard_environment *environment;
	struct portset kept[GUARD_PROTOCOLS];
	uint32_t rules;
	struct err *e;
};

bool guard_keeps_outbound(const struct policy *policy)
{
	for (size_t i = 0; i < policy->outbound.count; i++) {
		if (policy_names_program(&policy->outbound.items[i].program)) {
			return true;
		}
	}
	return false;
}

static int protocol_index(enum protocol protocol)
{
	return protocol == PROTOCOL_TCP ? GUARD_TCP : protocol == PROTOCOL_UDP ? GUARD_UDP : -1;
}

/* ---- one rule ---- */

/* The first `bits` of four words in network order. */
static void set_mask(__u32 mask[4], unsigned bits)
{
	for (unsigned i = 0; i < 4; i++) {
		const unsigned here = bits > 32 * i ? bits - 32 * i : 0;
		mask[i] = here >= 32  ? UINT32_MAX
			  : here == 0 ? 0
				      : htonl(UINT32_MAX << (32 - here));
	}
}

/* IPv4 as ::ffff:0:0/96. */
static int add_network(struct connect_rule *rule, const struct prefix *prefix)
{
	if (rule->network_count == CONNECT_NETWORKS_MAX) {
		return -E2BIG;
	}
	struct connect_network *network = &rule->networks[rule->network_count++];
	const bool four = prefix->address.family == ADDR_IPV4;
	uint8_t bytes[16] = { 0 };
	if (four) {
		bytes[10] = bytes[11] = 0xff;
	}
	memcpy(bytes + (four ? 12 : 0), prefix->address.bytes, four ? 4 : 16);
	memcpy(network->address, bytes, sizeof(bytes));
	set_mask(network->mask, prefix->bits + (four ? 96U : 0U));
	for (unsigned i = 0; i < 4; i++) {
		network->address[i] &= network->mask[i];
	}
	return 0;
}

/* A host name may stand for more than could be counted when the policy was read. */
static int add_targets(struct making *making, struct connect_rule *rule,
		       const struct policy_declaration *d)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < d->from.count; i++) {
		const struct policy_from *to = &d->from.items[i];
		if (to->kind == POLICY_FROM_ANY) {
			rule->flags |= CONNECT_ANYWHERE;
		} else if (to->kind == POLICY_FROM_PREFIX) {
			r = add_network(rule, &to->prefix);
		} else if (to->kind == POLICY_FROM_WHO) {
			const struct policy_who *who = &making->policy->who.items[to->who];
			for (size_t k = 0; r == 0 && k < who->addresses.count; k++) {
				r = add_network(rule, &who->addresses.items[k]);
			}
		}
	}
	return r < 0 ? err_set(making->e, r, "outbound: %s: more than %d networks", d->entry.name,
			       CONNECT_NETWORKS_MAX)
		     : 0;
}

static void set_end(struct making *making, struct connect_rule *rule,
		    const struct policy_declaration *d)
{
	if (d->until == POLICY_NO_DATE) {
		return;
	}
	const usec_t left = making->days->day_end(d->until) - making->environment->now;
	if (left <= 0) {
		rule->flags |= CONNECT_NOBODY;
	} else {
		rule->ends_ns = (uint64_t)(making->days->boot + left) * 1000;
	}
}

static int add_notes(struct making *making, uint32_t notes, const struct policy_declaration *d)
{
	for (unsigned kind = 0; kind < 32; kind++) {
		struct guard_note *note =
			(notes >> kind & 1) == 0 ? NULL : vec_push(&making->connect.notes);
		if (note != NULL) {
			*note = (struct guard_note){ (enum guard_note_kind)kind, d };
		} else if ((notes >> kind & 1) != 0) {
			return err_system(making->e, ENOMEM, "outbound");
		}
	}
	return 0;
}

/* What such a container sends is forwarded: no program of it stands in this network. */
static bool has_own_network(const struct guard_environment *environment,
			    const struct guard_rule *who)
{
	char id[sizeof(who->name) + 1] = "";
	memcpy(id, who->name, sizeof(who->name));
	return (who->flags & GUARD_RULE_CONTAINER) != 0 && who->name_bytes > 0 &&
	       environment->own_network != NULL &&
	       environment->own_network(environment->context, id);
}

static int make_rule(struct making *making, struct connect_rule *rule,
		     const struct policy_declaration *d)
{
	uint32_t notes = 0;
	int r = add_targets(making, rule, d);
	if (r < 0) {
		return r;
	}
	set_end(making, rule, d);
	if (!policy_has_program(&d->program)) {
		rule->flags |= CONNECT_ANYBODY;
		return 0;
	}
	r = rule_make(&rule->who, &notes, d, making->environment, making->e);
	if (r == 0 && (rule->who.flags & GUARD_RULE_WATCH) != 0) {
		rule->flags |= CONNECT_NOBODY;
	}
	if (r == 0 && has_own_network(making->environment, &rule->who)) {
		notes |= 1U << GUARD_NOTE_OWN_NETWORK;
	}
	return r < 0 ? r : add_notes(making, notes, d);
}

/* ---- ports ---- */

static void add_to_port(struct connect_port *port, uint16_t number)
{
	for (unsigned i = 0; i < CONNECT_PORT_RULES; i++) {
		if (port->rules[i] == number) {
			return;
		}
		if (port->rules[i] == 0) {
			port->rules[i] = number;
			return;
		}
	}
}

static void keep(struct making *making, const struct policy_declaration *d)
{
	for (size_t i = 0; policy_names_program(&d->program) && i < d->ports.count; i++) {
		const struct policy_ports *p = &d->ports.items[i];
		const int index = protocol_index(p->protocol);
		if (index >= 0) {
			portset_add_range(&making->kept[index], p->first, p->last);
		}
	}
}

/* The first kept port of a run; -1 when there is none. */
static int32_t first_kept(const struct making *making, const struct policy_ports *p, uint32_t from)
{
	const int index = protocol_index(p->protocol);
	const int32_t port = index < 0 ? -1 : portset_next(&making->kept[index], from);
	return port > p->last ? -1 : port;
}

/* Every declaration of a kept port counts, also those that name no program. */
static int add_declaration(struct making *making, const struct policy_declaration *d)
{
	struct connect_set *set = making->connect.set;
	uint16_t number = 0;
	for (size_t i = 0; i < d->ports.count; i++) {
		const struct policy_ports *p = &d->ports.items[i];
		int32_t port = first_kept(making, p, p->first);
		if (port >= 0 && number == 0) {
			if (making->rules + 1 == CONNECT_RULES_MAX) {
				return err_set(making->e, E2BIG,
					       "more than %d declarations of outbound: concern "
					       "ports that are kept for programs",
					       CONNECT_RULES_MAX - 1);
			}
			number = (uint16_t)++making->rules;
			int r = make_rule(making, &set->rules[number], d);
			if (r < 0) {
				return r;
			}
		}
		for (; port >= 0; port = first_kept(making, p, (uint32_t)port + 1)) {
			const size_t index = (size_t)protocol_index(p->protocol);
			add_to_port(&set->ports[index << 16 | (size_t)port], number);
		}
	}
	return 0;
}

int guard_connect_compile(struct guard_connect *out, const struct policy *policy,
			  const struct guard_days *days,
			  const struct guard_environment *environment, struct err *e)
{
	struct making making = {
		.policy = policy, .days = days, .environment = environment, .e = e
	};
	making.connect.set = calloc(1, sizeof(*making.connect.set));
	if (making.connect.set == NULL) {
		return err_system(e, ENOMEM, "outbound");
	}
	struct guard_head *head = &making.connect.set->head;
	head->version = CONNECT_VERSION;
	head->enforce = !policy_observes(policy, NULL);
	rule_set_head(head, environment);
	for (size_t i = 0; i < policy->outbound.count; i++) {
		keep(&making, &policy->outbound.items[i]);
	}
	int r = 0;
	for (size_t i = 0; r == 0 && i < policy->outbound.count; i++) {
		r = add_declaration(&making, &policy->outbound.items[i]);
	}
	if (r < 0) {
		guard_connect_deinit(&making.connect);
		return r;
	}
	head->rule_count = making.rules;
	making.connect.ports =
		portset_count(&making.kept[GUARD_TCP]) + portset_count(&making.kept[GUARD_UDP]);
	*out = making.connect;
	return 0;
}

void guard_connect_deinit(struct guard_connect *connect)
{
	if (connect != NULL) {
		freep(&connect->set);
		vec_free(&connect->notes);
		*connect = (struct guard_connect){ 0 };
	}
}

/* ---- comparing ---- */

static bool ends_alike(uint64_t a, uint64_t b)
{
	const uint64_t minute_ns = 60ULL * 1000 * 1000 * 1000;
	return (a == 0) == (b == 0) && (a > b ? a - b : b - a) < minute_ns;
}

static bool rules_alike(const struct connect_rule *a, const struct connect_rule *b)
{
	return memcmp(&a->who, &b->who, sizeof(a->who)) == 0 && a->flags == b->flags &&
	       ends_alike(a->ends_ns, b->ends_ns) && a->network_count == b->network_count &&
	       memcmp(a->networks, b->networks, sizeof(a->networks)) == 0;
}

bool guard_connect_alike(const struct connect_set *a, const struct connect_set *b)
{
	bool alike = a->head.enforce == b->head.enforce &&
		     a->head.netns_cookie == b->head.netns_cookie && a->head.root == b->head.root &&
		     a->head.rule_count == b->head.rule_count &&
		     memcmp(a->head.folders, b->head.folders, sizeof(a->head.folders)) == 0 &&
		     memcmp(a->ports, b->ports, sizeof(a->ports)) == 0;
	for (size_t i = 0; alike && i < CONNECT_RULES_MAX; i++) {
		alike = rules_alike(&a->rules[i], &b->rules[i]);
	}
	return alike;
}
