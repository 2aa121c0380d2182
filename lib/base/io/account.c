/* Accounts of this host. */
#include "base/io/account.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io/file.h"
#include "base/parse.h"

enum { ACCOUNT_BYTES = 16 * 1024 };

int account_uid(uint32_t *uid, const char *name)
{
	uint64_t number = 0;
	if (parse_u64(&number, name, 0, UINT32_MAX - 1) == 0) {
		*uid = (uint32_t)number;
		return 0;
	}
	char buffer[ACCOUNT_BYTES];
	struct passwd account;
	struct passwd *found = NULL;
	int r = getpwnam_r(name, &account, buffer, sizeof(buffer), &found);
	if (found == NULL) {
		/* Services that know of no such name say so in several ways, see getpwnam(3). */
		return r == 0 || r == ESRCH || r == EBADF || r == EPERM ? -ENOENT : -r;
	}
	*uid = account.pw_uid;
	return 0;
}

/* One line is there: "inside outside count". */
bool account_is_alone(void)
{
	char text[128];
	const long length = file_read_into(text, sizeof(text), AT_FDCWD, "/proc/self/uid_map");
	if (length <= 1 || strchr(text, '\n') != text + length - 1) {
		return false;
	}
	text[length - 1] = '\0';
	const char *count = strrchr(text, ' ');
	return count != NULL && strcmp(count + 1, "1") == 0;
}

int account_map_own(uint32_t uid, uint32_t gid)
{
	char map[32];
	(void)file_write_setting("/proc/self/setgroups",
				 "deny"); /* older kernels have no such file */
	(void)snprintf(map, sizeof(map), "0 %u 1", uid);
	int r = file_write_setting("/proc/self/uid_map", map);
	(void)snprintf(map, sizeof(map), "0 %u 1", gid);
	return r < 0 ? r : file_write_setting("/proc/self/gid_map", map);
}
