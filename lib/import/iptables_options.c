/* Options of iptables' rules: each is a row of a table. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "import/iptables_options.h"

void iptables_doubt(struct line *l, const char *option, const char *value)
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
		iptables_doubt(l, option, value);
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
		iptables_doubt(l, option, value);
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
		iptables_doubt(l, option, value);
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
		iptables_doubt(l, option, value);
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
		iptables_doubt(l, option, "");
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
		iptables_doubt(l, option, value);
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
		iptables_doubt(l, option, value);
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
		iptables_doubt(l, option, value);
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

/* Whatever follows the target belongs to it: LOG's prefix says nothing about packets. */
void iptables_options(struct line *l, const struct tokens *t, size_t at)
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
			iptables_doubt(l, name, has_value ? t->items[at] : "");
			while (at < t->count && t->items[at][0] != '-' &&
			       strcmp(t->items[at], "!") != 0) {
				at++;
			}
		}
		l->negated = false;
	}
}
