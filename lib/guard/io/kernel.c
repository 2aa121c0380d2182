/* Loading, replacing and removing the guard, and what it says of itself. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bind_guard.skel.h>

#include "base/cleanup.h"
#include "base/io/bpf.h"
#include "guard/io/pins.h"

enum { RING_BYTES = 1 << 19 }; /* 3,400 refusals until somebody reads them */

static int open_skeleton(struct bind_guard **out, struct err *e)
{
	struct bind_guard *skeleton = bind_guard__open();
	if (skeleton == NULL) {
		return err_system(e, ENOMEM, "bind guard");
	}
	skeleton->maps.guard_ring.max_entries = RING_BYTES;
	int r = bind_guard__load(skeleton);
	if (r < 0) {
		bind_guard__destroy(skeleton);
		return pins_not_loaded(&pins_bind, r, e);
	}
	*out = skeleton;
	return 0;
}

/* A new guard, complete with its rules before it is attached. */
static int load_anew(const struct guard_place *place, const struct guard_table *table,
		     const struct pins *before, bool attached, struct err *e)
{
	struct bind_guard *skeleton = NULL;
	int r = open_skeleton(&skeleton, e);
	if (r < 0) {
		return r;
	}
	const struct pins_loaded loaded = { {
		skeleton->maps.guard_sets.map_fd,
		skeleton->maps.guard_ring.map_fd,
		skeleton->maps.guard_counters.map_fd,
		skeleton->progs.guard_bind4.prog_fd,
		skeleton->progs.guard_bind6.prog_fd,
	} };
	r = pins_put_set(&pins_bind, loaded.fds[PIN_SETS], 0, table->set, e);
	if (r == 0) {
		r = pins_replace(before, attached, &loaded, place, e);
	}
	bind_guard__destroy(skeleton); /* the pins keep what is theirs */
	return r;
}

/* @param out  NULL where no guard is attached. */
static int read_attached(struct guard_set **out, bool *attached, bool *current,
			 const struct pins *pins, const struct guard_place *place, struct err *e)
{
	void *set = NULL;
	int r = pins_attached(attached, pins, place, e);
	if (r == 0 && *attached) {
		r = pins_read_set(&set, current, pins, 0, e);
	}
	*out = set;
	return r;
}

int guard_load(const struct guard_place *place, const struct guard_table *table, struct err *e)
{
	_cleanup_(pins_close) struct pins pins = PINS_INIT(&pins_bind);
	_cleanup_(freep) struct guard_set *before = NULL;
	bool attached = false;
	bool current = false;
	int r = pins_allowed(place, e);
	if (r < 0) {
		return r;
	}
	_cleanup_(close_fdp) int lock = pins_lock(place, true, e);
	if (lock < 0) {
		return lock;
	}
	r = pins_open(&pins, place, e);
	if (r == 0) {
		r = read_attached(&before, &attached, &current, &pins, place, e);
	}
	if (r < 0) {
		(void)rmdir(place->directory); /* fails unless we made it just now */
		return r;
	}
	return current ? pins_put_set(&pins_bind, pins.fds[PIN_SETS], 0, table->set, e)
		       : load_anew(place, table, &pins, attached, e);
}

/* Without what differs though both decide alike: when it was made, what it has seen, what was
 * reserved beside it. */
static void strip(struct guard_set *set)
{
	set->head.made = 0;
	memset(set->reserved, 0, sizeof(set->reserved));
	for (size_t i = 0; i < GUARD_RULES_MAX; i++) {
		set->briefs[i].seen_cgroup = 0;
		set->briefs[i].seen_file = 0;
	}
}

static bool decides_alike(struct guard_set *standing, const struct guard_set *wanted)
{
	_cleanup_(freep) struct guard_set *copy = malloc(sizeof(*copy));
	if (copy == NULL) {
		return false; /* then it is loaded once more */
	}
	memcpy(copy, wanted, sizeof(*copy));
	strip(copy);
	strip(standing);
	return memcmp(copy, standing, sizeof(*copy)) == 0;
}

int guard_holds(bool *out, const struct guard_place *place, const struct guard_table *table,
		struct err *e)
{
	_cleanup_(pins_close) struct pins pins = PINS_INIT(&pins_bind);
	_cleanup_(freep) struct guard_set *set = NULL;
	bool attached = false;
	bool current = false;
	int r = pins_open(&pins, place, e);
	if (r == 0) {
		r = read_attached(&set, &attached, &current, &pins, place, e);
	}
	if (r == 0) {
		*out = current && decides_alike(set, table->set);
	}
	return r;
}

int guard_unload(const struct guard_place *place, struct err *e)
{
	return pins_unload(&pins_bind, place, e);
}

/* ---- status ---- */

/* What every version says alike. */
static void tell_base(struct guard_status *out, const struct guard_set *set,
		      const struct guard_environment *environment)
{
	out->here = set->head.netns_cookie == environment->netns_cookie;
	memcpy(out->reserved.words, set->reserved, sizeof(out->reserved.words));
}

static void tell_set(struct guard_status *out, const struct guard_set *set,
		     const struct guard_environment *environment)
{
	tell_base(out, set, environment);
	out->mode = set->head.enforce != 0 ? GUARD_ENFORCE : GUARD_OBSERVE;
	out->rules = set->head.rule_count;
	out->made = (usec_t)set->head.made;
	for (size_t i = 0; i < sizeof(set->ports) / sizeof(set->ports[0]); i++) {
		out->ports += set->ports[i].rules[0] != 0;
	}
}

int guard_status(struct guard_status *out, const struct guard_place *place, struct err *e)
{
	struct guard_status status = { 0 };
	struct guard_environment environment;
	_cleanup_(pins_close) struct pins pins = PINS_INIT(&pins_bind);
	_cleanup_(freep) struct guard_set *set = NULL;
	uint64_t counts[GUARD_COUNTERS] = { 0 };
	void *read = NULL;
	bool current = false;
	int r = guard_environment_read(&environment, place, 0, e);
	if (r == 0) {
		r = pins_open(&pins, place, e);
	}
	if (r < 0) {
		return r;
	}
	status.loaded = pins_whole(&pins);
	if (status.loaded) {
		uint64_t id = 0;
		r = bpf_link_cgroup(pins.fds[PIN_LINKS], &id);
		r = r < 0 ? err_system(e, r, "cannot ask the guard where it is attached") : 0;
		status.attached = id != 0;
	}
	if (r == 0 && status.loaded) {
		r = pins_read_set(&read, &current, &pins, 0, e);
		set = read;
	}
	if (r == 0 && current) {
		tell_set(&status, set, &environment);
		r = pins_read_counters(counts, &pins, e);
	} else if (r == 0 && set != NULL) {
		tell_base(&status, set, &environment);
	}
	status.lost = counts[GUARD_COUNT_LOST];
	status.refused = counts[GUARD_COUNT_REFUSED];
	status.watched = counts[GUARD_COUNT_WATCHED];
	status.allowed = counts[GUARD_COUNT_ALLOWED];
	status.outdated = status.loaded && !current;
	if (r == 0) {
		*out = status;
	}
	return r;
}
