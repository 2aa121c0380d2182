/* Loading, trying, replacing and removing what is asked at connect() and sendmsg(). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <connect_guard.skel.h>

#include "base/cleanup.h"
#include "base/io/bpf.h"
#include "base/io/bpffs.h"
#include "bpf/connect.h"
#include "guard/io/pins.h"
#include "guard/io/place.h"

enum { RING_BYTES = 1 << 19 }; /* 3,400 refusals until somebody reads them */

/* ---- loading ---- */

/* Complete with its rules before it is attached. */
static int load_anew(const struct guard_place *place, const struct pins *before, bool attached,
		     uint32_t key, const struct connect_set *set, struct err *e)
{
	struct connect_guard *skeleton = connect_guard__open();
	if (skeleton == NULL) {
		return err_system(e, ENOMEM, "outbound");
	}
	skeleton->maps.guard_ring.max_entries = RING_BYTES;
	int r = connect_guard__load(skeleton);
	r = r < 0 ? pins_not_loaded(&pins_connect, r, e) : 0;
	const struct pins_loaded loaded = { {
		skeleton->maps.connect_sets.map_fd,
		skeleton->maps.guard_ring.map_fd,
		skeleton->maps.guard_counters.map_fd,
		skeleton->progs.guard_connect4.prog_fd,
		skeleton->progs.guard_connect6.prog_fd,
		skeleton->progs.guard_sendmsg4.prog_fd,
		skeleton->progs.guard_sendmsg6.prog_fd,
	} };
	if (r == 0) {
		r = pins_put_set(&pins_connect, loaded.fds[PIN_SETS], key, set, e);
	}
	if (r == 0) {
		r = pins_replace(before, attached, &loaded, place, e);
	}
	connect_guard__destroy(skeleton); /* the pins keep what is theirs */
	return r;
}

/* Whether a guard of this version is attached, with or without a set. */
static int find_current(bool *attached, bool *current, const struct pins *pins,
			const struct guard_place *place, struct err *e)
{
	int r = pins_attached(attached, pins, place, e);
	*current = false;
	for (uint32_t key = 0; r == 0 && *attached && !*current && key < CONNECT_KEYS; key++) {
		_cleanup_(freep) void *set = NULL;
		r = pins_read_set(&set, current, pins, key, e);
	}
	return r;
}

static int drop(const struct pins *pins, uint32_t key, struct err *e)
{
	int r = bpf_delete_value(pins->fds[PIN_SETS], key);
	return r < 0 && r != -ENOENT
		       ? err_system(e, r, "cannot take back what is tried of outbound:")
		       : 0;
}

static int put(const struct guard_place *place, uint32_t key, const struct connect_set *set,
	       struct err *e)
{
	_cleanup_(pins_close) struct pins pins = PINS_INIT(&pins_connect);
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
		r = find_current(&attached, &current, &pins, place, e);
	}
	if (r < 0) {
		(void)rmdir(place->directory); /* fails unless we made it just now */
		return r;
	}
	if (!current) {
		return load_anew(place, &pins, attached, key, set, e);
	}
	r = pins_put_set(&pins_connect, pins.fds[PIN_SETS], key, set, e);
	/* In this order: until then what was tried holds, and decides alike. */
	return r == 0 && key == CONNECT_CONFIRMED ? drop(&pins, CONNECT_TRIED, e) : r;
}

int guard_connect_hold(const struct guard_place *place, const struct guard_connect *connect,
		       struct err *e)
{
	connect->set->ends_ns = 0;
	return put(place, CONNECT_CONFIRMED, connect->set, e);
}

int guard_connect_try(const struct guard_place *place, const struct guard_connect *connect,
		      usec_t until, struct err *e)
{
	connect->set->ends_ns = (uint64_t)until * 1000;
	return put(place, CONNECT_TRIED, connect->set, e);
}

int guard_connect_release(const struct guard_place *place, struct err *e)
{
	return pins_unload(&pins_connect, place, e);
}

int guard_connect_cancel(const struct guard_place *place, struct err *e)
{
	_cleanup_(pins_close) struct pins pins = PINS_INIT(&pins_connect);
	_cleanup_(freep) void *confirmed = NULL;
	bool current = false;
	_cleanup_(close_fdp) int lock = pins_lock(place, false, e);
	if (lock < 0) {
		return lock == -ENOENT ? 0 : lock;
	}
	/* Away with it also where BPF is not to be used. */
	const struct guard_place with = { .directory = place->directory, .cgroup = place->cgroup };
	int r = pins_open(&pins, &with, e);
	if (r < 0 || pins.fds[PIN_SETS] < 0) {
		return r;
	}
	r = drop(&pins, CONNECT_TRIED, e);
	if (r == 0) {
		r = pins_read_set(&confirmed, &current, &pins, CONNECT_CONFIRMED, e);
	}
	if (r < 0 || confirmed != NULL) {
		return r;
	}
	close_fdp(&lock); /* nothing is kept any more: it need not be asked */
	return pins_unload(&pins_connect, place, e);
}

/* ---- what it says of itself ---- */

int guard_connect_check(const struct guard_place *place, struct err *e)
{
	struct guard_environment environment;
	int r = pins_allowed(place, e);
	if (r == 0) {
		r = guard_environment_read(&environment, place, 0, e);
	}
	return r < 0 ? r : bpffs_possible(place->directory, pins_purpose, e);
}

/* @param set  what is confirmed; NULL = nothing, or of another version. */
static int read_confirmed(struct connect_set **set, struct pins *pins, bool *attached,
			  const struct guard_place *place, struct err *e)
{
	void *read = NULL;
	bool current = false;
	int r = pins_open(pins, place, e);
	if (r == 0) {
		r = pins_attached(attached, pins, place, e);
	}
	if (r == 0 && *attached) {
		r = pins_read_set(&read, &current, pins, CONNECT_CONFIRMED, e);
	}
	if (!current) {
		freep(&read);
	}
	*set = read;
	return r;
}

int guard_connect_holds(bool *out, const struct guard_place *place,
			const struct guard_connect *connect, struct err *e)
{
	_cleanup_(pins_close) struct pins pins = PINS_INIT(&pins_connect);
	_cleanup_(freep) struct connect_set *set = NULL;
	bool attached = false;
	int r = read_confirmed(&set, &pins, &attached, place, e);
	if (r == 0) {
		*out = set != NULL && guard_connect_alike(set, connect->set);
	}
	return r;
}

int guard_connect_status(struct guard_connect_status *out, const struct guard_place *place,
			 struct err *e)
{
	_cleanup_(pins_close) struct pins pins = PINS_INIT(&pins_connect);
	_cleanup_(freep) struct connect_set *set = NULL;
	struct guard_connect_status status = { 0 };
	struct guard_environment environment;
	uint64_t counts[GUARD_COUNTERS] = { 0 };
	int r = guard_environment_read(&environment, place, 0, e);
	if (r == 0) {
		r = read_confirmed(&set, &pins, &status.attached, place, e);
	}
	if (r == 0 && status.attached) {
		r = pins_read_counters(counts, &pins, e);
	}
	status.lost = counts[GUARD_COUNT_LOST];
	status.refused = counts[GUARD_COUNT_REFUSED];
	status.watched = counts[GUARD_COUNT_WATCHED];
	status.allowed = counts[GUARD_COUNT_ALLOWED];
	if (r == 0 && set != NULL) {
		status.held = set->head.netns_cookie == environment.netns_cookie;
		status.enforced = set->head.enforce != 0;
		status.made = (usec_t)set->head.made;
	}
	if (r == 0) {
		*out = status;
	}
	return r;
}
