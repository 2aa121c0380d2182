/* Messages over a SOCK_SEQPACKET pair. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "wire/wire.h"

/* Room for a burst of some thousand events while the reader is not scheduled. */
enum { BUFFER_BYTES = 4 << 20 };

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX)];
};

int wire_pair(int pair[2], struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
		return err_system(e, errno, "cannot make a pair of sockets");
	}
	const int bytes = BUFFER_BYTES;
	for (int i = 0; i < 2; i++) {
		/* Without the right the buffer stays as it is: slower readers lose sooner, counted.
		 */
		if (setsockopt(pair[i], SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0) {
			(void)setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
		}
	}
	return 0;
}

int wire_send(int socket, const struct wire_message *message, const int *fds, unsigned fd_count,
	      struct err *e)
{
	uint8_t bytes[WIRE_BYTES_MAX];
	long length = wire_encode(bytes, sizeof(bytes), message);
	if (length < 0 || fd_count > WIRE_FDS_MAX) {
		return err_set(e, length < 0 ? (int)length : EINVAL, "message %s cannot be written",
			       wire_type_name(message->type));
	}
	struct iovec part = { bytes, (size_t)length };
	union control control = { 0 };
	struct msghdr packet = { .msg_iov = &part, .msg_iovlen = 1 };
	if (fd_count > 0) {
		packet.msg_control = control.bytes;
		packet.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * fd_count);
	}
	while (sendmsg(socket, &packet, MSG_NOSIGNAL) < 0) {
		if (errno != EINTR) {
			return err_system(e, errno, "message %s cannot be sent",
					  wire_type_name(message->type));
		}
	}
	return 0;
}

/* Takes every descriptor that came; more than we have room for cannot, the control buffer ends. */
static unsigned take_fds(int fds[WIRE_FDS_MAX], struct msghdr *packet)
{
	unsigned count = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(packet); c != NULL; c = CMSG_NXTHDR(packet, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
			continue;
		}
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n && count < WIRE_FDS_MAX; i++) {
			memcpy(&fds[count++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
		}
	}
	return count;
}

void wire_close(int fds[WIRE_FDS_MAX])
{
	for (unsigned i = 0; i < WIRE_FDS_MAX; i++) {
		close_fdp(&fds[i]);
	}
}

int wire_receive(struct wire_message *out, int fds[WIRE_FDS_MAX], int socket,
		 enum wire_sender sender, struct err *e)
{
	uint8_t bytes[WIRE_BYTES_MAX];
	struct iovec part = { bytes, sizeof(bytes) };
	union control control = { 0 };
	struct msghdr packet = { .msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes) };
	for (unsigned i = 0; i < WIRE_FDS_MAX; i++) {
		fds[i] = -1;
	}
	ssize_t length;
	do {
		length = recvmsg(socket, &packet, MSG_CMSG_CLOEXEC);
	} while (length < 0 && errno == EINTR);
	if (length < 0) {
		return err_system(e, errno, "cannot receive");
	}
	unsigned count = take_fds(fds, &packet);
	if (length == 0) {
		wire_close(fds);
		return err_set(e, ECONNRESET, "the other end is closed");
	}
	int r = (packet.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0
			? -EBADMSG
			: wire_decode(out, bytes, (size_t)length, sender, count);
	if (r < 0) {
		wire_close(fds);
		return err_set(e, r, "a packet of %zd bytes is no message that may come here",
			       length);
	}
	return 0;
}
