/* Ports on which people depend who must never be locked out. */
#include <string.h>

#include "guard/guard.h"

enum { SECURE_SHELL = 22 };

static bool text_is(const char *text, const char *word)
{
	return text != NULL && strcmp(text, word) == 0;
}

static bool begins(const char *text, const char *head)
{
	return text != NULL && strncmp(text, head, strlen(head)) == 0;
}

/* By number, profile or program: whoever moved it to another port depends on it there. */
static bool is_secure_shell(const struct policy_declaration *declaration)
{
	const struct policy_program *program = &declaration->program;
	const char *slash = program->executable == NULL ? NULL : strrchr(program->executable, '/');
	if (text_is(declaration->profile, "ssh") || begins(program->unit, "ssh.") ||
	    begins(program->unit, "sshd.") || text_is(slash, "/sshd")) {
		return true;
	}
	for (size_t i = 0; i < declaration->ports.count; i++) {
		const struct policy_ports *ports = &declaration->ports.items[i];
		if (protocol_registry(ports->protocol) == PROTOCOL_TCP &&
		    ports->first <= SECURE_SHELL && SECURE_SHELL <= ports->last) {
			return true;
		}
	}
	return false;
}

static bool overlaps(const struct prefix *a, const struct prefix *b)
{
	return prefix_has(a, &b->address) || prefix_has(b, &a->address);
}

/* The networks of one item of `from` or `never_cut`. */
struct networks {
	const struct prefix *items;
	size_t count;
};

static struct networks networks_of(const struct policy *policy, const struct policy_from *from)
{
	if (from->kind == POLICY_FROM_WHO) {
		const struct policy_who *who = &policy->who.items[from->who];
		return (struct networks){ who->addresses.items, who->addresses.count };
	}
	return (struct networks){ &from->prefix, from->kind == POLICY_FROM_PREFIX };
}

/* Also when nobody has asked yet what the name stands for. */
static bool share_a_name(const struct policy_who *a, const struct policy_who *b)
{
	for (size_t i = 0; i < a->names.count; i++) {
		for (size_t k = 0; k < b->names.count; k++) {
			if (strcmp(a->names.items[i].name, b->names.items[k].name) == 0) {
				return true;
			}
		}
	}
	return false;
}

static bool meet(const struct policy *policy, const struct policy_from *a,
		 const struct policy_from *b)
{
	if (a->kind == POLICY_FROM_WHO && b->kind == POLICY_FROM_WHO &&
	    (a->who == b->who || /* also somebody known by interface alone */
	     share_a_name(&policy->who.items[a->who], &policy->who.items[b->who]))) {
		return true;
	}
	const struct networks left = networks_of(policy, a);
	const struct networks right = networks_of(policy, b);
	for (size_t i = 0; i < left.count; i++) {
		for (size_t k = 0; k < right.count; k++) {
			if (overlaps(&left.items[i], &right.items[k])) {
				return true;
			}
		}
	}
	return false;
}

bool guard_is_spared(const struct policy *policy, const struct policy_declaration *declaration)
{
	if (is_secure_shell(declaration)) {
		return true;
	}
	for (size_t i = 0; i < policy->never_cut.count; i++) {
		for (size_t k = 0; k < declaration->from.count; k++) {
			if (meet(policy, &policy->never_cut.items[i],
				 &declaration->from.items[k])) {
				return true;
			}
		}
	}
	return false;
}
