/* Included files: asked for, bounded, each read once. */
#include <errno.h>
#include <string.h>

#include "policy/reader.h"

static bool is_ancestor(const struct source *source, const char *name)
{
	while (source != NULL && strcmp(source->name, name) != 0) {
		source = source->parent;
	}
	return source != NULL;
}

static bool already_read(const struct reader *reader, const char *name)
{
	const struct source *source = reader->sources;
	while (source != NULL && strcmp(source->name, name) != 0) {
		source = source->next;
	}
	return source != NULL;
}

static void include_failed(struct reader *reader, const struct node *node, int code)
{
	char limit[16];
	(void)snprintf(limit, sizeof(limit), "%d", POLICY_FILE_BYTES_MAX);
	const char *id = code == -ENOENT                     ? "policy-include-missing"
			 : code == -EACCES || code == -EPERM ? "policy-include-rights"
			 : code == -EFBIG                    ? "policy-file-too-big"
							     : "policy-include-unreadable";
	fault(reader, node, id, NULL,
	      ARGUMENTS({ "file", node->text }, { "limit", limit }, { "reason", strerror(-code) }));
}

/* Takes the malloc'd name and bytes over into the reading. */
static void add_source(struct reader *reader, const struct source *parent, char *name, char *bytes,
		       size_t length)
{
	struct source *source = reader_alloc(reader, sizeof(*source));
	char *name_copy = arena_strdup(&reader->arena, name);
	char *bytes_copy = arena_strndup(&reader->arena, bytes, length);
	if (source == NULL || name_copy == NULL || bytes_copy == NULL) {
		reader->error = -ENOMEM;
		return;
	}
	*source = (struct source){ .name = name_copy,
				   .bytes = bytes_copy,
				   .length = length,
				   .parent = parent,
				   .depth = parent->depth + 1 };
	struct source *last = reader->sources;
	while (last->next != NULL) {
		last = last->next;
	}
	last->next = source;
	reader->source_count++;
}

static void include_one(struct reader *reader, const struct node *node)
{
	const struct policy_environment *environment = reader->environment;
	const struct source *from = node->mark.source;
	char number[16];
	bool deep = from->depth + 1 > POLICY_INCLUDE_DEPTH_MAX;
	if (deep || reader->source_count == POLICY_FILES_MAX) {
		(void)snprintf(number, sizeof(number), "%d",
			       deep ? POLICY_INCLUDE_DEPTH_MAX : POLICY_FILES_MAX);
		fault(reader, node, deep ? "policy-include-depth" : "policy-include-count", NULL,
		      ARGUMENTS({ "limit", number }));
		return;
	}
	_cleanup_(freep) char *name = NULL;
	_cleanup_(freep) char *bytes = NULL;
	size_t length = 0;
	int r = environment->include == NULL
			? -ENOTSUP
			: environment->include(environment->context, &name, &bytes, &length,
					       from->name, node->text);
	if (r < 0) {
		include_failed(reader, node, r);
	} else if (is_ancestor(from, name)) {
		fault(reader, node, "policy-include-cycle", NULL,
		      ARGUMENTS({ "file", node->text }));
	} else if (!already_read(reader, name)) {
		add_source(reader, from, name, bytes, length);
	}
}

static void include_value(struct reader *reader, const struct node *node)
{
	if (node->kind == NODE_LIST || node->kind == NODE_MAPPING ||
	    (node->kind == NODE_TEXT && node->text[0] == '\0')) {
		fault(reader, node, "policy-wants-text", NULL, ARGUMENTS({ "key", "include" }));
	} else if (node->kind == NODE_TEXT) {
		include_one(reader, node);
	}
}

void read_include(struct reader *reader, const struct node *node)
{
	if (node->kind != NODE_LIST) {
		include_value(reader, node);
		return;
	}
	for (node = node->first; node != NULL; node = node->next) {
		include_value(reader, node);
	}
}
