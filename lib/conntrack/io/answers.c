/* Reading what the kernel answers on a NETLINK_NETFILTER socket. */
#include "conntrack/io/answers.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <sys/socket.h>

#include "conntrack/message.h"

/* The kernel fills at most 32 KiB at once (net/netlink/af_netlink.c, max_recvmsg_len). */
enum { RECEIVE_BYTES = 64 * 1024 };

struct reading {
	uint32_t sequence;
	answer_function *function;
	void *data;
	int stopped; /* what the function returned; the next dump would be refused (-EBUSY) before
			this one is read to its end */
};

int answers_socket(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	return fd < 0 ? -errno : fd;
}

/* A dump that failed half way ends with its errno in the last message. */
static int done_with(const struct nlmsghdr *message)
{
	if (mnl_nlmsg_get_payload_len(message) < sizeof(int)) {
		return 0;
	}
	const int *error = mnl_nlmsg_get_payload(message);
	return *error < 0 ? *error : 0;
}

/* @return 1 = more is to come, 0 = it is done, or negative errno. */
static int take(struct reading *reading, const char *bytes, size_t length)
{
	int left = (int)length;
	for (const struct nlmsghdr *message = (const void *)bytes; message_is_whole(message, left);
	     message = mnl_nlmsg_next(message, &left)) {
		if (message->nlmsg_seq != reading->sequence) {
			continue; /* rest of a dump that was given up */
		}
		if (message->nlmsg_type == NLMSG_DONE) {
			return done_with(message);
		}
		if (message->nlmsg_type == NLMSG_ERROR) {
			return message_error(message);
		}
		if (reading->stopped == 0) {
			reading->stopped = reading->function(message, reading->data);
		}
	}
	return 1;
}

int answers_read(int fd, uint32_t sequence, answer_function *function, void *data)
{
	_Alignas(struct nlmsghdr) char buffer[RECEIVE_BYTES];
	struct reading reading = { .sequence = sequence, .function = function, .data = data };
	for (;;) {
		ssize_t length = recv(fd, buffer, sizeof(buffer), 0);
		if (length < 0 && errno == EINTR) {
			continue;
		}
		if (length < 0) {
			return -errno;
		}
		int r = take(&reading, buffer, (size_t)length);
		if (r <= 0) {
			return reading.stopped != 0 ? reading.stopped : r;
		}
	}
}

int answers_ask(int fd, const struct nlmsghdr *request, answer_function *function, void *data)
{
	if (send(fd, request, request->nlmsg_len, 0) < 0) {
		return -errno;
	}
	return answers_read(fd, request->nlmsg_seq, function, data);
}
