/* The inventory as a person counts it. */
#include "ports_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cells.h"

static bool same_service(const struct inventory *inventory, const struct ports_group *group,
			 const struct listener *listener)
{
	return group->first->port == listener->port && group->first->netns == listener->netns &&
	       group->first->protocol == listener->protocol &&
	       group->process == inventory_listener_process(inventory, listener);
}

static void add_address(struct ports_group *group, const struct listener *listener)
{
	char text[ADDR_TEXT_BYTES];
	struct str one = STR_INIT(128);
	addr_format(&listener->address, text);
	str_add(&one, listener->address.family == ADDR_IPV6 && addr_is_any(&listener->address) &&
				      !listener->v6_only
			      ? "*"
			      : text);
	if (listener->interface_name != NULL) {
		str_printf(&one, "%%%s", listener->interface_name);
	}
	if (strstr(str_text(&group->addresses), str_text(&one)) == NULL) {
		str_printf(&group->addresses, "%s%s", group->addresses.length == 0 ? "" : " ",
			   str_text(&one));
	}
	str_deinit(&one);
	enum exposure exposure = addr_exposure(&listener->address);
	group->exposure = exposure > group->exposure ? exposure : group->exposure;
	group->queue += listener->queue;
	group->connections += listener->connections;
	group->counted |= listener->counted;
}

void ports_list_deinit(struct ports_list *list)
{
	for (size_t i = 0; i < list->rows.count; i++) {
		str_deinit(&list->rows.items[i].group.addresses);
	}
	vec_free(&list->rows);
}

static struct ports_row *add_row(struct ports_list *list)
{
	struct ports_row *row = vec_push(&list->rows);
	if (row != NULL) {
		*row = (struct ports_row){ .place = list->rows.count };
	}
	return row;
}

static enum severity danger(const struct port_knowledge *known, enum exposure exposure)
{
	return known == NULL || exposure == EXPOSURE_LOOPBACK ? SEVERITY_NONE : known->risk;
}

static int gather_listeners(struct ports_list *list, const struct inventory *inventory,
			    const struct ports_filter *filter)
{
	struct ports_row *row = NULL;
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		const struct listener *l = &inventory->listeners.items[i];
		if (!filter_listener(filter, inventory, l)) {
			continue;
		}
		if (row == NULL || !same_service(inventory, &row->group, l)) {
			row = add_row(list);
			if (row == NULL) {
				return -ENOMEM;
			}
			row->group.first = l;
			row->group.process = inventory_listener_process(inventory, l);
			row->group.addresses = STR_INIT(4096);
		}
		add_address(&row->group, l);
		row->danger = danger(catalog_listener(NULL, inventory, l), row->group.exposure);
	}
	return 0;
}

int ports_list_gather(struct ports_list *out, const struct inventory *inventory,
		      const struct ports_filter *filter)
{
	*out = (struct ports_list){ 0 };
	int r = gather_listeners(out, inventory, filter);
	for (size_t i = 0; i < inventory->published.count && r == 0; i++) {
		const struct published *p = &inventory->published.items[i];
		if (!filter_published(filter, inventory, p)) {
			continue;
		}
		struct ports_row *row = add_row(out);
		r = row == NULL ? -ENOMEM : 0;
		if (row != NULL) {
			row->published = p;
			row->danger = danger(catalog_published(p), addr_exposure(&p->address));
		}
	}
	return r;
}

static int by_danger(const void *pa, const void *pb)
{
	const struct ports_row *a = pa;
	const struct ports_row *b = pb;
	if (a->danger != b->danger) {
		return a->danger > b->danger ? -1 : 1;
	}
	return a->place < b->place ? -1 : a->place > b->place;
}

static int by_place(const void *pa, const void *pb)
{
	const struct ports_row *a = pa;
	const struct ports_row *b = pb;
	return a->place < b->place ? -1 : a->place > b->place;
}

void ports_list_worst_first(struct ports_list *list)
{
	if (list->rows.count > 1) {
		qsort(list->rows.items, list->rows.count, sizeof(list->rows.items[0]), by_danger);
	}
}

size_t ports_list_choose(struct ports_list *list, size_t most)
{
	size_t count = list->rows.count;
	if (most == 0 || count <= most) {
		return count;
	}
	ports_list_worst_first(list);
	qsort(list->rows.items, most, sizeof(list->rows.items[0]), by_place);
	return most;
}

const char *ports_netns_name(const struct inventory *inventory, uint32_t index)
{
	const struct netns *netns = &inventory->netns.items[index];
	return netns->kind == NETNS_HOST ? "host" : netns->name;
}

/* ---- from where it is reached ---- */

static enum exposure exposure_of(const struct ports_row *row)
{
	const struct published *p = row->published;
	if (p == NULL) {
		return row->group.exposure;
	}
	return p->address.family == ADDR_NONE || addr_is_any(&p->address)
		       ? EXPOSURE_ANY
		       : addr_exposure(&p->address);
}

/* What the kernel said; NULL = it was not asked, or not of this network namespace. */
static const struct reach_port *asked(const struct inventory *inventory, const struct reach *reach,
				      const struct ports_row *row)
{
	const struct published *p = row->published;
	const struct listener *l = row->group.first;
	if (exposure_of(row) == EXPOSURE_LOOPBACK ||
	    !inventory_is_host(inventory, p != NULL ? p->netns : l->netns)) {
		return NULL;
	}
	const struct reach_port *port = p != NULL ? reach_port(reach, p->protocol, p->first_port)
						  : reach_port(reach, l->protocol, l->port);
	return port == NULL || port->kind == REACH_UNKNOWN ? NULL : port;
}

const char *ports_reach_words(const struct inventory *inventory, const struct reach *reach,
			      const struct ports_row *row)
{
	const struct reach_port *port = asked(inventory, reach, row);
	return port != NULL ? reach_words(port) : exposure_words(exposure_of(row));
}

bool ports_is_reached(const struct inventory *inventory, const struct reach *reach,
		      const struct ports_row *row)
{
	const struct reach_port *port = asked(inventory, reach, row);
	return port != NULL ? port->kind != REACH_NOBODY : exposure_of(row) != EXPOSURE_LOOPBACK;
}
