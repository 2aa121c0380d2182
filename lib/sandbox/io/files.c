/* Landlock: no file at all. Raw system calls, for glibc has no wrappers. */
#include <errno.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sandbox/sandbox.h"

int sandbox_no_files(struct err *e)
{
	/* The rights of the first ABI are in every kernel that has Landlock, and opening for
	 * reading, writing or executing is among them. */
	const struct landlock_ruleset_attr everything = {
		.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1,
	};
	_cleanup_(close_fdp) int rules =
		(int)syscall(SYS_landlock_create_ruleset, &everything, sizeof(everything), 0);
	if (rules < 0) {
		const int code = errno == ENOSYS ? EOPNOTSUPP : errno;
		return err_system(e, code, "cannot make a Landlock ruleset");
	}
	if (syscall(SYS_landlock_restrict_self, rules, 0) < 0) {
		return err_system(e, errno, "cannot enter the Landlock ruleset");
	}
	return 0;
}
