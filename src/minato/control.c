/* Orders to the daemon over its control socket. */
#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "look.h"

static int connect_daemon(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int length = snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock",
				    runtime_directory());
	if (length < 0 || (size_t)length >= sizeof(address.sun_path)) {
		return -ENAMETOOLONG;
	}
	_cleanup_(close_fdp) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		return -errno;
	}
	return steal_fd(&fd);
}

static ssize_t give(int daemon, const char *order, int beside)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .header = { .cmsg_level = SOL_SOCKET,
				  .cmsg_type = SCM_RIGHTS,
				  .cmsg_len = CMSG_LEN(sizeof(int)) } };
	struct iovec text = { (char *)order, strlen(order) };
	struct msghdr message = { .msg_iov = &text, .msg_iovlen = 1 };
	if (beside >= 0) {
		memcpy(CMSG_DATA(&control.header), &beside, sizeof(beside));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control.room);
	}
	return sendmsg(daemon, &message, MSG_NOSIGNAL);
}

ssize_t control_order(char *answer, size_t room, const char *order, int beside, unsigned seconds)
{
	const struct timeval wait = { .tv_sec = seconds };
	_cleanup_(close_fdp) int daemon = connect_daemon();
	if (daemon < 0) {
		return daemon;
	}
	(void)setsockopt(daemon, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)); /* cannot fail */
	if (give(daemon, order, beside) < 0) {
		return -ECONNRESET;
	}
	const ssize_t length = recv(daemon, answer, room - 1, 0);
	if (length < 0) {
		return errno == EAGAIN ? -ETIMEDOUT : -ECONNRESET;
	}
	answer[length] = '\0';
	return length;
}
