/* Landlock: no file at all, or some for reading. Raw system calls, for glibc has no wrappers. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sandbox/sandbox.h"

/* @return a ruleset that allows nothing yet, or negative errno. */
static int ruleset_new(struct err *e)
{
	/* The rights of the first ABI are in every kernel that has Landlock, and opening for
	 * reading, writing or executing is among them. */
	const struct landlock_ruleset_attr everything = {
		.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1,
	};
	const int rules =
		(int)syscall(SYS_landlock_create_ruleset, &everything, sizeof(everything), 0);
	if (rules < 0) {
		const int code = errno == ENOSYS ? EOPNOTSUPP : errno;
		return err_system(e, code, "cannot make a Landlock ruleset");
	}
	return rules;
}

static int enter(int rules, struct err *e)
{
	if (syscall(SYS_landlock_restrict_self, rules, 0) < 0) {
		return err_system(e, errno, "cannot enter the Landlock ruleset");
	}
	return 0;
}

int sandbox_no_files(struct err *e)
{
	_cleanup_(close_fdp) int rules = ruleset_new(e);
	return rules < 0 ? rules : enter(rules, e);
}

static int allow_reading(int rules, const char *path, struct err *e)
{
	_cleanup_(close_fdp) int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat status;
	if (fd < 0) {
		return 0; /* it does not exist, or is out of reach anyway */
	}
	if (fstat(fd, &status) < 0) {
		return err_system(e, errno, "%s", path);
	}
	/* The right to list a folder cannot be given for a file. */
	const struct landlock_path_beneath_attr beneath = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE |
				  (S_ISDIR(status.st_mode) ? LANDLOCK_ACCESS_FS_READ_DIR : 0),
		.parent_fd = fd,
	};
	if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) < 0) {
		return err_system(e, errno, "%s cannot be allowed by Landlock", path);
	}
	return 0;
}

int sandbox_only_read(const char *const *paths, struct err *e)
{
	_cleanup_(close_fdp) int rules = ruleset_new(e);
	int r = rules < 0 ? rules : 0;
	for (; r == 0 && *paths != NULL; paths++) {
		r = allow_reading(rules, *paths, e);
	}
	return r == 0 ? enter(rules, e) : r;
}
