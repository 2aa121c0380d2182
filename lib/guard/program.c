/* Declared programs in the words of the policy. */
#include <string.h>

#include "guard/guard.h"
#include "guard/program.h"

bool program_is_given(const struct policy_program *program)
{
	return program->unit != NULL || program->executable != NULL || program->user != NULL ||
	       program->container != NULL;
}

void program_format(struct str *out, const struct policy_program *program)
{
	const struct {
		const char *key, *value;
	} parts[] = { { "unit", program->unit },
		      { "executable", program->executable },
		      { "user", program->user },
		      { "container", program->container } };
	const char *comma = "";
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (parts[i].value != NULL) {
			str_printf(out, "%s%s: %s", comma, parts[i].key, parts[i].value);
			comma = ", ";
		}
	}
}

void guard_programs_format(struct str *out, const struct policy *policy, enum protocol protocol,
			   uint16_t port)
{
	const struct policy_declaration *declaration = NULL;
	const char *bar = "";
	while ((declaration = policy_declaration_for(policy, protocol, port, NULL, declaration))) {
		if (program_is_given(&declaration->program)) {
			str_add(out, bar);
			program_format(out, &declaration->program);
			bar = " | ";
		}
	}
}

/* ---- outbound ---- */

enum { TARGETS_SHOWN = 4 };

static void add_targets(struct str *out, const struct policy *policy,
			const struct policy_declaration *d)
{
	char text[PREFIX_TEXT_BYTES];
	for (size_t i = 0; i < d->from.count && i <= TARGETS_SHOWN; i++) {
		const struct policy_from *to = &d->from.items[i];
		if (to->kind == POLICY_FROM_ANY) {
			return;
		}
		str_add(out, i == 0 ? " to " : ", ");
		str_add(out, i == TARGETS_SHOWN            ? "..."
			     : to->kind == POLICY_FROM_WHO ? policy->who.items[to->who].entry.name
							   : prefix_format(&to->prefix, text));
	}
}

static const struct policy_declaration *next_for(const struct policy *policy,
						 enum protocol protocol, uint16_t port,
						 const struct policy_declaration *after)
{
	size_t i = after == NULL ? 0 : (size_t)(after - policy->outbound.items) + 1;
	while (i < policy->outbound.count &&
	       !policy_names_port(&policy->outbound.items[i], protocol, port)) {
		i++;
	}
	return i < policy->outbound.count ? &policy->outbound.items[i] : NULL;
}

void guard_declaration_format(struct str *out, const struct policy *policy,
			      const struct policy_declaration *declaration)
{
	if (program_is_given(&declaration->program)) {
		program_format(out, &declaration->program);
	} else {
		str_add(out, "anybody");
	}
	add_targets(out, policy, declaration);
}

void guard_outbound_format(struct str *out, const struct policy *policy, enum protocol protocol,
			   uint16_t port)
{
	const struct policy_declaration *d = NULL;
	const char *bar = "";
	while ((d = next_for(policy, protocol, port, d)) != NULL) {
		str_add(out, bar);
		guard_declaration_format(out, policy, d);
		bar = " | ";
	}
}
