/* nftables as `nft -j list ruleset` prints it: base chains at the hook input and where they lead.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "import/nft_match.h"
#include "import/nft_text.h"
#include "import/rules.h"

enum { CONCAT_MAX = 8 };

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
		out->parts[out->count++] = nft_compared_of(left);
		return true;
	}
	json_array_foreach(concat, index, part)
	{
		if (out->count == CONCAT_MAX) {
			return false;
		}
		out->parts[out->count++] = nft_compared_of(part);
	}
	return out->count > 0;
}

/* One element of a map or a set of joined fields. */
static void apply_key(struct reading *r, struct way *way, const struct key *key,
		      const json_t *element)
{
	const json_t *concat = json_object_get(element, "concat");
	for (size_t i = 0; i < key->count && nft_step(r); i++) {
		const json_t *part = key->joined ? json_array_get(concat, i) : element;
		const struct values v = { .alone = part };
		bool wild = json_is_string(part) && strcmp(json_string_value(part), "*") == 0;
		if (part == NULL) {
			nft_doubt(r, way, key->parts[i].name);
		} else if (!wild) {
			nft_apply(r, way, &key->parts[i], &v, false);
		}
	}
}

static void match_joined(struct reading *r, way_list *ways, const struct key *key,
			 const struct values *v, bool negated)
{
	way_list more = { 0 };
	for (size_t i = 0; i < ways->count && r->set->error == 0; i++) {
		if (negated) {
			nft_doubt(r, &ways->items[i], key->parts[0].name);
			(void)add_way(r, &more, &ways->items[i]);
			continue;
		}
		for (size_t k = 0; k < nft_value_count(v) && nft_step(r); k++) {
			struct way *way = add_way(r, &more, &ways->items[i]);
			if (way != NULL) {
				apply_key(r, way, key, nft_value_at(v, k));
				if (v->passing) {
					nft_doubt(r, way, v->name);
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
	const char *op = nft_word(match, "op");
	bool negated = strcmp(op, "!=") == 0;
	bool equal = negated || strcmp(op, "==") == 0 || strcmp(op, "in") == 0;
	const struct values v = nft_values_of(r, json_object_get(match, "right"));
	bool known = key_of(&key, json_object_get(match, "left"));
	if (known && key.joined && equal) {
		match_joined(r, ways, &key, &v, negated);
		return;
	}
	for (size_t i = 0; i < ways->count && nft_step(r); i++) {
		if (known && equal) {
			nft_apply(r, &ways->items[i], &key.parts[0], &v, negated);
		} else {
			nft_doubt(r, &ways->items[i], known ? key.parts[0].name : op);
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
	char key[NFT_KEY_BYTES];
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		const json_t *value = json_object_get(statement, verdicts[i].name);
		if (value == NULL) {
			continue;
		}
		rule->verdict = verdicts[i].verdict;
		if (rule->verdict == RULE_JUMP || rule->verdict == RULE_GOTO) {
			(void)snprintf(key, sizeof(key), "%s %s %s", r->family, r->table,
				       nft_word(value, "target"));
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
		     strcmp(nft_word(limit, "rate_unit"), "packets") != 0;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (count > 0 && strcmp(nft_word(limit, "per"), units[i].name) == 0) {
			(void)rate_of(&rate, (uint64_t)count, units[i].per);
		}
	}
	for (size_t i = 0; i < ways->count && nft_step(r); i++) {
		struct way *way = &ways->items[i];
		way->rule.rate = rate;
		way->rule.over = json_is_true(json_object_get(limit, "inv"));
		way->rule.global = global;
		if (bytes || rate.count == 0) {
			nft_doubt(r, way, "limit");
		}
	}
}

static void count_connections(struct reading *r, way_list *ways)
{
	for (size_t i = 0; i < ways->count && nft_step(r); i++) {
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

static void finish(struct reading *r, const struct way *given);

static void verdict_map(struct reading *r, way_list *ways, const json_t *vmap)
{
	struct key key;
	const struct values v = nft_values_of(r, json_object_get(vmap, "data"));
	bool known = key_of(&key, json_object_get(vmap, "key"));
	for (size_t i = 0; i < ways->count && r->set->error == 0; i++) {
		for (size_t k = 0; v.list != NULL && k < json_array_size(v.list) && nft_step(r);
		     k++) {
			const json_t *pair = json_array_get(v.list, k);
			struct way way = ways->items[i];
			if (!known) {
				nft_doubt(r, &way, "vmap");
			} else {
				apply_key(r, &way, &key, nft_unwrap(json_array_get(pair, 0)));
			}
			if (v.passing) {
				nft_doubt(r, &way, v.name);
			}
			if (!verdict_of(r, &way.rule, json_array_get(pair, 1))) {
				way.rule.verdict = RULE_DROP;
				nft_doubt(r, &way, "vmap");
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
		nft_doubt(r, &way, "fib");
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
	return xt != NULL && strcmp(nft_word(xt, "name"), "comment") == 0;
}

static void finish_all(struct reading *r, way_list *ways, const json_t *verdict)
{
	for (size_t i = 0; i < ways->count && nft_step(r); i++) {
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
	bool decides = strcmp(nft_word(xt, "type"), "target") == 0 ||
		       json_object_get(statement, "queue") != NULL;
	name = xt != NULL ? nft_word(xt, "name") : name == NULL ? "?" : name;
	for (size_t i = 0; i < ways->count && nft_step(r); i++) {
		nft_doubt(r, &ways->items[i], name);
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
		if (r->set->error < 0 || !nft_step(r)) {
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
	const char *comment = nft_word(rule, "comment");
	if (statement != UINT32_MAX && comment[0] != '\0') {
		r->set->statements.items[statement].comment =
			ruleset_text(r->set, comment, strlen(comment));
	}
	return statement;
}

static void read_rule(struct reading *r, const json_t *rule, uint32_t chain)
{
	way_list ways = { 0 };
	r->family = nft_word(rule, "family");
	r->table = nft_word(rule, "table");
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
	const char *family = nft_word(chain, "family");
	char key[NFT_KEY_BYTES];
	if (is_left_alone(nft_word(chain, "table"))) {
		ruleset_note(r->set, UINT32_MAX, IMPORT_CHANGED, "import-left-alone", "table",
			     nft_word(chain, "table"));
		return;
	}
	(void)snprintf(key, sizeof(key), "%s %s %s", family, nft_word(chain, "table"),
		       nft_word(chain, "name"));
	uint32_t at = ruleset_chain(r->set, key);
	if (at == NO_CHAIN) {
		return;
	}
	struct chain *base = &r->set->chains.items[at];
	base->base = true;
	base->priority = (int)json_integer_value(json_object_get(chain, "prio"));
	base->policy = strcmp(nft_word(chain, "policy"), "drop") == 0 ? RULE_DROP : RULE_ACCEPT;
	base->families = strcmp(family, "inet") == 0 ? ALL_FAMILIES
			 : strcmp(family, "ip") == 0 ? 1u << FAMILY_IPV4
						     : 1u << FAMILY_IPV6;
	r->set->families |= base->families;
}

static void read_chain(struct reading *r, const json_t *chain)
{
	const char *hook = nft_word(chain, "hook");
	bool filter = strcmp(nft_word(chain, "type"), "filter") == 0;
	if (!is_ip_family(nft_word(chain, "family")) || !filter) {
		return;
	}
	if (strcmp(hook, "input") == 0) {
		add_base(r, chain);
	} else if (strcmp(hook, "output") == 0 && strcmp(nft_word(chain, "policy"), "drop") == 0) {
		ruleset_note(r->set, UINT32_MAX, IMPORT_LEFT, "import-outbound", NULL, NULL);
	} else if (hook[0] != '\0') {
		r->elsewhere = true;
	}
}

static void keep(struct reading *r, json_t *store, const json_t *object, const char *name,
		 bool many)
{
	char key[NFT_KEY_BYTES];
	(void)snprintf(key, sizeof(key), "%s %s %s", nft_word(object, "family"),
		       nft_word(object, "table"), name);
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
		keep(r, r->rules, rule, nft_word(rule, "chain"), true);
	}
	if (chain != NULL) {
		read_chain(r, chain);
	}
	for (size_t i = 0; i < 2; i++) {
		const json_t *set = json_object_get(object, sets[i]);
		if (set != NULL) {
			keep(r, r->sets, set, nft_word(set, "name"), false);
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
