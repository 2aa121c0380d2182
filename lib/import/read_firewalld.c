/*
 * firewalld's zones as chains, in the order in which firewalld asks them: by source, by interface,
 * then the default zone; inside a zone by priority, what drops before what accepts
 * (firewalld.richlanguage(5), firewalld.zone(5)).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "import/rules.h"
#include "import/xml.h"

enum { NAME_BYTES = 128, INCLUDES_MAX = 8, SPANS_ROOM = 4096 };

/* One document, called by the last part of its file's name without ".xml". */
struct document {
	char name[NAME_BYTES];
	const char *file;
	const struct xml_element *root;
};

struct firewalld {
	struct ruleset *set;
	VEC(struct document) documents;
	char default_zone[NAME_BYTES];
	uint32_t base;
};

/* The zone that is being read. */
struct zone {
	struct firewalld *f;
	const struct document *document;
	uint32_t chain;
	uint32_t statement;
	const char *group; /* its name, when it is made of sources */
};

/* A rule of a zone with what decides its place. */
struct placed {
	int priority;
	int stage; /* 0 = drops, 1 = accepts */
	size_t order;
	struct rule rule;
};

struct placing {
	struct zone *zone;
	VEC(struct placed) list;
	int priority;
	bool blocks_ping;
};

static const struct document *document_named(const struct firewalld *f, const char *root,
					     const char *name)
{
	for (size_t i = 0; i < f->documents.count; i++) {
		const struct document *d = &f->documents.items[i];
		if (xml_is(d->root, root) && strcmp(d->name, name) == 0) {
			return d;
		}
	}
	return NULL;
}

static void add_element(struct str *out, const struct xml_element *element)
{
	str_printf(out, "<%s", element->name);
	for (size_t i = 0; i < element->attribute_count; i++) {
		str_printf(out, " %s=\"%s\"", element->attributes[i].name,
			   element->attributes[i].value);
	}
	str_add_char(out, '>');
}

/* An element as it was written, nearly: <service name="ssh">. */
static uint32_t state(const struct zone *zone, const struct xml_element *element)
{
	struct str text = STR_INIT(4096);
	add_element(&text, element);
	for (const struct xml_element *child = element->first; child != NULL; child = child->next) {
		str_add_char(&text, ' ');
		add_element(&text, child);
	}
	uint32_t statement = ruleset_statement(zone->f->set, zone->document->file, element->line,
					       str_text(&text), text.length);
	str_deinit(&text);
	return statement;
}

static bool is_yes(const char *word)
{
	return word != NULL && (strcmp(word, "yes") == 0 || strcasecmp(word, "true") == 0 ||
				strcmp(word, "1") == 0);
}

static void doubt(struct ruleset *set, struct rule *rule, const char *what, const char *value)
{
	char *text = arena_printf(set->arena, "%s %s", what, value);
	if (text == NULL) {
		ruleset_fail(set, -ENOMEM);
	}
	rule->doubt = rule->doubt == NULL ? text : rule->doubt;
}

/* ---- conditions ---- */

static void add_network(struct ruleset *set, struct rule *rule, const char *address, bool invert)
{
	struct span span;
	unsigned family = 0;
	if (!span_of_network(&span, &family, address)) {
		doubt(set, rule, "source", address);
		return;
	}
	rule->families &= 1u << family;
	rule_sources(set, rule, family, spans_make(set->arena, &span, 1), invert);
}

/* Addresses of an ipset whose entries stand in its file. */
static void add_set(const struct firewalld *f, struct rule *rule, const char *name, bool invert)
{
	const struct document *d = document_named(f, "ipset", name);
	const char *type = d == NULL ? NULL : xml_get(d->root, "type");
	_cleanup_(freep) struct span *spans = calloc(SPANS_ROOM, sizeof(*spans));
	size_t count = 0;
	unsigned family = FAMILY_IPV4;
	bool known = type != NULL && spans != NULL &&
		     (strcmp(type, "hash:ip") == 0 || strcmp(type, "hash:net") == 0);
	for (const struct xml_element *e = known ? d->root->first : NULL; e != NULL; e = e->next) {
		if (!xml_is(e, "entry")) {
			continue;
		}
		known = e->text != NULL && count < SPANS_ROOM &&
			span_of_network(&spans[count++], &family, e->text) && known;
	}
	if (!known || count == 0) {
		doubt(f->set, rule, "ipset", name);
		return;
	}
	rule->families &= 1u << family;
	rule->group = name;
	rule_sources(f->set, rule, family, spans_make(f->set->arena, spans, count), invert);
}

static void read_source(const struct firewalld *f, struct rule *rule,
			const struct xml_element *source)
{
	const char *address = xml_get(source, "address");
	const char *ipset = xml_get(source, "ipset");
	bool invert = is_yes(xml_get(source, "invert"));
	if (address != NULL) {
		add_network(f->set, rule, address, invert);
	} else if (ipset != NULL) {
		add_set(f, rule, ipset, invert);
	} else {
		const char *mac = xml_get(source, "mac");
		doubt(f->set, rule, "source mac", mac == NULL ? "?" : mac);
	}
}

static const struct {
	const char *name;
	unsigned traffic;
} protocols[] = {
	{ "tcp", 1 << TRAFFIC_TCP },
	{ "udp", 1 << TRAFFIC_UDP },
	{ "sctp", 1 << TRAFFIC_SCTP },
	{ "dccp", 1 << TRAFFIC_DCCP },
};

static unsigned traffic_of(const char *protocol)
{
	for (size_t i = 0; protocol != NULL && i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (strcmp(protocol, protocols[i].name) == 0) {
			return protocols[i].traffic;
		}
	}
	return 0;
}

/* ---- what is opened ---- */

static void place(struct placing *p, const struct rule *rule)
{
	struct placed *slot = vec_push(&p->list);
	if (slot == NULL) {
		ruleset_fail(p->zone->f->set, -ENOMEM);
		return;
	}
	*slot = (struct placed){ p->priority, rule->verdict == RULE_ACCEPT, p->list.count, *rule };
	if (slot->rule.group == NULL) {
		slot->rule.group = p->zone->group;
	}
}

/* DHCP answers, which minato lets in by itself. */
static bool is_dhcp(const struct rule *rule)
{
	const struct spans *ports = rule->ports;
	return rule->verdict == RULE_ACCEPT && rule->traffic == 1 << TRAFFIC_UDP && ports != NULL &&
	       ports->count == 1 && ports->items[0].first == ports->items[0].last &&
	       (ports->items[0].first == 68 || ports->items[0].first == 546);
}

static void place_port(struct placing *p, const struct rule *like, const struct xml_element *port)
{
	struct ruleset *set = p->zone->f->set;
	struct rule rule = *like;
	struct span span;
	const char *text = xml_get(port, "port");
	unsigned traffic = traffic_of(xml_get(port, "protocol"));
	if (traffic == 0) {
		ruleset_note(set, rule.statement, IMPORT_LEFT, "import-protocol", NULL, NULL);
		return;
	}
	if (text == NULL || *text == '\0' || strcmp(text, "*") == 0) {
		rule.traffic &= traffic;
	} else if (span_of_ports(&span, text, strlen(text))) {
		rule_ports(set, &rule, spans_make(set->arena, &span, 1), false);
		rule.traffic &= traffic;
	} else {
		doubt(set, &rule, "port", text);
	}
	if (is_dhcp(&rule)) {
		ruleset_itself(set, rule.statement, "import-itself");
	} else {
		place(p, &rule);
	}
}

/* @return whether the service is for multicast alone. */
static bool read_destination(struct ruleset *set, struct rule *rule,
			     const struct xml_element *destination)
{
	static const char *const keys[] = { "ipv4", "ipv6", "address", "ipset" };
	bool multicast = false;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct span span;
		unsigned family = 0;
		const char *value = xml_get(destination, keys[i]);
		if (value == NULL) {
			continue;
		}
		bool known = span_of_network(&span, &family, value);
		multicast = known && span_is_multicast(&span, family);
		/* fe80::/64 and the like: the link alone, which ports do not tell apart. */
		if (!multicast) {
			doubt(set, rule, "destination", value);
		}
	}
	return multicast && rule->doubt == NULL;
}

static void place_service(struct placing *p, const struct rule *like, const char *name,
			  unsigned depth)
{
	struct ruleset *set = p->zone->f->set;
	const struct document *d = document_named(p->zone->f, "service", name);
	struct rule rule = *like;
	if (d == NULL || depth == INCLUDES_MAX) {
		ruleset_note(set, like->statement, IMPORT_LEFT, "import-service-unknown", "service",
			     name);
		if (like->verdict != RULE_ACCEPT) {
			doubt(set, &rule, "service", name);
			place(p, &rule);
		}
		return;
	}
	const struct xml_element *destination = xml_child(d->root, "destination");
	bool client = strcmp(name, "dhcpv6-client") == 0 || strcmp(name, "dhcp-client") == 0;
	if (destination != NULL && !client && read_destination(set, &rule, destination)) {
		ruleset_note(set, like->statement, IMPORT_CHANGED, "import-multicast", NULL, NULL);
		return;
	}
	for (const struct xml_element *e = d->root->first; e != NULL && set->error == 0;
	     e = e->next) {
		if (xml_is(e, "port")) {
			place_port(p, &rule, e);
		} else if (xml_is(e, "include") && xml_get(e, "service") != NULL) {
			place_service(p, like, xml_get(e, "service"), depth + 1);
		} else if (xml_is(e, "protocol") && rule.verdict == RULE_ACCEPT) {
			ruleset_note(set, like->statement, IMPORT_LEFT, "import-protocol", NULL,
				     NULL);
		} else if (xml_is(e, "source-port")) {
			struct rule narrow = rule;
			doubt(set, &narrow, "source-port", "");
			place(p, &narrow);
		}
	}
}

/* What a rule is about: a service, a port, a protocol; without any, everything. */
static void place_element(struct placing *p, const struct rule *like, const struct xml_element *e)
{
	struct ruleset *set = p->zone->f->set;
	struct statement *s = &set->statements.items[like->statement];
	struct rule rule = *like;
	if (xml_is(e, "service")) {
		s->service = xml_get(e, "name");
		place_service(p, like, s->service == NULL ? "" : s->service, 0);
	} else if (xml_is(e, "port")) {
		place_port(p, like, e);
	} else if (xml_is(e, "protocol")) {
		const char *value = xml_get(e, "value");
		rule.traffic = traffic_of(value);
		if (rule.traffic != 0) {
			place(p, &rule);
		} else if (value != NULL && strstr(value, "icmp") != NULL) {
			rule.traffic = 1 << TRAFFIC_PING;
			place(p, &rule);
		} else if (rule.verdict == RULE_ACCEPT) {
			ruleset_note(set, rule.statement, IMPORT_LEFT, "import-protocol", NULL,
				     NULL);
		}
	} else if (xml_is(e, "icmp-block") || xml_is(e, "icmp-type")) {
		const char *name = xml_get(e, "name");
		if (name != NULL && strcmp(name, "echo-request") == 0) {
			rule.traffic = 1 << TRAFFIC_PING;
			rule.verdict = xml_is(e, "icmp-block") ? RULE_REJECT : rule.verdict;
			place(p, &rule);
		}
	} else if (xml_is(e, "source-port")) {
		doubt(set, &rule, "source-port",
		      xml_get(e, "port") == NULL ? "" : xml_get(e, "port"));
		place(p, &rule);
	} else {
		/* masquerade, forward-port: traffic that goes on to others. */
		ruleset_note(set, rule.statement, IMPORT_CHANGED, "import-only-inbound", NULL,
			     NULL);
	}
}

/* ---- rich rules ---- */

/* "10/m": <limit value="..."/>. */
static void read_limit(struct ruleset *set, struct rule *rule, const struct xml_element *verdict)
{
	const struct xml_element *limit = xml_child(verdict, "limit");
	const char *value = limit == NULL ? NULL : xml_get(limit, "value");
	static const struct {
		char letter;
		usec_t per;
	} units[] = { { 's', USEC_PER_SEC },
		      { 'm', USEC_PER_MIN },
		      { 'h', USEC_PER_HOUR },
		      { 'd', USEC_PER_DAY } };
	if (limit == NULL) {
		return;
	}
	size_t digits = value == NULL ? 0 : strcspn(value, "/");
	uint64_t count = 0;
	for (size_t i = 0; value != NULL && i < 4 && value[digits] == '/'; i++) {
		if (value[digits + 1] == units[i].letter &&
		    parse_u64_bytes(&count, value, digits, 1, 1000000) == 0 &&
		    rate_of(&rule->rate, count, units[i].per)) {
			break;
		}
	}
	if (rule->verdict != RULE_ACCEPT || rule->rate.count == 0) {
		doubt(set, rule, "limit", value == NULL ? "" : value);
		rule->rate.count = 0;
	} else {
		ruleset_note(set, rule->statement, IMPORT_CHANGED, "import-rate-global", NULL,
			     NULL);
	}
}

static bool read_verdict(struct ruleset *set, struct rule *rule, const struct xml_element *rich)
{
	static const struct {
		const char *name;
		enum rule_verdict verdict;
	} verdicts[] = { { "accept", RULE_ACCEPT },
			 { "reject", RULE_REJECT },
			 { "drop", RULE_DROP } };
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		const struct xml_element *e = xml_child(rich, verdicts[i].name);
		if (e != NULL) {
			rule->verdict = verdicts[i].verdict;
			read_limit(set, rule, e);
			return true;
		}
	}
	return xml_child(rich, "icmp-block") != NULL;
}

static const struct xml_element *subject_of(const struct xml_element *rich)
{
	static const char *const around[] = { "source", "destination", "log",  "nflog", "audit",
					      "accept", "reject",      "drop", "mark" };
	for (const struct xml_element *e = rich->first; e != NULL; e = e->next) {
		bool subject = true;
		for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
			subject = subject && !xml_is(e, around[i]);
		}
		if (subject) {
			return e;
		}
	}
	return NULL;
}

static int priority_of(const char *word)
{
	uint64_t value = 0;
	bool negative = word != NULL && word[0] == '-';
	if (word == NULL || parse_u64(&value, word + negative, 0, 32768) < 0) {
		return 0;
	}
	return negative ? -(int)value : (int)value;
}

static void place_rich(struct placing *p, const struct xml_element *rich)
{
	struct ruleset *set = p->zone->f->set;
	uint32_t statement = state(p->zone, rich);
	struct rule rule = ruleset_rule(statement);
	const char *family = xml_get(rich, "family");
	const struct xml_element *source = xml_child(rich, "source");
	const struct xml_element *destination = xml_child(rich, "destination");
	if (statement == UINT32_MAX || !read_verdict(set, &rule, rich)) {
		return; /* logs or marks alone */
	}
	if (family != NULL) {
		rule.families = strcmp(family, "ipv6") == 0 ? 1 << FAMILY_IPV6 : 1 << FAMILY_IPV4;
	}
	if (source != NULL) {
		read_source(p->zone->f, &rule, source);
	}
	if (destination != NULL && read_destination(set, &rule, destination)) {
		ruleset_note(set, statement, IMPORT_CHANGED, "import-multicast", NULL, NULL);
		return;
	}
	const struct xml_element *subject = subject_of(rich);
	p->priority = priority_of(xml_get(rich, "priority"));
	if (subject != NULL) {
		place_element(p, &rule, subject);
	} else {
		place(p, &rule);
	}
	p->priority = 0;
}

/* ---- zones ---- */

static void place_child(struct placing *p, const struct xml_element *e)
{
	static const char *const silent[] = { "short",  "description", "interface",
					      "source", "forward",     "icmp-block-inversion" };
	const char *name = xml_get(e, "name");
	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++) {
		if (xml_is(e, silent[i])) {
			return;
		}
	}
	if (xml_is(e, "rule")) {
		place_rich(p, e);
		return;
	}
	if (xml_is(e, "icmp-block")) {
		p->blocks_ping =
			p->blocks_ping || (name != NULL && strcmp(name, "echo-request") == 0);
	}
	uint32_t statement = state(p->zone, e);
	struct rule rule = ruleset_rule(statement);
	if (statement == UINT32_MAX || xml_is(e, "icmp-block")) {
		return;
	}
	rule.verdict = RULE_ACCEPT;
	place_element(p, &rule, e);
}

static int compare_placed(const void *left, const void *right)
{
	const struct placed *a = left;
	const struct placed *b = right;
	if (a->priority != b->priority) {
		return a->priority < b->priority ? -1 : 1;
	}
	/* Only with priority 0 does what drops go before what accepts. */
	if (a->priority == 0 && a->stage != b->stage) {
		return a->stage < b->stage ? -1 : 1;
	}
	return a->order < b->order ? -1 : a->order > b->order;
}

/* What the zone does with the rest. */
static void add_target(struct zone *zone, bool blocks_ping)
{
	struct ruleset *set = zone->f->set;
	const char *target = xml_get(zone->document->root, "target");
	struct rule rule = ruleset_rule(zone->statement);
	rule.group = zone->group;
	if (target != NULL && strcmp(target, "ACCEPT") == 0) {
		rule.verdict = RULE_ACCEPT;
	} else if (target != NULL && strcmp(target, "DROP") == 0) {
		rule.verdict = RULE_DROP;
	} else if (target == NULL || strcmp(target, "default") == 0) {
		bool inverted = xml_child(zone->document->root, "icmp-block-inversion") != NULL;
		rule.verdict = blocks_ping != inverted ? RULE_REJECT : RULE_ACCEPT;
		rule.traffic = 1 << TRAFFIC_PING;
		ruleset_add(set, zone->chain, &rule);
		rule.traffic = TRAFFIC_ALL;
		rule.verdict = RULE_REJECT;
	} else {
		rule.verdict = RULE_REJECT;
	}
	ruleset_add(set, zone->chain, &rule);
}

static void fill_zone(struct zone *zone)
{
	struct placing p = { .zone = zone };
	struct ruleset *set = zone->f->set;
	for (const struct xml_element *e = zone->document->root->first;
	     e != NULL && set->error == 0; e = e->next) {
		place_child(&p, e);
	}
	if (p.list.count > 1) {
		qsort(p.list.items, p.list.count, sizeof(*p.list.items), compare_placed);
	}
	for (size_t i = 0; i < p.list.count; i++) {
		ruleset_add(set, zone->chain, &p.list.items[i].rule);
	}
	add_target(zone, p.blocks_ping);
	vec_free(&p.list);
}

static void bind_sources(struct zone *zone)
{
	for (const struct xml_element *e = zone->document->root->first; e != NULL; e = e->next) {
		if (!xml_is(e, "source")) {
			continue;
		}
		struct rule rule = ruleset_rule(state(zone, e));
		rule.verdict = RULE_GOTO;
		rule.target = zone->chain;
		read_source(zone->f, &rule, e);
		ruleset_add(zone->f->set, zone->f->base, &rule);
		if (rule.statement != UINT32_MAX) {
			zone->f->set->statements.items[rule.statement].narrowed = true;
		}
	}
}

static void bind_interfaces(struct zone *zone)
{
	struct ruleset *set = zone->f->set;
	for (const struct xml_element *e = zone->document->root->first; e != NULL; e = e->next) {
		const char *name = xml_is(e, "interface") ? xml_get(e, "name") : NULL;
		const char **names = name == NULL ? NULL : arena_alloc(set->arena, sizeof(*names));
		if (names == NULL) {
			continue;
		}
		char *copy = arena_strdup(set->arena, name);
		size_t length = strlen(name);
		if (copy == NULL || length == 0) {
			continue;
		}
		copy[length - 1] = name[length - 1] == '+' ? '*' : name[length - 1];
		names[0] = copy;
		struct rule rule = ruleset_rule(state(zone, e));
		rule.verdict = RULE_GOTO;
		rule.target = zone->chain;
		rule.interfaces = names;
		rule.interface_count = 1;
		ruleset_add(set, zone->f->base, &rule);
		if (rule.statement != UINT32_MAX) {
			set->statements.items[rule.statement].narrowed = true;
		}
	}
}

static void bind_default(struct zone *zone)
{
	struct rule rule = ruleset_rule(zone->statement);
	if (strcmp(zone->document->name, zone->f->default_zone) == 0) {
		rule.verdict = RULE_GOTO;
		rule.target = zone->chain;
		ruleset_add(zone->f->set, zone->f->base, &rule);
	}
}

static void make_zone(struct zone *out, struct firewalld *f, const struct document *document)
{
	char key[NAME_BYTES + 8];
	(void)snprintf(key, sizeof(key), "zone %s", document->name);
	*out = (struct zone){ .f = f, .document = document, .chain = ruleset_chain(f->set, key) };
	if (xml_child(document->root, "source") != NULL) {
		out->group = ruleset_text(f->set, document->name, strlen(document->name));
	}
	out->statement = state(out, document->root);
	if (out->statement != UINT32_MAX) {
		/* Its text would hold all of the zone. */
		const char *target = xml_get(document->root, "target");
		char *text = arena_printf(f->set->arena, "<zone target=\"%s\">",
					  target == NULL ? "default" : target);
		struct statement *s = &f->set->statements.items[out->statement];
		s->text = text == NULL ? "" : text;
		s->narrowed = true;
	}
}

static bool in_use(const struct firewalld *f, const struct document *d)
{
	return xml_is(d->root, "zone") &&
	       (strcmp(d->name, f->default_zone) == 0 || xml_child(d->root, "source") != NULL ||
		xml_child(d->root, "interface") != NULL);
}

static int compare_documents(const void *left, const void *right)
{
	return strcmp(((const struct document *)left)->name,
		      ((const struct document *)right)->name);
}

static void read_zones(struct firewalld *f)
{
	VEC(struct zone) zones = { 0 };
	qsort(f->documents.items, f->documents.count, sizeof(*f->documents.items),
	      compare_documents);
	for (size_t i = 0; i < f->documents.count && f->set->error == 0; i++) {
		if (!in_use(f, &f->documents.items[i])) {
			continue;
		}
		struct zone *zone = vec_push(&zones);
		if (zone == NULL) {
			ruleset_fail(f->set, -ENOMEM);
			break;
		}
		make_zone(zone, f, &f->documents.items[i]);
		if (f->set->error == 0) {
			fill_zone(zone);
		}
	}
	static void (*const bindings[])(struct zone *) = { bind_sources, bind_interfaces,
							   bind_default };
	for (size_t b = 0; b < sizeof(bindings) / sizeof(bindings[0]); b++) {
		for (size_t i = 0; i < zones.count && f->set->error == 0; i++) {
			bindings[b](&zones.items[i]);
		}
	}
	vec_free(&zones);
}

/* ---- files ---- */

static void read_settings(struct firewalld *f, const struct import_file *file)
{
	static const char key[] = "\nDefaultZone=";
	const char *at = memmem(file->bytes, file->length, key, sizeof(key) - 1);
	if (at == NULL && file->length >= sizeof(key) - 2 &&
	    memcmp(file->bytes, key + 1, sizeof(key) - 2) == 0) {
		at = file->bytes - 1;
	}
	const char *end = file->bytes + file->length;
	size_t used = 0;
	for (at = at == NULL ? end : at + sizeof(key) - 1;
	     at < end && *at != '\n' && used + 1 < sizeof(f->default_zone); at++) {
		if (strchr(" \t\r", *at) == NULL) {
			f->default_zone[used++] = *at;
		}
	}
	f->default_zone[used] = '\0';
}

static void name_document(struct document *d, const char *file)
{
	const char *slash = strrchr(file, '/');
	str_copy(d->name, sizeof(d->name), slash == NULL ? file : slash + 1);
	size_t length = strlen(d->name);
	if (length > 4 && strcmp(d->name + length - 4, ".xml") == 0) {
		d->name[length - 4] = '\0';
	}
}

static void read_document(struct firewalld *f, const struct import_file *file)
{
	struct xml_element *root = NULL;
	int r = xml_read(&root, f->set->arena, file->bytes, file->length);
	if (r < 0) {
		(void)err_set(f->set->e, r, "%s: not the XML of a zone, a service or an ipset",
			      file->name);
		ruleset_fail(f->set, r);
		return;
	}
	struct document *d = vec_push(&f->documents);
	if (d == NULL) {
		ruleset_fail(f->set, -ENOMEM);
		return;
	}
	d->root = root;
	d->file = ruleset_text(f->set, file->name, strlen(file->name));
	name_document(d, file->name);
}

/* Without firewalld.conf: "public" as firewalld has it, or the only zone that is there. */
static void choose_default(struct firewalld *f)
{
	const struct document *only = NULL;
	size_t zones = 0;
	for (size_t i = 0; i < f->documents.count; i++) {
		if (xml_is(f->documents.items[i].root, "zone")) {
			only = &f->documents.items[i];
			zones++;
		}
	}
	if (f->default_zone[0] == '\0') {
		str_copy(f->default_zone, sizeof(f->default_zone),
			 zones == 1 ? only->name : "public");
	}
	if (zones == 0) {
		(void)err_set(f->set->e, EINVAL, "no zone of firewalld among the files");
		ruleset_fail(f->set, -EINVAL);
	}
}

void read_firewalld(struct ruleset *set, const struct import_file *files, size_t count)
{
	struct firewalld f = { .set = set, .base = ruleset_chain(set, "firewalld") };
	set->families = 1 << FAMILY_IPV4 | 1 << FAMILY_IPV6;
	for (size_t i = 0; i < count && set->error == 0; i++) {
		const char *bytes = files[i].bytes;
		bool xml = memchr(bytes, '<', files[i].length) != NULL &&
			   memmem(bytes, files[i].length, "DefaultZone=", 12) == NULL;
		if (xml) {
			read_document(&f, &files[i]);
		} else {
			read_settings(&f, &files[i]);
		}
	}
	if (set->error == 0) {
		choose_default(&f);
	}
	if (set->error == 0) {
		read_zones(&f);
	}
	if (set->error == 0) {
		struct chain *base = &set->chains.items[f.base];
		base->base = true;
		base->families = set->families;
		base->policy = RULE_REJECT;
	}
	vec_free(&f.documents);
}
