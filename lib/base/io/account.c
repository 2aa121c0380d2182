/* Accounts of this host. */
#include "base/io/account.h"

#include <errno.h>
#include <pwd.h>
#include <stddef.h>

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
