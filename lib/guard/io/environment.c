/* What the names of a policy stand for on this host. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io/account.h"
#include "base/io/mounts.h"
#include "guard/io/place.h"

#ifndef SO_NETNS_COOKIE /* include/uapi/asm-generic/socket.h, since 5.14 */
#define SO_NETNS_COOKIE 71
#endif

int place_open_cgroup(const struct guard_place *place, char *path, struct err *e)
{
	char root[PLACE_PATH_BYTES];
	const char *cgroup = place->cgroup;
	if (cgroup == NULL) {
		if (mounts_cgroup2(root, sizeof(root)) < 0) {
			return err_set(e, ENOENT,
				       "no cgroup v2 is mounted: programs cannot be asked when "
				       "they bind, so no port is kept for its program");
		}
		cgroup = root;
	}
	int fd = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		return err_system(e, errno, "%s", cgroup);
	}
	if (path != NULL) {
		(void)str_copy(path, PLACE_PATH_BYTES, cgroup);
	}
	return fd;
}

/* ---- accounts ---- */

static int find_user(void *context, uint32_t *uid, const char *name)
{
	(void)context; /* the accounts are those of the host */
	return account_uid(uid, name);
}

/* ---- executables ---- */

/* The path without symbolic links. What is not installed yet lies where its folder says. */
static int resolve(char *out, size_t room, const char *path)
{
	_cleanup_(freep) char *whole = realpath(path, NULL);
	if (whole != NULL) {
		return str_copy(out, room, whole) == strlen(whole) ? 0 : -ENAMETOOLONG;
	}
	const char *slash = strrchr(path, '/');
	if (errno != ENOENT || slash == NULL || slash == path) {
		return errno == ENOTDIR ? -ENOENT : -errno;
	}
	_cleanup_(freep) char *folder = strndup(path, (size_t)(slash - path));
	if (folder == NULL) {
		return -ENOMEM;
	}
	whole = realpath(folder, NULL);
	if (whole == NULL) {
		return errno == ENOTDIR ? -ENOENT : -errno;
	}
	int length = snprintf(out, room, "%s%s", strcmp(whole, "/") == 0 ? "" : whole, slash);
	return length < 0 || (size_t)length >= room ? -ENAMETOOLONG : 0;
}

/* The mount that a path lies on; of a file that does not exist, that of its folder. */
static int mount_of(uint64_t *id, const char *path)
{
	struct statx facts;
	char folder[GUARD_FILE_PATH_BYTES];
	int r = statx(AT_FDCWD, path, 0, STATX_MNT_ID, &facts);
	if (r < 0 && errno == ENOENT) {
		(void)str_copy(folder, sizeof(folder), path);
		r = statx(AT_FDCWD, dirname(folder), 0, STATX_MNT_ID, &facts);
	}
	if (r < 0) {
		return -errno;
	}
	if ((facts.stx_mask & STATX_MNT_ID) == 0) {
		return -EOPNOTSUPP;
	}
	*id = facts.stx_mnt_id;
	return 0;
}

struct search {
	uint64_t id;
	const char *path;
	struct guard_file *out;
	int result;
};

static const char *without_slash(const char *path)
{
	return strcmp(path, "/") == 0 ? "" : path;
}

/* Root "/@", target "/srv", path "/srv/bin/x" -> "/@/bin/x". */
static bool take_mount(const struct mount *mount, void *data)
{
	struct search *search = data;
	const char *target = without_slash(mount->target);
	if (mount->id != search->id || !str_starts(search->path, target)) {
		return false;
	}
	search->out->device = mount->device;
	int length = snprintf(search->out->path, sizeof(search->out->path), "%s%s",
			      without_slash(mount->root), search->path + strlen(target));
	bool whole = length >= 0 && (size_t)length < sizeof(search->out->path);
	search->result = whole ? 0 : -ENAMETOOLONG;
	return true;
}

static int find_executable(void *context, struct guard_file *out, const char *path)
{
	(void)context; /* the files are those of this mount namespace */
	char resolved[GUARD_FILE_PATH_BYTES];
	struct search search = { .path = resolved, .out = out, .result = -ENOENT };
	int r = resolve(resolved, sizeof(resolved), path);
	if (r == 0) {
		r = mount_of(&search.id, resolved);
	}
	if (r == 0) {
		r = mounts_each(take_mount, &search);
	}
	return r < 0 ? r : search.result;
}

/* ---- namespaces ---- */

static int read_cookie(uint64_t *out, struct err *e)
{
	/* Any family tells it; this one is open to every service. */
	_cleanup_(close_fdp) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t length = sizeof(*out);
	if (fd < 0) {
		return err_system(e, errno, "cannot open a socket");
	}
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, out, &length) < 0) {
		return err_set(e, EOPNOTSUPP,
			       "this kernel numbers no network namespaces (Linux 5.14 does): the "
			       "ports of containers could not be told from those of the host");
	}
	return 0;
}

int guard_environment_read(struct guard_environment *out, const struct guard_place *place,
			   usec_t now, struct err *e)
{
	struct guard_environment environment = { .user = find_user,
						 .executable = find_executable,
						 .now = now };
	struct stat facts;
	_cleanup_(close_fdp) int cgroup = place_open_cgroup(place, NULL, e);
	if (cgroup < 0) {
		return cgroup;
	}
	if (fstat(cgroup, &facts) < 0) {
		return err_system(e, errno, "cgroup");
	}
	environment.root = facts.st_ino; /* the id of its kernfs node */
	if (stat("/proc/self/ns/pid", &facts) < 0) {
		return err_system(e, errno, "/proc/self/ns/pid");
	}
	environment.pid_namespace = (uint32_t)facts.st_ino;
	int r = read_cookie(&environment.netns_cookie, e);
	if (r == 0) {
		*out = environment;
	}
	return r;
}
