/* A generation that only says what is different, laid over the one that holds. */
#include "enforce/layer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "base/vec.h"
#include "enforce/writing.h"

enum { RUNS_MAX = 64 }; /* more ports than that are worth a whole generation */

/* ---- names of layers in the kernel ---- */

static bool read_number(unsigned *out, const char *text, size_t length)
{
	uint64_t number = 0;
	bool is = parse_u64_bytes(&number, text, length, 1, ENFORCE_GENERATION_MAX) == 0;
	*out = is ? (unsigned)number : 0;
	return is;
}

void layers_note(struct layers *layers, const char *name)
{
	static const char over[] = "-over-";
	const char *middle = strstr(name, over);
	struct layer layer = { 0 };
	if (middle != NULL && name[0] == 'g' && layers->count < LAYERS_SEEN_MAX &&
	    read_number(&layer.upper, name + 1, (size_t)(middle - name) - 1) &&
	    read_number(&layer.base, middle + strlen(over), strlen(middle + strlen(over)))) {
		layers->list[layers->count++] = layer;
	}
}

/* The generation right beneath; 0 = none. */
static unsigned beneath(const struct layers *layers, unsigned generation)
{
	for (size_t i = 0; i < layers->count; i++) {
		if (layers->list[i].upper == generation) {
			return layers->list[i].base;
		}
	}
	return 0;
}

unsigned layers_beneath(const struct layers *layers, unsigned generation)
{
	unsigned count = 0;
	while (count < layers->count && (generation = beneath(layers, generation)) != 0) {
		count++;
	}
	return count;
}

bool layers_need(const struct layers *layers, unsigned generation, unsigned number)
{
	for (size_t i = 0; generation != 0 && i <= layers->count; i++) {
		if (generation == number) {
			return true;
		}
		generation = beneath(layers, generation);
	}
	return false;
}

unsigned layers_base_in(const char *rules, unsigned generation)
{
	char words[64];
	unsigned base = 0;
	(void)snprintf(words, sizeof(words), "add chain inet minato g%u-over-", generation);
	const char *found = strstr(rules, words);
	if (found != NULL) {
		found += strlen(words);
		(void)read_number(&base, found, strcspn(found, "\n"));
	}
	return base;
}

/* ---- whether a layer can say it ---- */

static bool overlap(const struct policy_ports *a, const struct policy_ports *b)
{
	return a->protocol == b->protocol && a->first <= b->last && b->first <= a->last;
}

static bool meets(const struct policy_declaration *d, const struct enforce_changes *changes)
{
	for (size_t i = 0; i < d->ports.count; i++) {
		for (size_t k = 0; k < changes->run_count; k++) {
			if (overlap(&d->ports.items[i], &changes->runs[k])) {
				return true;
			}
		}
	}
	return false;
}

/* The base asks live connections for every packet what a layer could not call back. */
static bool asks_live(const struct policy *before, const struct enforce_changes *changes)
{
	bool asks = before->defaults.cut;
	for (size_t i = 0; !asks && i < before->declarations.count; i++) {
		const struct policy_declaration *d = &before->declarations.items[i];
		asks = (d->until != POLICY_NO_DATE || d->cut) && meets(d, changes);
	}
	return asks;
}

/* Runs are in order: whether they have all of the ports. */
static bool within(const struct policy_ports *ports, const struct enforce_changes *changes)
{
	uint32_t next = ports->first;
	for (size_t i = 0; i < changes->run_count; i++) {
		const struct policy_ports *run = &changes->runs[i];
		if (run->protocol == ports->protocol && run->first <= next && next <= run->last) {
			next = run->last + 1U;
		}
	}
	return next > ports->last;
}

/* A source would have the rate of one declaration twice: in the layer and beneath it. */
static bool splits_rate(const struct policy *after, const struct enforce_changes *changes)
{
	bool splits = false;
	for (size_t i = 0; !splits && i < after->declarations.count; i++) {
		const struct policy_declaration *d = &after->declarations.items[i];
		const bool limited = d->rate.count > 0 && meets(d, changes);
		for (size_t k = 0; limited && !splits && k < d->ports.count; k++) {
			splits = !within(&d->ports.items[k], changes);
		}
	}
	return splits;
}

/* What this host connects to stays with the base. */
static bool same_outbound(const struct policy *before, const struct policy *after,
			  const struct enforce_changes *changes)
{
	bool same = enforce_limits_outbound(before) == enforce_limits_outbound(after);
	for (size_t i = 0; same && i < changes->count; i++) {
		same = changes->items[i].direction != ENFORCE_OUTBOUND;
	}
	return same;
}

static bool can(const struct policy *before, const struct policy *after,
		const struct enforce_changes *changes)
{
	return before != NULL && changes->run_count > 0 && changes->run_count <= RUNS_MAX &&
	       !changes->defaults && before->defaults.inbound == after->defaults.inbound &&
	       policy_observes(before, NULL) == policy_observes(after, NULL) &&
	       !after->defaults.cut && !asks_live(before, changes) &&
	       !splits_rate(after, changes) && same_outbound(before, after, changes) &&
	       /* A layer looks ports up before it is known for whom a packet is. */
	       !enforce_limits_forward(before) && !enforce_limits_forward(after);
}

/* ---- rules ---- */

/* @param begun  something was shut before. */
static void add_shut(struct writing *w, const struct policy_ports *ports, bool *begun)
{
	const unsigned g = w->generation;
	if (!*begun) {
		writing_leases(w, "in");
	}
	*begun = true;
	ADD(w, "add rule inet minato g%u-in %s dport %u-%u ", g, protocol_name(ports->protocol),
	    ports->first, ports->last);
	if (w->policy->defaults.inbound == POLICY_ACCEPT) {
		ADD(w, "accept\n");
	} else {
		ADD(w, "goto g%u-%s\n", g, policy_observes(w->policy, NULL) ? "observe" : "refuse");
	}
}

/* What nobody declares any more of a run: between the openings, which are sorted. */
static void add_shut_of(struct writing *w, const struct policy_ports *run, bool *begun)
{
	uint32_t next = run->first;
	for (size_t i = 0; i < w->access->openings.count; i++) {
		const struct opening *o = &w->access->openings.items[i];
		if (o->protocol != run->protocol || o->last < next || o->first > run->last) {
			continue;
		}
		if (o->first > next) {
			const struct policy_ports gap = { run->protocol, (uint16_t)next,
							  (uint16_t)(o->first - 1) };
			add_shut(w, &gap, begun);
		}
		next = o->last + 1U;
	}
	if (next <= run->last) {
		const struct policy_ports rest = { run->protocol, (uint16_t)next, run->last };
		add_shut(w, &rest, begun);
	}
}

static void add_entry(struct writing *w, const struct enforce_changes *changes, unsigned base)
{
	const unsigned g = w->generation;
	ADD(w, "add chain inet minato g%u-over-%u\n", g, base);
	ADD(w, "add chain inet minato g%u-in\n", g);
	ADD(w, "add rule inet minato g%u-in iif \"lo\" accept\n", g);
	live_entry(w);
	ADD(w, "add rule inet minato g%u-in ct state established,related goto g%u-in\n", g, base);
	writing_lookups(w, "in");
	bool begun = false;
	for (size_t i = 0; i < changes->run_count; i++) {
		add_shut_of(w, &changes->runs[i], &begun);
	}
	ADD(w, "add rule inet minato g%u-in goto g%u-in\n", g, base);
	if (enforce_limits_outbound(w->policy)) {
		ADD(w, "add chain inet minato g%u-out\n", g);
		ADD(w, "add rule inet minato g%u-out goto g%u-out\n", g, base);
	}
}

int enforce_layer(struct str *out, const struct policy *before, const struct policy *after,
		  const struct enforce_changes *changes, unsigned generation, unsigned base,
		  const struct enforce_environment *environment, struct err *e)
{
	if (!can(before, after, changes)) {
		return ENFORCE_WHOLE;
	}
	struct enforce_part part = { 0 };
	struct access access = { 0 };
	int r = writing_check_names(after, e);
	if (r == 0) {
		r = enforce_part(&part, after, changes->runs, changes->run_count);
	}
	if (r == 0) {
		r = access_make(&access, &part.policy, ENFORCE_INBOUND, environment, e);
	}
	if (r == 0) {
		struct writing writing = { .out = out,
					   .policy = &part.policy,
					   .access = &access,
					   .prefix = "",
					   .generation = generation,
					   .used_only = true };
		writing_doors(&writing);
		add_entry(&writing, changes, base);
		r = writing.error != 0 ? writing.error : out->error;
	}
	access_deinit(&access);
	enforce_part_deinit(&part);
	return r < 0 ? err_system(e, r, "cannot write the rules of the policy") : r;
}
