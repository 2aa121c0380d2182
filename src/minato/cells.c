/* Words and table cells that several screens share. */
#include "cells.h"

#include <string.h>

#include "words.h"

void add_short_id(struct str *out, const char *name)
{
	enum { ID_CHARACTERS = 64, SHOWN_CHARACTERS = 12 };
	while (name != NULL && *name != '\0') {
		size_t digits = strspn(name, "0123456789abcdef");
		size_t shown = digits >= ID_CHARACTERS ? SHOWN_CHARACTERS : digits;
		str_add_bytes(out, name, shown);
		name += digits;
		size_t rest = strcspn(name, "0123456789abcdef");
		str_add_bytes(out, name, rest);
		name += rest;
	}
}

const char *exposure_words(enum exposure exposure)
{
	static const char *const words[] = {
		[EXPOSURE_LOOPBACK] = N_("this machine"),
		[EXPOSURE_PRIVATE] = N_("private nets"),
		[EXPOSURE_PUBLIC] = N_("anyone"),
		[EXPOSURE_ANY] = N_("anyone"),
	};
	return _(words[exposure]);
}

enum ink severity_ink(enum severity severity)
{
	static const enum ink inks[] = {
		[SEVERITY_NONE] = INK_PLAIN,   [SEVERITY_LOW] = INK_GOOD,
		[SEVERITY_MEDIUM] = INK_NOTE,  [SEVERITY_HIGH] = INK_WARN,
		[SEVERITY_CRITICAL] = INK_BAD,
	};
	return inks[severity];
}

const char *severity_words(enum severity severity)
{
	static const char *const words[] = {
		[SEVERITY_NONE] = N_("info"),         [SEVERITY_LOW] = N_("low"),
		[SEVERITY_MEDIUM] = N_("medium"),     [SEVERITY_HIGH] = N_("high"),
		[SEVERITY_CRITICAL] = N_("critical"),
	};
	return _(words[severity]);
}

void service_cell(struct table *table, enum language language, enum protocol protocol,
		  uint16_t port, const struct port_knowledge *known, bool doubted)
{
	const struct service *registered = catalog_registry(protocol, port);
	if (known != NULL) {
		table_printf(table, INK_PLAIN, "%s%s", doubted ? "? " : "",
			     text_in(known->title, language));
	} else {
		table_cell(table, INK_PLAIN, registered == NULL ? NULL : registered->name);
	}
}
