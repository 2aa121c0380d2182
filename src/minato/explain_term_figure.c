/* Figures of the glossary, drawn from this host. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "explain.h"
#include "figure/figure.h"
#include "nat_live.h"
#include "words.h"

enum {
	DOORS_MAX = 6,
	STEPS_MAX = 16,
	ESTABLISHED = 1, /* include/net/tcp_states.h */
	USUAL_PORT = 443,
};

/* Who waits there, for a drawing; NULL when that is not to be seen. */
static const char *program_of(const struct inventory *inventory, const struct listener *listener)
{
	const struct process *process = inventory_listener_process(inventory, listener);
	if (process == NULL && listener->ownership == OWNERSHIP_NONE) {
		return _("the kernel");
	}
	return process != NULL ? process->name : NULL;
}

/* ---- the three ranges ---- */

static size_t listener_marks(struct figure_ranges_mark *marks, const struct inventory *inventory)
{
	size_t count = 0;
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		const struct listener *l = &inventory->listeners.items[i];
		if (inventory_is_host(inventory, l->netns)) {
			marks[count++] = (struct figure_ranges_mark){ l->port, l->protocol,
								      program_of(inventory, l) };
		}
	}
	for (size_t i = 0; i < inventory->published.count; i++) {
		const struct published *p = &inventory->published.items[i];
		if (inventory_is_host(inventory, p->netns)) {
			marks[count++] = (struct figure_ranges_mark){ p->first_port, p->protocol,
								      p->container_name != NULL
									      ? p->container_name
									      : p->owner };
		}
	}
	return count;
}

static int ranges(struct str *out, const struct explain *explain, bool svg)
{
	const struct inventory *inventory = explain->inventory;
	struct figure_ranges figure = { .language = explain->context->language,
					.ascii = explain->context->out_style.ascii };
	_cleanup_(freep) struct figure_ranges_mark *marks = NULL;
	if (inventory != NULL) {
		marks = calloc(inventory->listeners.count + inventory->published.count + 1,
			       sizeof(*marks));
		figure.ephemeral = inventory->ephemeral;
		figure.marks = marks;
		figure.marks_known = marks != NULL; /* without memory for them nothing is said */
		figure.count = marks != NULL ? listener_marks(marks, inventory) : 0;
	}
	return svg ? figure_ranges_svg(out, &figure) : figure_ranges_text(out, &figure);
}

/* ---- one port ---- */

static int port(struct str *out, const struct explain *explain, bool svg)
{
	const struct inventory *inventory = explain->inventory;
	struct subject subject = { .kind = SUBJECT_PORTS,
				   .protocol = PROTOCOL_TCP,
				   .first = USUAL_PORT,
				   .last = USUAL_PORT };
	for (size_t i = 0; inventory != NULL && i < inventory->listeners.count; i++) {
		const struct listener *l = &inventory->listeners.items[i];
		if (l->protocol == PROTOCOL_TCP && inventory_is_host(inventory, l->netns)) {
			subject.first = subject.last = l->port;
			break;
		}
	}
	return explain_figure(out, explain, &subject, svg);
}

/* ---- doors ---- */

/* The address by which others know this host, as far as its sockets tell. */
static struct addr main_number(const struct inventory *inventory)
{
	struct addr address;
	(void)addr_parse(&address, "127.0.0.1"); /* is one */
	for (size_t i = 0; i < inventory->connections.count; i++) {
		const struct addr local = addr_unmap(&inventory->connections.items[i].local);
		if (addr_exposure(&local) != EXPOSURE_LOOPBACK &&
		    inventory_is_host(inventory, inventory->connections.items[i].netns)) {
			return local;
		}
	}
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		const struct listener *l = &inventory->listeners.items[i];
		if (!addr_is_any(&l->address) && inventory_is_host(inventory, l->netns) &&
		    addr_exposure(&l->address) != EXPOSURE_LOOPBACK) {
			return addr_unmap(&l->address);
		}
	}
	return address;
}

/* Whether somebody who calls that address meets the listener, by address alone. */
static bool is_at(const struct listener *listener, const struct addr *address)
{
	const struct addr own = addr_unmap(&listener->address);
	return addr_is_any(&own) || addr_compare(&own, address) == 0;
}

/* Neighbours in the inventory's order: a port that both families have is one door. */
static bool is_last_door(const struct figure_doors *figure, const struct figure_door *doors,
			 const struct listener *listener)
{
	const struct figure_door *last = figure->count > 0 ? &doors[figure->count - 1] : NULL;
	return last != NULL && last->port == listener->port && last->protocol == listener->protocol;
}

static void find_doors(struct figure_doors *figure, struct figure_door *doors, size_t room,
		       const struct inventory *inventory, const struct addr *address)
{
	const struct listener *passed = NULL;
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		const struct listener *l = &inventory->listeners.items[i];
		if (!is_at(l, address) || !inventory_is_host(inventory, l->netns) ||
		    is_last_door(figure, doors, l)) {
			continue;
		}
		if (figure->count < room) {
			doors[figure->count++] =
				(struct figure_door){ l->port, l->protocol,
						      program_of(inventory, l), NULL };
		} else if (passed == NULL || passed->port != l->port ||
			   passed->protocol != l->protocol) {
			figure->more++;
			passed = l;
		}
	}
}

/* A program that is not to be seen is somebody all the same. */
static void name_the_unseen(struct figure_door *doors, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		doors[i].program = doors[i].program != NULL ? doors[i].program
							    : _("a program of another user");
	}
}

static int doors(struct str *out, const struct explain *explain, bool taken, bool svg)
{
	char text[ADDR_TEXT_BYTES] = "127.0.0.1";
	struct figure_door doors[DOORS_MAX];
	struct figure_doors figure = { .language = explain->context->language,
				       .address = text,
				       .doors = doors };
	if (explain->inventory != NULL) {
		const struct addr address = main_number(explain->inventory);
		(void)addr_format(&address, text);
		find_doors(&figure, doors, taken ? 1 : DOORS_MAX, explain->inventory, &address);
		name_the_unseen(doors, figure.count);
	}
	if (figure.count == 0) {
		doors[figure.count++] =
			(struct figure_door){ USUAL_PORT, PROTOCOL_TCP,
					      taken ? _("the first program") : NULL, NULL };
	}
	if (taken) {
		doors[0].refused = _("a second program");
		figure.more = 0;
	}
	return svg ? figure_doors_svg(out, &figure) : figure_doors_text(out, &figure);
}

/* ---- NAT ---- */

static int nat(struct str *out, const struct explain *explain, bool svg)
{
	/* RFC 5737 and RFC 1918: addresses of nobody in particular. */
	const struct figure_nat_row rows[] = {
		{ _("laptop"), "192.168.1.10", 51000, 51000, "203.0.113.80", 443 },
		{ _("phone"), "192.168.1.11", 51000, 51001, "203.0.113.80", 443 },
		{ _("game"), "192.168.1.12", 40123, 40123, "203.0.113.9", 25565 },
	};
	struct figure_nat figure = { .language = explain->context->language,
				     .outside = "198.51.100.7",
				     .source = FIGURE_NAT_EXAMPLE,
				     .rows = rows,
				     .count = sizeof(rows) / sizeof(rows[0]) };
	if (explain->nat != NULL) {
		figure = nat_live_figure(explain->nat, explain->context->language);
	}
	return svg ? figure_nat_svg(out, &figure) : figure_nat_text(out, &figure);
}

/* ---- packets ---- */

/* A connection of this host that began as the ladder does; NULL when there is none. */
static const struct connection *live(const struct explain *explain,
				     const struct glossary_ladder *ladder)
{
	const struct inventory *inventory = explain->inventory;
	for (size_t i = 0; ladder->live && inventory != NULL && i < inventory->connections.count;
	     i++) {
		const struct connection *c = &inventory->connections.items[i];
		if (c->protocol == (enum protocol)ladder->protocol && c->state == ESTABLISHED &&
		    c->direction != DIRECTION_UNKNOWN && inventory_is_host(inventory, c->netns)) {
			return c;
		}
	}
	return NULL;
}

static void ends(char *client, char *server, const struct connection *c)
{
	const bool out = c->direction == DIRECTION_OUTBOUND;
	const struct addr local = addr_unmap(&c->local);
	const struct addr remote = addr_unmap(&c->remote);
	(void)endpoint_format(&local, c->local_port, out ? client : server);
	(void)endpoint_format(&remote, c->remote_port, out ? server : client);
}

static int packets(struct str *out, const struct explain *explain,
		   const struct glossary_ladder *ladder, bool svg)
{
	static const enum figure_way ways[] = {
		[GLOSSARY_TO_SERVER] = FIGURE_TO_SERVER,
		[GLOSSARY_TO_CLIENT] = FIGURE_TO_CLIENT,
		[GLOSSARY_FROM_BETWEEN] = FIGURE_FROM_BETWEEN,
		[GLOSSARY_NOTHING] = FIGURE_NOTHING,
	};
	char client[ENDPOINT_TEXT_BYTES] = "192.0.2.7:49152";
	char server[ENDPOINT_TEXT_BYTES];
	struct figure_ladder_row rows[STEPS_MAX] = { 0 };
	struct addr example;
	const struct connection *connection = live(explain, ladder);
	(void)addr_parse(&example, "198.51.100.1"); /* is one */
	(void)endpoint_format(&example, ladder->port, server);
	if (connection != NULL) {
		ends(client, server, connection);
	}
	size_t count = 0;
	for (; count < ladder->count && count < STEPS_MAX; count++) {
		const struct glossary_step *step = &ladder->steps[count];
		rows[count].way = ways[step->way];
		rows[count].label = text_in(step->label, explain->context->language);
	}
	const struct figure_ladder figure = {
		.language = explain->context->language,
		.client = client,
		.server = server,
		.source = connection != NULL ? FIGURE_LIVE : FIGURE_EXAMPLE,
		.rows = rows,
		.count = count,
	};
	return svg ? figure_ladder_svg(out, &figure) : figure_ladder_text(out, &figure);
}

int explain_term_figure(struct str *out, const struct explain *explain,
			const struct glossary_term *term, bool svg)
{
	switch (term->figure) {
	case GLOSSARY_FIGURE_PORT:
		return port(out, explain, svg);
	case GLOSSARY_FIGURE_RANGES:
		return ranges(out, explain, svg);
	case GLOSSARY_FIGURE_NAT:
		return nat(out, explain, svg);
	case GLOSSARY_FIGURE_DOORS:
	case GLOSSARY_FIGURE_TAKEN:
		return doors(out, explain, term->figure == GLOSSARY_FIGURE_TAKEN, svg);
	case GLOSSARY_FIGURE_LADDER:
		return packets(out, explain, term->ladder, svg);
	case GLOSSARY_FIGURE_NONE:
		break;
	}
	return 0;
}
