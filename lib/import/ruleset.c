/* Making chains of rules; reading the small values that all firewalls share. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/parse.h"
#include "import/rules.h"

enum { RULE_TEXT_BYTES_MAX = 400, CHAINS_MAX = 20000, NOTES_MAX = 300000 };

const enum protocol traffic_protocols[TRAFFICS] = {
	[TRAFFIC_TCP] = PROTOCOL_TCP,   [TRAFFIC_UDP] = PROTOCOL_UDP,
	[TRAFFIC_SCTP] = PROTOCOL_SCTP, [TRAFFIC_DCCP] = PROTOCOL_DCCP,
	[TRAFFIC_PING] = PROTOCOL_NONE,
};

void ruleset_fail(struct ruleset *set, int code)
{
	if (set->error == 0) {
		set->error = code;
	}
}

const char *ruleset_text(struct ruleset *set, const char *text, size_t length)
{
	const char *copy = arena_strndup(set->arena, text, length);
	if (copy == NULL) {
		ruleset_fail(set, -ENOMEM);
		return "";
	}
	return copy;
}

struct chain_name {
	const char *name;
	uint32_t chain;
	UT_hash_handle hh;
};

uint32_t ruleset_find(const struct ruleset *set, const char *name)
{
	struct chain_name *found = NULL;
	HASH_FIND_STR(set->names, name, found);
	return found == NULL ? NO_CHAIN : found->chain;
}

uint32_t ruleset_chain(struct ruleset *set, const char *name)
{
	uint32_t at = ruleset_find(set, name);
	if (at != NO_CHAIN || set->error < 0) {
		return at;
	}
	struct chain_name *slot = calloc(1, sizeof(*slot));
	struct chain *chain = set->chains.count < CHAINS_MAX ? vec_push(&set->chains) : NULL;
	if (chain == NULL || slot == NULL) {
		ruleset_fail(set, set->chains.count < CHAINS_MAX ? -ENOMEM : -EFBIG);
		free(slot);
		return NO_CHAIN;
	}
	chain->name = ruleset_text(set, name, strlen(name));
	slot->name = chain->name;
	slot->chain = (uint32_t)(set->chains.count - 1);
	HASH_ADD_KEYPTR(hh, set->names, slot->name, strlen(slot->name), slot);
	if (slot->hh.tbl == NULL) {
		ruleset_fail(set, -ENOMEM);
		free(slot);
		return NO_CHAIN;
	}
	return slot->chain;
}

uint32_t ruleset_statement(struct ruleset *set, const char *file, uint32_t line, const char *text,
			   size_t length)
{
	struct statement *s =
		set->statements.count < IMPORT_RULES_MAX ? vec_push(&set->statements) : NULL;
	if (s == NULL) {
		ruleset_fail(set, set->statements.count < IMPORT_RULES_MAX ? -ENOMEM : -EFBIG);
		return UINT32_MAX;
	}
	bool long_one = length > RULE_TEXT_BYTES_MAX;
	s->file = file;
	s->line = line;
	s->text = ruleset_text(set, text, long_one ? RULE_TEXT_BYTES_MAX : length);
	return (uint32_t)(set->statements.count - 1);
}

struct rule ruleset_rule(uint32_t statement)
{
	return (struct rule){ .statement = statement,
			      .families = 1 << FAMILY_IPV4 | 1 << FAMILY_IPV6,
			      .traffic = TRAFFIC_ALL };
}

/*
 * Sources that the kernel drops by itself when they come from outside: net/ipv4/route.c
 * (ip_route_input_slow), net/ipv6/ip6_input.c (ip6_rcv_core). Rules that drop them once more would
 * only tear holes into `from: any`.
 */
static const struct spans *martians(unsigned family)
{
	static const struct spans ipv4 = { .count = 3,
					   .items = { { 0, 0x00ffffff },
						      { 0x7f000000, 0x7fffffff },
						      { 0xe0000000, UINT32_MAX } } };
	static const struct spans ipv6 = {
		.count = 2, .items = { { 0, 1 }, { (number_t)0xff << 120, ~(number_t)0 } }
	};
	return family == FAMILY_IPV4 ? &ipv4 : &ipv6;
}

static void forget_martians(struct ruleset *set, struct rule *rule)
{
	bool left = false;
	for (unsigned family = 0; family < FAMILIES; family++) {
		if (rule->sources[family] != NULL && rule->sources[family]->count > 0) {
			rule_sources(set, rule, family, martians(family), true);
		}
		left = left ||
		       ((rule->families >> family & 1) != 0 &&
			(rule->sources[family] == NULL || rule->sources[family]->count > 0));
	}
	if (!left) {
		set->statements.items[rule->statement].narrowed = true;
	}
}

void ruleset_add(struct ruleset *set, uint32_t chain, const struct rule *given)
{
	struct rule copy = *given;
	struct rule *rule = &copy;
	if (set->error < 0 || chain >= set->chains.count || rule->statement == UINT32_MAX) {
		return;
	}
	if (set->rule_count == IMPORT_RULES_MAX) {
		ruleset_fail(set, -EFBIG);
		return;
	}
	if (rule->verdict == RULE_DROP || rule->verdict == RULE_REJECT) {
		forget_martians(set, rule);
	}
	if ((rule->traffic & 1 << TRAFFIC_TCP) == 0) {
		set->traffic |= rule->traffic;
	}
	struct rule *slot = vec_push(&set->chains.items[chain].rules);
	if (slot == NULL) {
		ruleset_fail(set, -ENOMEM);
		return;
	}
	*slot = *rule;
	set->rule_count++;
}

void ruleset_note(struct ruleset *set, uint32_t statement, enum import_outcome outcome,
		  const char *reason, const char *name, const char *value)
{
	struct import_report *report = set->report;
	struct statement *s =
		statement < set->statements.count ? &set->statements.items[statement] : NULL;
	struct import_note *note =
		report->notes.count < NOTES_MAX ? vec_push(&report->notes) : NULL;
	if (note == NULL) {
		ruleset_fail(set, -ENOMEM);
		return;
	}
	note->outcome = outcome;
	note->reason = reason;
	if (s != NULL) {
		note->order = statement + 1;
		note->file = s->file;
		note->line = s->line;
		note->rule = s->text;
		s->noted = true;
	}
	if (name != NULL) {
		note->argument_count = 1;
		note->arguments[0] =
			(struct message_argument){ name, ruleset_text(set, value, strlen(value)) };
	}
	report->counts[outcome]++;
}

void ruleset_itself(struct ruleset *set, uint32_t statement, const char *reason)
{
	ruleset_note(set, statement, IMPORT_CARRIED, reason, NULL, NULL);
}

enum { SETTLE_DEPTH_MAX = 8 };

/* Whether whoever comes into the chain is dropped, if anything happens to him. */
static bool only_drops(const struct ruleset *set, uint32_t chain, unsigned depth)
{
	if (chain >= set->chains.count || depth == SETTLE_DEPTH_MAX) {
		return false;
	}
	const struct chain *c = &set->chains.items[chain];
	bool drops = false;
	for (size_t i = 0; i < c->rules.count && i < 64; i++) {
		const struct rule *rule = &c->rules.items[i];
		bool jumps = rule->verdict == RULE_JUMP || rule->verdict == RULE_GOTO;
		if (rule->verdict == RULE_ACCEPT || rule->verdict == RULE_RETURN ||
		    (jumps && !only_drops(set, rule->target, depth + 1))) {
			return false;
		}
		drops = drops || jumps || rule->verdict == RULE_DROP ||
			rule->verdict == RULE_REJECT;
	}
	return drops;
}

/* Whether nothing in the chain lets anybody in or keeps anybody out: it logs. */
static bool decides_nothing(const struct ruleset *set, uint32_t chain, unsigned depth)
{
	bool nothing = chain < set->chains.count && depth < SETTLE_DEPTH_MAX &&
		       set->chains.items[chain].rules.count < 64;
	for (size_t i = 0; nothing && i < set->chains.items[chain].rules.count; i++) {
		const struct rule *rule = &set->chains.items[chain].rules.items[i];
		bool jumps = rule->verdict == RULE_JUMP || rule->verdict == RULE_GOTO;
		nothing = rule->verdict == RULE_NOTHING || rule->verdict == RULE_RETURN ||
			  (jumps && decides_nothing(set, rule->target, depth + 1));
	}
	return nothing;
}

static void settle_rule(struct ruleset *set, struct rule *rule)
{
	bool drops = rule->verdict == RULE_DROP || rule->verdict == RULE_REJECT;
	bool jumps = rule->verdict == RULE_JUMP || rule->verdict == RULE_GOTO;
	if (jumps && decides_nothing(set, rule->target, 0)) {
		rule->verdict = rule->verdict == RULE_JUMP ? RULE_NOTHING : rule->verdict;
		rule->rate.count = 0;
		return;
	}
	if (rule->over) {
		bool limit = (drops || only_drops(set, rule->target, 0)) && rule->rate.count > 0;
		rule->verdict = limit ? RULE_LIMIT : rule->verdict;
		rule->doubt = limit || rule->doubt != NULL ? rule->doubt : "limit";
	} else if (drops) {
		rule->doubt = rule->doubt != NULL ? rule->doubt : "limit";
	}
	if (rule->doubt == NULL && !set->statements.items[rule->statement].noted) {
		ruleset_note(set, rule->statement, IMPORT_CHANGED,
			     rule->global ? "import-rate-global" : "import-rate", NULL, NULL);
	}
}

void ruleset_settle(struct ruleset *set)
{
	for (size_t i = 0; i < set->chains.count && set->error == 0; i++) {
		for (size_t k = 0; k < set->chains.items[i].rules.count; k++) {
			struct rule *rule = &set->chains.items[i].rules.items[k];
			if (rule->verdict != RULE_NOTHING && (rule->over || rule->rate.count > 0)) {
				settle_rule(set, rule);
			}
		}
	}
}

void ruleset_deinit(struct ruleset *set)
{
	struct chain_name *item = NULL;
	struct chain_name *next = NULL;
	HASH_ITER (hh, set->names, item, next) {
		HASH_DEL(set->names, item);
		free(item);
	}
	for (size_t i = 0; i < set->chains.count; i++) {
		vec_free(&set->chains.items[i].rules);
	}
	vec_free(&set->chains);
	vec_free(&set->statements);
}

static const struct spans *narrow(struct ruleset *set, const struct spans *before,
				  const struct spans *more, bool negated, enum addr_family family)
{
	const struct spans *all = before == NULL ? spans_all(family) : before;
	const struct spans *result = more == NULL ? NULL
				     : negated    ? spans_minus(set->arena, all, more)
						  : spans_and(set->arena, all, more);
	if (result == NULL) {
		ruleset_fail(set, -ENOMEM);
		return &spans_none;
	}
	return result;
}

void rule_ports(struct ruleset *set, struct rule *rule, const struct spans *ports, bool negated)
{
	rule->ports = narrow(set, rule->ports, ports, negated, ADDR_NONE);
	rule->traffic &= TRAFFIC_PORTS;
}

void rule_sources(struct ruleset *set, struct rule *rule, unsigned family,
		  const struct spans *sources, bool negated)
{
	enum addr_family of = family == FAMILY_IPV4 ? ADDR_IPV4 : ADDR_IPV6;
	rule->sources[family] = narrow(set, rule->sources[family], sources, negated, of);
}

/* ---- values ---- */

bool span_of_ports(struct span *out, const char *text, size_t length)
{
	size_t middle = 0;
	while (middle < length && text[middle] != ':' && text[middle] != '-') {
		middle++;
	}
	uint64_t first = 0;
	uint64_t last = UINT16_MAX;
	if ((middle > 0 || length < 2) &&
	    parse_u64_bytes(&first, text, middle, 0, UINT16_MAX) < 0) {
		return false;
	}
	if (middle == length) {
		last = first;
	} else if (middle + 1 < length && parse_u64_bytes(&last, text + middle + 1,
							  length - middle - 1, 0, UINT16_MAX) < 0) {
		return false;
	}
	*out = (struct span){ first, last };
	return first <= last;
}

/* "255.255.255.0" as 24. @return -1 when it is no such mask. */
static int mask_bits(const struct addr *mask)
{
	size_t length = mask->family == ADDR_IPV4 ? 4 : 16;
	int bits = 0;
	bool ended = false;
	for (size_t i = 0; i < length * 8; i++) {
		bool one = (mask->bytes[i / 8] >> (7 - i % 8) & 1) != 0;
		if (one && ended) {
			return -1;
		}
		ended = !one;
		bits += one;
	}
	return bits;
}

static bool span_of_range(struct span *out, unsigned *family, const char *first, const char *last)
{
	struct addr a;
	struct addr b;
	if (addr_parse(&a, first) < 0 || addr_parse(&b, last) < 0 || a.family != b.family) {
		return false;
	}
	*out = (struct span){ span_of_address(&a).first, span_of_address(&b).first };
	*family = a.family == ADDR_IPV4 ? FAMILY_IPV4 : FAMILY_IPV6;
	return out->first <= out->last;
}

bool span_of_network(struct span *out, unsigned *family, const char *text)
{
	char copy[2 * ADDR_TEXT_BYTES];
	if (strlen(text) >= sizeof(copy)) {
		return false;
	}
	memcpy(copy, text, strlen(text) + 1);
	char *dash = strchr(copy, '-');
	if (dash != NULL) {
		*dash = '\0';
		return span_of_range(out, family, copy, dash + 1);
	}
	struct prefix prefix = { 0 };
	struct addr mask;
	uint64_t bits = 0;
	char *slash = strchr(copy, '/');
	if (slash != NULL) {
		*slash = '\0';
	}
	if (addr_parse(&prefix.address, copy) < 0) {
		return false;
	}
	unsigned width = prefix.address.family == ADDR_IPV4 ? 32 : 128;
	if (slash == NULL) {
		bits = width;
	} else if (addr_parse(&mask, slash + 1) == 0 && mask.family == prefix.address.family) {
		int known = mask_bits(&mask);
		if (known < 0) {
			return false;
		}
		bits = (uint64_t)known;
	} else if (parse_u64(&bits, slash + 1, 0, width) < 0) {
		return false;
	}
	prefix.bits = (uint8_t)bits;
	*out = span_of_prefix(&prefix);
	*family = width == 32 ? FAMILY_IPV4 : FAMILY_IPV6;
	return true;
}

bool span_is_multicast(const struct span *span, unsigned family)
{
	return family == FAMILY_IPV4 ? span->first >= 0xe0000000 && span->last < 0xf0000000
					       ? true
					       : span->first == UINT32_MAX
				     : span->first >= (number_t)0xff << 120;
}

bool span_is_loopback(const struct span *span, unsigned family)
{
	return family == FAMILY_IPV4 ? span->first >= 0x7f000000 && span->last <= 0x7fffffff
				     : span->first == 1 && span->last == 1;
}

bool rate_of(struct policy_rate *out, uint64_t count, usec_t per)
{
	static const usec_t units[] = { USEC_PER_SEC, USEC_PER_MIN, USEC_PER_HOUR, USEC_PER_DAY };
	if (count == 0 || per <= 0 || count > 1000000 || per > USEC_PER_DAY) {
		return false;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		uint64_t whole = count * (uint64_t)units[i] / (uint64_t)per;
		if (per <= units[i] && whole >= 1 && whole <= 1000000) {
			*out = (struct policy_rate){ (uint32_t)whole, units[i] };
			return true;
		}
	}
	return false;
}

bool rate_stricter(const struct policy_rate *a, const struct policy_rate *b)
{
	return a->count > 0 && (b->count == 0 || (number_t)a->count * (number_t)b->per <
							 (number_t)b->count * (number_t)a->per);
}
