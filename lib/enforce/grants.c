/* Who may come through a door, as values that can be compared. */
#include "enforce/grants.h"

#include <errno.h>
#include <string.h>

static int add(struct grants *out, const struct gate *gate, const struct prefix *from,
	       const struct policy_who *who)
{
	struct grant *grant = vec_push(&out->list);
	if (grant == NULL) {
		return -ENOMEM;
	}
	*grant = (struct grant){ .interface = gate->declaration->interface,
				 .rate = gate->declaration->rate,
				 .left = gate->left };
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

static int add_who(struct grants *out, const struct gate *gate, const struct policy_who *who)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < who->addresses.count; i++) {
		r = add(out, gate, &who->addresses.items[i], who);
	}
	if (!policy_who_located(who) && access_who_counts(who)) {
		r = add(out, gate, NULL, who);
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
			r = add(out, gate, NULL, NULL);
		} else if (from->kind == POLICY_FROM_PREFIX) {
			r = add(out, gate, &from->prefix, NULL);
		} else if (from->kind == POLICY_FROM_WHO) {
			r = add_who(out, gate, &policy->who.items[from->who]);
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

/* Whether who fits `b` fits `a`; a declaration of outbound: names no container. */
static bool same_program(const struct policy_program *a, const struct policy_program *b)
{
	return same_word(a->user, b->user) && same_word(a->unit, b->unit) &&
	       same_word(a->executable, b->executable);
}

static bool covers(const struct grant *a, const struct grant *b)
{
	return contains(&a->from, &b->from) && same_word(a->interface, b->interface) &&
	       same_word(a->who_interface, b->who_interface) &&
	       same_program(&a->program, &b->program) &&
	       (!a->mac.given || (b->mac.given && memcmp(a->mac.bytes, b->mac.bytes, 6) == 0)) &&
	       allows(&a->rate, &b->rate) && (a->left == 0 || (b->left != 0 && a->left >= b->left));
}

bool grants_cover(const struct grants *a, const struct grants *b)
{
	const size_t budget = GRANTS_COMPARED_MAX;
	size_t spent = 0;
	for (size_t i = 0; i < b->list.count; i++) {
		/* Lists that are alike have the same item at the same place. */
		bool covered = i < a->list.count && covers(&a->list.items[i], &b->list.items[i]);
		for (size_t k = 0; !covered && k < a->list.count; k++) {
			covered = covers(&a->list.items[k], &b->list.items[i]);
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
