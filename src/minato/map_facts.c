/* What the map of all ports is drawn from. */
#include "map_facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "catalog/catalog.h"
#include "ports_list.h"

/* One number and protocol of the host: its sockets and programs together. */
struct port {
	struct figure_mark mark;
	enum severity danger;
	enum exposure exposure;
	bool judged; /* a finding says that nobody declared it */
};

struct ports {
	VEC(struct port) list; /* by number, then protocol, as the inventory is */
};

static struct port *port_at(struct ports *ports, enum protocol protocol, uint16_t number)
{
	for (size_t i = 0; i < ports->list.count; i++) {
		struct port *port = &ports->list.items[i];
		if (port->mark.port == number && port->mark.protocol == protocol) {
			return port;
		}
	}
	return NULL;
}

static struct port *add(struct ports *ports, enum protocol protocol, uint16_t number)
{
	struct port *port = vec_push(&ports->list);
	if (port != NULL) {
		port->mark = (struct figure_mark){ .protocol = protocol, .port = number };
	}
	return port;
}

/* The inventory's order puts sockets of one number and protocol next to each other. */
static struct port *next_port(struct ports *ports, enum protocol protocol, uint16_t number)
{
	const size_t count = ports->list.count;
	struct port *last = count > 0 ? &ports->list.items[count - 1] : NULL;
	return last != NULL && last->mark.port == number && last->mark.protocol == protocol
		       ? last
		       : add(ports, protocol, number);
}

static int take_group(struct ports *ports, const struct inventory *inventory,
		      const struct ports_row *row)
{
	const struct listener *l = row->group.first;
	struct port *port = next_port(ports, protocol_registry(l->protocol), l->port);
	if (port == NULL) {
		return -ENOMEM;
	}
	const enum exposure exposure = row->group.exposure;
	port->exposure = exposure > port->exposure ? exposure : port->exposure;
	port->danger = row->danger > port->danger ? row->danger : port->danger;
	if (port->mark.name == NULL) {
		const struct port_knowledge *known = catalog_listener(NULL, inventory, l);
		port->mark.name = row->group.process != NULL ? row->group.process->name
				  : known != NULL            ? known->name
							     : NULL;
	}
	return 0;
}

static int publish(struct ports *ports, struct portset *listening, const struct ports_row *row,
		   uint16_t number)
{
	const struct published *p = row->published;
	const enum protocol protocol = protocol_registry(p->protocol);
	/* A range may have thousands of numbers: a set says at once that most are new. */
	struct port *port =
		portset_has(listening, number) ? port_at(ports, protocol, number) : NULL;
	if (port == NULL) {
		port = add(ports, protocol, number);
	}
	if (port == NULL) {
		return -ENOMEM;
	}
	portset_add(listening, number);
	port->danger = row->danger > port->danger ? row->danger : port->danger;
	port->exposure = EXPOSURE_ANY;
	port->judged = true;
	if (p->container_name != NULL) {
		port->mark.name = p->container_name;
	}
	return 0;
}

static int take_rows(struct ports *ports, const struct inventory *inventory,
		     const struct ports_list *list)
{
	struct portset listening = { 0 };
	int r = 0;
	for (size_t i = 0; i < list->rows.count && r == 0; i++) {
		const struct ports_row *row = &list->rows.items[i];
		const struct published *p = row->published;
		const struct listener *l = row->group.first;
		if (p == NULL && l->port != 0 && inventory_is_host(inventory, l->netns)) {
			r = take_group(ports, inventory, row);
			portset_add(&listening, l->port);
		}
		const bool host = p != NULL && inventory_is_host(inventory, p->netns);
		for (uint32_t at = host ? p->first_port : 1; host && at <= p->last_port; at++) {
			r = r == 0 ? publish(ports, &listening, row, (uint16_t)at) : r;
		}
	}
	return r;
}

static void take_findings(struct ports *ports, const struct findings *findings)
{
	for (size_t i = 0; i < findings->list.count; i++) {
		const struct finding *finding = &findings->list.items[i];
		const char *number = finding_fact(finding, "port");
		const char *protocol = finding_fact(finding, "protocol");
		uint64_t value = 0;
		if (strcmp(finding->id, "undeclared-listener") != 0 || number == NULL ||
		    protocol == NULL || parse_u64(&value, number, 0, UINT16_MAX) < 0) {
			continue;
		}
		for (size_t k = 0; k < ports->list.count; k++) {
			struct port *port = &ports->list.items[k];
			port->judged |= port->mark.port == value &&
					strcmp(protocol_name(port->mark.protocol), protocol) == 0;
		}
	}
}

/* What needs no declaration, as a client's UDP socket, is neither declared nor undeclared. */
static void hold_against(struct ports *ports, const struct policy *policy)
{
	for (size_t i = 0; policy != NULL && i < ports->list.count; i++) {
		struct port *port = &ports->list.items[i];
		if (policy_declaration_for(policy, port->mark.protocol, port->mark.port, NULL,
					   NULL) != NULL) {
			port->mark.kind = FIGURE_MARK_DECLARED;
		} else if (port->judged) {
			port->mark.kind = FIGURE_MARK_UNDECLARED;
		}
	}
}

/* Dangerous ones first, then those that reach further, then by number. */
static int by_danger(const void *pa, const void *pb)
{
	const struct port *a = pa;
	const struct port *b = pb;
	if (a->danger != b->danger) {
		return a->danger > b->danger ? -1 : 1;
	}
	if (a->exposure != b->exposure) {
		return a->exposure > b->exposure ? -1 : 1;
	}
	if (a->mark.port != b->mark.port) {
		return a->mark.port < b->mark.port ? -1 : 1;
	}
	return (int)a->mark.protocol - (int)b->mark.protocol;
}

static void take_allowed(struct map_facts *out, const struct policy *policy)
{
	for (size_t i = 0; policy != NULL && i < policy->declarations.count; i++) {
		const struct policy_declaration *declaration = &policy->declarations.items[i];
		for (size_t k = 0; k < declaration->ports.count; k++) {
			portset_add_range(&out->allowed, declaration->ports.items[k].first,
					  declaration->ports.items[k].last);
		}
	}
}

static int keep(struct map_facts *out, const struct ports *ports)
{
	for (size_t i = 0; i < ports->list.count; i++) {
		struct figure_mark *mark = vec_push(&out->marks);
		if (mark == NULL) {
			return -ENOMEM;
		}
		*mark = ports->list.items[i].mark;
	}
	return 0;
}

int map_facts_find(struct map_facts *out, const struct inventory *inventory,
		   const struct judgement *judgement)
{
	const struct policy *policy = judgement_policy(judgement);
	static const struct ports_filter everything = { 0 };
	struct ports_list list;
	struct ports ports = { 0 };
	*out = (struct map_facts){ 0 };
	int r = ports_list_gather(&list, inventory, &everything);
	if (r == 0) {
		r = take_rows(&ports, inventory, &list);
	}
	if (r == 0) {
		take_findings(&ports, &judgement->findings);
		hold_against(&ports, policy);
		if (ports.list.count > 1) {
			qsort(ports.list.items, ports.list.count, sizeof(struct port), by_danger);
		}
		take_allowed(out, policy);
		r = keep(out, &ports);
	}
	vec_free(&ports.list);
	ports_list_deinit(&list);
	return r;
}

void map_facts_deinit(struct map_facts *facts)
{
	vec_free(&facts->marks);
}

struct figure_map map_figure(const struct map_facts *facts, const struct context *context,
			     const struct inventory *inventory, const struct judgement *judgement)
{
	return (struct figure_map){
		.language = context->language,
		.style = context->out_style,
		.host = inventory->hostname,
		.ephemeral = inventory->ephemeral,
		.marks = facts->marks.items,
		.count = facts->marks.count,
		.allowed = judgement->declared ? &facts->allowed : NULL,
	};
}
