/* Asking by packets of our own: nothing is kept of a question, the answer says which it was. */
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/be.h"
#include "base/cleanup.h"
#include "base/sockaddr.h"
#include "sweep/io/run.h"

enum {
	BATCH = 64,
	RECEIVE_BYTES = 8 * 1024 * 1024,
	ANSWER_BYTES = 128, /* more of an answer tells nothing */
	TCP_CHECKSUM_AT = 16,
	IPV4_BYTES = 20,
};

struct sending {
	struct running *run;
	int socket;
	struct addr from;
	uint8_t packets[BATCH][SWEEP_PACKET_BYTES];
	struct iovec packet_bytes[BATCH];
	struct mmsghdr out[BATCH];
	uint8_t answers[BATCH][ANSWER_BYTES];
	struct iovec answer_bytes[BATCH];
	struct mmsghdr in[BATCH];
};

/* ---- sockets ---- */

void sweep_raw_open(struct sweep_raw *out)
{
	const int on = 1, at = TCP_CHECKSUM_AT;
	out->ipv4 = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	out->ipv6 = socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	if (out->ipv4 >= 0 && setsockopt(out->ipv4, IPPROTO_IP, IP_HDRINCL, &on, sizeof(on)) < 0) {
		close_fdp(&out->ipv4);
	}
	if (out->ipv6 >= 0 &&
	    setsockopt(out->ipv6, IPPROTO_IPV6, IPV6_CHECKSUM, &at, sizeof(at)) < 0) {
		close_fdp(&out->ipv6);
	}
	const int sockets[] = { out->ipv4, out->ipv6 };
	const int bytes = RECEIVE_BYTES;
	for (unsigned i = 0; i < 2; i++) {
		if (sockets[i] >= 0 &&
		    setsockopt(sockets[i], SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0) {
			(void)setsockopt(sockets[i], SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
		}
	}
}

void sweep_raw_close(struct sweep_raw *raw)
{
	close_fdp(&raw->ipv4);
	close_fdp(&raw->ipv6);
}

/* A raw socket hears every TCP packet from its peer; those to our source ports are enough. */
static int only_ours(int socket, const struct sweep_order *order)
{
	const bool six = order->target.family == ADDR_IPV6;
	struct sock_filter program[] = {
		/* X = the length of the IPv4 header; IPv6 begins with the TCP header. */
		six ? (struct sock_filter)BPF_STMT(BPF_LDX | BPF_IMM, 0)
		    : (struct sock_filter)BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, order->source_first, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, order->source_last, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, ANSWER_BYTES),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog filter = { sizeof(program) / sizeof(program[0]), program };
	return setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0
		       ? -errno
		       : 0;
}

static int aim(struct sending *s)
{
	struct sockaddr_storage to;
	const struct addr *target = &s->run->order.target;
	const socklen_t length = sockaddr_from_addr(&to, target, 0);
	int r = only_ours(s->socket, &s->run->order);
	socket_want_icmp(s->socket, target->family);
	if (r == 0 && connect(s->socket, (const struct sockaddr *)&to, length) < 0) {
		r = -errno;
	}
	s->from = socket_own(s->socket, NULL);
	return r;
}

/* ---- answers ---- */

static void hear_answers(struct sending *s)
{
	const struct sweep_order *order = &s->run->order;
	int count = 0;
	do {
		count = recvmmsg(s->socket, s->in, BATCH, MSG_DONTWAIT, NULL);
		const usec_t now = count > 0 ? running_now() : 0;
		for (int i = 0; i < count; i++) {
			uint16_t port, source;
			enum sweep_state state;
			if (sweep_read_answer(order, s->answers[i], s->in[i].msg_len, &port,
					      &source, &state)) {
				sweep_hear(s->run->sweep, port, source, state, now, 0);
			}
		}
	} while (count == BATCH);
}

/* What is quoted proves that the error is about our packet: its number is our cookie. */
static bool read_quoted(const struct sweep_order *order, const struct socket_icmp *icmp,
			uint16_t *port, uint16_t *source)
{
	const size_t header = order->target.family == ADDR_IPV6 ? 0
			      : icmp->quoted_bytes == 0         ? 0
							: (size_t)(icmp->quoted[0] & 0xf) * 4;
	const uint8_t *tcp = icmp->quoted + header;
	if (icmp->quoted_bytes < header + 8 ||
	    (order->target.family == ADDR_IPV4 && header < IPV4_BYTES)) {
		return false;
	}
	*source = be16_at(tcp);
	*port = be16_at(tcp + 2);
	return *source >= order->source_first && *source <= order->source_last &&
	       be32_at(tcp + 4) == sweep_cookie(order->seed, &order->target, *port, *source);
}

/* @return whether there were any. */
static bool hear_errors(struct sending *s)
{
	struct socket_icmp icmp;
	bool any = false;
	while (socket_take_icmp(&icmp, s->socket)) {
		uint16_t port, source;
		any = true;
		if (read_quoted(&s->run->order, &icmp, &port, &source)) {
			sweep_note_rejecter(s->run->sweep, icmp.type, icmp.code, &icmp.from);
			running_learn_unreachable(s->run, &icmp, &s->from);
			if (sweep_icmp_settles(&s->run->order.target, icmp.type, icmp.code)) {
				sweep_hear(s->run->sweep, port, source, SWEEP_REJECTED,
					   running_now(), 0);
			}
		}
	}
	return any;
}

/* ---- questions ---- */

static void add(struct sending *s, unsigned at, const struct sweep_question *question)
{
	s->packet_bytes[at].iov_len = sweep_syn(s->packets[at], &s->run->order, &s->from,
						question->port, question->source);
}

/* What could not leave is as lost as what is lost on the way: the canaries measure both. */
static void send_batch(struct sending *s, unsigned count)
{
	unsigned sent = 0;
	while (sent < count) {
		const int r = sendmmsg(s->socket, s->out + sent, count - sent, 0);
		if (r > 0) {
			sent += (unsigned)r;
		} else if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM) {
			struct pollfd wait = { .fd = s->socket, .events = POLLOUT };
			hear_answers(s);
			(void)hear_errors(s);
			(void)poll(&wait, 1, 1); /* then it is tried again */
			if (s->run->error != 0 || running_stopped(s->run)) {
				return;
			}
		} else if (errno != EINTR) {
			/* An ICMP error that waits is told here too; it is not about this packet.
			 */
			const int error = errno;
			if (!hear_errors(s)) {
				struct sweep_progress progress;
				sweep_progress(&progress, s->run->sweep, running_now());
				s->run->error = progress.settled == 0 ? error : 0;
				sent = s->run->error != 0 ? count : sent + 1;
			}
		}
	}
}

static int wait_for(struct sending *s, usec_t until)
{
	struct pollfd wait = { .fd = s->socket, .events = POLLIN };
	if (poll(&wait, 1, running_wait(until)) > 0 && (wait.revents & POLLERR) != 0) {
		(void)hear_errors(s);
	}
	return running_tell(s->run, running_now());
}

static int go(struct sending *s)
{
	int r = 0;
	enum sweep_step step = SWEEP_SEND;
	while (r == 0 && s->run->error == 0 && step != SWEEP_DONE) {
		unsigned count = 0;
		usec_t until = 0;
		const usec_t now = running_now();
		do {
			struct sweep_question question;
			step = sweep_next(s->run->sweep, now, &question, &until);
			if (step == SWEEP_SEND) {
				add(s, count++, &question);
			}
		} while (step == SWEEP_SEND && count < BATCH);
		send_batch(s, count);
		if (step == SWEEP_WAIT) {
			r = wait_for(s, until);
		} else {
			r = running_tell(s->run, now);
		}
		hear_answers(s);
		if (running_stopped(s->run)) {
			break;
		}
	}
	return r;
}

int sweep_by_packets(struct running *run, int socket)
{
	_cleanup_(freep) struct sending *s = calloc(1, sizeof(*s));
	if (s == NULL) {
		return -ENOMEM;
	}
	s->run = run;
	s->socket = socket;
	for (unsigned i = 0; i < BATCH; i++) {
		s->packet_bytes[i].iov_base = s->packets[i];
		s->out[i].msg_hdr.msg_iov = &s->packet_bytes[i];
		s->out[i].msg_hdr.msg_iovlen = 1;
		s->answer_bytes[i] = (struct iovec){ s->answers[i], ANSWER_BYTES };
		s->in[i].msg_hdr.msg_iov = &s->answer_bytes[i];
		s->in[i].msg_hdr.msg_iovlen = 1;
	}
	const int r = aim(s);
	if (r < 0) {
		run->error = -r;
		return 0;
	}
	return go(s);
}
