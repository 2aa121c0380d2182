/* Devices, for machines. */
#include "devices_show.h"
#include "view/view.h"

static json_t *address_json(const struct addr *address)
{
	char text[ADDR_TEXT_BYTES];
	return json_string(addr_format(address, text));
}

static json_t *addresses_json(const struct device *device)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < device->address_count; i++) {
		json_array_append_new(list, address_json(&device->addresses[i]));
	}
	return list;
}

static json_t *declared_json(const struct device *device)
{
	json_t *list = json_array();
	for (size_t i = 0; device->host != NULL && i < device->host->ports.count; i++) {
		const struct policy_declaration *d = &device->host->ports.items[i];
		for (size_t k = 0; k < d->ports.count; k++) {
			const struct policy_ports *ports = &d->ports.items[k];
			json_array_append_new(
				list, json_pack("{s:s,s:i,s:i,s:o,s:o}", "protocol",
						protocol_name(ports->protocol), "first_port",
						(int)ports->first, "last_port", (int)ports->last,
						"declaration", view_string(d->entry.name),
						"purpose", view_string(d->purpose)));
		}
	}
	return list;
}

/* NULL = it cannot be said: the device is not declared itself. */
static json_t *is_declared(const struct devices_view *view, const struct device *device,
			   enum protocol protocol, uint16_t port)
{
	return device->host == NULL
		       ? json_null()
		       : json_boolean(!devices_port_undeclared(view, device, protocol, port));
}

static json_t *audit_json(const struct devices_view *view, size_t at)
{
	const struct devices_facts *facts = &view->facts[at];
	const struct device *device = &view->devices.list.items[at];
	const struct view words = { .language = view->context->language };
	json_t *open = json_array();
	if (facts->audited == 0) {
		json_decref(open);
		return json_null();
	}
	for (unsigned udp = 0; udp < 2; udp++) {
		const enum protocol protocol = udp ? PROTOCOL_UDP : PROTOCOL_TCP;
		for (int32_t port = portset_next(&facts->open[udp], 1); port >= 0;
		     port = portset_next(&facts->open[udp], (uint32_t)port + 1)) {
			json_array_append_new(
				open,
				json_pack("{s:s,s:i,s:o,s:o}", "protocol", protocol_name(protocol),
					  "port", (int)port, "declared",
					  is_declared(view, device, protocol, (uint16_t)port),
					  "service",
					  view_service(&words, protocol, (uint16_t)port)));
		}
	}
	return json_pack("{s:o,s:o}", "time", view_time(facts->audited), "open", open);
}

static json_t *talks_json(const struct devices_view *view, size_t at)
{
	const struct devices_facts *facts = &view->facts[at];
	const struct device *device = &view->devices.list.items[at];
	if (!view->talks_known) {
		return json_null();
	}
	json_t *list = json_array();
	for (uint32_t i = 0; i < facts->talk_count; i++) {
		const struct devices_talk *talk = &facts->talks[i];
		json_array_append_new(
			list, json_pack("{s:s,s:i,s:I,s:o,s:o}", "protocol",
					protocol_name(talk->protocol), "port", (int)talk->port,
					"count", (json_int_t)talk->count, "peer",
					address_json(&talk->peer), "declared",
					is_declared(view, device, talk->protocol, talk->port)));
	}
	return list;
}

/* null = it was not asked. */
static json_t *services_json(const struct devices_view *view, const struct device *device)
{
	if (!view->found->asked) {
		return json_null();
	}
	json_t *list = json_array();
	for (const struct devices_service *s = devices_next_service(view, device, NULL); s != NULL;
	     s = devices_next_service(view, device, s)) {
		json_array_append_new(list, view_string(s->text));
	}
	return list;
}

static json_t *interface_json(const struct device *device)
{
	char name[DEVICES_INTERFACE_BYTES];
	return devices_interface(name, device) == NULL ? json_null() : view_string(name);
}

json_t *devices_json(const struct devices_view *view, size_t at)
{
	const struct device *device = &view->devices.list.items[at];
	char mac[DEVICES_MAC_TEXT_BYTES];
	const usec_t last = view->context->now - device->silent_for;
	return json_pack(
		"{s:o,s:s,s:o,s:I,s:o,s:o,s:o,s:s,s:o,s:b,s:o,s:o,s:o,s:o,s:o,s:o}", "name",
		device->name[0] == '\0' ? json_null() : view_string(device->name), "name_source",
		devices_name_source_name(device->name_source), "addresses", addresses_json(device),
		"addresses_left_out", (json_int_t)device->address_more, "mac",
		device->has_mac ? json_string(devices_mac_format(mac, device->mac)) : json_null(),
		"mac_local",
		device->has_mac ? json_boolean(devices_mac_is_local(device->mac)) : json_null(),
		"interface", interface_json(device), "state", devices_state_name(device->state),
		"answered_time", device->silent_for < 0 ? json_null() : view_time(last), "router",
		(int)device->router, "host",
		device->host == NULL ? json_null() : view_string(device->host->entry.name),
		"every_us",
		device->host == NULL || device->host->every == 0
			? json_null()
			: json_integer((json_int_t)device->host->every),
		"ports_declared", declared_json(device), "services_told",
		services_json(view, device), "audit", audit_json(view, at), "connections",
		talks_json(view, at));
}
