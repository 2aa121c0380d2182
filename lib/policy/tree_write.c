/* Trees made, and written as YAML. */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "policy/tree.h"

struct node *tree_text(struct arena *arena, const char *text)
{
	struct node *node = arena_alloc(arena, sizeof(*node));
	if (node == NULL) {
		return NULL;
	}
	node->kind = NODE_TEXT;
	node->text = arena_strdup(arena, text);
	return node->text == NULL ? NULL : node;
}

struct node *tree_word(struct arena *arena, const char *word)
{
	struct node *node = tree_text(arena, word);
	if (node != NULL) {
		node->word = true;
	}
	return node;
}

static struct node *container(struct arena *arena, enum node_kind kind)
{
	struct node *node = arena_alloc(arena, sizeof(*node));
	if (node != NULL) {
		node->kind = kind;
	}
	return node;
}

struct node *tree_list(struct arena *arena)
{
	return container(arena, NODE_LIST);
}

struct node *tree_mapping(struct arena *arena)
{
	return container(arena, NODE_MAPPING);
}

struct node *tree_add(struct node *list, struct node *item)
{
	if (list == NULL || item == NULL) {
		return NULL;
	}
	if (list->last == NULL) {
		list->first = item;
	} else {
		list->last->next = item;
	}
	list->last = item;
	list->count++;
	return item;
}

struct node *tree_put(struct arena *arena, struct node *mapping, const char *key,
		      struct node *value)
{
	if (mapping == NULL || value == NULL) {
		return NULL;
	}
	value->key = tree_text(arena, key);
	return value->key == NULL ? NULL : tree_add(mapping, value);
}

/* The items of a list or mapping between its brackets. */
/* NOLINTNEXTLINE(misc-no-recursion): the normal form is five levels deep, whatever was read. */
static void add_items(struct str *out, const struct node *node, bool brackets)
{
	const char *open = node->kind == NODE_LIST ? "[" : "{";
	const char *close = node->kind == NODE_LIST ? "]" : "}";
	str_add(out, brackets ? open : "");
	for (const struct node *item = node->first; item != NULL; item = item->next) {
		str_add(out, item == node->first ? "" : ", ");
		if (item->key != NULL) {
			str_printf(out, "%s: ", item->key->text);
		}
		if (item->kind == NODE_TEXT) {
			str_add(out, item->text);
		} else {
			add_items(out, item, true);
		}
	}
	str_add(out, brackets ? close : "");
}

void tree_line(struct str *out, const struct node *node)
{
	if (node->kind == NODE_TEXT) {
		str_add(out, node->text);
	} else {
		add_items(out, node, node->kind == NODE_LIST);
	}
}

/* Numbers (YAML 1.1 also 00:11:22, base 60), booleans, null. */
bool tree_needs_quotes(const char *text)
{
	static const char *const words[] = { "yes",   "no",   "on", "off", "true",
					     "false", "null", "~",  "y",   "n" };
	if (strchr(text, ':') != NULL || text[0] == '\0') {
		return true;
	}
	const bool short_word = strnlen(text, 6) < 6; /* as all of them are */
	for (size_t i = 0; short_word && i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(text, words[i]) == 0) {
			return true;
		}
	}
	const char *digits = text + (text[0] == '-' || text[0] == '+');
	const char *dot = strchr(digits, '.');
	bool begins = (digits[0] >= '0' && digits[0] <= '9') || digits[0] == '.';
	bool one_dot = dot == NULL || strchr(dot + 1, '.') == NULL;
	return begins && one_dot && digits[strspn(digits, "0123456789abcdefABCDEFxXoO_.+")] == '\0';
}

static int take_bytes(void *context, unsigned char *bytes, size_t length)
{
	return str_add_bytes(context, (const char *)bytes, length) == 0;
}

static int emit(yaml_emitter_t *emitter, yaml_event_t *event, int made)
{
	return made != 0 && yaml_emitter_emit(emitter, event) != 0 ? 0 : -ENOMEM;
}

static int emit_text(yaml_emitter_t *emitter, const struct node *node)
{
	yaml_event_t event;
	yaml_scalar_style_t style = !node->word && tree_needs_quotes(node->text)
					    ? YAML_DOUBLE_QUOTED_SCALAR_STYLE
					    : YAML_PLAIN_SCALAR_STYLE;
	int made =
		yaml_scalar_event_initialize(&event, NULL, NULL, (const unsigned char *)node->text,
					     (int)strlen(node->text), 1, 1, style);
	return emit(emitter, &event, made);
}

/* NOLINTNEXTLINE(misc-no-recursion): the normal form is five levels deep, whatever was read. */
static int emit_node(yaml_emitter_t *emitter, const struct node *node)
{
	yaml_event_t event;
	bool list = node->kind == NODE_LIST;
	if (node->kind == NODE_TEXT) {
		return emit_text(emitter, node);
	}
	int made = list ? yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
							       YAML_FLOW_SEQUENCE_STYLE)
			: yaml_mapping_start_event_initialize(&event, NULL, NULL, 1,
							      YAML_BLOCK_MAPPING_STYLE);
	int r = emit(emitter, &event, made);
	for (const struct node *item = node->first; item != NULL && r == 0; item = item->next) {
		r = item->key == NULL ? 0 : emit_text(emitter, item->key);
		r = r < 0 ? r : emit_node(emitter, item);
	}
	if (r < 0) {
		return r;
	}
	made = list ? yaml_sequence_end_event_initialize(&event)
		    : yaml_mapping_end_event_initialize(&event);
	return emit(emitter, &event, made);
}

static int emit_document(yaml_emitter_t *emitter, const struct node *root)
{
	yaml_event_t event;
	int r = emit(emitter, &event,
		     yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
	r = r < 0 ? r
		  : emit(emitter, &event,
			 yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
	r = r < 0 ? r : emit_node(emitter, root);
	r = r < 0 ? r : emit(emitter, &event, yaml_document_end_event_initialize(&event, 1));
	return r < 0 ? r : emit(emitter, &event, yaml_stream_end_event_initialize(&event));
}

int tree_write(struct str *out, const struct node *root)
{
	yaml_emitter_t emitter;
	if (yaml_emitter_initialize(&emitter) == 0) {
		return out->error = -ENOMEM;
	}
	yaml_emitter_set_output(&emitter, take_bytes, out);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_emitter_set_width(&emitter, -1);
	int r = emit_document(&emitter, root);
	yaml_emitter_delete(&emitter);
	if (r < 0 && out->error == 0) {
		out->error = r;
	}
	return out->error;
}
