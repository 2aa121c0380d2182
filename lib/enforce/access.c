/* The policy from the side of the packets: which ports have which doors. */
#include "enforce/access.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"

static const enum protocol protocols[] = { PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_DCCP, PROTOCOL_SCTP,
					   PROTOCOL_UDPLITE };

/* ---- gates ---- */

/* What is the same is found by bytes that say all of it. */
struct known {
	char *key;
	uint32_t index;
	UT_hash_handle hh;
};

struct making {
	struct access *access;
	const struct policy *policy;
	enum enforce_direction direction;
	const struct policy_declaration *declarations; /* of that direction */
	size_t count;
	const struct enforce_environment *environment;
	struct known *gates, *doors, *names;
	uint32_t *gate_of; /* by declaration; UINT32_MAX = it lets nobody in */
	uint32_t *door_of; /* by gate: of the door that has it alone; UINT32_MAX = none yet */
	size_t links;
};

/* @return the entry for the key, new when index is UINT32_MAX; NULL without memory. */
static struct known *know(struct making *making, struct known **table, const void *key,
			  size_t length)
{
	struct known *found = NULL;
	HASH_FIND(hh, *table, key, length, found);
	if (found != NULL) {
		return found;
	}
	found = arena_alloc(&making->access->arena, sizeof(*found));
	char *kept = arena_alloc(&making->access->arena, length + 1);
	if (found == NULL || kept == NULL) {
		return NULL;
	}
	memcpy(kept, key, length);
	*found = (struct known){ .key = kept, .index = UINT32_MAX };
	HASH_ADD_KEYPTR(hh, *table, found->key, length, found);
	return found->hh.tbl == NULL ? NULL : found;
}

static void add_number(struct str *out, int64_t number)
{
	(void)str_add_bytes(out, (const char *)&number, sizeof(number)); /* kept in out->error */
}

/* With its length, so that no two texts run into each other. */
static void add_text(struct str *out, const char *text)
{
	add_number(out, text == NULL ? -1 : (int64_t)strlen(text));
	(void)str_add(out, text ?: "");
}

/* With its length: two lists that follow each other are told apart. */
static void add_list(struct str *out, const struct policy_from *items, size_t count)
{
	add_number(out, (int64_t)count);
	for (size_t i = 0; i < count; i++) {
		const struct policy_from *from = &items[i];
		add_number(out, from->kind);
		if (from->kind == POLICY_FROM_WHO) {
			add_number(out, from->who);
		} else if (from->kind == POLICY_FROM_PREFIX) {
			add_number(out, from->prefix.bits);
			add_number(out, from->prefix.address.family);
			(void)str_add_bytes(out, (const char *)from->prefix.address.bytes,
					    sizeof(from->prefix.address.bytes));
		}
	}
}

/* @param program  NULL = it is no condition. */
static void gate_key(struct str *out, const struct policy *policy,
		     const struct policy_declaration *d, const struct policy_program *program)
{
	add_number(out, d->rate.count);
	add_number(out, d->rate.per);
	/* What is counted is counted for one declaration. */
	add_text(out, d->rate.count > 0 ? d->entry.name : NULL);
	add_number(out, d->until);
	add_number(out, policy_observes(policy, d));
	add_number(out, d->cut);
	add_list(out, d->from.items, d->from.count);
	add_list(out, d->to.items, d->to.count);
	add_text(out, d->interface);
	add_text(out, d->out);
	if (program != NULL) {
		add_text(out, program->user);
		add_text(out, program->unit);
		add_text(out, program->executable);
		add_text(out, program->container);
	}
}

static bool is_lasting(const struct policy_declaration *d)
{
	bool any = false;
	for (size_t i = 0; i < d->from.count; i++) {
		any = any || d->from.items[i].kind == POLICY_FROM_ANY;
	}
	return any && d->interface == NULL && d->until == POLICY_NO_DATE && d->out == NULL &&
	       access_leads_anywhere(d);
}

/* Whether what is declared closed meets the same as what nobody declared. */
static bool like_undeclared(const struct making *making, const struct policy_declaration *d)
{
	const struct policy *policy = making->policy;
	if (making->direction == ENFORCE_OUTBOUND) {
		return access_default(policy, making->direction) != POLICY_ACCEPT;
	}
	return access_verdict(policy, making->direction) != POLICY_ACCEPT &&
	       policy_observes(policy, d) == policy_observes(policy, NULL) && !d->cut &&
	       !policy->defaults.cut;
}

static int make_gate(struct making *making, size_t index, struct str *key)
{
	const struct policy_declaration *d = &making->declarations[index];
	const usec_t left = access_left(d, making->environment);
	const bool by_program =
		making->direction == ENFORCE_OUTBOUND && policy_has_program(&d->program);
	const struct policy_program *program = by_program ? &d->program : NULL;
	const bool closed = left < 0 || access_is_internal(making->policy, d) ||
			    access_leads_nowhere(making->policy, d);
	making->gate_of[index] = UINT32_MAX;
	if (closed && like_undeclared(making, d)) {
		return 0;
	}
	str_clear(key);
	gate_key(key, making->policy, d, program);
	struct known *known =
		key->error != 0 ? NULL : know(making, &making->gates, key->text, key->length);
	if (known == NULL) {
		return -ENOMEM;
	}
	if (known->index == UINT32_MAX) {
		struct gate *gate = vec_push(&making->access->gates);
		if (gate == NULL) {
			return -ENOMEM;
		}
		*gate = (struct gate){ .declaration = d,
				       .program = program,
				       .left = closed ? 0 : left,
				       .open = !closed && is_lasting(d) && program == NULL &&
					       d->rate.count == 0,
				       .closed = closed,
				       .lasting = !closed && is_lasting(d),
				       .observed = policy_observes(making->policy, d) };
		known->index = (uint32_t)making->access->gates.count - 1;
	}
	making->gate_of[index] = known->index;
	return 0;
}

static int make_gates(struct making *making)
{
	struct str key = STR_INIT(1 << 24);
	int r = 0;
	for (size_t i = 0; r == 0 && i < making->count; i++) {
		r = make_gate(making, i, &key);
	}
	str_deinit(&key);
	return r;
}

/* ---- doors ---- */

/* Where a declaration begins or ends to cover ports. */
struct edge {
	uint32_t port; /* 1..65536 */
	uint32_t declaration;
	int32_t step; /* +1 begins here, -1 has ended before */
};

static int compare_edges(const void *pa, const void *pb)
{
	const struct edge *a = pa;
	const struct edge *b = pb;
	if (a->port != b->port) {
		return a->port < b->port ? -1 : 1;
	}
	return b->step - a->step; /* a gate that goes on is never left in between */
}

struct edges {
	VEC(struct edge) list;
};

static int add_edges(struct edges *edges, const struct policy_ports *ports, uint32_t declaration)
{
	struct edge *begin = vec_push(&edges->list);
	if (begin == NULL) {
		return -ENOMEM;
	}
	*begin = (struct edge){ ports->first, declaration, 1 };
	struct edge *end = vec_push(&edges->list);
	if (end == NULL) {
		return -ENOMEM;
	}
	*end = (struct edge){ ports->last + 1U, declaration, -1 };
	return 0;
}

static int collect_edges(struct making *making, enum protocol protocol, struct edges *edges)
{
	const struct policy_ports all = { protocol, 1, UINT16_MAX };
	for (size_t i = 0; i < making->count; i++) {
		const struct policy_declaration *d = &making->declarations[i];
		if (making->gate_of[i] == UINT32_MAX) {
			continue;
		}
		int r = d->ports.count == 0 ? add_edges(edges, &all, (uint32_t)i) : 0;
		for (size_t k = 0; r == 0 && k < d->ports.count; k++) {
			r = d->ports.items[k].protocol != protocol
				    ? 0
				    : add_edges(edges, &d->ports.items[k], (uint32_t)i);
		}
		if (r < 0) {
			return r;
		}
	}
	if (edges->list.count > 0) {
		qsort(edges->list.items, edges->list.count, sizeof(*edges->list.items),
		      compare_edges);
	}
	return 0;
}

/* The name of a door: that of its first declaration, with a number where it is taken. */
static const char *name_door(struct making *making, const char *wanted)
{
	struct str name = STR_INIT(256);
	const char *kept = NULL;
	for (unsigned i = 1; kept == NULL; i++) {
		str_clear(&name);
		str_printf(&name, i == 1 ? "%s" : "%s.%u", wanted, i);
		struct known *known =
			name.error != 0 ? NULL
					: know(making, &making->names, name.text, name.length);
		if (known == NULL) {
			break;
		}
		if (known->index == UINT32_MAX) {
			known->index = 0;
			kept = known->key;
		}
	}
	str_deinit(&name);
	return kept;
}

/* Where only some gates end, those are told apart from what the others let in. */
static void part_gates(struct access *access, const struct door *door)
{
	for (uint32_t i = 0; door->parts && i < door->gate_count; i++) {
		struct gate *gate =
			&access->gates.items[access->gates_of_doors.items[door->first_gate + i]];
		gate->parting = gate->parting || gate->left > 0;
	}
}

/* An open gate makes the others needless: whoever comes gets in. */
static int fill_door(struct making *making, struct door *door, const uint32_t *gates, size_t count)
{
	struct access *access = making->access;
	bool ends = true;
	bool lasting = false;
	door->first_gate = (uint32_t)access->gates_of_doors.count;
	for (size_t i = 0; i < count; i++) {
		const struct gate *gate = &access->gates.items[gates[i]];
		uint32_t *link = vec_push(&access->gates_of_doors);
		if (link == NULL) {
			return -ENOMEM;
		}
		*link = gates[i];
		door->gate_count++;
		door->open = door->open || gate->open;
		door->observed = door->observed || gate->observed;
		ends = ends && (gate->left > 0 || gate->closed);
		lasting = lasting || gate->lasting;
		door->left = gate->left > door->left ? gate->left : door->left;
		door->cut = door->cut || gate->declaration->cut;
	}
	const bool asks = !lasting && !door->observed && making->direction != ENFORCE_OUTBOUND;
	door->cut = door->cut && asks;
	door->parts = asks && !ends && !door->cut && door->left > 0;
	door->left = ends && asks ? door->left : 0;
	part_gates(access, door);
	door->name = name_door(making, access->gates.items[gates[0]].declaration->entry.name);
	return door->name == NULL ? -ENOMEM : 0;
}

static int door_for(struct making *making, uint32_t *out, const uint32_t *gates, size_t count)
{
	uint32_t *index = &making->door_of[gates[0]];
	if (count > 1) {
		struct known *known = know(making, &making->doors, gates, count * sizeof(*gates));
		if (known == NULL) {
			return -ENOMEM;
		}
		index = &known->index;
	}
	*out = *index;
	if (*index != UINT32_MAX) {
		return 0;
	}
	struct door *door = vec_push(&making->access->doors);
	if (door == NULL) {
		return -ENOMEM;
	}
	*out = *index = (uint32_t)making->access->doors.count - 1;
	return fill_door(making, door, gates, count);
}

/* The declarations that cover the present port, in the order of the policy. */
struct active {
	uint32_t *list;
	size_t count;
	uint32_t *covers; /* by declaration: how many of its ranges cover the port */
	uint32_t *gates;  /* room for those of `list` */
};

static void begin_one(struct active *active, uint32_t declaration)
{
	if (active->covers[declaration]++ > 0) {
		return;
	}
	size_t at = active->count++;
	for (; at > 0 && active->list[at - 1] > declaration; at--) {
		active->list[at] = active->list[at - 1];
	}
	active->list[at] = declaration;
}

static void end_one(struct active *active, uint32_t declaration)
{
	if (--active->covers[declaration] > 0) {
		return;
	}
	size_t at = 0;
	while (active->list[at] != declaration) {
		at++;
	}
	active->count--;
	memmove(&active->list[at], &active->list[at + 1],
		(active->count - at) * sizeof(*active->list));
}

/* Declarations with the same conditions have one gate, which stands once in a door. */
static size_t list_gates(struct active *active, const uint32_t *gate_of)
{
	size_t count = 0;
	for (size_t i = 0; i < active->count; i++) {
		const uint32_t gate = gate_of[active->list[i]];
		size_t k = 0;
		while (k < count && active->gates[k] != gate) {
			k++;
		}
		if (k == count) {
			active->gates[count++] = gate;
		}
	}
	return count;
}

static int add_opening(struct making *making, enum protocol protocol, uint32_t first, uint32_t end,
		       struct active *active)
{
	struct access *access = making->access;
	const struct policy_declaration *d = &making->declarations[active->list[0]];
	uint32_t door = 0;
	int r = door_for(making, &door, active->gates, list_gates(active, making->gate_of));
	if (r < 0) {
		return r;
	}
	struct opening *last = access->openings.count == 0
				       ? NULL
				       : &access->openings.items[access->openings.count - 1];
	if (last != NULL && last->protocol == protocol && last->last + 1U == first &&
	    last->door == door && last->declaration == d) {
		last->last = (uint16_t)(end - 1);
		return 0;
	}
	struct opening *opening = vec_push(&access->openings);
	if (opening == NULL) {
		return -ENOMEM;
	}
	*opening = (struct opening){ protocol, (uint16_t)first, (uint16_t)(end - 1), door, d };
	return 0;
}

static int sweep(struct making *making, enum protocol protocol, const struct edges *edges,
		 struct active *active)
{
	for (size_t i = 0; i < edges->list.count;) {
		const uint32_t port = edges->list.items[i].port;
		for (; i < edges->list.count && edges->list.items[i].port == port; i++) {
			const struct edge *edge = &edges->list.items[i];
			(edge->step > 0 ? begin_one : end_one)(active, edge->declaration);
		}
		making->links += active->count;
		if (making->links > ENFORCE_LINKS_MAX) {
			return -E2BIG;
		}
		int r = active->count == 0 ? 0
					   : add_opening(making, protocol, port,
							 edges->list.items[i].port, active);
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

/* The door of what has no ports: of declarations that hold for every protocol. */
static int make_other(struct making *making, struct active *active)
{
	active->count = 0;
	for (size_t i = 0; i < making->count; i++) {
		if (making->gate_of[i] != UINT32_MAX && making->declarations[i].ports.count == 0) {
			active->list[active->count++] = (uint32_t)i;
		}
	}
	return active->count == 0 ? 0
				  : door_for(making, &making->access->other_door, active->gates,
					     list_gates(active, making->gate_of));
}

static int make_openings(struct making *making)
{
	size_t room = making->count + 1;
	_cleanup_(freep) uint32_t *covers = calloc(room, sizeof(*covers));
	_cleanup_(freep) uint32_t *list = calloc(room, sizeof(*list));
	_cleanup_(freep) uint32_t *gates = calloc(room, sizeof(*gates));
	struct active active = { .list = list, .covers = covers, .gates = gates };
	if (covers == NULL || list == NULL || gates == NULL) {
		return -ENOMEM;
	}
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		struct edges edges = { 0 };
		r = collect_edges(making, protocols[i], &edges);
		if (r == 0) {
			r = sweep(making, protocols[i], &edges, &active);
		}
		vec_free(&edges.list);
	}
	return r == 0 ? make_other(making, &active) : r;
}

int access_make(struct access *out, const struct policy *policy, enum enforce_direction direction,
		const struct enforce_environment *environment, struct err *e)
{
	*out = (struct access){ .other_door = ACCESS_NO_DOOR };
	arena_init(&out->arena, 0);
	struct making making = {
		.access = out, .policy = policy, .direction = direction, .environment = environment
	};
	making.declarations = access_declarations(&making.count, policy, direction);
	making.gate_of = calloc(making.count + 1, sizeof(*making.gate_of));
	making.door_of = malloc((making.count + 1) * sizeof(*making.door_of));
	int r = making.gate_of == NULL || making.door_of == NULL ? -ENOMEM : make_gates(&making);
	if (r == 0) {
		memset(making.door_of, 0xff, out->gates.count * sizeof(*making.door_of));
		r = make_openings(&making);
	}
	out->cut_undeclared = direction != ENFORCE_OUTBOUND && policy->defaults.cut &&
			      access_default(policy, direction) != POLICY_ACCEPT;
	free(making.gate_of);
	free(making.door_of);
	HASH_CLEAR(hh, making.gates);
	HASH_CLEAR(hh, making.doors);
	HASH_CLEAR(hh, making.names);
	return r < 0 ? err_system(e, r, "cannot make rules of the policy") : 0;
}

void access_deinit(struct access *access)
{
	vec_free(&access->gates);
	vec_free(&access->doors);
	vec_free(&access->gates_of_doors);
	vec_free(&access->openings);
	arena_deinit(&access->arena);
}
