/* Published ports out of the rules of nftables. Pure. */
#include "observe/nft.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum {
	RANGES_MAX = 64,
	ADDRESSES_MAX = 16,
	JUMPS_MAX = 16,            /* NFT_JUMP_STACK_SIZE */
	STEPS_MAX = 1000000,       /* rules, statements and elements looked at: jumps multiply */
	PUBLISHED_MAX = 16 * 1024, /* per document */
};

enum protocol_bit { BIT_TCP = 1, BIT_UDP = 2, BIT_SCTP = 4, BIT_DCCP = 8, BIT_UDPLITE = 16 };

static const struct {
	const char *name;
	enum protocol protocol;
	unsigned bit;
} transports[] = {
	{ "tcp", PROTOCOL_TCP, BIT_TCP },
	{ "udp", PROTOCOL_UDP, BIT_UDP },
	{ "sctp", PROTOCOL_SCTP, BIT_SCTP },
	{ "dccp", PROTOCOL_DCCP, BIT_DCCP },
	{ "udplite", PROTOCOL_UDPLITE, BIT_UDPLITE },
};

enum { TRANSPORTS = sizeof(transports) / sizeof(transports[0]) };

/* What a packet must be to come this far. */
struct conditions {
	bool protocol_known;
	unsigned protocols; /* enum protocol_bit */
	size_t range_count; /* 0 = any port */
	struct port_range ranges[RANGES_MAX];
	size_t address_count; /* 0 = any address */
	struct addr addresses[ADDRESSES_MAX];
};

struct target {
	struct addr address; /* ADDR_NONE = this host */
	uint16_t port;       /* 0 = the port stays */
};

struct reading {
	struct inventory *inventory;
	uint32_t netns;
	json_t *chains; /* "family table chain" -> array of rules */
	json_t *sets;   /* "family table name" -> array of elements */
	struct nft_notes *notes;
	size_t steps;
	size_t published;
	int error;
};

/* The rule that is being read, for what is named after it. */
struct place {
	const char *family, *table, *chain;
};

/* @return false when it is enough: whoever rules a namespace must not keep us busy for long. */
static bool step(struct reading *reading)
{
	if (reading->steps == STEPS_MAX) {
		reading->notes->cut = true;
		return false;
	}
	reading->steps++;
	return true;
}

static const char *word(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text == NULL ? "" : text;
}

/* ---- Values: numbers, ranges, sets, prefixes ---- */

typedef void value_function(const json_t *value, void *data);

static const json_t *set_elements(const struct reading *reading, const struct place *place,
				  const char *name)
{
	char key[512];
	(void)snprintf(key, sizeof(key), "%s %s %s", place->family, place->table, name);
	return json_object_get(reading->sets, key);
}

static const json_t *unwrap(const json_t *element)
{
	const json_t *inner = json_object_get(element, "elem");
	return inner == NULL ? element : json_object_get(inner, "val");
}

/* Elements of an anonymous set, a named one ("@name") or the value itself. */
static void each_value(struct reading *reading, const struct place *place, const json_t *value,
		       value_function *function, void *data)
{
	const json_t *elements = json_object_get(value, "set");
	const char *text = json_string_value(value);
	if (text != NULL && text[0] == '@') {
		elements = set_elements(reading, place, text + 1);
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
		if (!step(reading)) {
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
	struct conditions *conditions;
	struct nft_notes *notes;
};

static void add_range(const json_t *value, void *data)
{
	struct narrowing *narrowing = data;
	struct conditions *conditions = narrowing->conditions;
	struct port_range range;
	if (!range_of(&range, value)) {
		return;
	}
	if (conditions->range_count == RANGES_MAX) {
		narrowing->notes->cut = true;
		return;
	}
	conditions->ranges[conditions->range_count++] = range;
}

static void add_address(const json_t *value, void *data)
{
	struct narrowing *narrowing = data;
	struct conditions *conditions = narrowing->conditions;
	const json_t *prefix = json_object_get(value, "prefix");
	const char *text =
		json_string_value(prefix == NULL ? value : json_object_get(prefix, "addr"));
	struct addr address;
	if (text == NULL || addr_parse(&address, text) < 0) {
		return;
	}
	if (conditions->address_count == ADDRESSES_MAX) {
		narrowing->notes->cut = true;
		return;
	}
	conditions->addresses[conditions->address_count++] = address;
}

static void add_protocol(const json_t *value, void *data)
{
	struct narrowing *narrowing = data;
	const char *name = json_string_value(value);
	for (size_t i = 0; name != NULL && i < TRANSPORTS; i++) {
		if (strcmp(transports[i].name, name) == 0) {
			narrowing->conditions->protocols |= transports[i].bit;
		}
	}
}

/* ---- Matches ---- */

static void narrow_protocol(struct narrowing *narrowing, struct reading *reading,
			    const struct place *place, const json_t *value)
{
	narrowing->conditions->protocol_known = true;
	narrowing->conditions->protocols = 0;
	each_value(reading, place, value, add_protocol, narrowing);
}

/* A field that a map or match is keyed by. */
enum field { FIELD_OTHER, FIELD_PORT, FIELD_ADDRESS, FIELD_PROTOCOL };

static enum field field_of(const json_t *left)
{
	const json_t *payload = json_object_get(left, "payload");
	const char *field = word(payload, "field");
	if (strcmp(field, "dport") == 0) {
		return FIELD_PORT;
	}
	if (strcmp(field, "daddr") == 0) {
		return FIELD_ADDRESS;
	}
	bool l4 = strcmp(word(json_object_get(left, "meta"), "key"), "l4proto") == 0 ||
		  strcmp(field, "protocol") == 0 || strcmp(field, "nexthdr") == 0;
	return l4 ? FIELD_PROTOCOL : FIELD_OTHER;
}

/* A port of TCP is met by TCP alone. "th" = whatever transport it is. */
static void narrow_transport(struct reading *reading, const struct place *place,
			     struct conditions *conditions, const json_t *left)
{
	struct narrowing narrowing = { .conditions = conditions, .notes = reading->notes };
	const json_t *protocol = json_object_get(json_object_get(left, "payload"), "protocol");
	const char *name = json_string_value(protocol);
	if (name != NULL && strcmp(name, "th") != 0) {
		narrow_protocol(&narrowing, reading, place, protocol);
	}
}

static void narrow(struct reading *reading, const struct place *place,
		   struct conditions *conditions, const json_t *left, const json_t *right)
{
	struct narrowing narrowing = { .conditions = conditions, .notes = reading->notes };
	switch (field_of(left)) {
	case FIELD_PORT:
		conditions->range_count = 0;
		each_value(reading, place, right, add_range, &narrowing);
		narrow_transport(reading, place, conditions, left);
		break;
	case FIELD_ADDRESS:
		conditions->address_count = 0;
		each_value(reading, place, right, add_address, &narrowing);
		break;
	case FIELD_PROTOCOL:
		narrow_protocol(&narrowing, reading, place, right);
		break;
	case FIELD_OTHER:
		break;
	}
}

static void take_match(struct reading *reading, const struct place *place,
		       struct conditions *conditions, const json_t *match)
{
	const json_t *left = json_object_get(match, "left");
	const json_t *right = json_object_get(match, "right");
	/* "!=" and the like leave the rest of all ports or addresses: no narrower in our words. */
	if (strcmp(word(match, "op"), "==") == 0 || strcmp(word(match, "op"), "in") == 0) {
		narrow(reading, place, conditions, left, right);
	} else if (field_of(left) == FIELD_PORT) {
		narrow_transport(reading, place, conditions, left);
	}
}

/* ---- What comes out ---- */

static const struct {
	const char *head, *owner;
} chain_owners[] = {
	{ "DOCKER", "docker" },    { "NETAVARK", "podman" },       { "netavark", "podman" },
	{ "nv_", "podman" },       { "CNI-", "podman" },           { "LIBVIRT", "libvirt" },
	{ "KUBE-", "kubernetes" }, { "kube-proxy", "kubernetes" }, { "lxd", "lxd" },
	{ "incus", "incus" },      { "libvirt", "libvirt" },       { "docker", "docker" },
};

static const char *owner_of(const struct place *place)
{
	for (size_t i = 0; i < sizeof(chain_owners) / sizeof(chain_owners[0]); i++) {
		if (str_starts(place->chain, chain_owners[i].head) ||
		    str_starts(place->table, chain_owners[i].head)) {
			return chain_owners[i].owner;
		}
	}
	return NULL;
}

static void publish(struct reading *reading, const struct place *place, enum protocol protocol,
		    const struct addr *address, struct port_range range,
		    const struct target *target)
{
	if (reading->published == PUBLISHED_MAX) {
		reading->notes->cut = true;
		return;
	}
	struct published *published = vec_push(&reading->inventory->published);
	if (published == NULL) {
		reading->error = -ENOMEM;
		return;
	}
	reading->published++;
	struct arena *arena = &reading->inventory->arena;
	*published = (struct published){
		.protocol = protocol,
		.address = *address,
		.first_port = range.first,
		.last_port = range.last,
		.target = target->address,
		.target_port = target->port != 0 ? target->port : range.first,
		.table = arena_printf(arena, "%s %s", place->family, place->table),
		.chain = arena_strdup(arena, place->chain),
		.owner = owner_of(place),
		.netns = reading->netns,
	};
}

static struct addr any_address(const struct target *target, const struct place *place)
{
	bool ipv6 = target->address.family == ADDR_IPV6 || strcmp(place->family, "ip6") == 0;
	return (struct addr){ .family = ipv6 ? ADDR_IPV6 : ADDR_IPV4 };
}

static void publish_protocol(struct reading *reading, const struct place *place,
			     enum protocol protocol, const struct conditions *conditions,
			     const struct target *target)
{
	static const struct port_range every_port = { 1, UINT16_MAX };
	const struct addr any = any_address(target, place);
	size_t addresses = conditions->address_count;
	size_t ranges = conditions->range_count;
	for (size_t a = 0; a < (addresses == 0 ? 1 : addresses); a++) {
		const struct addr *address = addresses == 0 ? &any : &conditions->addresses[a];
		for (size_t r = 0; r < (ranges == 0 ? 1 : ranges); r++) {
			publish(reading, place, protocol, address,
				ranges == 0 ? every_port : conditions->ranges[r], target);
		}
	}
}

static void publish_all(struct reading *reading, const struct place *place,
			const struct conditions *conditions, const struct target *target)
{
	unsigned protocols =
		conditions->protocol_known ? conditions->protocols : (unsigned)(BIT_TCP | BIT_UDP);
	for (size_t i = 0; i < TRANSPORTS && step(reading); i++) {
		if ((protocols & transports[i].bit) != 0) {
			publish_protocol(reading, place, transports[i].protocol, conditions,
					 target);
		}
	}
}

/* ---- Maps: the element that is met decides target or chain ---- */

typedef void element_function(struct reading *reading, const struct place *place,
			      const struct conditions *conditions, const json_t *data,
			      void *context);

static void narrow_by_key(struct reading *reading, const struct place *place,
			  struct conditions *conditions, const json_t *key, const json_t *value)
{
	const json_t *keys = json_object_get(key, "concat");
	const json_t *values = json_object_get(value, "concat");
	if (keys == NULL) {
		narrow(reading, place, conditions, key, value);
		return;
	}
	size_t index = 0;
	const json_t *one = NULL;
	json_array_foreach(keys, index, one)
	{
		narrow(reading, place, conditions, one, json_array_get(values, index));
	}
}

static void each_element(struct reading *reading, const struct place *place,
			 const struct conditions *conditions, const json_t *map,
			 element_function *function, void *context)
{
	const json_t *data = json_object_get(map, "data");
	const char *name = json_string_value(data);
	const json_t *elements = name != NULL && name[0] == '@'
					 ? set_elements(reading, place, name + 1)
					 : json_object_get(data, "set");
	size_t index = 0;
	const json_t *pair = NULL;
	json_array_foreach(elements, index, pair)
	{
		if (!step(reading)) {
			return;
		}
		struct conditions narrowed = *conditions;
		narrow_by_key(reading, place, &narrowed, json_object_get(map, "key"),
			      unwrap(json_array_get(pair, 0)));
		function(reading, place, &narrowed, json_array_get(pair, 1), context);
	}
}

static void target_address(struct target *target, const json_t *value)
{
	const char *text = json_string_value(value);
	struct addr address;
	if (text != NULL && addr_parse(&address, text) == 0) {
		target->address = address;
	}
}

static void target_port(struct target *target, const json_t *value)
{
	struct port_range range;
	if (range_of(&range, value)) {
		target->port = range.first;
	}
}

/* An element's data: an address, or address and port. */
static void publish_element(struct reading *reading, const struct place *place,
			    const struct conditions *conditions, const json_t *data, void *context)
{
	struct target target = *(const struct target *)context;
	const json_t *parts = json_object_get(data, "concat");
	if (parts != NULL) {
		target_address(&target, json_array_get(parts, 0));
		target_port(&target, json_array_get(parts, 1));
	} else if (json_is_integer(data)) {
		target_port(&target, data);
	} else {
		target_address(&target, data);
	}
	publish_all(reading, place, conditions, &target);
}

static void take_nat(struct reading *reading, const struct place *place,
		     const struct conditions *conditions, const json_t *nat)
{
	struct target target = { 0 };
	const json_t *address = json_object_get(nat, "addr");
	const json_t *port = json_object_get(nat, "port");
	target_address(&target, address);
	target_port(&target, port);
	const json_t *map = json_object_get(address, "map");
	map = map == NULL ? json_object_get(port, "map") : map;
	if (map != NULL) {
		each_element(reading, place, conditions, map, publish_element, &target);
	} else {
		publish_all(reading, place, conditions, &target);
	}
}

/* ---- The walk ---- */

static void walk(struct reading *reading, const struct place *place,
		 const struct conditions *conditions, unsigned depth);

static void take_verdict(struct reading *reading, const struct place *place,
			 const struct conditions *conditions, const json_t *statement,
			 unsigned depth)
{
	const json_t *verdict = json_object_get(statement, "jump");
	verdict = verdict == NULL ? json_object_get(statement, "goto") : verdict;
	if (verdict != NULL) {
		struct place next = { place->family, place->table, word(verdict, "target") };
		walk(reading, &next, conditions, depth + 1);
	}
}

static void verdict_element(struct reading *reading, const struct place *place,
			    const struct conditions *conditions, const json_t *data, void *context)
{
	take_verdict(reading, place, conditions, data, *(const unsigned *)context);
}

static void take_statement(struct reading *reading, const struct place *place,
			   struct conditions *conditions, const json_t *statement, unsigned depth)
{
	const char *key = json_object_iter_key(json_object_iter((json_t *)statement));
	const json_t *value = key == NULL ? NULL : json_object_get(statement, key);
	if (key == NULL) {
		return;
	}
	if (strcmp(key, "match") == 0) {
		take_match(reading, place, conditions, value);
	} else if (strcmp(key, "dnat") == 0 || strcmp(key, "redirect") == 0) {
		take_nat(reading, place, conditions, value);
	} else if (strcmp(key, "vmap") == 0) {
		each_element(reading, place, conditions, value, verdict_element, &depth);
	} else if (strcmp(key, "xt") == 0) {
		reading->notes->compat = true;
	} else {
		take_verdict(reading, place, conditions, statement, depth);
	}
}

static json_t *chain_rules(const struct reading *reading, const struct place *place)
{
	char key[512];
	(void)snprintf(key, sizeof(key), "%s %s %s", place->family, place->table, place->chain);
	return json_object_get(reading->chains, key);
}

static void walk(struct reading *reading, const struct place *place,
		 const struct conditions *conditions, unsigned depth)
{
	size_t index = 0;
	const json_t *rule = NULL;
	if (depth > JUMPS_MAX) {
		return;
	}
	json_array_foreach(chain_rules(reading, place), index, rule)
	{
		if (!step(reading)) {
			return;
		}
		struct conditions own = *conditions;
		size_t at = 0;
		const json_t *statement = NULL;
		json_array_foreach(json_object_get(rule, "expr"), at, statement)
		{
			if (!step(reading)) {
				return;
			}
			take_statement(reading, place, &own, statement, depth);
		}
	}
}

/* ---- Sorting the document's objects ---- */

/* @return 0 or -ENOMEM. */
static int file_under(json_t *index, const json_t *object, const char *name, const json_t *item)
{
	char key[512];
	(void)snprintf(key, sizeof(key), "%s %s %s", word(object, "family"), word(object, "table"),
		       name);
	json_t *list = json_object_get(index, key);
	if (list == NULL) {
		list = json_array();
		if (json_object_set_new(index, key, list) < 0) {
			return -ENOMEM;
		}
	}
	return item != NULL && json_array_append(list, (json_t *)item) < 0 ? -ENOMEM : 0;
}

static int file_elements(json_t *sets, const json_t *set)
{
	size_t index = 0;
	const json_t *element = NULL;
	int r = file_under(sets, set, word(set, "name"), NULL);
	json_array_foreach(json_object_get(set, "elem"), index, element)
	{
		if (r == 0) {
			r = file_under(sets, set, word(set, "name"), element);
		}
	}
	return r;
}

static int file_object(struct reading *reading, const json_t *object)
{
	const json_t *rule = json_object_get(object, "rule");
	const json_t *set = json_object_get(object, "set");
	set = set == NULL ? json_object_get(object, "map") : set;
	if (rule != NULL) {
		return file_under(reading->chains, rule, word(rule, "chain"), rule);
	}
	return set == NULL ? 0 : file_elements(reading->sets, set);
}

static bool is_base(const json_t *chain)
{
	return chain != NULL && strcmp(word(chain, "type"), "nat") == 0 &&
	       strcmp(word(chain, "hook"), "prerouting") == 0;
}

static int read_objects(struct reading *reading, const json_t *objects)
{
	size_t index = 0;
	const json_t *object = NULL;
	json_array_foreach(objects, index, object)
	{
		int r = file_object(reading, object);
		if (r < 0) {
			return r;
		}
	}
	json_array_foreach(objects, index, object)
	{
		const json_t *chain = json_object_get(object, "chain");
		if (is_base(chain)) {
			const struct conditions all = { 0 };
			const struct place place = { word(chain, "family"), word(chain, "table"),
						     word(chain, "name") };
			walk(reading, &place, &all, 0);
		}
	}
	return reading->error;
}

int nft_published(struct inventory *inventory, uint32_t netns, const json_t *document,
		  struct nft_notes *notes)
{
	const json_t *objects = json_object_get(document, "nftables");
	if (!json_is_array(objects)) {
		return -EINVAL;
	}
	struct reading reading = { .inventory = inventory,
				   .netns = netns,
				   .chains = json_object(),
				   .sets = json_object(),
				   .notes = notes };
	int r = reading.chains == NULL || reading.sets == NULL ? -ENOMEM
							       : read_objects(&reading, objects);
	json_decref(reading.chains);
	json_decref(reading.sets);
	return r;
}

static int compare_published(const void *pa, const void *pb)
{
	const struct published *a = pa;
	const struct published *b = pb;
	const int64_t keys[] = { (int64_t)a->netns - b->netns,
				 (int64_t)a->first_port - b->first_port,
				 (int64_t)a->last_port - b->last_port,
				 (int64_t)a->protocol - (int64_t)b->protocol,
				 addr_compare(&a->address, &b->address),
				 addr_compare(&a->target, &b->target),
				 (int64_t)a->target_port - b->target_port };
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (keys[i] != 0) {
			return keys[i] < 0 ? -1 : 1;
		}
	}
	return 0;
}

void nft_unify(struct inventory *inventory)
{
	struct published *all = inventory->published.items;
	size_t count = inventory->published.count;
	size_t kept = 0;
	if (count > 0) {
		qsort(all, count, sizeof(*all), compare_published);
	}
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || compare_published(&all[kept - 1], &all[i]) != 0) {
			all[kept++] = all[i];
		}
	}
	inventory->published.count = kept;
}
