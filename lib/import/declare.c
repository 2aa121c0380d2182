/* From accepted pieces to declarations: interfaces, families and ports joined again. */
#include "import/declare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { COMPARISONS_MAX = 20 * 1000 * 1000 };

struct declaring {
	struct ruleset *set;
	struct accepted *accepted;
	struct candidates *out;
	size_t comparisons;
	bool complained; /* of what is accepted by default */
};

static const struct spans *checked(struct declaring *d, const struct spans *result)
{
	if (result == NULL) {
		ruleset_fail(d->set, -E2BIG);
		return &spans_none;
	}
	return result;
}

static bool step(struct declaring *d)
{
	if (++d->comparisons > COMPARISONS_MAX) {
		ruleset_fail(d->set, -E2BIG);
	}
	return d->set->error == 0;
}

/* ---- what is accepted by default ---- */

static bool is_everybody(const struct piece *piece)
{
	const struct spans *all = spans_all(piece->family == FAMILY_IPV4 ? ADDR_IPV4 : ADDR_IPV6);
	return spans_equal(piece->sources, all) && piece->rate.count == 0;
}

/* Where a segment is open to everybody: a bit for each place, by default and by rules. */
struct everybody {
	uint64_t by_default[FAMILIES], by_rules[FAMILIES];
};

static struct everybody *find_everybody(const struct accepted *accepted, unsigned traffic)
{
	struct everybody *found = calloc(accepted->segments[traffic].count + 1, sizeof(*found));
	for (size_t i = 0; found != NULL && i < accepted->pieces.count; i++) {
		const struct piece *piece = &accepted->pieces.items[i];
		if (piece->traffic == traffic && is_everybody(piece)) {
			struct everybody *e = &found[piece->segment];
			uint64_t *bits =
				piece->statement == BY_DEFAULT ? e->by_default : e->by_rules;
			bits[piece->family] |= (uint64_t)1 << piece->place;
		}
	}
	return found;
}

static bool is_everywhere(const uint64_t bits[FAMILIES], const struct accepted *accepted)
{
	uint64_t all = ((uint64_t)2 << accepted->interface_count) - 1;
	return bits[FAMILY_IPV4] == all && bits[FAMILY_IPV6] == all;
}

static void add_port(struct declaring *d, struct candidate *candidate, unsigned traffic,
		     const struct segment *segment)
{
	struct port_piece *last = candidate->ports.count == 0
					  ? NULL
					  : &candidate->ports.items[candidate->ports.count - 1];
	if (last != NULL && last->traffic == traffic && last->last + 1 == segment->first) {
		last->last = segment->last;
		return;
	}
	struct port_piece *slot = vec_push(&candidate->ports);
	if (slot == NULL) {
		ruleset_fail(d->set, -ENOMEM);
		return;
	}
	*slot = (struct port_piece){ (uint8_t)traffic, segment->first, segment->last };
}

static struct candidate *add_candidate(struct declaring *d)
{
	struct candidate *candidate = vec_push(&d->out->list);
	if (candidate == NULL) {
		ruleset_fail(d->set, -ENOMEM);
		return NULL;
	}
	candidate->order = (uint32_t)d->out->list.count;
	candidate->sources[0] = candidate->sources[1] = &spans_none;
	return candidate;
}

/*
 * With `inbound: accept` an undeclared port is open to all. What the rules close, if only to some,
 * has to be declared: for those who are let in, and at least for nobody. What they do not close
 * must not be declared for less than everybody.
 */
static void settle_traffic(struct declaring *d, unsigned traffic, struct candidate *closed)
{
	struct everybody *found = find_everybody(d->accepted, traffic);
	if (found == NULL) {
		ruleset_fail(d->set, -ENOMEM);
		return;
	}
	for (size_t i = 0; i < d->accepted->pieces.count; i++) {
		struct piece *piece = &d->accepted->pieces.items[i];
		const struct everybody *e = &found[piece->segment];
		if (piece->traffic == traffic && is_everywhere(e->by_default, d->accepted)) {
			bool said = piece->statement != BY_DEFAULT &&
				    is_everywhere(e->by_rules, d->accepted) && is_everybody(piece);
			piece->sources = said ? piece->sources : &spans_none;
		}
	}
	for (size_t s = 0; s < d->accepted->segments[traffic].count; s++) {
		if (!is_everywhere(found[s].by_default, d->accepted)) {
			add_port(d, closed, traffic, &d->accepted->segments[traffic].items[s]);
		}
	}
	free(found);
}

static void settle_default(struct declaring *d)
{
	struct candidate *closed = add_candidate(d);
	d->out->open = d->accepted->open[FAMILY_IPV4] && d->accepted->open[FAMILY_IPV6];
	if (closed == NULL) {
		return;
	}
	closed->closed = true;
	closed->statement = BY_DEFAULT;
	closed->order = UINT32_MAX;
	for (unsigned traffic = 0; d->out->open && traffic < TRAFFIC_PING; traffic++) {
		settle_traffic(d, traffic, closed);
	}
	closed->gone = closed->ports.count == 0;
}

/* Answered when every family that was spoken of is: the policy has one switch for both. */
static void settle_ping(struct declaring *d)
{
	unsigned answered = 0;
	bool some = false;
	for (size_t i = 0; i < d->accepted->pieces.count; i++) {
		struct piece *piece = &d->accepted->pieces.items[i];
		if (piece->traffic != TRAFFIC_PING) {
			continue;
		}
		const struct spans *all =
			spans_all(piece->family == FAMILY_IPV4 ? ADDR_IPV4 : ADDR_IPV6);
		some = true;
		if (piece->place == 0 && spans_equal(piece->sources, all)) {
			answered |= 1u << piece->family;
		}
		piece->sources = &spans_none;
	}
	d->out->pings = d->set->families != 0 && answered == d->set->families;
	if (some && !d->out->pings) {
		ruleset_note(d->set, UINT32_MAX, IMPORT_CHANGED, "import-ping", NULL, NULL);
	}
}

/* ---- interfaces ---- */

#define ORDER(a, b)                                                                                \
	if ((a) != (b)) {                                                                          \
		return (a) < (b) ? -1 : 1;                                                         \
	}

static int compare_for_places(const void *left, const void *right)
{
	const struct piece *a = left;
	const struct piece *b = right;
	ORDER(a->traffic, b->traffic);
	ORDER(a->segment, b->segment);
	ORDER(a->family, b->family);
	ORDER(a->statement, b->statement);
	ORDER(a->rate.count, b->rate.count);
	ORDER(a->rate.per, b->rate.per);
	ORDER(a->place, b->place);
	return 0;
}

static bool same_but_place(const struct piece *a, const struct piece *b)
{
	return a->traffic == b->traffic && a->segment == b->segment && a->family == b->family &&
	       a->statement == b->statement && a->rate.count == b->rate.count &&
	       a->rate.per == b->rate.per;
}

/* On a host whose interfaces are known each has its own declaration; only later ones have none. */
static void complain_of_places(struct declaring *d, uint32_t statement)
{
	bool known = d->set->host != NULL && d->set->host->interface_count > 0;
	enum import_outcome outcome = known ? IMPORT_CHANGED : IMPORT_LEFT;
	const char *reason = known ? "import-each-interface" : "import-except-interface";
	if (statement == BY_DEFAULT && !d->complained) {
		d->complained = true;
		ruleset_note(d->set, UINT32_MAX, outcome, reason, NULL, NULL);
	} else if (statement == BY_DEFAULT) {
		return;
	} else if (!d->set->statements.items[statement].left) {
		d->set->statements.items[statement].left = true;
		ruleset_note(d->set, statement, outcome, reason, NULL, NULL);
	}
}

static void add_piece(struct piece *pieces, size_t *kept, struct piece like, unsigned place,
		      const struct spans *sources)
{
	if (sources->count > 0) {
		like.place = (uint8_t)place;
		like.sources = sources;
		pieces[(*kept)++] = like;
	}
}

/*
 * Sources by place become those of every interface (place 0) and what single interfaces have more.
 * "Every interface but this one" cannot be said by a policy.
 * @return how many pieces there are now; never more than before.
 */
static size_t join_places(struct declaring *d, struct piece *pieces, size_t count)
{
	struct arena *arena = &d->accepted->arena;
	uint32_t places = 1 + d->accepted->interface_count;
	const struct spans *by_place[1 + IMPORT_INTERFACES_MAX] = { &spans_none };
	const struct piece like = pieces[0];
	size_t kept = 0;
	for (uint32_t p = 0; p < places; p++) {
		by_place[p] = &spans_none;
	}
	for (size_t i = 0; i < count; i++) {
		const struct spans **slot = &by_place[pieces[i].place];
		*slot = checked(d, spans_or(arena, *slot, pieces[i].sources));
	}
	const struct spans *common = by_place[0];
	for (uint32_t p = 1; p < places; p++) {
		common = checked(d, spans_and(arena, common, by_place[p]));
	}
	if (!spans_equal(common, by_place[0])) {
		complain_of_places(d, like.statement);
	}
	add_piece(pieces, &kept, like, 0, common);
	for (uint32_t p = 1; p < places; p++) {
		add_piece(pieces, &kept, like, p,
			  checked(d, spans_minus(arena, by_place[p], common)));
	}
	return kept;
}

static void reduce_places(struct declaring *d)
{
	struct piece *items = d->accepted->pieces.items;
	size_t count = 0;
	for (size_t i = 0; i < d->accepted->pieces.count; i++) {
		if (items[i].sources->count > 0) {
			items[count++] = items[i];
		}
	}
	if (count > 1) {
		qsort(items, count, sizeof(*items), compare_for_places);
	}
	size_t kept = 0;
	for (size_t i = 0, end = 0; i < count; i = end) {
		for (end = i + 1; end < count && same_but_place(&items[i], &items[end]);) {
			end++;
		}
		size_t now = join_places(d, &items[i], end - i);
		memmove(&items[kept], &items[i], now * sizeof(*items));
		kept += now;
	}
	d->accepted->pieces.count = kept;
}

static bool same_rate(const struct policy_rate *a, const struct policy_rate *b)
{
	return a->count == b->count && a->per == b->per;
}

/* What an earlier piece says of the same sources. */
enum cover {
	COVER_NONE,
	COVER_SAME,      /* the same */
	COVER_OTHERWISE, /* with another rate: the first match decides */
};

static enum cover cover_of(struct declaring *d, const struct piece *first, const struct piece *now)
{
	enum cover found = COVER_NONE;
	for (const struct piece *k = first; k < now && step(d); k++) {
		if ((k->place != 0 && k->place != now->place) || k->statement == BY_DEFAULT ||
		    !spans_within(now->sources, k->sources)) {
			continue;
		}
		if (!same_rate(&k->rate, &now->rate)) {
			return COVER_OTHERWISE;
		}
		/* Without a rate a rule may say once more what others say, to stay whole. */
		found = now->rate.count > 0 ? COVER_OTHERWISE : COVER_SAME;
	}
	return found;
}

static int compare_for_order(const void *left, const void *right)
{
	const struct piece *a = left;
	const struct piece *b = right;
	ORDER(a->traffic, b->traffic);
	ORDER(a->segment, b->segment);
	ORDER(a->family, b->family);
	ORDER(a->order, b->order);
	return 0;
}

/*
 * Pieces that say otherwise than earlier ones go; rules of which nothing is left that earlier ones
 * do not say go too. Others stay whole: "everything from there" reads better without holes.
 */
static void drop_covered(struct declaring *d)
{
	struct piece *items = d->accepted->pieces.items;
	size_t count = d->accepted->pieces.count;
	size_t statements = d->set->statements.count;
	bool *needed = calloc(statements + 1, sizeof(*needed));
	bool *covered = calloc(count + 1, sizeof(*covered));
	size_t first = 0;
	if (count > 1) {
		qsort(items, count, sizeof(*items), compare_for_order);
	}
	for (size_t i = 0; needed != NULL && covered != NULL && i < count; i++) {
		bool next = items[i].traffic != items[first].traffic ||
			    items[i].segment != items[first].segment ||
			    items[i].family != items[first].family;
		first = next ? i : first;
		enum cover cover = cover_of(d, &items[first], &items[i]);
		covered[i] = cover == COVER_OTHERWISE;
		if (cover == COVER_NONE && items[i].statement != BY_DEFAULT) {
			needed[items[i].statement] = true;
		}
		needed[statements] = true; /* what is accepted by default */
	}
	for (size_t i = 0; needed != NULL && covered != NULL && i < count; i++) {
		size_t at = items[i].statement == BY_DEFAULT ? statements : items[i].statement;
		if (covered[i] || !needed[at]) {
			items[i].sources = &spans_none;
		}
	}
	if (needed == NULL || covered == NULL) {
		ruleset_fail(d->set, -ENOMEM);
	}
	free(needed);
	free(covered);
}

/* ---- candidates ---- */

static int compare_for_statements(const void *left, const void *right)
{
	const struct piece *a = left;
	const struct piece *b = right;
	ORDER(a->statement, b->statement);
	ORDER(a->place, b->place);
	ORDER(a->rate.count, b->rate.count);
	ORDER(a->rate.per, b->rate.per);
	ORDER(a->traffic, b->traffic);
	ORDER(a->segment, b->segment);
	ORDER(a->family, b->family);
	return 0;
}

static bool same_statement(const struct piece *a, const struct piece *b)
{
	return a->statement == b->statement && a->place == b->place &&
	       a->rate.count == b->rate.count && a->rate.per == b->rate.per;
}

/* One segment with both families goes to the candidate for these sources. */
static void add_segment(struct declaring *d, const struct piece *piece,
			const struct spans *const sources[FAMILIES], size_t first)
{
	const struct segment *segment =
		&d->accepted->segments[piece->traffic].items[piece->segment];
	for (size_t i = d->out->list.count; i-- > first && step(d);) {
		struct candidate *candidate = &d->out->list.items[i];
		if (spans_equal(candidate->sources[0], sources[0]) &&
		    spans_equal(candidate->sources[1], sources[1])) {
			add_port(d, candidate, piece->traffic, segment);
			return;
		}
	}
	struct candidate *candidate = add_candidate(d);
	if (candidate != NULL) {
		candidate->statement = piece->statement;
		candidate->place = piece->place;
		candidate->rate = piece->rate;
		candidate->group = piece->group;
		candidate->sources[0] = sources[0];
		candidate->sources[1] = sources[1];
		add_port(d, candidate, piece->traffic, segment);
	}
}

static void make_candidates(struct declaring *d)
{
	struct piece *items = d->accepted->pieces.items;
	size_t count = d->accepted->pieces.count;
	size_t first = 0;
	if (count > 1) {
		qsort(items, count, sizeof(*items), compare_for_statements);
	}
	for (size_t i = 0, end = 0; i < count && d->set->error == 0; i = end) {
		const struct spans *sources[FAMILIES] = { &spans_none, &spans_none };
		if (i == 0 || !same_statement(&items[i - 1], &items[i])) {
			first = d->out->list.count;
		}
		for (end = i; end < count && same_statement(&items[i], &items[end]) &&
			      items[end].traffic == items[i].traffic &&
			      items[end].segment == items[i].segment;
		     end++) {
			const struct spans **slot = &sources[items[end].family];
			*slot = checked(d,
					spans_or(&d->accepted->arena, *slot, items[end].sources));
		}
		if (sources[0]->count > 0 || sources[1]->count > 0) {
			add_segment(d, &items[i], sources, first);
		}
	}
}

static void know(struct declaring *d)
{
	for (size_t i = 0; i < d->out->list.count; i++) {
		struct candidate *c = &d->out->list.items[i];
		if (c->ports.count > 0 && c->ports.items[0].first == c->ports.items[0].last) {
			c->knowledge = catalog_port(traffic_protocols[c->ports.items[0].traffic],
						    c->ports.items[0].first);
		}
	}
}

/* ---- joining ---- */

static int compare_texts(const char *a, const char *b)
{
	return strcmp(a == NULL ? "" : a, b == NULL ? "" : b);
}

static const char *comment_of(const struct ruleset *set, const struct candidate *c)
{
	return c->statement == BY_DEFAULT ? NULL : set->statements.items[c->statement].comment;
}

static int compare_alike(const struct ruleset *set, const struct candidate *a,
			 const struct candidate *b)
{
	ORDER(a->closed, b->closed);
	ORDER(a->statement == BY_DEFAULT, b->statement == BY_DEFAULT);
	ORDER(a->place, b->place);
	ORDER(a->rate.count, b->rate.count);
	ORDER(a->rate.per, b->rate.per);
	return compare_texts(comment_of(set, a), comment_of(set, b));
}

static int compare_ports(const struct candidate *a, const struct candidate *b)
{
	ORDER(a->ports.count, b->ports.count);
	for (size_t i = 0; i < a->ports.count; i++) {
		ORDER(a->ports.items[i].traffic, b->ports.items[i].traffic);
		ORDER(a->ports.items[i].first, b->ports.items[i].first);
		ORDER(a->ports.items[i].last, b->ports.items[i].last);
	}
	return 0;
}

static int compare_sources(const struct candidate *a, const struct candidate *b)
{
	for (unsigned family = 0; family < FAMILIES; family++) {
		const struct spans *x = a->sources[family];
		const struct spans *y = b->sources[family];
		ORDER(x->count, y->count);
		for (uint32_t i = 0; i < x->count; i++) {
			ORDER(x->items[i].first, y->items[i].first);
			ORDER(x->items[i].last, y->items[i].last);
		}
	}
	return 0;
}

static int compare_by_ports(const void *left, const void *right, void *data)
{
	const struct candidate *a = *(struct candidate *const *)left;
	const struct candidate *b = *(struct candidate *const *)right;
	int r = compare_alike(data, a, b);
	r = r == 0 ? compare_ports(a, b) : r;
	return r != 0 ? r : a->order < b->order ? -1 : a->order > b->order;
}

/* The name under which ports belong together: 53/tcp and 53/udp, the ports of Samba. */
static const char *label_of(const struct ruleset *set, const struct candidate *c)
{
	const char *service =
		c->statement == BY_DEFAULT ? NULL : set->statements.items[c->statement].service;
	return service != NULL ? service : c->knowledge == NULL ? NULL : c->knowledge->name;
}

static int compare_by_sources(const void *left, const void *right, void *data)
{
	const struct candidate *a = *(struct candidate *const *)left;
	const struct candidate *b = *(struct candidate *const *)right;
	int r = compare_alike(data, a, b);
	r = r == 0 ? compare_texts(label_of(data, a), label_of(data, b)) : r;
	r = r == 0 ? compare_sources(a, b) : r;
	return r != 0 ? r : a->order < b->order ? -1 : a->order > b->order;
}

static void join_sources(struct declaring *d, struct candidate *into, struct candidate *from)
{
	for (unsigned family = 0; family < FAMILIES; family++) {
		into->sources[family] =
			checked(d, spans_or(&d->accepted->arena, into->sources[family],
					    from->sources[family]));
	}
	if (compare_texts(into->group, from->group) != 0) {
		into->group = NULL;
	}
	from->gone = true;
}

static int compare_pieces(const void *left, const void *right)
{
	const struct port_piece *a = left;
	const struct port_piece *b = right;
	ORDER(a->traffic, b->traffic);
	ORDER(a->first, b->first);
	ORDER(a->last, b->last);
	return 0;
}

/* Sorted, and nothing twice. */
static void tidy_ports(struct candidate *c)
{
	size_t kept = 0;
	if (c->ports.count > 1) {
		qsort(c->ports.items, c->ports.count, sizeof(*c->ports.items), compare_pieces);
	}
	for (size_t i = 0; i < c->ports.count; i++) {
		struct port_piece *last = kept == 0 ? NULL : &c->ports.items[kept - 1];
		const struct port_piece *now = &c->ports.items[i];
		if (last != NULL && last->traffic == now->traffic && now->first <= last->last + 1) {
			last->last = now->last > last->last ? now->last : last->last;
		} else {
			c->ports.items[kept++] = *now;
		}
	}
	c->ports.count = kept;
}

static void join_ports(struct declaring *d, struct candidate *into, struct candidate *from)
{
	for (size_t i = 0; i < from->ports.count; i++) {
		struct port_piece *slot = vec_push(&into->ports);
		if (slot == NULL) {
			ruleset_fail(d->set, -ENOMEM);
			return;
		}
		*slot = from->ports.items[i];
	}
	tidy_ports(into);
	from->gone = true;
}

static bool alike(const struct declaring *d, const struct candidate *a, const struct candidate *b)
{
	return !a->closed && compare_alike(d->set, a, b) == 0;
}

static void join(struct declaring *d)
{
	size_t count = 0;
	struct candidate **sorted = calloc(d->out->list.count + 1, sizeof(void *));
	if (sorted == NULL) {
		ruleset_fail(d->set, -ENOMEM);
		return;
	}
	for (size_t i = 0; i < d->out->list.count; i++) {
		sorted[count++] = &d->out->list.items[i];
	}
	qsort_r(sorted, count, sizeof(void *), compare_by_ports, d->set);
	for (size_t i = 1, k = 0; i < count; i++) {
		if (alike(d, sorted[k], sorted[i]) && compare_ports(sorted[k], sorted[i]) == 0) {
			join_sources(d, sorted[k], sorted[i]);
		} else {
			k = i;
		}
	}
	qsort_r(sorted, count, sizeof(void *), compare_by_sources, d->set);
	for (size_t i = 1, k = 0; i < count; i++) {
		if (sorted[i]->gone) {
			continue;
		}
		if (!sorted[k]->gone && sorted[k]->knowledge != NULL &&
		    sorted[k]->knowledge == sorted[i]->knowledge &&
		    alike(d, sorted[k], sorted[i]) && compare_sources(sorted[k], sorted[i]) == 0) {
			join_ports(d, sorted[k], sorted[i]);
		} else {
			k = i;
		}
	}
	free(sorted);
}

/* ---- rates ---- */

static bool ports_overlap(const struct candidate *a, const struct candidate *b)
{
	for (size_t i = 0, k = 0; i < a->ports.count && k < b->ports.count;) {
		const struct port_piece *x = &a->ports.items[i];
		const struct port_piece *y = &b->ports.items[k];
		if (x->traffic == y->traffic && x->first <= y->last && y->first <= x->last) {
			return true;
		}
		if (x->traffic < y->traffic || (x->traffic == y->traffic && x->last < y->last)) {
			i++;
		} else {
			k++;
		}
	}
	return false;
}

/* The policy takes one rate for the same people on the same port: the strictest is it. */
static void agree_on_rates(struct declaring *d)
{
	struct candidate *items = d->out->list.items;
	size_t count = d->out->list.count;
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0;
		     items[i].rate.count > 0 && !items[i].gone && k < count && step(d); k++) {
			if (k == i || items[k].gone || items[k].closed ||
			    !rate_stricter(&items[i].rate, &items[k].rate) ||
			    compare_sources(&items[i], &items[k]) != 0 ||
			    !ports_overlap(&items[i], &items[k])) {
				continue;
			}
			items[k].rate = items[i].rate;
			if (items[k].statement != BY_DEFAULT) {
				ruleset_note(d->set, items[k].statement, IMPORT_CHANGED,
					     "import-rate-shared", NULL, NULL);
			}
		}
	}
}

void declare_accepted(struct candidates *out, struct ruleset *set, struct accepted *accepted)
{
	struct declaring d = { .set = set, .accepted = accepted, .out = out };
	*out = (struct candidates){ 0 };
	settle_default(&d);
	settle_ping(&d);
	reduce_places(&d);
	drop_covered(&d);
	make_candidates(&d);
	for (size_t i = 0; i < out->list.count; i++) {
		tidy_ports(&out->list.items[i]);
	}
	know(&d);
	if (set->error == 0) {
		join(&d);
		agree_on_rates(&d);
	}
}

void candidates_deinit(struct candidates *candidates)
{
	for (size_t i = 0; i < candidates->list.count; i++) {
		vec_free(&candidates->list.items[i].ports);
	}
	vec_free(&candidates->list);
}
