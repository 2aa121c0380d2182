/* XML as a tree, by expat: small documents without document types. Private to import. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

enum { XML_DEPTH_MAX = 16, XML_ELEMENTS_MAX = 200000, XML_ATTRIBUTES_MAX = 16 };

struct xml_attribute {
	const char *name, *value;
};

struct xml_element {
	const char *name;
	uint32_t line;
	struct xml_attribute attributes[XML_ATTRIBUTES_MAX];
	size_t attribute_count;
	const char *text; /* of elements without children; NULL = none */
	struct xml_element *next, *first, *last;
};

/*
 * Everything is in the arena. A document type is refused: it could name entities and files.
 * @return 0; -EINVAL; -EFBIG beyond a limit; -ENOMEM.
 */
int xml_read(struct xml_element **out, struct arena *arena, const char *bytes, size_t length);
/* The attribute's value; NULL when it is not there. */
const char *xml_get(const struct xml_element *element, const char *name);
/* The first child of that name; NULL when there is none. */
const struct xml_element *xml_child(const struct xml_element *element, const char *name);
bool xml_is(const struct xml_element *element, const char *name);
