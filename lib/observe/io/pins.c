/* Pinning our iterators on a bpffs, so that others can read them without rights of their own. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* The skeleton's header has the bpf() system call; it wants to come after the C library's. */
#include <bpf/skel_internal.h>

#include "base/cleanup.h"
#include "observe/io/iterator.h"
#include "observe/observe.h"

enum { PATH_BYTES = 256 };

static bool is_bpffs(const char *directory)
{
	struct statfs filesystem;
	return statfs(directory, &filesystem) == 0 && filesystem.f_type == BPF_FS_MAGIC;
}

static int make_bpffs(const char *directory, struct err *e)
{
	if (mkdir(directory, 0755) < 0 && errno != EEXIST) {
		return err_system(e, errno, "cannot make %s", directory);
	}
	if (is_bpffs(directory)) {
		return 0;
	}
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	if (mount("minato", directory, "bpf", flags, "mode=0755") < 0) {
		return err_system(e, errno, "cannot mount a bpffs on %s", directory);
	}
	return 0;
}

static int pin_path(char *path, const char *directory, enum iterator which)
{
	int length = snprintf(path, PATH_BYTES, "%s/%s", directory, iterator_name(which));
	return length < 0 || length >= PATH_BYTES ? -ENAMETOOLONG : 0;
}

static int pin_link(int link, const char *path)
{
	union bpf_attr attributes;
	memset(&attributes, 0, sizeof(attributes));
	attributes.pathname = (uintptr_t)path;
	attributes.bpf_fd = (__u32)link;
	if (unlink(path) < 0 && errno != ENOENT) {
		return -errno;
	}
	return skel_sys_bpf(BPF_OBJ_PIN, &attributes, sizeof(attributes)) < 0 ? -errno : 0;
}

static int pin_one(enum iterator which, const char *directory, mode_t mode, gid_t group,
		   struct err *e)
{
	char path[PATH_BYTES];
	int r = pin_path(path, directory, which);
	if (r < 0) {
		return err_system(e, r, "%s", directory);
	}
	_cleanup_(close_fdp) int link = iterator_load(which);
	if (link < 0) {
		return err_system(e, link, "cannot load the BPF program %s", iterator_name(which));
	}
	r = pin_link(link, path);
	/* Group before mode: no moment in which a foreign group could read. */
	if (r == 0 && group != (gid_t)-1 && chown(path, (uid_t)-1, group) < 0) {
		r = -errno;
	}
	if (r == 0 && chmod(path, mode) < 0) {
		r = -errno;
	}
	return r < 0 ? err_system(e, r, "cannot pin %s", path) : 0;
}

int observe_pin(const char *directory, mode_t mode, gid_t group, struct err *e)
{
	bool mounted_before = is_bpffs(directory);
	int r = make_bpffs(directory, e);
	for (unsigned which = 0; r == 0 && which < ITERATOR_COUNT; which++) {
		r = pin_one(which, directory, mode, group, e);
	}
	if (r < 0) {
		observe_unpin(directory, !mounted_before);
	}
	return r;
}

void observe_unpin(const char *directory, bool unmount)
{
	if (!is_bpffs(directory)) {
		return;
	}
	for (unsigned which = 0; which < ITERATOR_COUNT; which++) {
		char path[PATH_BYTES];
		if (pin_path(path, directory, which) == 0) {
			(void)unlink(path); /* absent is fine */
		}
	}
	if (unmount) {
		/* Readers may still be inside; the mount goes when the last one leaves. */
		(void)umount2(directory, MNT_DETACH);
		(void)rmdir(directory); /* not empty below the mount: it stays */
	}
}
