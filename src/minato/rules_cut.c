/* Live connections that the new rules would not let in again. */
#include <errno.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/netlink.h"
#include "conntrack/conntrack.h"
#include "rules_passing.h"
#include "view/view.h"
#include "words.h"

static bool is_login(const struct login *login, const struct cut *cut)
{
	return login->kind == LOGIN_NETWORK && cut->port == login->local_port &&
	       cut->remote_port == login->remote_port &&
	       addr_compare(&cut->remote, &login->remote) == 0;
}

/* The declaration that the connection goes to; NULL when nobody declared its port. */
static const char *declared(const struct policy *policy, const struct cut *cut)
{
	const struct policy_declaration *d =
		policy_declaration_for(policy, cut->protocol, cut->port, NULL, NULL);
	return d == NULL ? NULL : d->entry.name;
}

/* What looking for them takes. */
struct search {
	struct cuts *out;
	const struct rules *rules;
	struct passing passing;
};

static void mark(struct cuts *cuts, const struct cut *cut)
{
	cuts->mine = cuts->mine || cut->mine;
	cuts->never = cuts->never || cut->never;
	cuts->mine_ends = cuts->mine_ends || (cut->mine && cut->ends);
	cuts->never_ends = cuts->never_ends || (cut->never && cut->ends);
}

/* A live connection is noted when the new rules would not let it in again.
 * @param local  the address of this host that it came to. */
static int take(struct search *search, const struct addr *local, const struct cut *live)
{
	const struct policy *policy = &search->rules->wanted.policy;
	const struct enforce_packet packet = {
		.protocol = live->protocol,
		.port = live->port,
		.from = live->remote,
		.interface = passing_interface_of(search->passing.interfaces, local),
	};
	if (enforce_decide(policy, &packet, &search->passing.environment, NULL) != ENFORCE_CLOSED) {
		return 0;
	}
	struct cut *cut = vec_push(&search->out->list);
	if (cut == NULL) {
		return -ENOMEM;
	}
	*cut = *live;
	cut->service = declared(policy, cut) ?: live->service;
	cut->mine = is_login(&search->rules->login, cut);
	cut->never = policy_froms_have(policy, policy->never_cut.items, policy->never_cut.count,
				       &cut->remote);
	cut->ends = enforce_cuts(policy, cut->protocol, cut->port);
	mark(search->out, cut);
	return 0;
}

static int take_connection(struct search *search, const struct connection *c)
{
	if (c->direction != DIRECTION_INBOUND || c->netns != 0 ||
	    addr_exposure(&c->remote) == EXPOSURE_LOOPBACK ||
	    addr_compare(&c->remote, &c->local) == 0) {
		return 0;
	}
	const struct inventory *inventory = &search->rules->inventory;
	const struct addr local = addr_unmap(&c->local);
	const struct cut live = {
		.protocol = c->protocol,
		.port = c->local_port,
		.remote = addr_unmap(&c->remote),
		.remote_port = c->remote_port,
		.service = c->process == UINT32_MAX ? NULL
						    : inventory->processes.items[c->process].name,
	};
	return take(search, &local, &live);
}

/* ---- what has no socket of this host ---- */

/* The declaration that would let it pass but for what was asked; NULL when nobody declared it. */
static const char *declared_forward(const struct policy *policy, const struct cut *cut)
{
	for (size_t i = 0; i < policy->forward.count; i++) {
		const struct policy_declaration *d = &policy->forward.items[i];
		for (size_t k = 0; k < d->ports.count; k++) {
			const struct policy_ports *p = &d->ports.items[k];
			if (p->protocol == cut->protocol && p->first <= cut->port &&
			    cut->port <= p->last) {
				return d->entry.name;
			}
		}
	}
	return NULL;
}

static bool passes(struct search *search, const struct cut *live)
{
	const struct enforce_packet packet = { .protocol = live->protocol,
					       .port = live->port,
					       .from = live->remote,
					       .to = live->target };
	return passing_decide(&search->passing, &packet) != ENFORCE_CLOSED;
}

/* Whom never_cut: names must not lose what passes through either, but may begin no more of it. */
static int take_forwarded(struct search *search, const struct cut *live)
{
	const struct policy *policy = &search->rules->wanted.policy;
	if (passes(search, live)) {
		return 0;
	}
	struct cut *cut = vec_push(&search->out->list);
	if (cut == NULL) {
		return -ENOMEM;
	}
	*cut = *live;
	cut->service = declared_forward(policy, cut);
	cut->ends = enforce_cuts_forward(policy, cut->protocol, cut->port);
	cut->never = cut->ends && policy_froms_have(policy, policy->never_cut.items,
						    policy->never_cut.count, &cut->remote);
	mark(search->out, cut);
	return 0;
}

/* Connections to published ports and those between others: conntrack knows them. */
static int take_flow(const struct conntrack_flow *flow, void *data)
{
	struct search *search = data;
	const struct conntrack_tuple *to = &flow->original;
	struct cut live = { .protocol = (enum protocol)flow->protocol, /* IANA's numbers both */
			    .port = to->destination_port,
			    .remote = to->source,
			    .remote_port = to->source_port };
	if ((flow->status & CONNTRACK_SEEN_REPLY) == 0 ||
	    strcmp(protocol_name(live.protocol), "?") == 0 ||
	    passing_interface_of(search->passing.interfaces, &to->source) != NULL) {
		return 0;
	}
	if (passing_interface_of(search->passing.interfaces, &to->destination) == NULL) {
		live.direction = ENFORCE_FORWARD;
		live.target = to->destination;
		return take_forwarded(search, &live);
	}
	return (flow->status & CONNTRACK_DNAT) == 0 ? 0 : take(search, &to->destination, &live);
}

/* Without root, or without conntrack, they are not told. */
static int find_flows(struct search *search)
{
	struct conntrack *conntrack = NULL;
	const bool without = conntrack_without(getenv("MINATO_WITHOUT"));
	int r = geteuid() != 0 ? -EPERM : conntrack_open(&conntrack, without, NULL);
	if (r == 0) {
		r = conntrack_dump(conntrack, AF_UNSPEC, take_flow, search, NULL);
	}
	conntrack = conntrack_close(conntrack);
	return r == -ENOMEM ? r : 0;
}

int cuts_find(struct cuts *out, const struct rules *rules, const struct context *context)
{
	struct ifaddrs *interfaces = NULL;
	*out = (struct cuts){ 0 };
	(void)getifaddrs(&interfaces); /* without them interfaces are not known */
	_cleanup_(close_fdp) int route = netlink_open(NETLINK_ROUTE);
	struct search search = { .out = out,
				 .rules = rules,
				 .passing = { .policy = &rules->wanted.policy,
					      .environment = rules_environment(context),
					      .interfaces = interfaces,
					      .route = route } };
	int r = 0;
	for (size_t i = 0; r == 0 && i < rules->inventory.connections.count; i++) {
		r = take_connection(&search, &rules->inventory.connections.items[i]);
	}
	if (r == 0) {
		r = find_flows(&search);
	}
	freeifaddrs(interfaces);
	return r;
}

static void add_cut(struct str *out, const struct cut *cut)
{
	char text[ADDR_TEXT_BYTES];
	str_printf(out, "    %u/%s ", cut->port, protocol_name(cut->protocol));
	text_escape(out, cut->service ?: "?");
	str_printf(out, _(" from %s"), addr_format(&cut->remote, text));
	if (cut->direction == ENFORCE_FORWARD) {
		str_printf(out, _(" to %s, passed on"), addr_format(&cut->target, text));
	}
	str_add(out, cut->mine ? _(", yours") : "");
	str_add(out, cut->never ? _(", never to be cut") : "");
	str_add_char(out, '\n');
}

static size_t count_cuts(const struct cuts *cuts, bool ends)
{
	size_t found = 0;
	for (size_t i = 0; i < cuts->list.count; i++) {
		found += cuts->list.items[i].ends == ends;
	}
	return found;
}

static void add_cuts(struct str *out, const struct cuts *cuts, bool ends)
{
	enum { TOLD_MAX = 10 };
	const size_t count = count_cuts(cuts, ends);
	size_t told = 0;
	for (size_t i = 0; i < cuts->list.count && told < TOLD_MAX; i++) {
		if (cuts->list.items[i].ends == ends) {
			add_cut(out, &cuts->list.items[i]);
			told++;
		}
	}
	if (count > TOLD_MAX) {
		str_printf(out, _("    and %zu more\n"), count - TOLD_MAX);
	}
}

void cuts_add(struct str *out, const struct cuts *cuts)
{
	const size_t cut = count_cuts(cuts, true);
	const size_t kept = count_cuts(cuts, false);
	if (cut > 0) {
		add_counted(out, cut,
			    _("%u live connection is cut for good as soon as these rules are "
			      "tried:\n"),
			    _("%u live connections are cut for good as soon as these rules are "
			      "tried:\n"));
		add_cuts(out, cuts, true);
	}
	if (kept > 0) {
		add_counted(out, kept,
			    _("%u live connection stays until it ends, but could not come in "
			      "again:\n"),
			    _("%u live connections stay until they end, but could not come in "
			      "again:\n"));
		add_cuts(out, cuts, false);
	}
}

/* null: it comes to this host itself. */
static json_t *target_json(const struct cut *cut)
{
	char text[ADDR_TEXT_BYTES];
	return cut->direction == ENFORCE_FORWARD ? json_string(addr_format(&cut->target, text))
						 : json_null();
}

json_t *cuts_json(const struct cuts *cuts)
{
	json_t *list = json_array();
	for (size_t i = 0; i < cuts->list.count; i++) {
		const struct cut *cut = &cuts->list.items[i];
		char text[ADDR_TEXT_BYTES];
		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:i, s:o, s:o, s:s, s:i, s:b, s:b, s:b}", "direction",
				  enforce_direction_name(cut->direction), "protocol",
				  protocol_name(cut->protocol), "port", cut->port, "service",
				  view_string(cut->service), "target_address", target_json(cut),
				  "remote_address", addr_format(&cut->remote, text), "remote_port",
				  cut->remote_port, "own_login", cut->mine, "never_cut", cut->never,
				  "cut", cut->ends));
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
