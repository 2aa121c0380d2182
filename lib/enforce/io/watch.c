/* Hearing of changes of the kernel's rules. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "enforce/enforce.h"

enum {
	RECEIVE_BYTES = 64 * 1024,
	/* Rules of some thousand lines come and go without losing a message. */
	BUFFER_BYTES = 4 << 20,
	PACKETS_A_TURN = 256,
};

static int open_netfilter(int *out, struct err *e)
{
	_cleanup_(close_fdp) int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		return err_system(e, errno, "this kernel's packet filter cannot be asked");
	}
	*out = steal_fd(&fd);
	return 0;
}

int enforce_watch_open(int *out, struct err *e)
{
	_cleanup_(close_fdp) int fd = -1;
	const int group = NFNLGRP_NFTABLES;
	const int bytes = BUFFER_BYTES;
	int r = open_netfilter(&fd, e);
	if (r < 0) {
		return r;
	}
	if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0) {
		return err_system(e, errno, "changes of rules cannot be heard");
	}
	/* With a smaller buffer it is told that messages were lost, and the whole is looked at. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0) {
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	}
	*out = steal_fd(&fd);
	return 0;
}

int enforce_watch_read(int fd, struct enforce_news *news)
{
	_Alignas(struct nlmsghdr) char buffer[RECEIVE_BYTES];
	for (unsigned i = 0; i < PACKETS_A_TURN; i++) {
		struct sockaddr_nl from = { 0 };
		socklen_t size = sizeof(from);
		ssize_t length =
			recvfrom(fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&from, &size);
		if (length < 0 && errno == ENOBUFS) {
			news->touched = news->others = news->missed = true;
			continue;
		}
		if (length < 0) {
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		}
		if (from.nl_pid == 0) { /* from the kernel, not from another process */
			enforce_news_read(news, buffer, (size_t)length);
		}
	}
	return 0;
}
