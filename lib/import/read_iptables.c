/* What iptables-save and ip6tables-save print: the table filter, from the chain INPUT on. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "import/rules.h"

enum {
	TOKENS_MAX = 512,
	LINE_BYTES = 32 * 1024,
	CHAIN_NAME_BYTES = 96,
	REACH_PASSES_MAX = 64,
	EDGES_MAX = 200000
};

/* Words of one line; quotes and backslashes are gone. */
struct tokens {
	const char *items[TOKENS_MAX];
	size_t count;
	bool cut; /* more than there is room for, or an open quote */
	size_t used;
	char bytes[LINE_BYTES];
};

/* A line that is being read. */
struct line {
	struct ruleset *set;
	struct rule rule;
	unsigned family;
	const char *target;
	bool negated;     /* the option that is being read has a ! before it */
	bool jumps_away;  /* -g */
	bool never;       /* a new connection from outside is not like this */
	bool broadcast;   /* multicast or broadcast alone */
	bool other;       /* a protocol without ports */
	bool connections; /* counts open connections */
	uint64_t hits;    /* -m recent */
	uint64_t seconds;
	bool looks_back; /* -m recent --update, --rcheck */
	const char *bad; /* an option whose value cannot be read */
};

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

/* ---- options ---- */

static void doubt(struct line *l, const char *option, const char *value)
{
	char *text = arena_printf(l->set->arena, "%s%s %s", l->negated ? "! " : "", option, value);
	if (text == NULL) {
		ruleset_fail(l->set, -ENOMEM);
	}
	l->rule.doubt = l->rule.doubt == NULL ? text : l->rule.doubt;
}

static const struct {
	const char *name;
	unsigned traffic;
} protocols[] = {
	{ "tcp", 1 << TRAFFIC_TCP },
	{ "6", 1 << TRAFFIC_TCP },
	{ "udp", 1 << TRAFFIC_UDP },
	{ "17", 1 << TRAFFIC_UDP },
	{ "sctp", 1 << TRAFFIC_SCTP },
	{ "132", 1 << TRAFFIC_SCTP },
	{ "dccp", 1 << TRAFFIC_DCCP },
	{ "33", 1 << TRAFFIC_DCCP },
	{ "icmp", 1 << TRAFFIC_PING },
	{ "1", 1 << TRAFFIC_PING },
	{ "ipv6-icmp", 1 << TRAFFIC_PING },
	{ "icmpv6", 1 << TRAFFIC_PING },
	{ "58", 1 << TRAFFIC_PING },
	{ "all", TRAFFIC_ALL },
	{ "0", TRAFFIC_ALL },
};

static void read_protocol(struct line *l, const char *option, const char *value)
{
	(void)option;
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (strcmp(value, protocols[i].name) == 0) {
			l->rule.traffic &=
				l->negated ? ~protocols[i].traffic : protocols[i].traffic;
			return;
		}
	}
	if (!l->negated) {
		l->other = true;
		l->rule.traffic = 0;
	}
}

static bool network_of(struct line *l, struct span *span, const char *value)
{
	unsigned family = 0;
	if (!span_of_network(span, &family, value) || family != l->family) {
		l->bad = value;
		return false;
	}
	return true;
}

static void read_source(struct line *l, const char *option, const char *value)
{
	/* A mask with holes is legal, and rare enough to be left. */
	const char *slash = strchr(value, '/');
	struct span span;
	unsigned family = 0;
	if (slash != NULL && strpbrk(slash, ".:") != NULL &&
	    !span_of_network(&span, &family, value)) {
		doubt(l, option, value);
		return;
	}
	if (network_of(l, &span, value)) {
		rule_sources(l->set, &l->rule, l->family, spans_make(l->set->arena, &span, 1),
			     l->negated);
	}
}

static void read_destination(struct line *l, const char *option, const char *value)
{
	struct span span;
	if (!network_of(l, &span, value)) {
		return;
	}
	enum addr_family family = l->family == FAMILY_IPV4 ? ADDR_IPV4 : ADDR_IPV6;
	const struct span all = spans_all(family)->items[0];
	if (span.first == all.first && span.last == all.last) {
		l->never = l->never || l->negated;
	} else if (!l->negated && span_is_multicast(&span, l->family)) {
		l->broadcast = true;
	} else if (!l->negated && span_is_loopback(&span, l->family)) {
		l->never = true;
	} else {
		doubt(l, option, value);
	}
}

static void read_interface(struct line *l, const char *option, const char *value)
{
	size_t length = strlen(value);
	const char **names = arena_alloc(l->set->arena, sizeof(*names));
	char *name = arena_strdup(l->set->arena, value);
	(void)option;
	if (names == NULL || name == NULL || length == 0) {
		ruleset_fail(l->set, length == 0 ? -EINVAL : -ENOMEM);
		return;
	}
	if (name[length - 1] == '+') {
		name[length - 1] = '*';
	}
	names[0] = name;
	l->never = l->never || (!l->negated && strcmp(value, "lo") == 0);
	l->rule.interfaces = names;
	l->rule.interface_count = 1;
	l->rule.interfaces_excluded = l->negated;
}

static const struct spans *port_list(struct line *l, const char *value)
{
	struct span spans[64];
	size_t count = 0;
	while (*value != '\0' && count < sizeof(spans) / sizeof(spans[0])) {
		size_t length = strcspn(value, ",");
		if (!span_of_ports(&spans[count++], value, length)) {
			break;
		}
		value += length + (value[length] == ',');
		if (*value == '\0') {
			return spans_make(l->set->arena, spans, count);
		}
	}
	return NULL;
}

static void read_ports(struct line *l, const char *option, const char *value)
{
	const struct spans *ports = port_list(l, value);
	if (ports == NULL) {
		l->bad = value;
	} else if (strcmp(option, "--ports") == 0) {
		doubt(l, option, value);
	} else {
		rule_ports(l->set, &l->rule, ports, l->negated);
	}
}

static void read_state(struct line *l, const char *option, const char *value)
{
	bool fresh = strstr(value, "NEW") != NULL;
	if (fresh == l->negated) {
		l->never = true;
	}
	(void)option;
}

/* What a mask of --tcp-flags leaves of the first packet of a connection, which is SYN alone. */
static void read_flags(struct line *l, const char *option, const char *mask, const char *flags)
{
	bool asks = strstr(mask, "SYN") != NULL || strcmp(mask, "ALL") == 0;
	bool wants_syn = strstr(flags, "SYN") != NULL || strcmp(flags, "ALL") == 0;
	bool wants_more = strpbrk(flags, ",") != NULL || (!wants_syn && strcmp(flags, "NONE") != 0);
	bool holds = asks == wants_syn && !wants_more;
	(void)option;
	l->rule.traffic &= 1 << TRAFFIC_TCP;
	l->never = l->never || holds == l->negated;
}

static void read_syn(struct line *l, const char *option, const char *value)
{
	(void)value;
	read_flags(l, option, "SYN", "SYN");
}

static void read_icmp(struct line *l, const char *option, const char *value)
{
	static const char *const echo[] = {
		"8", "8/0", "echo-request", "128", "128/0", "any", "255"
	};
	bool asks = false;
	for (size_t i = 0; i < sizeof(echo) / sizeof(echo[0]); i++) {
		asks = asks || strcmp(value, echo[i]) == 0;
	}
	(void)option;
	l->rule.traffic &= asks != l->negated ? 1u << TRAFFIC_PING : 0;
}

/* "25/min", "3/second", "10/hour". */
static bool read_rate_text(struct policy_rate *out, const char *value)
{
	static const struct {
		char letter;
		usec_t per;
	} units[] = { { 's', USEC_PER_SEC },
		      { 'm', USEC_PER_MIN },
		      { 'h', USEC_PER_HOUR },
		      { 'd', USEC_PER_DAY } };
	size_t digits = strcspn(value, "/");
	uint64_t count = 0;
	if (parse_u64_bytes(&count, value, digits, 1, 1000000) < 0) {
		return false;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (value[digits] == '\0' || value[digits + 1] == units[i].letter) {
			return rate_of(out, count, units[i].per);
		}
	}
	return false;
}

static void read_limit(struct line *l, const char *option, const char *value)
{
	if (l->negated || !read_rate_text(&l->rule.rate, value)) {
		doubt(l, option, value);
		return;
	}
	l->rule.over = strcmp(option, "--hashlimit-above") == 0;
	l->rule.global = strcmp(option, "--limit") == 0;
}

static void read_recent(struct line *l, const char *option, const char *value)
{
	(void)value;
	l->looks_back = true;
	if (l->negated) {
		doubt(l, option, "");
	}
}

static void read_number(struct line *l, const char *option, const char *value)
{
	uint64_t *field = strcmp(option, "--seconds") == 0 ? &l->seconds : &l->hits;
	if (parse_u64(field, value, 1, 86400) < 0) {
		l->bad = value;
	}
}

/* ufw says in a comment which application it meant: 'dapp_Apache%20Full'. */
static const char *read_application(struct ruleset *set, const char *value)
{
	static const char mark[] = "'dapp_";
	if (!str_starts(value, mark)) {
		return NULL;
	}
	char *out = arena_strdup(set->arena, value + sizeof(mark) - 1);
	char *to = out;
	for (const char *from = out; out != NULL && *from != '\0' && *from != '\'';) {
		bool space = strncmp(from, "%20", 3) == 0;
		*to++ = space ? ' ' : *from;
		from += space ? 3 : 1;
	}
	if (out != NULL) {
		*to = '\0';
	}
	return out;
}

static void read_comment(struct line *l, const char *option, const char *value)
{
	struct statement *s = &l->set->statements.items[l->rule.statement];
	(void)option;
	s->service = read_application(l->set, value);
	s->comment = s->service != NULL ? NULL : ruleset_text(l->set, value, strlen(value));
}

/* Routing header 0 is gone from the kernel since 2.6.20 (RFC 5095). */
static void read_routing(struct line *l, const char *option, const char *value)
{
	if (strcmp(value, "0") == 0 && !l->negated) {
		l->never = true;
	} else {
		doubt(l, option, value);
	}
}

static void read_target(struct line *l, const char *option, const char *value)
{
	l->target = value;
	l->jumps_away = strcmp(option, "-g") == 0 || strcmp(option, "--goto") == 0;
}

static void read_addrtype(struct line *l, const char *option, const char *value)
{
	if (strcmp(value, "LOCAL") == 0 && !l->negated) {
		return; /* whatever comes to INPUT for one receiver */
	}
	if (l->negated && strcmp(value, "LOCAL") == 0) {
		l->broadcast = true;
	} else if (!l->negated && strstr(value, "LOCAL") == NULL &&
		   strstr(value, "UNICAST") == NULL) {
		l->broadcast = true; /* BROADCAST, MULTICAST, ANYCAST */
	} else {
		doubt(l, option, value);
	}
}

static void read_pkttype(struct line *l, const char *option, const char *value)
{
	bool one = strcmp(value, "unicast") == 0 || strcmp(value, "host") == 0;
	(void)option;
	if (one == l->negated) {
		l->broadcast = true;
	}
}

static void read_connlimit(struct line *l, const char *option, const char *value)
{
	l->connections = strcmp(option, "--connlimit-above") == 0 && !l->negated;
	if (!l->connections) {
		doubt(l, option, value);
	}
}

static void read_nothing(struct line *l, const char *option, const char *value)
{
	(void)l, (void)option, (void)value;
}

/* Options with the number of their values. What is not here is a condition that no policy says. */
static const struct option {
	const char *name;
	unsigned values;
	void (*read)(struct line *l, const char *option, const char *value);
} options[] = {
	{ "-p", 1, read_protocol },
	{ "--protocol", 1, read_protocol },
	{ "-s", 1, read_source },
	{ "--source", 1, read_source },
	{ "--src-range", 1, read_source },
	{ "-d", 1, read_destination },
	{ "--destination", 1, read_destination },
	{ "-i", 1, read_interface },
	{ "--in-interface", 1, read_interface },
	{ "--dport", 1, read_ports },
	{ "--destination-port", 1, read_ports },
	{ "--dports", 1, read_ports },
	{ "--destination-ports", 1, read_ports },
	{ "--ports", 1, read_ports },
	{ "--state", 1, read_state },
	{ "--ctstate", 1, read_state },
	{ "--syn", 0, read_syn },
	{ "--icmp-type", 1, read_icmp },
	{ "--icmpv6-type", 1, read_icmp },
	{ "--limit", 1, read_limit },
	{ "--hashlimit", 1, read_limit },
	{ "--hashlimit-upto", 1, read_limit },
	{ "--hashlimit-above", 1, read_limit },
	{ "--update", 0, read_recent },
	{ "--rcheck", 0, read_recent },
	{ "--seconds", 1, read_number },
	{ "--hitcount", 1, read_number },
	{ "--comment", 1, read_comment },
	{ "-j", 1, read_target },
	{ "--jump", 1, read_target },
	{ "-g", 1, read_target },
	{ "--goto", 1, read_target },
	{ "--dst-type", 1, read_addrtype },
	{ "--pkt-type", 1, read_pkttype },
	{ "--rt-type", 1, read_routing },
	{ "--connlimit-above", 1, read_connlimit },
	{ "--connlimit-upto", 1, read_connlimit },
	/* What belongs to an option above and changes nothing here. */
	{ "-m", 1, read_nothing },
	{ "--match", 1, read_nothing },
	{ "-A", 1, read_nothing },
	{ "--limit-burst", 1, read_nothing },
	{ "--hashlimit-burst", 1, read_nothing },
	{ "--hashlimit-mode", 1, read_nothing },
	{ "--hashlimit-name", 1, read_nothing },
	{ "--hashlimit-srcmask", 1, read_nothing },
	{ "--hashlimit-htable-size", 1, read_nothing },
	{ "--hashlimit-htable-max", 1, read_nothing },
	{ "--hashlimit-htable-expire", 1, read_nothing },
	{ "--hashlimit-htable-gcinterval", 1, read_nothing },
	{ "--connlimit-mask", 1, read_nothing },
	{ "--connlimit-saddr", 0, read_nothing },
	{ "--set", 0, read_nothing },
	{ "--name", 1, read_nothing },
	{ "--mask", 1, read_nothing },
	{ "--rsource", 0, read_nothing },
	{ "--reap", 0, read_nothing },
	{ "--reject-with", 1, read_nothing },
};

static const struct option *option_named(const char *name)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (strcmp(options[i].name, name) == 0) {
			return &options[i];
		}
	}
	return NULL;
}

/* ---- a rule ---- */

/* Whatever follows the target belongs to it: LOG's prefix says nothing about packets. */
static void read_options(struct line *l, const struct tokens *t, size_t at)
{
	while (at < t->count && l->set->error == 0) {
		const char *name = t->items[at++];
		if (strcmp(name, "!") == 0) {
			l->negated = true;
			continue;
		}
		const struct option *option = option_named(name);
		if (strcmp(name, "--tcp-flags") == 0 && at + 1 < t->count) {
			read_flags(l, name, t->items[at], t->items[at + 1]);
			at += 2;
		} else if (option != NULL && option->values + at <= t->count) {
			option->read(l, name, option->values > 0 ? t->items[at] : "");
			at += option->values;
		} else if (l->target == NULL) {
			bool has_value = at < t->count && t->items[at][0] != '-' &&
					 strcmp(t->items[at], "!") != 0;
			doubt(l, name, has_value ? t->items[at] : "");
			while (at < t->count && t->items[at][0] != '-' &&
			       strcmp(t->items[at], "!") != 0) {
				at++;
			}
		}
		l->negated = false;
	}
}

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
		doubt(l, "-j", l->target);
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
		doubt(l, "?", l->bad);
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
			doubt(l, "-m recent", "");
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
	read_options(&l, section->tokens, 2);
	if (section->tokens->cut) {
		doubt(&l, "...", "");
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
