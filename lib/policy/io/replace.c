/* A file replaced whole or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/str.h"
#include "policy/policy.h"

enum { ATTRIBUTE_BYTES_MAX = 64 * 1024 }; /* XATTR_SIZE_MAX and XATTR_LIST_MAX of the kernel */

/* A file and the folder it lies in. */
struct place {
	const char *shown;   /* as the caller names it */
	char path[PATH_MAX]; /* without links */
	char folder[PATH_MAX];
	int fd; /* of the folder */
	struct stat status;
};

static int find(struct place *place, const char *path, struct err *e)
{
	place->shown = path;
	if (realpath(path, place->path) == NULL) {
		return err_system(e, errno, "%s", path);
	}
	memcpy(place->folder, place->path, sizeof(place->folder));
	place->fd = open(dirname(place->folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place->fd < 0) {
		return err_system(e, errno, "the folder of %s", path);
	}
	return 0;
}

/* Whether the file still holds what it held. */
static int check(struct place *place, const char *old, size_t length, struct err *e)
{
	_cleanup_(freep) char *bytes = NULL;
	size_t now = 0;
	if (stat(place->path, &place->status) < 0) {
		return err_system(e, errno, "%s", place->shown);
	}
	if (!S_ISREG(place->status.st_mode)) { /* a pipe would never end */
		return err_system(e, S_ISDIR(place->status.st_mode) ? EISDIR : EINVAL, "%s",
				  place->shown);
	}
	/* The folder's rights alone would let a file be replaced that may only be read. */
	if (faccessat(AT_FDCWD, place->path, W_OK, AT_EACCESS) < 0) {
		return err_system(e, errno, "%s", place->shown);
	}
	int r = file_read(&bytes, &now, place->path, POLICY_FILE_BYTES_MAX, e);
	if (r < 0 && r != -EFBIG) {
		return r;
	}
	if (r == -EFBIG || now != length || memcmp(bytes, old, length) != 0) {
		return err_set(e, ESTALE, "%s has been changed by somebody else in the meantime",
			       place->shown);
	}
	return 0;
}

/*
 * Copies one extended attribute. Labels of security modules that this process may not set are left
 * to what the folder gives.
 */
static int copy_attribute(int fd, const char *path, const char *name, char *value)
{
	ssize_t bytes = getxattr(path, name, value, ATTRIBUTE_BYTES_MAX);
	if (bytes < 0) {
		return errno == ENODATA ? 0 : -errno;
	}
	if (fsetxattr(fd, name, value, (size_t)bytes, 0) == 0) {
		return 0;
	}
	bool label = str_starts(name, "security.") || str_starts(name, "trusted.");
	return label && (errno == EPERM || errno == EOPNOTSUPP) ? 0 : -errno;
}

/* Access lists and the like. */
static int copy_attributes(int fd, const char *path)
{
	_cleanup_(freep) char *names = malloc((size_t)2 * ATTRIBUTE_BYTES_MAX);
	if (names == NULL) {
		return -ENOMEM;
	}
	ssize_t bytes = listxattr(path, names, ATTRIBUTE_BYTES_MAX);
	if (bytes < 0) {
		return errno == EOPNOTSUPP ? 0 : -errno;
	}
	int r = 0;
	for (ssize_t at = 0; at < bytes && r == 0; at += (ssize_t)strlen(names + at) + 1) {
		r = copy_attribute(fd, path, names + at, names + ATTRIBUTE_BYTES_MAX);
	}
	return r;
}

/* Gives the new file the owner, group, attributes and mode of the old one; chown() takes set-id
 * bits away. */
static int dress(int fd, const struct place *place)
{
	struct stat now;
	const struct stat *old = &place->status;
	if (fstat(fd, &now) < 0) {
		return -errno;
	}
	bool same = now.st_uid == old->st_uid && now.st_gid == old->st_gid;
	if (!same && fchown(fd, old->st_uid, old->st_gid) < 0) {
		return -errno;
	}
	int r = copy_attributes(fd, place->path);
	if (r < 0) {
		return r;
	}
	return fchmod(fd, old->st_mode & 07777) < 0 ? -errno : 0;
}

static int write_beside(int fd, const struct place *place, const char *bytes, size_t length,
			struct err *e)
{
	int r = dress(fd, place);
	if (r < 0) {
		return err_system(e, r, "owner and rights of %s cannot be kept", place->shown);
	}
	r = write_all(fd, bytes, length);
	if (r == 0 && fsync(fd) < 0) {
		r = -errno;
	}
	return r < 0 ? err_system(e, r, "%s cannot be written", place->shown) : 0;
}

static int replace(struct place *place, const char *old, size_t old_length, const char *bytes,
		   size_t length, struct err *e)
{
	char temporary[PATH_MAX];
	int r = snprintf(temporary, sizeof(temporary), "%s/.minato-XXXXXX", place->folder);
	if (r < 0 || (size_t)r >= sizeof(temporary)) {
		return err_system(e, ENAMETOOLONG, "%s", place->shown);
	}
	_cleanup_(close_fdp) int fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		return err_system(e, errno, "nothing can be written beside %s", place->shown);
	}
	r = write_beside(fd, place, bytes, length, e);
	r = r == 0 ? check(place, old, old_length, e) : r;
	if (r == 0 && rename(temporary, place->path) < 0) {
		r = err_system(e, errno, "%s cannot be replaced", place->shown);
	}
	if (r < 0) {
		(void)unlink(temporary); /* the first failure is told */
		return r;
	}
	/* The new file is there; that it outlasts a power cut is all that can still fail. */
	return fsync(place->fd) < 0 ? err_system(e, errno, "the folder of %s", place->shown) : 0;
}

int policy_file_replace(const char *path, const char *old, size_t old_length, const char *bytes,
			size_t length, struct err *e)
{
	_cleanup_(freep) struct place *place = calloc(1, sizeof(*place));
	if (place == NULL) {
		return err_system(e, ENOMEM, "%s", path);
	}
	int r = find(place, path, e);
	if (r < 0) {
		return r;
	}
	_cleanup_(close_fdp) int folder = place->fd;
	if (flock(folder, LOCK_EX) < 0) {
		return err_system(e, errno, "the folder of %s", path);
	}
	r = check(place, old, old_length, e);
	return r == 0 ? replace(place, old, old_length, bytes, length, e) : r;
}
