/* What one comparison of nft's JSON says about packets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "import/nft_match.h"

enum { STEPS_MAX = 4 * 1000 * 1000 };

bool nft_step(struct reading *r)
{
	if (++r->steps > STEPS_MAX) {
		ruleset_fail(r->set, -E2BIG);
	}
	return r->set->error == 0;
}

const char *nft_word(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text == NULL ? "" : text;
}

bool nft_has_word(const json_t *list, const char *wanted)
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

void nft_doubt(struct reading *r, struct way *way, const char *what)
{
	if (way->rule.doubt == NULL) {
		way->rule.doubt = ruleset_text(r->set, what, strlen(what));
	}
}

/* ---- what is compared ---- */

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
	const char *protocol = nft_word(payload, "protocol");
	const char *name = nft_word(payload, "field");
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
	if (strcmp(nft_word(fib, "result"), "type") == 0 && nft_has_word(flags, "daddr")) {
		c.field = FIELD_ADDRESS_TYPE;
	} else if (strcmp(nft_word(fib, "result"), "oif") == 0 && nft_has_word(flags, "saddr")) {
		c.field = FIELD_REVERSE_PATH;
	}
	return c;
}

struct compared nft_compared_of(const json_t *left)
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
		c.name = of != NULL ? nft_word(of, "key") : c.name;
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

const json_t *nft_unwrap(const json_t *element)
{
	const json_t *inner = json_object_get(element, "elem");
	return inner == NULL ? element : json_object_get(inner, "val");
}

static const json_t *named_set(const struct reading *r, const char *name)
{
	char key[NFT_KEY_BYTES];
	(void)snprintf(key, sizeof(key), "%s %s %s", r->family, r->table, name);
	return json_object_get(r->sets, key);
}

struct values nft_values_of(const struct reading *r, const json_t *value)
{
	const char *text = json_string_value(value);
	struct values v = { .list = json_object_get(value, "set"), .alone = nft_unwrap(value) };
	if (text != NULL && text[0] == '@') {
		const json_t *set = named_set(r, text + 1);
		const json_t *flags = json_object_get(set, "flags");
		v.name = text + 1;
		v.list = json_object_get(set, "elem");
		v.alone = NULL;
		v.passing = nft_has_word(flags, "timeout") || nft_has_word(flags, "dynamic");
	} else if (json_is_array(value)) {
		v.list = value;
	}
	v.alone = v.list != NULL ? NULL : v.alone;
	return v;
}

size_t nft_value_count(const struct values *v)
{
	return v->list != NULL ? json_array_size(v->list) : v->alone != NULL;
}

const json_t *nft_value_at(const struct values *v, size_t index)
{
	return v->list != NULL ? nft_unwrap(json_array_get(v->list, index)) : v->alone;
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
		(void)snprintf(text, sizeof(text), "%s/%d", nft_word(prefix, "addr"),
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
	size_t count = nft_value_count(v);
	_cleanup_(freep) struct span *spans = calloc(count + 1, sizeof(*spans));
	if (spans == NULL) {
		ruleset_fail(r->set, -ENOMEM);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		unsigned family = wanted;
		const json_t *value = nft_value_at(v, i);
		bool known = ports ? port_span(&spans[i], value)
				   : address_span(&spans[i], &family, value);
		if (!nft_step(r) || !known || family != wanted) {
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
		nft_doubt(r, way, "saddr");
		return;
	}
	if (v->passing) {
		nft_doubt(r, way, v->name);
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
		nft_doubt(r, way, "daddr");
	}
}

static void apply_interfaces(struct reading *r, struct way *way, const struct values *v,
			     bool negated)
{
	size_t count = nft_value_count(v);
	const char **names = arena_alloc(r->set->arena, (count + 1) * sizeof(*names));
	bool others = false;
	if (names == NULL) {
		ruleset_fail(r->set, -ENOMEM);
		return;
	}
	for (size_t i = 0; i < count && nft_step(r); i++) {
		const char *name = json_string_value(nft_value_at(v, i));
		if (name == NULL || way->rule.interfaces != NULL) {
			nft_doubt(r, way, "iifname");
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
	size_t count = nft_value_count(v);
	for (size_t i = 0; i < count && nft_step(r); i++) {
		if (json_object_get(nft_value_at(v, i), "range") != NULL) {
			nft_doubt(r, way, "l4proto");
			return;
		}
		unsigned one = traffic_of(nft_value_at(v, i));
		way->other = way->other || (one == 0 && !negated);
		traffic |= one;
	}
	way->rule.traffic &= negated ? ~traffic : traffic;
}

static void apply_family(struct way *way, const struct values *v, bool negated)
{
	unsigned families = 0;
	for (size_t i = 0; i < nft_value_count(v); i++) {
		const char *name = json_string_value(nft_value_at(v, i));
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
	for (size_t i = 0; i < nft_value_count(v); i++) {
		const char *name = json_string_value(nft_value_at(v, i));
		json_int_t number = json_integer_value(nft_value_at(v, i));
		asks = asks || (name != NULL && strcmp(name, "echo-request") == 0) ||
		       (json_is_integer(nft_value_at(v, i)) && (number == 8 || number == 128));
	}
	way->rule.traffic &= asks != negated ? 1u << TRAFFIC_PING : 0;
}

/* Whether one of the words is among the values, which may be lists inside. */
static bool value_has(const struct values *v, const char *wanted)
{
	for (size_t i = 0; i < nft_value_count(v); i++) {
		if (nft_has_word(nft_value_at(v, i), wanted)) {
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
	bool asks = mask == NULL || nft_has_word(mask, "syn");
	bool wants_more = false;
	if (mask != NULL && !json_is_array(mask) && !json_is_string(mask)) {
		nft_doubt(r, way, "tcp flags");
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

/* Fields of the connection and of how the packet came. @return false for other fields. */
static bool apply_circumstances(struct way *way, enum field field, const struct values *v,
				bool negated)
{
	switch (field) {
	case FIELD_STATE:
		way->never = way->never || value_has(v, "new") == negated;
		return true;
	case FIELD_STATUS:
		way->never = way->never || !negated; /* dnat, snat: what another rule rewrote */
		return true;
	case FIELD_DIRECTION:
		way->never = way->never || value_has(v, "original") == negated;
		return true;
	case FIELD_PACKET_TYPE:
		way->broadcast = way->broadcast ||
				 (value_has(v, "host") || value_has(v, "unicast")) == negated;
		return true;
	case FIELD_ADDRESS_TYPE:
		way->broadcast = way->broadcast ||
				 (value_has(v, "local") || value_has(v, "unicast")) == negated;
		return true;
	case FIELD_REVERSE_PATH:
		way->spoofing = true;
		return true;
	default:
		return false;
	}
}

static void apply_ports(struct reading *r, struct way *way, const struct values *v, bool negated)
{
	const struct spans *ports = spans_of(r, v, true, 0);
	if (ports == NULL || v->passing) {
		nft_doubt(r, way, "dport");
	}
	if (ports != NULL) {
		rule_ports(r->set, &way->rule, ports, negated);
	}
}

void nft_apply(struct reading *r, struct way *way, const struct compared *c, const struct values *v,
	       bool negated)
{
	bool second = c->field == FIELD_SOURCE6 || c->field == FIELD_DESTINATION6;
	unsigned family = second ? FAMILY_IPV6 : FAMILY_IPV4;
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
		apply_addresses(r, way, family, v, negated);
		return;
	case FIELD_DESTINATION4:
	case FIELD_DESTINATION6:
		apply_destination(r, way, family, v, negated);
		return;
	case FIELD_PORT:
		apply_ports(r, way, v, negated);
		return;
	case FIELD_ICMP:
		apply_icmp(way, v, negated);
		return;
	case FIELD_FLAGS:
		apply_flags(r, way, c->mask, v, negated);
		return;
	default:
		if (!apply_circumstances(way, c->field, v, negated)) {
			nft_doubt(r, way, c->name);
		}
		return;
	}
}
