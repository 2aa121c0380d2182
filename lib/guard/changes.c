/* What the guard of one policy does otherwise than that of another. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bpf/guard.h"
#include "guard/guard.h"
#include "guard/program.h"

enum {
	ARENA_BYTES = 64 * 1024 * 1024, /* 131,072 ports with a line of their own each */
	TEXT_BYTES = 4096,              /* four programs */
};

/* ---- the guard of a policy, wherever it is: names stand for themselves ---- */

static int any_user(void *context, uint32_t *uid, const char *name)
{
	(void)context, (void)name;
	*uid = 0;
	return 0;
}

static int any_executable(void *context, struct guard_file *out, const char *path)
{
	(void)context;
	(void)str_copy(out->path, sizeof(out->path), path);
	return 0;
}

static int any_container(void *context, char id[GUARD_ID_BYTES], const char *name)
{
	(void)context, (void)name;
	(void)str_copy(id, GUARD_ID_BYTES, "0");
	return 0;
}

/* One side of the comparison. */
struct side {
	struct guard_table table;                                   /* zeroed = it guards nothing */
	const struct policy_declaration *programs[GUARD_RULES_MAX]; /* by number of the rule */
};

/* guard_compile() numbers the declarations with a program as they come. */
static void number_programs(struct side *side, const struct policy *policy)
{
	size_t number = 0;
	for (size_t i = 0; i < policy->declarations.count; i++) {
		const struct policy_declaration *declaration = &policy->declarations.items[i];
		if (program_is_given(&declaration->program) && number + 1 < GUARD_RULES_MAX) {
			side->programs[++number] = declaration;
		}
	}
}

static int side_init(struct side *side, const struct policy *policy, struct err *e)
{
	static const struct guard_environment anywhere = { .user = any_user,
							   .executable = any_executable,
							   .container = any_container };
	if (policy == NULL || !guard_is_wanted(policy)) {
		return 0;
	}
	const struct guard_options options = guard_options_of(policy);
	number_programs(side, policy);
	return guard_compile(&side->table, policy, &options, &anywhere, e);
}

static const struct guard_port *row_of(const struct side *side, size_t index)
{
	static const struct guard_port none;
	return side->table.set == NULL ? &none : &side->table.set->ports[index];
}

static bool refuses(const struct side *side, const struct guard_port *row)
{
	const struct guard_set *set = side->table.set;
	bool refused = set != NULL && set->head.enforce != 0 && row->rules[0] != 0;
	for (unsigned i = 0; i < GUARD_PORT_RULES && row->rules[i] != 0; i++) {
		refused = refused && (set->rules[row->rules[i]].flags & GUARD_RULE_WATCH) == 0;
	}
	return refused;
}

static void describe(struct str *out, const struct side *side, const struct guard_port *row)
{
	str_clear(out);
	for (unsigned i = 0; i < GUARD_PORT_RULES && row->rules[i] != 0; i++) {
		str_add(out, i == 0 ? "" : " | ");
		program_format(out, &side->programs[row->rules[i]]->program);
	}
}

/* ---- the comparison ---- */

struct comparison {
	struct guard_changes *out;
	struct side before, after;
	struct str text_before, text_after;
	struct err *e;
};

static bool same_row(const struct guard_port *a, const struct guard_port *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* The first port behind those that are treated alike, on both sides. */
static uint32_t end_of_span(const struct comparison *c, size_t protocol, uint32_t first)
{
	const size_t at = protocol << 16;
	uint32_t end = first + 1;
	while (end <= UINT16_MAX &&
	       same_row(row_of(&c->before, at | end), row_of(&c->before, at | first)) &&
	       same_row(row_of(&c->after, at | end), row_of(&c->after, at | first))) {
		end++;
	}
	return end;
}

static int add_change(struct comparison *c, const struct policy_ports *ports,
		      const struct guard_change *change)
{
	struct arena *arena = &c->out->arena;
	struct guard_change *added = vec_push(&c->out->list);
	struct str text = STR_INIT(64);
	policy_ports_format(&text, ports);
	int r = text.error;
	if (added != NULL) {
		*added = *change;
		added->ports = arena_strdup(arena, str_text(&text));
		added->before = arena_strdup(arena, str_text(&c->text_before));
		added->after = arena_strdup(arena, str_text(&c->text_after));
	}
	str_deinit(&text);
	if (added == NULL || added->ports == NULL || added->before == NULL ||
	    added->after == NULL) {
		r = -ENOMEM;
	}
	return r < 0 ? err_system(c->e, r, "bind guard") : 0;
}

static int compare_span(struct comparison *c, size_t protocol, uint32_t first, uint32_t last)
{
	const struct guard_port *before = row_of(&c->before, protocol << 16 | first);
	const struct guard_port *after = row_of(&c->after, protocol << 16 | first);
	if (before->rules[0] == 0 && after->rules[0] == 0) {
		return 0;
	}
	describe(&c->text_before, &c->before, before);
	describe(&c->text_after, &c->after, after);
	const struct guard_change change = {
		.kind = before->rules[0] == 0  ? GUARD_KEPT
			: after->rules[0] == 0 ? GUARD_FREED
					       : GUARD_ALTERED,
		.refused_before = refuses(&c->before, before),
		.refused_after = refuses(&c->after, after),
	};
	if (strcmp(str_text(&c->text_before), str_text(&c->text_after)) == 0 &&
	    change.refused_before == change.refused_after) {
		return 0;
	}
	const struct policy_ports ports = { protocol == GUARD_TCP ? PROTOCOL_TCP : PROTOCOL_UDP,
					    (uint16_t)first, (uint16_t)last };
	return add_change(c, &ports, &change);
}

static int compare(struct comparison *c)
{
	int r = 0;
	for (size_t protocol = 0; protocol < GUARD_PROTOCOLS; protocol++) {
		for (uint32_t first = 1; r == 0 && first <= UINT16_MAX;) {
			const uint32_t end = end_of_span(c, protocol, first);
			r = compare_span(c, protocol, first, end - 1);
			first = end;
		}
	}
	return r;
}

int guard_changes(struct guard_changes *out, const struct policy *before,
		  const struct policy *after, struct err *e)
{
	struct comparison *c = calloc(1, sizeof(*c));
	*out = (struct guard_changes){ 0 };
	arena_init(&out->arena, ARENA_BYTES);
	if (c == NULL) {
		return err_system(e, ENOMEM, "bind guard");
	}
	c->out = out;
	c->e = e;
	c->text_before = c->text_after = STR_INIT(TEXT_BYTES);
	int r = side_init(&c->before, before, e);
	if (r == 0) {
		r = side_init(&c->after, after, e);
	}
	if (r == 0) {
		r = compare(c);
	}
	guard_table_deinit(&c->before.table);
	guard_table_deinit(&c->after.table);
	str_deinit(&c->text_before);
	str_deinit(&c->text_after);
	free(c);
	return r;
}

void guard_changes_deinit(struct guard_changes *changes)
{
	vec_free(&changes->list);
	arena_deinit(&changes->arena);
}

const char *guard_change_name(enum guard_change_kind kind)
{
	static const char *const names[] = { "kept", "freed", "altered" };
	return names[kind];
}
