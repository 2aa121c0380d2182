/* Which ports to ask for when little changes: those that do, those that are listened on, and some
 * of all others. */
#include <errno.h>
#include <stdlib.h>

#include "enforce/sources.h"

enum {
	WHOLE_MAX = 64, /* ports of a run that are asked for one by one; of longer ones the ends */
	SAMPLES = 32,   /* declarations that have nothing to do with the change */
	BY_CHANCE = 8,  /* ports of each protocol, declared or not */
};

static struct portset *set_of(struct portset sets[ENFORCE_ASKED_PROTOCOLS], enum protocol protocol)
{
	return protocol == PROTOCOL_TCP ? &sets[0] : protocol == PROTOCOL_UDP ? &sets[1] : NULL;
}

static void add(struct enforce_scope *scope, enum protocol protocol, uint32_t port, bool key)
{
	struct portset *all = set_of(scope->ports, protocol);
	if (all != NULL && port >= 1 && port <= UINT16_MAX) {
		portset_add(all, (uint16_t)port);
		if (key) {
			portset_add(set_of(scope->key, protocol), (uint16_t)port);
		}
	}
}

static void add_run(struct enforce_scope *scope, const struct policy_ports *run)
{
	const bool whole = run->last - run->first < WHOLE_MAX;
	add(scope, run->protocol, run->first - 1U, true);
	add(scope, run->protocol, run->last + 1U, true);
	for (uint32_t port = run->first; whole && port <= run->last; port++) {
		add(scope, run->protocol, port, true);
	}
	add(scope, run->protocol, run->first, true);
	add(scope, run->protocol, run->last, true);
}

/* With the port behind it, where the declaration ends or the next begins. */
static void add_sample(struct enforce_scope *scope, const struct policy *policy, uint64_t *seed)
{
	const size_t count = policy->declarations.count;
	const struct policy_declaration *d =
		&policy->declarations.items[questions_random(seed) % count];
	if (d->ports.count > 0) {
		const struct policy_ports *ports =
			&d->ports.items[questions_random(seed) % d->ports.count];
		add(scope, ports->protocol, ports->first, false);
		add(scope, ports->protocol, ports->last, false);
		add(scope, ports->protocol, ports->last + 1U, false);
	}
}

static void count_others(struct enforce_scope *scope, const struct policy *policy)
{
	struct portset sets[ENFORCE_ASKED_PROTOCOLS] = { { { 0 } } };
	for (size_t i = 0; i < policy->declarations.count; i++) {
		const struct policy_declaration *d = &policy->declarations.items[i];
		for (size_t k = 0; k < d->ports.count; k++) {
			struct portset *set = set_of(sets, d->ports.items[k].protocol);
			if (set != NULL) {
				portset_add(set, d->ports.items[k].first);
				portset_add(set, d->ports.items[k].last);
			}
		}
	}
	for (size_t p = 0; p < ENFORCE_ASKED_PROTOCOLS; p++) {
		for (int32_t at = portset_next(&sets[p], 0); at >= 0;
		     at = portset_next(&sets[p], (uint32_t)at + 1)) {
			scope->others += !portset_has(&scope->ports[p], (uint16_t)at);
		}
	}
}

static int list_runs(struct enforce_scope *scope)
{
	static const enum protocol protocols[ENFORCE_ASKED_PROTOCOLS] = { PROTOCOL_TCP,
									  PROTOCOL_UDP };
	for (size_t p = 0; p < ENFORCE_ASKED_PROTOCOLS; p++) {
		const struct portset *set = &scope->ports[p];
		struct policy_ports *run = NULL;
		for (int32_t at = portset_next(set, 0); at >= 0;
		     at = portset_next(set, (uint32_t)at + 1)) {
			if (run != NULL && run->last + 1 == at) {
				run->last = (uint16_t)at;
				continue;
			}
			run = vec_push(&scope->runs);
			if (run == NULL) {
				return -ENOMEM;
			}
			*run = (struct policy_ports){ protocols[p], (uint16_t)at, (uint16_t)at };
		}
	}
	return 0;
}

int enforce_scope(struct enforce_scope *out, const struct enforce_asking *asking,
		  const struct enforce_changes *changes)
{
	uint64_t seed = asking->seed;
	*out = (struct enforce_scope){ 0 };
	for (size_t i = 0; i < changes->run_count; i++) {
		add_run(out, &changes->runs[i]);
	}
	for (size_t i = 0; i < asking->listening_count; i++) {
		add(out, asking->listening[i].protocol, asking->listening[i].port, true);
	}
	if (asking->login != NULL) {
		add(out, PROTOCOL_TCP, asking->login_port, true);
	}
	for (size_t i = 0; i < SAMPLES && asking->policy->declarations.count > 0; i++) {
		add_sample(out, asking->policy, &seed);
	}
	for (size_t i = 0; i < BY_CHANCE; i++) {
		add(out, PROTOCOL_TCP, (uint32_t)(questions_random(&seed) >> 48), false);
		add(out, PROTOCOL_UDP, (uint32_t)(questions_random(&seed) >> 48), false);
	}
	count_others(out, asking->policy);
	return list_runs(out);
}

void enforce_scope_deinit(struct enforce_scope *scope)
{
	vec_free(&scope->runs);
}
