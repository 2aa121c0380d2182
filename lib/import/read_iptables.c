/* What iptables-save and ip6tables-save print: the table filter, from the chain INPUT on. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "import/iptables_options.h"

enum { CHAIN_NAME_BYTES = 96, REACH_PASSES_MAX = 64, EDGES_MAX = 200000 };

/* One table of the text. */
struct section {
	struct ruleset *set;
	const char *file;
	const char *begin, *end;
	uint32_t line;
	unsigned family;
	struct tokens *tokens; /* of the line that is being read */
};

/* ---- words ---- */

static const char *token(struct tokens *t, const char **at, const char *end)
{
	const char *out = &t->bytes[t->used];
	char quote = '\0';
	for (; *at < end && (quote != '\0' || **at != ' '); (*at)++) {
		char c = **at;
		if (c == '\\' && *at + 1 < end) {
			t->bytes[t->used++] = *++*at;
		} else if (quote == '\0' ? c == '"' || c == '\'' : c == quote) {
			quote = quote == '\0' ? c : '\0';
		} else {
			t->bytes[t->used++] = c == '\0' ? '?' : c;
		}
	}
	t->bytes[t->used++] = '\0';
	t->cut = t->cut || quote != '\0';
	return out;
}

static void split(struct tokens *out, const char *begin, const char *end)
{
	out->count = out->used = 0;
	out->cut = end - begin >= LINE_BYTES / 2;
	end = out->cut ? begin + LINE_BYTES / 2 : end; /* at least a space for each NUL */
	while (begin < end) {
		if (*begin == ' ' || *begin == '\t') {
			begin++;
			continue;
		}
		if (out->count == TOKENS_MAX) {
			out->cut = true;
			return;
		}
		out->items[out->count++] = token(out, &begin, end);
	}
}

/* ---- a rule ---- */

static const struct {
	const char *name;
	enum rule_verdict verdict;
} targets[] = {
	{ "ACCEPT", RULE_ACCEPT },  { "DROP", RULE_DROP },        { "REJECT", RULE_REJECT },
	{ "RETURN", RULE_RETURN },  { "LOG", RULE_NOTHING },      { "NFLOG", RULE_NOTHING },
	{ "ULOG", RULE_NOTHING },   { "MARK", RULE_NOTHING },     { "CONNMARK", RULE_NOTHING },
	{ "TRACE", RULE_NOTHING },  { "AUDIT", RULE_NOTHING },    { "SET", RULE_NOTHING },
	{ "CT", RULE_NOTHING },     { "CLASSIFY", RULE_NOTHING }, { "SECMARK", RULE_NOTHING },
	{ "TCPMSS", RULE_NOTHING }, { "DSCP", RULE_NOTHING },     { "CONNSECMARK", RULE_NOTHING },
};

static void chain_key(char out[CHAIN_NAME_BYTES], unsigned family, const char *name)
{
	(void)snprintf(out, CHAIN_NAME_BYTES, "%c %s", family == FAMILY_IPV4 ? '4' : '6', name);
}

static void find_target(struct line *l)
{
	char key[CHAIN_NAME_BYTES];
	for (size_t i = 0; l->target != NULL && i < sizeof(targets) / sizeof(targets[0]); i++) {
		if (strcmp(l->target, targets[i].name) == 0) {
			l->rule.verdict = targets[i].verdict;
			return;
		}
	}
	if (l->target == NULL) {
		return;
	}
	chain_key(key, l->family, l->target);
	l->rule.target = ruleset_find(l->set, key);
	if (l->rule.target != NO_CHAIN) {
		l->rule.verdict = l->jumps_away ? RULE_GOTO : RULE_JUMP;
	} else {
		l->rule.verdict = RULE_DROP; /* a queue: some program decides */
		iptables_doubt(l, "-j", l->target);
	}
}

static bool is_fail2ban(const char *chain)
{
	return chain != NULL && (str_starts(chain, "f2b-") || str_starts(chain, "fail2ban-"));
}

/* DHCP answers, which minato lets in by itself. */
static bool is_dhcp(const struct rule *rule)
{
	return rule->verdict == RULE_ACCEPT && rule->traffic == 1 << TRAFFIC_UDP &&
	       rule->ports != NULL && rule->ports->count == 1 &&
	       rule->ports->items[0].first == rule->ports->items[0].last &&
	       (rule->ports->items[0].first == 68 || rule->ports->items[0].first == 546);
}

/* What is said about a rule that adds nothing. @return false when it has to be followed. */
static bool is_settled(struct line *l)
{
	struct ruleset *set = l->set;
	uint32_t s = l->rule.statement;
	bool accepts = l->rule.verdict == RULE_ACCEPT;
	if (l->bad != NULL) {
		iptables_doubt(l, "?", l->bad);
		return false;
	}
	if (is_fail2ban(l->target)) {
		ruleset_note(set, s, IMPORT_CHANGED, "import-fail2ban", NULL, NULL);
	} else if (l->never || is_dhcp(&l->rule)) {
		ruleset_itself(set, s, "import-itself");
	} else if (l->broadcast) {
		ruleset_note(set, s, IMPORT_CHANGED, "import-multicast", NULL, NULL);
	} else if (l->other && accepts) {
		ruleset_note(set, s, IMPORT_LEFT, "import-protocol", NULL, NULL);
	} else if (l->rule.traffic == 0) {
		ruleset_itself(set, s, l->other ? "import-nothing" : "import-itself");
	} else if (l->connections) {
		ruleset_note(set, s, IMPORT_LEFT, "import-connections", NULL, NULL);
	} else {
		return false;
	}
	return true;
}

static void settle_recent(struct line *l)
{
	if (l->looks_back) {
		l->rule.over = true;
		if (!rate_of(&l->rule.rate, l->hits, (usec_t)l->seconds * USEC_PER_SEC)) {
			iptables_doubt(l, "-m recent", "");
		}
	}
}

static void add_rule(struct section *section, uint32_t line, const char *begin, const char *end,
		     uint32_t chain)
{
	uint32_t statement =
		ruleset_statement(section->set, section->file, line, begin, (size_t)(end - begin));
	struct line l = { .set = section->set,
			  .rule = ruleset_rule(statement),
			  .family = section->family };
	if (statement == UINT32_MAX) {
		return;
	}
	l.rule.families = 1u << section->family;
	iptables_options(&l, section->tokens, 2);
	if (section->tokens->cut) {
		iptables_doubt(&l, "...", "");
	}
	find_target(&l);
	if (l.rule.verdict == RULE_NOTHING || is_settled(&l)) {
		return;
	}
	settle_recent(&l);
	ruleset_add(section->set, chain, &l.rule);
}

/* ---- lines ---- */

/* The next line. @return false at the end. */
static bool next_line(const char **at, const char *end, const char **begin, const char **stop)
{
	if (*at >= end) {
		return false;
	}
	const char *newline = memchr(*at, '\n', (size_t)(end - *at));
	*begin = *at;
	*stop = newline == NULL ? end : newline;
	*at = newline == NULL ? end : newline + 1;
	if (*stop > *begin && (*stop)[-1] == '\r') {
		(*stop)--;
	}
	while (*begin < *stop && (**begin == ' ' || **begin == '\t')) {
		(*begin)++;
	}
	return true;
}

static bool begins(const char *begin, const char *end, const char *words)
{
	size_t length = strlen(words);
	return (size_t)(end - begin) >= length && memcmp(begin, words, length) == 0;
}

/* "[12:3456] -A ...": counters of iptables-save -c. */
static const char *after_counters(const char *begin, const char *end)
{
	const char *close =
		begin < end && *begin == '[' ? memchr(begin, ']', (size_t)(end - begin)) : NULL;
	begin = close == NULL ? begin : close + 1;
	while (begin < end && *begin == ' ') {
		begin++;
	}
	return begin;
}

/* A jump from chain to chain, for finding what INPUT leads to. */
struct edge {
	uint32_t from, to;
};

/* The chain and the target of "-A CHAIN ... -j TARGET", without reading the rest. */
static struct edge edge_of(const struct section *section)
{
	const struct tokens *t = section->tokens;
	struct edge edge = { NO_CHAIN, NO_CHAIN };
	char key[CHAIN_NAME_BYTES];
	for (size_t i = 2; i + 1 < t->count && edge.to == NO_CHAIN; i++) {
		if (strcmp(t->items[i], "-j") == 0 || strcmp(t->items[i], "-g") == 0 ||
		    strcmp(t->items[i], "--jump") == 0 || strcmp(t->items[i], "--goto") == 0) {
			chain_key(key, section->family, t->items[i + 1]);
			edge.to = ruleset_find(section->set, key);
		}
	}
	if (t->count > 1) {
		chain_key(key, section->family, t->items[1]);
		edge.from = ruleset_find(section->set, key);
	}
	return edge;
}

/* Marks with `active` the chains that INPUT leads to; walking needs the mark only later. */
static void reach(struct ruleset *set, const struct edge *edges, size_t count)
{
	bool again = true;
	for (unsigned pass = 0; again && pass < REACH_PASSES_MAX; pass++) {
		again = false;
		for (size_t i = 0; i < count; i++) {
			struct chain *to = &set->chains.items[edges[i].to];
			if (set->chains.items[edges[i].from].active && !to->active) {
				to->active = again = true;
			}
		}
	}
}

/* ":INPUT DROP [0:0]" */
static void declare_chain(struct section *section)
{
	const struct tokens *t = section->tokens;
	char key[CHAIN_NAME_BYTES];
	const char *name = t->items[0] + 1;
	const char *policy = t->count > 1 ? t->items[1] : "-";
	chain_key(key, section->family, name);
	uint32_t at = ruleset_chain(section->set, key);
	if (at == NO_CHAIN) {
		return;
	}
	struct chain *chain = &section->set->chains.items[at];
	chain->policy = strcmp(policy, "DROP") == 0 ? RULE_DROP : RULE_ACCEPT;
	chain->families = 1u << section->family;
	if (strcmp(name, "INPUT") == 0) {
		chain->base = chain->active = true;
		section->set->families |= chain->families;
	}
	if (strcmp(name, "OUTPUT") == 0 && chain->policy == RULE_DROP) {
		ruleset_note(section->set, UINT32_MAX, IMPORT_LEFT, "import-outbound", NULL, NULL);
	}
}

typedef void line_function(struct section *section, uint32_t line, const char *begin,
			   const char *end, void *data);

static void each_line(struct section *section, line_function *function, void *data)
{
	const char *at = section->begin;
	const char *begin = NULL;
	const char *end = NULL;
	uint32_t line = section->line;
	while (section->set->error == 0 && next_line(&at, section->end, &begin, &end)) {
		function(section, line++, after_counters(begin, end), end, data);
	}
}

struct edges {
	VEC(struct edge) list;
	bool elsewhere; /* rules of other chains than INPUT leads to */
};

static void find_edges(struct section *section, uint32_t line, const char *begin, const char *end,
		       void *data)
{
	struct edges *edges = data;
	(void)line;
	if (begin >= end || (*begin != ':' && !begins(begin, end, "-A"))) {
		return;
	}
	split(section->tokens, begin, end);
	if (*begin == ':') {
		declare_chain(section);
		return;
	}
	struct edge edge = edge_of(section);
	if (edge.from == NO_CHAIN || edge.to == NO_CHAIN) {
		return;
	}
	struct edge *slot = edges->list.count < EDGES_MAX ? vec_push(&edges->list) : NULL;
	if (slot == NULL) {
		ruleset_fail(section->set, edges->list.count < EDGES_MAX ? -ENOMEM : -EFBIG);
		return;
	}
	*slot = edge;
}

static void read_rule(struct section *section, uint32_t line, const char *begin, const char *end,
		      void *data)
{
	struct edges *edges = data;
	char key[CHAIN_NAME_BYTES];
	if (!begins(begin, end, "-A")) {
		return;
	}
	split(section->tokens, begin, end);
	if (section->tokens->count < 2) {
		return;
	}
	chain_key(key, section->family, section->tokens->items[1]);
	uint32_t chain = ruleset_find(section->set, key);
	if (chain == NO_CHAIN || !section->set->chains.items[chain].active) {
		edges->elsewhere = true;
	} else if (!is_fail2ban(section->tokens->items[1])) {
		add_rule(section, line, begin, end, chain);
	}
}

static void read_filter(struct section *section)
{
	struct edges edges = { 0 };
	each_line(section, find_edges, &edges);
	reach(section->set, edges.list.items, edges.list.count);
	each_line(section, read_rule, &edges);
	if (edges.elsewhere) {
		ruleset_note(section->set, UINT32_MAX, IMPORT_CHANGED, "import-only-inbound", NULL,
			     NULL);
	}
	vec_free(&edges.list);
	for (size_t i = 0; i < section->set->chains.count; i++) {
		section->set->chains.items[i].active = false;
	}
}

/* Rules of raw and mangle may drop too; they are another matter than a port's. */
static void note_other(struct section *section, uint32_t line, const char *begin, const char *end,
		       void *data)
{
	size_t length = (size_t)(end - begin);
	(void)data;
	if (begins(begin, end, "-A") && (memmem(begin, length, "-j DROP", 7) != NULL)) {
		uint32_t s = ruleset_statement(section->set, section->file, line, begin, length);
		ruleset_note(section->set, s, IMPORT_CHANGED, "import-other-table", NULL, NULL);
	}
}

/* Addresses with colons in the table tell when nothing else does. */
static bool looks_ipv6(const struct section *section)
{
	size_t length = (size_t)(section->end - section->begin);
	return memmem(section->begin, length, "-p ipv6-icmp", 12) != NULL ||
	       memmem(section->begin, length, "-s fe80:", 8) != NULL ||
	       memmem(section->begin, length, "icmp6-", 6) != NULL ||
	       memmem(section->begin, length, "::", 2) != NULL;
}

static void read_section(struct section *section, const char *table, const char *end, int family)
{
	section->family = family >= 0           ? (unsigned)family
			  : looks_ipv6(section) ? FAMILY_IPV6
						: FAMILY_IPV4;
	if (begins(table, end, "*filter")) {
		read_filter(section);
	} else if (!begins(table, end, "*nat")) {
		each_line(section, note_other, NULL);
	}
}

void read_iptables(struct ruleset *set, const struct import_file *file)
{
	const char *at = file->bytes;
	const char *stop = file->bytes + file->length;
	const char *begin = NULL;
	const char *end = NULL;
	const char *table = NULL;
	const char *table_end = NULL;
	_cleanup_(freep) struct tokens *tokens = malloc(sizeof(*tokens));
	struct section section = { .set = set,
				   .file = ruleset_text(set, file->name, strlen(file->name)),
				   .tokens = tokens };
	if (tokens == NULL) {
		ruleset_fail(set, -ENOMEM);
		return;
	}
	int family = -1; /* as the header says */
	for (uint32_t line = 1; set->error == 0 && next_line(&at, stop, &begin, &end); line++) {
		if (begins(begin, end, "# Generated by ip")) {
			family = begins(begin, end, "# Generated by ip6") ? FAMILY_IPV6
									  : FAMILY_IPV4;
		}
		bool ends = begins(begin, end, "COMMIT") || at >= stop;
		if (begin < end && *begin == '*') {
			table = begin;
			table_end = end;
			section.begin = at;
			section.line = line + 1;
		} else if (ends && table != NULL) {
			section.end = at >= stop ? stop : begin;
			read_section(&section, table, table_end, family);
			table = NULL;
		}
	}
}
