/* What programs of ours that work without rights and who started them say to each other. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/io/clock.h"
#include "sandbox/sandbox.h"

union control {
	struct cmsghdr header; /* aligned as it has to be */
	char bytes[CMSG_SPACE(SANDBOX_FDS_MAX * sizeof(int))];
};

int sandbox_send(int channel, const void *message, size_t bytes)
{
	return send(channel, message, bytes, MSG_NOSIGNAL) == (ssize_t)bytes ? 0 : -EIO;
}

int sandbox_send_fds(int channel, const void *message, size_t bytes, const int *fds, unsigned count)
{
	union control control = { 0 };
	struct iovec vector = { (void *)(uintptr_t)message, bytes };
	const struct msghdr header = { .msg_iov = &vector,
				       .msg_iovlen = 1,
				       .msg_control = control.bytes,
				       .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
	control.header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
					   .cmsg_type = SCM_RIGHTS,
					   .cmsg_len = CMSG_LEN(count * sizeof(int)) };
	memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	return sendmsg(channel, &header, MSG_NOSIGNAL) == (ssize_t)bytes ? 0 : -EIO;
}

int sandbox_receive(int channel, void *message, size_t bytes, usec_t until)
{
	struct pollfd wait = { .fd = channel, .events = POLLIN };
	int r = 0;
	do {
		const usec_t left = until - clock_monotonic();
		r = poll(&wait, 1, left <= 0 ? 0 : (int)((left + 999) / 1000));
	} while (r < 0 && errno == EINTR);
	if (r <= 0) {
		return r == 0 ? -ETIMEDOUT : -errno;
	}
	const ssize_t length = recv(channel, message, bytes, MSG_TRUNC);
	return length <= 0 ? 0 : length == (ssize_t)bytes ? 1 : -EBADMSG;
}

int sandbox_take_order(int channel, void *order, size_t bytes)
{
	return recv(channel, order, bytes, 0) == (ssize_t)bytes ? 0 : -EBADMSG;
}

int sandbox_take_order_fds(int channel, void *order, size_t bytes, int *fds, unsigned count)
{
	union control control;
	struct iovec vector = { order, bytes };
	struct msghdr header = { .msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes) };
	if (recvmsg(channel, &header, MSG_CMSG_CLOEXEC) != (ssize_t)bytes) {
		return -EBADMSG;
	}
	const struct cmsghdr *c = CMSG_FIRSTHDR(&header);
	if (c == NULL || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(count * sizeof(int))) {
		return -EBADMSG;
	}
	memcpy(fds, CMSG_DATA(c), count * sizeof(int));
	return 0;
}
