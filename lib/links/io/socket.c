/* The socket of rtnetlink. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/io/netlink.h"
#include "links/links.h"

/* A host with a thousand interfaces that come up at once tells of all of them. */
enum { BUFFER_BYTES = 1 << 20 };

static const struct {
	uint32_t groups;
	uint16_t request;
	size_t header_bytes;
} kinds[] = {
	[LINKS_INTERFACES] = { RTMGRP_LINK, RTM_GETLINK, sizeof(struct ifinfomsg) },
	[LINKS_ADDRESSES] = { RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, RTM_GETADDR,
			      sizeof(struct ifaddrmsg) },
};

int links_ask(int socket, enum links_kind kind)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	/* A header of zeros: of all. */
	return netlink_send(socket,
			    netlink_request(buffer, kinds[kind].request, NLM_F_REQUEST | NLM_F_DUMP,
					    kinds[kind].header_bytes));
}

int links_open(int *out, enum links_kind kind, struct err *e)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK,
					     .nl_groups = kinds[kind].groups };
	const int bytes = BUFFER_BYTES;
	_cleanup_(close_fdp) int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		return err_system(e, errno, "cannot listen to rtnetlink");
	}
	/* Without the right it stays as it is: what is lost is asked for once more. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0) {
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	}
	const int r = links_ask(fd, kind);
	if (r < 0) {
		return err_system(e, r, "cannot ask rtnetlink");
	}
	*out = steal_fd(&fd);
	return 0;
}

int links_read(int socket, const struct links_handler *handler)
{
	/* More than the kernel puts into one answer (net/netlink/af_netlink.c, netlink_dump). */
	_Alignas(struct nlmsghdr) static char buffer[64 * 1024];
	for (;;) {
		const ssize_t length = recv(socket, buffer, sizeof(buffer), MSG_TRUNC);
		if (length < 0 && errno == EINTR) {
			continue;
		}
		if (length <= 0) {
			return length == 0 || errno == EAGAIN ? 0 : -errno;
		}
		const int r = (size_t)length > sizeof(buffer)
				      ? -ENOBUFS
				      : links_parse(buffer, (size_t)length, handler);
		if (r < 0) {
			return r;
		}
	}
}
