/* The host's own connections, summed up by program and use. */
#include "clients.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static struct client_group *group_for(struct clients *clients, const char *program,
				      const struct client_use *use)
{
	for (size_t i = 0; i < clients->groups.count; i++) {
		struct client_group *group = &clients->groups.items[i];
		if (group->use == use && same(group->program, program)) {
			return group;
		}
	}
	struct client_group *group = vec_push(&clients->groups);
	if (group != NULL) {
		group->program = program;
		group->use = use;
	}
	return group;
}

/* Counts a remote port; keeps the most frequent first; at most CLIENT_PORTS_MAX distinct ones. */
static void count_port(struct client_group *group, uint16_t port)
{
	uint32_t i = 0;
	while (i < group->port_count && group->ports[i].port != port) {
		i++;
	}
	if (i == group->port_count) {
		if (group->port_count == CLIENT_PORTS_MAX) {
			return;
		}
		group->ports[group->port_count++] = (struct client_port){ port, 0 };
	}
	group->ports[i].connections++;
	for (; i > 0 && group->ports[i].connections > group->ports[i - 1].connections; i--) {
		struct client_port moved = group->ports[i];
		group->ports[i] = group->ports[i - 1];
		group->ports[i - 1] = moved;
	}
}

static int compare_groups(const void *pa, const void *pb)
{
	const struct client_group *a = pa;
	const struct client_group *b = pb;
	if (a->connections != b->connections) {
		return a->connections > b->connections ? -1 : 1;
	}
	int r = strcmp(a->program == NULL ? "" : a->program, b->program == NULL ? "" : b->program);
	return r != 0 ? r : strcmp(a->use->name, b->use->name);
}

int clients_gather(struct clients *out, const struct inventory *inventory)
{
	*out = (struct clients){ 0 };
	struct portset used = { 0 };
	for (size_t i = 0; i < inventory->connections.count; i++) {
		const struct connection *c = &inventory->connections.items[i];
		if (c->direction != DIRECTION_OUTBOUND) {
			continue;
		}
		const char *program = c->process == UINT32_MAX
					      ? NULL
					      : inventory->processes.items[c->process].name;
		const struct client_use *use = catalog_use(c->protocol, c->remote_port, program);
		struct client_group *group = group_for(out, program, use);
		if (group == NULL) {
			vec_free(&out->groups);
			return -ENOMEM;
		}
		group->connections++;
		count_port(group, c->remote_port);
		out->connections++;
		if (c->local_port >= inventory->ephemeral.first &&
		    c->local_port <= inventory->ephemeral.last) {
			portset_add(&used, c->local_port);
		}
	}
	out->ephemeral_ports = portset_count(&used);
	if (out->groups.count > 0) {
		qsort(out->groups.items, out->groups.count, sizeof(out->groups.items[0]),
		      compare_groups);
	}
	return 0;
}
