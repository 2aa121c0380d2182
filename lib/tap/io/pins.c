/* What is pinned of a tap, so that it outlives who loaded it. */
#include "tap/io/pins.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/bpf.h"
#include "base/io/bpffs.h"

static const char *const names[PIN_COUNT] = {
	[PIN_SETTINGS] = "settings",     [PIN_RING] = "ring",       [PIN_COUNTERS] = "counters",
	[PIN_SUPPRESSED] = "suppressed", [PIN_BANS] = "bans",       [PIN_NETWORKS] = "networks",
	[PIN_NEVER] = "never",           [PIN_WATCHED] = "watched", [PIN_INGRESS] = "ingress",
	[PIN_EGRESS] = "egress",         [PIN_XDP] = "xdp",         [PIN_DEVICES] = "devices",
};
static const char before_name[] = "xdp-before";

static int path_of(char *path, const struct tap_place *place, const char *name)
{
	int length = snprintf(path, PINS_PATH_BYTES, "%s/%s", place->directory, name);
	return length < 0 || length >= PINS_PATH_BYTES ? -ENAMETOOLONG : 0;
}

struct tap *tap_pins_new(void)
{
	struct tap *tap = calloc(1, sizeof(*tap));
	if (tap == NULL) {
		return NULL;
	}
	for (unsigned i = 0; i < PIN_COUNT; i++) {
		tap->fds[i] = -1;
	}
	tap->before = tap->directory = tap->route = -1;
	return tap;
}

struct tap *tap_free(struct tap *tap)
{
	if (tap == NULL) {
		return NULL;
	}
	for (unsigned i = 0; i < PIN_COUNT; i++) {
		close_fdp(&tap->fds[i]);
	}
	close_fdp(&tap->before);
	close_fdp(&tap->directory);
	close_fdp(&tap->route);
	free(tap);
	return NULL;
}

int tap_pins_allowed(const struct tap_place *place, struct err *e)
{
	return place->without_bpf ? err_set(e, EOPNOTSUPP, "no BPF here (MINATO_WITHOUT)") : 0;
}

int tap_pins_lock(struct tap *tap, const struct tap_place *place, bool make, struct err *e)
{
	int r = bpffs_lock(place->directory, make, "the tap could be found again", e);
	tap->directory = r < 0 ? -1 : r;
	return r < 0 ? r : 0;
}

void tap_pins_unlock(const struct tap *tap)
{
	(void)flock(tap->directory, LOCK_UN); /* ours, and open */
}

static int open_one(int *out, const struct tap_place *place, const char *name)
{
	char path[PINS_PATH_BYTES];
	int r = path_of(path, place, name);
	if (r == 0) {
		r = bpf_open_pin(path);
	}
	*out = r < 0 ? -1 : r;
	return r < 0 ? r : 0;
}

/* Whether this version pinned them, and how large ring and counters are. */
static int look(struct tap *tap)
{
	uint32_t bytes = 0;
	uint32_t places = 0;
	struct tap_settings settings;
	int r = bpf_map_size(tap->fds[PIN_SETTINGS], &bytes, &places);
	if (r == 0 && bytes != sizeof(settings)) {
		return -ENOENT;
	}
	if (r == 0) {
		r = bpf_read_value(tap->fds[PIN_SETTINGS], 0, &settings);
	}
	if (r == 0 && settings.version != TAP_VERSION) {
		return -ENOENT;
	}
	if (r == 0) {
		r = bpf_map_size(tap->fds[PIN_RING], &bytes, &tap->ring_bytes);
	}
	return r < 0 ? r : bpf_map_size(tap->fds[PIN_COUNTERS], &bytes, &tap->cpus);
}

void tap_pins_open_before(struct tap *tap, const struct tap_place *place)
{
	close_fdp(&tap->before);
	(void)open_one(&tap->before, place, before_name); /* seldom there */
}

int tap_pins_open(struct tap *tap, const struct tap_place *place, struct err *e)
{
	int r = 0;
	for (unsigned i = 0; r == 0 && i < PIN_COUNT; i++) {
		close_fdp(&tap->fds[i]);
		r = open_one(&tap->fds[i], place, names[i]);
	}
	tap_pins_open_before(tap, place);
	if (r == 0) {
		r = look(tap);
	}
	if (r == -ENOENT) {
		return r;
	}
	return r < 0 ? err_system(e, r, "cannot open the tap's pins in %s", place->directory) : 0;
}

int tap_pins_make(const struct tap *tap, const struct tap_place *place, struct err *e)
{
	for (unsigned i = 0; i < PIN_COUNT; i++) {
		char path[PINS_PATH_BYTES];
		int r = path_of(path, place, names[i]);
		if (r == 0) {
			r = bpf_make_pin(tap->fds[i], path);
		}
		if (r < 0) {
			return err_system(e, r, "cannot pin the tap in %s", place->directory);
		}
	}
	return 0;
}

void tap_pins_remove(const struct tap_place *place, bool keep_xdp)
{
	char path[PINS_PATH_BYTES];
	char before[PINS_PATH_BYTES];
	bool named = path_of(before, place, before_name) == 0;
	if (named && keep_xdp && path_of(path, place, names[PIN_XDP]) == 0) {
		(void)rename(path, before); /* absent is fine */
	}
	for (unsigned i = PIN_COUNT; i-- > 0;) {
		if (path_of(path, place, names[i]) == 0) {
			(void)unlink(path); /* likewise */
		}
	}
	if (named && !keep_xdp) {
		(void)unlink(before); /* likewise */
	}
}
