/* Connections watched as they begin: the packet socket, which root opens, and the process without
 * rights that reads it. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "sandbox/sandbox.h"
#include "tls/tls.h"

static const char program[] = "minato-probe";

enum {
	BUFFER_BYTES = 8 << 20,
	/* Both longest headers, and the data that is needed. */
	PACKET_BYTES = 60 + 60 + TLS_FIRST_BYTES,
	SECONDS_MAX = 3600,
};

static const usec_t GRACE = 3 * USEC_PER_SEC;

/* What crosses: an order with a socket, then a row for each port, then one with `end`. */
struct order {
	uint32_t seconds;
};

struct reply {
	uint32_t end; /* 0 or 1 */
	struct tls_seen seen;
};

/* ---- the socket ---- */

/*
 * TCP alone: SYNs, and packets with data, of which headers and TLS_FIRST_BYTES are copied. M[0] is
 * the length of both headers.
 */
static const struct sock_filter steps[] = {
	/*  0 */ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
	/*  1 */ BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
	/*  2 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 17, 0),
	/*  3 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4, 0, 33),
	/*  4 */ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
	/*  5 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 0, 31),
	/*  6 */ BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
	/*  7 */ BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 29, 0),
	/*  8 */ BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
	/*  9 */ BPF_STMT(BPF_LD | BPF_B | BPF_IND, 12),
	/* 10 */ BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 2),
	/* 11 */ BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x3c),
	/* 12 */ BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
	/* 13 */ BPF_STMT(BPF_ST, 0),
	/* 14 */ BPF_STMT(BPF_LD | BPF_B | BPF_IND, 13),
	/* 15 */ BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 2, 18, 0),
	/* 16 */ BPF_STMT(BPF_LDX | BPF_MEM, 0),
	/* 17 */ BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 2),
	/* 18 */ BPF_JUMP(BPF_JMP | BPF_JGT | BPF_X, 0, 15, 18),
	/* 19 */ BPF_STMT(BPF_RET | BPF_K, 0),
	/* 20 */ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),
	/* 21 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 0, 15),
	/* 22 */ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 52),
	/* 23 */ BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 2),
	/* 24 */ BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x3c),
	/* 25 */ BPF_STMT(BPF_MISC | BPF_TAX, 0),
	/* 26 */ BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 40),
	/* 27 */ BPF_STMT(BPF_ST, 0),
	/* 28 */ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 53),
	/* 29 */ BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 2, 4, 0),
	/* 30 */ BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 4),
	/* 31 */ BPF_JUMP(BPF_JMP | BPF_JGT | BPF_X, 0, 2, 5),
	/* 32 */ BPF_STMT(BPF_RET | BPF_K, 0),
	/* 33 */ BPF_STMT(BPF_RET | BPF_K, 0),
	/* 34 */ BPF_STMT(BPF_LD | BPF_MEM, 0),
	/* 35 */ BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, TLS_FIRST_BYTES),
	/* 36 */ BPF_STMT(BPF_RET | BPF_A, 0),
	/* 37 */ BPF_STMT(BPF_RET | BPF_K, 0),
};

static int open_socket(int *out, struct err *e)
{
	const struct sock_fprog filter = { .len = sizeof(steps) / sizeof(steps[0]),
					   .filter = (struct sock_filter *)(uintptr_t)steps };
	const struct sockaddr_ll everywhere = { .sll_family = AF_PACKET,
						.sll_protocol = htons(ETH_P_ALL) };
	const int bytes = BUFFER_BYTES;
	/* No protocol until the filter stands: nothing comes before it. */
	_cleanup_(close_fdp) int fd =
		socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return err_system(e, errno, "cannot open a packet socket");
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0 ||
	    bind(fd, (const struct sockaddr *)&everywhere, sizeof(everywhere)) < 0) {
		return err_system(e, errno, "cannot set up the packet socket");
	}
	*out = steal_fd(&fd);
	return 0;
}

/* ---- minato-probe's side ---- */

/* @return negative errno when there is no more for now. */
static int read_one(struct tls_watch *watch, int socket)
{
	uint8_t bytes[PACKET_BYTES];
	struct sockaddr_ll from = { 0 };
	socklen_t size = sizeof(from);
	const ssize_t length = recvfrom(socket, bytes, sizeof(bytes), MSG_DONTWAIT,
					(struct sockaddr *)&from, &size);
	if (length < 0) {
		return -errno;
	}
	tls_watch_take(watch, bytes, (size_t)length, from.sll_pkttype == PACKET_HOST);
	return 0;
}

static void read_until(struct tls_watch *watch, int socket, usec_t until)
{
	for (usec_t now = clock_monotonic(); now < until; now = clock_monotonic()) {
		struct pollfd wait = { .fd = socket, .events = POLLIN };
		(void)poll(&wait, 1, (int)((until - now + 999) / 1000)); /* read in any case */
		for (unsigned i = 0; i < 1024 && read_one(watch, socket) == 0; i++) {
		}
	}
}

int tls_watch_serve(int channel)
{
	struct order order;
	_cleanup_(close_fdp) int socket = -1;
	_cleanup_(freep) struct tls_watch *watch = calloc(1, sizeof(*watch));
	int r = watch == NULL ? -ENOMEM
			      : sandbox_take_order_fds(channel, &order, sizeof(order), &socket, 1);
	if (r < 0 || order.seconds == 0 || order.seconds > SECONDS_MAX) {
		return r < 0 ? r : -EBADMSG;
	}
	read_until(watch, socket, clock_monotonic() + (usec_t)order.seconds * USEC_PER_SEC);
	for (size_t i = 0; r == 0 && i <= watch->seen_count; i++) {
		struct reply reply = { .end = i == watch->seen_count };
		if (reply.end == 0) {
			reply.seen = watch->seen[i];
		}
		r = sandbox_send(channel, &reply, sizeof(reply));
	}
	return r;
}

/* ---- minato's side ---- */

static int receive(struct reply *reply, int channel, usec_t until)
{
	const int r = sandbox_receive(channel, reply, sizeof(*reply), until);
	if (r <= 0) {
		return r == 0 ? -EBADMSG : r;
	}
	return reply->end > 1 || (reply->end == 0 && !tls_seen_valid(&reply->seen)) ? -EBADMSG : 0;
}

static int talk(int channel, uint32_t seconds, int socket, tls_seen_function *tell, void *data)
{
	const usec_t until = clock_monotonic() + (usec_t)seconds * USEC_PER_SEC + GRACE;
	struct reply reply = { 0 };
	const struct order order = { seconds };
	int r = sandbox_send_fds(channel, &order, sizeof(order), &socket, 1);
	for (unsigned i = 0; r == 0 && reply.end == 0; i++) {
		r = i > TLS_SEEN_MAX ? -EBADMSG : receive(&reply, channel, until);
		if (r == 0 && reply.end == 0) {
			r = tell(data, &reply.seen);
		}
	}
	return r;
}

int tls_watch_ask(uint32_t seconds, tls_seen_function *tell, void *data, struct err *e)
{
	_cleanup_(close_fdp) int channel = -1;
	_cleanup_(close_fdp) int socket = -1;
	pid_t child = 0;
	int r = open_socket(&socket, e);
	r = r < 0 ? r : sandbox_start(&channel, &child, program, "watch", e);
	if (r < 0) {
		return r;
	}
	r = talk(channel, seconds, socket, tell, data);
	return sandbox_finish(child, r, program, "libssl.so.3 of OpenSSL", e);
}
