/* Packets of one connection: the socket, which root opens, and the process without rights that
 * reads what came. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "capture/capture.h"
#include "capture/filter.h"
#include "sandbox/sandbox.h"

static const char program[] = "minato-probe";

enum {
	BUFFER_BYTES = 4 << 20,
	READS_MAX = 1 << 16, /* who sends without end is not listened to without end */
};

static const usec_t TIME_MAX = 5 * USEC_PER_SEC;

/* One answer of minato-probe: a packet, or the end with the number of those left out. */
struct reply {
	uint64_t more;
	uint32_t end; /* 0 or 1 */
	struct capture_packet packet;
};

/* ---- the socket ---- */

static int set_up(int fd, const struct capture_connection *connection)
{
	struct sock_filter steps[CONNECTION_STEPS_MAX];
	struct sock_fprog filter = { .filter = steps };
	const int on = 1;
	const int bytes = BUFFER_BYTES;
	const struct sockaddr_ll everywhere = { .sll_family = AF_PACKET,
						.sll_protocol = htons(ETH_P_ALL) };
	filter.len = (unsigned short)connection_filter(steps, connection);
	/* More room and times are welcome; without them it goes on. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	(void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof(on));
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0 ||
	    bind(fd, (const struct sockaddr *)&everywhere, sizeof(everywhere)) < 0) {
		return -errno;
	}
	return 0;
}

int capture_connection_open(int *out, const struct capture_connection *connection, struct err *e)
{
	/* No protocol until the filter stands: nothing comes before it. */
	_cleanup_(close_fdp) int fd =
		socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return err_system(e, errno, "cannot open a packet socket");
	}
	int r = set_up(fd, connection);
	if (r < 0) {
		return err_system(e, r, "cannot set up the packet socket");
	}
	*out = steal_fd(&fd);
	return 0;
}

/* ---- minato-probe's side ---- */

/* @return 1 a packet of the connection; 0 another; negative: there is no more. */
static int read_packet(struct capture_packet *out, int socket,
		       const struct capture_connection *connection)
{
	uint8_t bytes[CAPTURE_PACKET_BYTES];
	char control[128] __attribute__((aligned(8)));
	struct sockaddr_ll from = { 0 };
	struct iovec vector = { bytes, sizeof(bytes) };
	struct msghdr message = { .msg_name = &from,
				  .msg_namelen = sizeof(from),
				  .msg_iov = &vector,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	const ssize_t length = recvmsg(socket, &message, MSG_DONTWAIT);
	if (length < 0) {
		return errno == EINTR ? 0 : -errno;
	}
	*out = (struct capture_packet){ .interface = (uint32_t)from.sll_ifindex };
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMP) {
			struct timeval time;
			memcpy(&time, CMSG_DATA(c), sizeof(time));
			out->time = (usec_t)time.tv_sec * USEC_PER_SEC + time.tv_usec;
		}
	}
	return capture_packet_read(out, connection, bytes, (size_t)length);
}

static bool seen_before(const struct reply *replies, size_t count,
			const struct capture_packet *packet)
{
	for (size_t i = count; i > 0; i--) {
		if (capture_packet_same(&replies[i - 1].packet, packet)) {
			return true;
		}
	}
	return false;
}

static size_t read_all(struct reply *replies, uint64_t *more, int socket,
		       const struct capture_connection *connection)
{
	struct capture_packet packet;
	struct tpacket_stats lost = { 0 };
	socklen_t length = sizeof(lost);
	size_t count = 0;
	int r = 0;
	for (unsigned i = 0; i < READS_MAX && (r = read_packet(&packet, socket, connection)) >= 0;
	     i++) {
		if (r == 0 || seen_before(replies, count, &packet)) {
			continue;
		}
		if (count < CAPTURE_PACKETS_MAX) {
			replies[count++] = (struct reply){ .packet = packet };
		} else {
			(*more)++;
		}
	}
	if (getsockopt(socket, SOL_PACKET, PACKET_STATISTICS, &lost, &length) == 0) {
		*more += lost.tp_drops;
	}
	return count;
}

int capture_connection_serve(int channel)
{
	static struct reply replies[CAPTURE_PACKETS_MAX + 1];
	struct capture_connection order;
	_cleanup_(close_fdp) int socket = -1;
	uint64_t more = 0;
	int r = sandbox_take_order_fds(channel, &order, sizeof(order), &socket, 1);
	if (r < 0 || !capture_connection_valid(&order)) {
		return -EBADMSG;
	}
	const size_t count = read_all(replies, &more, socket, &order);
	replies[count] = (struct reply){ .end = 1, .more = more };
	for (size_t i = 0; r == 0 && i <= count; i++) {
		r = sandbox_send(channel, &replies[i], sizeof(replies[i]));
	}
	return r;
}

/* ---- minato's side ---- */

static int receive_reply(struct reply *out, int channel, usec_t until)
{
	const int r = sandbox_receive(channel, out, sizeof(*out), until);
	if (r <= 0) {
		return r == 0 ? -EBADMSG : r;
	}
	return out->end > 1 || (out->end == 0 && !capture_packet_valid(&out->packet)) ? -EBADMSG
										      : 0;
}

static int talk(struct capture_packet *out, size_t *count, uint64_t *more, int channel, int socket,
		const struct capture_connection *connection)
{
	const usec_t until = clock_monotonic() + TIME_MAX;
	struct reply reply = { 0 };
	int r = sandbox_send_fds(channel, connection, sizeof(*connection), &socket, 1);
	while (r == 0 && (r = receive_reply(&reply, channel, until)) == 0 && reply.end == 0) {
		if (*count == CAPTURE_PACKETS_MAX) {
			return -EBADMSG;
		}
		out[(*count)++] = reply.packet;
	}
	*more = reply.more;
	return r;
}

int capture_connection_collect(struct capture_packet *out, size_t *count, uint64_t *more,
			       int socket, const struct capture_connection *connection,
			       struct err *e)
{
	_cleanup_(close_fdp) int channel = -1;
	pid_t child = 0;
	*count = 0;
	*more = 0;
	int r = sandbox_start(&channel, &child, program, "packets", e);
	if (r < 0) {
		return r;
	}
	r = talk(out, count, more, channel, socket, connection);
	return sandbox_finish(child, r, program, "libssl.so.3 of OpenSSL", e);
}
