/*
 * Following the rules with all packets at once: for each kind of traffic, interface and range of
 * ports goes the set of sources that has not been dropped yet.
 * What an accept has let in goes on as if it had not: later accepts then show the people that they
 * name, not what earlier ones left over. That adds nothing, as those are accepted already.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "import/rules.h"

enum {
	DEPTH_MAX = 64,
	STEPS_MAX = 200 * 1000 * 1000, /* rules and sets looked at: jumps multiply */
	RANGES_MAX = 16 * 1024,        /* of sources that are told apart for one range of ports */
	SETS_BYTES_MAX = 512 * 1024 * 1024,
	PIECES_MAX = 2 * 1000 * 1000,
};

/* Sources for each segment from `first` on; the empty set is &spans_none. */
struct flow {
	uint32_t first, count;
	const struct spans **sets;
};

/* Sources that a limit was seen for. */
struct limited {
	uint32_t segment;
	const struct spans *sources;
	struct policy_rate rate;
};

struct walk {
	struct ruleset *set;
	struct accepted *out;
	uint8_t traffic, family, place;
	bool doubt; /* whether the packets come this far is not certain */
	unsigned depth;
	size_t steps;
	size_t first_piece; /* of this walk */
	VEC(struct limited) limits;
	bool rejects;  /* the end of the base chain rejects */
	bool too_many; /* a set grew beyond RANGES_MAX and was left empty */
};

static bool step(struct walk *w, size_t cost)
{
	w->steps += cost;
	if (w->steps > STEPS_MAX) {
		ruleset_fail(w->set, -E2BIG);
	}
	return w->set->error == 0;
}

static const struct spans *checked(struct walk *w, const struct spans *result)
{
	if (result == NULL) {
		ruleset_fail(w->set, -E2BIG);
		return &spans_none;
	}
	w->too_many = w->too_many || result->count > RANGES_MAX;
	bool fits = step(w, 1 + result->count / 4) && result->count <= RANGES_MAX;
	return fits ? result : &spans_none;
}

static const struct spans *both(struct walk *w, const struct spans *a, const struct spans *b)
{
	return checked(w, spans_and(&w->out->arena, a, b));
}

static const struct spans *without(struct walk *w, const struct spans *a, const struct spans *b)
{
	return checked(w, spans_minus(&w->out->arena, a, b));
}

static const struct spans *either(struct walk *w, const struct spans *a, const struct spans *b)
{
	return checked(w, spans_or(&w->out->arena, a, b));
}

static bool flow_init(struct walk *w, struct flow *flow, uint32_t first, uint32_t count)
{
	*flow = (struct flow){ first, count, calloc(count > 0 ? count : 1, sizeof(void *)) };
	if (flow->sets == NULL) {
		ruleset_fail(w->set, -ENOMEM);
		flow->count = 0;
		return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		flow->sets[i] = &spans_none;
	}
	return step(w, 1 + count / 16);
}

static void flow_deinit(struct flow *flow)
{
	free(flow->sets);
	flow->sets = NULL;
}

static bool flow_empty(const struct flow *flow)
{
	for (uint32_t i = 0; i < flow->count; i++) {
		if (flow->sets[i]->count > 0) {
			return false;
		}
	}
	return true;
}

/* ---- one rule ---- */

enum matching { MATCHES_NOT, MATCHES, MATCHES_PERHAPS };

/* Loopback needs none: minato lets it pass by itself. */
static bool has_place(const struct accepted *out, const char *name)
{
	bool found = strcmp(name, "lo") == 0;
	for (uint32_t i = 0; i < out->interface_count && !found; i++) {
		found = strcmp(out->interfaces[i], name) == 0;
	}
	return found;
}

static enum matching interface_matching(const struct walk *w, const struct rule *rule)
{
	enum matching found = MATCHES_NOT;
	for (uint32_t i = 0; i < rule->interface_count && found != MATCHES; i++) {
		const char *name = rule->interfaces[i];
		size_t length = strlen(name);
		bool wild = length > 0 && name[length - 1] == '*';
		if (w->place > 0) {
			const char *here = w->out->interfaces[w->place - 1];
			found = (wild ? strncmp(here, name, length - 1) : strcmp(here, name)) == 0
					? MATCHES
					: found;
		} else if (wild) {
			found = length == 1 ? MATCHES : MATCHES_PERHAPS;
		} else if (!has_place(w->out, name)) {
			found = MATCHES_PERHAPS;
		}
	}
	if (rule->interfaces == NULL || found == MATCHES_PERHAPS) {
		return rule->interfaces == NULL ? MATCHES : MATCHES_PERHAPS;
	}
	return (found == MATCHES) != rule->interfaces_excluded ? MATCHES : MATCHES_NOT;
}

static enum matching rule_matching(const struct walk *w, const struct rule *rule)
{
	if ((rule->families >> w->family & 1) == 0 || (rule->traffic >> w->traffic & 1) == 0 ||
	    (rule->sources[w->family] != NULL && rule->sources[w->family]->count == 0)) {
		return MATCHES_NOT;
	}
	enum matching at = interface_matching(w, rule);
	return at == MATCHES && rule->doubt != NULL ? MATCHES_PERHAPS : at;
}

/* The first segment that does not end before the port. */
static uint32_t segment_at(const struct walk *w, number_t port)
{
	const struct segment *items = w->out->segments[w->traffic].items;
	size_t low = 0;
	size_t high = w->out->segments[w->traffic].count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (items[middle].last < port) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return (uint32_t)low;
}

/* What of the flow the rule matches; with the same range of segments as the flow, or less. */
static bool flow_hit(struct walk *w, struct flow *hit, const struct flow *flow,
		     const struct rule *rule)
{
	const struct spans *ports = rule->ports != NULL && w->traffic != TRAFFIC_PING
					    ? rule->ports
					    : spans_all(ADDR_NONE);
	const struct spans *sources = rule->sources[w->family];
	if (ports->count == 0) {
		*hit = (struct flow){ 0 };
		return false;
	}
	uint32_t first = segment_at(w, ports->items[0].first);
	uint32_t end = segment_at(w, ports->items[ports->count - 1].last) + 1;
	first = first > flow->first ? first : flow->first;
	end = end < flow->first + flow->count ? end : flow->first + flow->count;
	if (first >= end || !flow_init(w, hit, first, end - first)) {
		hit->sets = first >= end ? NULL : hit->sets;
		return false;
	}
	const struct spans *last_in = NULL; /* neighbours are mostly the same */
	const struct spans *last_out = NULL;
	for (uint32_t i = 0; i < ports->count; i++) {
		uint32_t from = segment_at(w, ports->items[i].first);
		uint32_t to = segment_at(w, ports->items[i].last);
		from = from > first ? from : first;
		for (uint32_t s = from; s <= to && s < end && step(w, 1); s++) {
			const struct spans *now = flow->sets[s - flow->first];
			if (now != last_in) {
				last_in = now;
				last_out = sources == NULL ? now : both(w, now, sources);
			}
			hit->sets[s - first] = last_out;
		}
	}
	if (flow_empty(hit)) {
		flow_deinit(hit);
		return false;
	}
	return true;
}

typedef const struct spans *set_operation(struct walk *, const struct spans *,
					  const struct spans *);

/* `flow` op= `other`, for the segments of `other`, which are among those of `flow`. */
static void flow_apply(struct walk *w, struct flow *flow, const struct flow *other,
		       set_operation *operation)
{
	const struct spans *a = NULL;
	const struct spans *b = NULL;
	const struct spans *result = NULL;
	for (uint32_t i = 0; i < other->count && step(w, 1); i++) {
		const struct spans **slot = &flow->sets[other->first - flow->first + i];
		if (*slot != a || other->sets[i] != b) {
			a = *slot;
			b = other->sets[i];
			result = operation(w, a, b);
		}
		*slot = result;
	}
}

/* The strictest limit that any of the sources met. */
static struct policy_rate limit_of(const struct walk *w, uint32_t segment,
				   const struct spans *sources)
{
	struct policy_rate rate = { 0 };
	for (size_t i = 0; i < w->limits.count; i++) {
		const struct limited *l = &w->limits.items[i];
		if (l->segment == segment && rate_stricter(&l->rate, &rate) &&
		    spans_overlap(l->sources, sources)) {
			rate = l->rate;
		}
	}
	return rate;
}

static void take(struct walk *w, const struct flow *hit, const struct rule *rule)
{
	uint32_t statement = rule == NULL ? BY_DEFAULT : rule->statement;
	for (uint32_t i = 0; i < hit->count && step(w, 1 + w->limits.count); i++) {
		if (hit->sets[i]->count == 0) {
			continue;
		}
		struct piece *piece =
			w->out->pieces.count < PIECES_MAX ? vec_push(&w->out->pieces) : NULL;
		if (piece == NULL) {
			ruleset_fail(w->set, -E2BIG);
			return;
		}
		*piece = (struct piece){ .statement = statement,
					 .order = (uint32_t)w->out->pieces.count,
					 .traffic = w->traffic,
					 .family = w->family,
					 .place = w->place,
					 .segment = hit->first + i,
					 .sources = hit->sets[i],
					 .group = rule == NULL ? NULL : rule->group };
		piece->rate = limit_of(w, piece->segment, piece->sources);
		if (rule != NULL && rate_stricter(&rule->rate, &piece->rate)) {
			piece->rate = rule->rate;
		}
	}
	if (rule != NULL) {
		w->set->statements.items[statement].accepted = true;
		bool whole = hit->first == 0 && hit->count == w->out->segments[w->traffic].count &&
			     hit->sets[0]->count > 0 && hit->sets[hit->count - 1]->count > 0;
		w->set->all_protocols =
			w->set->all_protocols || (whole && rule->traffic == TRAFFIC_ALL &&
						  rule->ports == NULL && w->traffic == TRAFFIC_TCP);
	}
}

static void remember_limit(struct walk *w, const struct flow *hit, const struct rule *rule)
{
	for (uint32_t i = 0; i < hit->count && step(w, 1); i++) {
		struct limited *l = hit->sets[i]->count > 0 ? vec_push(&w->limits) : NULL;
		if (l != NULL) {
			*l = (struct limited){ hit->first + i, hit->sets[i], rule->rate };
		} else if (hit->sets[i]->count > 0) {
			ruleset_fail(w->set, -ENOMEM);
		}
	}
	w->set->statements.items[rule->statement].narrowed = true;
}

/* Once for each statement, however many packets it concerns. */
static void complain_of_doubt(struct walk *w, const struct rule *rule)
{
	struct statement *s = &w->set->statements.items[rule->statement];
	if (s->left) {
		return;
	}
	s->left = true;
	const char *condition = rule->doubt != NULL ? rule->doubt : rule->interfaces[0];
	bool drops = rule->verdict == RULE_DROP || rule->verdict == RULE_REJECT;
	ruleset_note(w->set, rule->statement, IMPORT_LEFT,
		     rule->verdict == RULE_ACCEPT ? "import-condition-accept"
		     : drops                      ? "import-condition-drop"
						  : "import-condition-jump",
		     "condition", condition);
}

static void walk_chain(struct walk *w, uint32_t index, struct flow *flow);

static void jump(struct walk *w, struct flow *hit, const struct rule *rule, bool perhaps)
{
	bool before = w->doubt;
	w->doubt = before || perhaps;
	walk_chain(w, rule->target, hit);
	w->doubt = before;
}

/* @param returned  receives what leaves the chain for the calling one. */
static void carry_out(struct walk *w, const struct rule *rule, struct flow *hit, bool perhaps,
		      struct flow *flow, struct flow *returned)
{
	bool limited = rule->rate.count > 0 &&
		       (rule->verdict == RULE_RETURN || rule->verdict == RULE_JUMP);
	bool leaves = rule->verdict != RULE_ACCEPT && rule->verdict != RULE_LIMIT;
	if (limited || rule->verdict == RULE_LIMIT) {
		remember_limit(w, hit, rule);
	}
	if (leaves || (rule->verdict == RULE_ACCEPT && w->doubt && !perhaps)) {
		flow_apply(w, flow, hit, without);
	}
	if (rule->verdict == RULE_ACCEPT && !perhaps) {
		if (w->doubt) {
			flow_apply(w, returned, hit, either);
		} else {
			take(w, hit, rule);
		}
	} else if (rule->verdict == RULE_RETURN && !perhaps) {
		flow_apply(w, returned, hit, either);
	} else if (rule->verdict == RULE_JUMP) {
		jump(w, hit, rule, perhaps);
		flow_apply(w, flow, hit, either);
	} else if (rule->verdict == RULE_GOTO && !perhaps) {
		jump(w, hit, rule, false);
		flow_apply(w, returned, hit, either);
	} else if (rule->verdict == RULE_DROP || rule->verdict == RULE_REJECT) {
		w->set->statements.items[rule->statement].narrowed = true;
	}
}

static void apply_rule(struct walk *w, const struct rule *rule, struct flow *flow,
		       struct flow *returned)
{
	enum matching matching = rule_matching(w, rule);
	struct flow hit = { 0 };
	if (!step(w, 1) || matching == MATCHES_NOT || rule->verdict == RULE_NOTHING ||
	    !flow_hit(w, &hit, flow, rule)) {
		return;
	}
	if (matching == MATCHES_PERHAPS) {
		complain_of_doubt(w, rule);
	}
	carry_out(w, rule, &hit, matching == MATCHES_PERHAPS, flow, returned);
	flow_deinit(&hit);
	if (w->too_many && !w->set->statements.items[rule->statement].left) {
		w->set->statements.items[rule->statement].left = true;
		ruleset_note(w->set, rule->statement, IMPORT_LEFT, "import-too-many", NULL, NULL);
	}
	w->too_many = false;
}

/* Whether it decides about everything that comes to it. */
static bool is_catch_all(const struct rule *rule)
{
	return (rule->verdict == RULE_ACCEPT || rule->verdict == RULE_DROP ||
		rule->verdict == RULE_REJECT) &&
	       rule->traffic == TRAFFIC_ALL && rule->ports == NULL && rule->sources[0] == NULL &&
	       rule->sources[1] == NULL && rule->interfaces == NULL && rule->doubt == NULL &&
	       rule->rate.count == 0;
}

/* Afterwards `flow` is what came to the end of the chain, `returned` what left it before. */
static void walk_through(struct walk *w, uint32_t index, struct flow *flow, struct flow *returned)
{
	const struct chain *chain = &w->set->chains.items[index];
	if (chain->active || w->depth == DEPTH_MAX) {
		/* The kernel takes no such rules; what they would do is nobody's guess. */
		ruleset_note(w->set, UINT32_MAX, IMPORT_LEFT, "import-loop", "chain", chain->name);
		ruleset_fail(w->set, -ELOOP);
		return;
	}
	w->set->chains.items[index].active = true;
	w->depth++;
	for (size_t i = 0; i < chain->rules.count && w->set->error == 0; i++) {
		const struct rule *rule = &chain->rules.items[i];
		if (w->depth == 1 && is_catch_all(rule) && (rule->families >> w->family & 1) != 0) {
			break; /* see chain_end */
		}
		apply_rule(w, rule, flow, returned);
	}
	w->depth--;
	w->set->chains.items[index].active = false;
}

/* Afterwards the flow is what goes on in the calling chain. */
static void walk_chain(struct walk *w, uint32_t index, struct flow *flow)
{
	struct flow returned = { 0 };
	if (w->set->chains.items[index].skipped) {
		return;
	}
	if (flow_init(w, &returned, flow->first, flow->count)) {
		walk_through(w, index, flow, &returned);
		flow_apply(w, flow, &returned, either);
	}
	flow_deinit(&returned);
}

/* ---- base chains ---- */

/* What happens to packets that no other rule decided about. */
static enum rule_verdict chain_end(struct ruleset *set, const struct chain *chain, unsigned family)
{
	for (size_t i = 0; i < chain->rules.count; i++) {
		const struct rule *rule = &chain->rules.items[i];
		if (is_catch_all(rule) && (rule->families >> family & 1) != 0) {
			set->statements.items[rule->statement].narrowed = true;
			return rule->verdict;
		}
	}
	return chain->policy;
}

static int compare_pieces(const void *left, const void *right)
{
	const struct piece *a = left;
	const struct piece *b = right;
	if (a->segment != b->segment) {
		return a->segment < b->segment ? -1 : 1;
	}
	return a->statement < b->statement ? -1 : a->statement > b->statement;
}

/* What earlier chains let in of the piece, by the rules that did. */
static void refine_piece(struct walk *w, const struct piece *now, size_t from, size_t to)
{
	for (size_t k = from; k < to && step(w, 1); k++) {
		const struct piece old = w->out->pieces.items[k];
		const struct spans *common = both(w, old.sources, now->sources);
		struct piece *slot = common->count > 0 ? vec_push(&w->out->pieces) : NULL;
		if (slot != NULL) {
			*slot = old;
			slot->sources = common;
		} else if (common->count > 0) {
			ruleset_fail(w->set, -ENOMEM);
		}
	}
}

/* Where the last chain accepts by default, the chain before it says who let the packets in. */
static void refine(struct walk *w, size_t before, size_t middle)
{
	size_t end = w->out->pieces.count;
	qsort(w->out->pieces.items + before, middle - before, sizeof(struct piece), compare_pieces);
	qsort(w->out->pieces.items + middle, end - middle, sizeof(struct piece), compare_pieces);
	size_t from = before;
	for (size_t i = middle; i < end; i++) {
		const struct piece now = w->out->pieces.items[i];
		if (now.statement != BY_DEFAULT) {
			continue;
		}
		while (from < middle && w->out->pieces.items[from].segment < now.segment) {
			from++;
		}
		size_t to = from;
		while (to < middle && w->out->pieces.items[to].segment == now.segment) {
			to++;
		}
		refine_piece(w, &now, from, to);
		w->out->pieces.items[i].sources = &spans_none;
	}
}

/* The pieces before `middle` were of an earlier chain: they have done their part. */
static void forget(struct walk *w, size_t before, size_t middle)
{
	struct piece *items = w->out->pieces.items;
	size_t kept = before;
	for (size_t i = middle; i < w->out->pieces.count; i++) {
		if (items[i].sources->count > 0) {
			items[kept++] = items[i];
		}
	}
	w->out->pieces.count = kept;
}

/* Takes what the end of the chain accepts. @return whether what meets no rule is accepted. */
static bool finish_base(struct walk *w, const struct chain *chain, const struct flow *flow,
			const struct flow *returned)
{
	enum rule_verdict end = chain_end(w->set, chain, w->family);
	w->rejects = end == RULE_REJECT;
	if (end == RULE_ACCEPT) {
		take(w, flow, NULL);
	}
	if (chain->policy == RULE_ACCEPT) {
		take(w, returned, NULL);
	}
	return end == RULE_ACCEPT;
}

/* Afterwards the flow is what the chain lets in. @return as finish_base. */
static bool walk_base(struct walk *w, uint32_t index, struct flow *flow, bool first)
{
	size_t before = w->first_piece;
	size_t middle = w->out->pieces.count;
	struct flow returned = { 0 };
	bool open = false;
	w->limits.count = 0;
	if (flow_init(w, &returned, flow->first, flow->count)) {
		walk_through(w, index, flow, &returned);
		open = finish_base(w, &w->set->chains.items[index], flow, &returned);
	}
	flow_deinit(&returned);
	for (uint32_t i = 0; i < flow->count; i++) {
		flow->sets[i] = &spans_none;
	}
	for (size_t i = middle; i < w->out->pieces.count && step(w, 1); i++) {
		const struct piece *piece = &w->out->pieces.items[i];
		flow->sets[piece->segment] = either(w, flow->sets[piece->segment], piece->sources);
	}
	if (!first) {
		refine(w, before, middle);
		forget(w, before, middle);
	}
	return open;
}

static void walk_one(struct walk *w, const uint32_t *bases, size_t base_count)
{
	struct flow flow = { 0 };
	enum addr_family family = w->family == FAMILY_IPV4 ? ADDR_IPV4 : ADDR_IPV6;
	bool open = true;
	bool first = true;
	if (!flow_init(w, &flow, 0, (uint32_t)w->out->segments[w->traffic].count)) {
		flow_deinit(&flow);
		return;
	}
	for (uint32_t i = 0; i < flow.count; i++) {
		flow.sets[i] = spans_all(family);
	}
	w->first_piece = w->out->pieces.count;
	for (size_t i = 0; i < base_count && w->set->error == 0; i++) {
		if ((w->set->chains.items[bases[i]].families >> w->family & 1) != 0) {
			open = walk_base(w, bases[i], &flow, first) && open;
			first = false;
		}
	}
	flow_deinit(&flow);
	if (w->traffic == TRAFFIC_TCP && w->place == 0) {
		w->out->open[w->family] = open && !first;
		w->out->rejects = w->out->rejects || w->rejects;
	}
}

/* ---- segments, interfaces ---- */

static int compare_numbers(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left;
	uint32_t b = *(const uint32_t *)right;
	return a < b ? -1 : a > b;
}

struct borders {
	VEC(uint32_t) items; /* ports where a segment begins */
};

static void add_borders(struct ruleset *set, struct borders *borders, const struct spans *ports)
{
	for (uint32_t i = 0; i < ports->count; i++) {
		const number_t at[] = { ports->items[i].first, ports->items[i].last + 1 };
		for (size_t k = 0; k < 2; k++) {
			uint32_t *slot =
				at[k] > 1 && at[k] <= UINT16_MAX ? vec_push(&borders->items) : NULL;
			if (slot != NULL) {
				*slot = (uint32_t)at[k];
			} else if (at[k] > 1 && at[k] <= UINT16_MAX) {
				ruleset_fail(set, -ENOMEM);
			}
		}
	}
}

static void add_segment(struct ruleset *set, struct accepted *out, unsigned traffic, uint32_t first,
			uint32_t last)
{
	struct segment *segment = vec_push(&out->segments[traffic]);
	if (segment == NULL) {
		ruleset_fail(set, -ENOMEM);
		return;
	}
	*segment = (struct segment){ (uint16_t)first, (uint16_t)last };
}

static void find_segments(struct ruleset *set, struct accepted *out, unsigned traffic)
{
	struct borders borders = { 0 };
	uint32_t first = 1;
	for (size_t i = 0; i < set->chains.count && traffic != TRAFFIC_PING; i++) {
		const struct chain *chain = &set->chains.items[i];
		for (size_t k = 0; k < chain->rules.count && set->error == 0; k++) {
			const struct rule *rule = &chain->rules.items[k];
			if (rule->ports != NULL && (rule->traffic >> traffic & 1) != 0) {
				add_borders(set, &borders, rule->ports);
			}
		}
	}
	if (borders.items.count > 0) {
		qsort(borders.items.items, borders.items.count, sizeof(uint32_t), compare_numbers);
	}
	for (size_t i = 0; i < borders.items.count; i++) {
		if (borders.items.items[i] > first) {
			add_segment(set, out, traffic, first, borders.items.items[i] - 1);
			first = borders.items.items[i];
		}
	}
	add_segment(set, out, traffic, first, UINT16_MAX);
	vec_free(&borders.items);
}

static void add_interface(struct accepted *out, const char *name)
{
	size_t length = strlen(name);
	if (length == 0 || name[length - 1] == '*' || strcmp(name, "lo") == 0) {
		return;
	}
	for (uint32_t i = 0; i < out->interface_count; i++) {
		if (strcmp(out->interfaces[i], name) == 0) {
			return;
		}
	}
	if (out->interface_count < IMPORT_INTERFACES_MAX) {
		out->interfaces[out->interface_count++] = name;
	}
}

static void find_interfaces(const struct ruleset *set, struct accepted *out)
{
	for (size_t i = 0; i < set->chains.count; i++) {
		const struct chain *chain = &set->chains.items[i];
		for (size_t k = 0; k < chain->rules.count; k++) {
			const struct rule *rule = &chain->rules.items[k];
			for (uint32_t n = 0; n < rule->interface_count; n++) {
				add_interface(out, rule->interfaces[n]);
			}
		}
	}
	/* Without a rule for one of them there is nothing to tell apart. */
	for (size_t i = 0;
	     out->interface_count > 0 && set->host != NULL && i < set->host->interface_count; i++) {
		add_interface(out, set->host->interfaces[i]);
	}
}

struct base {
	int priority;
	uint32_t chain;
};

static int compare_bases(const void *left, const void *right)
{
	const struct base *a = left;
	const struct base *b = right;
	if (a->priority != b->priority) {
		return a->priority < b->priority ? -1 : 1;
	}
	return a->chain < b->chain ? -1 : a->chain > b->chain;
}

/* Base chains in the order that the kernel asks them. Caller frees. */
static uint32_t *find_bases(struct ruleset *set, size_t *count)
{
	VEC(struct base) bases = { 0 };
	for (size_t i = 0; i < set->chains.count; i++) {
		struct base *base = set->chains.items[i].base ? vec_push(&bases) : NULL;
		if (base != NULL) {
			*base = (struct base){ set->chains.items[i].priority, (uint32_t)i };
		}
	}
	if (bases.count > 0) {
		qsort(bases.items, bases.count, sizeof(*bases.items), compare_bases);
	}
	uint32_t *out = calloc(bases.count + 1, sizeof(*out));
	for (size_t i = 0; out != NULL && i < bases.count; i++) {
		out[i] = bases.items[i].chain;
	}
	*count = bases.count;
	vec_free(&bases);
	return out;
}

void walk_rules(struct accepted *out, struct ruleset *set)
{
	size_t base_count = 0;
	_cleanup_(freep) uint32_t *bases = find_bases(set, &base_count);
	*out = (struct accepted){ 0 };
	arena_init(&out->arena, SETS_BYTES_MAX);
	if (bases == NULL) {
		ruleset_fail(set, -ENOMEM);
		return;
	}
	find_interfaces(set, out);
	struct walk w = { .set = set, .out = out };
	for (unsigned traffic = 0; traffic < TRAFFICS && set->error == 0; traffic++) {
		bool rare = traffic == TRAFFIC_SCTP || traffic == TRAFFIC_DCCP;
		if (rare && (set->traffic >> traffic & 1) == 0) {
			continue; /* nobody means it who says "everything" */
		}
		find_segments(set, out, traffic);
		w.traffic = (uint8_t)traffic;
		for (unsigned family = 0; family < FAMILIES; family++) {
			w.family = (uint8_t)family;
			for (unsigned place = 0; place <= out->interface_count; place++) {
				w.place = (uint8_t)place;
				walk_one(&w, bases, base_count);
			}
		}
	}
	vec_free(&w.limits);
}

void accepted_deinit(struct accepted *accepted)
{
	for (unsigned traffic = 0; traffic < TRAFFICS; traffic++) {
		vec_free(&accepted->segments[traffic]);
	}
	vec_free(&accepted->pieces);
	arena_deinit(&accepted->arena);
}
