/* Host names of who entries: read, and frozen to addresses. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/reader.h"
#include "policy/values.h"

enum { LABEL_BYTES_MAX = 63 }; /* RFC 1035 2.3.4 */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_label_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-';
}

static bool label_valid(const char *label, size_t length)
{
	bool valid = length > 0 && length <= LABEL_BYTES_MAX && label[0] != '-' &&
		     label[length - 1] != '-';
	for (size_t i = 0; valid && i < length; i++) {
		valid = is_label_character(label[i]);
	}
	return valid;
}

bool host_name_valid(const char *name)
{
	if (strlen(name) > POLICY_HOST_NAME_BYTES_MAX) {
		return false;
	}
	for (const char *label = name;;) {
		const size_t length = strcspn(label, ".");
		if (!label_valid(label, length)) {
			return false;
		}
		if (label[length] == '\0') {
			return strspn(label, "0123456789") != length;
		}
		label += length + 1;
	}
}

/* ---- reading ---- */

static const char *small_letters(struct reader *reader, const char *text)
{
	char small[POLICY_HOST_NAME_BYTES_MAX + 1];
	size_t i = 0;
	for (; i < POLICY_HOST_NAME_BYTES_MAX && text[i] != '\0'; i++) {
		small[i] =
			(char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + ('a' - 'A') : text[i]);
	}
	small[i] = '\0';
	return policy_strdup(reader, small);
}

static bool repeated(const struct policy_host_name *items, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(items[i].name, name) == 0) {
			return true;
		}
	}
	return false;
}

/* @param node  what the name is written in: a value or a key. @return whether it was taken. */
static bool read_name(struct reader *reader, const struct node *node,
		      struct policy_host_name *items, size_t *count)
{
	const char *text = text_of(reader, node, "name");
	if (text == NULL) {
		return false;
	}
	if (!host_name_valid(text)) {
		bad(reader, node,
		    looks_like_address(text) ? "policy-host-name-address" : "policy-host-name");
		return false;
	}
	if (reader->host_names == POLICY_HOST_NAMES_MAX) {
		char limit[16];
		(void)snprintf(limit, sizeof(limit), "%d", POLICY_HOST_NAMES_MAX);
		fault(reader, node, "policy-host-names-many", NULL, ARGUMENTS({ "limit", limit }));
		return false;
	}
	const char *name = small_letters(reader, text);
	if (name == NULL) {
		return false;
	}
	if (repeated(items, *count, name)) {
		bad(reader, node, "policy-host-name-twice");
		return false;
	}
	reader->host_names++;
	items[(*count)++].name = name;
	return true;
}

/* The addresses that a name was frozen to, as the record says. */
static void read_frozen(struct reader *reader, const struct node *node,
			struct policy_host_name *name)
{
	static const struct schema_key key = { .name = "name", .type = SCHEMA_ADDRESSES };
	read_value(reader, node, &key, &name->addresses);
	if (name->addresses.count > POLICY_HOST_NAME_ADDRESSES_MAX) {
		name->addresses.count = POLICY_HOST_NAME_ADDRESSES_MAX; /* nothing of ours */
	}
}

void read_host_names(struct reader *reader, const struct node *node, void *field)
{
	POLICY_LIST(struct policy_host_name) list = { 0 };
	const size_t room = node->kind == NODE_TEXT ? 1 : node->count;
	if (node->kind == NODE_MAPPING && !reader->environment->frozen) {
		fault(reader, node, "policy-host-name-frozen", NULL, NO_ARGUMENTS);
		return;
	}
	if (node->kind != NODE_BROKEN && room == 0) {
		fault(reader, node, "policy-empty-value", NULL, ARGUMENTS({ "key", "name" }));
		return;
	}
	list.items = policy_alloc(reader, room * sizeof(*list.items));
	if (list.items == NULL) {
		return;
	}
	if (node->kind == NODE_TEXT) {
		(void)read_name(reader, node, list.items, &list.count);
	}
	for (const struct node *item = node->first; item != NULL; item = item->next) {
		const bool frozen = node->kind == NODE_MAPPING;
		if (read_name(reader, frozen ? item->key : item, list.items, &list.count) &&
		    frozen) {
			read_frozen(reader, item, &list.items[list.count - 1]);
		}
	}
	memcpy(field, &list, sizeof(list));
}

/* ---- freezing ---- */

/* Declared addresses first, then those of the names. @return 0 or -ENOMEM. */
static int join(struct arena *arena, struct policy_who *who)
{
	size_t count = who->declared;
	for (size_t i = 0; i < who->names.count; i++) {
		count += who->names.items[i].addresses.count;
	}
	struct prefix *items = arena_alloc(arena, count * sizeof(*items));
	if (items == NULL) {
		return -ENOMEM;
	}
	size_t at = who->declared;
	if (at > 0) {
		memcpy(items, who->addresses.items, at * sizeof(*items));
	}
	for (size_t i = 0; i < who->names.count; i++) {
		const struct policy_host_name *name = &who->names.items[i];
		if (name->addresses.count > 0) {
			memcpy(&items[at], name->addresses.items,
			       name->addresses.count * sizeof(*items));
		}
		at += name->addresses.count;
	}
	who->addresses.items = items;
	who->addresses.count = count;
	return 0;
}

void join_names(struct reader *reader)
{
	struct policy *policy = &reader->policy;
	for (size_t i = 0; i < policy->who.count && reader->error == 0; i++) {
		struct policy_who *who = &policy->who.items[i];
		who->declared = who->addresses.count;
		if (who->names.count > 0) {
			reader->error = join(&policy->arena, who);
		}
	}
}

static int compare_prefixes(const void *left, const void *right)
{
	return addr_compare(&((const struct prefix *)left)->address,
			    &((const struct prefix *)right)->address);
}

/* Sorted and each once, so that the same answer in another order is the same. */
static int freeze_name(struct arena *arena, struct policy_host_name *name,
		       const struct policy_answer *answer)
{
	const size_t most = POLICY_HOST_NAME_ADDRESSES_MAX;
	const size_t count = answer->count < most ? answer->count : most;
	struct prefix *items = arena_alloc(arena, count * sizeof(*items));
	if (items == NULL) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		const struct addr address = addr_unmap(&answer->addresses[i]);
		items[i] = (struct prefix){ address, address.family == ADDR_IPV4 ? 32 : 128 };
	}
	qsort(items, count, sizeof(*items), compare_prefixes);
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || compare_prefixes(&items[kept - 1], &items[i]) != 0) {
			items[kept++] = items[i];
		}
	}
	name->addresses.items = items;
	name->addresses.count = kept;
	return 0;
}

static const struct policy_answer *answer_for(const struct policy_answer *answers, size_t count,
					      const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (answers[i].count > 0 && strcmp(answers[i].name, name) == 0) {
			return &answers[i];
		}
	}
	return NULL;
}

static int freeze_who(struct policy *policy, struct policy_who *who,
		      const struct policy_answer *answers, size_t count)
{
	bool changed = false;
	int r = 0;
	for (size_t i = 0; r == 0 && i < who->names.count; i++) {
		const struct policy_answer *answer =
			answer_for(answers, count, who->names.items[i].name);
		if (answer != NULL) {
			r = freeze_name(&policy->arena, &who->names.items[i], answer);
			policy->text = NULL; /* it says something else, or nothing of it */
			changed = true;
		}
	}
	return r == 0 && changed ? join(&policy->arena, who) : r;
}

int policy_freeze(struct policy *policy, const struct policy_answer *answers, size_t count)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < policy->who.count; i++) {
		r = freeze_who(policy, &policy->who.items[i], answers, count);
	}
	return r;
}

static int freeze_as(struct policy *policy, const struct policy_host_name *frozen)
{
	struct addr addresses[POLICY_HOST_NAME_ADDRESSES_MAX];
	for (size_t i = 0; i < frozen->addresses.count; i++) {
		addresses[i] = frozen->addresses.items[i].address;
	}
	const struct policy_answer answer = { frozen->name, addresses, frozen->addresses.count };
	return policy_freeze(policy, &answer, 1);
}

int policy_freeze_as(struct policy *policy, const struct policy *frozen)
{
	int r = 0;
	for (size_t i = 0; i < frozen->who.count; i++) {
		const struct policy_who *who = &frozen->who.items[i];
		for (size_t k = 0; r == 0 && k < who->names.count; k++) {
			r = freeze_as(policy, &who->names.items[k]);
		}
	}
	return r;
}

/* ---- questions ---- */

bool policy_has_names(const struct policy *policy)
{
	for (size_t i = 0; i < policy->who.count; i++) {
		if (policy->who.items[i].names.count > 0) {
			return true;
		}
	}
	return false;
}

static bool listed(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0) {
			return true;
		}
	}
	return false;
}

size_t policy_host_names(const char **out, const struct policy *policy)
{
	size_t count = 0;
	for (size_t i = 0; i < policy->who.count; i++) {
		const struct policy_who *who = &policy->who.items[i];
		for (size_t k = 0; k < who->names.count; k++) {
			const char *name = who->names.items[k].name;
			if (count < POLICY_HOST_NAMES_MAX && !listed(out, count, name)) {
				out[count++] = name;
			}
		}
	}
	return count;
}

const char *policy_unfrozen(const struct policy *policy, const struct policy_who **who)
{
	for (size_t i = 0; i < policy->who.count; i++) {
		const struct policy_who *now = &policy->who.items[i];
		for (size_t k = 0; k < now->names.count; k++) {
			if (now->names.items[k].addresses.count > 0) {
				continue;
			}
			if (who != NULL) {
				*who = now;
			}
			return now->names.items[k].name;
		}
	}
	return NULL;
}
