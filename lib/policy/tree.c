/* YAML events into a tree with places: without recursion, bounded in depth and number. */
#include "policy/tree.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "policy/reader.h"

/* The containers that are open at the moment, and the key that waits for its value. */
struct builder {
	struct reader *reader;
	const struct source *source;
	struct node *root;
	struct {
		struct node *node;
		struct node *key;
	} open[POLICY_NESTING_MAX];
	unsigned depth;
	bool ended; /* a fault that ends the file */
};

static struct mark mark_of(const struct builder *b, const yaml_event_t *event)
{
	const yaml_mark_t *start = &event->start_mark;
	const yaml_mark_t *end = &event->end_mark;
	struct mark mark = { .source = b->source,
			     .line = (uint32_t)start->line,
			     .column = (uint32_t)start->column };
	if (event->type == YAML_SCALAR_EVENT) {
		/* A text of several lines is underlined to the end of its first. */
		mark.length = end->line == start->line ? (uint32_t)(end->column - start->column)
						       : UINT32_MAX;
	}
	return mark;
}

static void end_file(struct builder *b, const struct mark *mark, const char *id,
		     const struct message_argument *arguments)
{
	fault_at(b->reader, mark, id, NULL, arguments);
	b->ended = true;
}

/* What is frozen comes on top of what a person wrote. */
static uint32_t values_max(const struct reader *reader)
{
	const uint32_t frozen = POLICY_HOST_NAMES_MAX * (POLICY_HOST_NAME_ADDRESSES_MAX + 2);
	return POLICY_VALUES_MAX + (reader->environment->frozen ? frozen : 0);
}

static struct node *node_new(struct builder *b, enum node_kind kind, const yaml_event_t *event)
{
	const struct mark mark = mark_of(b, event);
	if (b->reader->values >= values_max(b->reader)) {
		char limit[16];
		(void)snprintf(limit, sizeof(limit), "%d", POLICY_VALUES_MAX);
		end_file(b, &mark, "policy-too-many-values", ARGUMENTS({ "limit", limit }));
		return NULL;
	}
	struct node *node = reader_alloc(b->reader, sizeof(*node));
	if (node != NULL) {
		b->reader->values++;
		node->kind = kind;
		node->mark = mark;
		node->start = (uint32_t)event->start_mark.index;
		node->end = (uint32_t)event->end_mark.index;
	}
	return node;
}

/* The innermost open container; NULL outside all. */
static struct node *innermost(const struct builder *b)
{
	struct node *node = b->depth == 0 ? NULL : b->open[b->depth - 1].node;
	assert(b->depth == 0 || node != NULL);
	return node;
}

/* Puts a finished or just opened node where the next value belongs. */
static void attach(struct builder *b, struct node *node)
{
	struct node *parent = innermost(b);
	if (parent == NULL) {
		b->root = node;
		return;
	}
	if (parent->kind == NODE_MAPPING && b->open[b->depth - 1].key == NULL) {
		b->open[b->depth - 1].key = node;
		return;
	}
	if (parent->kind == NODE_MAPPING) {
		node->key = b->open[b->depth - 1].key;
		b->open[b->depth - 1].key = NULL;
	}
	(void)tree_add(parent, node);
}

static void refuse_properties(struct builder *b, const yaml_event_t *event)
{
	const unsigned char *anchor = NULL;
	const unsigned char *tag = NULL;
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
		break;
	default:
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
		break;
	}
	const struct mark mark = mark_of(b, event);
	if (anchor != NULL) {
		fault_at(b->reader, &mark, "policy-anchor", NULL,
			 ARGUMENTS({ "name", (const char *)anchor }));
	}
	if (tag != NULL) {
		static const char core[] = "tag:yaml.org,2002:"; /* what "!!" stands for */
		bool short_form = str_starts((const char *)tag, core) != 0;
		const char *name = (const char *)tag + (short_form ? strlen(core) : 0);
		char *text = arena_printf(&b->reader->arena, "%s%s", short_form ? "!!" : "", name);
		fault_at(b->reader, &mark, "policy-tag", NULL,
			 ARGUMENTS({ "tag", text == NULL ? "" : text }));
	}
}

static void add_text(struct builder *b, const yaml_event_t *event)
{
	const char *bytes = (const char *)event->data.scalar.value;
	size_t length = event->data.scalar.length;
	refuse_properties(b, event);
	struct node *node = node_new(b, NODE_TEXT, event);
	if (node == NULL) {
		return;
	}
	if (memchr(bytes, '\0', length) != NULL) { /* "\0" written as an escape */
		fault_at(b->reader, &node->mark, "policy-nul", NULL, NO_ARGUMENTS);
		node->kind = NODE_BROKEN;
	}
	char *copy = reader_alloc(b->reader, length + 1);
	if (copy != NULL) {
		memcpy(copy, bytes, length);
		node->text = copy;
		attach(b, node);
	}
}

static bool is_flow(const yaml_event_t *event)
{
	return event->type == YAML_SEQUENCE_START_EVENT
		       ? event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE
		       : event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
}

static void open_container(struct builder *b, enum node_kind kind, const yaml_event_t *event)
{
	refuse_properties(b, event);
	if (b->depth == POLICY_NESTING_MAX) {
		const struct mark mark = mark_of(b, event);
		char limit[16];
		(void)snprintf(limit, sizeof(limit), "%d", POLICY_NESTING_MAX);
		end_file(b, &mark, "policy-too-deep", ARGUMENTS({ "limit", limit }));
		return;
	}
	struct node *node = node_new(b, kind, event);
	if (node == NULL) {
		return;
	}
	const struct node *parent = innermost(b);
	if (parent != NULL && parent->kind == NODE_MAPPING && b->open[b->depth - 1].key == NULL) {
		end_file(b, &node->mark, "policy-key-not-text", NO_ARGUMENTS);
		return;
	}
	node->flow = is_flow(event);
	attach(b, node);
	b->open[b->depth].node = node;
	b->open[b->depth].key = NULL;
	b->depth++;
}

static void close_container(struct builder *b, const yaml_event_t *event)
{
	struct node *node = innermost(b);
	if (node != NULL) {
		node->end = (uint32_t)event->end_mark.index;
		b->depth--;
	}
}

static void add_alias(struct builder *b, const yaml_event_t *event)
{
	const struct mark mark = mark_of(b, event);
	fault_at(b->reader, &mark, "policy-alias", NULL,
		 ARGUMENTS({ "name", (const char *)event->data.alias.anchor }));
	struct node *node = node_new(b, NODE_BROKEN, event);
	if (node != NULL) {
		node->text = "";
		attach(b, node);
	}
}

static void take(struct builder *b, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		add_text(b, event);
		break;
	case YAML_SEQUENCE_START_EVENT:
		open_container(b, NODE_LIST, event);
		break;
	case YAML_MAPPING_START_EVENT:
		open_container(b, NODE_MAPPING, event);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		close_container(b, event);
		break;
	case YAML_ALIAS_EVENT:
		add_alias(b, event);
		break;
	case YAML_DOCUMENT_START_EVENT:
		if (b->root != NULL) {
			const struct mark mark = mark_of(b, event);
			end_file(b, &mark, "policy-second-document", NO_ARGUMENTS);
		}
		break;
	default:
		break;
	}
}

/* libyaml's English problem -> our sentence in two languages. The longest match stands first. */
static const struct {
	const char *problem;
	const char *id;
} problems[] = {
	{ "mapping values are not allowed", "policy-yaml-colon" },
	{ "could not find expected ':'", "policy-yaml-no-colon" },
	{ "did not find expected key", "policy-yaml-indent" },
	{ "did not find expected '-' indicator", "policy-yaml-indent" },
	{ "block sequence entries are not allowed", "policy-yaml-dash" },
	{ "did not find expected ',' or ']'", "policy-yaml-bracket" },
	{ "did not find expected ',' or '}'", "policy-yaml-brace" },
	{ "found unexpected end of stream", "policy-yaml-quote" },
	{ "found unknown escape character", "policy-yaml-escape" },
	{ "found character that cannot start any token", "policy-yaml-character" },
};

/* Whether white space before the place, or at it, holds a tab: YAML indents with spaces alone. */
static bool tab_indent(const struct source *source, const struct mark *mark)
{
	const char *at = source->bytes;
	const char *end = source->bytes + source->length;
	for (uint32_t line = 0; line < mark->line && at != NULL; line++) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at == NULL ? NULL : at + 1;
	}
	for (; at != NULL && at < end && (*at == ' ' || *at == '\t'); at++) {
		if (*at == '\t') {
			return true;
		}
	}
	return false;
}

static void syntax_fault(struct builder *b, const yaml_parser_t *parser)
{
	const char *id = "policy-yaml";
	const char *problem = parser->problem == NULL ? "" : parser->problem;
	struct mark mark = { .source = b->source,
			     .line = (uint32_t)parser->problem_mark.line,
			     .column = (uint32_t)parser->problem_mark.column };
	for (size_t i = 0; i < sizeof(problems) / sizeof(problems[0]); i++) {
		if (str_starts(problem, problems[i].problem)) {
			id = problems[i].id;
			break;
		}
	}
	if (tab_indent(b->source, &mark)) {
		id = "policy-tab-indent";
	} else if (strcmp(id, "policy-yaml-quote") == 0 ||
		   strcmp(id, "policy-yaml-no-colon") == 0) {
		/* Where libyaml gave up tells nothing: the opening quote, or the key, does. */
		mark.line = (uint32_t)parser->context_mark.line;
		mark.column = (uint32_t)parser->context_mark.column;
	}
	end_file(b, &mark, id, ARGUMENTS({ "problem", problem }));
}

/*
 * Marks what stood last when the file ended before its time: whatever is wrong there, or missing,
 * may be part of the same fault.
 */
static void cut_open(struct builder *b)
{
	b->reader->cut = true;
	struct node *node = b->root;
	for (; node != NULL && node->last != NULL; node = node->last) {
		node->cut = true;
	}
	if (node != NULL) {
		node->cut = true;
		node->kind = node->kind == NODE_TEXT ? NODE_BROKEN : node->kind;
	}
}

static int build(struct builder *b, yaml_parser_t *parser)
{
	for (bool done = false; !done && !b->ended && b->reader->error == 0;) {
		yaml_event_t event;
		if (yaml_parser_parse(parser, &event) == 0) {
			if (parser->error == YAML_MEMORY_ERROR) {
				return -ENOMEM;
			}
			syntax_fault(b, parser);
			break;
		}
		take(b, &event);
		done = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	if (b->ended) {
		cut_open(b);
	}
	return b->reader->error;
}

int tree_read(const struct node **out, struct reader *reader, const struct source *source)
{
	struct builder b = { .reader = reader, .source = source };
	yaml_parser_t parser;
	if (yaml_parser_initialize(&parser) == 0) {
		return -ENOMEM;
	}
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)source->bytes, source->length);
	int r = build(&b, &parser);
	yaml_parser_delete(&parser);
	if (r == 0) {
		*out = b.root;
	}
	return r;
}

const struct node *tree_get(const struct node *mapping, const char *key)
{
	if (mapping->kind != NODE_MAPPING) {
		return NULL;
	}
	for (const struct node *node = mapping->first; node != NULL; node = node->next) {
		if (strcmp(node->key->text, key) == 0) {
			return node;
		}
	}
	return NULL;
}
