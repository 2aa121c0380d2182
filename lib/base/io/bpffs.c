/* Folders on a BPF file system. */
#include "base/io/bpffs.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

enum { PATH_BYTES = 512 };

static int not_bpffs(const char *directory, const char *purpose, struct err *e)
{
	return err_set(e, ENOTTY,
		       "%s is on no BPF file system, where %s: mount -t bpf bpf /sys/fs/bpf",
		       directory, purpose);
}

int bpffs_possible(const char *directory, const char *purpose, struct err *e)
{
	char parent[PATH_BYTES];
	struct statfs filesystem;
	if (str_copy(parent, sizeof(parent), directory) >= sizeof(parent)) {
		return err_system(e, ENAMETOOLONG, "%s", directory);
	}
	/* The folder itself is made when it is needed. */
	bool there = statfs(parent, &filesystem) == 0 || statfs(dirname(parent), &filesystem) == 0;
	return there && filesystem.f_type == BPF_FS_MAGIC ? 0 : not_bpffs(directory, purpose, e);
}

int bpffs_lock(const char *directory, bool make, const char *purpose, struct err *e)
{
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
		return not_bpffs(directory, purpose, e);
	}
	return flock(fd, LOCK_EX) < 0 ? err_system(e, errno, "cannot lock %s", directory)
				      : steal_fd(&fd);
}
