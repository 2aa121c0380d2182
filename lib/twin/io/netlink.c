/* Asking rtnetlink and telling it, over a plain descriptor. */
#include "twin/io/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>

enum { ANSWER_BYTES = 64 * 1024 };

int netlink_open(int bus)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, bus);
	struct sockaddr_nl own = { .nl_family = AF_NETLINK };
	if (fd < 0) {
		return -errno;
	}
	if (bind(fd, (const void *)&own, sizeof(own)) < 0) {
		int r = -errno;
		(void)close(fd); /* the first error counts */
		return r;
	}
	return fd;
}

static uint32_t next_sequence(void)
{
	static _Atomic uint32_t sequence = 1;
	return sequence++;
}

/* Sends and gives answers to `function` until the last. @return 0 or negative errno. */
static int ask(int fd, struct nlmsghdr *request, mnl_cb_t function, void *data)
{
	_Alignas(struct nlmsghdr) static _Thread_local char answer[ANSWER_BYTES];
	request->nlmsg_seq = next_sequence();
	if (send(fd, request, request->nlmsg_len, 0) < 0) {
		return -errno;
	}
	int r = MNL_CB_OK;
	while (r > MNL_CB_STOP) {
		ssize_t length = recv(fd, answer, sizeof(answer), 0);
		if (length < 0 && errno == EINTR) {
			continue;
		}
		if (length < 0) {
			return -errno;
		}
		r = mnl_cb_run(answer, (size_t)length, request->nlmsg_seq, 0, function, data);
	}
	return r < 0 ? -errno : 0;
}

int netlink_dump(int fd, struct nlmsghdr *request, mnl_cb_t function, void *data)
{
	request->nlmsg_flags |= NLM_F_REQUEST | NLM_F_DUMP;
	return ask(fd, request, function, data);
}

int netlink_ask(int fd, struct nlmsghdr *request, mnl_cb_t function, void *data)
{
	request->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK; /* the acknowledgement is the end */
	return ask(fd, request, function, data);
}

int netlink_tell(int fd, struct nlmsghdr *request)
{
	request->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	return ask(fd, request, NULL, NULL);
}

struct nlmsghdr *netlink_request(void *buffer, uint16_t type, uint16_t flags, size_t bytes)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	request->nlmsg_type = type;
	request->nlmsg_flags = flags;
	(void)mnl_nlmsg_put_extra_header(request, bytes); /* zeroed; found by its payload */
	return request;
}
