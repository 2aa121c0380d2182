/* Live connections that the new rules would not let in again. */
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "rules.h"
#include "view/view.h"
#include "words.h"

/* The interface that has the address; the connection most likely came in there. */
static const char *interface_of(const struct ifaddrs *list, const struct addr *address)
{
	for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		struct addr has = { 0 };
		if (i->ifa_addr == NULL) {
			continue;
		}
		if (i->ifa_addr->sa_family == AF_INET) {
			has = addr_from_ipv4(&((const struct sockaddr_in *)i->ifa_addr)->sin_addr);
		} else if (i->ifa_addr->sa_family == AF_INET6) {
			has = addr_from_ipv6(
				&((const struct sockaddr_in6 *)i->ifa_addr)->sin6_addr);
		}
		if (addr_compare(&has, address) == 0) {
			return i->ifa_name;
		}
	}
	return NULL;
}

static bool is_login(const struct login *login, const struct connection *c,
		     const struct addr *remote)
{
	return login->kind == LOGIN_NETWORK && c->local_port == login->local_port &&
	       c->remote_port == login->remote_port && addr_compare(remote, &login->remote) == 0;
}

static const char *service_of(const struct rules *rules, const struct connection *c)
{
	const struct policy_declaration *d = policy_declaration_for(
		&rules->wanted.policy, c->protocol, c->local_port, NULL, NULL);
	if (d != NULL) {
		return d->entry.name;
	}
	return c->process == UINT32_MAX ? NULL : rules->inventory.processes.items[c->process].name;
}

static int take(struct cuts *out, const struct rules *rules, const struct ifaddrs *interfaces,
		const struct enforce_environment *environment, const struct connection *c)
{
	const struct addr remote = addr_unmap(&c->remote);
	const struct addr local = addr_unmap(&c->local);
	const struct enforce_packet packet = {
		.protocol = c->protocol,
		.port = c->local_port,
		.from = remote,
		.interface = interface_of(interfaces, &local),
	};
	if (enforce_decide(&rules->wanted.policy, &packet, environment, NULL) != ENFORCE_CLOSED) {
		return 0;
	}
	struct cut *cut = vec_push(&out->list);
	if (cut == NULL) {
		return -ENOMEM;
	}
	*cut = (struct cut){ .connection = c,
			     .service = service_of(rules, c),
			     .mine = is_login(&rules->login, c, &remote),
			     .never = policy_froms_have(
				     &rules->wanted.policy, rules->wanted.policy.never_cut.items,
				     rules->wanted.policy.never_cut.count, &remote) };
	out->mine = out->mine || cut->mine;
	out->never = out->never || cut->never;
	return 0;
}

int cuts_find(struct cuts *out, const struct rules *rules, const struct context *context)
{
	const struct enforce_environment environment = rules_environment(context);
	struct ifaddrs *interfaces = NULL;
	*out = (struct cuts){ 0 };
	(void)getifaddrs(&interfaces); /* without them interfaces are not known */
	int r = 0;
	for (size_t i = 0; r == 0 && i < rules->inventory.connections.count; i++) {
		const struct connection *c = &rules->inventory.connections.items[i];
		if (c->direction == DIRECTION_INBOUND && c->netns == 0 &&
		    addr_exposure(&c->remote) != EXPOSURE_LOOPBACK &&
		    addr_compare(&c->remote, &c->local) != 0) {
			r = take(out, rules, interfaces, &environment, c);
		}
	}
	freeifaddrs(interfaces);
	return r;
}

void cuts_add(struct str *out, const struct cuts *cuts)
{
	enum { TOLD_MAX = 10 };
	if (cuts->list.count == 0) {
		return;
	}
	add_counted(out, cuts->list.count,
		    _("%u live connection goes on, but could not come in again:\n"),
		    _("%u live connections go on, but could not come in again:\n"));
	for (size_t i = 0; i < cuts->list.count && i < TOLD_MAX; i++) {
		const struct cut *cut = &cuts->list.items[i];
		char text[ADDR_TEXT_BYTES];
		const struct addr remote = addr_unmap(&cut->connection->remote);
		str_printf(out, "    %u/%s ", cut->connection->local_port,
			   protocol_name(cut->connection->protocol));
		text_escape(out, cut->service ?: "?");
		str_printf(out, _(" from %s"), addr_format(&remote, text));
		str_add(out, cut->mine ? _(", yours") : "");
		str_add(out, cut->never ? _(", never to be cut") : "");
		str_add_char(out, '\n');
	}
	if (cuts->list.count > TOLD_MAX) {
		str_printf(out, _("    and %zu more\n"), cuts->list.count - TOLD_MAX);
	}
}

json_t *cuts_json(const struct cuts *cuts)
{
	json_t *list = json_array();
	for (size_t i = 0; i < cuts->list.count; i++) {
		const struct cut *cut = &cuts->list.items[i];
		const struct addr remote = addr_unmap(&cut->connection->remote);
		char text[ADDR_TEXT_BYTES];
		json_array_append_new(list,
				      json_pack("{s:s, s:i, s:o, s:s, s:i, s:b, s:b}", "protocol",
						protocol_name(cut->connection->protocol), "port",
						cut->connection->local_port, "service",
						view_string(cut->service), "remote_address",
						addr_format(&remote, text), "remote_port",
						cut->connection->remote_port, "own_login",
						cut->mine, "never_cut", cut->never));
	}
	return list;
}

/* ---- programs that nobody reaches any more ---- */

static bool is_shut(const struct rules *rules, const struct listener *l,
		    const struct enforce_environment *environment)
{
	return l->netns == 0 && addr_exposure(&l->address) != EXPOSURE_LOOPBACK &&
	       enforce_opens(rules_before(rules), l->protocol, l->port, environment) &&
	       !enforce_opens(&rules->wanted.policy, l->protocol, l->port, environment);
}

void rules_add_shut(struct str *out, const struct rules *rules, const struct context *context)
{
	enum { TOLD_MAX = 10 };
	const struct enforce_environment environment = rules_environment(context);
	size_t found = 0;
	struct str lines = STR_INIT(1 << 16);
	const struct listener *last = NULL;
	for (size_t i = 0; i < rules->inventory.listeners.count; i++) {
		const struct listener *l = &rules->inventory.listeners.items[i];
		const bool repeats =
			last != NULL && last->port == l->port && last->protocol == l->protocol;
		if (repeats || !is_shut(rules, l, &environment)) {
			continue;
		}
		last = l;
		const struct process *process = inventory_listener_process(&rules->inventory, l);
		if (found++ < TOLD_MAX) {
			str_printf(&lines, "    %u/%s ", l->port, protocol_name(l->protocol));
			text_escape(&lines, process == NULL ? "?" : process->name ?: "?");
			str_add_char(&lines, '\n');
		}
	}
	if (found > 0) {
		add_counted(
			out, found,
			_("%u listening port is closed to others, because nobody declared it:\n"),
			_("%u listening ports are closed to others, because nobody declared "
			  "them:\n"));
		str_add(out, str_text(&lines));
		str_add(out, found > TOLD_MAX ? "    ...\n" : "");
	}
	str_deinit(&lines);
}
