/* One port: what it is for, how dangerous it is, what to do. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cells.h"
#include "explain.h"
#include "words.h"

enum {
	ENTRIES_MAX = 8,
	LINE_MAX_BYTES = 8 * 1024,
};

/* The entries that explain one number, one for each protocol unless they are the same. */
struct entries {
	const struct port_knowledge *list[ENTRIES_MAX];
	size_t count;
};

static const enum protocol usual_protocols[] = { PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP,
						 PROTOCOL_DCCP };
enum { USUAL_PROTOCOLS = sizeof(usual_protocols) / sizeof(usual_protocols[0]) };

static void add_entry(struct entries *entries, const struct port_knowledge *entry)
{
	for (size_t i = 0; i < entries->count; i++) {
		if (entries->list[i] == entry) {
			return;
		}
	}
	if (entry != NULL && entries->count < ENTRIES_MAX) {
		entries->list[entries->count++] = entry;
	}
}

static void find_entries(struct entries *entries, const struct explain *explain,
			 const struct subject *subject)
{
	*entries = (struct entries){ 0 };
	if (subject->knowledge != NULL) {
		add_entry(entries, subject->knowledge);
		return;
	}
	for (size_t i = 0; i < USUAL_PROTOCOLS; i++) {
		enum protocol protocol = usual_protocols[i];
		if (explain_same_protocol(subject->protocol, protocol)) {
			const struct process *holder =
				explain_holder(explain, protocol, subject->first);
			bool ephemeral = explain->inventory != NULL &&
					 inventory_is_ephemeral(explain->inventory, subject->first);
			const struct port_knowledge *entry = catalog_port_held(
				NULL, protocol, subject->first, holder, ephemeral);
			add_entry(entries,
				  entry != NULL ? entry : catalog_port(protocol, subject->first));
		}
	}
}

static void class_row(struct str *out, const struct explain *explain, uint16_t port)
{
	struct str line = STR_INIT(LINE_MAX_BYTES);
	enum port_class class = port_class(port);
	str_printf(&line, _("%s port (%u-%u)"),
		   text_in(port_class_title(class), explain->context->language),
		   port_class_first(class), port_class_last(class));
	if (class == PORT_CLASS_SYSTEM) {
		str_add(&line,
			_(": system services; opening one needs root or CAP_NET_BIND_SERVICE"));
	} else {
		str_add(&line, _(", one of the high ports (1024-65535)"));
	}
	explain_row(out, explain, _("class"), str_text(&line));
	str_deinit(&line);
}

static bool same_name(const struct entries *entries, const char *name)
{
	for (size_t i = 0; i < entries->count; i++) {
		if (strcasecmp(entries->list[i]->name, name) == 0) {
			return true;
		}
	}
	return false;
}

/* The registry beside reality, where it says something else; each name once. */
static void registry_row(struct str *out, const struct explain *explain,
			 const struct subject *subject, const struct entries *entries)
{
	struct str line = STR_INIT(LINE_MAX_BYTES);
	const char *last = "";
	for (size_t i = 0; i < USUAL_PROTOCOLS; i++) {
		const struct service *service =
			catalog_registry(usual_protocols[i], subject->first);
		if (service == NULL || strcmp(service->name, last) == 0 ||
		    same_name(entries, service->name) ||
		    !explain_same_protocol(subject->protocol, usual_protocols[i])) {
			continue;
		}
		last = service->name;
		str_printf(&line, "%s%s", line.length > 0 ? "; " : "", service->name);
		if (service_description(service)[0] != '\0') {
			str_printf(&line, " - %s", service_description(service));
		}
	}
	explain_row(out, explain, _("registry"), str_text(&line));
	str_deinit(&line);
}

static void uses_row(struct str *out, const struct explain *explain,
		     const struct port_knowledge *entry)
{
	struct str line = STR_INIT(LINE_MAX_BYTES);
	enum language language = explain->context->language;
	str_add(&line, text_in(entry->group->title, language));
	for (size_t i = 0; i < PORT_USE_COUNT; i++) {
		if ((entry->uses >> i & 1) == 0) {
			continue;
		}
		struct text title = port_use_title((enum port_use)(1 << i));
		if (strcasecmp(title.en, entry->group->title.en) != 0) {
			str_printf(&line, "%s%s", _(", "), text_in(title, language));
		}
	}
	explain_row(out, explain, _("kind"), str_text(&line));
	str_deinit(&line);
}

static const char *plaintext_words(enum tristate plaintext)
{
	switch (plaintext) {
	case TRISTATE_YES:
		return _("plaintext, readable on the way");
	case TRISTATE_NO:
		return _("encrypted");
	case TRISTATE_OPTIONAL:
		return _("plaintext unless encryption is switched on");
	}
	return "";
}

static const char *login_words(enum tristate login)
{
	switch (login) {
	case TRISTATE_YES:
		return _("login required");
	case TRISTATE_NO:
		return _("no login by default");
	case TRISTATE_OPTIONAL:
		return _("login can be switched on");
	}
	return "";
}

static void habits_row(struct str *out, const struct explain *explain,
		       const struct port_knowledge *entry)
{
	struct str line = STR_INIT(LINE_MAX_BYTES);
	str_printf(&line, "%s%s%s%s", plaintext_words(entry->plaintext), _("; "),
		   login_words(entry->login), _("; "));
	if (entry->uploads) {
		str_printf(&line, "%s%s", _("accepts uploads, a favourite target"), _("; "));
	}
	str_add(&line,
		entry->movable ? _("number free to move") : _("number fixed, clients expect it"));
	explain_row(out, explain, _("habits"), str_text(&line));
	str_deinit(&line);
}

static void list_row(struct str *out, const struct explain *explain, const char *label,
		     const char *const *list)
{
	struct str line = STR_INIT(LINE_MAX_BYTES);
	for (; *list != NULL; list++) {
		str_printf(&line, "%s%s", line.length > 0 ? _(", ") : "", *list);
	}
	explain_row(out, explain, label, str_text(&line));
	str_deinit(&line);
}

static void risk_row(struct str *out, const struct explain *explain,
		     const struct port_knowledge *entry)
{
	struct str line = STR_INIT(LINE_MAX_BYTES);
	str_printf(&line, ": %s", text_in(entry->reason, explain->context->language));
	explain_row_inked(out, explain, _("risk"), severity_ink(entry->risk),
			  severity_words(entry->risk), str_text(&line));
	str_deinit(&line);
}

/* Whether the entry has numbers beside the one that is explained. */
static bool has_more_ports(const struct port_knowledge *entry, uint16_t port)
{
	for (size_t i = 0; i < entry->port_count; i++) {
		if (entry->ports[i].first != port || entry->ports[i].last != port) {
			return true;
		}
	}
	return false;
}

static void entry_rows(struct str *out, const struct explain *explain,
		       const struct port_knowledge *entry, uint16_t port)
{
	enum language language = explain->context->language;
	struct str spans = STR_INIT(LINE_MAX_BYTES);
	explain_row(out, explain, _("use"), text_in(entry->use, language));
	uses_row(out, explain, entry);
	risk_row(out, explain, entry);
	explain_row(out, explain, _("measure"), text_in(entry->measure, language));
	habits_row(out, explain, entry);
	if (has_more_ports(entry, port)) {
		explain_spans(&spans, entry);
		explain_row(out, explain, _("its ports"), str_text(&spans));
	}
	list_row(out, explain, _("programs"), entry->programs);
	explain_row(out, explain, _("source"), entry->source);
	str_deinit(&spans);
}

/* " (45000-65535/udp)" where the number is but one of a range. */
static void add_range(struct str *line, const struct port_knowledge *entry, uint16_t port)
{
	for (size_t i = 0; i < entry->port_count; i++) {
		const struct port_span *span = &entry->ports[i];
		if (span->first <= port && port <= span->last && span->first != span->last) {
			str_printf(line, " (%u-%u/%s)", span->first, span->last,
				   protocol_name(span->protocol));
		}
	}
}

/* Other services that are met on the same number. */
static void others_row(struct str *out, const struct explain *explain,
		       const struct subject *subject, const struct entries *entries)
{
	struct entries others = { 0 };
	struct str line = STR_INIT(LINE_MAX_BYTES);
	for (size_t i = 0; i < USUAL_PROTOCOLS; i++) {
		enum protocol protocol = usual_protocols[i];
		const struct port_knowledge *entry =
			explain_same_protocol(subject->protocol, protocol)
				? catalog_port_next(protocol, subject->first, NULL)
				: NULL;
		while (entry != NULL) {
			if (!same_name(entries, entry->name)) {
				add_entry(&others, entry);
			}
			entry = catalog_port_next(protocol, subject->first, entry);
		}
	}
	for (size_t i = 0; i < others.count; i++) {
		str_printf(&line, "%s%s", i > 0 ? _(", ") : "",
			   text_in(others.list[i]->title, explain->context->language));
		add_range(&line, others.list[i], subject->first);
	}
	explain_row(out, explain, _("also met"), str_text(&line));
	str_deinit(&line);
}

/* "443/tcp, 443/udp  HTTPS": the protocols that the entry has on this number. */
static void title(struct str *out, const struct explain *explain, const struct subject *subject,
		  const struct port_knowledge *entry)
{
	struct str line = STR_INIT(LINE_MAX_BYTES);
	for (size_t i = 0; entry != NULL && i < USUAL_PROTOCOLS; i++) {
		if (port_knowledge_has_port(entry, usual_protocols[i], subject->first) &&
		    explain_same_protocol(subject->protocol, usual_protocols[i])) {
			str_printf(&line, "%s%u/%s", line.length > 0 ? ", " : "", subject->first,
				   protocol_name(usual_protocols[i]));
		}
	}
	if (line.length == 0 && subject->protocol != PROTOCOL_NONE) {
		str_printf(&line, "%u/%s", subject->first, protocol_name(subject->protocol));
	} else if (line.length == 0) {
		str_printf(&line, "%u", subject->first);
	}
	if (entry != NULL) {
		str_printf(&line, "  %s", text_in(entry->title, explain->context->language));
	}
	explain_heading(out, explain, str_text(&line));
	str_deinit(&line);
}

/* A word that means more than the one entry shown. */
static void more_row(struct str *out, const struct explain *explain, const struct subject *subject)
{
	if (subject->match_count < 2) {
		return;
	}
	struct str line = STR_INIT(LINE_MAX_BYTES);
	for (size_t i = 1; i < subject->match_count && i < EXPLAIN_MATCHES_MAX; i++) {
		const struct catalog_match *match = &subject->matches[i];
		if (match->knowledge != NULL) {
			str_printf(&line, "%s%s (%u)", line.length > 0 ? _(", ") : "",
				   match->knowledge->name, match->knowledge->ports[0].first);
		}
	}
	explain_row(out, explain, _("see also"), str_text(&line));
	str_deinit(&line);
}

void explain_port(struct str *out, const struct explain *explain, const struct subject *subject)
{
	struct entries entries;
	find_entries(&entries, explain, subject);
	title(out, explain, subject, entries.count > 0 ? entries.list[0] : NULL);
	class_row(out, explain, subject->first);
	for (size_t i = 0; i < entries.count; i++) {
		if (i > 0) {
			title(out, explain, subject, entries.list[i]);
		}
		entry_rows(out, explain, entries.list[i], subject->first);
	}
	if (entries.count == 0) {
		explain_row(out, explain, _("use"),
			    _("no common service is known on this number; what holds it decides"));
	}
	registry_row(out, explain, subject, &entries);
	others_row(out, explain, subject, &entries);
	more_row(out, explain, subject);
	explain_host(out, explain, subject->protocol, subject->first);
	explain_measures(out, explain, subject->protocol, subject->first);
}
