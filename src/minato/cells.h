/* Words and table cells that several screens share. */
#pragma once

#include "base/addr.h"
#include "catalog/catalog.h"
#include "model/severity.h"
#include "text/text.h"

/*
 * What a number is for: the entry's title, "? " before it when the program is not known for it,
 * else the registered name.
 */
void service_cell(struct table *table, enum language language, enum protocol protocol,
		  uint16_t port, const struct port_knowledge *known, bool doubted);

/* "this machine", "private nets", "one address", "anyone". */
const char *exposure_words(enum exposure exposure);

/* Appends a name in which container ids of 64 digits are cut to 12, as their runtimes show them. */
void add_short_id(struct str *out, const char *name);

/* Ink and word of a risk. */
enum ink severity_ink(enum severity severity);
const char *severity_words(enum severity severity);
