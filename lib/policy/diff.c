/* Two policies compared in their normal form. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/vec.h"
#include "policy/policy.h"
#include "policy/tree.h"

struct diff {
	struct policy_changes *out;
	VEC(struct policy_change) list;
	int error;
};

/* The value of a node as one line in the changes' arena; NULL for NULL. */
static const char *line(struct diff *d, const struct node *node)
{
	struct str text = STR_INIT(POLICY_TEXT_BYTES_MAX);
	if (node == NULL) {
		return NULL;
	}
	tree_line(&text, node);
	const char *copy = arena_strdup(&d->out->arena, str_text(&text));
	if (copy == NULL || text.error != 0) {
		d->error = -ENOMEM;
	}
	str_deinit(&text);
	return copy;
}

static void add(struct diff *d, const char *path, const struct node *before,
		const struct node *after)
{
	struct policy_change change = {
		.kind = before == NULL  ? POLICY_ADDED
			: after == NULL ? POLICY_REMOVED
					: POLICY_CHANGED,
		.path = path,
		.before = line(d, before),
		.after = line(d, after),
	};
	bool same = before != NULL && after != NULL && d->error == 0 &&
		    strcmp(change.before, change.after) == 0;
	struct policy_change *item = same || d->error != 0 ? NULL : vec_push(&d->list);
	if (item != NULL) {
		*item = change;
	} else if (!same) {
		d->error = -ENOMEM;
	}
}

/* The values of one mapping by key: maps of names may be long. */
struct lookup {
	const struct node *node;
	bool met;
	UT_hash_handle hh;
};

static struct lookup *lookup_new(struct diff *d, const struct node *mapping, struct lookup *items)
{
	struct lookup *table = NULL;
	size_t at = 0;
	for (const struct node *node = mapping->first; node != NULL; node = node->next) {
		struct lookup *item = &items[at++];
		*item = (struct lookup){ .node = node };
		HASH_ADD_KEYPTR(hh, table, node->key->text, strlen(node->key->text), item);
		if (item->hh.tbl == NULL) {
			d->error = -ENOMEM;
			break;
		}
	}
	return table;
}

static const char *join(struct diff *d, const char *path, const struct node *node)
{
	const char *joined = arena_printf(&d->out->arena, "%s%s%s", path,
					  path[0] == '\0' ? "" : ".", node->key->text);
	if (joined == NULL) {
		d->error = -ENOMEM;
	}
	return joined;
}

/* NOLINTBEGIN(misc-no-recursion): the normal form is five levels deep, whatever was read. */

/* Most of two policies is the same: found out before anything is written down. */
static bool same(const struct node *a, const struct node *b)
{
	if (a->kind != b->kind || a->count != b->count ||
	    (a->kind == NODE_TEXT && strcmp(a->text, b->text) != 0)) {
		return false;
	}
	const struct node *y = b->first;
	for (const struct node *x = a->first; x != NULL; x = x->next, y = y->next) {
		bool named = x->key == NULL || strcmp(x->key->text, y->key->text) == 0;
		if (!named || !same(x, y)) {
			return false;
		}
	}
	return true;
}

static void compare(struct diff *d, const char *path, const struct node *before,
		    const struct node *after);

/* What is in one alone comes where its neighbours are: removed and changed first, then added. */
static void compare_values(struct diff *d, const char *path, const struct node *before,
			   const struct node *after, struct lookup *table)
{
	struct lookup *other = NULL;
	for (const struct node *b = before->first; b != NULL && d->error == 0; b = b->next) {
		HASH_FIND_STR(table, b->key->text, other);
		if (other != NULL) {
			other->met = true;
		}
		const char *inner = other != NULL && same(b, other->node) ? NULL : join(d, path, b);
		if (inner != NULL) {
			compare(d, inner, b, other == NULL ? NULL : other->node);
		}
	}
	for (const struct node *a = after->first; a != NULL && d->error == 0; a = a->next) {
		HASH_FIND_STR(table, a->key->text, other);
		const char *inner = other == NULL || other->met ? NULL : join(d, path, a);
		if (inner != NULL) {
			add(d, inner, NULL, a);
		}
	}
}

static void compare_mappings(struct diff *d, const char *path, const struct node *before,
			     const struct node *after)
{
	struct lookup *items = calloc(after->count + 1U, sizeof(*items));
	if (items == NULL) {
		d->error = -ENOMEM;
		return;
	}
	struct lookup *table = lookup_new(d, after, items);
	if (d->error == 0) {
		compare_values(d, path, before, after, table);
	}
	HASH_CLEAR(hh, table);
	free(items);
}

static void compare(struct diff *d, const char *path, const struct node *before,
		    const struct node *after)
{
	if (after != NULL && before->kind == NODE_MAPPING && after->kind == NODE_MAPPING) {
		compare_mappings(d, path, before, after);
	} else {
		add(d, path, before, after);
	}
}

/* NOLINTEND(misc-no-recursion) */

/* A section that only one side has counts as empty on the other: its entries are what differs. */
static void add_sections(struct arena *arena, struct node *root)
{
	static const char *const sections[] = { "who",      "ports", "forward",
						"outbound", "hosts", "defend" };
	for (size_t i = 0; root != NULL && i < sizeof(sections) / sizeof(sections[0]); i++) {
		if (tree_get(root, sections[i]) == NULL) {
			(void)tree_put(arena, root, sections[i], tree_mapping(arena));
		}
	}
}

static int finish(struct diff *d)
{
	struct policy_changes *out = d->out;
	size_t bytes = d->list.count * sizeof(*d->list.items);
	if (d->error == 0 && d->list.count > 0) {
		out->list.items = arena_alloc(&out->arena, bytes);
		if (out->list.items == NULL) {
			d->error = -ENOMEM;
		} else {
			memcpy(out->list.items, d->list.items, bytes);
			out->list.count = d->list.count;
		}
	}
	vec_free(&d->list);
	if (d->error != 0) {
		policy_changes_deinit(out);
	}
	return d->error;
}

int policy_diff(struct policy_changes *out, const struct policy *before, const struct policy *after)
{
	struct diff d = { .out = out };
	struct arena arena;
	*out = (struct policy_changes){ 0 };
	arena_init(&arena, 0);
	struct node *a = policy_tree(&arena, before);
	struct node *b = policy_tree(&arena, after);
	add_sections(&arena, a);
	add_sections(&arena, b);
	if (a == NULL || b == NULL) {
		d.error = -ENOMEM;
	} else {
		compare(&d, "", a, b);
	}
	arena_deinit(&arena);
	return finish(&d);
}

void policy_changes_deinit(struct policy_changes *changes)
{
	if (changes != NULL) {
		arena_deinit(&changes->arena);
		*changes = (struct policy_changes){ 0 };
	}
}

const char *policy_change_name(enum policy_change_kind kind)
{
	static const char *const names[] = { "added", "removed", "changed" };
	return names[kind];
}
