/* nftables as `nft -j list ruleset` prints it: base chains at the hook input and where they lead.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "import/nft_text.h"
#include "import/rules.h"

enum { KEY_BYTES = 512, STEPS_MAX = 4 * 1000 * 1000, CONCAT_MAX = 8 };

struct reading {
	struct ruleset *set;
	const char *file;
	json_t *rules; /* "family table chain" -> array of rules */
	json_t *sets;  /* "family table name" -> the set */
	size_t steps;
	bool elsewhere; /* rules at other hooks */
	bool foreign;   /* rules that iptables made, which nft cannot print whole */
	/* The rule that is being read. */
	const char *family, *table;
	uint32_t statement;
	uint32_t chain;
};

/* One way in which a rule can match. */
struct way {
	struct rule rule;
	bool never, broadcast, connections, spoofing, other;
};

static bool step(struct reading *r)
{
	if (++r->steps > STEPS_MAX) {
		ruleset_fail(r->set, -E2BIG);
	}
	return r->set->error == 0;
}

static const char *word(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text == NULL ? "" : text;
}

static bool has_word(const json_t *list, const char *wanted)
{
	size_t index = 0;
	const json_t *item = NULL;
	const char *alone = json_string_value(list);
	if (alone != NULL) {
		return strcmp(alone, wanted) == 0;
	}
	json_array_foreach(list, index, item)
	{
		const char *text = json_string_value(item);
		if (text != NULL && strcmp(text, wanted) == 0) {
			return true;
		}
	}
	return false;
}

static void doubt(struct reading *r, struct way *way, const char *what)
{
	if (way->rule.doubt == NULL) {
		way->rule.doubt = ruleset_text(r->set, what, strlen(what));
	}
}

/* ---- what is compared ---- */

enum field {
	FIELD_OTHER,
	FIELD_INTERFACE,
	FIELD_PROTOCOL,
	FIELD_FAMILY,
	FIELD_SOURCE4,
	FIELD_SOURCE6,
	FIELD_DESTINATION4,
	FIELD_DESTINATION6,
	FIELD_PORT,
	FIELD_ICMP,
	FIELD_STATE,
	FIELD_STATUS,
	FIELD_DIRECTION,
	FIELD_PACKET_TYPE,
	FIELD_ADDRESS_TYPE,
	FIELD_REVERSE_PATH,
	FIELD_FLAGS,
};

/* A field, with what it takes for granted. */
struct compared {
	enum field field;
	unsigned traffic; /* of the payload's protocol */
	unsigned families;
	const json_t *mask; /* of FIELD_FLAGS; NULL = none */
	const char *name;   /* for people */
};

static const struct {
	const char *kind, *name;
	enum field field;
} named_fields[] = {
	{ "meta", "iifname", FIELD_INTERFACE }, { "meta", "iif", FIELD_INTERFACE },
	{ "meta", "l4proto", FIELD_PROTOCOL },  { "meta", "nfproto", FIELD_FAMILY },
	{ "meta", "protocol", FIELD_FAMILY },   { "meta", "pkttype", FIELD_PACKET_TYPE },
	{ "ct", "state", FIELD_STATE },         { "ct", "status", FIELD_STATUS },
	{ "ct", "direction", FIELD_DIRECTION },
};

enum { ALL_FAMILIES = 1 << FAMILY_IPV4 | 1 << FAMILY_IPV6 };

static const struct {
	const char *protocol, *name;
	enum field field;
	unsigned traffic, families;
} payload_fields[] = {
	{ "ip", "saddr", FIELD_SOURCE4, TRAFFIC_ALL, 1 << FAMILY_IPV4 },
	{ "ip6", "saddr", FIELD_SOURCE6, TRAFFIC_ALL, 1 << FAMILY_IPV6 },
	{ "ip", "daddr", FIELD_DESTINATION4, TRAFFIC_ALL, 1 << FAMILY_IPV4 },
	{ "ip6", "daddr", FIELD_DESTINATION6, TRAFFIC_ALL, 1 << FAMILY_IPV6 },
	{ "ip", "protocol", FIELD_PROTOCOL, TRAFFIC_ALL, 1 << FAMILY_IPV4 },
	{ "ip6", "nexthdr", FIELD_PROTOCOL, TRAFFIC_ALL, 1 << FAMILY_IPV6 },
	{ "tcp", "dport", FIELD_PORT, 1 << TRAFFIC_TCP, ALL_FAMILIES },
	{ "udp", "dport", FIELD_PORT, 1 << TRAFFIC_UDP, ALL_FAMILIES },
	{ "sctp", "dport", FIELD_PORT, 1 << TRAFFIC_SCTP, ALL_FAMILIES },
	{ "dccp", "dport", FIELD_PORT, 1 << TRAFFIC_DCCP, ALL_FAMILIES },
	{ "th", "dport", FIELD_PORT, TRAFFIC_PORTS, ALL_FAMILIES },
	{ "icmp", "type", FIELD_ICMP, 1 << TRAFFIC_PING, 1 << FAMILY_IPV4 },
	{ "icmpv6", "type", FIELD_ICMP, 1 << TRAFFIC_PING, 1 << FAMILY_IPV6 },
	{ "tcp", "flags", FIELD_FLAGS, 1 << TRAFFIC_TCP, ALL_FAMILIES },
	{ "tcp", "sport", FIELD_OTHER, 1 << TRAFFIC_TCP, ALL_FAMILIES },
	{ "udp", "sport", FIELD_OTHER, 1 << TRAFFIC_UDP, ALL_FAMILIES },
	{ "icmp", "code", FIELD_OTHER, 1 << TRAFFIC_PING, 1 << FAMILY_IPV4 },
};

static struct compared payload_of(const json_t *payload)
{
	const char *protocol = word(payload, "protocol");
	const char *name = word(payload, "field");
	for (size_t i = 0; i < sizeof(payload_fields) / sizeof(payload_fields[0]); i++) {
		if (strcmp(protocol, payload_fields[i].protocol) == 0 &&
		    strcmp(name, payload_fields[i].name) == 0) {
			return (struct compared){ payload_fields[i].field,
						  payload_fields[i].traffic,
						  payload_fields[i].families, NULL,
						  payload_fields[i].name };
		}
	}
	return (struct compared){ FIELD_OTHER, TRAFFIC_ALL, ALL_FAMILIES, NULL, name };
}

static struct compared fib_of(const json_t *fib)
{
	const json_t *flags = json_object_get(fib, "flags");
	struct compared c = { FIELD_OTHER, TRAFFIC_ALL, ALL_FAMILIES, NULL, "fib" };
	if (strcmp(word(fib, "result"), "type") == 0 && has_word(flags, "daddr")) {
		c.field = FIELD_ADDRESS_TYPE;
	} else if (strcmp(word(fib, "result"), "oif") == 0 && has_word(flags, "saddr")) {
		c.field = FIELD_REVERSE_PATH;
	}
	return c;
}

static struct compared compared_of(const json_t *left)
{
	static const char *const kinds[] = { "meta", "ct" };
	struct compared c = { FIELD_OTHER, TRAFFIC_ALL, ALL_FAMILIES, NULL, "?" };
	const json_t *masked = json_object_get(left, "&");
	const json_t *payload = json_object_get(left, "payload");
	if (masked != NULL) {
		c = payload_of(json_object_get(json_array_get(masked, 0), "payload"));
		c.field = c.field == FIELD_FLAGS ? FIELD_FLAGS : FIELD_OTHER;
		c.mask = json_array_get(masked, 1);
		return c;
	}
	if (payload != NULL) {
		return payload_of(payload);
	}
	if (json_object_get(left, "fib") != NULL) {
		return fib_of(json_object_get(left, "fib"));
	}
	for (size_t k = 0; k < 2; k++) {
		const json_t *of = json_object_get(left, kinds[k]);
		c.name = of != NULL ? word(of, "key") : c.name;
		for (size_t i = 0; of != NULL && i < sizeof(named_fields) / sizeof(named_fields[0]);
		     i++) {
			if (strcmp(kinds[k], named_fields[i].kind) == 0 &&
			    strcmp(c.name, named_fields[i].name) == 0) {
				c.field = named_fields[i].field;
			}
		}
	}
	return c;
}

/* ---- values ---- */

static const json_t *unwrap(const json_t *element)
{
	const json_t *inner = json_object_get(element, "elem");
	return inner == NULL ? element : json_object_get(inner, "val");
}

static const json_t *named_set(const struct reading *r, const char *name)
{
	char key[KEY_BYTES];
	(void)snprintf(key, sizeof(key), "%s %s %s", r->family, r->table, name);
	return json_object_get(r->sets, key);
}

/* What a value stands for: an array of elements. A named set that is not there has none. */
struct values {
	const json_t *list; /* NULL = the value alone */
	const json_t *alone;
	const char *name; /* of the set; NULL = none */
	bool passing;     /* its elements come and go */
};

static struct values values_of(const struct reading *r, const json_t *value)
{
	const char *text = json_string_value(value);
	struct values v = { .list = json_object_get(value, "set"), .alone = unwrap(value) };
	if (text != NULL && text[0] == '@') {
		const json_t *set = named_set(r, text + 1);
		const json_t *flags = json_object_get(set, "flags");
		v.name = text + 1;
		v.list = json_object_get(set, "elem");
		v.alone = NULL;
		v.passing = has_word(flags, "timeout") || has_word(flags, "dynamic");
	} else if (json_is_array(value)) {
		v.list = value;
	}
	v.alone = v.list != NULL ? NULL : v.alone;
	return v;
}

static size_t value_count(const struct values *v)
{
	return v->list != NULL ? json_array_size(v->list) : v->alone != NULL;
}

static const json_t *value_at(const struct values *v, size_t index)
{
	return v->list != NULL ? unwrap(json_array_get(v->list, index)) : v->alone;
}

static bool port_span(struct span *out, const json_t *value)
{
	const json_t *range = json_object_get(value, "range");
	const json_t *first = range == NULL ? value : json_array_get(range, 0);
	const json_t *last = range == NULL ? value : json_array_get(range, 1);
	if (!json_is_integer(first) || !json_is_integer(last)) {
		return false;
	}
	json_int_t a = json_integer_value(first);
	json_int_t b = json_integer_value(last);
	*out = (struct span){ (number_t)a, (number_t)b };
	return a >= 0 && b <= UINT16_MAX && a <= b;
}

static bool address_span(struct span *out, unsigned *family, const json_t *value)
{
	char text[2 * ADDR_TEXT_BYTES + 8];
	const json_t *prefix = json_object_get(value, "prefix");
	const json_t *range = json_object_get(value, "range");
	if (prefix != NULL) {
		(void)snprintf(text, sizeof(text), "%s/%d", word(prefix, "addr"),
			       (int)json_integer_value(json_object_get(prefix, "len")));
	} else if (range != NULL) {
		const char *first = json_string_value(json_array_get(range, 0));
		const char *last = json_string_value(json_array_get(range, 1));
		(void)snprintf(text, sizeof(text), "%s-%s", first == NULL ? "" : first,
			       last == NULL ? "" : last);
	} else {
		const char *alone = json_string_value(value);
		(void)snprintf(text, sizeof(text), "%s", alone == NULL ? "" : alone);
	}
	return span_of_network(out, family, text);
}

/* Ranges of all values. @return NULL when one of them cannot be read. */
static const struct spans *spans_of(struct reading *r, const struct values *v, bool ports,
				    unsigned wanted)
{
	size_t count = value_count(v);
	_cleanup_(freep) struct span *spans = calloc(count + 1, sizeof(*spans));
	if (spans == NULL) {
		ruleset_fail(r->set, -ENOMEM);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		unsigned family = wanted;
		const json_t *value = value_at(v, i);
		bool known = ports ? port_span(&spans[i], value)
				   : address_span(&spans[i], &family, value);
		if (!step(r) || !known || family != wanted) {
			return NULL;
		}
	}
	return spans_make(r->set->arena, spans, count);
}

/* ---- one comparison ---- */

static void apply_addresses(struct reading *r, struct way *way, unsigned family,
			    const struct values *v, bool negated)
{
	const struct spans *spans = spans_of(r, v, false, family);
	if (spans == NULL) {
		doubt(r, way, "saddr");
		return;
	}
	if (v->passing) {
		doubt(r, way, v->name);
	}
	if (v->name != NULL && !negated) {
		way->rule.group = ruleset_text(r->set, v->name, strlen(v->name));
	}
	rule_sources(r->set, &way->rule, family, spans, negated);
}

static void apply_destination(struct reading *r, struct way *way, unsigned family,
			      const struct values *v, bool negated)
{
	const struct spans *spans = spans_of(r, v, false, family);
	bool multicast = spans != NULL && spans->count > 0 && !negated;
	bool loopback = multicast;
	for (uint32_t i = 0; multicast && i < spans->count; i++) {
		multicast = span_is_multicast(&spans->items[i], family);
	}
	for (uint32_t i = 0; loopback && i < spans->count; i++) {
		loopback = span_is_loopback(&spans->items[i], family);
	}
	way->broadcast = way->broadcast || multicast;
	way->never = way->never || loopback;
	if (!multicast && !loopback) {
		doubt(r, way, "daddr");
	}
}

static void apply_interfaces(struct reading *r, struct way *way, const struct values *v,
			     bool negated)
{
	size_t count = value_count(v);
	const char **names = arena_alloc(r->set->arena, (count + 1) * sizeof(*names));
	bool others = false;
	if (names == NULL) {
		ruleset_fail(r->set, -ENOMEM);
		return;
	}
	for (size_t i = 0; i < count && step(r); i++) {
		const char *name = json_string_value(value_at(v, i));
		if (name == NULL || way->rule.interfaces != NULL) {
			doubt(r, way, "iifname");
			return;
		}
		names[i] = ruleset_text(r->set, name, strlen(name));
		others = others || strcmp(name, "lo") != 0;
	}
	way->rule.interfaces = names;
	way->rule.interface_count = (uint32_t)count;
	way->rule.interfaces_excluded = negated;
	way->never = way->never || (!others && !negated);
}

static const struct {
	const char *name;
	unsigned traffic;
} protocols[] = {
	{ "tcp", 1 << TRAFFIC_TCP },        { "udp", 1 << TRAFFIC_UDP },
	{ "sctp", 1 << TRAFFIC_SCTP },      { "dccp", 1 << TRAFFIC_DCCP },
	{ "icmp", 1 << TRAFFIC_PING },      { "icmpv6", 1 << TRAFFIC_PING },
	{ "ipv6-icmp", 1 << TRAFFIC_PING },
};

static const struct {
	int number;
	unsigned traffic;
} protocol_numbers[] = {
	{ 6, 1 << TRAFFIC_TCP },   { 17, 1 << TRAFFIC_UDP }, { 132, 1 << TRAFFIC_SCTP },
	{ 33, 1 << TRAFFIC_DCCP }, { 1, 1 << TRAFFIC_PING }, { 58, 1 << TRAFFIC_PING },
};

static unsigned traffic_of(const json_t *value)
{
	const char *name = json_string_value(value);
	for (size_t i = 0; name != NULL && i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (strcmp(name, protocols[i].name) == 0) {
			return protocols[i].traffic;
		}
	}
	for (size_t i = 0; i < sizeof(protocol_numbers) / sizeof(protocol_numbers[0]); i++) {
		if (json_is_integer(value) &&
		    json_integer_value(value) == protocol_numbers[i].number) {
			return protocol_numbers[i].traffic;
		}
	}
	return 0;
}

static void apply_protocol(struct reading *r, struct way *way, const struct values *v, bool negated)
{
	unsigned traffic = 0;
	size_t count = value_count(v);
	for (size_t i = 0; i < count && step(r); i++) {
		if (json_object_get(value_at(v, i), "range") != NULL) {
			doubt(r, way, "l4proto");
			return;
		}
		unsigned one = traffic_of(value_at(v, i));
		way->other = way->other || (one == 0 && !negated);
		traffic |= one;
	}
	way->rule.traffic &= negated ? ~traffic : traffic;
}

static void apply_family(struct way *way, const struct values *v, bool negated)
{
	unsigned families = 0;
	for (size_t i = 0; i < value_count(v); i++) {
		const char *name = json_string_value(value_at(v, i));
		if (name != NULL && (strcmp(name, "ipv4") == 0 || strcmp(name, "ip") == 0)) {
			families |= 1 << FAMILY_IPV4;
		} else if (name != NULL &&
			   (strcmp(name, "ipv6") == 0 || strcmp(name, "ip6") == 0)) {
			families |= 1 << FAMILY_IPV6;
		}
	}
	way->rule.families &= negated ? ~families : families;
}

static void apply_icmp(struct way *way, const struct values *v, bool negated)
{
	bool asks = false;
	for (size_t i = 0; i < value_count(v); i++) {
		const char *name = json_string_value(value_at(v, i));
		json_int_t number = json_integer_value(value_at(v, i));
		asks = asks || (name != NULL && strcmp(name, "echo-request") == 0) ||
		       (json_is_integer(value_at(v, i)) && (number == 8 || number == 128));
	}
	way->rule.traffic &= asks != negated ? 1u << TRAFFIC_PING : 0;
}

/* Whether one of the words is among the values, which may be lists inside. */
static bool value_has(const struct values *v, const char *wanted)
{
	for (size_t i = 0; i < value_count(v); i++) {
		if (has_word(value_at(v, i), wanted)) {
			return true;
		}
	}
	return false;
}

/* The first packet of a connection has SYN alone. */
static void apply_flags(struct reading *r, struct way *way, const json_t *mask,
			const struct values *v, bool negated)
{
	static const char *const others[] = { "fin", "rst", "psh", "ack", "urg", "ecn", "cwr" };
	bool asks = mask == NULL || has_word(mask, "syn");
	bool wants_more = false;
	if (mask != NULL && !json_is_array(mask) && !json_is_string(mask)) {
		doubt(r, way, "tcp flags");
		return;
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		wants_more = wants_more || value_has(v, others[i]);
	}
	bool holds = asks == value_has(v, "syn") && !wants_more;
	if (mask == NULL && v->alone == NULL) {
		holds = value_has(v, "syn"); /* tcp flags syn,ack: any of them */
	}
	way->never = way->never || holds == negated;
}

static void apply_address_type(struct reading *r, struct way *way, const struct values *v,
			       bool negated)
{
	bool local = value_has(v, "local") || value_has(v, "unicast");
	if (local == negated) {
		way->broadcast = true;
	}
	(void)r;
}

static void apply(struct reading *r, struct way *way, const struct compared *c,
		  const struct values *v, bool negated)
{
	way->rule.traffic &= c->traffic;
	way->rule.families &= c->families;
	switch (c->field) {
	case FIELD_INTERFACE:
		apply_interfaces(r, way, v, negated);
		return;
	case FIELD_PROTOCOL:
		apply_protocol(r, way, v, negated);
		return;
	case FIELD_FAMILY:
		apply_family(way, v, negated);
		return;
	case FIELD_SOURCE4:
	case FIELD_SOURCE6:
		apply_addresses(r, way, c->field == FIELD_SOURCE4 ? FAMILY_IPV4 : FAMILY_IPV6, v,
				negated);
		return;
	case FIELD_DESTINATION4:
	case FIELD_DESTINATION6:
		apply_destination(r, way,
				  c->field == FIELD_DESTINATION4 ? FAMILY_IPV4 : FAMILY_IPV6, v,
				  negated);
		return;
	case FIELD_PORT: {
		const struct spans *ports = spans_of(r, v, true, 0);
		if (ports == NULL || v->passing) {
			doubt(r, way, "dport");
		}
		if (ports != NULL) {
			rule_ports(r->set, &way->rule, ports, negated);
		}
		return;
	}
	case FIELD_ICMP:
		apply_icmp(way, v, negated);
		return;
	case FIELD_STATE:
		way->never = way->never || value_has(v, "new") == negated;
		return;
	case FIELD_STATUS:
		way->never = way->never || !negated; /* dnat, snat: what another rule rewrote */
		return;
	case FIELD_DIRECTION:
		way->never = way->never || value_has(v, "original") == negated;
		return;
	case FIELD_PACKET_TYPE:
		way->broadcast = way->broadcast ||
				 (value_has(v, "host") || value_has(v, "unicast")) == negated;
		return;
	case FIELD_ADDRESS_TYPE:
		apply_address_type(r, way, v, negated);
		return;
	case FIELD_REVERSE_PATH:
		way->spoofing = true;
		return;
	case FIELD_FLAGS:
		apply_flags(r, way, c->mask, v, negated);
		return;
	case FIELD_OTHER:
		doubt(r, way, c->name);
		return;
	}
}

/* ---- rules ---- */

typedef VEC(struct way) way_list;

static struct way *add_way(struct reading *r, way_list *list, const struct way *like)
{
	struct way *slot = list->count < IMPORT_RULES_MAX ? vec_push(list) : NULL;
	if (slot == NULL) {
		ruleset_fail(r->set, list->count < IMPORT_RULES_MAX ? -ENOMEM : -EFBIG);
		return NULL;
	}
	*slot = *like;
	return slot;
}

/* A left side of one field or of several, for maps and sets of both. */
struct key {
	struct compared parts[CONCAT_MAX];
	size_t count;
	bool joined; /* several */
};

static bool key_of(struct key *out, const json_t *left)
{
	const json_t *concat = json_object_get(left, "concat");
	size_t index = 0;
	const json_t *part = NULL;
	*out = (struct key){ .joined = concat != NULL };
	if (concat == NULL) {
		out->parts[out->count++] = compared_of(left);
		return true;
	}
	json_array_foreach(concat, index, part)
	{
		if (out->count == CONCAT_MAX) {
			return false;
		}
		out->parts[out->count++] = compared_of(part);
	}
	return out->count > 0;
}

/* One element of a map or a set of joined fields. */
static void apply_key(struct reading *r, struct way *way, const struct key *key,
		      const json_t *element)
{
	const json_t *concat = json_object_get(element, "concat");
	for (size_t i = 0; i < key->count && step(r); i++) {
		const json_t *part = key->joined ? json_array_get(concat, i) : element;
		const struct values v = { .alone = part };
		bool wild = json_is_string(part) && strcmp(json_string_value(part), "*") == 0;
		if (part == NULL) {
			doubt(r, way, key->parts[i].name);
		} else if (!wild) {
			apply(r, way, &key->parts[i], &v, false);
		}
	}
}

static void match_joined(struct reading *r, way_list *ways, const struct key *key,
			 const struct values *v, bool negated)
{
	way_list more = { 0 };
	for (size_t i = 0; i < ways->count && r->set->error == 0; i++) {
		if (negated) {
			doubt(r, &ways->items[i], key->parts[0].name);
			(void)add_way(r, &more, &ways->items[i]);
			continue;
		}
		for (size_t k = 0; k < value_count(v) && step(r); k++) {
			struct way *way = add_way(r, &more, &ways->items[i]);
			if (way != NULL) {
				apply_key(r, way, key, value_at(v, k));
				if (v->passing) {
					doubt(r, way, v->name);
				}
			}
		}
	}
	vec_free(ways);
	*ways = more;
}

static void match(struct reading *r, way_list *ways, const json_t *match)
{
	struct key key;
	const char *op = word(match, "op");
	bool negated = strcmp(op, "!=") == 0;
	bool equal = negated || strcmp(op, "==") == 0 || strcmp(op, "in") == 0;
	const struct values v = values_of(r, json_object_get(match, "right"));
	bool known = key_of(&key, json_object_get(match, "left"));
	if (known && key.joined && equal) {
		match_joined(r, ways, &key, &v, negated);
		return;
	}
	for (size_t i = 0; i < ways->count && step(r); i++) {
		if (known && equal) {
			apply(r, &ways->items[i], &key.parts[0], &v, negated);
		} else {
			doubt(r, &ways->items[i], known ? key.parts[0].name : op);
		}
	}
}

static bool verdict_of(struct reading *r, struct rule *rule, const json_t *statement)
{
	static const struct {
		const char *name;
		enum rule_verdict verdict;
	} verdicts[] = { { "accept", RULE_ACCEPT },   { "drop", RULE_DROP },
			 { "reject", RULE_REJECT },   { "return", RULE_RETURN },
			 { "jump", RULE_JUMP },       { "goto", RULE_GOTO },
			 { "continue", RULE_NOTHING } };
	char key[KEY_BYTES];
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		const json_t *value = json_object_get(statement, verdicts[i].name);
		if (value == NULL) {
			continue;
		}
		rule->verdict = verdicts[i].verdict;
		if (rule->verdict == RULE_JUMP || rule->verdict == RULE_GOTO) {
			(void)snprintf(key, sizeof(key), "%s %s %s", r->family, r->table,
				       word(value, "target"));
			rule->target = ruleset_chain(r->set, key);
		}
		return true;
	}
	return false;
}

static void limit(struct reading *r, way_list *ways, const json_t *limit, bool global)
{
	static const struct {
		const char *name;
		usec_t per;
	} units[] = { { "second", USEC_PER_SEC },
		      { "minute", USEC_PER_MIN },
		      { "hour", USEC_PER_HOUR },
		      { "day", USEC_PER_DAY } };
	struct policy_rate rate = { 0 };
	json_int_t count = json_integer_value(json_object_get(limit, "rate"));
	bool bytes = json_object_get(limit, "rate_unit") != NULL &&
		     strcmp(word(limit, "rate_unit"), "packets") != 0;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (count > 0 && strcmp(word(limit, "per"), units[i].name) == 0) {
			(void)rate_of(&rate, (uint64_t)count, units[i].per);
		}
	}
	for (size_t i = 0; i < ways->count && step(r); i++) {
		struct way *way = &ways->items[i];
		way->rule.rate = rate;
		way->rule.over = json_is_true(json_object_get(limit, "inv"));
		way->rule.global = global;
		if (bytes || rate.count == 0) {
			doubt(r, way, "limit");
		}
	}
}

static void count_connections(struct reading *r, way_list *ways)
{
	for (size_t i = 0; i < ways->count && step(r); i++) {
		ways->items[i].connections = true;
	}
}

/* "add @set { ip saddr limit rate over 10/minute }", and meters. */
static void dynamic(struct reading *r, way_list *ways, const json_t *statement)
{
	const json_t *inner = json_object_get(statement, "stmt");
	size_t index = 0;
	const json_t *one = NULL;
	if (json_is_object(inner)) {
		if (json_object_get(inner, "limit") != NULL) {
			limit(r, ways, json_object_get(inner, "limit"), false);
		} else if (json_object_get(inner, "ct count") != NULL) {
			count_connections(r, ways);
		}
	}
	json_array_foreach(inner, index, one)
	{
		if (json_object_get(one, "limit") != NULL) {
			limit(r, ways, json_object_get(one, "limit"), false);
		} else if (json_object_get(one, "ct count") != NULL) {
			count_connections(r, ways);
		}
	}
}

static void finish(struct reading *r, const struct way *way);

static void verdict_map(struct reading *r, way_list *ways, const json_t *vmap)
{
	struct key key;
	const struct values v = values_of(r, json_object_get(vmap, "data"));
	bool known = key_of(&key, json_object_get(vmap, "key"));
	for (size_t i = 0; i < ways->count && r->set->error == 0; i++) {
		for (size_t k = 0; v.list != NULL && k < json_array_size(v.list) && step(r); k++) {
			const json_t *pair = json_array_get(v.list, k);
			struct way way = ways->items[i];
			if (!known) {
				doubt(r, &way, "vmap");
			} else {
				apply_key(r, &way, &key, unwrap(json_array_get(pair, 0)));
			}
			if (v.passing) {
				doubt(r, &way, v.name);
			}
			if (!verdict_of(r, &way.rule, json_array_get(pair, 1))) {
				way.rule.verdict = RULE_DROP;
				doubt(r, &way, "vmap");
			}
			finish(r, &way);
		}
	}
	ways->count = 0;
}

/* ---- what becomes of a way ---- */

static void note(struct reading *r, enum import_outcome outcome, const char *reason)
{
	struct statement *s = &r->set->statements.items[r->statement];
	if (!s->noted) {
		ruleset_note(r->set, r->statement, outcome, reason, NULL, NULL);
	}
}

static bool is_dhcp(const struct rule *rule)
{
	const struct spans *ports = rule->ports;
	return rule->verdict == RULE_ACCEPT && rule->traffic == 1 << TRAFFIC_UDP && ports != NULL &&
	       ports->count == 1 && ports->items[0].first == ports->items[0].last &&
	       (ports->items[0].first == 68 || ports->items[0].first == 546);
}

static bool is_settled(struct reading *r, const struct way *way)
{
	bool accepts = way->rule.verdict == RULE_ACCEPT;
	bool drops = way->rule.verdict == RULE_DROP || way->rule.verdict == RULE_REJECT;
	if (way->never || is_dhcp(&way->rule)) {
		note(r, IMPORT_CARRIED, "import-itself");
	} else if (way->broadcast) {
		note(r, IMPORT_CHANGED, "import-multicast");
	} else if (way->spoofing && drops) {
		note(r, IMPORT_CHANGED, "import-spoofing");
	} else if (way->rule.traffic == 0 && way->other && accepts) {
		note(r, IMPORT_LEFT, "import-protocol");
	} else if (way->rule.traffic == 0 || way->rule.families == 0) {
		note(r, IMPORT_CARRIED, way->other ? "import-nothing" : "import-itself");
	} else if (way->connections) {
		note(r, IMPORT_LEFT, "import-connections");
	} else {
		return false;
	}
	return true;
}

static void finish(struct reading *r, const struct way *given)
{
	struct way way = *given;
	if (way.rule.verdict == RULE_NOTHING || is_settled(r, &way)) {
		return;
	}
	if (way.spoofing) {
		doubt(r, &way, "fib");
	}
	ruleset_add(r->set, r->chain, &way.rule);
}

static const char *const silent[] = { "counter", "log", "comment", "mangle", "notrack" };

static bool is_silent(const json_t *statement)
{
	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++) {
		if (json_object_get(statement, silent[i]) != NULL) {
			return true;
		}
	}
	const json_t *xt = json_object_get(statement, "xt");
	return xt != NULL && strcmp(word(xt, "name"), "comment") == 0;
}

static void finish_all(struct reading *r, way_list *ways, const json_t *verdict)
{
	for (size_t i = 0; i < ways->count && step(r); i++) {
		if (verdict_of(r, &ways->items[i].rule, verdict)) {
			finish(r, &ways->items[i]);
		}
	}
	ways->count = 0;
}

/* What this reader does not know may do anything: what follows it is in doubt. */
static void unknown(struct reading *r, way_list *ways, const json_t *statement)
{
	const char *name = json_object_iter_key(json_object_iter((json_t *)statement));
	const json_t *xt = json_object_get(statement, "xt");
	r->foreign = r->foreign || xt != NULL;
	bool decides = strcmp(word(xt, "type"), "target") == 0 ||
		       json_object_get(statement, "queue") != NULL;
	name = xt != NULL ? word(xt, "name") : name == NULL ? "?" : name;
	for (size_t i = 0; i < ways->count && step(r); i++) {
		doubt(r, &ways->items[i], name);
		if (decides && strcmp(name, "LOG") != 0) {
			ways->items[i].rule.verdict = RULE_DROP;
			finish(r, &ways->items[i]);
		}
	}
	ways->count = decides ? 0 : ways->count;
}

static void read_expressions(struct reading *r, way_list *ways, const json_t *expressions)
{
	size_t index = 0;
	const json_t *e = NULL;
	struct rule probe = { 0 };
	json_array_foreach(expressions, index, e)
	{
		if (r->set->error < 0 || !step(r)) {
			return;
		}
		const json_t *dynamics = json_object_get(e, "set") != NULL
						 ? json_object_get(e, "set")
						 : json_object_get(e, "meter");
		if (json_object_get(e, "match") != NULL) {
			match(r, ways, json_object_get(e, "match"));
		} else if (json_object_get(e, "vmap") != NULL) {
			verdict_map(r, ways, json_object_get(e, "vmap"));
		} else if (json_object_get(e, "limit") != NULL) {
			limit(r, ways, json_object_get(e, "limit"), true);
		} else if (json_object_get(e, "ct count") != NULL) {
			count_connections(r, ways);
		} else if (dynamics != NULL) {
			dynamic(r, ways, dynamics);
		} else if (verdict_of(r, &probe, e)) {
			finish_all(r, ways, e);
		} else if (!is_silent(e)) {
			unknown(r, ways, e);
		}
	}
}

static uint32_t state(struct reading *r, const json_t *rule, const char *chain)
{
	struct str text = STR_INIT(4096); /* a longer rule is cut short */
	str_printf(&text, "%s handle %d: ", chain,
		   (int)json_integer_value(json_object_get(rule, "handle")));
	nft_text_rule(&text, json_object_get(rule, "expr"));
	uint32_t statement = ruleset_statement(r->set, r->file, 0, str_text(&text), text.length);
	str_deinit(&text);
	const char *comment = word(rule, "comment");
	if (statement != UINT32_MAX && comment[0] != '\0') {
		r->set->statements.items[statement].comment =
			ruleset_text(r->set, comment, strlen(comment));
	}
	return statement;
}

static void read_rule(struct reading *r, const json_t *rule, uint32_t chain)
{
	way_list ways = { 0 };
	r->family = word(rule, "family");
	r->table = word(rule, "table");
	r->chain = chain;
	r->statement = state(r, rule, r->set->chains.items[chain].name);
	if (r->statement == UINT32_MAX) {
		return;
	}
	struct way way = { .rule = ruleset_rule(r->statement) };
	if (strcmp(r->family, "inet") != 0) {
		way.rule.families = 1u
				    << (strcmp(r->family, "ip") == 0 ? FAMILY_IPV4 : FAMILY_IPV6);
	}
	(void)add_way(r, &ways, &way);
	read_expressions(r, &ways, json_object_get(rule, "expr"));
	vec_free(&ways);
}

/* ---- the document ---- */

static bool is_ip_family(const char *family)
{
	return strcmp(family, "ip") == 0 || strcmp(family, "ip6") == 0 ||
	       strcmp(family, "inet") == 0;
}

/* Tables of others that go on beside minato, and minato's own. */
static bool is_left_alone(const char *table)
{
	return strcmp(table, "minato") == 0 || str_starts(table, "f2b-") ||
	       str_starts(table, "crowdsec");
}

static void add_base(struct reading *r, const json_t *chain)
{
	const char *family = word(chain, "family");
	char key[KEY_BYTES];
	if (is_left_alone(word(chain, "table"))) {
		ruleset_note(r->set, UINT32_MAX, IMPORT_CHANGED, "import-left-alone", "table",
			     word(chain, "table"));
		return;
	}
	(void)snprintf(key, sizeof(key), "%s %s %s", family, word(chain, "table"),
		       word(chain, "name"));
	uint32_t at = ruleset_chain(r->set, key);
	if (at == NO_CHAIN) {
		return;
	}
	struct chain *base = &r->set->chains.items[at];
	base->base = true;
	base->priority = (int)json_integer_value(json_object_get(chain, "prio"));
	base->policy = strcmp(word(chain, "policy"), "drop") == 0 ? RULE_DROP : RULE_ACCEPT;
	base->families = strcmp(family, "inet") == 0 ? ALL_FAMILIES
			 : strcmp(family, "ip") == 0 ? 1u << FAMILY_IPV4
						     : 1u << FAMILY_IPV6;
	r->set->families |= base->families;
}

static void read_chain(struct reading *r, const json_t *chain)
{
	const char *hook = word(chain, "hook");
	bool filter = strcmp(word(chain, "type"), "filter") == 0;
	if (!is_ip_family(word(chain, "family")) || !filter) {
		return;
	}
	if (strcmp(hook, "input") == 0) {
		add_base(r, chain);
	} else if (strcmp(hook, "output") == 0 && strcmp(word(chain, "policy"), "drop") == 0) {
		ruleset_note(r->set, UINT32_MAX, IMPORT_LEFT, "import-outbound", NULL, NULL);
	} else if (hook[0] != '\0') {
		r->elsewhere = true;
	}
}

static void keep(struct reading *r, json_t *store, const json_t *object, const char *name,
		 bool many)
{
	char key[KEY_BYTES];
	(void)snprintf(key, sizeof(key), "%s %s %s", word(object, "family"), word(object, "table"),
		       name);
	json_t *list = json_object_get(store, key);
	if (many && list == NULL) {
		list = json_array();
		(void)json_object_set_new(store, key, list);
	}
	int failed = many ? json_array_append(list, (json_t *)object)
			  : json_object_set(store, key, (json_t *)object);
	if (failed != 0) {
		ruleset_fail(r->set, -ENOMEM);
	}
}

static void read_object(struct reading *r, const json_t *object)
{
	static const char *const sets[] = { "set", "map" };
	const json_t *rule = json_object_get(object, "rule");
	const json_t *chain = json_object_get(object, "chain");
	if (rule != NULL) {
		keep(r, r->rules, rule, word(rule, "chain"), true);
	}
	if (chain != NULL) {
		read_chain(r, chain);
	}
	for (size_t i = 0; i < 2; i++) {
		const json_t *set = json_object_get(object, sets[i]);
		if (set != NULL) {
			keep(r, r->sets, set, word(set, "name"), false);
		}
	}
}

static void read_document(struct reading *r, const json_t *document)
{
	size_t index = 0;
	const json_t *object = NULL;
	size_t first = r->set->chains.count;
	json_array_foreach(json_object_get(document, "nftables"), index, object)
	{
		read_object(r, object);
	}
	/* Chains come into being when a rule jumps to them; each is read once. */
	for (size_t i = first; i < r->set->chains.count && r->set->error == 0; i++) {
		const json_t *rule = NULL;
		const json_t *list = json_object_get(r->rules, r->set->chains.items[i].name);
		json_array_foreach(list, index, rule)
		{
			if (r->set->error == 0) {
				read_rule(r, rule, (uint32_t)i);
			}
		}
	}
	if (r->foreign && r->set->error == 0) {
		ruleset_note(r->set, UINT32_MAX, IMPORT_LEFT, "import-use-iptables", NULL, NULL);
	}
	if (r->elsewhere && r->set->error == 0) {
		ruleset_note(r->set, UINT32_MAX, IMPORT_CHANGED, "import-only-inbound", NULL, NULL);
	}
}

void read_nft(struct ruleset *set, const struct import_file *file)
{
	json_auto_t *document = json_loadb(file->bytes, file->length, 0, NULL);
	json_auto_t *rules = json_object();
	json_auto_t *sets = json_object();
	struct reading r = { .set = set,
			     .file = ruleset_text(set, file->name, strlen(file->name)),
			     .rules = rules,
			     .sets = sets };
	if (rules == NULL || sets == NULL) {
		ruleset_fail(set, -ENOMEM);
	} else if (!json_is_array(json_object_get(document, "nftables"))) {
		(void)err_set(set->e, EINVAL, "%s: not what nft -j list ruleset prints",
			      file->name);
		ruleset_fail(set, -EINVAL);
	} else {
		read_document(&r, document);
	}
}
