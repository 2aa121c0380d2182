/* Explanations for machines. */
#include "explain_json.h"
#include "bans.h"
#include "measures.h"

static bool in_subject(const struct subject *subject, enum protocol protocol, uint16_t first,
		       uint16_t last)
{
	return first <= subject->last && subject->first <= last &&
	       explain_same_protocol(subject->protocol, protocol);
}

static void set_services(json_t *out, const struct view *view, const struct subject *subject)
{
	json_t *list = json_array();
	size_t count;
	const struct port_knowledge *all = catalog_ports(&count);
	for (size_t i = 0; i < count; i++) {
		bool wanted = false;
		for (size_t p = 0; p < all[i].port_count && !wanted; p++) {
			const struct port_span *span = &all[i].ports[p];
			wanted = in_subject(subject, span->protocol, span->first, span->last);
		}
		if (wanted && (subject->knowledge == NULL || subject->knowledge == &all[i])) {
			json_array_append_new(list, view_knowledge(view, &all[i]));
		}
	}
	json_object_set_new(out, "services", list);
}

static void set_registry(json_t *out, const struct subject *subject)
{
	json_t *list = json_array();
	size_t count;
	const struct service *all = catalog_registry_all(&count);
	for (size_t i = 0; i < count; i++) {
		if (in_subject(subject, all[i].protocol, all[i].port, all[i].port)) {
			json_array_append_new(list, view_registered(&all[i]));
		}
	}
	json_object_set_new(out, "registry", list);
}

static bool held_by(const struct inventory *inventory, uint32_t process, const char *word)
{
	return process < inventory->processes.count &&
	       explain_is_program(&inventory->processes.items[process], word);
}

static void set_listeners(json_t *out, const struct view *view, const struct explain *explain,
			  const struct subject *subject)
{
	const struct inventory *inventory = explain->inventory;
	json_t *list = json_array();
	for (uint32_t i = 0; i < inventory->listeners.count; i++) {
		const struct listener *l = &inventory->listeners.items[i];
		const struct process *process = inventory_listener_process(inventory, l);
		bool wanted =
			subject->kind == SUBJECT_PROGRAM
				? process != NULL && explain_is_program(process, subject->word)
				: in_subject(subject, l->protocol, l->port, l->port);
		if (wanted) {
			json_array_append_new(list, view_listener(view, inventory, i));
		}
	}
	json_object_set_new(out, "listeners", list);
}

static void set_published(json_t *out, const struct view *view, const struct explain *explain,
			  const struct subject *subject)
{
	const struct inventory *inventory = explain->inventory;
	json_t *list = json_array();
	for (uint32_t i = 0; i < inventory->published.count; i++) {
		const struct published *p = &inventory->published.items[i];
		if (in_subject(subject, p->protocol, p->first_port, p->last_port)) {
			json_array_append_new(list, view_published(view, inventory, i));
		}
	}
	json_object_set_new(out, "published", list);
}

/* This host's own connections: of the program, or to the port elsewhere. */
static void set_connections(json_t *out, const struct view *view, const struct explain *explain,
			    const struct subject *subject)
{
	const struct inventory *inventory = explain->inventory;
	json_t *list = json_array();
	for (uint32_t i = 0; i < inventory->connections.count; i++) {
		const struct connection *c = &inventory->connections.items[i];
		bool wanted =
			subject->kind == SUBJECT_PROGRAM
				? held_by(inventory, c->process, subject->word)
				: in_subject(subject, c->protocol, c->remote_port, c->remote_port);
		if (wanted && c->direction == DIRECTION_OUTBOUND) {
			json_array_append_new(list, view_connection(view, inventory, i));
		}
	}
	json_object_set_new(out, "connections", list);
}

static void set_assignment(json_t *out, const struct explain *explain,
			   const struct subject *subject)
{
	const struct inventory *inventory = explain->inventory;
	bool inside = subject->first <= inventory->ephemeral.last &&
		      inventory->ephemeral.first <= subject->last;
	json_object_set_new(out, "in_ephemeral_range", json_boolean(inside));
	json_object_set_new(out, "reserved",
			    json_boolean(portset_has(&inventory->reserved, subject->first)));
}

static void set_measures(json_t *out, const struct view *view, const struct explain *explain,
			 const struct subject *subject)
{
	json_t *list = json_array();
	json_t *all = explain->measures == NULL ? json_array()
						: measures_json(explain->measures, view->language);
	size_t index;
	json_t *row;
	json_array_foreach(all, index, row)
	{
		if (json_integer_value(json_object_get(row, "port")) == subject->first &&
		    subject->first == subject->last) {
			json_array_append(list, row);
		}
	}
	json_decref(all);
	json_object_set_new(out, "measures", list);
}

static json_t *ports_json(const struct view *view, const struct subject *subject)
{
	json_t *out = json_pack(
		"{s:s, s:s, s:i, s:i, s:o, s:s}", "word", subject->word, "kind", "port", "port",
		subject->first, "last_port", subject->last, "protocol",
		subject->protocol == PROTOCOL_NONE ? json_null()
						   : json_string(protocol_name(subject->protocol)),
		"class", port_class_name(port_class(subject->first)));
	if (out != NULL) {
		set_services(out, view, subject);
		set_registry(out, subject);
	}
	return out;
}

json_t *explain_matches_json(const struct view *view, const struct catalog_match *matches,
			     size_t count)
{
	json_t *services = json_array();
	json_t *registry = json_array();
	for (size_t i = 0; i < count; i++) {
		if (matches[i].knowledge != NULL) {
			json_array_append_new(services, view_knowledge(view, matches[i].knowledge));
		} else {
			json_array_append_new(registry, view_registered(matches[i].service));
		}
	}
	return json_pack("{s:o, s:o}", "services", services, "registry", registry);
}

static json_t *address_json(const struct explain *explain, const struct subject *subject)
{
	char text[ADDR_TEXT_BYTES];
	const struct addr plain = addr_unmap(&subject->address);
	const struct bans *bans = explain->bans;
	const struct defend_ban *ban =
		bans == NULL ? NULL : defend_table_covers(&bans->table, &plain);
	json_t *reach = json_array();
	for (size_t i = 0; explain->policy != NULL && i < explain->policy->declarations.count;
	     i++) {
		const struct policy_declaration *d = &explain->policy->declarations.items[i];
		if (policy_from_has(explain->policy, d, &plain)) {
			json_array_append_new(reach, json_string(d->entry.name));
		}
	}
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:b, s:o}", "word", subject->word, "kind",
			 "address", "address", addr_format(&plain, text), "exposure",
			 exposure_name(addr_exposure(&plain)), "may_reach", reach, "bans_known",
			 bans != NULL, "ban", ban == NULL ? json_null() : bans_json(bans, ban));
}

static json_t *words_json(const char *const *words)
{
	json_t *list = json_array();
	for (; *words != NULL; words++) {
		json_array_append_new(list, json_string(*words));
	}
	return list;
}

json_t *explain_term_json(const struct view *view, const struct glossary_term *term)
{
	static const char *const figures[] = {
		[GLOSSARY_FIGURE_PORT] = "port",   [GLOSSARY_FIGURE_RANGES] = "ranges",
		[GLOSSARY_FIGURE_NAT] = "nat",     [GLOSSARY_FIGURE_DOORS] = "doors",
		[GLOSSARY_FIGURE_TAKEN] = "taken",
	};
	const char *figure = term->ladder != NULL ? term->ladder->name : figures[term->figure];
	return json_pack("{s:s, s:s, s:o, s:s, s:s, s:o, s:s, s:s?}", "term", term->name, "title",
			 text_in(term->title, view->language), "also", words_json(term->also),
			 "group", term->group->name, "text", text_in(term->text, view->language),
			 "see", words_json(term->see), "try", term->command, "figure", figure);
}

static json_t *subject_json(const struct view *view, const struct explain *explain,
			    const struct subject *subject)
{
	if (subject->kind == SUBJECT_TERM) {
		return json_pack("{s:o, s:s}", "word", view_string(subject->word), "kind", "term");
	}
	if (subject->kind == SUBJECT_MATCHES) {
		size_t count = subject->match_count < EXPLAIN_MATCHES_MAX ? subject->match_count
									  : EXPLAIN_MATCHES_MAX;
		json_t *out = explain_matches_json(view, subject->matches, count);
		json_object_set_new(out, "word", json_string(subject->word));
		json_object_set_new(out, "kind", json_string("word"));
		return out;
	}
	if (subject->kind == SUBJECT_ADDRESS) {
		return address_json(explain, subject);
	}
	bool program = subject->kind == SUBJECT_PROGRAM;
	json_t *out = program ? json_pack("{s:o, s:s}", "word", view_string(subject->word), "kind",
					  "program")
			      : ports_json(view, subject);
	if (out != NULL && explain->inventory != NULL) {
		set_listeners(out, view, explain, subject);
		set_connections(out, view, explain, subject);
		if (!program) {
			set_published(out, view, explain, subject);
			set_assignment(out, explain, subject);
			set_measures(out, view, explain, subject);
		}
	}
	return out;
}

json_t *explain_subject_json(const struct view *view, const struct explain *explain,
			     const struct subject *subject)
{
	json_t *out = subject_json(view, explain, subject);
	json_object_set_new(out, "term",
			    subject->term != NULL ? explain_term_json(view, subject->term)
						  : json_null());
	return out;
}
