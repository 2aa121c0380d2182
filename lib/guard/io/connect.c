/* Loading, replacing and removing what is asked at connect() and sendmsg(). */
#include <errno.h>
#include <libgen.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <connect_guard.skel.h>

#include "base/cleanup.h"
#include "bpf/connect.h"
#include "base/io/bpf.h"
#include "guard/io/pins.h"
#include "guard/io/place.h"

/* The maps come first: links that stand there always have theirs. */
enum {
	SETS,
	COUNTERS,
	LINKS,
	FILES = LINKS + 4,
};

static const char *const names[FILES] = { "sets",     "counters", "connect4",
					  "connect6", "sendmsg4", "sendmsg6" };
static const enum bpf_attach_type types[FILES - LINKS] = { BPF_CGROUP_INET4_CONNECT,
							   BPF_CGROUP_INET6_CONNECT,
							   BPF_CGROUP_UDP4_SENDMSG,
							   BPF_CGROUP_UDP6_SENDMSG };

/* Descriptors of what is pinned, -1 = not there. */
struct files {
	int fds[FILES];
};

static void files_close(struct files *files)
{
	for (unsigned i = 0; i < FILES; i++) {
		close_fdp(&files->fds[i]);
	}
}

static int path_of(char *path, const struct guard_place *place, unsigned which)
{
	int length = snprintf(path, PLACE_PATH_BYTES, "%s/%s", place->directory, names[which]);
	return length < 0 || length >= PLACE_PATH_BYTES ? -ENAMETOOLONG : 0;
}

static int files_open(struct files *out, const struct guard_place *place, struct err *e)
{
	for (unsigned i = 0; i < FILES; i++) {
		char path[PLACE_PATH_BYTES];
		int r = path_of(path, place, i);
		if (r == 0) {
			r = bpf_open_pin(path);
		}
		if (r < 0 && r != -ENOENT) {
			return err_system(e, r, "cannot open the pin %s", path);
		}
		out->fds[i] = r < 0 ? -1 : r;
	}
	return 0;
}

static void files_remove(const struct guard_place *place)
{
	for (unsigned i = FILES; i-- > 0;) {
		char path[PLACE_PATH_BYTES];
		if (path_of(path, place, i) == 0) {
			(void)unlink(path); /* absent is fine */
		}
	}
	(void)rmdir(place->directory); /* something else lies there: it stays */
}

static int pin(const struct guard_place *place, unsigned which, int fd, struct err *e)
{
	char path[PLACE_PATH_BYTES];
	int r = path_of(path, place, which);
	if (r == 0) {
		r = bpf_make_pin(fd, path);
	}
	return r < 0 ? err_system(e, r, "cannot pin it in %s", place->directory) : 0;
}

/* ---- what stands there ---- */

/* The head of the set that holds; @return 0, also when it is of another version (all zeros). */
static int read_head(struct guard_head *out, const struct files *files, struct err *e)
{
	uint32_t id = 0;
	uint32_t bytes = 0;
	uint32_t places = 0;
	_cleanup_(freep) struct connect_set *set = malloc(sizeof(*set));
	int r = set == NULL ? -ENOMEM : bpf_read_value(files->fds[SETS], 0, &id);
	_cleanup_(close_fdp) int inner = r < 0 ? -1 : bpf_open_map(id);
	r = r < 0 ? r : inner < 0 ? inner : bpf_map_size(inner, &bytes, &places);
	*out = (struct guard_head){ 0 };
	if (r == 0 && bytes == sizeof(*set)) {
		r = bpf_read_value(inner, 0, set);
		if (r == 0 && set->head.version == CONNECT_VERSION) {
			*out = set->head;
		}
	}
	return r < 0 ? err_system(e, r, "cannot read what outbound ports are kept for") : 0;
}

/* Whether everything is there and attached to this cgroup; elsewhere is an error. */
static int find_attached(bool *attached, const struct files *files, const struct guard_place *place,
			 struct err *e)
{
	struct stat facts;
	_cleanup_(close_fdp) int cgroup = place_open_cgroup(place, NULL, e);
	*attached = false;
	if (cgroup < 0) {
		return cgroup;
	}
	if (fstat(cgroup, &facts) < 0) {
		return err_system(e, errno, "cgroup");
	}
	*attached = files->fds[SETS] >= 0 && files->fds[COUNTERS] >= 0;
	for (unsigned i = LINKS; i < FILES && *attached; i++) {
		uint64_t id = 0;
		int r = files->fds[i] < 0 ? 0 : bpf_link_cgroup(files->fds[i], &id);
		if (r < 0) {
			return err_system(e, r, "cannot ask where it is attached");
		}
		if (id != 0 && id != facts.st_ino) {
			return err_set(e, EBUSY, "%s stands for another cgroup", place->directory);
		}
		*attached = id != 0;
	}
	return 0;
}

/* ---- loading ---- */

/* Makes the set a map of its own and hangs it in: the one step from the old to the new rules. */
static int put_set(int sets, const struct connect_set *set, struct err *e)
{
	const uint32_t first = 0;
	_cleanup_(close_fdp) int inner =
		skel_map_create(BPF_MAP_TYPE_ARRAY, "connect_set", sizeof(first), sizeof(*set), 1);
	if (inner < 0 || skel_map_update_elem(inner, &first, set, 0) < 0 ||
	    skel_map_update_elem(sets, &first, &inner, 0) < 0) {
		return err_system(e, errno, "cannot hand the programs of outbound: to the kernel");
	}
	return 0;
}

static int attach(const struct connect_guard *skeleton, const struct guard_place *place,
		  struct err *e)
{
	const int programs[FILES - LINKS] = { skeleton->progs.guard_connect4.prog_fd,
					      skeleton->progs.guard_connect6.prog_fd,
					      skeleton->progs.guard_sendmsg4.prog_fd,
					      skeleton->progs.guard_sendmsg6.prog_fd };
	_cleanup_(close_fdp) int cgroup = place_open_cgroup(place, NULL, e);
	int r = cgroup < 0 ? cgroup : 0;
	for (unsigned i = 0; r == 0 && i < FILES - LINKS; i++) {
		_cleanup_(close_fdp) int link = skel_link_create(programs[i], cgroup, types[i]);
		r = link < 0 ? err_system(e, errno, "cannot attach to the cgroup")
			     : pin(place, LINKS + i, link, e);
	}
	return r;
}

/* Complete with its rules before it is attached. */
static int load_anew(const struct guard_place *place, const struct connect_set *set, struct err *e)
{
	struct connect_guard *skeleton = connect_guard__open();
	if (skeleton == NULL) {
		return err_system(e, ENOMEM, "outbound");
	}
	int r = connect_guard__load(skeleton);
	if (r == -EPERM || r == -ENOMEM) {
		r = err_system(e, r, "cannot load the BPF programs for outbound:");
	} else if (r < 0) {
		r = err_set(e, EOPNOTSUPP,
			    "this kernel takes no BPF program that is asked at connect()");
	}
	if (r == 0) {
		r = put_set(skeleton->maps.sets.map_fd, set, e);
	}
	if (r == 0) {
		r = pin(place, SETS, skeleton->maps.sets.map_fd, e);
	}
	if (r == 0) {
		r = pin(place, COUNTERS, skeleton->maps.counters.map_fd, e);
	}
	if (r == 0) {
		r = attach(skeleton, place, e);
	}
	connect_guard__destroy(skeleton); /* the pins keep what is theirs */
	if (r < 0) {
		files_remove(place);
	}
	return r;
}

int guard_connect_hold(const struct guard_place *place, const struct guard_connect *connect,
		       struct err *e)
{
	_cleanup_(files_close) struct files files = { .fds = { -1, -1, -1, -1, -1, -1 } };
	struct guard_head head = { 0 };
	bool attached = false;
	int r = pins_allowed(place, e);
	if (r < 0) {
		return r;
	}
	_cleanup_(close_fdp) int lock = pins_lock(place, true, e);
	if (lock < 0) {
		return lock;
	}
	r = files_open(&files, place, e);
	if (r == 0) {
		r = find_attached(&attached, &files, place, e);
	}
	if (r == 0 && attached) {
		r = read_head(&head, &files, e);
	}
	if (r == 0 && head.version == CONNECT_VERSION) {
		return put_set(files.fds[SETS], connect->set, e);
	}
	return r < 0 ? r : load_anew(place, connect->set, e);
}

int guard_connect_release(const struct guard_place *place, struct err *e)
{
	_cleanup_(files_close) struct files files = { .fds = { -1, -1, -1, -1, -1, -1 } };
	_cleanup_(close_fdp) int lock = pins_lock(place, false, e);
	if (lock < 0) {
		return lock == -ENOENT ? 0 : lock;
	}
	int r = files_open(&files, place, e);
	if (r < 0) {
		return r;
	}
	for (unsigned i = LINKS; i < FILES; i++) {
		if (files.fds[i] >= 0) {
			(void)bpf_detach_link(files.fds[i]); /* a dead cgroup's is detached */
		}
	}
	files_remove(place);
	return 0;
}

/* ---- what it says of itself ---- */

int guard_connect_check(const struct guard_place *place, struct err *e)
{
	struct guard_environment environment;
	struct statfs filesystem;
	char path[PLACE_PATH_BYTES];
	int r = pins_allowed(place, e);
	if (r == 0) {
		r = guard_environment_read(&environment, place, 0, e);
	}
	if (r < 0) {
		return r;
	}
	(void)str_copy(path, sizeof(path), place->directory);
	const char *folder = dirname(path);
	if (statfs(folder, &filesystem) < 0 || filesystem.f_type != BPF_FS_MAGIC) {
		return err_set(e, ENOTTY, "%s is no BPF file system: mount -t bpf bpf %s", folder,
			       folder);
	}
	return 0;
}

int guard_connect_status(struct guard_connect_status *out, const struct guard_place *place,
			 struct err *e)
{
	_cleanup_(files_close) struct files files = { .fds = { -1, -1, -1, -1, -1, -1 } };
	struct guard_connect_status status = { 0 };
	struct guard_environment environment;
	struct guard_head head = { 0 };
	bool attached = false;
	int r = guard_environment_read(&environment, place, 0, e);
	if (r == 0) {
		r = files_open(&files, place, e);
	}
	if (r == 0) {
		r = find_attached(&attached, &files, place, e);
	}
	if (r == 0 && attached) {
		r = read_head(&head, &files, e);
	}
	if (r == 0 && attached) {
		r = bpf_read_value(files.fds[COUNTERS], CONNECT_COUNT_ALLOWED, &status.allowed);
		r = r < 0 ? r
			  : bpf_read_value(files.fds[COUNTERS], CONNECT_COUNT_REFUSED,
					   &status.refused);
	}
	if (r == 0) {
		status.held = attached && head.version == CONNECT_VERSION &&
			      head.netns_cookie == environment.netns_cookie;
		status.made = (usec_t)head.made;
		*out = status;
	}
	return r;
}
