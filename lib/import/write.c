/* The declarations as text of the policy language. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "import/declare.h"

enum { NAME_BYTES = 64, BASE_NAME_BYTES = 40, COMMENT_COLUMNS = 120, NAME_TRIES_MAX = 100000 };

struct taken {
	char name[NAME_BYTES];
	UT_hash_handle hh;
};

/* People that several declarations let in. */
struct people {
	const struct candidate *first;
	uint32_t uses;
	char name[NAME_BYTES]; /* "" = written out where it is used */
};

struct writing {
	struct str *out;
	struct ruleset *set;
	struct accepted *accepted;
	struct candidates *candidates;
	enum language language;
	struct taken *names; /* of ports: */
	VEC(struct people) people;
	uint32_t *covers[TRAFFICS]; /* how many declarations name each port */
	int error;
};

static void fail(struct writing *w, int code)
{
	w->error = w->error == 0 ? code : w->error;
}

/* ---- words ---- */

static void add_message(struct str *out, const char *id, enum language language, const char *name,
			const char *value)
{
	const struct message *message = message_find(id);
	const struct message_argument argument = { name, value };
	if (message != NULL) {
		message_fill(out, text_in(message->text, language), &argument, name != NULL);
	}
}

/* Foreign text as one harmless line of at most so many columns. Appends. */
static void add_line(struct str *out, const char *text, size_t columns)
{
	struct str safe = STR_INIT(16384);
	text_escape(&safe, text);
	str_add_bytes(out, str_text(&safe), text_fit(str_text(&safe), columns));
	str_add(out, text_fit(str_text(&safe), columns) < safe.length ? ".." : "");
	str_deinit(&safe);
}

static void add_quoted(struct str *out, const char *text)
{
	struct str line = STR_INIT(16384);
	add_line(&line, text, 190);
	str_add_char(out, '"');
	for (const char *c = str_text(&line); *c != '\0'; c++) {
		str_add(out, *c == '"' || *c == '\\' ? "\\" : "");
		str_add_char(out, *c);
	}
	str_add_char(out, '"');
	str_deinit(&line);
}

static void add_comment_lines(struct str *out, const char *indent, const char *text)
{
	while (*text != '\0') {
		size_t length = strcspn(text, "\n");
		str_add(out, indent);
		str_add(out, "# ");
		str_add_bytes(out, text, length);
		str_add_char(out, '\n');
		text += length + (text[length] == '\n');
	}
}

static void add_comment(struct writing *w, const char *indent, const char *id, const char *name,
			const char *value)
{
	struct str text = STR_INIT(8192);
	add_message(&text, id, w->language, name, value);
	add_comment_lines(w->out, indent, str_text(&text));
	str_deinit(&text);
}

/* ---- names ---- */

/* Letters and digits of a word as the language wants a name; "" when it has no letter. */
static void name_from(char *out, size_t room, const char *word)
{
	size_t used = 0;
	bool letter = false;
	for (; word != NULL && *word != '\0' && used + 1 < room; word++) {
		bool plain = (*word & 0x80) == 0 && isalnum((unsigned char)*word);
		if (plain || (used > 0 && strchr("-_. ", *word) != NULL)) {
			out[used++] = *word == ' ' ? '-' : *word;
			letter = letter || isalpha((unsigned char)*word);
		}
	}
	out[letter ? used : 0] = '\0';
}

static bool name_take(struct writing *w, const char *name)
{
	struct taken *found = NULL;
	HASH_FIND_STR(w->names, name, found);
	if (found != NULL) {
		return false;
	}
	struct taken *slot = calloc(1, sizeof(*slot));
	if (slot == NULL) {
		fail(w, -ENOMEM);
		return true;
	}
	str_copy(slot->name, sizeof(slot->name), name);
	HASH_ADD_STR(w->names, name, slot);
	if (slot->hh.tbl == NULL) {
		free(slot);
		fail(w, -ENOMEM);
	}
	return true;
}

static const struct statement *statement_of(const struct writing *w, const struct candidate *c)
{
	return c->statement == BY_DEFAULT ? NULL : &w->set->statements.items[c->statement];
}

static uint32_t port_count(const struct candidate *c)
{
	uint32_t count = 0;
	for (size_t i = 0; i < c->ports.count; i++) {
		count += c->ports.items[i].last - c->ports.items[i].first + 1u;
	}
	return count;
}

/* So many that no single one is meant. */
static bool is_wide(const struct candidate *c)
{
	return port_count(c) > UINT16_MAX / 2;
}

static void choose_name(struct writing *w, const struct candidate *c, char *name)
{
	const struct statement *s = statement_of(w, c);
	char base[BASE_NAME_BYTES] = "";
	uint16_t port = c->ports.items[0].first;
	if (c->closed) {
		str_copy(base, sizeof(base), "closed");
	} else if (s != NULL && s->service != NULL) {
		name_from(base, sizeof(base), s->service);
	}
	if (base[0] == '\0' && c->knowledge != NULL) {
		name_from(base, sizeof(base), c->knowledge->name);
	}
	if (base[0] == '\0' && is_wide(c)) {
		name_from(base, sizeof(base),
			  c->place > 0 ? w->accepted->interfaces[c->place - 1] : c->group);
		if (base[0] == '\0') {
			str_copy(base, sizeof(base), "all-ports");
		}
	}
	if (base[0] == '\0') {
		(void)snprintf(base, sizeof(base), "port-%u", port);
	}
	(void)snprintf(name, NAME_BYTES, "%s", base);
	if (!name_take(w, name)) {
		for (unsigned i = 2; i < NAME_TRIES_MAX; i++) {
			(void)snprintf(name, NAME_BYTES, "%s-%u", base, i);
			if (name_take(w, name)) {
				return;
			}
		}
		fail(w, -EFBIG);
	}
}

/* ---- people ---- */

static bool same_people(const struct candidate *a, const struct candidate *b)
{
	return spans_equal(a->sources[0], b->sources[0]) &&
	       spans_equal(a->sources[1], b->sources[1]);
}

static bool is_all(const struct spans *set, unsigned family)
{
	return spans_equal(set, spans_all(family == FAMILY_IPV4 ? ADDR_IPV4 : ADDR_IPV6));
}

static bool is_anybody(const struct candidate *c)
{
	return is_all(c->sources[0], FAMILY_IPV4) && is_all(c->sources[1], FAMILY_IPV6);
}

static bool is_whole_family(const struct candidate *c)
{
	return (is_all(c->sources[0], FAMILY_IPV4) && c->sources[1]->count == 0) ||
	       (is_all(c->sources[1], FAMILY_IPV6) && c->sources[0]->count == 0);
}

static struct people *people_of(const struct writing *w, const struct candidate *c)
{
	for (size_t i = 0; i < w->people.count; i++) {
		if (same_people(w->people.items[i].first, c)) {
			return &w->people.items[i];
		}
	}
	return NULL;
}

enum { PEOPLE_MAX = 2000 }; /* told apart to give them names; more are written out */

static void count_people(struct writing *w)
{
	for (size_t i = 0; i < w->candidates->list.count; i++) {
		const struct candidate *c = &w->candidates->list.items[i];
		if (c->gone || c->closed || is_anybody(c) || is_whole_family(c)) {
			continue;
		}
		struct people *p = people_of(w, c);
		if (p == NULL && w->people.count < PEOPLE_MAX) {
			p = vec_push(&w->people);
			if (p == NULL) {
				fail(w, -ENOMEM);
				return;
			}
			p->first = c;
		}
		if (p != NULL) {
			p->uses++;
		}
	}
}

static bool people_taken(const struct writing *w, const struct people *p, const char *name)
{
	bool taken = strcmp(name, "any") == 0 || strcmp(name, "host") == 0;
	for (const struct people *other = w->people.items; other < p && !taken; other++) {
		taken = strcmp(other->name, name) == 0;
	}
	return taken;
}

/* Nearly everybody: "any" without a few. */
static bool is_most(const struct candidate *c)
{
	number_t addresses = 0;
	for (uint32_t i = 0; i < c->sources[FAMILY_IPV4]->count; i++) {
		const struct span *span = &c->sources[FAMILY_IPV4]->items[i];
		addresses += span->last - span->first + 1;
	}
	return addresses > (number_t)1 << 31;
}

static void name_people(struct writing *w)
{
	for (size_t i = 0; i < w->people.count; i++) {
		struct people *p = &w->people.items[i];
		char base[BASE_NAME_BYTES] = "";
		if (p->uses < 2) {
			continue;
		}
		name_from(base, sizeof(base), p->first->group);
		if (base[0] == '\0') {
			str_copy(base, sizeof(base), is_most(p->first) ? "others" : "network");
		}
		char name[NAME_BYTES];
		(void)snprintf(name, sizeof(name), "%s", base);
		for (unsigned n = 2; people_taken(w, p, name); n++) {
			(void)snprintf(name, sizeof(name), "%s-%u", base, n);
		}
		str_copy(p->name, sizeof(p->name), name);
	}
}

/* ["192.0.2.0/24", "2001:db8::/32"] */
static void add_networks(struct str *out, const struct candidate *c)
{
	struct prefix prefixes[IMPORT_SOURCES_MAX];
	char text[PREFIX_TEXT_BYTES];
	const char *before = "[";
	for (unsigned family = 0; family < FAMILIES; family++) {
		size_t count = spans_prefixes(prefixes, IMPORT_SOURCES_MAX, c->sources[family],
					      family == FAMILY_IPV4 ? ADDR_IPV4 : ADDR_IPV6);
		for (size_t i = 0; i < count && count <= IMPORT_SOURCES_MAX; i++) {
			str_printf(out, "%s\"%s\"", before, prefix_format(&prefixes[i], text));
			before = ", ";
		}
	}
	str_add_char(out, ']');
}

static bool too_many_sources(const struct candidate *c)
{
	struct prefix prefixes[IMPORT_SOURCES_MAX];
	size_t count = 0;
	for (unsigned family = 0; family < FAMILIES; family++) {
		count += spans_prefixes(prefixes, IMPORT_SOURCES_MAX, c->sources[family],
					family == FAMILY_IPV4 ? ADDR_IPV4 : ADDR_IPV6);
	}
	return count > IMPORT_SOURCES_MAX;
}

static void add_who(struct writing *w)
{
	bool begun = false;
	for (size_t i = 0; i < w->people.count; i++) {
		const struct people *p = &w->people.items[i];
		if (p->name[0] == '\0') {
			continue;
		}
		str_printf(w->out, "%s  %s: ", begun ? "" : "\nwho:\n", p->name);
		add_networks(w->out, p->first);
		str_add_char(w->out, '\n');
		begun = true;
	}
}

/* ---- a declaration ---- */

static void count_covers(struct writing *w)
{
	for (unsigned traffic = 0; traffic < TRAFFICS; traffic++) {
		w->covers[traffic] = calloc(UINT16_MAX + 2, sizeof(uint32_t));
		if (w->covers[traffic] == NULL) {
			fail(w, -ENOMEM);
			return;
		}
	}
	for (size_t i = 0; i < w->candidates->list.count; i++) {
		const struct candidate *c = &w->candidates->list.items[i];
		for (size_t k = 0; k < c->ports.count && !c->gone; k++) {
			w->covers[c->ports.items[k].traffic][c->ports.items[k].first]++;
			w->covers[c->ports.items[k].traffic][c->ports.items[k].last + 1]--;
		}
	}
	for (unsigned traffic = 0; traffic < TRAFFICS; traffic++) {
		for (uint32_t port = 1; port <= UINT16_MAX; port++) {
			w->covers[traffic][port] += w->covers[traffic][port - 1];
		}
	}
}

/* A profile says how its ports are encrypted: two declarations of one port must not differ. */
static bool alone_on_ports(const struct writing *w, const struct candidate *c)
{
	for (size_t i = 0; i < c->ports.count; i++) {
		const struct port_piece *p = &c->ports.items[i];
		for (uint32_t port = p->first; port <= p->last; port++) {
			if (w->covers[p->traffic][port] != 1) {
				return false;
			}
		}
	}
	return true;
}

static bool has_port(const struct candidate *c, const struct port_span *span)
{
	for (size_t i = 0; i < c->ports.count; i++) {
		const struct port_piece *p = &c->ports.items[i];
		if (traffic_protocols[p->traffic] == span->protocol && p->first <= span->first &&
		    p->last >= span->last) {
			return true;
		}
	}
	return false;
}

static bool is_profile(const struct candidate *c, const struct profile *profile)
{
	uint32_t wanted = 0;
	uint32_t here = 0;
	for (size_t i = 0; i < profile->port_count; i++) {
		wanted += profile->ports[i].last - profile->ports[i].first + 1u;
		if (!has_port(c, &profile->ports[i])) {
			return false;
		}
	}
	for (size_t i = 0; i < c->ports.count; i++) {
		here += c->ports.items[i].last - c->ports.items[i].first + 1u;
	}
	return wanted == here;
}

/* The profile of exactly these ports. Of several (ssh, sftp, git) the one that the port is known
 * for, otherwise none. */
static const struct profile *profile_of(const struct writing *w, const struct candidate *c)
{
	size_t count = 0;
	const struct profile *profiles = catalog_profiles(&count);
	const struct profile *found = NULL;
	size_t fitting = 0;
	if (c->closed || !alone_on_ports(w, c)) {
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		if (!is_profile(c, &profiles[i])) {
			continue;
		}
		fitting++;
		if (c->knowledge != NULL && strcmp(c->knowledge->name, profiles[i].name) == 0) {
			return &profiles[i];
		}
		found = &profiles[i];
	}
	return fitting == 1 ? found : NULL;
}

static void add_ports(struct str *out, const struct candidate *c)
{
	str_add(out, c->ports.count > 1 ? "[" : "");
	for (size_t i = 0; i < c->ports.count; i++) {
		const struct port_piece *p = &c->ports.items[i];
		const struct policy_ports ports = { traffic_protocols[p->traffic], p->first,
						    p->last };
		str_add(out, i == 0 ? "" : ", ");
		policy_ports_format(out, &ports);
	}
	str_add(out, c->ports.count > 1 ? "]" : "");
}

/* Whether what the catalogue says of the first port is true of all. */
static bool knows_all(const struct candidate *c)
{
	bool known = c->knowledge != NULL;
	for (size_t i = 0; known && i < c->ports.count; i++) {
		enum protocol protocol = traffic_protocols[c->ports.items[i].traffic];
		known = port_knowledge_has_port(c->knowledge, protocol, c->ports.items[i].first) &&
			port_knowledge_has_port(c->knowledge, protocol, c->ports.items[i].last);
	}
	return known;
}

static void add_purpose(struct writing *w, const struct candidate *c)
{
	const struct statement *s = statement_of(w, c);
	if (s != NULL && s->comment != NULL && s->comment[0] != '\0') {
		add_quoted(w->out, s->comment);
	} else if (c->closed) {
		struct str text = STR_INIT(1024);
		add_message(&text, "import-purpose-closed", w->language, NULL, NULL);
		add_quoted(w->out, str_text(&text));
		str_deinit(&text);
	} else if (knows_all(c)) {
		add_quoted(w->out, text_in(c->knowledge->use, w->language));
	} else if (s != NULL && s->service != NULL) {
		add_quoted(w->out, s->service);
	} else {
		str_add(w->out, POLICY_UNCONFIRMED);
	}
}

static void add_from(struct writing *w, const struct candidate *c)
{
	const struct people *p = people_of(w, c);
	if (c->closed) {
		str_add(w->out, "host");
	} else if (is_anybody(c)) {
		str_add(w->out, "any");
	} else if (p != NULL && p->name[0] != '\0') {
		str_add(w->out, p->name);
	} else {
		add_networks(w->out, c);
	}
}

static const char *unit_of(usec_t per)
{
	return per == USEC_PER_SEC    ? "second"
	       : per == USEC_PER_MIN  ? "minute"
	       : per == USEC_PER_HOUR ? "hour"
				      : "day";
}

static void add_declaration(struct writing *w, const struct candidate *c)
{
	char name[NAME_BYTES] = "";
	const struct statement *s = statement_of(w, c);
	const struct profile *profile = profile_of(w, c);
	choose_name(w, c, name);
	if (s != NULL) {
		str_add(w->out, "  # ");
		add_line(w->out, s->text, COMMENT_COLUMNS);
		str_add_char(w->out, '\n');
	}
	str_printf(w->out, "  %s:\n    port: ", name);
	add_ports(w->out, c);
	if (profile != NULL) {
		str_printf(w->out, "\n    profile: %s", profile->name);
	}
	str_add(w->out, "\n    for: ");
	add_purpose(w, c);
	str_add(w->out, "\n    owner: " POLICY_UNCONFIRMED "\n    from: ");
	add_from(w, c);
	if (c->rate.count > 0) {
		str_printf(w->out, "\n    rate: %u/%s", c->rate.count, unit_of(c->rate.per));
	}
	if (c->place > 0) {
		str_add(w->out, "\n    interface: ");
		add_quoted(w->out, w->accepted->interfaces[c->place - 1]);
	}
	str_add_char(w->out, '\n');
	w->set->report->declarations++;
}

/* ---- all ---- */

static bool interface_sayable(const char *name)
{
	struct str safe = STR_INIT(256);
	text_escape(&safe, name);
	size_t length = strlen(name);
	bool fine = length > 0 && length < 16 && strcmp(str_text(&safe), name) == 0 &&
		    strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
		    strpbrk(name, "/: \t\n\v\f\r\"\\") == NULL;
	str_deinit(&safe);
	return fine;
}

static void leave_out(struct writing *w, struct candidate *c, const char *reason)
{
	c->gone = true;
	ruleset_note(w->set, c->statement, IMPORT_LEFT, reason, NULL, NULL);
	if (c->statement != BY_DEFAULT) {
		w->set->statements.items[c->statement].left = true;
	}
}

static void leave_out_unsayable(struct writing *w)
{
	for (size_t i = 0; i < w->candidates->list.count; i++) {
		struct candidate *c = &w->candidates->list.items[i];
		if (c->gone || c->closed) {
			continue;
		}
		if (too_many_sources(c)) {
			leave_out(w, c, "import-too-many");
		} else if (c->place > 0 &&
			   !interface_sayable(w->accepted->interfaces[c->place - 1])) {
			leave_out(w, c, "import-interface-name");
		}
	}
}

static int compare_order(const void *left, const void *right)
{
	const struct candidate *a = *(struct candidate *const *)left;
	const struct candidate *b = *(struct candidate *const *)right;
	return a->order < b->order ? -1 : a->order > b->order;
}

static void add_declarations(struct writing *w)
{
	size_t count = 0;
	struct candidates *all = w->candidates;
	_cleanup_(freep) struct candidate **sorted = calloc(all->list.count + 1, sizeof(void *));
	for (size_t i = 0; sorted != NULL && i < all->list.count; i++) {
		if (!all->list.items[i].gone) {
			sorted[count++] = &all->list.items[i];
		}
	}
	if (sorted == NULL) {
		fail(w, -ENOMEM);
		return;
	}
	qsort(sorted, count, sizeof(void *), compare_order);
	str_add(w->out, count == 0 ? "\nports: {}\n" : "\nports:\n");
	for (size_t i = 0; i < count && w->error == 0 && w->out->error == 0; i++) {
		str_add(w->out, i == 0 ? "" : "\n");
		add_declaration(w, sorted[i]);
	}
}

static void add_defaults(struct writing *w)
{
	const char *inbound = w->candidates->open    ? "accept"
			      : w->accepted->rejects ? "reject"
						     : "drop";
	str_add(w->out, "\ndefaults:\n");
	if (w->candidates->open) {
		add_comment(w, "  ", "import-comment-open", NULL, NULL);
		ruleset_note(w->set, UINT32_MAX, IMPORT_CHANGED, "import-open", NULL, NULL);
	}
	str_printf(w->out, "  inbound: %s\n  ping: %s\n", inbound,
		   w->candidates->pings ? "yes" : "no");
}

static void write_all(struct writing *w)
{
	leave_out_unsayable(w);
	count_people(w);
	name_people(w);
	count_covers(w);
	if (w->error < 0) {
		return;
	}
	add_comment(w, "", "import-header", "kind", import_kind_name(w->set->report->kind));
	str_add(w->out, "minato: 1\n");
	add_who(w);
	add_declarations(w);
	add_defaults(w);
}

static void writing_deinit(struct writing *w)
{
	struct taken *item = NULL;
	struct taken *next = NULL;
	HASH_ITER (hh, w->names, item, next) {
		HASH_DEL(w->names, item);
		free(item);
	}
	for (unsigned traffic = 0; traffic < TRAFFICS; traffic++) {
		free(w->covers[traffic]);
	}
	vec_free(&w->people);
}

int write_accepted(struct str *out, struct ruleset *set, struct accepted *accepted,
		   enum language language)
{
	struct candidates candidates;
	struct writing w = { .out = out,
			     .set = set,
			     .accepted = accepted,
			     .candidates = &candidates,
			     .language = language };
	declare_accepted(&candidates, set, accepted);
	if (set->error == 0) {
		write_all(&w);
	}
	int r = set->error < 0 ? set->error : w.error < 0 ? w.error : out->error;
	writing_deinit(&w);
	candidates_deinit(&candidates);
	return r;
}
