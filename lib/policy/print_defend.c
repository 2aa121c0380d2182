/* The defence of a policy in the normal form: what differs from the fallbacks. */
#include <stdio.h>
#include <string.h>

#include "policy/form.h"
#include "policy/schema.h"
#include "policy/values.h"

/* A choice, a span or a number, unless it is the row's fallback (or 0: of no reading). */
static void put_value(struct form *f, struct node *mapping, const struct schema_key *row,
		      const char *field)
{
	char text[SPAN_WORD_BYTES] = "";
	if (row->type == SCHEMA_CHOICE && *(const int *)field != (int)row->fallback) {
		put_word(f, mapping, row->name, row->choices[*(const int *)field]);
	} else if (row->type == SCHEMA_SPAN && *(const usec_t *)field != 0 &&
		   *(const usec_t *)field != row->fallback * USEC_PER_SEC) {
		put_word(f, mapping, row->name, span_write(text, *(const usec_t *)field));
	} else if (row->type == SCHEMA_NUMBER && *(const uint32_t *)field != 0 &&
		   *(const uint32_t *)field != row->fallback) {
		(void)snprintf(text, sizeof(text), "%u", *(const uint32_t *)field);
		put_word(f, mapping, row->name, text);
	}
}

static void put_values(struct form *f, struct node *mapping, const struct schema_mapping *of,
		       const char *from)
{
	for (size_t i = 0; i < of->key_count; i++) {
		put_value(f, mapping, &of->keys[i], from + of->keys[i].offset);
	}
}

static void put_inner(struct form *f, struct node *mapping, const char *key, struct node *inner)
{
	if (inner == NULL || inner->count > 0) {
		put(f, mapping, key, inner);
	}
}

static void put_interfaces(struct form *f, struct node *mapping, const char *key,
			   const char *const *items, size_t count)
{
	struct node *list = tree_list(f->arena);
	for (size_t i = 0; i < count; i++) {
		(void)tree_add(list, tree_text(f->arena, items[i]));
	}
	f->failed |= list == NULL || list->count != count;
	put_list(f, mapping, key, list);
}

void put_defend(struct form *f, struct node *root)
{
	const struct policy_defend *d = &f->policy->defend;
	struct node *m = tree_mapping(f->arena);
	struct node *actions = tree_mapping(f->arena);
	struct node *xdp = tree_mapping(f->arena);
	put_values(f, actions, &schema_defend_actions, (const char *)&d->actions);
	put_interfaces(f, xdp, "generic", d->xdp.generic.items, d->xdp.generic.count);
	put_interfaces(f, xdp, "native", d->xdp.native.items, d->xdp.native.count);
	put_values(f, m, &schema_defend, (const char *)d);
	put_inner(f, m, "actions", actions);
	put_rate(f, m, &d->rate);
	put_ports(f, m, "decoys", d->decoys.items, d->decoys.count);
	put_from(f, m, "never", d->never.items, d->never.count);
	put_inner(f, m, "xdp", xdp);
	put_inner(f, root, "defend", m);
}
