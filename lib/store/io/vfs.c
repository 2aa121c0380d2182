/*
 * SQLite opens paths; we hold a descriptor of the directory. "/proc/self/fd/N/FILE" joins the two,
 * but SQLite's own Unix layer resolves symbolic links first and would walk the real path, which a
 * daemon that dropped its rights may not reach (a home directory of mode 0700, Landlock). This
 * layer is SQLite's with that one step left out.
 */
#include <stdio.h>

#include "store/io/day-file.h"

static int take_path_as_it_is(sqlite3_vfs *vfs, const char *path, int room, char *out)
{
	(void)vfs;
	int length = snprintf(out, (size_t)room, "%s", path);
	return length < room ? SQLITE_OK : SQLITE_CANTOPEN;
}

int vfs_register(void)
{
	static sqlite3_vfs layer;
	if (sqlite3_vfs_find(VFS_NAME) != NULL) {
		return 0;
	}
	const sqlite3_vfs *unix_layer = sqlite3_vfs_find("unix");
	if (unix_layer == NULL) {
		return -ENOSYS;
	}
	layer = *unix_layer;
	layer.pNext = NULL;
	layer.zName = VFS_NAME;
	layer.xFullPathname = take_path_as_it_is;
	return sqlite3_vfs_register(&layer, 0) == SQLITE_OK ? 0 : -ENOMEM;
}
