/* One look at the host with all that is known of it. */
#include "overview.h"

#include <string.h>

#include "look.h"
#include "observe/observe.h"
#include "words.h"

static bool same_service(const struct listener *a, const struct listener *b)
{
	return a->port == b->port && a->protocol == b->protocol && a->netns == b->netns;
}

const struct reach_port *overview_reached(const struct overview *overview, uint32_t netns,
					  enum protocol protocol, uint16_t port)
{
	const struct inventory *inventory = &overview->inventory;
	return inventory_is_host(inventory, netns)
		       ? reach_port(&overview->judgement.reach, protocol, port)
		       : NULL;
}

/* Whether packets from elsewhere come in, as far as it is known. */
static bool is_exposed(const struct addr *address, const struct reach_port *port)
{
	return addr_exposure(address) != EXPOSURE_LOOPBACK &&
	       (port == NULL || port->kind != REACH_NOBODY);
}

/* The inventory is sorted, so sockets of one service are neighbours. */
static void count_services(struct overview *overview)
{
	const struct inventory *inventory = &overview->inventory;
	const struct listener *before = NULL;
	bool exposed = false;
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		const struct listener *l = &inventory->listeners.items[i];
		bool open = is_exposed(&l->address,
				       overview_reached(overview, l->netns, l->protocol, l->port));
		if (before == NULL || !same_service(before, l)) {
			overview->listeners[port_class(l->port)]++;
			overview->high_services += l->port >= PORT_USER_FIRST;
			exposed = false;
		}
		if (open && !exposed) {
			overview->exposed++;
			exposed = true;
		}
		before = l;
	}
	for (size_t i = 0; i < inventory->published.count; i++) {
		const struct published *p = &inventory->published.items[i];
		overview->exposed +=
			is_exposed(&p->address, overview_reached(overview, p->netns, p->protocol,
								 p->first_port));
	}
}

double overview_ephemeral_percent(const struct overview *overview)
{
	const struct port_range *range = &overview->inventory.ephemeral;
	uint32_t size = (uint32_t)range->last - range->first + 1;
	return size == 0 ? 0 : 100.0 * overview->clients.ephemeral_ports / size;
}

/* libnftables must not meet the TLS library that asking a daemon took. */
static void judge_tools(struct overview *overview)
{
	const json_t *told = json_object_get(overview->daemon.rules, "contradictions");
	if (told != NULL || strcmp(overview->daemon.name, "stopped") == 0) {
		judge_other_tools(&overview->judgement, overview->context, told);
	}
}

static int find(struct overview *overview)
{
	const struct context *context = overview->context;
	int code = judge(&overview->judgement, context, &overview->inventory);
	if (code == EXIT_IN_ORDER && clients_gather(&overview->clients, &overview->inventory) < 0) {
		complain(context, _("out of memory"), NULL);
		code = EXIT_ERROR;
	}
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	daemon_state_ask(&overview->daemon, runtime_directory());
	rules_state_find(&overview->rules, context, &overview->daemon);
	moving_peek(&overview->moving, context);
	judge_tools(overview);
	count_services(overview);
	/* Without memory for them the rest still is an overview. */
	(void)measures_find(&overview->measures, &overview->inventory, &overview->judgement.reach,
			    NULL);
	return EXIT_IN_ORDER;
}

int overview_find(struct overview *out, const struct context *context)
{
	*out = (struct overview){ .context = context };
	int code = look_or_complain(&out->inventory, context,
				    OBSERVE_OWNERS | OBSERVE_ALL_NETNS | OBSERVE_PUBLISHED |
					    OBSERVE_DETAILS | OBSERVE_CONNECTIONS);
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	code = find(out);
	if (code != EXIT_IN_ORDER) {
		vec_free(&out->clients.groups);
		judgement_deinit(&out->judgement);
		inventory_deinit(&out->inventory);
	}
	return code;
}

void overview_deinit(struct overview *overview)
{
	measures_deinit(&overview->measures);
	moving_close(&overview->moving);
	daemon_state_deinit(&overview->daemon);
	vec_free(&overview->clients.groups);
	judgement_deinit(&overview->judgement);
	inventory_deinit(&overview->inventory);
}
