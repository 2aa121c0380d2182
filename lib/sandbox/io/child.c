/* What a short-lived child gives away before it reads foreign bytes. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sandbox/sandbox.h"

enum {
	NOBODY = 65534, /* Debian policy 9.2.2: owns no file, so nobody loses what is its own */
};

/* Out of the way of the numbers that will be given. */
static int move_up(int *fds, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1 + (int)count);
		if (fds[i] < 0) {
			return -errno;
		}
	}
	return 0;
}

int sandbox_keep_descriptors(int *fds, unsigned count)
{
	const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	int r = nothing < 0 ? -errno : move_up(fds, count);
	for (int fd = STDIN_FILENO; r == 0 && fd <= STDERR_FILENO; fd++) {
		r = dup2(nothing, fd) < 0 ? -errno : 0;
	}
	for (unsigned i = 0; r == 0 && i < count; i++) {
		r = dup2(fds[i], STDERR_FILENO + 1 + (int)i) < 0 ? -errno : 0;
	}
	if (r == 0 && close_range(STDERR_FILENO + 1 + count, ~0U, 0) < 0) {
		r = -errno;
	}
	return r;
}

static int become_nobody(struct err *e)
{
	static const int needed[] = { CAP_SETUID, CAP_SETGID };
	const gid_t group = NOBODY;
	int r = sandbox_capabilities(needed, sizeof(needed) / sizeof(needed[0]), e);
	return r == 0 ? sandbox_become(NOBODY, &group, 1, e) : r;
}

int sandbox_nobody(struct err *e)
{
	const struct rlimit none = { 0, 0 };
	int r = setrlimit(RLIMIT_CORE, &none) < 0 ? err_system(e, errno, "no limit for cores") : 0;
	if (r == 0 && geteuid() == 0) {
		r = become_nobody(e);
	}
	if (r == 0) {
		r = sandbox_capabilities(NULL, 0, e);
	}
	return r == 0 ? sandbox_no_new_privileges(e) : r;
}
