/* What a socket tells beside its data. */
#include "base/io/socket.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

/* Needs <time.h>. */
#include <linux/errqueue.h>

#include "base/sockaddr.h"

struct addr socket_own(int fd, uint16_t *port)
{
	struct sockaddr_storage own = { 0 };
	socklen_t length = sizeof(own);
	if (getsockname(fd, (struct sockaddr *)&own, &length) < 0) {
		own.ss_family = AF_UNSPEC;
	}
	if (port != NULL) {
		*port = sockaddr_port((const struct sockaddr *)&own);
	}
	return addr_from_sockaddr((const struct sockaddr *)&own);
}

void socket_want_icmp(int fd, uint8_t family)
{
	const int on = 1;
	const bool six = family == ADDR_IPV6;
	(void)setsockopt(fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_RECVERR : IP_RECVERR, &on,
			 sizeof(on)); /* see socket.h for what is lost */
}

static bool take_report(struct socket_icmp *out, const struct sock_extended_err *report)
{
	if (report->ee_origin != SO_EE_ORIGIN_ICMP && report->ee_origin != SO_EE_ORIGIN_ICMP6) {
		return false;
	}
	out->type = report->ee_type;
	out->code = report->ee_code;
	out->from = addr_from_sockaddr(SO_EE_OFFENDER(report));
	return true;
}

bool socket_take_icmp(struct socket_icmp *out, int fd)
{
	for (;;) {
		char control[512] __attribute__((aligned(8)));
		struct iovec bytes = { out->quoted, sizeof(out->quoted) };
		struct msghdr message = { .msg_iov = &bytes,
					  .msg_iovlen = 1,
					  .msg_control = control,
					  .msg_controllen = sizeof(control) };
		const ssize_t length = recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
		if (length < 0) {
			return false;
		}
		out->quoted_bytes = (size_t)length;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL;
		     c = CMSG_NXTHDR(&message, c)) {
			if (((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
			     (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR)) &&
			    take_report(out, (const void *)CMSG_DATA(c))) {
				return true;
			}
		}
	}
}
