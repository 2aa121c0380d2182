/* What is pinned of the guards, so that it outlives who loaded it. */
#include "guard/io/pins.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/bpf.h"
#include "base/io/bpffs.h"
#include "bpf/connect.h"
#include "guard/io/place.h"

const struct pins_kind pins_bind = {
	.what = "bind guard",
	.hook = "bind()",
	.names = { "sets", "ring", "counters", "bind4", "bind6" },
	.types = { BPF_CGROUP_INET4_BIND, BPF_CGROUP_INET6_BIND },
	.count = PIN_LINKS + 2,
	.version = GUARD_VERSION,
	.set_bytes = sizeof(struct guard_set),
};

const struct pins_kind pins_connect = {
	.what = "guard of outbound:",
	.hook = "connect()",
	.names = { "sets", "ring", "counters", "connect4", "connect6", "sendmsg4", "sendmsg6" },
	.types = { BPF_CGROUP_INET4_CONNECT, BPF_CGROUP_INET6_CONNECT, BPF_CGROUP_UDP4_SENDMSG,
		   BPF_CGROUP_UDP6_SENDMSG },
	.count = PIN_LINKS + 4,
	.version = CONNECT_VERSION,
	.set_bytes = sizeof(struct connect_set),
};

int pins_path(char *path, const struct pins_kind *kind, const struct guard_place *place,
	      unsigned which)
{
	int length =
		snprintf(path, PLACE_PATH_BYTES, "%s/%s", place->directory, kind->names[which]);
	return length < 0 || length >= PLACE_PATH_BYTES ? -ENAMETOOLONG : 0;
}

void pins_close(struct pins *pins)
{
	for (unsigned i = 0; i < PINS_MAX; i++) {
		close_fdp(&pins->fds[i]);
	}
}

bool pins_whole(const struct pins *pins)
{
	for (unsigned i = 0; i < pins->kind->count; i++) {
		if (pins->fds[i] < 0) {
			return false;
		}
	}
	return true;
}

int pins_allowed(const struct guard_place *place, struct err *e)
{
	return place->without_bpf
		       ? err_set(e, EOPNOTSUPP,
				 "no BPF here (MINATO_WITHOUT): no port is kept for its program")
		       : 0;
}

int pins_open(struct pins *out, const struct guard_place *place, struct err *e)
{
	int r = pins_allowed(place, e);
	for (unsigned i = 0; r == 0 && i < out->kind->count; i++) {
		char path[PLACE_PATH_BYTES];
		int fd = pins_path(path, out->kind, place, i);
		fd = fd == 0 ? bpf_open_pin(path) : fd;
		if (fd < 0 && fd != -ENOENT) {
			r = err_system(e, fd, "cannot open the pin %s", path);
		}
		out->fds[i] = fd < 0 ? -1 : fd;
	}
	return r;
}

const char pins_purpose[] = "the guard could outlive this command";

int guard_possible(const struct guard_place *place, struct err *e)
{
	int r = pins_allowed(place, e);
	if (r < 0) {
		return r;
	}
	_cleanup_(close_fdp) int cgroup = place_open_cgroup(place, NULL, e);
	if (cgroup < 0) {
		return cgroup;
	}
	return bpffs_possible(place->directory, pins_purpose, e);
}

int pins_lock(const struct guard_place *place, bool make, struct err *e)
{
	return bpffs_lock(place->directory, make, pins_purpose, e);
}

void pins_remove(const struct pins *pins, const struct guard_place *place)
{
	for (unsigned i = pins->kind->count; i-- > 0;) {
		char path[PLACE_PATH_BYTES];
		if (pins_path(path, pins->kind, place, i) == 0) {
			(void)unlink(path); /* absent is fine */
		}
	}
	(void)rmdir(place->directory); /* something else lies there: it stays */
}
