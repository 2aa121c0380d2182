/* Devices, for people: a table. */
#include <net/if.h>
#include <unistd.h>

#include "devices_show.h"
#include "words.h"

enum {
	ADDRESSES_SHOWN = 3, /* of a device in the table */
	PORTS_SHOWN = 12,    /* in one cell */
};

const char *devices_interface(char out[DEVICES_INTERFACE_BYTES], const struct device *device)
{
	return device->interface == 0 ? NULL : if_indextoname(device->interface, out);
}

/* ---- words ---- */

static const char *state_words(enum devices_state state)
{
	static const char *const words[DEVICES_STATES] = {
		[DEVICES_UNKNOWN] = N_("not met"),
		[DEVICES_SILENT] = N_("silent"),
		[DEVICES_STALE] = N_("quiet"),
		[DEVICES_ANSWERS] = N_("answers lately"),
	};
	return _(words[state]);
}

static enum ink state_ink(enum devices_state state)
{
	return state == DEVICES_ANSWERS ? INK_GOOD : state == DEVICES_SILENT ? INK_WARN : INK_DIM;
}

void devices_add_state(struct str *out, const struct device *device)
{
	char span[SPAN_TEXT_BYTES];
	str_add(out, state_words(device->state));
	if (device->silent_for >= USEC_PER_SEC) {
		str_printf(out, ", %s", span_format(device->silent_for, span));
	}
}

size_t devices_add_ports(struct str *out, const struct devices_view *view, size_t at,
			 bool undeclared)
{
	const struct device *device = &view->devices.list.items[at];
	size_t count = 0;
	for (unsigned udp = 0; udp < 2; udp++) {
		const struct portset *open = &view->facts[at].open[udp];
		const enum protocol protocol = udp ? PROTOCOL_UDP : PROTOCOL_TCP;
		for (int32_t port = portset_next(open, 1); port >= 0;
		     port = portset_next(open, (uint32_t)port + 1)) {
			if (devices_port_undeclared(view, device, protocol, (uint16_t)port) !=
			    undeclared) {
				continue;
			}
			if (count++ < PORTS_SHOWN) {
				str_printf(out, "%s%d/%s", count > 1 ? " " : "", (int)port,
					   protocol_name(protocol));
			}
		}
	}
	if (count > PORTS_SHOWN) {
		str_printf(out, " +%zu", count - PORTS_SHOWN);
	}
	return count;
}

/* Of connections to ports that nobody declared, which no audit has seen yet. */
static void add_talk_undeclared(struct str *out, const struct devices_view *view, size_t at)
{
	const struct devices_facts *facts = &view->facts[at];
	for (uint32_t i = 0; i < facts->talk_count; i++) {
		const struct devices_talk *talk = &facts->talks[i];
		if (talk->protocol == PROTOCOL_TCP && !portset_has(&facts->open[0], talk->port) &&
		    devices_port_undeclared(view, &view->devices.list.items[at], PROTOCOL_TCP,
					    talk->port)) {
			str_printf(out, "%s%u/tcp", out->length > 0 ? " " : "", talk->port);
		}
	}
}

void devices_add_services(struct str *out, const struct devices_view *view,
			  const struct device *device)
{
	const size_t before = out->length;
	for (const struct devices_service *s = devices_next_service(view, device, NULL); s != NULL;
	     s = devices_next_service(view, device, s)) {
		str_printf(out, "%s%s", out->length > before ? ", " : "", s->text);
	}
}

/* What it offers; what nobody declared comes first. */
static enum ink add_offers(struct str *out, const struct devices_view *view, size_t at)
{
	const struct device *device = &view->devices.list.items[at];
	struct str ports = STR_INIT(4096);
	enum ink ink = INK_PLAIN;
	(void)devices_add_ports(&ports, view, at, true);
	add_talk_undeclared(&ports, view, at);
	if (devices_is_undeclared(view, device)) {
		str_add(out, _("not declared"));
		ink = INK_WARN;
	}
	if (ports.length > 0) {
		str_printf(out, _("not declared: %s"), str_text(&ports));
		ink = INK_WARN;
	}
	str_clear(&ports);
	if (view->facts[at].audited == 0) {
		devices_add_services(&ports, view, device);
	}
	if (ports.length > 0) {
		str_printf(out, "%s", out->length > 0 ? "; " : "");
		str_printf(out, _("says: %s"), str_text(&ports));
	} else if (devices_add_ports(&ports, view, at, false) > 0) {
		str_printf(out, "%s%s", out->length > 0 ? "; " : "", str_text(&ports));
	} else if (view->facts[at].audited == 0 && out->length == 0) {
		/* Root's records of audits are root's alone. */
		str_add(out, geteuid() == 0 ? _("not audited yet") : _("not audited by this user"));
		ink = INK_DIM;
	} else if (out->length == 0) {
		str_add(out, _("nothing open"));
	}
	str_deinit(&ports);
	return ink;
}

/* ---- the table ---- */

static void add_name(struct table *table, const struct device *device)
{
	if (device->name[0] != '\0') {
		table_cell(table, device->host != NULL ? INK_BOLD : INK_PLAIN, device->name);
	} else {
		table_cell(table, INK_DIM, device->router ? _("(router)") : NULL);
	}
}

static void add_row(struct table *table, const struct devices_view *view, size_t at)
{
	const struct device *device = &view->devices.list.items[at];
	char text[ADDR_TEXT_BYTES], mac[DEVICES_MAC_TEXT_BYTES], name[DEVICES_INTERFACE_BYTES];
	struct str cell = STR_INIT(4096);
	add_name(table, device);
	table_cell(table, INK_PLAIN, addr_format(&device->addresses[0], text));
	if (device->has_mac) {
		table_printf(table, INK_DIM, "%s%s", devices_mac_format(mac, device->mac),
			     devices_mac_is_local(device->mac) ? "*" : "");
	} else {
		table_cell(table, INK_DIM, NULL);
	}
	table_cell(table, INK_DIM, devices_interface(name, device));
	devices_add_state(&cell, device);
	table_cell(table, state_ink(device->state), str_text(&cell));
	str_clear(&cell);
	const enum ink ink = add_offers(&cell, view, at);
	table_cell(table, ink, str_text(&cell));
	str_deinit(&cell);
}

/* Its other addresses, below the first one. */
static void add_more_addresses(struct table *table, const struct device *device)
{
	char text[ADDR_TEXT_BYTES];
	for (uint32_t i = 1; i < device->address_count && i <= ADDRESSES_SHOWN; i++) {
		const uint32_t left = device->address_count - i + device->address_more;
		table_cell(table, INK_PLAIN, " ");
		if (i == ADDRESSES_SHOWN && left > 1) {
			table_printf(table, INK_DIM, "+%u", left);
		} else {
			table_cell(table, INK_DIM, addr_format(&device->addresses[i], text));
		}
		for (unsigned cell = 0; cell < 4; cell++) {
			table_cell(table, INK_PLAIN, " ");
		}
	}
}

static void add_summary(struct str *out, const struct devices_view *view)
{
	size_t undeclared = 0, ports = 0;
	bool local = false;
	for (size_t i = 0; i < view->devices.list.count; i++) {
		const struct device *device = &view->devices.list.items[i];
		undeclared += devices_is_undeclared(view, device);
		ports += devices_undeclared_ports(view, i);
		local |= device->has_mac && devices_mac_is_local(device->mac);
	}
	if (local) {
		str_add(out, _("* chosen by the device itself, by chance or by its system\n"));
	}
	if (!view->compared) {
		str_add(out, _("nothing is compared: the policy has no hosts:\n"));
		return;
	}
	str_printf(out,
		   _("devices: %zu; not declared: %zu; undeclared ports of declared ones: %zu\n"),
		   view->devices.list.count, undeclared, ports);
}

void devices_add_list(struct str *out, const struct devices_view *view)
{
	const struct table_column columns[] = {
		{ _("NAME"), ALIGN_LEFT, 6, 24 }, { _("ADDRESS"), ALIGN_LEFT, 0, 0 },
		{ "MAC", ALIGN_LEFT, 0, 0 },      { _("INTERFACE"), ALIGN_LEFT, 0, 0 },
		{ _("STATE"), ALIGN_LEFT, 0, 0 }, { _("OFFERS"), ALIGN_LEFT, 12, 0 },
	};
	struct table table;
	if (view->devices.list.count == 0) {
		str_add(out, _("no neighbour is known: nobody was asked for lately, and the policy "
			       "declares no device\n"));
		return;
	}
	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < view->devices.list.count; i++) {
		add_row(&table, view, i);
		add_more_addresses(&table, &view->devices.list.items[i]);
	}
	(void)table_render(out, &table, view->context->out_terminal ? view->context->columns : 0,
			   &view->context->out_style); /* kept in out->error */
	table_deinit(&table);
	if (view->devices.cut) {
		str_printf(out, _("only the first %d are shown\n"), DEVICES_MAX);
	}
	add_summary(out, view);
}
