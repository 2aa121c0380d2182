/* The part of a policy that is about some ports. */
#include <errno.h>
#include <stdlib.h>

#include "base/portset.h"
#include "enforce/enforce.h"

/* What any protocol has of the ports that are meant: most declarations are none of it. */
static void join_runs(struct portset *out, const struct policy_ports *runs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		portset_add_range(out, runs[i].first, runs[i].last);
	}
}

static bool meets(const struct portset *joined, const struct policy_declaration *d)
{
	bool does = false;
	for (size_t i = 0; !does && i < d->ports.count; i++) {
		const struct policy_ports *ports = &d->ports.items[i];
		does = portset_has(joined, ports->first);
		if (!does && ports->last > ports->first) {
			const int32_t next = portset_next(joined, ports->first);
			does = next >= 0 && next <= ports->last;
		}
	}
	return does;
}

static int add_ports(struct enforce_part *part, const struct policy_ports *ports,
		     const struct policy_ports *runs, size_t count)
{
	for (size_t k = 0; k < count; k++) {
		const struct policy_ports *run = &runs[k];
		if (run->protocol != ports->protocol || run->last < ports->first ||
		    ports->last < run->first) {
			continue;
		}
		struct policy_ports *item = vec_push(&part->ports);
		if (item == NULL) {
			return -ENOMEM;
		}
		*item = *ports;
		item->first = run->first > ports->first ? run->first : ports->first;
		item->last = run->last < ports->last ? run->last : ports->last;
	}
	return 0;
}

static int clip(struct enforce_part *part, const struct policy_declaration *d,
		const struct policy_ports *runs, size_t count)
{
	const size_t begin = part->ports.count;
	for (size_t i = 0; i < d->ports.count; i++) {
		int r = add_ports(part, &d->ports.items[i], runs, count);
		if (r < 0) {
			return r;
		}
	}
	if (part->ports.count == begin) {
		return 0;
	}
	struct policy_declaration *item = vec_push(&part->declarations);
	if (item == NULL) {
		return -ENOMEM;
	}
	*item = *d;
	item->ports.count = part->ports.count - begin;
	return 0;
}

int enforce_part(struct enforce_part *out, const struct policy *policy,
		 const struct policy_ports *runs, size_t count)
{
	struct portset joined = { 0 };
	int r = 0;
	*out = (struct enforce_part){ .policy = *policy };
	join_runs(&joined, runs, count);
	for (size_t i = 0; r == 0 && i < policy->declarations.count; i++) {
		const struct policy_declaration *d = &policy->declarations.items[i];
		r = meets(&joined, d) ? clip(out, d, runs, count) : 0;
	}
	struct policy_ports *ports = out->ports.items;
	for (size_t i = 0; i < out->declarations.count; i++) {
		out->declarations.items[i].ports.items = ports;
		ports += out->declarations.items[i].ports.count;
	}
	out->policy.declarations.items = out->declarations.items;
	out->policy.declarations.count = out->declarations.count;
	return r;
}

void enforce_part_deinit(struct enforce_part *part)
{
	vec_free(&part->declarations);
	vec_free(&part->ports);
}
