/* Whole tables, searches, and the figure. */
#include <string.h>

#include "cells.h"
#include "explain.h"
#include "figure/figure.h"
#include "words.h"

enum { LINE_MAX_BYTES = 8 * 1024, ENTRIES_MAX = 2048 };

static void list_entry(struct str *out, const struct explain *explain,
		       const struct port_knowledge *entry)
{
	enum language language = explain->context->language;
	const struct style *style = &explain->context->out_style;
	str_add(out, style_ink(style, INK_BOLD));
	explain_spans(out, entry);
	str_printf(out, "  %s%s  %s%s%s\n", text_in(entry->title, language),
		   style_ink(style, INK_PLAIN), style_ink(style, severity_ink(entry->risk)),
		   severity_words(entry->risk), style_ink(style, INK_PLAIN));
	explain_row(out, explain, _("use"), text_in(entry->use, language));
	explain_row(out, explain, _("measure"), text_in(entry->measure, language));
}

void explain_list(struct str *out, const struct explain *explain, enum catalog_list list)
{
	const struct port_knowledge *entries[ENTRIES_MAX];
	size_t count = catalog_list(entries, ENTRIES_MAX, list);
	for (size_t i = 0; i < count && i < ENTRIES_MAX; i++) {
		list_entry(out, explain, entries[i]);
	}
}

size_t explain_search(struct str *out, const struct explain *explain, const char *words)
{
	struct catalog_match matches[EXPLAIN_SEARCH_MAX];
	size_t count = catalog_search(matches, EXPLAIN_SEARCH_MAX, words);
	size_t shown = count < EXPLAIN_SEARCH_MAX ? count : EXPLAIN_SEARCH_MAX;
	if (count > 0) {
		explain_match_table(out, explain, matches, shown);
	}
	if (count > shown) {
		str_printf(out, _("and %zu more: add a word\n"), count - shown);
	}
	return count;
}

/* The source port of a real connection to the port, in either direction. */
static uint16_t client_port(const struct explain *explain, enum protocol protocol, uint16_t port)
{
	const struct inventory *inventory = explain->inventory;
	for (size_t i = 0; inventory != NULL && i < inventory->connections.count; i++) {
		const struct connection *c = &inventory->connections.items[i];
		if (!explain_same_protocol(protocol, c->protocol)) {
			continue;
		}
		if (c->direction == DIRECTION_OUTBOUND && c->remote_port == port) {
			return c->local_port;
		}
		if (c->direction == DIRECTION_INBOUND && c->local_port == port) {
			return c->remote_port;
		}
	}
	return 0;
}

static enum protocol figure_protocol(const struct subject *subject)
{
	if (subject->protocol != PROTOCOL_NONE) {
		return subject->protocol;
	}
	if (subject->knowledge != NULL) {
		return subject->knowledge->ports[0].protocol;
	}
	bool udp_only = catalog_port(PROTOCOL_TCP, subject->first) == NULL &&
			catalog_port(PROTOCOL_UDP, subject->first) != NULL;
	return udp_only ? PROTOCOL_UDP : PROTOCOL_TCP;
}

int explain_figure(struct str *out, const struct explain *explain, const struct subject *subject,
		   bool svg)
{
	enum protocol protocol = figure_protocol(subject);
	const struct port_knowledge *entry = subject->knowledge != NULL
						     ? subject->knowledge
						     : catalog_port(protocol, subject->first);
	const struct service *service = catalog_registry(protocol, subject->first);
	struct figure_port figure = {
		.language = explain->context->language,
		.ascii = explain->context->out_style.ascii,
		.protocol = protocol,
		.port = subject->first,
		.service = entry != NULL     ? entry->name
			   : service != NULL ? service->name
					     : NULL,
		.client_port = client_port(explain, protocol, subject->first),
	};
	if (explain->inventory != NULL) {
		figure.ephemeral = explain->inventory->ephemeral;
	}
	return svg ? figure_port_svg(out, &figure) : figure_port_text(out, &figure);
}
