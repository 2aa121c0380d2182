/* What this host has on a port now. */
#include <stdio.h>
#include <string.h>

#include "cells.h"
#include "explain.h"
#include "words.h"

enum {
	LINE_MAX_BYTES = 8 * 1024,
	ARGUMENTS_COLUMNS = 150,
};

/* Sockets of one program on the port: what a person calls one service. */
struct service_group {
	const struct listener *first;
	const struct process *process;
	uint32_t connections;
	enum exposure exposure;
	uint32_t peer_count;
	struct listener_peer peers[LISTENER_PEERS_MAX];
};

static bool grouped(const struct inventory *inventory, const struct listener *a,
		    const struct listener *b)
{
	return a->port == b->port && a->protocol == b->protocol && a->netns == b->netns &&
	       a->ownership == b->ownership &&
	       inventory_listener_process(inventory, a) == inventory_listener_process(inventory, b);
}

/* Keeps the most frequent peers of all sockets of the group. */
static void add_peer(struct service_group *group, const struct listener_peer *peer)
{
	struct listener_peer moving = *peer;
	for (uint32_t i = 0; i < LISTENER_PEERS_MAX; i++) {
		if (i == group->peer_count) {
			group->peers[group->peer_count++] = moving;
			return;
		}
		if (moving.connections > group->peers[i].connections) {
			struct listener_peer lesser = group->peers[i];
			group->peers[i] = moving;
			moving = lesser;
		}
	}
}

static const char *address_words(const struct listener *listener, char *out)
{
	bool both = listener->address.family == ADDR_IPV6 && addr_is_any(&listener->address) &&
		    !listener->v6_only;
	if (both) {
		return "*";
	}
	return addr_format(&listener->address, out);
}

/* Adds one socket to the line of addresses and to the sums. */
static void add_socket(struct service_group *group, struct str *addresses,
		       const struct listener *listener)
{
	char text[ADDR_TEXT_BYTES];
	enum exposure exposure = addr_exposure(&listener->address);
	group->exposure = exposure > group->exposure ? exposure : group->exposure;
	group->connections += listener->connections;
	for (uint32_t i = 0; i < listener->peer_count; i++) {
		add_peer(group, &listener->peers[i]);
	}
	struct str one = STR_INIT(LINE_MAX_BYTES);
	str_add(&one, address_words(listener, text));
	if (listener->interface_name != NULL) {
		str_add_char(&one, '%');
		text_escape(&one, listener->interface_name);
	}
	/* Siblings of SO_REUSEPORT share an address: once is enough. */
	str_add_char(&one, ' ');
	if (strstr(str_text(addresses), str_text(&one)) == NULL) {
		str_add(addresses, str_text(&one));
	}
	str_deinit(&one);
}

static void add_fact(struct str *line, const char *label, const char *value)
{
	if (value != NULL && value[0] != '\0') {
		str_printf(line, "%s%s ", line->length > 0 ? _(", ") : "", label);
		text_escape(line, value);
	}
}

static void add_id(struct str *line, const char *label, const char *name)
{
	struct str shortened = STR_INIT(LINE_MAX_BYTES);
	add_short_id(&shortened, name);
	add_fact(line, label, str_text(&shortened));
	str_deinit(&shortened);
}

static void program_row(struct str *out, const struct explain *explain,
			const struct listener *listener, const struct process *process)
{
	struct str line = STR_INIT(LINE_MAX_BYTES);
	text_escape(&line, process->name);
	str_printf(&line, _(" (pid %d)"), process->pid);
	if (listener->owner_count > 1) {
		str_printf(&line, _(" and %u more"), listener->owner_count - 1);
	}
	if (process->arguments != NULL) {
		size_t bytes = text_fit(process->arguments, ARGUMENTS_COLUMNS);
		char arguments[4 * ARGUMENTS_COLUMNS + 1];
		(void)str_copy(arguments, bytes < sizeof(arguments) ? bytes + 1 : sizeof(arguments),
			       process->arguments);
		str_add(&line, ": ");
		text_escape(&line, arguments);
		str_add(&line, process->arguments[bytes] != '\0' ? " .." : "");
	}
	explain_row(out, explain, _("program"), str_text(&line));
	str_deinit(&line);
}

/* "3 h" with its unit in the reader's language. */
static void add_span(struct str *line, usec_t span)
{
	static const char *const units[] = { N_("ms"), N_("s"), N_("min"), N_("h"), N_("d") };
	char text[SPAN_TEXT_BYTES];
	const char *space = strchr(span_format(span, text), ' ');
	for (size_t i = 0; space != NULL && i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(space + 1, units[i]) == 0) {
			str_printf(line, "%.*s %s", (int)(space - text), text, _(units[i]));
		}
	}
}

/* "2026-11-22 01:02 UTC (3 h ago)" */
static void add_since(struct str *line, const struct explain *explain, usec_t started)
{
	char when[TIME_TEXT_BYTES];
	struct str span = STR_INIT((size_t)2 * SPAN_TEXT_BYTES);
	time_format(started, when);
	usec_t age = explain->context->now > started ? explain->context->now - started : 0;
	add_span(&span, age);
	str_printf(line, _("%ssince %.10s %.5s UTC (%s)"), line->length > 0 ? _(", ") : "", when,
		   when + 11, str_text(&span));
	str_deinit(&span);
}

static void origin_row(struct str *out, const struct explain *explain,
		       const struct listener *listener, const struct process *process)
{
	struct str line = STR_INIT(LINE_MAX_BYTES);
	char uid[16];
	(void)snprintf(uid, sizeof(uid), "%u", process->uid);
	add_fact(&line, _("user"), process->user != NULL ? process->user : uid);
	add_id(&line, _("unit"), process->unit);
	add_id(&line, _("container"),
	       process->container_name != NULL ? process->container_name : process->container_id);
	add_fact(&line, _("package"), process->package);
	if (process->parent_count > 0) {
		add_fact(&line, _("started by"), process->parents[0].name);
	}
	if (listener->socket_activated) {
		str_printf(&line, "%s%s", _(", "), _("socket held by systemd"));
	}
	if (process->started != 0) {
		add_since(&line, explain, process->started);
	}
	if (process->executable_deleted) {
		str_printf(&line, "%s%s", _(", "), _("its file was replaced: restart it"));
	}
	explain_row(out, explain, _("origin"), str_text(&line));
	str_deinit(&line);
}

/* A program that is not known for what the number is known for. */
static void doubt_row(struct str *out, const struct explain *explain,
		      const struct listener *listener, const struct process *process)
{
	bool doubted;
	const struct port_knowledge *known =
		catalog_listener(&doubted, explain->inventory, listener);
	if (known == NULL || !doubted) {
		return;
	}
	struct str name = STR_INIT(LINE_MAX_BYTES);
	struct str line = STR_INIT(LINE_MAX_BYTES);
	text_escape(&name, process->name);
	str_printf(&line, _("%s is not known as %s: it may be something else"), str_text(&name),
		   text_in(known->title, explain->context->language));
	explain_row_inked(out, explain, _("doubt"), INK_WARN, str_text(&line), "");
	str_deinit(&line);
	str_deinit(&name);
}

static const char *nobody_words(const struct explain *explain, enum ownership ownership)
{

	switch (ownership) {
	case OWNERSHIP_NONE:
		return _("no process holds it: a kernel socket, or one in flight");
	case OWNERSHIP_HIDDEN:
		return explain->root
			       ? _("none that can be seen: a kernel socket, one in flight, or a "
				   "process outside this container")
			       : _("not visible without more rights: sudo minato explain");
	default:
		return _("not known");
	}
}

static void peers_row(struct str *out, const struct explain *explain,
		      const struct service_group *group)
{
	if (!group->first->counted || group->connections == 0) {
		return;
	}
	struct str line = STR_INIT(LINE_MAX_BYTES);
	str_printf(&line, _("%u now"), group->connections);
	for (uint32_t i = 0; i < group->peer_count; i++) {
		char text[ADDR_TEXT_BYTES];
		str_printf(&line, "%s%s (%u)", i == 0 ? _(", most from ") : _(", "),
			   addr_format(&group->peers[i].address, text),
			   group->peers[i].connections);
	}
	explain_row(out, explain, _("connections"), str_text(&line));
	str_deinit(&line);
}

static void add_conditions(struct str *line, const struct explain *explain,
			   const struct policy_declaration *declaration)
{
	char date[POLICY_DATE_TEXT_BYTES];
	struct str from = STR_INIT(LINE_MAX_BYTES);
	for (size_t i = 0; i < declaration->from.count; i++) {
		str_add(&from, i > 0 ? _(", ") : "");
		policy_from_format(&from, explain->policy, &declaration->from.items[i]);
	}
	add_fact(line, _("owner"), declaration->owner);
	add_fact(line, _("open to"), str_text(&from));
	add_fact(line, _("until"), policy_date_format(declaration->until, date));
	add_fact(line, _("review due"), policy_date_format(declaration->review, date));
	str_deinit(&from);
}

/* Why the port may be open: from the policy. */
static void purpose_row(struct str *out, const struct explain *explain, enum protocol protocol,
			uint16_t port, const char *interface)
{
	const struct policy_declaration *declaration =
		explain->policy != NULL
			? policy_declaration_for(explain->policy, protocol, port, interface, NULL)
			: NULL;
	if (declaration == NULL) {
		explain_row_inked(out, explain, _("purpose"),
				  explain->policy != NULL ? INK_WARN : INK_PLAIN,
				  explain->policy != NULL ? _("not declared in the policy")
							  : _("none on record"),
				  "");
		return;
	}
	struct str line = STR_INIT(LINE_MAX_BYTES);
	text_escape(&line, declaration->purpose != NULL ? declaration->purpose : "-");
	str_printf(&line, _(" (declared as %s)"), declaration->entry.name);
	add_conditions(&line, explain, declaration);
	explain_row(out, explain, _("purpose"), str_text(&line));
	str_deinit(&line);
}

/* Declared ports on which nobody listens. */
static void silent_rows(struct str *out, const struct explain *explain, enum protocol protocol,
			uint16_t port)
{
	static const enum protocol protocols[] = { PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP,
						   PROTOCOL_DCCP };
	for (size_t i = 0; explain->policy != NULL && i < 4; i++) {
		if (explain_same_protocol(protocol, protocols[i]) &&
		    policy_declaration_for(explain->policy, protocols[i], port, NULL, NULL) !=
			    NULL) {
			purpose_row(out, explain, protocols[i], port, NULL);
		}
	}
}

static void listens_row(struct str *out, const struct explain *explain,
			const struct service_group *group, const char *addresses)
{
	const struct listener *listener = group->first;
	const struct netns *netns = listener->netns < explain->inventory->netns.count
					    ? &explain->inventory->netns.items[listener->netns]
					    : NULL;
	struct str line = STR_INIT(LINE_MAX_BYTES);
	str_printf(&line, _("%u/%s on %s- open to: %s"), listener->port,
		   protocol_name(listener->protocol), addresses, exposure_words(group->exposure));
	if (netns != NULL && netns->kind != NETNS_HOST) {
		str_add(&line, _(", network namespace "));
		text_escape(&line, netns->name != NULL ? netns->name : "-");
	}
	explain_row(out, explain, _("listens"), str_text(&line));
	str_deinit(&line);
}

/* One service: all its sockets from `first` on. */
static void service_rows(struct str *out, const struct explain *explain, size_t first)
{
	const struct inventory *inventory = explain->inventory;
	struct service_group group = { .first = &inventory->listeners.items[first] };
	struct str addresses = STR_INIT(LINE_MAX_BYTES);
	group.process = inventory_listener_process(inventory, group.first);
	for (size_t i = first; i < inventory->listeners.count; i++) {
		const struct listener *listener = &inventory->listeners.items[i];
		if (grouped(inventory, group.first, listener)) {
			add_socket(&group, &addresses, listener);
		}
	}
	listens_row(out, explain, &group, str_text(&addresses));
	if (group.process != NULL) {
		program_row(out, explain, group.first, group.process);
		origin_row(out, explain, group.first, group.process);
		doubt_row(out, explain, group.first, group.process);
	} else {
		explain_row(out, explain, _("program"),
			    nobody_words(explain, group.first->ownership));
	}
	peers_row(out, explain, &group);
	purpose_row(out, explain, group.first->protocol, group.first->port,
		    group.first->interface_name);
	str_deinit(&addresses);
}

/* Whether an earlier socket already began this one's group. */
static bool told(const struct inventory *inventory, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (grouped(inventory, &inventory->listeners.items[i],
			    &inventory->listeners.items[index])) {
			return true;
		}
	}
	return false;
}

static bool listener_rows(struct str *out, const struct explain *explain, enum protocol protocol,
			  uint16_t port)
{
	const struct inventory *inventory = explain->inventory;
	bool any = false;
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		const struct listener *listener = &inventory->listeners.items[i];
		if (listener->port == port && explain_same_protocol(protocol, listener->protocol) &&
		    !told(inventory, i)) {
			service_rows(out, explain, i);
			any = true;
		}
	}
	return any;
}

static bool published_rows(struct str *out, const struct explain *explain, enum protocol protocol,
			   uint16_t port)
{
	const struct inventory *inventory = explain->inventory;
	bool any = false;
	for (size_t i = 0; i < inventory->published.count; i++) {
		const struct published *p = &inventory->published.items[i];
		if (port < p->first_port || port > p->last_port ||
		    !explain_same_protocol(protocol, p->protocol)) {
			continue;
		}
		char target[ENDPOINT_TEXT_BYTES] = "";
		char address[ADDR_TEXT_BYTES];
		struct str line = STR_INIT(LINE_MAX_BYTES);
		uint16_t target_port = (uint16_t)(p->target_port + (port - p->first_port));
		bool everywhere = p->address.family == ADDR_NONE || addr_is_any(&p->address);
		str_printf(&line, _("%u/%s on %s goes to %s"), port, protocol_name(p->protocol),
			   everywhere ? "*" : addr_format(&p->address, address),
			   p->target.family == ADDR_NONE
				   ? _("this host itself")
				   : endpoint_format(&p->target, target_port, target));
		add_fact(&line, _("container"), p->container_name);
		add_fact(&line, _("rule in"), p->table);
		add_fact(&line, _("chain"), p->chain);
		explain_row(out, explain, _("published"), str_text(&line));
		purpose_row(out, explain, p->protocol, port, NULL);
		str_deinit(&line);
		any = true;
	}
	return any;
}

static void ephemeral_row(struct str *out, const struct explain *explain, uint16_t port)
{
	const struct inventory *inventory = explain->inventory;
	if (inventory->ephemeral.last == 0) {
		return;
	}
	bool inside = port >= inventory->ephemeral.first && port <= inventory->ephemeral.last;
	bool reserved = portset_has(&inventory->reserved, port);
	const char *words = _("outside %u-%u, the ports of outgoing connections here");
	if (inside) {
		words = reserved ? _("inside %u-%u, the ports of outgoing connections here, but "
				     "reserved (ip_local_reserved_ports)")
				 : _("inside %u-%u: an outgoing connection may take it, unless it "
				     "is reserved (ip_local_reserved_ports)");
	}
	struct str line = STR_INIT(LINE_MAX_BYTES);
	str_printf(&line, words, inventory->ephemeral.first, inventory->ephemeral.last);
	explain_row(out, explain, _("assignment"), str_text(&line));
	str_deinit(&line);
}

void explain_host(struct str *out, const struct explain *explain, enum protocol protocol,
		  uint16_t port)
{
	if (explain->inventory == NULL) {
		return;
	}
	explain_heading(out, explain, _("On this host"));
	bool listens = listener_rows(out, explain, protocol, port);
	if (!published_rows(out, explain, protocol, port) && !listens) {
		explain_row(out, explain, _("listens"), _("nothing listens on it now"));
		silent_rows(out, explain, protocol, port);
	}
	explain_clients(out, explain, protocol, port);
	ephemeral_row(out, explain, port);
}
