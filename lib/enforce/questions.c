/* Which packets to ask for, so that the kernel's answers prove or disprove a policy's rules. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/portset.h"
#include "enforce/sources.h"

enum {
	BY_CHANCE = 8,       /* ports of each protocol that nobody declared */
	NEIGHBOURS_MAX = 64, /* ports beside declared ones */
	PROTOCOLS = ENFORCE_ASKED_PROTOCOLS,
	SLOTS = 4 * ENFORCE_QUESTIONS_MAX, /* of the table that knows what was asked */
};

static const enum protocol protocols[PROTOCOLS] = { PROTOCOL_TCP, PROTOCOL_UDP };

struct choosing {
	struct enforce_questions *out;
	const struct enforce_asking *asking;
	const struct enforce_sources *sources;
	VEC(struct enforce_port) ports; /* those that matter most first */
	size_t key_ports;               /* declared ends and listening ones, in front */
	VEC(uint32_t) order;            /* of the sources that can be asked from */
	uint64_t seed;
	uint64_t *asked; /* SLOTS; 0 = free */
	int error;
};

/* ---- ports ---- */

/* What each protocol has. */
struct declared {
	struct portset all, ends, listed;
};

static size_t index_of(enum protocol protocol)
{
	return protocol == PROTOCOL_UDP ? 1 : 0;
}

static bool is_asked_for(enum protocol protocol)
{
	return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP;
}

static void find_declared(struct declared *declared, const struct enforce_asking *asking)
{
	const struct policy *policy = asking->policy;
	for (size_t i = 0; policy != NULL && i < policy->declarations.count; i++) {
		const struct policy_declaration *d = &policy->declarations.items[i];
		for (size_t k = 0; k < d->ports.count; k++) {
			const struct policy_ports *ports = &d->ports.items[k];
			struct declared *of = &declared[index_of(ports->protocol)];
			if (is_asked_for(ports->protocol)) {
				portset_add_range(&of->all, ports->first, ports->last);
				portset_add(&of->ends, ports->first);
				portset_add(&of->ends, ports->last);
			}
		}
	}
	for (size_t i = 0; i < asking->listening_count; i++) {
		const struct enforce_port *port = &asking->listening[i];
		if (is_asked_for(port->protocol) && port->port != 0) {
			portset_add(&declared[index_of(port->protocol)].ends, port->port);
		}
	}
}

static void add_port(struct choosing *c, struct declared *declared, size_t protocol, uint16_t port)
{
	if (port == 0 || portset_has(&declared[protocol].listed, port)) {
		return;
	}
	struct enforce_port *added = c->error < 0 ? NULL : vec_push(&c->ports);
	if (added == NULL) {
		c->error = -ENOMEM;
		return;
	}
	portset_add(&declared[protocol].listed, port);
	*added = (struct enforce_port){ protocols[protocol], port };
}

/* From `first` to the end of the list. */
static void shuffle_ports(struct choosing *c, size_t first)
{
	struct enforce_port *ports = c->ports.items + first;
	for (size_t left = c->ports.count - first; left > 1; left--) {
		const size_t other = (size_t)(questions_random(&c->seed) % left);
		const struct enforce_port kept = ports[left - 1];
		ports[left - 1] = ports[other];
		ports[other] = kept;
	}
}

static void add_set(struct choosing *c, struct declared *declared, size_t protocol,
		    const struct portset *set)
{
	for (int32_t at = portset_next(set, 0); at >= 0; at = portset_next(set, (uint32_t)at + 1)) {
		add_port(c, declared, protocol, (uint16_t)at);
	}
}

static void add_others(struct choosing *c, struct declared *declared, size_t protocol)
{
	const struct portset *all = &declared[protocol].all;
	const size_t before = c->ports.count;
	for (int32_t at = portset_next(all, 0); at >= 0 && c->ports.count < before + NEIGHBOURS_MAX;
	     at = portset_next(all, (uint32_t)at + 1)) {
		if (!portset_has(all, (uint16_t)(at - 1))) {
			add_port(c, declared, protocol, (uint16_t)(at - 1));
		}
		if (at < UINT16_MAX && !portset_has(all, (uint16_t)(at + 1))) {
			add_port(c, declared, protocol, (uint16_t)(at + 1));
		}
	}
	for (unsigned i = 0; i < BY_CHANCE; i++) {
		add_port(c, declared, protocol, (uint16_t)(questions_random(&c->seed) >> 48));
	}
}

static void list_scope(struct choosing *c, struct declared *declared)
{
	for (size_t p = 0; p < PROTOCOLS; p++) {
		add_set(c, declared, p, &c->asking->scope->key[p]);
	}
	shuffle_ports(c, 0);
	c->key_ports = c->ports.count;
	for (size_t p = 0; p < PROTOCOLS; p++) {
		add_set(c, declared, p, &c->asking->scope->ports[p]);
	}
	shuffle_ports(c, c->key_ports);
}

static int list_ports(struct choosing *c)
{
	struct declared *declared = calloc(PROTOCOLS, sizeof(*declared));
	if (declared == NULL) {
		return -ENOMEM;
	}
	if (c->asking->scope != NULL) {
		list_scope(c, declared);
		free(declared);
		return c->error;
	}
	find_declared(declared, c->asking);
	for (size_t p = 0; p < PROTOCOLS; p++) {
		add_set(c, declared, p, &declared[p].ends);
	}
	shuffle_ports(c, 0);
	c->key_ports = c->ports.count;
	for (size_t p = 0; p < PROTOCOLS && !c->asking->reach_only; p++) {
		add_others(c, declared, p);
	}
	const size_t others = c->ports.count;
	for (size_t p = 0; p < PROTOCOLS && !c->asking->reach_only; p++) {
		add_set(c, declared, p, &declared[p].all);
	}
	shuffle_ports(c, others);
	free(declared);
	return c->error;
}

/* ---- sources ---- */

static bool is_left_out(const struct enforce_asking *asking, const struct enforce_source *source)
{
	return source->absent || (asking->reach_only && (source->place == ENFORCE_PLACE_LAST ||
							 source->place == ENFORCE_PLACE_OUTSIDE));
}

static int list_sources(struct choosing *c)
{
	for (size_t i = 0; i < c->sources->list.count; i++) {
		if (is_left_out(c->asking, &c->sources->list.items[i])) {
			continue;
		}
		uint32_t *added = vec_push(&c->order);
		if (added == NULL) {
			return -ENOMEM;
		}
		*added = (uint32_t)i;
	}
	for (size_t i = c->order.count; i > 1; i--) {
		const size_t other = (size_t)(questions_random(&c->seed) % i);
		const uint32_t kept = c->order.items[i - 1];
		c->order.items[i - 1] = c->order.items[other];
		c->order.items[other] = kept;
	}
	return 0;
}

static int compare_address(const void *key, const void *element)
{
	return addr_compare(key, &((const struct enforce_source *)element)->from);
}

/* @return its place in the list; SIZE_MAX when it is not there, or cannot be asked from. */
static size_t find_source(const struct choosing *c, const struct addr *from)
{
	const struct enforce_source *found =
		c->sources->list.count == 0
			? NULL
			: bsearch(from, c->sources->list.items, c->sources->list.count,
				  sizeof(*found), compare_address);
	return found == NULL || is_left_out(c->asking, found)
		       ? SIZE_MAX
		       : (size_t)(found - c->sources->list.items);
}

/* ---- questions ---- */

/* Whether it is new. */
static bool remember(struct choosing *c, size_t source, const struct enforce_port *port, bool login)
{
	const uint64_t key = (uint64_t)source << 19 | (uint64_t)index_of(port->protocol) << 18 |
			     (uint64_t)port->port << 2 | (login ? 3 : 1);
	uint64_t hash = key;
	size_t slot = (size_t)(questions_random(&hash) % SLOTS);
	while (c->asked[slot] != 0) {
		if (c->asked[slot] == key) {
			return false;
		}
		slot = (slot + 1) % SLOTS;
	}
	c->asked[slot] = key;
	return true;
}

static void ask(struct choosing *c, size_t index, const struct enforce_port *port, bool login)
{
	const struct enforce_source *source = &c->sources->list.items[index];
	const struct enforce_packet packet = {
		.protocol = port->protocol,
		.port = port->port,
		.from = source->from,
		.interface = source->interface[0] == '\0' ? NULL : source->interface,
	};
	if (c->error < 0 || c->out->list.count >= c->asking->questions_max ||
	    !remember(c, index, port, login)) {
		return;
	}
	struct enforce_question *question = vec_push(&c->out->list);
	if (question == NULL) {
		c->error = -ENOMEM;
		return;
	}
	*question = (struct enforce_question){
		.port = *port,
		.source = (uint32_t)index,
		.login = login,
		.expected =
			enforce_decide(c->asking->policy, &packet, &c->asking->environment, NULL),
	};
}

static bool ask_login(struct choosing *c)
{
	const struct enforce_port port = { PROTOCOL_TCP, c->asking->login_port };
	const size_t source =
		c->asking->login == NULL ? SIZE_MAX : find_source(c, c->asking->login);
	if (source == SIZE_MAX || c->asking->reach_only) {
		return false;
	}
	ask(c, source, &port, true);
	return true;
}

/* ---- when not all can be asked ---- */

static const struct prefix *network_of(const struct policy *policy,
				       const struct policy_declaration *d, size_t number)
{
	for (size_t i = 0; i < d->from.count; i++) {
		const size_t count = questions_networks(policy, &d->from.items[i]);
		if (number < count) {
			return questions_network(policy, &d->from.items[i], number);
		}
		number -= count;
	}
	return NULL;
}

static size_t count_networks(const struct policy *policy, const struct policy_declaration *d)
{
	size_t count = 0;
	for (size_t i = 0; i < d->from.count; i++) {
		count += questions_networks(policy, &d->from.items[i]);
	}
	return count;
}

/* Question number `round` of a declaration's own: an edge of one of its networks, at one of its
 * ports. @return whether there are so many. */
static bool ask_own(struct choosing *c, const struct policy_declaration *d, size_t round,
		    uint64_t turn)
{
	const size_t networks = count_networks(c->asking->policy, d);
	if (round >= networks * EDGES * d->ports.count) {
		return false;
	}
	const size_t shift = round / (networks * EDGES);
	const struct prefix *network =
		network_of(c->asking->policy, d, (size_t)((round / EDGES + turn) % networks));
	const struct policy_ports *ports = &d->ports.items[(round + shift) % d->ports.count];
	const struct enforce_port port = { ports->protocol,
					   round % 2 == 0 ? ports->first : ports->last };
	struct addr from;
	const size_t source =
		is_asked_for(port.protocol) && questions_edge(&from, c->asking, network,
							      (enum edge)(round % EDGES))
			? find_source(c, &from)
			: SIZE_MAX;
	if (source != SIZE_MAX) {
		ask(c, source, &port, false);
	}
	return true;
}

/* Each declaration in turn, until `most` are asked or there are no more. */
static void ask_declarations(struct choosing *c, size_t most)
{
	const struct policy *policy = c->asking->policy;
	const uint64_t turn = questions_random(&c->seed) >> 32;
	bool more = policy != NULL;
	for (size_t round = 0; more && round < most; round++) {
		more = false;
		for (size_t i = 0; i < policy->declarations.count; i++) {
			if (c->error < 0 || c->out->list.count >= most) {
				return;
			}
			more |= ask_own(c, &policy->declarations.items[i], round, turn);
		}
	}
}

static void ask_anywhere(struct choosing *c, size_t most)
{
	for (size_t p = 0; p < c->ports.count; p++) {
		for (size_t i = 0; i < c->sources->list.count; i++) {
			const struct enforce_source *source = &c->sources->list.items[i];
			if (c->error < 0 || c->out->list.count >= most) {
				return;
			}
			if (source->place == ENFORCE_PLACE_ANYWHERE && !source->absent) {
				ask(c, i, &c->ports.items[p], false);
			}
		}
	}
}

static size_t greatest_common_divisor(size_t a, size_t b)
{
	while (b != 0) {
		const size_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

/*
 * Along the diagonals of the table of ports and sources, so that wherever it ends each port was
 * asked as often as each other, and each source too. Every pair comes once: after as many steps as
 * both numbers divide, the next diagonal begins one further.
 */
static void ask_all_alike(struct choosing *c, size_t ports)
{
	const size_t sources = c->order.count;
	if (ports == 0 || sources == 0) {
		return;
	}
	const uint64_t lap = (uint64_t)ports / greatest_common_divisor(ports, sources) * sources;
	const uint64_t pairs = (uint64_t)ports * sources;
	for (uint64_t t = 0; t < pairs && c->error == 0; t++) {
		if (c->out->list.count >= c->asking->questions_max) {
			return;
		}
		ask(c, c->order.items[(t + t / lap) % sources], &c->ports.items[t % ports], false);
	}
}

static void choose(struct choosing *c)
{
	const size_t most = c->asking->questions_max;
	const size_t sources = c->asking->reach_only
				       ? c->order.count
				       : c->sources->list.count + c->sources->left_out;
	const bool login = ask_login(c);
	if ((uint64_t)c->ports.count * c->order.count + login > most) {
		const size_t few = most / 8 > c->key_ports ? c->key_ports : most / 8;
		ask_declarations(c, most / 2);
		ask_anywhere(c, most - most / 4);
		ask_all_alike(c, few > 0 ? few : c->ports.count);
	}
	ask_all_alike(c, c->ports.count);
	const size_t ports =
		c->ports.count + (c->asking->scope == NULL ? 0 : c->asking->scope->others);
	c->out->left_out = (uint64_t)ports * sources + login - c->out->list.count;
}

int enforce_questions(struct enforce_questions *out, const struct enforce_asking *asking,
		      const struct enforce_sources *sources)
{
	struct choosing c = { .out = out,
			      .asking = asking,
			      .sources = sources,
			      .seed = asking->seed,
			      .asked = calloc(SLOTS, sizeof(uint64_t)) };
	*out = (struct enforce_questions){ 0 };
	c.error = c.asked == NULL ? -ENOMEM : 0;
	if (c.error == 0) {
		c.error = list_ports(&c);
	}
	if (c.error == 0) {
		c.error = list_sources(&c);
	}
	if (c.error == 0) {
		choose(&c);
	}
	vec_free(&c.ports);
	vec_free(&c.order);
	free(c.asked);
	return c.error;
}

void enforce_questions_deinit(struct enforce_questions *questions)
{
	vec_free(&questions->list);
}
