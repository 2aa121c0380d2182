/* The mounts that this process sees. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line of /proc/self/mountinfo (proc(5)), with octal escapes undone. */
struct mount {
	uint64_t id; /* as statx(2) tells it in stx_mnt_id */
	/* Device of the file system, as the kernel counts it: major << 20 | minor (linux/kdev_t.h).
	 * Not always what stat(2) says of its files: btrfs gives each subvolume its own there. */
	uint32_t device;
	const char
		*root; /* what of the file system is mounted: "net:[4026532000]" for a namespace */
	const char *target;
	const char *type;    /* "cgroup2", "nsfs" */
	const char *options; /* of the super block: "rw,name=systemd" */
};

/* @return true = stop here. */
typedef bool mount_function(const struct mount *mount, void *data);

/* Calls `function` for each mount. @return 0; -ENOMEM; -errno when the file cannot be read. */
int mounts_each(mount_function *function, void *data);

/* Root of the cgroup v2 hierarchy. `path` stays untouched when there is none. @return 0, -ENOENT,
 * other negative errno. */
int mounts_cgroup2(char *path, size_t path_bytes);
