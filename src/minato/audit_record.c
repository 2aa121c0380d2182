/* What was audited on a person's word, told to the daemon. */
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "audit.h"
#include "base/cleanup.h"
#include "look.h"

enum { ANSWER_SECONDS = 2 };

bool audit_record(const struct audit_target *target)
{
	static const char done[] = "recorded";
	struct sockaddr_un control = { .sun_family = AF_UNIX };
	const struct timeval wait = { .tv_sec = ANSWER_SECONDS };
	char address[ADDR_TEXT_BYTES], order[64], answer[128];
	const int path = snprintf(control.sun_path, sizeof(control.sun_path), "%s/control.sock",
				  runtime_directory());
	const int length = snprintf(order, sizeof(order), "audited %s",
				    addr_format(&target->address, address));
	_cleanup_(close_fdp) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || path < 0 || (size_t)path >= sizeof(control.sun_path) || length < 0 ||
	    connect(fd, (const struct sockaddr *)&control, sizeof(control)) < 0) {
		return false;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return send(fd, order, (size_t)length, MSG_NOSIGNAL) == length &&
	       recv(fd, answer, sizeof(answer), 0) == (ssize_t)(sizeof(done) - 1) &&
	       memcmp(answer, done, sizeof(done) - 1) == 0;
}
