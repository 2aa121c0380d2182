/* Who may come through a door, as values that can be compared. */
#include "enforce/grants.h"

#include <errno.h>
#include <string.h>

static int add(struct grants *out, const struct policy *policy, const struct gate *gate,
	       const struct prefix *from, const struct policy_who *who)
{
	const struct policy_declaration *d = gate->declaration;
	struct grant *grant = vec_push(&out->list);
	if (grant == NULL) {
		return -ENOMEM;
	}
	const bool anywhere = d->out == NULL && access_leads_anywhere(d);
	*grant = (struct grant){ .interface = d->interface,
				 .rate = d->rate,
				 .left = gate->left,
				 .way = anywhere ? NULL : d,
				 .policy = policy };
	if (gate->program != NULL) {
		grant->program = *gate->program;
	}
	if (from != NULL) {
		grant->from = *from;
	}
	if (who != NULL) {
		grant->who_interface = who->interface;
		grant->mac = who->mac;
	}
	return 0;
}

static int add_who(struct grants *out, const struct policy *policy, const struct gate *gate,
		   const struct policy_who *who)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < who->addresses.count; i++) {
		r = add(out, policy, gate, &who->addresses.items[i], who);
	}
	if (!policy_who_located(who) && access_who_counts(who)) {
		r = add(out, policy, gate, NULL, who);
	}
	return r;
}

static int add_gate(struct grants *out, const struct policy *policy, const struct gate *gate)
{
	const struct policy_declaration *d = gate->declaration;
	int r = 0;
	for (size_t i = 0; r == 0 && !gate->closed && i < d->from.count; i++) {
		const struct policy_from *from = &d->from.items[i];
		if (from->kind == POLICY_FROM_ANY) {
			r = add(out, policy, gate, NULL, NULL);
		} else if (from->kind == POLICY_FROM_PREFIX) {
			r = add(out, policy, gate, &from->prefix, NULL);
		} else if (from->kind == POLICY_FROM_WHO) {
			r = add_who(out, policy, gate, &policy->who.items[from->who]);
		}
	}
	return r;
}

int grants_to_all(struct grants *out)
{
	struct grant *grant = vec_push(&out->list);
	return grant == NULL ? -ENOMEM : 0; /* zeroed: no condition at all */
}

int grants_of_door(struct grants *out, const struct policy *policy, const struct access *access,
		   const struct door *door)
{
	int r = door->observed ? grants_to_all(out) : 0;
	for (uint32_t i = 0; r == 0 && i < door->gate_count; i++) {
		uint32_t gate = access->gates_of_doors.items[door->first_gate + i];
		r = add_gate(out, policy, &access->gates.items[gate]);
	}
	return r;
}

static bool same_word(const char *a, const char *b)
{
	return a == NULL || (b != NULL && strcmp(a, b) == 0);
}

static bool contains(const struct prefix *a, const struct prefix *b)
{
	return a->address.family == ADDR_NONE || (a->address.family == b->address.family &&
						  a->bits <= b->bits && prefix_has(a, &b->address));
}

static bool allows(const struct policy_rate *a, const struct policy_rate *b)
{
	return a->count == 0 || (b->count != 0 && a->per == b->per && a->count >= b->count);
}

/* ---- where it may go ---- */

/* One place of a declaration's `to:`, with the interface of the declaration. */
struct place {
	struct prefix to;                /* family ADDR_NONE = anywhere */
	const char *out, *who_interface; /* NULL = no condition */
};

static bool place_has(const struct place *a, const struct place *b)
{
	return contains(&a->to, &b->to) && same_word(a->out, b->out) &&
	       same_word(a->who_interface, b->who_interface);
}

/* The nth place, counted over all items of the list. @return false behind the last one. */
static bool place_at(struct place *out, const struct grant *grant, size_t n)
{
	const struct policy_declaration *d = grant->way;
	*out = (struct place){ .out = d == NULL ? NULL : d->out };
	if (d == NULL || access_leads_anywhere(d)) {
		return n == 0;
	}
	for (size_t i = 0; i < d->to.count; i++) {
		const struct policy_from *to = &d->to.items[i];
		const struct policy_who *who =
			to->kind == POLICY_FROM_WHO ? &grant->policy->who.items[to->who] : NULL;
		const size_t addresses = who == NULL ? 1 : who->addresses.count;
		const bool by_interface =
			who != NULL && !policy_who_located(who) && access_who_is_place(who);
		const size_t places = by_interface ? 1 : addresses;
		if (n >= places) {
			n -= places;
			continue;
		}
		if (!by_interface) {
			out->to = who == NULL ? to->prefix : who->addresses.items[n];
		}
		out->who_interface = who == NULL ? NULL : who->interface;
		return true;
	}
	return false;
}

static bool goes_as_far(const struct grant *a, const struct grant *b, size_t *spent)
{
	struct place has;
	struct place wanted;
	bool covered = true;
	if (a->way == NULL || a->way == b->way) {
		return true;
	}
	for (size_t i = 0; covered && place_at(&wanted, b, i); i++) {
		covered = false;
		for (size_t k = 0; !covered && place_at(&has, a, k); k++) {
			covered = place_has(&has, &wanted);
			*spent += i + k + 1; /* places are found by counting */
			if (*spent > GRANTS_COMPARED_MAX) {
				return false;
			}
		}
	}
	return covered;
}

/* Whether who fits `b` fits `a`. */
static bool same_program(const struct policy_program *a, const struct policy_program *b)
{
	return same_word(a->user, b->user) && same_word(a->unit, b->unit) &&
	       same_word(a->executable, b->executable) && same_word(a->container, b->container);
}

static bool covers(const struct grant *a, const struct grant *b, size_t *spent)
{
	return contains(&a->from, &b->from) && same_word(a->interface, b->interface) &&
	       same_word(a->who_interface, b->who_interface) &&
	       same_program(&a->program, &b->program) &&
	       (!a->mac.given || (b->mac.given && memcmp(a->mac.bytes, b->mac.bytes, 6) == 0)) &&
	       allows(&a->rate, &b->rate) &&
	       (a->left == 0 || (b->left != 0 && a->left >= b->left)) && goes_as_far(a, b, spent);
}

bool grants_cover(const struct grants *a, const struct grants *b)
{
	const size_t budget = GRANTS_COMPARED_MAX;
	size_t spent = 0;
	for (size_t i = 0; i < b->list.count; i++) {
		/* Lists that are alike have the same item at the same place. */
		bool covered =
			i < a->list.count && covers(&a->list.items[i], &b->list.items[i], &spent);
		for (size_t k = 0; !covered && k < a->list.count; k++) {
			covered = covers(&a->list.items[k], &b->list.items[i], &spent);
			if (++spent > budget) {
				return false;
			}
		}
		if (!covered) {
			return false;
		}
	}
	return true;
}
