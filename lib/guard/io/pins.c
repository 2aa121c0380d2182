/* What is pinned of a guard, so that it outlives who loaded it. */
#include "guard/io/pins.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/bpf.h"
#include "guard/io/place.h"

static const char *const names[PIN_COUNT] = {
	[PIN_SETS] = "sets",   [PIN_RING] = "ring",   [PIN_COUNTERS] = "counters",
	[PIN_BIND4] = "bind4", [PIN_BIND6] = "bind6",
};

static int path_of(char *path, const struct guard_place *place, enum pin which)
{
	int length = snprintf(path, PLACE_PATH_BYTES, "%s/%s", place->directory, names[which]);
	return length < 0 || length >= PLACE_PATH_BYTES ? -ENAMETOOLONG : 0;
}

void pins_close(struct pins *pins)
{
	for (unsigned i = 0; i < PIN_COUNT; i++) {
		close_fdp(&pins->fds[i]);
	}
}

bool pins_whole(const struct pins *pins)
{
	for (unsigned i = 0; i < PIN_COUNT; i++) {
		if (pins->fds[i] < 0) {
			return false;
		}
	}
	return true;
}

int pins_allowed(const struct guard_place *place, struct err *e)
{
	return place->without_bpf ? err_set(e, EOPNOTSUPP,
					    "BPF is taken away by MINATO_WITHOUT: no port is "
					    "kept for its program")
				  : 0;
}

int pins_open(struct pins *out, const struct guard_place *place, struct err *e)
{
	*out = PINS_INIT;
	if (pins_allowed(place, e) < 0) {
		return -EOPNOTSUPP;
	}
	for (unsigned i = 0; i < PIN_COUNT; i++) {
		char path[PLACE_PATH_BYTES];
		int r = path_of(path, place, i);
		if (r == 0) {
			r = bpf_open_pin(path);
		}
		if (r < 0 && r != -ENOENT) {
			pins_close(out);
			return err_system(e, r, "cannot open the guard's pin %s", path);
		}
		out->fds[i] = r < 0 ? -1 : r;
	}
	return 0;
}

static int not_bpffs(const char *directory, struct err *e)
{
	return err_set(e, ENOTTY,
		       "%s is on no BPF file system, where the guard could outlive this command: "
		       "mount -t bpf bpf /sys/fs/bpf",
		       directory);
}

int guard_possible(const struct guard_place *place, struct err *e)
{
	char parent[PLACE_PATH_BYTES];
	struct statfs filesystem;
	int r = pins_allowed(place, e);
	if (r < 0) {
		return r;
	}
	_cleanup_(close_fdp) int cgroup = place_open_cgroup(place, NULL, e);
	if (cgroup < 0) {
		return cgroup;
	}
	if (str_copy(parent, sizeof(parent), place->directory) >= sizeof(parent)) {
		return err_system(e, ENAMETOOLONG, "%s", place->directory);
	}
	/* The folder itself is made when it is needed. */
	bool there = statfs(parent, &filesystem) == 0 || statfs(dirname(parent), &filesystem) == 0;
	if (!there || filesystem.f_type != BPF_FS_MAGIC) {
		return not_bpffs(place->directory, e);
	}
	return 0;
}

int pins_lock(const struct guard_place *place, bool make, struct err *e)
{
	const char *directory = place->directory;
	bool made = make && mkdir(directory, 0700) == 0;
	if (make && !made && errno != EEXIST) {
		return err_system(e, errno, "cannot make %s", directory);
	}
	_cleanup_(close_fdp) int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs filesystem;
	if (fd < 0 || fstatfs(fd, &filesystem) < 0) {
		return make || errno != ENOENT ? err_system(e, errno, "%s", directory) : -ENOENT;
	}
	if (filesystem.f_type != BPF_FS_MAGIC) {
		if (made) {
			(void)rmdir(directory); /* nobody else knows of it yet */
		}
		return not_bpffs(directory, e);
	}
	if (flock(fd, LOCK_EX) < 0) {
		return err_system(e, errno, "cannot lock %s", directory);
	}
	return steal_fd(&fd);
}

int pins_make(const struct guard_place *place, enum pin which, int fd, struct err *e)
{
	char path[PLACE_PATH_BYTES];
	int r = path_of(path, place, which);
	if (r == 0) {
		r = bpf_make_pin(fd, path);
	}
	return r < 0 ? err_system(e, r, "cannot pin the guard in %s", place->directory) : 0;
}

void pins_remove(const struct guard_place *place)
{
	for (unsigned i = PIN_COUNT; i-- > 0;) {
		char path[PLACE_PATH_BYTES];
		if (path_of(path, place, i) == 0) {
			(void)unlink(path); /* absent is fine */
		}
	}
	(void)rmdir(place->directory); /* something else lies there: it stays */
}

int pins_read_set(struct guard_set **out, bool *current, const struct pins *pins, struct err *e)
{
	uint32_t id = 0;
	uint32_t bytes = 0;
	uint32_t places = 0;
	int r = bpf_read_value(pins->fds[PIN_SETS], 0, &id);
	if (r < 0) {
		return err_system(e, r, "cannot read the guard's rules");
	}
	_cleanup_(close_fdp) int inner = bpf_open_map(id);
	if (inner < 0) {
		return err_system(e, inner, "cannot read the guard's rules");
	}
	r = bpf_map_size(inner, &bytes, &places);
	const size_t room =
		r == 0 && bytes > sizeof(struct guard_set) ? bytes : sizeof(struct guard_set);
	_cleanup_(freep) struct guard_set *set = calloc(1, room);
	if (set == NULL) {
		return err_system(e, ENOMEM, "bind guard");
	}
	if (r == 0) {
		r = bpf_read_value(inner, 0, set);
	}
	if (r < 0) {
		return err_system(e, r, "cannot read the guard's rules");
	}
	*current = bytes == sizeof(*set) && set->head.version == GUARD_VERSION;
	*out = steal(&set);
	return 0;
}
