/* XML as a tree, by expat. */
#include "import/xml.h"

#include <errno.h>
#include <expat.h>
#include <string.h>

struct building {
	XML_Parser parser;
	struct arena *arena;
	struct xml_element *root;
	struct xml_element *open[XML_DEPTH_MAX];
	size_t depth;
	size_t elements;
	int error;
};

static void stop(struct building *b, int code)
{
	b->error = b->error == 0 ? code : b->error;
	(void)XML_StopParser(b->parser, XML_FALSE); /* it may have stopped already */
}

static void add_attributes(struct building *b, struct xml_element *element, const char **pairs)
{
	for (size_t i = 0; pairs[i] != NULL && element->attribute_count < XML_ATTRIBUTES_MAX;
	     i += 2) {
		struct xml_attribute *a = &element->attributes[element->attribute_count++];
		a->name = arena_strdup(b->arena, pairs[i]);
		a->value = arena_strdup(b->arena, pairs[i + 1]);
		if (a->name == NULL || a->value == NULL) {
			element->attribute_count--;
			stop(b, -ENOMEM);
			return;
		}
	}
}

static void begin_element(void *data, const char *name, const char **pairs)
{
	struct building *b = data;
	if (b->error < 0) {
		return;
	}
	if (b->depth == XML_DEPTH_MAX || b->elements++ == XML_ELEMENTS_MAX) {
		stop(b, -EFBIG);
		return;
	}
	struct xml_element *element = arena_alloc(b->arena, sizeof(*element));
	const char *copy = arena_strdup(b->arena, name);
	if (element == NULL || copy == NULL) {
		stop(b, -ENOMEM);
		return;
	}
	element->name = copy;
	element->line = (uint32_t)XML_GetCurrentLineNumber(b->parser);
	add_attributes(b, element, pairs);
	struct xml_element *parent = b->depth == 0 ? NULL : b->open[b->depth - 1];
	if (parent == NULL) {
		b->root = element;
	} else if (parent->last == NULL) {
		parent->first = parent->last = element;
	} else {
		parent->last->next = element;
		parent->last = element;
	}
	b->open[b->depth++] = element;
}

static void end_element(void *data, const char *name)
{
	struct building *b = data;
	(void)name; /* expat holds begin and end together */
	if (b->error == 0 && b->depth > 0) {
		b->depth--;
	}
}

enum { TEXT_BYTES_MAX = 256 }; /* addresses are wanted; of the rest the beginning does */

/* Texts come in pieces. */
static void add_text(void *data, const char *bytes, int length)
{
	struct building *b = data;
	struct xml_element *element = b->depth == 0 ? NULL : b->open[b->depth - 1];
	const char *before = element == NULL || element->text == NULL ? "" : element->text;
	while (length > 0 && strchr(" \t\r\n", *bytes) != NULL) {
		bytes++;
		length--;
	}
	if (b->error == 0 && element != NULL && length > 0 && strlen(before) < TEXT_BYTES_MAX) {
		int room = length < TEXT_BYTES_MAX ? length : TEXT_BYTES_MAX;
		element->text = arena_printf(b->arena, "%s%.*s", before, room, bytes);
		if (element->text == NULL) {
			stop(b, -ENOMEM);
		}
	}
}

static void begin_doctype(void *data, const char *name, const char *system, const char *public,
			  int internal)
{
	(void)name, (void)system, (void)public, (void)internal;
	stop(data, -EINVAL);
}

int xml_read(struct xml_element **out, struct arena *arena, const char *bytes, size_t length)
{
	struct building b = { .parser = XML_ParserCreate(NULL), .arena = arena };
	if (b.parser == NULL) {
		return -ENOMEM;
	}
	XML_SetUserData(b.parser, &b);
	XML_SetElementHandler(b.parser, begin_element, end_element);
	XML_SetCharacterDataHandler(b.parser, add_text);
	XML_SetStartDoctypeDeclHandler(b.parser, begin_doctype);
	enum XML_Status status = XML_Parse(b.parser, bytes, (int)length, XML_TRUE);
	XML_ParserFree(b.parser);
	if (b.error < 0) {
		return b.error;
	}
	if (status != XML_STATUS_OK || b.root == NULL) {
		return -EINVAL;
	}
	*out = b.root;
	return 0;
}

const char *xml_get(const struct xml_element *element, const char *name)
{
	for (size_t i = 0; i < element->attribute_count; i++) {
		if (strcmp(element->attributes[i].name, name) == 0) {
			return element->attributes[i].value;
		}
	}
	return NULL;
}

const struct xml_element *xml_child(const struct xml_element *element, const char *name)
{
	for (const struct xml_element *child = element->first; child != NULL; child = child->next) {
		if (strcmp(child->name, name) == 0) {
			return child;
		}
	}
	return NULL;
}

bool xml_is(const struct xml_element *element, const char *name)
{
	return strcmp(element->name, name) == 0;
}
