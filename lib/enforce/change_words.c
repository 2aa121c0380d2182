/* Who gets in by a door, in the words of the policy. */
#include "enforce/change_words.h"

/* " (user _apt, unit apt-daily.service)" */
static void add_program_words(struct str *out, const struct policy_program *program)
{
	const char *mark = " (";
	const char *const keys[] = { "user", "unit", "executable", "container" };
	const char *const values[] = { program == NULL ? NULL : program->user,
				       program == NULL ? NULL : program->unit,
				       program == NULL ? NULL : program->executable,
				       program == NULL ? NULL : program->container };
	for (size_t i = 0; program != NULL && i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (values[i] != NULL) {
			(void)str_printf(out, "%s%s %s", mark, keys[i], values[i]);
			mark = ", ";
		}
	}
	(void)str_add(out, program == NULL ? "" : ")");
}

/* What the names of a who are frozen to: " (home.example.net 203.0.113.9 2001:db8::9)". */
static void add_names(struct str *out, const struct policy_who *who)
{
	enum { TOLD_MAX = 4 };
	for (size_t i = 0; i < who->names.count && i < TOLD_MAX; i++) {
		const struct policy_host_name *name = &who->names.items[i];
		(void)str_printf(out, "%s%s", i == 0 ? " (" : "; ", name->name);
		for (size_t k = 0; k < name->addresses.count && k < TOLD_MAX; k++) {
			char text[PREFIX_TEXT_BYTES];
			(void)str_printf(out, " %s",
					 prefix_format(&name->addresses.items[k], text));
		}
		(void)str_add(out, name->addresses.count > TOLD_MAX ? " ..." : "");
	}
	if (who->names.count > 0) {
		(void)str_add(out, who->names.count > TOLD_MAX ? "; ...)" : ")");
	}
}

/* " to dmz, 192.0.2.7 (eth1)" */
static void add_way_words(struct str *out, const struct policy *policy,
			  const struct policy_declaration *d)
{
	(void)str_add(out, " to "); /* kept in out->error, as all of it */
	for (size_t i = 0; i < d->to.count; i++) {
		(void)str_add(out, i == 0 ? "" : ", ");
		policy_from_format(out, policy, &d->to.items[i]);
		if (d->to.items[i].kind == POLICY_FROM_WHO) {
			add_names(out, &policy->who.items[d->to.items[i].who]);
		}
	}
	(void)str_add(out, d->to.count == 0 ? "any" : "");
	if (d->out != NULL) {
		(void)str_printf(out, " (%s)", d->out);
	}
}

/* @param between  what stands before a further gate. */
static void add_gate_words(struct str *out, const struct policy *policy, const struct gate *gate,
			   const char *between)
{
	const struct policy_declaration *d = gate->declaration;
	const char *comma = out->length > 0 ? between : "";
	for (size_t i = 0; !gate->closed && i < d->from.count; i++) {
		if (d->from.items[i].kind == POLICY_FROM_HOST) {
			continue;
		}
		(void)str_add(out, comma);
		comma = ", ";
		policy_from_format(out, policy, &d->from.items[i]);
		if (d->from.items[i].kind == POLICY_FROM_WHO) {
			add_names(out, &policy->who.items[d->from.items[i].who]);
		}
		if (d->interface != NULL) {
			(void)str_printf(out, " (%s)", d->interface);
		}
		add_program_words(out, gate->program);
	}
}

const char *change_words(struct arena *arena, const struct policy *policy,
			 const struct access *access, uint32_t door,
			 enum enforce_direction direction)
{
	struct str text = STR_INIT(1 << 20);
	const struct door *d = &access->doors.items[door];
	const bool forward = direction == ENFORCE_FORWARD;
	for (uint32_t i = 0; i < d->gate_count; i++) {
		const uint32_t index = access->gates_of_doors.items[d->first_gate + i];
		const struct gate *gate = &access->gates.items[index];
		add_gate_words(&text, policy, gate, forward ? "; " : ", ");
		if (forward && !gate->closed) {
			add_way_words(&text, policy, gate->declaration);
		}
	}
	const char *kept = text.length == 0 ? NULL : arena_strdup(arena, str_text(&text));
	str_deinit(&text);
	return kept;
}
