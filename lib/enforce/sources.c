/* Whom to ask for: addresses at the edges of what a policy names. */
#include "enforce/sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	STEPS_MAX = 64,   /* past addresses of the host itself */
	HOSTS_FIRST = 77, /* of the documentation networks; any would do */
	HOSTS_LAST = 250,
};

uint64_t questions_random(uint64_t *seed)
{
	uint64_t z = (*seed += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* ---- arithmetic of addresses ---- */

static size_t bytes_of(const struct addr *address)
{
	return address->family == ADDR_IPV4 ? 4 : 16;
}

/* @return whether there is one: not before the first address nor behind the last. */
static bool step(struct addr *address, bool up)
{
	const uint8_t end = up ? UINT8_MAX : 0;
	for (size_t i = bytes_of(address); i-- > 0;) {
		const bool carries = address->bytes[i] == end;
		address->bytes[i] += up ? 1 : UINT8_MAX;
		if (!carries) {
			return true;
		}
	}
	return false;
}

static struct addr last_of(const struct prefix *prefix)
{
	struct addr last = prefix->address;
	for (size_t bit = prefix->bits; bit < bytes_of(&last) * 8; bit++) {
		last.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	}
	return last;
}

/* Nothing with such a source comes from outside (RFC 1122 3.2.1.3, RFC 4291 2.5 and 2.7); fe80::/10
 * is on every interface at once. */
static bool may_come(const struct addr *from)
{
	if (addr_is_any(from) || addr_exposure(from) == EXPOSURE_LOOPBACK) {
		return false;
	}
	return from->family == ADDR_IPV4
		       ? from->bytes[0] != 0 && from->bytes[0] < 224
		       : from->bytes[0] != 0xff &&
				 !(from->bytes[0] == 0xfe && (from->bytes[1] & 0xc0) == 0x80);
}

static bool is_own(const struct enforce_asking *asking, const struct addr *address)
{
	return asking->is_own != NULL && asking->is_own(asking->host, address);
}

bool questions_edge(struct addr *out, const struct enforce_asking *asking,
		    const struct prefix *prefix, enum edge edge)
{
	const bool up = edge == EDGE_FIRST || edge == EDGE_AFTER;
	const bool inside = edge == EDGE_FIRST || edge == EDGE_LAST;
	struct addr address =
		edge == EDGE_FIRST || edge == EDGE_BEFORE ? prefix->address : last_of(prefix);
	/* The first and the last address of a network are no host's, but for the smallest. */
	const bool has_hosts = prefix->bits + 1U < bytes_of(&address) * 8;
	if ((!inside || has_hosts) && !step(&address, up)) {
		return false;
	}
	for (unsigned i = 0; i < STEPS_MAX && is_own(asking, &address); i++) {
		if (!step(&address, up)) {
			return false;
		}
	}
	if (prefix_has(prefix, &address) != inside || is_own(asking, &address) ||
	    !may_come(&address)) {
		return false;
	}
	*out = address;
	return true;
}

/* ---- the networks that a policy names ---- */

size_t questions_networks(const struct policy *policy, const struct policy_from *from)
{
	return from->kind == POLICY_FROM_PREFIX ? 1
	       : from->kind == POLICY_FROM_WHO  ? policy->who.items[from->who].addresses.count
						: 0;
}

const struct prefix *questions_network(const struct policy *policy, const struct policy_from *from,
				       size_t number)
{
	return from->kind == POLICY_FROM_PREFIX
		       ? &from->prefix
		       : &policy->who.items[from->who].addresses.items[number];
}

struct network {
	const struct prefix *prefix;
	const struct policy_who *who; /* NULL = it stands in `from:` or `never_cut:` itself */
	bool own; /* the host is in it, and nobody named it: its edges decide nothing */
};

struct gathering {
	struct enforce_sources *out;
	const struct enforce_asking *asking;
	VEC(struct network) networks;
	int error;
};

static void add_network(struct gathering *g, const struct prefix *prefix,
			const struct policy_who *who, bool own)
{
	struct network *network = g->error < 0 ? NULL : vec_push(&g->networks);
	if (network == NULL) {
		g->error = -ENOMEM;
		return;
	}
	*network = (struct network){ prefix, who, own };
}

static void add_literal(struct gathering *g, const struct policy_from *from)
{
	if (from->kind == POLICY_FROM_PREFIX) {
		add_network(g, &from->prefix, NULL, false);
	}
}

/* Where few ports are asked for: whom their declarations name. */
static void find_named(bool *named, const struct policy *policy)
{
	for (size_t i = 0; i < policy->declarations.count; i++) {
		const struct policy_declaration *d = &policy->declarations.items[i];
		for (size_t n = 0; n < d->from.count; n++) {
			if (d->from.items[n].kind == POLICY_FROM_WHO) {
				named[d->from.items[n].who] = true;
			}
		}
	}
}

static void add_people(struct gathering *g, const struct policy *policy)
{
	const bool all = g->asking->scope == NULL;
	bool *named = all ? NULL : calloc(policy->who.count + 1, sizeof(*named));
	if (!all && named == NULL) {
		g->error = -ENOMEM;
		return;
	}
	if (!all) {
		find_named(named, policy);
	}
	for (size_t i = 0; i < policy->who.count; i++) {
		const struct policy_who *who = &policy->who.items[i];
		for (size_t n = 0; (all || named[i]) && n < who->addresses.count; n++) {
			add_network(g, &who->addresses.items[n], who, false);
		}
	}
	free(named);
}

static void add_policy(struct gathering *g, const struct policy *policy)
{
	add_people(g, policy);
	for (size_t i = 0; i < policy->declarations.count; i++) {
		const struct policy_declaration *d = &policy->declarations.items[i];
		for (size_t n = 0; n < d->from.count; n++) {
			add_literal(g, &d->from.items[n]);
		}
	}
	for (size_t i = 0; i < policy->never_cut.count; i++) {
		add_literal(g, &policy->never_cut.items[i]);
	}
}

/* ---- the list ---- */

static void add_source(struct gathering *g, const struct addr *from, enum enforce_place place,
		       const char *entry)
{
	const char *kept = entry == NULL ? NULL : arena_strdup(&g->out->arena, entry);
	struct enforce_source *source =
		g->error < 0 || (entry != NULL && kept == NULL) ? NULL : vec_push(&g->out->list);
	if (source == NULL) {
		g->error = -ENOMEM;
		return;
	}
	*source = (struct enforce_source){ .from = *from, .place = place, .entry = kept };
}

/* A neighbour that belongs to another network of the same entry is not outside of it. */
static bool is_within(const struct policy_who *who, const struct addr *address)
{
	for (size_t i = 0; who != NULL && i < who->addresses.count; i++) {
		if (prefix_has(&who->addresses.items[i], address)) {
			return true;
		}
	}
	return false;
}

static void add_edges(struct gathering *g, const struct network *network)
{
	static const enum enforce_place places[] = { [EDGE_FIRST] = ENFORCE_PLACE_FIRST,
						     [EDGE_LAST] = ENFORCE_PLACE_LAST,
						     [EDGE_BEFORE] = ENFORCE_PLACE_OUTSIDE,
						     [EDGE_AFTER] = ENFORCE_PLACE_OUTSIDE };
	char text[PREFIX_TEXT_BYTES];
	const char *name = network->who != NULL ? network->who->entry.name
						: prefix_format(network->prefix, text);
	const enum edge end = network->own ? EDGE_LAST : EDGES;
	for (enum edge edge = EDGE_FIRST; edge < end; edge++) {
		struct addr address;
		if (questions_edge(&address, g->asking, network->prefix, edge) &&
		    (edge <= EDGE_LAST || !is_within(network->who, &address))) {
			add_source(g, &address, places[edge], name);
		}
	}
}

static bool is_named(const struct gathering *g, const struct addr *address)
{
	for (size_t i = 0; i < g->networks.count; i++) {
		const struct prefix *prefix = g->networks.items[i].prefix;
		/* What has everybody has this one too. */
		if (prefix->bits > 0 && prefix_has(prefix, address)) {
			return true;
		}
	}
	return false;
}

/* "Anywhere" is somebody of the networks for documentation and measuring (RFC 5737, RFC 2544, RFC
 * 3849, RFC 9637): nobody's own. Where all of them are named, there is nobody to ask for. */
static void add_anywhere(struct gathering *g)
{
	static const char *const networks[] = {
		"198.51.100.0", "203.0.113.0",     "192.0.2.0",
		"198.18.0.0",   "2001:db8:ffff::", "3fff:fff:ffff::"
	};
	bool found[ADDR_IPV6 + 1] = { false };
	for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
		struct addr address = { 0 };
		(void)addr_parse(&address, networks[i]); /* valid as they stand here */
		const size_t last = bytes_of(&address) - 1;
		for (unsigned host = HOSTS_FIRST; !found[address.family] && host <= HOSTS_LAST;
		     host++) {
			address.bytes[last] = (uint8_t)host;
			if (!is_own(g->asking, &address) && !is_named(g, &address)) {
				add_source(g, &address, ENFORCE_PLACE_ANYWHERE, NULL);
				found[address.family] = true;
			}
		}
	}
}

static int by_address(const void *left, const void *right)
{
	const struct enforce_source *a = left;
	const struct enforce_source *b = right;
	const int order = addr_compare(&a->from, &b->from);
	return order != 0 ? order : (int)a->place - (int)b->place;
}

/* One question for one address: the first place counts, an edge inside before one outside. */
static void drop_doubles(struct enforce_sources *sources)
{
	size_t kept = 0;
	if (sources->list.count > 1) {
		qsort(sources->list.items, sources->list.count, sizeof(sources->list.items[0]),
		      by_address);
	}
	for (size_t i = 0; i < sources->list.count; i++) {
		const struct enforce_source *source = &sources->list.items[i];
		if (kept == 0 ||
		    addr_compare(&sources->list.items[kept - 1].from, &source->from) != 0) {
			sources->list.items[kept++] = *source;
		}
	}
	sources->list.count = kept;
}

int enforce_sources(struct enforce_sources *out, const struct enforce_asking *asking)
{
	struct gathering g = { .out = out, .asking = asking };
	uint64_t seed = asking->seed;
	*out = (struct enforce_sources){ 0 };
	arena_init(&out->arena, 0);
	if (asking->policy != NULL) {
		add_policy(&g, asking->policy);
	}
	for (size_t i = 0; i < asking->network_count; i++) {
		add_network(&g, &asking->networks[i], NULL, true);
	}
	const size_t most = ENFORCE_SOURCES_MAX / EDGES;
	const size_t count = g.networks.count;
	const size_t start = count > most ? (size_t)(questions_random(&seed) % count) : 0;
	for (size_t i = 0; i < count && i < most; i++) {
		add_edges(&g, &g.networks.items[(start + i) % count]);
	}
	out->left_out = count > most ? (count - most) * EDGES : 0;
	if (asking->login != NULL && !is_own(asking, asking->login) && may_come(asking->login)) {
		add_source(&g, asking->login, ENFORCE_PLACE_LOGIN, NULL);
	}
	add_anywhere(&g);
	vec_free(&g.networks);
	drop_doubles(out);
	return g.error;
}

void enforce_sources_deinit(struct enforce_sources *sources)
{
	vec_free(&sources->list);
	arena_deinit(&sources->arena);
}

const char *enforce_place_name(enum enforce_place place)
{
	static const char *const names[] = { "login", "anywhere", "first", "last", "outside" };
	return names[place];
}
