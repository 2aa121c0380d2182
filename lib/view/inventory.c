/* Listeners, processes, connections and published ports as JSON. */
#include <string.h>

#include "catalog/catalog.h"
#include "policy/policy.h"
#include "view/view.h"

static json_t *number_or_null(uint64_t value, uint64_t unknown)
{
	return value == unknown ? json_null() : json_integer((json_int_t)value);
}

static json_t *address(const struct addr *a)
{
	char text[ADDR_TEXT_BYTES];
	return view_string(addr_format(a, text));
}

/* The namespace's inode, as in /proc/PID/ns/net, and how people call it. */
static void set_netns(json_t *out, const struct inventory *inventory, uint32_t index)
{
	static const char *const kinds[] = {
		[NETNS_HOST] = "host",
		[NETNS_CONTAINER] = "container",
		[NETNS_NAMED] = "named",
		[NETNS_OTHER] = "other",
	};
	const struct netns *n =
		index < inventory->netns.count ? &inventory->netns.items[index] : NULL;
	json_object_set_new(out, "netns", n == NULL ? json_null() : json_integer(n->inode));
	json_object_set_new(out, "netns_kind",
			    n == NULL ? json_null() : json_string(kinds[n->kind]));
	json_object_set_new(out, "netns_name", view_string(n == NULL ? NULL : n->name));
}

static json_t *parents(const struct process *process)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < process->parent_count; i++) {
		const struct process_parent *parent = &process->parents[i];
		json_array_append_new(list, json_pack("{s:i, s:o}", "pid", parent->pid, "process",
						      view_string(parent->name)));
	}
	return list;
}

json_t *view_process(const struct process *process)
{
	json_t *view = json_pack("{s:i, s:o, s:o, s:o}", "pid", process->pid, "process",
				 view_string(process->name), "uid",
				 number_or_null(process->uid, UINT32_MAX), "user",
				 view_string(process->user));
	if (view == NULL || !process->detailed) {
		return view;
	}
	json_object_set_new(view, "executable", view_string(process->executable));
	json_object_set_new(view, "executable_deleted", json_boolean(process->executable_deleted));
	json_object_set_new(view, "arguments", view_string(process->arguments));
	json_object_set_new(view, "started", view_time(process->started));
	json_object_set_new(view, "unit", view_string(process->unit));
	json_object_set_new(view, "slice", view_string(process->slice));
	json_object_set_new(view, "cgroup", view_string(process->cgroup));
	json_object_set_new(view, "container",
			    view_string(process->container_name != NULL ? process->container_name
									: process->container_id));
	json_object_set_new(view, "container_id", view_string(process->container_id));
	json_object_set_new(view, "container_runtime", view_string(process->container_runtime));
	json_object_set_new(view, "package", view_string(process->package));
	json_object_set_new(view, "parents", parents(process));
	return view;
}

static json_t *owners(const struct inventory *inventory, const struct listener *listener)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < listener->owner_count; i++) {
		const struct owner *owner = &inventory->owners.items[listener->first_owner + i];
		json_t *view = view_process(&inventory->processes.items[owner->process]);
		json_object_set_new(view, "fd",
				    owner->fd < 0 ? json_null() : json_integer(owner->fd));
		json_array_append_new(list, view);
	}
	return list;
}

static json_t *peers(const struct listener *listener)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < listener->peer_count; i++) {
		json_array_append_new(list, json_pack("{s:o, s:I}", "address",
						      address(&listener->peers[i].address),
						      "connection_count",
						      (json_int_t)listener->peers[i].connections));
	}
	return list;
}

json_t *view_service(const struct view *view, enum protocol protocol, uint16_t port)
{
	const struct port_knowledge *known = catalog_port(protocol, port);
	const struct service *registered = catalog_registry(protocol, port);
	json_t *service =
		json_pack("{s:s, s:o, s:o}", "class", port_class_name(port_class(port)),
			  "registered", view_string(registered == NULL ? NULL : registered->name),
			  "service", view_string(known == NULL ? NULL : known->name));
	if (known == NULL || service == NULL) {
		return service;
	}
	json_object_set_new(service, "title", json_string(text_in(known->title, view->language)));
	json_object_set_new(service, "group", json_string(known->group->name));
	json_object_set_new(service, "description",
			    json_string(text_in(known->use, view->language)));
	json_object_set_new(service, "risk", json_string(severity_name(known->risk)));
	json_object_set_new(service, "reason", json_string(text_in(known->reason, view->language)));
	json_object_set_new(service, "measure",
			    json_string(text_in(known->measure, view->language)));
	json_object_set_new(service, "plaintext", json_string(tristate_name(known->plaintext)));
	json_object_set_new(service, "login", json_string(tristate_name(known->login)));
	json_object_set_new(service, "uploads", json_boolean(known->uploads));
	json_object_set_new(service, "movable", json_boolean(known->movable));
	json_object_set_new(service, "source", json_string(known->source));
	return service;
}

/* The short words beside a listener: what the number is for, and how dangerous. */
static void set_meaning(json_t *view, enum protocol protocol, uint16_t port,
			const struct port_knowledge *known, bool doubted)
{
	const struct service *registered = catalog_registry(protocol, port);
	const char *service = known != NULL        ? known->name
			      : registered != NULL ? registered->name
						   : NULL;
	json_object_set_new(view, "class", json_string(port_class_name(port_class(port))));
	json_object_set_new(view, "service", view_string(service));
	json_object_set_new(view, "service_doubted", json_boolean(doubted));
	json_object_set_new(view, "risk",
			    known == NULL ? json_null() : json_string(severity_name(known->risk)));
}

/* What the policy says of it: nulls where it says nothing or there is none. */
static void set_purpose(json_t *out, const struct view *view, enum protocol protocol, uint16_t port,
			const char *interface)
{
	const struct policy_declaration *declaration =
		view->policy == NULL
			? NULL
			: policy_declaration_for(view->policy, protocol, port, interface, NULL);
	bool declared = declaration != NULL;
	json_object_set_new(out, "declaration",
			    view_string(declared ? declaration->entry.name : NULL));
	json_object_set_new(out, "purpose", view_string(declared ? declaration->purpose : NULL));
	json_object_set_new(out, "owner", view_string(declared ? declaration->owner : NULL));
}

json_t *view_listener(const struct view *view, const struct inventory *inventory, uint32_t index)
{
	static const char *const ownerships[] = {
		[OWNERSHIP_UNKNOWN] = "unknown",
		[OWNERSHIP_OWNED] = "owned",
		[OWNERSHIP_NONE] = "none",
		[OWNERSHIP_HIDDEN] = "hidden",
	};
	const struct listener *l = &inventory->listeners.items[index];
	json_t *out = json_pack("{s:s, s:i, s:o, s:s, s:o, s:b, s:I, s:I, s:I, s:b, s:s}",
				"protocol", protocol_name(l->protocol), "port", l->port, "address",
				address(&l->address), "exposure",
				exposure_name(addr_exposure(&l->address)), "interface",
				view_string(l->interface_name), "v6_only", l->v6_only, "queue",
				(json_int_t)l->queue, "backlog", (json_int_t)l->backlog, "siblings",
				(json_int_t)l->siblings, "socket_activated", l->socket_activated,
				"ownership", ownerships[l->ownership]);
	if (out == NULL) {
		return NULL;
	}
	set_netns(out, inventory, l->netns);
	bool doubted;
	const struct port_knowledge *known = catalog_listener(&doubted, inventory, l);
	set_meaning(out, l->protocol, l->port, known, doubted);
	set_purpose(out, view, l->protocol, l->port, l->interface_name);
	json_object_set_new(out, "inode", number_or_null(l->inode, 0));
	json_object_set_new(out, "cookie", number_or_null(l->cookie, 0));
	json_object_set_new(out, "uid", json_integer(l->uid));
	json_object_set_new(out, "owners", owners(inventory, l));
	json_object_set_new(out, "connection_count",
			    l->counted ? json_integer(l->connections) : json_null());
	json_object_set_new(out, "peers", l->counted ? peers(l) : json_null());
	return out;
}

json_t *view_published(const struct view *view, const struct inventory *inventory, uint32_t index)
{
	const struct published *p = &inventory->published.items[index];
	json_t *out = json_pack(
		"{s:s, s:i, s:i, s:o, s:s, s:o, s:i, s:o, s:o, s:o, s:o}", "protocol",
		protocol_name(p->protocol), "port", p->first_port, "last_port", p->last_port,
		"address", address(&p->address), "exposure",
		p->address.family == ADDR_NONE ? "any" : exposure_name(addr_exposure(&p->address)),
		"target_address", address(&p->target), "target_port", p->target_port, "table",
		view_string(p->table), "chain", view_string(p->chain), "publisher",
		view_string(p->owner), "container", view_string(p->container_name));
	if (out != NULL) {
		set_netns(out, inventory, p->netns);
		set_meaning(out, p->protocol, p->first_port, catalog_published(p), false);
		set_purpose(out, view, p->protocol, p->first_port, NULL);
	}
	return out;
}

/* include/net/tcp_states.h, in ss's words. */
static const char *state_name(uint8_t state)
{
	static const char *const names[] = {
		"unknown",    "established", "syn_sent",         "syn_received", "fin_wait_1",
		"fin_wait_2", "time_wait",   "unconnected",      "close_wait",   "last_ack",
		"listen",     "closing",     "new_syn_received",
	};
	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

json_t *view_connection(const struct view *view, const struct inventory *inventory, uint32_t index)
{
	static const char *const directions[] = {
		[DIRECTION_UNKNOWN] = "unknown",
		[DIRECTION_INBOUND] = "inbound",
		[DIRECTION_OUTBOUND] = "outbound",
	};
	const struct connection *c = &inventory->connections.items[index];
	(void)view; /* nothing of it depends on the language */
	const struct process *process =
		c->process == UINT32_MAX ? NULL : &inventory->processes.items[c->process];
	json_t *out =
		json_pack("{s:s, s:s, s:s, s:o, s:i, s:o, s:i, s:I, s:o, s:o}", "protocol",
			  protocol_name(c->protocol), "state", state_name(c->state), "direction",
			  directions[c->direction], "address", address(&c->local), "port",
			  c->local_port, "remote_address", address(&c->remote), "remote_port",
			  c->remote_port, "uid", (json_int_t)c->uid, "pid",
			  process == NULL ? json_null() : json_integer(process->pid), "process",
			  process == NULL ? json_null() : view_string(process->name));
	set_netns(out, inventory, c->netns);
	return out;
}

json_t *view_coverage(const struct inventory *inventory)
{
	static const char *const sources[] = {
		[OWNER_SOURCE_NONE] = "none",
		[OWNER_SOURCE_PINNED] = "pinned_iterator",
		[OWNER_SOURCE_BPF] = "iterator",
		[OWNER_SOURCE_PROC] = "proc",
	};
	const struct coverage *c = &inventory->coverage;
	return json_pack("{s:s, s:b, s:I, s:I, s:I, s:b, s:b}", "owner_source",
			 sources[c->owner_source], "owners_complete", c->owners_complete,
			 "processes_hidden", (json_int_t)c->processes_hidden, "listeners_hidden",
			 (json_int_t)c->listeners_hidden, "netns_hidden",
			 (json_int_t)c->netns_hidden, "published_known", c->published_known,
			 "connections_known", c->connections_known);
}
