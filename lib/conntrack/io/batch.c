/*
 * Many changes in one system call.
 *
 * The kernel works off what is sent before send() returns (net/netlink/af_netlink.c,
 * netlink_unicast_kernel), so every answer is there then, or was dropped because the receive buffer
 * was full. Reading never waits, which is why nothing can lock up.
 */
#include "conntrack/io/batch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/netlink.h"

enum { RECEIVE_BYTES = 64 * 1024 };

struct batch *batch_new(struct conntrack *conntrack, batch_function *function, void *data)
{
	struct batch *batch = calloc(1, sizeof(*batch));
	if (batch != NULL) {
		batch->conntrack = conntrack;
		batch->function = function;
		batch->data = data;
		batch->window = conntrack->window < BATCH_MAX ? conntrack->window : BATCH_MAX;
	}
	return batch;
}

void *batch_place(struct batch *batch)
{
	return batch->slots[batch->count].message;
}

static struct nlmsghdr *message_of(struct batch *batch, unsigned i)
{
	return (struct nlmsghdr *)(void *)batch->slots[i].message;
}

/* Numbers are consecutive from that of the first. */
static void number(struct batch *batch, uint32_t sequence)
{
	for (unsigned i = 0; i < batch->count; i++) {
		message_of(batch, i)->nlmsg_seq = sequence + i;
	}
}

int batch_add(struct batch *batch)
{
	batch->slots[batch->count].sent = false;
	batch->slots[batch->count].answered = false;
	batch->count++;
	return batch->count == BATCH_MAX ? batch_run(batch) : 0;
}

/* Sends at most `window` of those that have no answer yet. @return negative errno. */
static int send_some(struct batch *batch, bool *resent)
{
	struct iovec parts[BATCH_MAX];
	unsigned used = 0;
	for (unsigned i = 0; i < batch->count && used < batch->window; i++) {
		if (!batch->slots[i].answered) {
			const struct nlmsghdr *message = message_of(batch, i);
			parts[used++] =
				(struct iovec){ .iov_base = batch->slots[i].message,
						.iov_len = NLMSG_ALIGN(message->nlmsg_len) };
			resent[i] = batch->slots[i].sent;
			batch->slots[i].sent = true;
		}
	}
	const struct msghdr message = { .msg_iov = parts, .msg_iovlen = used };
	while (sendmsg(batch->conntrack->change_fd, &message, 0) < 0) {
		if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

/* @return how many answers were in it. */
static unsigned take(struct batch *batch, const bool *resent, const char *bytes, size_t length)
{
	unsigned taken = 0;
	int left = (int)length;
	const uint32_t first = message_of(batch, 0)->nlmsg_seq;
	for (const struct nlmsghdr *answer = (const void *)bytes; netlink_whole(answer, left);
	     answer = mnl_nlmsg_next(answer, &left)) {
		uint32_t i = answer->nlmsg_seq - first;
		if (answer->nlmsg_type == NLMSG_ERROR && i < batch->count &&
		    !batch->slots[i].answered) {
			batch->slots[i].answered = true;
			batch->function(netlink_error(answer), resent[i], batch->data);
			taken++;
		}
	}
	return taken;
}

/* Reads what is there. @return how many answers, or negative errno. */
static int read_some(struct batch *batch, const bool *resent)
{
	_Alignas(struct nlmsghdr) char buffer[RECEIVE_BYTES];
	unsigned taken = 0;
	for (;;) {
		ssize_t length =
			recv(batch->conntrack->change_fd, buffer, sizeof(buffer), MSG_DONTWAIT);
		if (length >= 0) {
			taken += take(batch, resent, buffer, (size_t)length);
		} else if (errno == EAGAIN) {
			return (int)taken;
		} else if (errno != EINTR && errno != ENOBUFS) {
			/* ENOBUFS tells of lost answers once; those that fitted are behind it. */
			return -errno;
		}
	}
}

int batch_run(struct batch *batch)
{
	bool resent[BATCH_MAX] = { false };
	unsigned answered = 0;
	number(batch, batch->conntrack->sequence + 1);
	batch->conntrack->sequence += batch->count;
	while (answered < batch->count) {
		unsigned waiting = batch->count - answered;
		int r = send_some(batch, resent);
		r = r < 0 ? r : read_some(batch, resent);
		if (r <= 0) {
			batch->count = 0;
			return r < 0 ? r : -ENOBUFS;
		}
		answered += (unsigned)r;
		if ((unsigned)r < waiting && (unsigned)r < batch->window) {
			batch->window = (unsigned)r; /* as many as the buffer held */
		}
	}
	batch->count = 0;
	return 0;
}
