/* ufw's files: the tuples of user.rules and user6.rules, /etc/default/ufw, ufw.conf. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "import/rules.h"

enum { FIELDS_MAX = 9, FIELD_BYTES = 4096 };

struct ufw {
	struct ruleset *set;
	uint32_t chains[FAMILIES];
	enum rule_verdict policy;
	bool policy_given;
	bool without_ipv6;
	bool other_ways; /* rules of forwarded traffic */
	bool keeps_in;   /* outgoing traffic is not allowed by default */
};

/* One "### tuple ###" line. */
struct tuple {
	char bytes[FIELD_BYTES];
	const char *fields[FIELDS_MAX];
	size_t count;
	const char *comment; /* hexadecimal; NULL = none */
};

/* ---- lines of NAME=value ---- */

static void read_setting(struct ufw *u, const char *begin, const char *end)
{
	static const struct {
		const char *line;
		enum rule_verdict policy;
	} policies[] = {
		{ "DEFAULT_INPUT_POLICY=DROP", RULE_DROP },
		{ "DEFAULT_INPUT_POLICY=REJECT", RULE_REJECT },
		{ "DEFAULT_INPUT_POLICY=ACCEPT", RULE_ACCEPT },
	};
	char line[80];
	size_t used = 0;
	for (; begin < end && used + 1 < sizeof(line); begin++) {
		if (strchr("\"' \t\r", *begin) == NULL) {
			line[used++] = *begin;
		}
	}
	line[used] = '\0';
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		if (strcmp(line, policies[i].line) == 0) {
			u->policy = policies[i].policy;
			u->policy_given = true;
		}
	}
	u->without_ipv6 = u->without_ipv6 || strcmp(line, "IPV6=no") == 0;
	if (strcmp(line, "ENABLED=no") == 0) {
		ruleset_note(u->set, UINT32_MAX, IMPORT_CHANGED, "import-ufw-disabled", NULL, NULL);
	}
	if (strcmp(line, "DEFAULT_OUTPUT_POLICY=DROP") == 0 ||
	    strcmp(line, "DEFAULT_OUTPUT_POLICY=REJECT") == 0) {
		u->keeps_in = true;
		ruleset_note(u->set, UINT32_MAX, IMPORT_LEFT, "import-outbound", NULL, NULL);
	}
}

/* ---- tuples ---- */

static bool split(struct tuple *t, const char *begin, const char *end)
{
	size_t length = (size_t)(end - begin);
	if (length >= sizeof(t->bytes)) {
		return false;
	}
	memcpy(t->bytes, begin, length);
	t->bytes[length] = '\0';
	t->count = 0;
	t->comment = NULL;
	char *rest = NULL;
	for (char *word = strtok_r(t->bytes, " \t\r", &rest); word != NULL;
	     word = strtok_r(NULL, " \t\r", &rest)) {
		if (str_starts(word, "comment=")) {
			t->comment = word + strlen("comment=");
			break;
		}
		if (t->count == FIELDS_MAX) {
			return false;
		}
		t->fields[t->count++] = word;
	}
	return t->count >= 6;
}

static const char *decode_comment(struct ruleset *set, const char *hex)
{
	size_t length = strlen(hex) / 2;
	char *out = arena_alloc(set->arena, length + 1);
	for (size_t i = 0; out != NULL && i < length; i++) {
		uint64_t value = 0;
		if (parse_hex_u64(&value, hex + 2 * i, 2) < 0 || value == 0) {
			return NULL;
		}
		out[i] = (char)value;
	}
	return out;
}

/* "Apache%20Full" */
static const char *decode_application(struct ruleset *set, const char *word)
{
	char *out = arena_strdup(set->arena, word);
	char *to = out;
	for (const char *from = word; out != NULL && *from != '\0';) {
		bool space = strncmp(from, "%20", 3) == 0;
		*to++ = space ? ' ' : *from;
		from += space ? 3 : 1;
	}
	if (out != NULL) {
		*to = '\0';
	}
	return out;
}

static const struct {
	const char *name;
	unsigned traffic;
} protocols[] = {
	{ "any", TRAFFIC_ALL },
	{ "tcp", 1 << TRAFFIC_TCP },
	{ "udp", 1 << TRAFFIC_UDP },
};

/* @return false for a protocol without ports. */
static bool read_protocol(struct rule *rule, const char *word)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (strcmp(word, protocols[i].name) == 0) {
			rule->traffic = protocols[i].traffic;
			return true;
		}
	}
	return false;
}

static void doubt(struct rule *rule, const char *words)
{
	rule->doubt = rule->doubt == NULL ? words : rule->doubt;
}

/* "22", "80,443", "6000:6007"; ports without a protocol are those of TCP and UDP. */
static void read_ports(struct ruleset *set, struct rule *rule, const char *word)
{
	struct span spans[64];
	size_t count = 0;
	if (strcmp(word, "any") == 0) {
		return;
	}
	for (const char *at = word; *at != '\0';) {
		size_t length = strcspn(at, ",");
		if (count == sizeof(spans) / sizeof(spans[0]) ||
		    !span_of_ports(&spans[count++], at, length)) {
			doubt(rule, ruleset_text(set, word, strlen(word)));
			return;
		}
		at += length + (at[length] == ',');
	}
	rule_ports(set, rule, spans_make(set->arena, spans, count), false);
	rule->traffic &= 1 << TRAFFIC_TCP | 1 << TRAFFIC_UDP;
}

static bool is_everybody(const struct span *span, unsigned family)
{
	const struct spans *all = spans_all(family == FAMILY_IPV4 ? ADDR_IPV4 : ADDR_IPV6);
	return span->first == all->items[0].first && span->last == all->items[0].last;
}

static void read_source(struct ruleset *set, struct rule *rule, unsigned family, const char *word)
{
	struct span span;
	unsigned found = 0;
	if (strcmp(word, "any") == 0) {
		return;
	}
	if (!span_of_network(&span, &found, word) || found != family) {
		doubt(rule, ruleset_text(set, word, strlen(word)));
	} else if (!is_everybody(&span, family)) {
		rule_sources(set, rule, family, spans_make(set->arena, &span, 1), false);
	}
}

/* @return whether it is about multicast alone. */
static bool read_destination(struct ruleset *set, struct rule *rule, unsigned family,
			     const char *word)
{
	struct span span;
	unsigned found = 0;
	if (strcmp(word, "any") == 0) {
		return false;
	}
	bool known = span_of_network(&span, &found, word) && found == family;
	if (known && is_everybody(&span, family)) {
		return false;
	}
	if (known && span_is_multicast(&span, family)) {
		return true;
	}
	doubt(rule, ruleset_text(set, word, strlen(word)));
	return false;
}

/* allow, deny, reject, limit; with _log or _log-all. @return false for anything else. */
static bool read_action(struct rule *rule, const char *word)
{
	size_t length = strcspn(word, "_");
	static const struct {
		const char *name;
		enum rule_verdict verdict;
	} actions[] = { { "allow", RULE_ACCEPT },
			{ "limit", RULE_ACCEPT },
			{ "deny", RULE_DROP },
			{ "reject", RULE_REJECT } };
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strlen(actions[i].name) == length &&
		    strncmp(word, actions[i].name, length) == 0) {
			rule->verdict = actions[i].verdict;
			return true;
		}
	}
	return false;
}

/* "in", "in_eth0". */
static void read_interface(struct ruleset *set, struct rule *rule, const char *word)
{
	if (!str_starts(word, "in_")) {
		return;
	}
	const char **names = arena_alloc(set->arena, sizeof(*names));
	char *name = arena_strdup(set->arena, word + 3);
	if (names == NULL || name == NULL || *name == '\0') {
		ruleset_fail(set, -EINVAL);
		return;
	}
	size_t length = strlen(name);
	name[length - 1] = name[length - 1] == '+' ? '*' : name[length - 1];
	names[0] = name;
	rule->interfaces = names;
	rule->interface_count = 1;
}

/* ufw's limit: six connections within thirty seconds (ufw-framework). */
enum { LIMIT_HITS = 6, LIMIT_SECONDS = 30 };

static void add_tuple(struct ufw *u, unsigned family, uint32_t statement, const struct tuple *t)
{
	struct ruleset *set = u->set;
	struct rule rule = ruleset_rule(statement);
	bool application = t->count >= 8;
	rule.families = 1u << family;
	if (!read_action(&rule, t->fields[0])) {
		ruleset_note(set, statement, IMPORT_LEFT, "import-unreadable", "value",
			     t->fields[0]);
		return;
	}
	bool ported = read_protocol(&rule, t->fields[1]);
	read_ports(set, &rule, t->fields[2]);
	bool multicast = read_destination(set, &rule, family, t->fields[3]);
	if (strcmp(t->fields[4], "any") != 0) {
		doubt(&rule, ruleset_text(set, t->fields[4], strlen(t->fields[4])));
	}
	read_source(set, &rule, family, t->fields[5]);
	read_interface(set, &rule, t->count % 2 == 1 ? t->fields[t->count - 1] : "in");
	if (application && strcmp(t->fields[6], "-") != 0) {
		set->statements.items[statement].service = decode_application(set, t->fields[6]);
	}
	if (t->comment != NULL) {
		set->statements.items[statement].comment = decode_comment(set, t->comment);
	}
	if (multicast) {
		ruleset_note(set, statement, IMPORT_CHANGED, "import-multicast", NULL, NULL);
	} else if (!ported) {
		bool accepts = rule.verdict == RULE_ACCEPT;
		ruleset_note(set, statement, accepts ? IMPORT_LEFT : IMPORT_CARRIED,
			     accepts ? "import-protocol" : "import-nothing", NULL, NULL);
	} else {
		if (str_starts(t->fields[0], "limit")) {
			(void)rate_of(&rule.rate, LIMIT_HITS, LIMIT_SECONDS * USEC_PER_SEC);
		}
		ruleset_add(set, u->chains[family], &rule);
	}
}

static void read_tuple(struct ufw *u, const char *file, unsigned family, uint32_t line,
		       const char *begin, const char *end)
{
	struct tuple tuple;
	uint32_t statement = NO_CHAIN;
	bool whole = split(&tuple, begin, end);
	const char *direction =
		whole && tuple.count % 2 == 1 ? tuple.fields[tuple.count - 1] : "in";
	if (whole && strncmp(tuple.fields[0], "route:", 6) == 0) {
		u->other_ways = true;
		return;
	}
	const char *comment = memmem(begin, (size_t)(end - begin), " comment=", 9);
	statement = ruleset_statement(u->set, file, line, begin,
				      (size_t)((comment == NULL ? end : comment) - begin));
	if (statement == UINT32_MAX) {
		return;
	}
	if (!whole) {
		ruleset_note(u->set, statement, IMPORT_LEFT, "import-unreadable", "value", "tuple");
	} else if (strncmp(direction, "out", 3) == 0) {
		bool needless = !u->keeps_in && strncmp(tuple.fields[0], "allow", 5) == 0;
		ruleset_note(u->set, statement, needless ? IMPORT_CARRIED : IMPORT_LEFT,
			     needless ? "import-nothing" : "import-outbound-rule", NULL, NULL);
	} else {
		add_tuple(u, family, statement, &tuple);
	}
}

/* ---- files ---- */

static void read_file(struct ufw *u, const struct import_file *file, bool settings)
{
	static const char mark[] = "### tuple ###";
	const char *at = file->bytes;
	const char *stop = file->bytes + file->length;
	const char *name = ruleset_text(u->set, file->name, strlen(file->name));
	unsigned family =
		memmem(file->bytes, file->length, "ufw6-", 5) != NULL ? FAMILY_IPV6 : FAMILY_IPV4;
	bool rules = memmem(file->bytes, file->length, "### RULES ###", 13) != NULL ||
		     memmem(file->bytes, file->length, mark, sizeof(mark) - 1) != NULL;
	if (rules == settings) {
		return;
	}
	u->set->families |= rules ? 1u << family : 0;
	for (uint32_t line = 1; at < stop && u->set->error == 0; line++) {
		const char *newline = memchr(at, '\n', (size_t)(stop - at));
		const char *end = newline == NULL ? stop : newline;
		size_t length = (size_t)(end - at);
		if (rules && length > sizeof(mark) && memcmp(at, mark, sizeof(mark) - 1) == 0) {
			read_tuple(u, name, family, line, at + sizeof(mark), end);
		} else if (!rules) {
			read_setting(u, at, end);
		}
		at = newline == NULL ? stop : newline + 1;
	}
}

/* before.rules answers echo requests. */
static void add_ping(struct ufw *u, unsigned family)
{
	uint32_t statement = ruleset_statement(u->set, NULL, 0, "before.rules", 12);
	struct rule rule = ruleset_rule(statement);
	if (statement == UINT32_MAX) {
		return;
	}
	rule.verdict = RULE_ACCEPT;
	rule.families = 1u << family;
	rule.traffic = 1 << TRAFFIC_PING;
	ruleset_add(u->set, u->chains[family], &rule);
	u->set->statements.items[statement].noted = true;
}

void read_ufw(struct ruleset *set, const struct import_file *files, size_t count)
{
	struct ufw u = { .set = set, .policy = RULE_DROP };
	static const char *const names[FAMILIES] = { "4 ufw", "6 ufw" };
	for (unsigned family = 0; family < FAMILIES; family++) {
		u.chains[family] = ruleset_chain(set, names[family]);
		if (set->error == 0) {
			add_ping(&u, family);
		}
	}
	/* What is allowed to go out by default decides what a rule about it means. */
	for (int settings = 1; settings >= 0; settings--) {
		for (size_t i = 0; i < count && set->error == 0; i++) {
			read_file(&u, &files[i], settings != 0);
		}
	}
	for (unsigned family = 0; family < FAMILIES && set->error == 0; family++) {
		struct chain *chain = &set->chains.items[u.chains[family]];
		bool off = family == FAMILY_IPV6 && u.without_ipv6;
		chain->base = true;
		chain->families = set->families & 1u << family;
		chain->policy = off ? RULE_DROP : u.policy;
		if (off) {
			chain->rules.count = 0; /* IPV6=no: nothing but loopback comes in */
		}
	}
	if (set->error == 0) {
		ruleset_itself(set, UINT32_MAX, "import-ufw-before");
		if (!u.policy_given) {
			ruleset_note(set, UINT32_MAX, IMPORT_CHANGED, "import-ufw-default", NULL,
				     NULL);
		}
		if (u.other_ways) {
			ruleset_note(set, UINT32_MAX, IMPORT_CHANGED, "import-only-inbound", NULL,
				     NULL);
		}
	}
}
