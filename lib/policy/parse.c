/* Text into a policy: every file read, names resolved, the whole judged. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/reader.h"

enum { ARENA_BYTES_MAX = 256 * 1024 * 1024 }; /* beyond what the limits of policy.h can need */

/* @return 0 or -ENOMEM. */
static int read_tree(const struct node **out, struct reader *reader, const struct source *source)
{
	int r = 0;
	if (reader->former != NULL && source == reader->sources) {
		r = tree_splice(out, reader, source, reader->former);
	}
	return r == 0 ? tree_read(out, reader, source) : r < 0 ? r : 0;
}

/* @return the root of its tree; NULL = there is none, or it was not read to its end. */
static const struct node *read_file(struct reader *reader, const struct source *source)
{
	const struct node *root = NULL;
	if (!source_check(reader, source)) {
		reader->cut = true;
		return NULL;
	}
	size_t faults = reader->diagnostics->errors;
	if (read_tree(&root, reader, source) < 0) {
		reader->error = -ENOMEM;
		return NULL;
	}
	const struct mark start = { .source = source };
	if (root == NULL || (root->kind == NODE_TEXT && root->text[0] == '\0')) {
		if (faults == reader->diagnostics->errors) {
			fault_at(reader, &start, "policy-empty-file", NULL, NO_ARGUMENTS);
		}
		return NULL;
	}
	read_mapping(reader, root, &schema_policy, &reader->policy);
	return root;
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

/* Whether the text means the same wherever and whenever it is read again. */
static bool says_all(const struct reader *reader)
{
	const struct policy *policy = &reader->policy;
	for (size_t i = 0; i < policy->declarations.count; i++) {
		if (policy->declarations.items[i].profile != NULL) {
			return false;
		}
	}
	return reader->source_count == 1 &&
	       (reader->environment->frozen || !policy_has_names(policy));
}

static void read_all(struct policy_reading *reading)
{
	struct reader *reader = &reading->reader;
	fill_fallbacks(&schema_policy, (char *)&reader->policy);
	fill_fallbacks(&schema_defaults, (char *)&reader->policy.defaults);
	for (const struct source *s = reader->sources; s != NULL && reader->error == 0;
	     s = s->next) {
		const struct node *root = read_file(reader, s);
		reading->root = s == &reading->first ? root : reading->root;
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
		if (says_all(reader)) {
			reader->policy.text = arena_strndup(
				&reader->policy.arena, reading->first.bytes, reading->first.length);
		}
	}
	int r = faults_finish(reader);
	reader->error = reader->error == 0 ? r : reader->error;
}

static void refuse_size(struct policy_reading *reading, size_t bytes_max)
{
	const struct mark start = { .source = &reading->first };
	char limit[16];
	(void)snprintf(limit, sizeof(limit), "%zu", bytes_max);
	reading->first.length = 0;
	fault_at(&reading->reader, &start, "policy-file-too-big", NULL,
		 ARGUMENTS({ "file", reading->first.name }, { "limit", limit }));
	reading->reader.error = faults_finish(&reading->reader);
}

/* Free with reader_deinit in every case. */
static int run(struct policy_reading *reading, struct policy_diagnostics *diagnostics,
	       const struct policy_text *text, const struct policy_environment *environment,
	       const struct policy_reading *former)
{
	struct reader *reader = &reading->reader;
	*reading = (struct policy_reading){
		.first = { .name = text->name, .bytes = text->bytes, .length = text->length },
	};
	*reader = (struct reader){ .environment = environment,
				   .diagnostics = diagnostics,
				   .former = former };
	*diagnostics = (struct policy_diagnostics){ 0 };
	arena_init(&reader->arena, ARENA_BYTES_MAX);
	arena_init(&reader->policy.arena, ARENA_BYTES_MAX);
	reader->sources = &reading->first;
	reader->source_count = 1;
	const size_t bytes_max =
		environment->bytes_max != 0 ? environment->bytes_max : POLICY_FILE_BYTES_MAX;
	if (text->length > bytes_max) {
		refuse_size(reading, bytes_max);
	} else {
		read_all(reading);
	}
	return reader->error == 0 && diagnostics->errors > 0 ? POLICY_INVALID : reader->error;
}

int policy_parse(struct policy *out, struct policy_diagnostics *diagnostics, const char *name,
		 const char *bytes, size_t length, const struct policy_environment *environment)
{
	struct policy_reading reading;
	const struct policy_text text = { .name = name, .bytes = bytes, .length = length };
	int r = run(&reading, diagnostics, &text, environment, NULL);
	if (r == 0) {
		policy_reading_take(out, &reading);
	}
	reader_deinit(&reading.reader);
	return r;
}

int policy_read_again(struct policy_reading **out, struct policy_diagnostics *diagnostics,
		      const struct policy_text *text, const struct policy_environment *environment,
		      const struct policy_reading *former)
{
	*out = NULL;
	*diagnostics = (struct policy_diagnostics){ 0 };
	struct policy_reading *reading = malloc(sizeof(*reading));
	if (reading == NULL) {
		return -ENOMEM;
	}
	int r = run(reading, diagnostics, text, environment, former);
	if (r != 0) {
		(void)policy_reading_free(reading); /* always NULL */
		return r;
	}
	*out = reading;
	return 0;
}

int policy_read(struct policy_reading **out, struct policy_diagnostics *diagnostics,
		const struct policy_text *text, const struct policy_environment *environment)
{
	return policy_read_again(out, diagnostics, text, environment, NULL);
}

struct policy_reading *policy_reading_free(struct policy_reading *reading)
{
	if (reading != NULL) {
		reader_deinit(&reading->reader);
		free(reading);
	}
	return NULL;
}

const struct policy *policy_reading_policy(const struct policy_reading *reading)
{
	return &reading->reader.policy;
}

void policy_reading_take(struct policy *out, struct policy_reading *reading)
{
	*out = reading->reader.policy;
	reading->reader.policy = (struct policy){ 0 };
}
