/* Capabilities, user ids and no_new_privs. */
#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/io/account.h"
#include "sandbox/sandbox.h"

int sandbox_capabilities(const int *keep, size_t count, struct err *e)
{
	if (capng_get_caps_process() < 0) {
		return err_set(e, EIO, "the capabilities of this process cannot be read");
	}
	int kept[64];
	size_t kept_count = 0;
	for (size_t i = 0; i < count && kept_count < 64; i++) {
		if (capng_have_capability(CAPNG_PERMITTED, (unsigned)keep[i])) {
			kept[kept_count++] = keep[i];
		}
	}
	capng_clear(CAPNG_SELECT_ALL);
	for (size_t i = 0; i < kept_count; i++) {
		if (capng_update(CAPNG_ADD, CAPNG_PERMITTED | CAPNG_EFFECTIVE, (unsigned)kept[i]) <
		    0) {
			return err_set(e, EIO, "capability %d cannot be kept", kept[i]);
		}
	}
	int r = capng_apply(CAPNG_SELECT_ALL);
	if (r < 0) {
		return err_system(e, errno != 0 ? errno : EPERM,
				  "capabilities cannot be given away (step %d)", r);
	}
	return 0;
}

int sandbox_become(uid_t uid, const gid_t *groups, size_t count, struct err *e)
{
	if (count == 0) {
		return err_set(e, EINVAL, "a user needs a group");
	}
	if (account_is_alone()) {
		return 0;
	}
	if (setgroups(count, groups) < 0) {
		return err_system(e, errno, "cannot set the groups");
	}
	if (setresgid(groups[0], groups[0], groups[0]) < 0) {
		return err_system(e, errno, "cannot become group %u", groups[0]);
	}
	if (setresuid(uid, uid, uid) < 0) {
		return err_system(e, errno, "cannot become user %u", uid);
	}
	return 0;
}

int sandbox_no_new_privileges(struct err *e)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		return err_system(e, errno, "cannot set no_new_privs");
	}
	return 0;
}
