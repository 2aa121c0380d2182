/* Loading, replacing and removing the guard, and what it says of itself. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bind_guard.skel.h>

#include "base/cleanup.h"
#include "base/io/bpf.h"
#include "guard/io/pins.h"
#include "guard/io/place.h"

enum { RING_BYTES = 1 << 19 }; /* 3,400 refusals until somebody reads them */

/* Makes the table a map of its own and hangs it in: the one step from the old to the new rules. */
static int put_set(int sets, const struct guard_set *set, struct err *e)
{
	const uint32_t first = 0;
	_cleanup_(close_fdp) int inner =
		skel_map_create(BPF_MAP_TYPE_ARRAY, "guard_set", sizeof(first), sizeof(*set), 1);
	if (inner < 0) {
		return err_system(e, errno, "cannot make a map for the guard's rules");
	}
	if (skel_map_update_elem(inner, &first, set, 0) < 0 ||
	    skel_map_update_elem(sets, &first, &inner, 0) < 0) {
		return err_system(e, errno, "cannot hand the guard's rules to the kernel");
	}
	return 0;
}

static int cgroup_id(uint64_t *id, const struct guard_place *place, struct err *e)
{
	struct stat facts;
	_cleanup_(close_fdp) int fd = place_open_cgroup(place, NULL, e);
	if (fd < 0) {
		return fd;
	}
	if (fstat(fd, &facts) < 0) {
		return err_system(e, errno, "cgroup");
	}
	*id = facts.st_ino;
	return 0;
}

/* Whether links are attached; to another cgroup than the wanted one is an error. */
static int find_attached(bool *attached, const struct pins *pins, const struct guard_place *place,
			 struct err *e)
{
	uint64_t wanted = 0;
	int r = cgroup_id(&wanted, place, e);
	*attached = r == 0 && pins_whole(pins);
	for (unsigned i = PIN_BIND4; r == 0 && *attached && i <= PIN_BIND6; i++) {
		uint64_t id = 0;
		r = bpf_link_cgroup(pins->fds[i], &id);
		if (r < 0) {
			return err_system(e, r, "cannot ask the guard where it is attached");
		}
		*attached = id != 0;
		if (id != 0 && id != wanted) {
			return err_set(
				e, EBUSY,
				"a guard for another cgroup stands in %s: switch it off first",
				place->directory);
		}
	}
	return r;
}

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
		if (r == -EPERM || r == -ENOMEM) {
			return err_system(e, r, "cannot load the BPF program of the guard");
		}
		return err_set(e, EOPNOTSUPP,
			       "this kernel takes no BPF program that is asked at bind(): no port "
			       "is kept for its program");
	}
	*out = skeleton;
	return 0;
}

/* Attaches both programs, or puts them in the place of those that are attached. */
static int attach(const struct bind_guard *skeleton, const struct pins *before, bool attached,
		  const struct guard_place *place, struct err *e)
{
	const struct {
		enum pin pin;
		int program;
		enum bpf_attach_type type;
	} both[] = {
		{ PIN_BIND4, skeleton->progs.guard_bind4.prog_fd, BPF_CGROUP_INET4_BIND },
		{ PIN_BIND6, skeleton->progs.guard_bind6.prog_fd, BPF_CGROUP_INET6_BIND },
	};
	_cleanup_(close_fdp) int cgroup = place_open_cgroup(place, NULL, e);
	int r = cgroup < 0 ? cgroup : 0;
	for (unsigned i = 0; r == 0 && i < 2; i++) {
		if (attached) {
			r = bpf_replace_link(before->fds[both[i].pin], both[i].program);
			r = r < 0 ? err_system(e, r, "cannot replace the guard") : 0;
			continue;
		}
		_cleanup_(close_fdp) int link =
			skel_link_create(both[i].program, cgroup, both[i].type);
		r = link < 0 ? err_system(e, errno, "cannot attach the guard to the cgroup")
			     : pins_make(place, both[i].pin, link, e);
	}
	return r;
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
	r = put_set(skeleton->maps.guard_sets.map_fd, table->set, e);
	if (r == 0) {
		r = pins_make(place, PIN_SETS, skeleton->maps.guard_sets.map_fd, e);
	}
	if (r == 0) {
		r = pins_make(place, PIN_RING, skeleton->maps.guard_ring.map_fd, e);
	}
	if (r == 0) {
		r = pins_make(place, PIN_COUNTERS, skeleton->maps.guard_counters.map_fd, e);
	}
	if (r == 0) {
		r = attach(skeleton, before, attached, place, e);
	}
	bind_guard__destroy(skeleton); /* the pins keep what is theirs */
	if (r < 0 && !attached) {
		pins_remove(place);
	}
	return r;
}

int guard_load(const struct guard_place *place, const struct guard_table *table, struct err *e)
{
	_cleanup_(pins_close) struct pins pins = PINS_INIT;
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
		r = find_attached(&attached, &pins, place, e);
	}
	if (r == 0 && attached) {
		r = pins_read_set(&before, &current, &pins, e);
	}
	if (r < 0) {
		(void)rmdir(place->directory); /* fails unless we made it just now */
		return r;
	}
	return current ? put_set(pins.fds[PIN_SETS], table->set, e)
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
	_cleanup_(pins_close) struct pins pins = PINS_INIT;
	_cleanup_(freep) struct guard_set *set = NULL;
	bool attached = false;
	bool current = false;
	int r = pins_open(&pins, place, e);
	if (r == 0) {
		r = find_attached(&attached, &pins, place, e);
	}
	if (r == 0 && attached) {
		r = pins_read_set(&set, &current, &pins, e);
	}
	if (r == 0) {
		*out = current && decides_alike(set, table->set);
	}
	return r;
}

int guard_unload(const struct guard_place *place, struct err *e)
{
	_cleanup_(pins_close) struct pins pins = PINS_INIT;
	_cleanup_(close_fdp) int lock = pins_lock(place, false, e);
	if (lock < 0) {
		return lock == -ENOENT ? 0 : lock;
	}
	/* Away with it also where BPF is not to be used. */
	const struct guard_place with = { .directory = place->directory, .cgroup = place->cgroup };
	int r = pins_open(&pins, &with, e);
	if (r < 0) {
		return r;
	}
	for (unsigned i = PIN_BIND4; i <= PIN_BIND6; i++) {
		if (pins.fds[i] >= 0) {
			(void)bpf_detach_link(pins.fds[i]); /* a dead cgroup's is detached */
		}
	}
	pins_remove(place);
	return 0;
}

/* ---- status ---- */

static int read_counters(struct guard_status *out, const struct pins *pins, struct err *e)
{
	uint64_t *const places[GUARD_COUNTERS] = {
		[GUARD_COUNT_LOST] = &out->lost,
		[GUARD_COUNT_REFUSED] = &out->refused,
		[GUARD_COUNT_WATCHED] = &out->watched,
		[GUARD_COUNT_ALLOWED] = &out->allowed,
	};
	for (uint32_t i = 0; i < GUARD_COUNTERS; i++) {
		int r = bpf_read_value(pins->fds[PIN_COUNTERS], i, places[i]);
		if (r < 0) {
			return err_system(e, r, "cannot read the guard's counters");
		}
	}
	return 0;
}

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
	_cleanup_(pins_close) struct pins pins = PINS_INIT;
	_cleanup_(freep) struct guard_set *set = NULL;
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
		r = bpf_link_cgroup(pins.fds[PIN_BIND4], &id);
		r = r < 0 ? err_system(e, r, "cannot ask the guard where it is attached") : 0;
		status.attached = id != 0;
	}
	if (r == 0 && status.loaded) {
		r = pins_read_set(&set, &current, &pins, e);
	}
	if (r == 0 && current) {
		tell_set(&status, set, &environment);
		r = read_counters(&status, &pins, e);
	} else if (r == 0 && set != NULL) {
		tell_base(&status, set, &environment);
	}
	status.outdated = status.loaded && !current;
	if (r == 0) {
		*out = status;
	}
	return r;
}
