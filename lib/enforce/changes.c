/* What the rules of one policy do otherwise than those of another. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "enforce/change_words.h"
#include "enforce/grants.h"

/* One of the two sides: a policy, or no rules at all. */
struct side {
	const struct policy *policy;
	struct access access;
	size_t at; /* opening that ends at or after the present port */
};

enum { DOOR_DEFAULT = ACCESS_NO_DOOR }; /* nobody declared the port */

/* Ports that have the same two doors by the same declarations change in the same way. */
struct pair {
	uint32_t doors[2];
	const struct policy_declaration *declarations[2]; /* NULL = nobody declared the port */
};

struct group {
	struct pair pair;
	size_t change; /* SIZE_MAX = nothing changes */
	UT_hash_handle hh;
};

struct comparing {
	struct enforce_changes *out;
	struct side sides[2];
	enum enforce_direction direction; /* that is compared now */
	struct group *groups;
	struct arena scratch;
	VEC(struct enforce_change) list;
	VEC(struct str) ports; /* text of each change's ports */
	VEC(struct policy_ports) runs;
	bool frees_only;
};

/* Whether what nobody declared is let through in the direction that is compared now. */
static bool lets_through(const struct comparing *c, const struct side *side)
{
	return access_default(side->policy, c->direction) == POLICY_ACCEPT;
}

static int grants_of(struct grants *out, const struct comparing *c, const struct side *side,
		     uint32_t door)
{
	if (door == DOOR_DEFAULT) {
		return lets_through(c, side) ? grants_to_all(out) : 0;
	}
	return grants_of_door(out, side->policy, &side->access, &side->access.doors.items[door]);
}

static bool cuts_at(const struct side *side, uint32_t door)
{
	return door == DOOR_DEFAULT ? side->access.cut_undeclared
				    : side->access.doors.items[door].cut;
}

/* ---- one pair of doors ---- */

/* Who gets in, in the policy's words; NULL = nobody. */
static const char *words_of(struct comparing *c, const struct side *side, uint32_t door)
{
	if (door == DOOR_DEFAULT) {
		return lets_through(c, side) ? "any" : NULL;
	}
	return change_words(&c->out->arena, side->policy, &side->access, door, c->direction);
}

static enum enforce_change_kind kind_of(const struct grants *before, const struct grants *after,
					bool more, bool less)
{
	if (!more && !less) {
		return ENFORCE_ALTERED; /* what becomes of live connections */
	}
	if (before->list.count == 0) {
		return ENFORCE_OPENED;
	}
	if (after->list.count == 0) {
		return ENFORCE_SHUT;
	}
	return more && less ? ENFORCE_ALTERED : more ? ENFORCE_WIDENED : ENFORCE_NARROWED;
}

static int add_change(struct comparing *c, const struct pair *pair, enum enforce_change_kind kind)
{
	struct enforce_change *change = vec_push(&c->list);
	struct str *ports = vec_push(&c->ports);
	if (change == NULL || ports == NULL) {
		return -ENOMEM;
	}
	*ports = STR_INIT(1 << 20);
	const struct policy_declaration *after = pair->declarations[1];
	const struct policy_declaration *d = after != NULL ? after : pair->declarations[0];
	*change = (struct enforce_change){
		.kind = kind,
		.direction = c->direction,
		.name = d == NULL ? NULL : arena_strdup(&c->out->arena, d->entry.name),
		.purpose = d == NULL ? NULL : arena_strdup(&c->out->arena, d->purpose),
		.before = words_of(c, &c->sides[0], pair->doors[0]),
		.after = words_of(c, &c->sides[1], pair->doors[1]),
		.until = after == NULL ? POLICY_NO_DATE : after->until,
		.cut_before = cuts_at(&c->sides[0], pair->doors[0]),
		.cut_after = cuts_at(&c->sides[1], pair->doors[1]),
	};
	if (after != NULL) {
		change->rate_count = after->rate.count;
		change->rate_per = after->rate.per;
	}
	return 0;
}

static int judge(struct comparing *c, struct group *group)
{
	struct grants before = { 0 };
	struct grants after = { 0 };
	int r = grants_of(&before, c, &c->sides[0], group->pair.doors[0]);
	if (r == 0) {
		r = grants_of(&after, c, &c->sides[1], group->pair.doors[1]);
	}
	if (r == 0) {
		const bool less = !grants_cover(&after, &before);
		const bool more = !grants_cover(&before, &after);
		const bool cut_before = cuts_at(&c->sides[0], group->pair.doors[0]);
		const bool cut_after = cuts_at(&c->sides[1], group->pair.doors[1]);
		const bool opened = before.list.count == 0 && after.list.count > 0;
		const bool differs = less || more || cut_before != cut_after;
		c->frees_only = c->frees_only && !less && (!cut_after || cut_before || opened);
		group->change = differs ? c->list.count : SIZE_MAX;
		if (differs) {
			r = add_change(c, &group->pair, kind_of(&before, &after, more, less));
		}
	}
	vec_free(&before.list);
	vec_free(&after.list);
	return r;
}

static int group_for(struct comparing *c, struct group **out, const struct pair *pair)
{
	HASH_FIND(hh, c->groups, pair, sizeof(*pair), *out);
	if (*out != NULL) {
		return 0;
	}
	*out = arena_alloc(&c->scratch, sizeof(**out));
	if (*out == NULL) {
		return -ENOMEM;
	}
	(*out)->pair = *pair;
	HASH_ADD(hh, c->groups, pair, sizeof(*pair), *out);
	return judge(c, *out);
}

/* ---- all ports ---- */

/* The door of a side at a port, and the last port up to which it stays so. */
static uint32_t door_at(struct side *side, enum protocol protocol, uint32_t port, uint32_t *last,
			const struct policy_declaration **declaration)
{
	*declaration = NULL;
	const struct access *access = &side->access;
	while (side->at < access->openings.count &&
	       (access->openings.items[side->at].protocol < protocol ||
		(access->openings.items[side->at].protocol == protocol &&
		 access->openings.items[side->at].last < port))) {
		side->at++;
	}
	const struct opening *o =
		side->at < access->openings.count ? &access->openings.items[side->at] : NULL;
	if (o == NULL || o->protocol != protocol) {
		return DOOR_DEFAULT;
	}
	if (o->first > port) {
		*last = o->first - 1U < *last ? o->first - 1U : *last;
		return DOOR_DEFAULT;
	}
	*last = o->last < *last ? o->last : *last;
	*declaration = o->declaration;
	return o->door;
}

static int note_ports(struct comparing *c, size_t change, enum protocol protocol, uint32_t first,
		      uint32_t last)
{
	const struct policy_ports ports = { protocol, (uint16_t)first, (uint16_t)last };
	struct str *text = &c->ports.items[change];
	if (c->direction == ENFORCE_INBOUND) {
		struct policy_ports *run = vec_push(&c->runs);
		if (run == NULL) {
			return -ENOMEM;
		}
		*run = ports;
	}
	if (text->length > 0) {
		(void)str_add(text, ", "); /* kept in text->error */
	}
	policy_ports_format(text, &ports);
	return text->error;
}

static int compare_protocol(struct comparing *c, enum protocol protocol)
{
	for (uint32_t port = 1, last; port <= UINT16_MAX; port = last + 1) {
		last = UINT16_MAX;
		struct pair pair;
		memset(&pair, 0, sizeof(pair)); /* it is hashed, with its padding */
		for (size_t i = 0; i < 2; i++) {
			pair.doors[i] =
				door_at(&c->sides[i], protocol, port, &last, &pair.declarations[i]);
		}
		struct group *group = NULL;
		if (pair.doors[0] == DOOR_DEFAULT && pair.doors[1] == DOOR_DEFAULT) {
			continue; /* told as the change of defaults, once for all */
		}
		int r = group_for(c, &group, &pair);
		if (r == 0 && group->change != SIZE_MAX) {
			r = note_ports(c, group->change, protocol, port, last);
		}
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

/* What has no ports, as ICMP echo: of declarations that hold for every protocol. */
static int compare_other(struct comparing *c)
{
	struct pair pair;
	struct group *group = NULL;
	memset(&pair, 0, sizeof(pair)); /* it is hashed, with its padding */
	for (size_t i = 0; i < 2; i++) {
		const struct access *access = &c->sides[i].access;
		const uint32_t door = access->other_door;
		pair.doors[i] = door;
		if (door != DOOR_DEFAULT) {
			const uint32_t first = access->doors.items[door].first_gate;
			const uint32_t gate = access->gates_of_doors.items[first];
			pair.declarations[i] = access->gates.items[gate].declaration;
		}
	}
	if (pair.doors[0] == DOOR_DEFAULT && pair.doors[1] == DOOR_DEFAULT) {
		return 0;
	}
	int r = group_for(c, &group, &pair);
	if (r < 0 || group->change == SIZE_MAX) {
		return r;
	}
	struct str *text = &c->ports.items[group->change];
	(void)str_add(text, text->length > 0 ? ", other" : "other"); /* kept in text->error */
	return text->error;
}

static const char *ports_text(const struct str *ports)
{
	static const char all[] = "1-65535/tcp, 1-65535/udp, 1-65535/dccp, 1-65535/sctp, "
				  "1-65535/udplite, other";
	return strcmp(str_text(ports), all) == 0 ? "all" : str_text(ports);
}

static int finish(struct comparing *c)
{
	struct enforce_changes *out = c->out;
	for (size_t i = 0; i < c->list.count; i++) {
		c->list.items[i].ports = arena_strdup(&out->arena, ports_text(&c->ports.items[i]));
		if (c->list.items[i].ports == NULL) {
			return -ENOMEM;
		}
	}
	out->items = steal(&c->list.items);
	out->count = c->list.count;
	out->runs = steal(&c->runs.items);
	out->run_count = c->runs.count;
	return 0;
}

static void compare_defaults(struct comparing *c)
{
	const struct policy *before = c->sides[0].policy;
	const struct policy *after = c->sides[1].policy;
	struct enforce_changes *out = c->out;
	bool less = false;
	for (size_t i = 0; i < ENFORCE_DIRECTIONS; i++) {
		out->before[i] = access_default(before, i);
		out->after[i] = access_default(after, i);
		out->defaults = out->defaults || out->before[i] != out->after[i];
		less = less || (out->before[i] == POLICY_ACCEPT && out->after[i] != POLICY_ACCEPT);
	}
	out->ping_before = before == NULL || before->defaults.ping ||
			   before->defaults.inbound == POLICY_ACCEPT;
	out->ping_after =
		after == NULL || after->defaults.ping || after->defaults.inbound == POLICY_ACCEPT;
	out->defaults = out->defaults || out->ping_before != out->ping_after ||
			out->cut_before != out->cut_after;
	less = less || (out->ping_before && !out->ping_after) ||
	       (!out->cut_before && out->cut_after);
	out->repair_before = before != NULL && before->defaults.repair;
	out->repair_after = after != NULL && after->defaults.repair;
	out->frees_only = c->frees_only && !less;
}

/* One direction: all ports of both sides. */
static int compare_direction(struct comparing *c, const struct enforce_environment *environment,
			     struct err *e)
{
	static const enum protocol protocols[] = { PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_DCCP,
						   PROTOCOL_SCTP, PROTOCOL_UDPLITE };
	int r = 0;
	for (size_t i = 0; r == 0 && i < 2; i++) {
		const struct policy *policy = c->sides[i].policy;
		if (access_limits(policy, c->direction)) {
			r = access_make(&c->sides[i].access, policy, c->direction, environment, e);
		}
	}
	for (size_t i = 0; r == 0 && i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		r = compare_protocol(c, protocols[i]);
	}
	return r == 0 ? compare_other(c) : r;
}

static int compare(struct comparing *c, const struct enforce_environment *environment,
		   struct err *e)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < ENFORCE_DIRECTIONS; i++) {
		c->direction = i;
		for (size_t k = 0; k < 2; k++) {
			c->sides[k] = (struct side){ .policy = c->sides[k].policy,
						     .access = { .other_door = ACCESS_NO_DOOR } };
		}
		r = compare_direction(c, environment, e);
		c->out->cut_before = c->out->cut_before || c->sides[0].access.cut_undeclared;
		c->out->cut_after = c->out->cut_after || c->sides[1].access.cut_undeclared;
		HASH_CLEAR(hh, c->groups);
		access_deinit(&c->sides[0].access);
		access_deinit(&c->sides[1].access);
	}
	if (r == 0) {
		compare_defaults(c);
		r = finish(c);
	}
	return r;
}

int enforce_changes(struct enforce_changes *out, const struct policy *before,
		    const struct policy *after, const struct enforce_environment *environment,
		    struct err *e)
{
	*out = (struct enforce_changes){ 0 };
	arena_init(&out->arena, 0);
	struct comparing c = { .out = out,
			       .sides = { { .policy = before }, { .policy = after } },
			       .frees_only = true };
	arena_init(&c.scratch, 0);
	int r = compare(&c, environment, e);
	for (size_t i = 0; i < c.ports.count; i++) {
		str_deinit(&c.ports.items[i]);
	}
	vec_free(&c.ports);
	vec_free(&c.list);
	vec_free(&c.runs);
	arena_deinit(&c.scratch);
	return r < 0 ? err_system(e, r, "cannot compare with the rules that hold") : 0;
}

void enforce_changes_deinit(struct enforce_changes *changes)
{
	free(changes->items);
	changes->items = NULL;
	changes->count = 0;
	free(changes->runs);
	changes->runs = NULL;
	changes->run_count = 0;
	arena_deinit(&changes->arena);
}

bool enforce_changes_any(const struct enforce_changes *changes)
{
	return changes->count > 0 || changes->defaults ||
	       changes->repair_before != changes->repair_after;
}

const char *enforce_change_name(enum enforce_change_kind kind)
{
	static const char *const names[] = { "opened", "shut", "widened", "narrowed", "altered" };
	return names[kind];
}
