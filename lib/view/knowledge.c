/* What the catalogue knows, as JSON. */
#include "catalog/catalog.h"
#include "view/view.h"

static json_t *spans(const struct port_knowledge *entry)
{
	json_t *list = json_array();
	for (size_t i = 0; i < entry->port_count; i++) {
		const struct port_span *span = &entry->ports[i];
		json_array_append_new(list, json_pack("{s:s, s:i, s:i}", "protocol",
						      protocol_name(span->protocol), "port",
						      span->first, "last_port", span->last));
	}
	return list;
}

static json_t *strings(const char *const *words)
{
	json_t *list = json_array();
	for (; *words != NULL; words++) {
		json_array_append_new(list, json_string(*words));
	}
	return list;
}

static json_t *uses(const struct port_knowledge *entry)
{
	json_t *list = json_array();
	for (size_t i = 0; i < PORT_USE_COUNT; i++) {
		if ((entry->uses >> i & 1) != 0) {
			json_array_append_new(list,
					      json_string(port_use_name((enum port_use)(1 << i))));
		}
	}
	return list;
}

json_t *view_knowledge(const struct view *view, const struct port_knowledge *entry)
{
	enum language language = view->language;
	json_t *out = json_pack(
		"{s:s, s:s, s:o, s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:o, s:s}",
		"service", entry->name, "title", text_in(entry->title, language), "ports",
		spans(entry), "group", entry->group->name, "uses", uses(entry), "description",
		text_in(entry->use, language), "risk", severity_name(entry->risk), "reason",
		text_in(entry->reason, language), "measure", text_in(entry->measure, language),
		"plaintext", tristate_name(entry->plaintext), "login", tristate_name(entry->login),
		"uploads", entry->uploads, "movable", entry->movable, "everyday", entry->everyday,
		"programs", strings(entry->programs), "source", entry->source);
	return out;
}

json_t *view_registered(const struct service *service)
{
	return json_pack("{s:s, s:i, s:s, s:o}", "protocol", protocol_name(service->protocol),
			 "port", service->port, "registered", service->name, "description",
			 view_string(service_description(service)));
}
