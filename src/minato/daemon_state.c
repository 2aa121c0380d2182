/* Whether the daemon is there. */
#include "daemon_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "words.h"

/* 0 = answers, else errno of the attempt. */
static int attempt(const char *runtime_directory)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int length = snprintf(address.sun_path, sizeof(address.sun_path), "%s/minatod.sock",
			      runtime_directory);
	if (length < 0 || (size_t)length >= sizeof(address.sun_path)) {
		return ENAMETOOLONG;
	}
	_cleanup_(close_fdp) int fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return errno;
	}
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : errno;
}

const char *daemon_state_name(const char *runtime_directory)
{
	int error = attempt(runtime_directory);
	if (error == 0 || error == EAGAIN) {
		return "running";
	}
	return error == EACCES || error == EPERM ? "unreachable" : "stopped";
}

const char *daemon_state_words(const char *runtime_directory)
{
	const char *name = daemon_state_name(runtime_directory);
	if (strcmp(name, "running") == 0) {
		return _("daemon: running");
	}
	return strcmp(name, "unreachable") == 0 ? _("daemon: running, not for this user")
						: _("daemon: not running");
}
