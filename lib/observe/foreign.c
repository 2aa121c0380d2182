/* What rules of other tools do with new packets for this host. Pure. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/portset.h"
#include "observe/foreign.h"
#include "observe/nft_walk.h"
#include "observe/observe.h"
#include "observe/xt.h"

/* Where minato's own rules stand; what another tool does before them they see as it is then. */
enum { OWN_PRIORITY = -110 };

/* The walk of one base chain. */
struct foreign_walk {
	struct foreign_rules *out;
	const json_t *document;
	bool nat, filter; /* what chain it is */
	bool ingress;
	bool rewrites; /* what it writes into packets is not seen by the rules of minato */
	/* What a rule above lets in, perhaps not from everywhere; and what one refuses to all. */
	struct portset accepted[NFT_TRANSPORTS], refused[NFT_TRANSPORTS];
	bool unclear;                     /* a rule of it holds what is not understood */
	bool all_refused[NFT_TRANSPORTS]; /* whatever nothing above lets in: told with that rule */
};

static const struct port_range every_port = { 0, UINT16_MAX };

/* ---- What comes out ---- */

static void add(struct nft_walk *walk, const struct nft_place *place,
		const struct foreign_rule *found)
{
	struct foreign_walk *foreign = walk->data;
	struct foreign_rules *out = foreign->out;
	struct foreign_rule *rule =
		out->list.count < FOREIGN_RULES_MAX ? vec_push(&out->list) : NULL;
	if (rule == NULL) {
		out->cut = true;
		return;
	}
	*rule = *found;
	rule->family = arena_strdup(&out->arena, place->family);
	rule->table = arena_strdup(&out->arena, place->table);
	rule->chain = arena_strdup(&out->arena, place->chain);
	rule->rule = (int32_t)place->rule;
	if (rule->family == NULL || rule->table == NULL || rule->chain == NULL) {
		walk->error = -ENOMEM;
	}
}

/* The runs of a range that are not in the set. */
static void add_without(struct nft_walk *walk, const struct nft_place *place,
			struct foreign_rule rule, struct port_range range,
			const struct portset *without)
{
	for (uint32_t port = range.first; port <= range.last; port++) {
		if (portset_has(without, (uint16_t)port)) {
			continue;
		}
		uint32_t last = port;
		while (last < range.last && !portset_has(without, (uint16_t)(last + 1))) {
			last++;
		}
		rule.first_port = (uint16_t)port;
		rule.last_port = (uint16_t)last;
		add(walk, place, &rule);
		port = last;
	}
}

typedef void range_function(struct nft_walk *walk, const struct nft_place *place, size_t transport,
			    struct port_range range, const void *context);

static void each_range(struct nft_walk *walk, const struct nft_place *place,
		       const struct nft_conditions *conditions, range_function *function,
		       const void *context)
{
	for (size_t i = 0; i < NFT_TRANSPORTS; i++) {
		if (conditions->protocol_known &&
		    (conditions->protocols & nft_transports[i].bit) == 0) {
			continue;
		}
		for (size_t r = 0; r < conditions->range_count && nft_walk_step(walk); r++) {
			function(walk, place, i, conditions->ranges[r], context);
		}
		if (conditions->range_count == 0) {
			function(walk, place, i, every_port, context);
		}
	}
}

/* ---- Verdicts ---- */

static bool is_loopback_only(const struct nft_conditions *conditions)
{
	for (size_t i = 0; i < conditions->address_count; i++) {
		if (addr_exposure(&conditions->addresses[i]) != EXPOSURE_LOOPBACK) {
			return false;
		}
	}
	return conditions->address_count > 0;
}

static void accept_range(struct nft_walk *walk, const struct nft_place *place, size_t transport,
			 struct port_range range, const void *context)
{
	struct foreign_walk *foreign = walk->data;
	const struct foreign_rule rule = { .kind = FOREIGN_ACCEPT,
					   .protocol = nft_transports[transport].protocol };
	if (*(const bool *)context) {
		add_without(walk, place, rule, range, &foreign->refused[transport]);
	}
	portset_add_range(&foreign->accepted[transport], range.first, range.last);
}

static void refuse_range(struct nft_walk *walk, const struct nft_place *place, size_t transport,
			 struct port_range range, const void *context)
{
	struct foreign_walk *foreign = walk->data;
	const struct foreign_rule rule = { .kind = FOREIGN_REFUSE,
					   .protocol = nft_transports[transport].protocol };
	(void)context;
	if (foreign->all_refused[transport]) {
		return;
	}
	foreign->all_refused[transport] = range.first == 0 && range.last == UINT16_MAX;
	add_without(walk, place, rule, range, &foreign->accepted[transport]);
	portset_add_range(&foreign->refused[transport], range.first, range.last);
}

static void take_verdict(struct nft_walk *walk, const struct nft_place *place,
			 const struct nft_conditions *conditions, const char *key)
{
	const bool names_ports = conditions->range_count > 0;
	if (strcmp(key, "accept") == 0) {
		each_range(walk, place, conditions, accept_range, &names_ports);
	} else if (!conditions->other && conditions->address_count == 0) {
		each_range(walk, place, conditions, refuse_range, NULL);
	}
}

/* ---- What leads elsewhere ---- */

static void redirect_range(struct nft_walk *walk, const struct nft_place *place, size_t transport,
			   struct port_range range, const void *context)
{
	const struct foreign_rule rule = { .kind = FOREIGN_REDIRECT,
					   .protocol = nft_transports[transport].protocol,
					   .first_port = range.first,
					   .last_port = range.last,
					   .target_port = *(const uint16_t *)context };
	add(walk, place, &rule);
}

static void on_target(struct nft_walk *walk, const struct nft_place *place,
		      const struct nft_conditions *conditions, const struct nft_target *target)
{
	const bool here = target->address.family == ADDR_NONE ||
			  addr_exposure(&target->address) == EXPOSURE_LOOPBACK;
	if (here && target->port != 0) {
		each_range(walk, place, conditions, redirect_range, &target->port);
	}
}

static void take_rewriting(struct nft_walk *walk, const struct nft_place *place,
			   const struct nft_conditions *conditions, const json_t *mangle)
{
	const json_t *field = json_object_get(json_object_get(mangle, "key"), "payload");
	const json_int_t value = json_integer_value(json_object_get(mangle, "value"));
	const uint16_t port = (uint16_t)value;
	if (strcmp(nft_walk_word(field, "field"), "dport") == 0 && value > 0 &&
	    value <= UINT16_MAX) {
		each_range(walk, place, conditions, redirect_range, &port);
	}
}

/* The object of a table that a statement names. */
static const json_t *named(const struct foreign_walk *foreign, const struct nft_place *place,
			   const char *kind, const char *name)
{
	size_t index = 0;
	const json_t *object = NULL;
	json_array_foreach(json_object_get(foreign->document, "nftables"), index, object)
	{
		const json_t *found = json_object_get(object, kind);
		if (found != NULL && strcmp(nft_walk_word(found, "name"), name) == 0 &&
		    strcmp(nft_walk_word(found, "table"), place->table) == 0 &&
		    strcmp(nft_walk_word(found, "family"), place->family) == 0) {
			return found;
		}
	}
	return NULL;
}

static void take_expectation(struct nft_walk *walk, const struct nft_place *place, const char *name)
{
	const json_t *object = named(walk->data, place, "ct expectation", name);
	const json_int_t port = json_integer_value(json_object_get(object, "dport"));
	struct foreign_rule rule = { .kind = FOREIGN_EXPECT,
				     .first_port = (uint16_t)port,
				     .last_port = (uint16_t)port };
	if (port > 0 && port <= UINT16_MAX &&
	    protocol_parse(&rule.protocol, nft_walk_word(object, "protocol")) == 0) {
		add(walk, place, &rule);
	}
}

static void take_around(struct nft_walk *walk, const struct nft_place *place, const json_t *value)
{
	const struct foreign_rule rule = { .kind = FOREIGN_AROUND, .last_port = UINT16_MAX };
	const json_t *device = json_object_get(value, "dev");
	device = json_is_object(value) ? device : value;
	if (json_is_string(device) && strcmp(json_string_value(device), "lo") == 0) {
		add(walk, place, &rule);
	}
}

static bool is_one_of(const char *key, const char *a, const char *b)
{
	return strcmp(key, a) == 0 || strcmp(key, b) == 0;
}

static void take_new(struct nft_walk *walk, const struct nft_place *place,
		     const struct nft_conditions *conditions, const char *key, const json_t *value)
{
	const struct foreign_walk *foreign = walk->data;
	if (is_one_of(key, "fwd", "dup")) {
		take_around(walk, place, value);
	} else if (foreign->nat && is_one_of(key, "redirect", "dnat")) {
		nft_walk_translation(walk, place, conditions, value, on_target);
	} else if (foreign->filter && strcmp(key, "tproxy") == 0) {
		nft_walk_translation(walk, place, conditions, value, on_target);
	} else if (foreign->rewrites && strcmp(key, "mangle") == 0) {
		take_rewriting(walk, place, conditions, value);
	} else if (foreign->filter &&
		   (is_one_of(key, "accept", "drop") || strcmp(key, "reject") == 0)) {
		take_verdict(walk, place, conditions, key);
	}
}

/* A match makes it meet fewer packets; a target may do anything with them. One of a base chain is
 * enough to say so. */
static void take_unclear(struct nft_walk *walk, const struct nft_place *place,
			 struct nft_conditions *conditions, const json_t *value)
{
	struct foreign_walk *foreign = walk->data;
	const struct foreign_rule rule = { .kind = FOREIGN_UNCLEAR, .last_port = UINT16_MAX };
	const bool target = strcmp(nft_walk_word(value, "type"), "target") == 0;
	conditions->other = true;
	if (target && !foreign->unclear && !conditions->nobody_new &&
	    !is_loopback_only(conditions)) {
		foreign->unclear = true;
		add(walk, place, &rule);
	}
}

static void on_statement(struct nft_walk *walk, const struct nft_place *place,
			 struct nft_conditions *conditions, const char *key, const json_t *value)
{
	if (strcmp(key, "xt") == 0) {
		take_unclear(walk, place, conditions, value);
	} else if (is_one_of(key, "limit", "quota") || strcmp(key, "ct count") == 0) {
		conditions->other = true;
	} else if (strcmp(key, "ct expectation") == 0 && json_is_string(value)) {
		take_expectation(walk, place, json_string_value(value)); /* of any connection */
	} else if (!conditions->nobody_new && !is_loopback_only(conditions)) {
		take_new(walk, place, conditions, key, value);
	}
}

/* ---- Base chains ---- */

/* At the end of the chain: whom nothing let in. */
static void take_policy(struct nft_walk *walk, const json_t *chain)
{
	const struct nft_conditions all = { 0 };
	struct nft_place place = { .family = nft_walk_word(chain, "family"),
				   .table = nft_walk_word(chain, "table"),
				   .chain = nft_walk_word(chain, "name"),
				   .rule = (size_t)FOREIGN_POLICY };
	const struct foreign_walk *foreign = walk->data;
	if (foreign->filter && strcmp(nft_walk_word(chain, "policy"), "drop") == 0) {
		each_range(walk, &place, &all, refuse_range, NULL);
	}
}

static bool is_own(const json_t *chain)
{
	return strcmp(nft_walk_word(chain, "table"), "minato") == 0 &&
	       strcmp(nft_walk_word(chain, "family"), "inet") == 0;
}

static bool prepare(struct foreign_walk *foreign, const json_t *chain)
{
	const char *hook = nft_walk_word(chain, "hook");
	const char *type = nft_walk_word(chain, "type");
	const char *family = nft_walk_word(chain, "family");
	const bool early = strcmp(hook, "prerouting") == 0;
	const bool input = strcmp(hook, "input") == 0;
	const bool addressed = is_one_of(family, "ip", "ip6") || strcmp(family, "inet") == 0;
	const json_int_t priority = json_integer_value(json_object_get(chain, "prio"));
	foreign->ingress = strcmp(hook, "ingress") == 0;
	foreign->nat = addressed && early && strcmp(type, "nat") == 0;
	foreign->filter = addressed && (early || input) && strcmp(type, "filter") == 0;
	foreign->rewrites = foreign->filter && (input || priority > OWN_PRIORITY);
	foreign->unclear = false;
	memset(foreign->accepted, 0, sizeof(foreign->accepted));
	memset(foreign->refused, 0, sizeof(foreign->refused));
	memset(foreign->all_refused, 0, sizeof(foreign->all_refused));
	return (foreign->ingress || foreign->nat || foreign->filter) && !is_own(chain);
}

static int read_document(struct foreign_walk *foreign)
{
	struct nft_notes notes = { 0 };
	struct nft_walk walk = { .notes = &notes, .statement = on_statement, .data = foreign };
	size_t index = 0;
	const json_t *object = NULL;
	int r = nft_walk_init(&walk, foreign->document);
	const json_t *objects = r == 0 ? json_object_get(foreign->document, "nftables") : NULL;
	json_array_foreach(objects, index, object)
	{
		const json_t *chain = json_object_get(object, "chain");
		if (chain != NULL && prepare(foreign, chain)) {
			nft_walk_chain(&walk, chain);
			take_policy(&walk, chain);
		}
	}
	nft_walk_deinit(&walk);
	foreign->out->cut |= notes.cut;
	return r < 0 ? r : walk.error;
}

int observe_foreign_rules(struct foreign_rules *out, const char *text, size_t length)
{
	return foreign_read(out, text, length, NULL);
}

int foreign_read_document(struct foreign_rules *out, const json_t *document)
{
	_cleanup_(freep) struct foreign_walk *foreign = calloc(1, sizeof(*foreign));
	if (foreign == NULL) {
		return -ENOMEM;
	}
	foreign->out = out;
	foreign->document = document;
	return read_document(foreign);
}

int foreign_read(struct foreign_rules *out, const char *text, size_t length, const json_t *parts)
{
	json_auto_t *document = json_loadb(text, length, 0, NULL);
	int r = document == NULL ? -EINVAL : 0;
	if (r == 0 && parts != NULL) {
		r = xt_put_in(document, parts);
	}
	return r == 0 ? foreign_read_document(out, document) : r;
}
