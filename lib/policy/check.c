/* What takes the whole policy to judge. */
#include <stdlib.h>
#include <string.h>

#include "policy/check.h"
#include "policy/values.h"

/* The value of a key, or the declaration's name when it is not written. */
const struct node *value_or_name(const struct view *v, const char *key)
{
	const struct node *node = tree_get(v->node, key);
	return node == NULL ? v->node->key : node;
}

static void missing(struct reader *reader, const struct view *v, const char *key)
{
	if (!v->node->cut && v->node->kind == NODE_MAPPING && tree_get(v->node, key) == NULL) {
		fault(reader, v->node->key, "policy-key-missing", NULL, ARGUMENTS({ "key", key }));
	}
}

void from_any(struct reader *reader, struct policy_declaration *d)
{
	d->from.items = policy_alloc(reader, sizeof(*d->from.items)); /* zeroed: any */
	d->from.count = d->from.items == NULL ? 0 : 1;
}

static void fill_from(struct reader *reader, const struct view *v)
{
	struct policy_declaration *d = v->declaration;
	const struct policy_defaults *defaults = &reader->policy.defaults;
	if (tree_get(v->node, "from") != NULL) {
		return;
	}
	if (defaults->from.count > 0) {
		d->from.items = defaults->from.items;
		d->from.count = defaults->from.count;
		return;
	}
	if (!reader->cut && v->node->kind == NODE_MAPPING) {
		fault(reader, v->node->key,
		      v->forward ? "policy-forward-from-missing" : "policy-from-missing", NULL,
		      ARGUMENTS({ "name", d->entry.name }));
	}
	from_any(reader, d);
}

void fill_owner(struct reader *reader, const struct view *v)
{
	struct policy_declaration *d = v->declaration;
	if (d->owner == NULL) {
		d->owner = reader->policy.defaults.owner;
	}
	if (d->owner == NULL) {
		missing(reader, v, "owner");
	}
}

static void fill_defaults(struct reader *reader, const struct view *v)
{
	struct policy_declaration *d = v->declaration;
	if (!v->forward) {
		fill_profile(reader, d, v->node);
	}
	if (!v->forward && tree_get(v->node, "profile") == NULL) {
		missing(reader, v, "port");
	}
	fill_owner(reader, v);
	fill_from(reader, v);
	if ((v->here || v->forward) && tree_get(v->node, "cut") == NULL) {
		d->cut = reader->policy.defaults.cut;
	}
}

static void check_reason(struct reader *reader, const struct view *v)
{
	const struct policy_declaration *d = v->declaration;
	if (d->encryption == POLICY_ENCRYPTION_NONE && tree_get(v->node, "because") == NULL &&
	    !v->node->cut) {
		fault(reader, value_or_name(v, "encryption"), "policy-because-missing", NULL,
		      NO_ARGUMENTS);
	}
	if (d->encryption != POLICY_ENCRYPTION_NONE && d->because != NULL) {
		fault(reader, value_or_name(v, "because"), "policy-because-unneeded", NULL,
		      NO_ARGUMENTS);
	}
}

void check_dates(struct reader *reader, const struct view *v)
{
	const struct policy_declaration *d = v->declaration;
	int32_t today = reader->environment->today;
	char date[POLICY_DATE_TEXT_BYTES];
	if (d->until != POLICY_NO_DATE && d->until < today) {
		fault(reader, value_or_name(v, "until"), "policy-expired", NULL,
		      ARGUMENTS({ "name", d->entry.name },
				{ "date", policy_date_format(d->until, date) }));
	}
	if (d->review != POLICY_NO_DATE && d->review < today) {
		fault(reader, value_or_name(v, "review"), "policy-review-overdue", NULL,
		      ARGUMENTS({ "name", d->entry.name },
				{ "date", policy_date_format(d->review, date) }));
	}
	if (d->review != POLICY_NO_DATE && d->until != POLICY_NO_DATE && d->review > d->until) {
		fault(reader, value_or_name(v, "review"), "policy-review-late", NULL,
		      ARGUMENTS({ "date", policy_date_format(d->until, date) }));
	}
}

void check_confirmed(struct reader *reader, const struct view *v)
{
	static const char *const keys[] = { "for", "owner" };
	const char *const values[] = { v->declaration->purpose, v->declaration->owner };
	for (size_t i = 0; i < 2; i++) {
		if (values[i] != NULL && strcmp(values[i], POLICY_UNCONFIRMED) == 0) {
			fault(reader, value_or_name(v, keys[i]), "policy-unconfirmed", NULL,
			      ARGUMENTS({ "key", keys[i] },
					{ "name", v->declaration->entry.name }));
		}
	}
}

/* What this host itself sends or gets is not passed on. */
static void check_forward(struct reader *reader, const struct view *v)
{
	const struct policy_declaration *d = v->declaration;
	bool from = false;
	bool to = false;
	for (size_t i = 0; i < d->from.count; i++) {
		from = from || d->from.items[i].kind == POLICY_FROM_HOST;
	}
	for (size_t i = 0; i < d->to.count; i++) {
		to = to || d->to.items[i].kind == POLICY_FROM_HOST;
	}
	if (v->forward && (from || to)) {
		fault(reader, value_or_name(v, from ? "from" : "to"), "policy-forward-host", NULL,
		      ARGUMENTS({ "key", from ? "from" : "to" }));
	}
}

/* The node that wrote a port of the declaration: the item of the list that reads as it. */
const struct node *port_node(const struct view *v, const struct policy_ports *ports)
{
	const struct node *node = tree_get(v->node, "port");
	if (node == NULL) {
		return value_or_name(v, "profile");
	}
	for (const struct node *item = node->first; item != NULL; item = item->next) {
		struct policy_ports read = { 0 };
		if (item->kind == NODE_TEXT && ports_read(&read, item->text) == NULL &&
		    read.protocol == ports->protocol && read.first == ports->first &&
		    read.last == ports->last) {
			return item;
		}
	}
	return node;
}

/*
 * The kernel gives ports of the ephemeral range to outgoing connections, and a service that starts
 * later finds its own taken, unless it is reserved (Documentation/networking/ip-sysctl.rst).
 */
static void check_ephemeral(struct reader *reader, const struct view *v)
{
	const struct port_range *range = &reader->environment->ephemeral;
	const struct policy_declaration *d = v->declaration;
	for (size_t i = 0; v->here && i < d->ports.count; i++) {
		const struct policy_ports *p = &d->ports.items[i];
		uint16_t first = p->first > range->first ? p->first : range->first;
		uint16_t last = p->last < range->last ? p->last : range->last;
		int32_t taken = first > last ? -1 : portset_next(reader->ephemeral, first);
		if (taken < 0 || taken > last) {
			continue;
		}
		char ports[16];
		char whole[16];
		(void)snprintf(ports, sizeof(ports), "%u-%u", first, last);
		if (first == last) {
			(void)snprintf(ports, sizeof(ports), "%u", first);
		}
		(void)snprintf(whole, sizeof(whole), "%u-%u", range->first, range->last);
		fault(reader, port_node(v, p), "policy-ephemeral", NULL,
		      ARGUMENTS({ "ports", ports }, { "range", whole }));
		return;
	}
}

/* ---- ports declared twice ---- */

/* One range of one declaration, for the sweep. */
struct span {
	const struct policy_ports *ports;
	const struct view *view;
};

static int compare_spans(const void *left, const void *right)
{
	const struct span *a = left;
	const struct span *b = right;
	if (a->ports->protocol != b->ports->protocol) {
		return a->ports->protocol < b->ports->protocol ? -1 : 1;
	}
	if (a->ports->first != b->ports->first) {
		return a->ports->first < b->ports->first ? -1 : 1;
	}
	if (a->view != b->view) {
		return a->view < b->view ? -1 : 1;
	}
	return a->ports < b->ports ? -1 : a->ports > b->ports;
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_from(const struct policy_declaration *a, const struct policy_declaration *b)
{
	return a->from.count == b->from.count &&
	       (a->from.count == 0 ||
		memcmp(a->from.items, b->from.items, a->from.count * sizeof(*a->from.items)) == 0);
}

static bool same_program(const struct policy_program *a, const struct policy_program *b)
{
	return same_text(a->unit, b->unit) && same_text(a->executable, b->executable) &&
	       same_text(a->user, b->user) && same_text(a->container, b->container);
}

/*
 * Keys in which two declarations of one port cannot both be right, as "program, encryption"; ""
 * when they can: different limits for different people are no contradiction.
 */
static void contradictions(struct str *out, const struct policy_declaration *a,
			   const struct policy_declaration *b)
{
	bool people = same_from(a, b);
	const struct {
		const char *key;
		bool differs;
	} keys[] = {
		{ "program", !same_program(&a->program, &b->program) },
		{ "encryption", a->encryption != b->encryption },
		{ "owner", people && !same_text(a->owner, b->owner) },
		{ "rate",
		  people && (a->rate.count != b->rate.count || a->rate.per != b->rate.per) },
		{ "until", people && a->until != b->until },
	};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (keys[i].differs) {
			str_printf(out, "%s%s", out->length == 0 ? "" : ", ", keys[i].key);
		}
	}
}

static void overlap(struct reader *reader, const struct span *earlier, const struct span *later)
{
	const struct policy_declaration *a = earlier->view->declaration;
	const struct policy_declaration *b = later->view->declaration;
	struct str ports = STR_INIT(64);
	struct str keys = STR_INIT(256);
	bool shown = reader->faults.count < POLICY_DIAGNOSTICS_MAX; /* finding the node costs */
	const struct node *name = later->view->node->key;
	const struct node *place = shown ? port_node(later->view, later->ports) : name;
	policy_ports_format(&ports, later->ports);
	if (a == b) {
		fault(reader, place, "policy-port-repeated", NULL,
		      ARGUMENTS({ "ports", str_text(&ports) }));
	} else if (a->interface == NULL || b->interface == NULL ||
		   strcmp(a->interface, b->interface) == 0) {
		contradictions(&keys, a, b);
		const struct mark *first = &earlier->view->node->key->mark;
		fault(reader, place,
		      keys.length > 0 ? "policy-port-contradiction" : "policy-port-overlap", NULL,
		      ARGUMENTS({ "ports", str_text(&ports) }, { "other", a->entry.name },
				{ "first", place_text(reader, first) },
				{ "keys", str_text(&keys) }));
	}
	str_deinit(&ports);
	str_deinit(&keys);
}

/* A sweep over the sorted ranges: each is compared with the one that reaches furthest before it. */
static void sweep(struct reader *reader, struct span *spans, size_t count)
{
	const struct span *furthest = NULL;
	qsort(spans, count, sizeof(*spans), compare_spans);
	for (size_t i = 0; i < count; i++) {
		const struct span *now = &spans[i];
		if (furthest != NULL && furthest->ports->protocol == now->ports->protocol) {
			if (now->ports->first <= furthest->ports->last) {
				bool ordered = furthest->view <= now->view;
				overlap(reader, ordered ? furthest : now, ordered ? now : furthest);
			}
			if (now->ports->last <= furthest->ports->last) {
				continue;
			}
		}
		furthest = now;
	}
}

static void check_overlaps(struct reader *reader, const struct view *views, size_t count)
{
	size_t ports = 0;
	for (size_t i = 0; i < count; i++) {
		ports += views[i].declaration->ports.count;
	}
	struct span *spans = reader_alloc(reader, ports * sizeof(*spans));
	if (spans == NULL) {
		return;
	}
	size_t at = 0;
	for (size_t i = 0; i < count; i++) {
		const struct policy_declaration *d = views[i].declaration;
		for (size_t p = 0; p < d->ports.count; p++) {
			spans[at++] = (struct span){ &d->ports.items[p], &views[i] };
		}
	}
	sweep(reader, spans, at);
}

/* ---- all ---- */

static void check_one(struct reader *reader, const struct view *v)
{
	fill_defaults(reader, v);
	check_reason(reader, v);
	check_dates(reader, v);
	check_confirmed(reader, v);
	check_ephemeral(reader, v);
	check_forward(reader, v);
}

static void check_bag(struct reader *reader, const struct bag *bag)
{
	struct view *views = reader_alloc(reader, bag->count * sizeof(*views));
	size_t count = 0;
	for (const struct draft *d = bag->drafts; views != NULL && d != NULL; d = d->hh.next) {
		views[count] = (struct view){ d->entry, d->node, bag->of == &schema_declaration,
					      bag->of == &schema_forward };
		check_one(reader, &views[count++]);
	}
	if (bag->of != &schema_forward) { /* one port may lead to many places */
		check_overlaps(reader, views, count);
	}
}

/* What the kernel may hand out: the ephemeral range without the reserved ports. */
static void find_ephemeral(struct reader *reader)
{
	const struct policy_environment *environment = reader->environment;
	struct portset *set = reader_alloc(reader, sizeof(*set));
	const struct port_range *range = &environment->ephemeral;
	for (uint32_t port = range->first; set != NULL && port > 0 && port <= range->last; port++) {
		if (environment->reserved == NULL ||
		    !portset_has(environment->reserved, (uint16_t)port)) {
			portset_add(set, (uint16_t)port);
		}
	}
	reader->ephemeral = set;
}

void check_policy(struct reader *reader)
{
	find_ephemeral(reader);
	for (const struct bag *bag = reader->bags; bag != NULL && reader->error == 0;
	     bag = bag->older) {
		if (bag->of == &schema_declaration || bag->of == &schema_remote_declaration ||
		    bag->of == &schema_forward) {
			check_bag(reader, bag);
		} else if (bag->of == &schema_outbound) {
			check_outbound(reader, bag);
		}
	}
}
