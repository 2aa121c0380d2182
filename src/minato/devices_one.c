/* One device in full, for people. */
#include <unistd.h>

#include "devices_show.h"
#include "log_rows.h"
#include "words.h"

static void add_line(struct str *out, const struct devices_view *view, const char *label,
		     const char *text)
{
	struct str line = STR_INIT(1 << 16);
	struct str safe = STR_INIT(1 << 16);
	const size_t width = text_width(label);
	text_escape(&safe, text);
	str_printf(&line, "  %s%*s%s", label, width < 14 ? (int)(14 - width) : 1, "",
		   str_text(&safe));
	text_wrap(out, str_text(&line), view->context->columns, 16);
	str_add_char(out, '\n');
	str_deinit(&safe);
	str_deinit(&line);
}

static void add_addresses(struct str *out, const struct devices_view *view,
			  const struct device *device)
{
	char text[ADDR_TEXT_BYTES];
	struct str list = STR_INIT(4096);
	for (uint32_t i = 0; i < device->address_count; i++) {
		str_printf(&list, "%s%s", i > 0 ? ", " : "",
			   addr_format(&device->addresses[i], text));
	}
	if (device->address_more > 0) {
		str_printf(&list, ", +%u", device->address_more);
	}
	add_line(out, view, _("addresses"), str_text(&list));
	str_deinit(&list);
}

static void add_mac(struct str *out, const struct devices_view *view, const struct device *device)
{
	char mac[DEVICES_MAC_TEXT_BYTES], name[DEVICES_INTERFACE_BYTES];
	struct str text = STR_INIT(256);
	if (!device->has_mac) {
		return;
	}
	str_add(&text, devices_mac_format(mac, device->mac));
	if (devices_mac_is_local(device->mac)) {
		str_add(&text, _(": chosen by the device itself, by chance or by its system"));
	}
	add_line(out, view, "MAC", str_text(&text));
	if (devices_interface(name, device) != NULL) {
		add_line(out, view, _("interface"), name);
	}
	str_deinit(&text);
}

static void add_declared(struct str *out, const struct devices_view *view,
			 const struct device *device)
{
	struct str text = STR_INIT(1 << 14);
	if (device->host == NULL) {
		add_line(out, view, _("declared"),
			 view->compared ? _("no: no entry of hosts: has it")
					: _("no: the policy has no hosts:"));
		return;
	}
	for (size_t i = 0; i < device->host->ports.count; i++) {
		const struct policy_declaration *d = &device->host->ports.items[i];
		str_printf(&text, "%s", i > 0 ? "; " : "");
		for (size_t k = 0; k < d->ports.count; k++) {
			const struct policy_ports *ports = &d->ports.items[k];
			str_printf(&text, ports->first == ports->last ? "%s%u" : "%s%u-%u",
				   k > 0 ? " " : "", ports->first, ports->last);
			str_printf(&text, "/%s", protocol_name(ports->protocol));
		}
		str_printf(&text, " %s: %s", d->entry.name, d->purpose);
	}
	add_line(out, view, _("declared"),
		 text.length > 0 ? str_text(&text) : _("it, and no port of it"));
	str_deinit(&text);
}

static void add_audit(struct str *out, const struct devices_view *view, size_t at)
{
	char time[LOG_TIME_BYTES];
	struct str text = STR_INIT(1 << 14);
	struct str ports = STR_INIT(4096);
	if (view->facts[at].audited == 0) {
		add_line(out, view, _("offers"),
			 geteuid() == 0 ? _("not known: it was not audited yet")
					: _("not known: this user did not audit it; root's audits "
					    "are shown to root"));
		return;
	}
	if (devices_add_ports(&ports, view, at, false) > 0) {
		str_add(&text, str_text(&ports));
	}
	str_clear(&ports);
	if (devices_add_ports(&ports, view, at, true) > 0) {
		str_printf(&text, "%s", text.length > 0 ? "; " : "");
		str_printf(&text, _("not declared: %s"), str_text(&ports));
	}
	if (text.length == 0) {
		str_add(&text, _("nothing open"));
	}
	str_printf(&text, _(" (audit of %.16s)"), log_local_time(view->facts[at].audited, time));
	add_line(out, view, _("offers"), str_text(&text));
	str_deinit(&ports);
	str_deinit(&text);
}

static void add_told(struct str *out, const struct devices_view *view, const struct device *device)
{
	struct str text = STR_INIT(1 << 14);
	devices_add_services(&text, view, device);
	if (text.length > 0) {
		add_line(out, view, _("says"), str_text(&text));
	}
	str_deinit(&text);
}

static void add_talks(struct str *out, const struct devices_view *view, size_t at)
{
	const struct devices_facts *facts = &view->facts[at];
	const struct device *device = &view->devices.list.items[at];
	char peer[ADDR_TEXT_BYTES];
	struct str text = STR_INIT(1 << 14);
	if (!view->talks_known) {
		add_line(out, view, _("in use"), _("not known: connections are tracked for root"));
		return;
	}
	for (uint32_t i = 0; i < facts->talk_count; i++) {
		const struct devices_talk *talk = &facts->talks[i];
		str_printf(&text, i > 0 ? "; %u/%s" : "%u/%s", talk->port,
			   protocol_name(talk->protocol));
		str_printf(&text, _(" by %s"), addr_format(&talk->peer, peer));
		if (talk->count > 1) {
			str_printf(&text, _(" and others, %u connections"), talk->count);
		}
		if (talk->protocol == PROTOCOL_TCP &&
		    devices_port_undeclared(view, device, PROTOCOL_TCP, talk->port)) {
			str_add(&text, _(" (not declared)"));
		}
	}
	add_line(out, view, _("in use"),
		 text.length > 0 ? str_text(&text) : _("no connection that this host sees"));
	str_deinit(&text);
}

/* What to type next. */
static void add_next(struct str *out, const struct devices_view *view, size_t at)
{
	const struct device *device = &view->devices.list.items[at];
	char text[ADDR_TEXT_BYTES];
	if (device->host != NULL) {
		str_printf(out, "  -> minato audit %s\n", device->host->entry.name);
	} else {
		str_printf(out, "  -> minato audit --authorized %s\n",
			   addr_format(&device->addresses[0], text));
	}
}

void devices_add_one(struct str *out, const struct devices_view *view, size_t at)
{
	const struct device *device = &view->devices.list.items[at];
	static const char *const sources[DEVICES_NAME_SOURCES] = {
		[DEVICES_NAME_POLICY] = N_("as the policy calls it"),
		[DEVICES_NAME_HOSTS] = N_("as /etc/hosts calls it"),
		[DEVICES_NAME_SELF] = N_("as it calls itself"),
		[DEVICES_NAME_LEASE] = N_("as it called itself when it asked for an address"),
	};
	struct str state = STR_INIT(256);
	char text[ADDR_TEXT_BYTES], span[SPAN_TEXT_BYTES];
	if (device->name[0] != '\0') {
		str_printf(out, "%s  %s\n", device->name, _(sources[device->name_source]));
	} else {
		str_printf(out, "%s\n", addr_format(&device->addresses[0], text));
	}
	add_addresses(out, view, device);
	add_mac(out, view, device);
	devices_add_state(&state, device);
	if (device->router) {
		str_add(&state, _("; a router"));
	}
	add_line(out, view, _("state"), str_text(&state));
	str_deinit(&state);
	add_declared(out, view, device);
	if (device->host != NULL && device->host->every != 0) {
		add_line(out, view, _("audited every"), span_format(device->host->every, span));
	}
	add_audit(out, view, at);
	add_told(out, view, device);
	add_talks(out, view, at);
	add_next(out, view, at);
}
