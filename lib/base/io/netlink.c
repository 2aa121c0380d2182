/* Requests over a netlink socket, and their answers. */
#include "base/io/netlink.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

/* The kernel fills at most 32 KiB at once (net/netlink/af_netlink.c, max_recvmsg_len), and more of
 * them the more room it was shown. */
enum { RECEIVE_BYTES = 64 * 1024 };

static const struct netlink_reader nobody = { 0 };

int netlink_open(int bus)
{
	_cleanup_(close_fdp) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, bus);
	const struct sockaddr_nl own = { .nl_family = AF_NETLINK };
	if (fd < 0 || bind(fd, (const void *)&own, sizeof(own)) < 0) {
		return -errno;
	}
	return steal_fd(&fd);
}

int netlink_send(int fd, const struct nlmsghdr *request)
{
	ssize_t sent;
	do {
		sent = send(fd, request, request->nlmsg_len, 0);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/*
 * One datagram of the kernel's.
 * @param lost  in and out: whether the kernel had no room for a part. Then the rest is read without
 *              waiting: when not even the end found room it never comes.
 * @return its length; 0 = nothing of interest; negative errno.
 */
static ssize_t receive(int fd, char *buffer, bool *lost)
{
	struct sockaddr_nl from = { 0 };
	socklen_t from_bytes = sizeof(from);
	/* With MSG_TRUNC the length is that of the datagram, also when the buffer was too short. */
	ssize_t length = recvfrom(fd, buffer, RECEIVE_BYTES, MSG_TRUNC | (*lost ? MSG_DONTWAIT : 0),
				  (void *)&from, &from_bytes);
	if (length < 0 && errno == EINTR) {
		return 0;
	}
	if (length < 0 && errno == ENOBUFS && !*lost) {
		*lost = true;
		return 0;
	}
	if (length < 0) {
		return *lost && errno == EAGAIN ? -ENOBUFS : -errno;
	}
	if (length > RECEIVE_BYTES) {
		return -EMSGSIZE;
	}
	/* Who has CAP_NET_ADMIN may write to the socket of any process: only the kernel is 0. */
	return from.nl_family == AF_NETLINK && from.nl_pid != 0 ? 0 : length;
}

static int read_all(int fd, struct netlink_reading *reading)
{
	_Alignas(struct nlmsghdr) char buffer[RECEIVE_BYTES];
	bool lost = false;
	for (;;) {
		ssize_t length = receive(fd, buffer, &lost);
		if (length < 0) {
			return (int)length;
		}
		int r = netlink_take(reading, buffer, (size_t)length);
		if (r != NETLINK_MORE) {
			reading->torn |= lost;
			return r;
		}
	}
}

static int finish(const struct netlink_reading *reading, int r, bool listing)
{
	if (reading->stopped != 0) {
		return reading->stopped;
	}
	return r == 0 && listing && reading->torn ? -EAGAIN : r;
}

int netlink_read(int fd, uint32_t sequence, const struct netlink_reader *reader)
{
	struct netlink_reading reading = { .sequence = sequence, .reader = reader };
	return finish(&reading, read_all(fd, &reading), true);
}

/* A request that is no listing was done once its acknowledgement came, whatever was lost. */
static int ask(int fd, const struct nlmsghdr *request, bool listing,
	       const struct netlink_reader *reader)
{
	struct netlink_reading reading = { .sequence = request->nlmsg_seq, .reader = reader };
	int r = netlink_send(fd, request);
	return r < 0 ? r : finish(&reading, read_all(fd, &reading), listing);
}

int netlink_ask(int fd, struct nlmsghdr *request, const struct netlink_reader *reader)
{
	static atomic_uint sequences = 1;
	const bool listing = (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	request->nlmsg_flags |= listing ? NLM_F_REQUEST : NLM_F_REQUEST | NLM_F_ACK;
	reader = reader == NULL ? &nobody : reader;
	int r = -EAGAIN;
	for (unsigned i = 0; r == -EAGAIN && i < NETLINK_TRIES_MAX; i++) {
		if (i > 0 && reader->again != NULL) {
			reader->again(reader->data);
		}
		request->nlmsg_seq = atomic_fetch_add(&sequences, 1);
		r = ask(fd, request, listing, reader);
	}
	return r;
}

int netlink_ask_once(int bus, struct nlmsghdr *request, const struct netlink_reader *reader)
{
	_cleanup_(close_fdp) int fd = netlink_open(bus);
	return fd < 0 ? fd : netlink_ask(fd, request, reader);
}
