/* A policy file edited in place: what all edits share, and keys that are set. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/edit.h"

enum {
	NOW_BYTES_MAX = 8 * POLICY_FILE_BYTES_MAX,
	PICKED_MAX = 64, /* declarations that are worth being looked up */
};

/* ---- the way of an edit ---- */

void policy_edit_deinit(struct policy_edit *edit)
{
	if (edit != NULL) {
		free(edit->text);
		policy_deinit(&edit->after);
		policy_changes_deinit(&edit->changes);
		policy_diagnostics_deinit(&edit->diagnostics);
		arena_deinit(&edit->arena);
		*edit = (struct policy_edit){ 0 };
	}
}

int editing_begin(struct editing *e, struct policy_edit *out, const struct policy_text *text,
		  const struct policy_environment *environment)
{
	*e = (struct editing){ .out = out, .text = text, .environment = environment };
	*out = (struct policy_edit){ 0 };
	e->now = STR_INIT(NOW_BYTES_MAX);
	e->before = text->reading;
	if (e->before != NULL) {
		return 0;
	}
	int r = policy_read(&e->own, &out->diagnostics, text, environment);
	e->before = e->own;
	return r == POLICY_INVALID ? POLICY_EDIT_INVALID : r;
}

const struct policy *editing_before(const struct editing *e)
{
	return policy_reading_policy(e->before);
}

const struct policy *editing_after(const struct editing *e)
{
	return policy_reading_policy(e->after);
}

int editing_sheet(struct editing *e, struct sheet *sheet)
{
	struct policy_text text = *e->text;
	text.reading = e->before;
	if (e->now.length > 0) {
		text.bytes = str_text(&e->now);
		text.length = e->now.length;
		text.reading = e->after;
	}
	return sheet_init(sheet, &text, e->environment);
}

int editing_apply(struct editing *e, struct sheet *sheet)
{
	struct str next = STR_INIT(NOW_BYTES_MAX);
	int r = sheet_apply(&next, sheet);
	if (r == -EFBIG) {
		next.error = r;
		r = 0;
	}
	if (r != 0) {
		str_deinit(&next);
		return r;
	}
	e->after = policy_reading_free(e->after);
	str_deinit(&e->now);
	e->now = next;
	return 0;
}

/* Whether a text that is no policy is so because of what was asked, not of how it was written in.
 */
static int blame(struct editing *e)
{
	struct sheet sheet;
	int r = editing_sheet(e, &sheet);
	if (r == 0) {
		bool readable = e->now.error != 0 || !sheet.clean || sheet.root != NULL;
		r = readable ? POLICY_EDIT_REFUSED : POLICY_EDIT_BY_HAND;
	}
	sheet_deinit(&sheet);
	return r;
}

/* The declarations of a policy that stand in those entries. */
struct some {
	struct policy policy; /* borrows all but the list */
	VEC(struct policy_declaration) list;
};

static int pick(struct some *some, const struct policy *policy, const struct node *first,
		uint32_t count)
{
	some->policy = *policy;
	for (; count > 0; count--, first = first->next) {
		const struct policy_declaration *d =
			policy_declaration_named(policy, first->key->text);
		struct policy_declaration *item = d == NULL ? NULL : vec_push(&some->list);
		if (d != NULL && item == NULL) {
			return -ENOMEM;
		}
		if (item != NULL) {
			*item = *d;
		}
	}
	some->policy.declarations.items = some->list.items;
	some->policy.declarations.count = some->list.count;
	return 0;
}

/* Where only some entries were read anew, only they can be different. */
static int compare(struct editing *e)
{
	const struct spliced *spliced = &e->after->reader.spliced;
	struct policy_changes *changes = &e->out->changes;
	if (spliced->new_count == 0 || spliced->old_count + spliced->new_count > PICKED_MAX) {
		return policy_diff(changes, editing_before(e), editing_after(e));
	}
	struct some before = { 0 };
	struct some after = { 0 };
	int r = pick(&before, editing_before(e), spliced->old, spliced->old_count);
	r = r < 0 ? r : pick(&after, editing_after(e), spliced->new, spliced->new_count);
	r = r < 0 ? r : policy_diff(changes, &before.policy, &after.policy);
	vec_free(&before.list);
	vec_free(&after.list);
	return r;
}

int editing_judge(struct editing *e)
{
	struct policy_edit *out = e->out;
	const struct policy_text text = {
		.name = e->text->name,
		.bytes = str_text(&e->now),
		.length = e->now.error != 0 ? POLICY_FILE_BYTES_MAX + 1 : e->now.length,
	};
	policy_diagnostics_deinit(&out->diagnostics);
	int r = policy_read_again(&e->after, &out->diagnostics, &text, e->environment, e->before);
	if (r == POLICY_INVALID) {
		return blame(e);
	}
	return r < 0 ? r : compare(e);
}

int editing_confirm(struct editing *e, const char *name, const struct policy_setting *settings,
		    size_t count)
{
	struct sheet sheet;
	int r = editing_sheet(e, &sheet);
	const struct node *declaration = r == 0 ? sheet_declaration(&sheet, name) : NULL;
	for (size_t i = 0; i < count && r == 0; i++) {
		bool holds = declaration != NULL && setting_holds(declaration, &settings[i]);
		r = holds ? 0 : POLICY_EDIT_BY_HAND;
	}
	sheet_deinit(&sheet);
	return r;
}

int editing_part(struct editing *e, enum policy_part_kind kind, const struct policy_entry *entry)
{
	struct arena *arena = &e->out->arena;
	const char *name = arena_strdup(arena, entry->name);
	const char *file = arena_strdup(arena, entry->place.file);
	struct policy_part *part = vec_push(&e->parts);
	if (name == NULL || file == NULL || part == NULL) {
		return -ENOMEM;
	}
	*part = (struct policy_part){ kind,
				      { name, { file, entry->place.line, entry->place.column } } };
	return 0;
}

static int finish_parts(struct editing *e)
{
	size_t bytes = e->parts.count * sizeof(*e->parts.items);
	if (bytes == 0) {
		return 0;
	}
	e->out->parts.items = arena_alloc(&e->out->arena, bytes);
	if (e->out->parts.items == NULL) {
		return -ENOMEM;
	}
	memcpy(e->out->parts.items, e->parts.items, bytes);
	e->out->parts.count = e->parts.count;
	return 0;
}

int editing_finish(struct editing *e, int r)
{
	struct policy_edit *out = e->out;
	if (r == 0 || r == POLICY_EDIT_UNCHANGED) {
		int parts = finish_parts(e);
		r = parts < 0 ? parts : r;
	}
	if (r == 0) {
		policy_reading_take(&out->after, e->after);
		out->length = e->now.length;
		out->text = steal(&e->now.text);
	} else {
		policy_changes_deinit(&out->changes);
	}
	if (r != 0 && r != POLICY_EDIT_INVALID && r != POLICY_EDIT_REFUSED) {
		policy_diagnostics_deinit(&out->diagnostics);
	}
	str_deinit(&e->now);
	vec_free(&e->parts);
	e->own = policy_reading_free(e->own);
	e->after = policy_reading_free(e->after);
	return r;
}

const struct node *sheet_ports(const struct sheet *sheet)
{
	const struct node *ports = sheet->root == NULL ? NULL : tree_get(sheet->root, "ports");
	return ports != NULL && ports->kind == NODE_MAPPING ? ports : NULL;
}

const struct node *sheet_declaration(const struct sheet *sheet, const char *name)
{
	const struct node *ports = sheet_ports(sheet);
	const struct node *declaration = ports == NULL ? NULL : tree_get(ports, name);
	return declaration != NULL && declaration->kind == NODE_MAPPING ? declaration : NULL;
}

bool editing_here(const struct editing *e, const struct policy_entry *entry)
{
	return strcmp(entry->place.file, e->text->name) == 0;
}

/* ---- keys that are set ---- */

/* @return 0 or -EINVAL. */
static int check_settings(const struct policy_setting *settings, size_t count)
{
	static const struct {
		const char *key;
		size_t most;
	} keys[] = {
		{ "port", POLICY_EDIT_VALUES_MAX },
		{ "from", POLICY_EDIT_VALUES_MAX },
		{ "for", 1 },
		{ "owner", 1 },
		{ "encryption", 1 },
		{ "because", 1 },
		{ "rate", 1 },
		{ "until", 1 },
		{ "review", 1 },
		{ "interface", 1 },
		{ "cut", 1 },
	};
	bool seen[sizeof(keys) / sizeof(keys[0])] = { false };
	for (size_t i = 0; i < count; i++) {
		size_t k = 0;
		while (k < sizeof(keys) / sizeof(keys[0]) &&
		       strcmp(keys[k].key, settings[i].key) != 0) {
			k++;
		}
		if (k == sizeof(keys) / sizeof(keys[0]) || seen[k] ||
		    settings[i].count > keys[k].most) {
			return -EINVAL;
		}
		seen[k] = true;
	}
	return 0;
}

static int write_setting(struct editing *e, const char *name, const struct policy_setting *setting)
{
	struct sheet sheet;
	int r = editing_sheet(e, &sheet);
	const struct node *declaration = r == 0 ? sheet_declaration(&sheet, name) : NULL;
	if (declaration != NULL) { /* else a setting before made it unreadable: judged later */
		setting_write(&sheet, declaration, setting);
		r = editing_apply(e, &sheet);
	}
	sheet_deinit(&sheet);
	return r;
}

/* Whether a difference is of one of the keys that were set. */
static bool was_asked(const struct policy_change *change, const char *name,
		      const struct policy_setting *settings, size_t count)
{
	size_t length = strlen(name);
	if (!str_starts(change->path, "ports.") ||
	    strncmp(change->path + strlen("ports."), name, length) != 0) {
		return false;
	}
	const char *rest = change->path + strlen("ports.") + length;
	for (size_t i = 0; i < count; i++) {
		if (rest[0] == '.' && strcmp(rest + 1, settings[i].key) == 0) {
			return true;
		}
	}
	return false;
}

static int set(struct editing *e, const char *name, const struct policy_setting *settings,
	       size_t count)
{
	const struct policy_declaration *d = policy_declaration_named(editing_before(e), name);
	if (d == NULL) {
		return POLICY_EDIT_UNCHANGED;
	}
	bool here = editing_here(e, &d->entry);
	int r = editing_part(e, here ? POLICY_PART_CHANGED : POLICY_PART_ELSEWHERE, &d->entry);
	for (size_t i = 0; i < count && here && r == 0 && e->now.error == 0; i++) {
		r = write_setting(e, name, &settings[i]);
	}
	if (r != 0 || !here || count == 0) {
		return r == 0 ? POLICY_EDIT_UNCHANGED : r;
	}
	r = editing_judge(e);
	r = r != 0 ? r : editing_confirm(e, name, settings, count);
	const struct policy_changes *changes = &e->out->changes;
	for (size_t i = 0; i < changes->list.count && r == 0; i++) {
		bool asked = was_asked(&changes->list.items[i], name, settings, count);
		r = asked ? 0 : POLICY_EDIT_BY_HAND;
	}
	return r == 0 && changes->list.count == 0 ? POLICY_EDIT_UNCHANGED : r;
}

int policy_edit_set(struct policy_edit *out, const struct policy_text *text, const char *name,
		    const struct policy_setting *settings, size_t count,
		    const struct policy_environment *environment)
{
	struct editing e;
	*out = (struct policy_edit){ 0 };
	if (check_settings(settings, count) < 0) {
		return -EINVAL;
	}
	int r = editing_begin(&e, out, text, environment);
	return editing_finish(&e, r == 0 ? set(&e, name, settings, count) : r);
}
