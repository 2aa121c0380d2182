/* The everyday ports and those that attackers like best, with their state here. */
#include "catalog/catalog.h"
#include "learn.h"
#include "words.h"

/* The everyday ones, and those that are attacked most; the lesson shall fit a few screens. */
static const struct {
	enum protocol protocol;
	uint16_t port;
} doors[] = {
	{ PROTOCOL_TCP, 21 },  { PROTOCOL_TCP, 22 },  { PROTOCOL_TCP, 23 },  { PROTOCOL_TCP, 25 },
	{ PROTOCOL_UDP, 53 },  { PROTOCOL_TCP, 80 },  { PROTOCOL_TCP, 110 }, { PROTOCOL_TCP, 139 },
	{ PROTOCOL_TCP, 143 }, { PROTOCOL_TCP, 443 }, { PROTOCOL_TCP, 445 }, { PROTOCOL_TCP, 3389 },
};

enum {
	MORE_MAX = 8, /* dangerous ones of this host beside these */
	NAMES_MAX_BYTES = 256,
};

/* The socket that answers most people. @return NULL nothing listens there. */
static const struct listener *widest(const struct inventory *inventory, enum protocol protocol,
				     uint16_t port)
{
	const struct listener *found = NULL;
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		const struct listener *l = &inventory->listeners.items[i];
		const bool here = l->port == port && l->protocol == protocol &&
				  inventory_is_host(inventory, l->netns);
		if (here && (found == NULL ||
			     addr_exposure(&l->address) > addr_exposure(&found->address))) {
			found = l;
		}
	}
	return found;
}

static bool has_port(const struct lesson *lesson, uint16_t port)
{
	for (size_t i = 0; i < lesson->risks.count; i++) {
		if (lesson->risks.items[i].port == port) {
			return true;
		}
	}
	return false;
}

static void add_risk(struct lesson *lesson, enum protocol protocol, uint16_t port)
{
	const enum language language = lesson->context->language;
	const struct port_knowledge *entry = catalog_port(protocol, port);
	if (entry == NULL || has_port(lesson, port)) {
		return;
	}
	struct figure_risk risk = { .protocol = protocol,
				    .port = port,
				    .title = text_in(entry->title, language),
				    .risk = entry->risk,
				    .measure = text_in(entry->measure, language),
				    .state = FIGURE_RISK_UNKNOWN };
	const struct listener *l =
		lesson->looked ? widest(&lesson->inventory, protocol, port) : NULL;
	if (lesson->looked) {
		risk.state = l == NULL                                         ? FIGURE_RISK_CLOSED
			     : addr_exposure(&l->address) == EXPOSURE_LOOPBACK ? FIGURE_RISK_INSIDE
									       : FIGURE_RISK_OPEN;
	}
	size_t at = lesson->risks.count;
	struct figure_risk *place = vec_push(&lesson->risks);
	if (place == NULL) {
		return;
	}
	*place = risk;
	for (; at > 0 && lesson->risks.items[at - 1].port > port; at--) {
		lesson->risks.items[at] = lesson->risks.items[at - 1];
		lesson->risks.items[at - 1] = risk;
	}
}

static void know_open(struct lesson *lesson)
{
	size_t count = 0;
	struct str names = STR_INIT(NAMES_MAX_BYTES);
	for (size_t i = 0; i < lesson->risks.count; i++) {
		const struct figure_risk *risk = &lesson->risks.items[i];
		if (risk->state == FIGURE_RISK_OPEN && risk->risk >= SEVERITY_HIGH) {
			str_printf(&names, "%s%u (%s)", count > 0 ? ", " : "", risk->port,
				   risk->title);
			count++;
		}
	}
	if (count > 0) {
		lesson_know(lesson, LEARN_RISKY_OPEN, "%zu", count);
		lesson_know(lesson, LEARN_RISKY_NAMES, "%s", str_text(&names));
	}
	str_deinit(&names);
}

void lesson_know_risks(struct lesson *lesson)
{
	for (size_t i = 0; i < sizeof(doors) / sizeof(doors[0]); i++) {
		add_risk(lesson, doors[i].protocol, doors[i].port);
	}
	const size_t most = lesson->risks.count + MORE_MAX;
	for (size_t i = 0; lesson->looked && i < lesson->inventory.listeners.count; i++) {
		const struct listener *l = &lesson->inventory.listeners.items[i];
		const struct port_knowledge *entry = catalog_port(l->protocol, l->port);
		if (entry != NULL && entry->risk >= SEVERITY_HIGH && lesson->risks.count < most &&
		    inventory_is_host(&lesson->inventory, l->netns) &&
		    addr_exposure(&l->address) != EXPOSURE_LOOPBACK) {
			add_risk(lesson, l->protocol, l->port);
		}
	}
	know_open(lesson);
}
