/* What stands of a guard in the kernel: reading it, changing it, replacing it, taking it away. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Maps and links are made by what the skeletons are loaded with. */
#include <bpf/skel_internal.h>

#include "base/cleanup.h"
#include "base/io/bpf.h"
#include "guard/io/pins.h"
#include "guard/io/place.h"

/* ---- where ---- */

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

int pins_attached(bool *attached, const struct pins *pins, const struct guard_place *place,
		  struct err *e)
{
	uint64_t wanted = 0;
	int r = cgroup_id(&wanted, place, e);
	*attached = r == 0 && pins_whole(pins);
	for (unsigned i = PIN_LINKS; r == 0 && *attached && i < pins->kind->count; i++) {
		uint64_t id = 0;
		r = bpf_link_cgroup(pins->fds[i], &id);
		if (r < 0) {
			return err_system(e, r, "cannot ask the %s where it is attached",
					  pins->kind->what);
		}
		*attached = id != 0;
		if (id != 0 && id != wanted) {
			return err_set(e, EBUSY,
				       "a %s for another cgroup stands in %s: switch it off first",
				       pins->kind->what, place->directory);
		}
	}
	return r;
}

/* ---- sets ---- */

static int read_value(void **out, bool *current, const struct pins_kind *kind, int map)
{
	uint32_t bytes = 0;
	uint32_t places = 0;
	int r = bpf_map_size(map, &bytes, &places);
	if (r < 0) {
		return r;
	}
	_cleanup_(freep) struct guard_head *set =
		calloc(1, bytes > kind->set_bytes ? bytes : kind->set_bytes);
	r = set == NULL ? -ENOMEM : bpf_read_value(map, 0, set);
	if (r == 0) {
		*current = bytes == kind->set_bytes && set->version == kind->version;
		*out = steal(&set);
	}
	return r;
}

int pins_read_set(void **out, bool *current, const struct pins *pins, uint32_t key, struct err *e)
{
	uint32_t id = 0;
	*out = NULL;
	*current = false;
	int r = bpf_read_value(pins->fds[PIN_SETS], key, &id);
	if (r == -ENOENT) {
		return 0;
	}
	_cleanup_(close_fdp) int inner = r < 0 ? r : bpf_open_map(id);
	r = inner < 0 ? inner : read_value(out, current, pins->kind, inner);
	return r < 0 ? err_system(e, r, "cannot read the rules of the %s", pins->kind->what) : 0;
}

int pins_read_counters(uint64_t *counts, const struct pins *pins, struct err *e)
{
	for (uint32_t i = 0; i < GUARD_COUNTERS; i++) {
		int r = bpf_read_value(pins->fds[PIN_COUNTERS], i, &counts[i]);
		if (r < 0) {
			return err_system(e, r, "cannot read the counters of the %s",
					  pins->kind->what);
		}
	}
	return 0;
}

int pins_put_set(const struct pins_kind *kind, int sets, uint32_t key, const void *set,
		 struct err *e)
{
	const uint32_t first = 0;
	_cleanup_(close_fdp) int inner =
		skel_map_create(BPF_MAP_TYPE_ARRAY, "guard_set", sizeof(first), kind->set_bytes, 1);
	if (inner < 0) {
		return err_system(e, errno, "cannot make a map for the rules of the %s",
				  kind->what);
	}
	if (skel_map_update_elem(inner, &first, set, 0) < 0 ||
	    skel_map_update_elem(sets, &key, &inner, 0) < 0) {
		return err_system(e, errno, "cannot hand the rules of the %s to the kernel",
				  kind->what);
	}
	return 0;
}

/* ---- loading ---- */

int pins_not_loaded(const struct pins_kind *kind, int r, struct err *e)
{
	if (r == -EPERM || r == -ENOMEM) {
		return err_system(e, r, "cannot load the BPF programs of the %s", kind->what);
	}
	return err_set(e, EOPNOTSUPP,
		       "this kernel takes no BPF program that is asked at %s: no port is kept for "
		       "its program",
		       kind->hook);
}

static int make_pin(const struct pins_kind *kind, const struct guard_place *place, unsigned which,
		    int fd, struct err *e)
{
	char path[PLACE_PATH_BYTES];
	int r = pins_path(path, kind, place, which);
	if (r == 0) {
		r = bpf_make_pin(fd, path);
	}
	return r < 0 ? err_system(e, r, "cannot pin the %s in %s", kind->what, place->directory)
		     : 0;
}

static int attach(const struct pins *before, bool attached, const struct pins_loaded *loaded,
		  const struct guard_place *place, struct err *e)
{
	const struct pins_kind *kind = before->kind;
	_cleanup_(close_fdp) int cgroup = place_open_cgroup(place, NULL, e);
	int r = cgroup < 0 ? cgroup : 0;
	for (unsigned i = PIN_LINKS; r == 0 && i < kind->count; i++) {
		if (attached) {
			r = bpf_replace_link(before->fds[i], loaded->fds[i]);
			r = r < 0 ? err_system(e, r, "cannot replace the %s", kind->what) : 0;
			continue;
		}
		_cleanup_(close_fdp) int link =
			skel_link_create(loaded->fds[i], cgroup, kind->types[i - PIN_LINKS]);
		r = link < 0
			    ? err_system(e, errno, "cannot attach the %s to the cgroup", kind->what)
			    : make_pin(kind, place, i, link, e);
	}
	return r;
}

int pins_replace(const struct pins *before, bool attached, const struct pins_loaded *loaded,
		 const struct guard_place *place, struct err *e)
{
	int r = 0;
	for (unsigned i = PIN_SETS; r == 0 && i < PIN_LINKS; i++) {
		r = make_pin(before->kind, place, i, loaded->fds[i], e);
	}
	if (r == 0) {
		r = attach(before, attached, loaded, place, e);
	}
	if (r < 0 && !attached) {
		pins_remove(before, place);
	}
	return r;
}

int pins_unload(const struct pins_kind *kind, const struct guard_place *place, struct err *e)
{
	_cleanup_(pins_close) struct pins pins = PINS_INIT(kind);
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
	for (unsigned i = PIN_LINKS; i < kind->count; i++) {
		if (pins.fds[i] >= 0) {
			(void)bpf_detach_link(pins.fds[i]); /* a dead cgroup's is detached */
		}
	}
	pins_remove(&pins, place);
	return 0;
}
