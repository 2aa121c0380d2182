/* Mappings read by the rows of the schema. */
#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "policy/reader.h"

enum { KEYS_MAX = 32 }; /* of one mapping; the longest row of the schema has 14 */

void *reader_alloc(struct reader *reader, size_t bytes)
{
	void *memory = arena_alloc(&reader->arena, bytes);
	if (memory == NULL) {
		reader->error = -ENOMEM;
	}
	return memory;
}

void *policy_alloc(struct reader *reader, size_t bytes)
{
	void *memory = arena_alloc(&reader->policy.arena, bytes);
	if (memory == NULL) {
		reader->error = -ENOMEM;
	}
	return memory;
}

const char *policy_strdup(struct reader *reader, const char *text)
{
	char *copy = arena_strdup(&reader->policy.arena, text);
	if (copy == NULL && text != NULL) {
		reader->error = -ENOMEM;
	}
	return copy;
}

static const struct schema_key *row_of(const struct schema_mapping *mapping, const char *name,
				       size_t *index)
{
	for (size_t i = 0; i < mapping->key_count; i++) {
		if (strcmp(mapping->keys[i].name, name) == 0) {
			*index = i;
			return &mapping->keys[i];
		}
	}
	return NULL;
}

static void unknown_key(struct reader *reader, const struct node *key,
			const struct schema_mapping *mapping)
{
	const char *names[KEYS_MAX];
	struct str list = STR_INIT(1024);
	size_t count = 0;
	for (size_t i = 0; i < mapping->key_count && count < KEYS_MAX; i++) {
		if (mapping->keys[i].type != SCHEMA_LATER) {
			str_printf(&list, "%s%s", count == 0 ? "" : ", ", mapping->keys[i].name);
			names[count++] = mapping->keys[i].name;
		}
	}
	fault(reader, key, "policy-key-unknown", text_nearest(key->text, names, count),
	      ARGUMENTS({ "key", key->text }, { "keys", str_text(&list) }));
	str_deinit(&list);
}

/* The keys of one mapping that were seen. */
struct seen {
	const struct node *keys[KEYS_MAX];
};

static void read_pair(struct reader *reader, const struct node *value,
		      const struct schema_mapping *mapping, struct seen *seen, char *target)
{
	size_t index = 0;
	const struct node *key = value->key;
	if (key->kind != NODE_TEXT) {
		return;
	}
	const struct schema_key *row = row_of(mapping, key->text, &index);
	if (row == NULL) {
		unknown_key(reader, key, mapping);
	} else if (row->type == SCHEMA_LATER) {
		fault(reader, key, "policy-not-yet", NULL, ARGUMENTS({ "key", key->text }));
	} else if (seen->keys[index] != NULL) {
		fault(reader, key, "policy-key-twice", NULL,
		      ARGUMENTS({ "key", key->text },
				{ "first", place_text(reader, &seen->keys[index]->mark) }));
	} else {
		seen->keys[index] = key;
		read_value(reader, value, row, target + row->offset);
	}
}

static void missing_keys(struct reader *reader, const struct node *node,
			 const struct schema_mapping *mapping, const struct seen *seen)
{
	const struct node *place = node->key == NULL ? node : node->key;
	for (size_t i = 0; i < mapping->key_count; i++) {
		const struct schema_key *row = &mapping->keys[i];
		if (row->required && seen->keys[i] == NULL) {
			fault(reader, place, "policy-key-missing", NULL,
			      ARGUMENTS({ "key", row->name }));
		}
	}
	if (mapping->needs_one && node->count == 0) {
		fault(reader, place, "policy-empty-value", NULL, ARGUMENTS({ "key", place->text }));
	}
}

void fill_fallbacks(const struct schema_mapping *mapping, char *target)
{
	for (size_t i = 0; i < mapping->key_count; i++) {
		const struct schema_key *row = &mapping->keys[i];
		if (row->type == SCHEMA_DATE) {
			*(int32_t *)(target + row->offset) = POLICY_NO_DATE;
		} else if (row->type == SCHEMA_CHOICE) {
			*(int *)(target + row->offset) = (int)row->fallback;
		} else if (row->type == SCHEMA_BOOLEAN) {
			*(bool *)(target + row->offset) = row->fallback != 0;
		} else if (row->type == SCHEMA_SPAN) {
			*(usec_t *)(target + row->offset) = row->fallback * USEC_PER_SEC;
		} else if (row->type == SCHEMA_NUMBER) {
			*(uint32_t *)(target + row->offset) = row->fallback;
		}
	}
}

void read_mapping(struct reader *reader, const struct node *node,
		  const struct schema_mapping *mapping, void *target)
{
	struct seen seen = { 0 };
	if (node->kind == NODE_BROKEN) {
		return;
	}
	if (node->kind != NODE_MAPPING && mapping->shorthand != NULL) {
		read_value(reader, node, mapping->shorthand,
			   (char *)target + mapping->shorthand->offset);
		return;
	}
	if (node->kind != NODE_MAPPING && node->key == NULL) {
		fault(reader, node, "policy-not-a-mapping", NULL, NO_ARGUMENTS);
		return;
	}
	if (node->kind != NODE_MAPPING) {
		fault(reader, node, "policy-wants-mapping", NULL,
		      ARGUMENTS({ "key", node->key->text }));
		return;
	}
	for (const struct node *value = node->first; value != NULL; value = value->next) {
		read_pair(reader, value, mapping, &seen, target);
	}
	if (!node->cut) {
		missing_keys(reader, node, mapping, &seen);
	}
}

/* ---- named things ---- */

struct bag *bag_find(const struct reader *reader, const void *list)
{
	struct bag *bag = reader->bags;
	while (bag != NULL && bag->list != list) {
		bag = bag->older;
	}
	return bag;
}

static struct bag *bag_get(struct reader *reader, void *list, const struct schema_mapping *of)
{
	struct bag *bag = bag_find(reader, list);
	if (bag == NULL) {
		bag = reader_alloc(reader, sizeof(*bag));
		if (bag != NULL) {
			bag->list = list;
			bag->of = of;
			bag->older = reader->bags;
			reader->bags = bag;
		}
	}
	return bag;
}

static struct draft *draft_find(const struct bag *bag, const char *name)
{
	struct draft *draft = NULL;
	if (bag != NULL) {
		HASH_FIND_STR(bag->drafts, name, draft);
	}
	return draft;
}

uint32_t who_find(const struct reader *reader, const char *name)
{
	const struct draft *draft = draft_find(bag_find(reader, &reader->policy.who), name);
	return draft == NULL ? UINT32_MAX : draft->index;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Such a name is never an address: an IPv4 address has no letter, an IPv6 address has colons. */
bool name_valid(const char *name)
{
	bool letter = false;
	size_t length = 0;
	for (; name[length] != '\0'; length++) {
		char c = name[length];
		bool digit = c >= '0' && c <= '9';
		letter = letter || is_letter(c);
		if (!is_letter(c) && !digit && (length == 0 || strchr("-_.", c) == NULL)) {
			return false;
		}
	}
	return letter && length <= NAME_BYTES_MAX;
}

static void check_name(struct reader *reader, const struct node *key,
		       const struct schema_mapping *of)
{
	if (!name_valid(key->text)) {
		fault(reader, key, "policy-name", NULL, ARGUMENTS({ "name", key->text }));
	} else if (of == &schema_who &&
		   (strcmp(key->text, "any") == 0 || strcmp(key->text, "host") == 0)) {
		fault(reader, key, "policy-name-reserved", NULL, ARGUMENTS({ "name", key->text }));
	}
}

static struct draft *draft_new(struct reader *reader, struct bag *bag, const struct node *node)
{
	const struct mark *mark = &node->key->mark;
	struct draft *draft = reader_alloc(reader, sizeof(*draft));
	struct policy_entry *entry = policy_alloc(reader, bag->of->bytes);
	const char *name = policy_strdup(reader, node->key->text);
	const char *file = policy_strdup(reader, mark->source->name);
	if (draft == NULL || entry == NULL || name == NULL || file == NULL) {
		return NULL;
	}
	entry->name = name;
	entry->place = (struct policy_place){ file, mark->line + 1, mark->column + 1 };
	draft->entry = entry;
	draft->node = node;
	draft->index = bag->count;
	HASH_ADD_KEYPTR(hh, bag->drafts, entry->name, strlen(entry->name), draft);
	if (draft->hh.tbl == NULL) {
		reader->error = -ENOMEM;
		return NULL;
	}
	bag->count++;
	return draft;
}

static void read_named(struct reader *reader, const struct node *node, struct bag *bag)
{
	if (node->key->kind != NODE_TEXT) {
		return;
	}
	check_name(reader, node->key, bag->of);
	const struct draft *first = draft_find(bag, node->key->text);
	if (first != NULL) {
		fault(reader, node->key, "policy-name-twice", NULL,
		      ARGUMENTS({ "name", node->key->text },
				{ "first", place_text(reader, &first->node->key->mark) }));
		return;
	}
	struct draft *draft = draft_new(reader, bag, node);
	if (draft != NULL) {
		fill_fallbacks(bag->of, draft->entry);
		read_mapping(reader, node, bag->of, draft->entry);
	}
}

static void read_map(struct reader *reader, const struct node *node, const struct schema_key *key,
		     void *list)
{
	if (node->kind == NODE_BROKEN || (node->kind == NODE_TEXT && node->text[0] == '\0')) {
		return; /* `ports:` with nothing under it: none */
	}
	if (node->kind != NODE_MAPPING) {
		fault(reader, node, "policy-wants-mapping", NULL, ARGUMENTS({ "key", key->name }));
		return;
	}
	struct bag *bag = bag_get(reader, list, key->of);
	for (node = node->first; node != NULL && bag != NULL && reader->error == 0;
	     node = node->next) {
		read_named(reader, node, bag);
	}
}

/* ---- values that hold others ---- */

/* What a policy says once, in one of its files. */
static void read_once(struct reader *reader, const struct node *node,
		      const struct schema_mapping *of, void *field)
{
	const struct node **first = of == &schema_defaults ? &reader->defaults
				    : of == &schema_defend ? &reader->defend
							   : NULL;
	if (first != NULL && *first != NULL) {
		fault(reader, node->key, "policy-key-twice", NULL,
		      ARGUMENTS({ "key", node->key->text },
				{ "first", place_text(reader, &(*first)->key->mark) }));
		return;
	}
	if (first != NULL) {
		*first = node;
	}
	read_mapping(reader, node, of, field);
}

void read_container(struct reader *reader, const struct node *node, const struct schema_key *key,
		    void *field)
{
	if (key->type == SCHEMA_MAP) {
		read_map(reader, node, key, field);
	} else if (key->type == SCHEMA_PATHS) {
		read_include(reader, node);
	} else {
		read_once(reader, node, key->of, field);
	}
}
