/* The walk through the rules of nftables, with what a packet must be to come there. Pure. */
#include "observe/nft_walk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

enum {
	JUMPS_MAX = 16,      /* NFT_JUMP_STACK_SIZE */
	STEPS_MAX = 1000000, /* rules, statements and elements looked at: jumps multiply */
};

const struct nft_transport nft_transports[NFT_TRANSPORTS] = {
	{ "tcp", PROTOCOL_TCP, NFT_TCP },
	{ "udp", PROTOCOL_UDP, NFT_UDP },
	{ "sctp", PROTOCOL_SCTP, NFT_SCTP },
	{ "dccp", PROTOCOL_DCCP, NFT_DCCP },
	{ "udplite", PROTOCOL_UDPLITE, NFT_UDPLITE },
};

bool nft_walk_step(struct nft_walk *walk)
{
	if (walk->steps == STEPS_MAX) {
		walk->notes->cut = true;
		return false;
	}
	walk->steps++;
	return true;
}

const char *nft_walk_word(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text == NULL ? "" : text;
}

/* ---- Values: numbers, ranges, sets, prefixes ---- */

typedef void value_function(const json_t *value, void *data);

static const json_t *set_elements(const struct nft_walk *walk, const struct nft_place *place,
				  const char *name)
{
	char key[512];
	(void)snprintf(key, sizeof(key), "%s %s %s", place->family, place->table, name);
	return json_object_get(walk->sets, key);
}

static const json_t *unwrap(const json_t *element)
{
	const json_t *inner = json_object_get(element, "elem");
	return inner == NULL ? element : json_object_get(inner, "val");
}

/* Elements of an anonymous set, a named one ("@name") or the value itself. */
static void each_value(struct nft_walk *walk, const struct nft_place *place, const json_t *value,
		       value_function *function, void *data)
{
	const json_t *elements = json_object_get(value, "set");
	const char *text = json_string_value(value);
	if (text != NULL && text[0] == '@') {
		elements = set_elements(walk, place, text + 1);
		if (elements == NULL) {
			return;
		}
	}
	if (elements == NULL) {
		function(unwrap(value), data);
		return;
	}
	size_t index = 0;
	const json_t *element = NULL;
	json_array_foreach(elements, index, element)
	{
		if (!nft_walk_step(walk)) {
			return;
		}
		function(unwrap(element), data);
	}
}

static bool port_of(uint16_t *out, const json_t *value)
{
	json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;
	if (number < 0 || number > UINT16_MAX) {
		return false;
	}
	*out = (uint16_t)number;
	return true;
}

static bool range_of(struct port_range *out, const json_t *value)
{
	const json_t *range = json_object_get(value, "range");
	if (range == NULL) {
		return port_of(&out->first, value) && port_of(&out->last, value);
	}
	return port_of(&out->first, json_array_get(range, 0)) &&
	       port_of(&out->last, json_array_get(range, 1)) && out->first <= out->last;
}

struct narrowing {
	struct nft_conditions *conditions;
	struct nft_notes *notes;
};

static void add_range(const json_t *value, void *data)
{
	struct narrowing *narrowing = data;
	struct nft_conditions *conditions = narrowing->conditions;
	struct port_range range;
	if (!range_of(&range, value)) {
		return;
	}
	if (conditions->range_count == NFT_RANGES_MAX) {
		narrowing->notes->cut = true;
		return;
	}
	conditions->ranges[conditions->range_count++] = range;
}

static void add_address(const json_t *value, void *data)
{
	struct narrowing *narrowing = data;
	struct nft_conditions *conditions = narrowing->conditions;
	const json_t *prefix = json_object_get(value, "prefix");
	const char *text =
		json_string_value(prefix == NULL ? value : json_object_get(prefix, "addr"));
	struct addr address;
	if (text == NULL || addr_parse(&address, text) < 0) {
		return;
	}
	if (conditions->address_count == NFT_ADDRESSES_MAX) {
		narrowing->notes->cut = true;
		return;
	}
	conditions->addresses[conditions->address_count++] = address;
}

static void add_protocol(const json_t *value, void *data)
{
	struct narrowing *narrowing = data;
	const char *name = json_string_value(value);
	for (size_t i = 0; name != NULL && i < NFT_TRANSPORTS; i++) {
		if (strcmp(nft_transports[i].name, name) == 0) {
			narrowing->conditions->protocols |= nft_transports[i].bit;
		}
	}
}

/* ---- Matches ---- */

static void narrow_protocol(struct narrowing *narrowing, struct nft_walk *walk,
			    const struct nft_place *place, const json_t *value)
{
	narrowing->conditions->protocol_known = true;
	narrowing->conditions->protocols = 0;
	each_value(walk, place, value, add_protocol, narrowing);
}

/* A field that a map or match is keyed by. */
enum field { FIELD_OTHER, FIELD_PORT, FIELD_ADDRESS, FIELD_PROTOCOL };

static enum field field_of(const json_t *left)
{
	const json_t *payload = json_object_get(left, "payload");
	const char *field = nft_walk_word(payload, "field");
	if (strcmp(field, "dport") == 0) {
		return FIELD_PORT;
	}
	if (strcmp(field, "daddr") == 0) {
		return FIELD_ADDRESS;
	}
	bool l4 = strcmp(nft_walk_word(json_object_get(left, "meta"), "key"), "l4proto") == 0 ||
		  strcmp(field, "protocol") == 0 || strcmp(field, "nexthdr") == 0;
	return l4 ? FIELD_PROTOCOL : FIELD_OTHER;
}

/* A port of TCP is met by TCP alone. "th" = whatever transport it is. */
static void narrow_transport(struct nft_walk *walk, const struct nft_place *place,
			     struct nft_conditions *conditions, const json_t *left)
{
	struct narrowing narrowing = { .conditions = conditions, .notes = walk->notes };
	const json_t *protocol = json_object_get(json_object_get(left, "payload"), "protocol");
	const char *name = json_string_value(protocol);
	if (name != NULL && strcmp(name, "th") != 0) {
		narrow_protocol(&narrowing, walk, place, protocol);
	}
}

static bool says(const json_t *value, const char *text)
{
	size_t index = 0;
	const json_t *one = NULL;
	const json_t *list = json_object_get(value, "set");
	list = list == NULL ? value : list;
	json_array_foreach(list, index, one)
	{
		if (json_is_string(one) && strcmp(json_string_value(one), text) == 0) {
			return true;
		}
	}
	return json_is_string(value) && strcmp(json_string_value(value), text) == 0;
}

/* A condition that is none of port, protocol and address. @param is  "==" and not "!=". */
static void narrow_other(struct nft_conditions *conditions, const json_t *left, const json_t *right,
			 bool is)
{
	const char *meta = nft_walk_word(json_object_get(left, "meta"), "key");
	const char *ct = nft_walk_word(json_object_get(left, "ct"), "key");
	if (strcmp(meta, "iif") == 0 || strcmp(meta, "iifname") == 0) {
		conditions->nobody_new |= is && says(right, "lo");
		conditions->other |= is || !says(right, "lo");
	} else if (strcmp(ct, "state") == 0) {
		conditions->nobody_new |= is != (says(right, "new") || says(right, "untracked"));
	} else if (json_object_get(left, "fib") != NULL && is && says(right, "local")) {
		return; /* is for this host: so is what is asked here */
	} else if (strcmp(meta, "nfproto") != 0 && strcmp(meta, "protocol") != 0) {
		conditions->other = true;
	}
}

static void narrow(struct nft_walk *walk, const struct nft_place *place,
		   struct nft_conditions *conditions, const json_t *left, const json_t *right)
{
	struct narrowing narrowing = { .conditions = conditions, .notes = walk->notes };
	switch (field_of(left)) {
	case FIELD_PORT:
		conditions->range_count = 0;
		each_value(walk, place, right, add_range, &narrowing);
		narrow_transport(walk, place, conditions, left);
		break;
	case FIELD_ADDRESS:
		conditions->address_count = 0;
		each_value(walk, place, right, add_address, &narrowing);
		break;
	case FIELD_PROTOCOL:
		narrow_protocol(&narrowing, walk, place, right);
		break;
	case FIELD_OTHER:
		narrow_other(conditions, left, right, true);
		break;
	}
}

static void take_match(struct nft_walk *walk, const struct nft_place *place,
		       struct nft_conditions *conditions, const json_t *match)
{
	const json_t *left = json_object_get(match, "left");
	const json_t *right = json_object_get(match, "right");
	/* "!=" and the like leave the rest of all ports or addresses: no narrower in our words. */
	if (strcmp(nft_walk_word(match, "op"), "==") == 0 ||
	    strcmp(nft_walk_word(match, "op"), "in") == 0) {
		narrow(walk, place, conditions, left, right);
	} else if (field_of(left) == FIELD_PORT) {
		narrow_transport(walk, place, conditions, left);
		conditions->other = true;
	} else if (field_of(left) == FIELD_OTHER && strcmp(nft_walk_word(match, "op"), "!=") == 0) {
		narrow_other(conditions, left, right, false);
	} else {
		conditions->other = true;
	}
}

/* ---- Maps: the element that is met decides target or chain ---- */

typedef void element_function(struct nft_walk *walk, const struct nft_place *place,
			      const struct nft_conditions *conditions, const json_t *data,
			      void *context);

static void narrow_by_key(struct nft_walk *walk, const struct nft_place *place,
			  struct nft_conditions *conditions, const json_t *key, const json_t *value)
{
	const json_t *keys = json_object_get(key, "concat");
	const json_t *values = json_object_get(value, "concat");
	if (keys == NULL) {
		narrow(walk, place, conditions, key, value);
		return;
	}
	size_t index = 0;
	const json_t *one = NULL;
	json_array_foreach(keys, index, one)
	{
		narrow(walk, place, conditions, one, json_array_get(values, index));
	}
}

static void each_element(struct nft_walk *walk, const struct nft_place *place,
			 const struct nft_conditions *conditions, const json_t *map,
			 element_function *function, void *context)
{
	const json_t *data = json_object_get(map, "data");
	const char *name = json_string_value(data);
	const json_t *elements = name != NULL && name[0] == '@'
					 ? set_elements(walk, place, name + 1)
					 : json_object_get(data, "set");
	size_t index = 0;
	const json_t *pair = NULL;
	json_array_foreach(elements, index, pair)
	{
		if (!nft_walk_step(walk)) {
			return;
		}
		struct nft_conditions narrowed = *conditions;
		narrow_by_key(walk, place, &narrowed, json_object_get(map, "key"),
			      unwrap(json_array_get(pair, 0)));
		function(walk, place, &narrowed, json_array_get(pair, 1), context);
	}
}

/* ---- Where a translation leads ---- */

static void target_address(struct nft_target *target, const json_t *value)
{
	const char *text = json_string_value(value);
	struct addr address;
	if (text != NULL && addr_parse(&address, text) == 0) {
		target->address = address;
	}
}

static void target_port(struct nft_target *target, const json_t *value)
{
	struct port_range range;
	if (range_of(&range, value)) {
		target->port = range.first;
	}
}

struct translating {
	struct nft_target target;
	nft_translation *function;
};

/* An element's data: an address, or address and port. */
static void translate_element(struct nft_walk *walk, const struct nft_place *place,
			      const struct nft_conditions *conditions, const json_t *data,
			      void *context)
{
	const struct translating *translating = context;
	struct nft_target target = translating->target;
	const json_t *parts = json_object_get(data, "concat");
	if (parts != NULL) {
		target_address(&target, json_array_get(parts, 0));
		target_port(&target, json_array_get(parts, 1));
	} else if (json_is_integer(data)) {
		target_port(&target, data);
	} else {
		target_address(&target, data);
	}
	translating->function(walk, place, conditions, &target);
}

void nft_walk_translation(struct nft_walk *walk, const struct nft_place *place,
			  const struct nft_conditions *conditions, const json_t *nat,
			  nft_translation *function)
{
	struct translating translating = { .function = function };
	const json_t *address = json_object_get(nat, "addr");
	const json_t *port = json_object_get(nat, "port");
	target_address(&translating.target, address);
	target_port(&translating.target, port);
	const json_t *map = json_object_get(address, "map");
	map = map == NULL ? json_object_get(port, "map") : map;
	if (map != NULL) {
		each_element(walk, place, conditions, map, translate_element, &translating);
	} else {
		function(walk, place, conditions, &translating.target);
	}
}

/* ---- The walk ---- */

static void walk_chain(struct nft_walk *walk, struct nft_place place,
		       const struct nft_conditions *conditions, unsigned depth);

static void take_verdict(struct nft_walk *walk, const struct nft_place *place,
			 struct nft_conditions *conditions, const json_t *statement, unsigned depth)
{
	const char *key = json_object_iter_key(json_object_iter((json_t *)statement));
	if (key == NULL) {
		return;
	}
	const json_t *value = json_object_get(statement, key);
	if (strcmp(key, "jump") == 0 || strcmp(key, "goto") == 0) {
		const struct nft_place next = { .family = place->family,
						.table = place->table,
						.chain = nft_walk_word(value, "target") };
		walk_chain(walk, next, conditions, depth + 1);
	} else {
		walk->statement(walk, place, conditions, key, value);
	}
}

static void verdict_element(struct nft_walk *walk, const struct nft_place *place,
			    const struct nft_conditions *conditions, const json_t *data,
			    void *context)
{
	struct nft_conditions own = *conditions;
	take_verdict(walk, place, &own, data, *(const unsigned *)context);
}

static void take_statement(struct nft_walk *walk, const struct nft_place *place,
			   struct nft_conditions *conditions, const json_t *statement,
			   unsigned depth)
{
	const json_t *match = json_object_get(statement, "match");
	const json_t *vmap = json_object_get(statement, "vmap");
	if (match != NULL) {
		take_match(walk, place, conditions, match);
	} else if (vmap != NULL) {
		each_element(walk, place, conditions, vmap, verdict_element, &depth);
	} else {
		take_verdict(walk, place, conditions, statement, depth);
	}
}

static json_t *chain_rules(const struct nft_walk *walk, const struct nft_place *place)
{
	char key[512];
	(void)snprintf(key, sizeof(key), "%s %s %s", place->family, place->table, place->chain);
	return json_object_get(walk->chains, key);
}

/* @return whether packets may leave the chain by it. */
static bool returns(const json_t *rule)
{
	size_t at = 0;
	const json_t *statement = NULL;
	json_array_foreach(json_object_get(rule, "expr"), at, statement)
	{
		if (json_object_get(statement, "return") != NULL) {
			return true;
		}
	}
	return false;
}

static void walk_rule(struct nft_walk *walk, const struct nft_place *place,
		      struct nft_conditions *conditions, const json_t *rule, unsigned depth)
{
	size_t at = 0;
	const json_t *statement = NULL;
	json_array_foreach(json_object_get(rule, "expr"), at, statement)
	{
		if (!nft_walk_step(walk)) {
			return;
		}
		take_statement(walk, place, conditions, statement, depth);
	}
}

static void walk_chain(struct nft_walk *walk, struct nft_place place,
		       const struct nft_conditions *conditions, unsigned depth)
{
	struct nft_conditions come = *conditions;
	const json_t *rule = NULL;
	if (depth > JUMPS_MAX) {
		return;
	}
	json_array_foreach(chain_rules(walk, &place), place.rule, rule)
	{
		if (!nft_walk_step(walk)) {
			return;
		}
		struct nft_conditions own = come;
		walk_rule(walk, &place, &own, rule, depth);
		come.other |= returns(rule) && !own.nobody_new;
	}
}

void nft_walk_chain(struct nft_walk *walk, const json_t *chain)
{
	const struct nft_conditions all = { 0 };
	const struct nft_place place = { .family = nft_walk_word(chain, "family"),
					 .table = nft_walk_word(chain, "table"),
					 .chain = nft_walk_word(chain, "name") };
	walk_chain(walk, place, &all, 0);
}
