/* Text into a policy: every file read, names resolved, the whole judged. */
#include <errno.h>
#include <string.h>

#include "policy/reader.h"

enum { ARENA_BYTES_MAX = 256 * 1024 * 1024 }; /* beyond what the limits of policy.h can need */

static void read_file(struct reader *reader, const struct source *source)
{
	const struct node *root = NULL;
	if (!source_check(reader, source)) {
		reader->cut = true;
		return;
	}
	size_t faults = reader->diagnostics->errors;
	if (tree_read(&root, reader, source) < 0) {
		reader->error = -ENOMEM;
		return;
	}
	const struct mark start = { .source = source };
	if (root == NULL || (root->kind == NODE_TEXT && root->text[0] == '\0')) {
		if (faults == reader->diagnostics->errors) {
			fault_at(reader, &start, "policy-empty-file", NULL, NO_ARGUMENTS);
		}
		return;
	}
	read_mapping(reader, root, &schema_policy, &reader->policy);
}

/* Copies the drafts of every list into one array each; inner lists are younger than outer ones. */
static void finish_bags(struct reader *reader)
{
	for (struct bag *bag = reader->bags; bag != NULL; bag = bag->older) {
		POLICY_LIST(void) list = { .count = bag->count };
		char *items = policy_alloc(reader, bag->count * bag->of->bytes);
		if (items == NULL) {
			return;
		}
		list.items = items;
		for (const struct draft *d = bag->drafts; d != NULL; d = d->hh.next) {
			memcpy(items, d->entry, bag->of->bytes);
			items += bag->of->bytes;
		}
		memcpy(bag->list, &list, sizeof(list));
	}
}

static void reader_deinit(struct reader *reader)
{
	for (struct bag *bag = reader->bags; bag != NULL; bag = bag->older) {
		HASH_CLEAR(hh, bag->drafts);
	}
	vec_free(&reader->waiting);
	vec_free(&reader->faults);
	arena_deinit(&reader->arena);
	arena_deinit(&reader->policy.arena);
}

static void read_all(struct reader *reader)
{
	fill_fallbacks(&schema_policy, (char *)&reader->policy);
	fill_fallbacks(&schema_defaults, (char *)&reader->policy.defaults);
	for (const struct source *s = reader->sources; s != NULL && reader->error == 0;
	     s = s->next) {
		read_file(reader, s);
	}
	for (size_t i = 0; i < reader->waiting.count && reader->error == 0; i++) {
		read_from(reader, &reader->waiting.items[i]);
	}
	if (reader->error == 0) {
		check_policy(reader);
	}
	if (reader->error == 0 && reader->diagnostics->errors == 0) {
		finish_bags(reader);
		join_names(reader);
	}
	int r = faults_finish(reader);
	reader->error = reader->error == 0 ? r : reader->error;
}

int policy_parse(struct policy *out, struct policy_diagnostics *diagnostics, const char *name,
		 const char *bytes, size_t length, const struct policy_environment *environment)
{
	struct reader reader = { .environment = environment, .diagnostics = diagnostics };
	struct source first = { .name = name, .bytes = bytes, .length = length };
	*diagnostics = (struct policy_diagnostics){ 0 };
	arena_init(&reader.arena, ARENA_BYTES_MAX);
	arena_init(&reader.policy.arena, ARENA_BYTES_MAX);
	reader.sources = &first;
	reader.source_count = 1;
	const size_t bytes_max =
		environment->bytes_max != 0 ? environment->bytes_max : POLICY_FILE_BYTES_MAX;
	if (length > bytes_max) {
		const struct mark start = { .source = &first };
		char limit[16];
		(void)snprintf(limit, sizeof(limit), "%zu", bytes_max);
		first.length = 0;
		fault_at(&reader, &start, "policy-file-too-big", NULL,
			 ARGUMENTS({ "file", name }, { "limit", limit }));
		reader.error = faults_finish(&reader);
	} else {
		read_all(&reader);
	}
	int r = reader.error;
	if (r == 0 && diagnostics->errors > 0) {
		r = POLICY_INVALID;
	} else if (r == 0) {
		*out = reader.policy;
		reader.policy = (struct policy){ 0 };
	}
	reader_deinit(&reader);
	return r;
}
