/* A sweep from its order to its last report. */
#include "sweep/io/run.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* Needs <time.h>. */
#include <linux/errqueue.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/sockaddr.h"

static const usec_t TELL_EVERY = 200000;
/* So much is lost at most when everything is killed. */
static const usec_t TELL_STATES_EVERY = 3 * USEC_PER_SEC;

usec_t running_now(void)
{
	return clock_monotonic();
}

/* ---- reports ---- */

static int tell_states(struct running *run)
{
	struct sweep_report report = { .kind = SWEEP_REPORT_STATES };
	const uint8_t *states = run->sweep != NULL ? sweep_states(run->sweep) : run->states;
	int r = 0;
	for (uint32_t first = 0; r == 0 && first < 65536; first += SWEEP_STATES_BYTES) {
		report.part.first = first;
		memcpy(report.part.states, states + first, SWEEP_STATES_BYTES);
		r = run->tell(run->data, &report);
	}
	return r;
}

int running_tell(struct running *run, usec_t now)
{
	struct sweep_report report = { .kind = SWEEP_REPORT_PROGRESS };
	if (now - run->told < TELL_EVERY) {
		return 0;
	}
	run->told = now;
	if (run->sweep != NULL) {
		sweep_progress(&report.progress, run->sweep, now);
	} else {
		report.progress = run->progress;
	}
	int r = run->tell(run->data, &report);
	if (r == 0 && now - run->states_told >= TELL_STATES_EVERY) {
		run->states_told = now;
		r = tell_states(run);
	}
	return r;
}

/* What a sweep of UDP found, in the same form. */
static void udp_facts(struct sweep_facts *out, const struct running *run)
{
	*out = (struct sweep_facts){ .mode = SWEEP_UDP, .rounds = run->progress.round };
	for (unsigned port = 1; port < 65536; port++) {
		if (portset_has(&run->order.ports, (uint16_t)port)) {
			const uint8_t state = run->states[port];
			out->asked += state != SWEEP_UNASKED;
			out->unasked += state == SWEEP_UNASKED;
			out->answered += state > SWEEP_SILENT && state != SWEEP_HELD;
			out->silent[0] += state == SWEEP_SILENT || state == SWEEP_HELD;
		}
	}
}

static int tell_end(struct running *run)
{
	struct sweep_report report = { .kind = SWEEP_REPORT_END };
	struct sweep_end *end = &report.end;
	end->error = run->error;
	end->interrupted = run->interrupted;
	end->took = running_now() - run->begun;
	if (run->sweep != NULL) {
		sweep_facts(&end->facts, run->sweep);
		end->sent = sweep_sent(run->sweep);
		end->rejecter_count = sweep_rejecters(end->rejecters, run->sweep);
	} else {
		udp_facts(&end->facts, run);
		end->sent = run->progress.sent;
		end->rejecter_count = run->rejecter_count;
		memcpy(end->rejecters, run->rejecters, sizeof(end->rejecters));
	}
	end->facts.mode = run->order.mode;
	return run->tell(run->data, &report);
}

/* ---- waiting ---- */

bool running_stopped(struct running *run)
{
	struct pollfd wait = { .fd = run->stop, .events = POLLIN };
	uint32_t rate = 0;
	while (!run->interrupted && poll(&wait, 1, 0) > 0) {
		const ssize_t length = recv(run->stop, &rate, sizeof(rate), MSG_DONTWAIT);
		run->interrupted =
			length != (ssize_t)sizeof(rate) || rate < 1 || rate > SWEEP_RATE_MAX;
		if (!run->interrupted && run->sweep != NULL) {
			sweep_set_rate(run->sweep, rate);
		}
	}
	return run->interrupted;
}

int running_wait(usec_t until)
{
	const usec_t left = until - running_now();
	return left <= 0 ? 0 : left > 100000 ? 100 : (int)((left + 999) / 1000);
}

/* ---- errors ---- */

void running_want_icmp(int socket, const struct addr *target)
{
	const int on = 1;
	const bool six = target->family == ADDR_IPV6;
	/* Without it errors lose their origin; nothing else is lost. */
	(void)setsockopt(socket, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_RECVERR : IP_RECVERR,
			 &on, sizeof(on));
}

static bool take_report(struct running_icmp *out, const struct sock_extended_err *report)
{
	if (report->ee_origin != SO_EE_ORIGIN_ICMP && report->ee_origin != SO_EE_ORIGIN_ICMP6) {
		return false;
	}
	out->type = report->ee_type;
	out->code = report->ee_code;
	out->from = addr_from_sockaddr(SO_EE_OFFENDER(report));
	return true;
}

int running_icmp(struct running_icmp *out, int socket)
{
	for (;;) {
		char control[512] __attribute__((aligned(8)));
		struct iovec bytes = { out->quoted, sizeof(out->quoted) };
		struct msghdr message = { .msg_iov = &bytes,
					  .msg_iovlen = 1,
					  .msg_control = control,
					  .msg_controllen = sizeof(control) };
		const ssize_t length = recvmsg(socket, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
		if (length < 0) {
			return 0;
		}
		out->quoted_bytes = (size_t)length;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL;
		     c = CMSG_NXTHDR(&message, c)) {
			if (((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
			     (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR)) &&
			    take_report(out, (const void *)CMSG_DATA(c))) {
				return 1;
			}
		}
	}
}

struct addr running_own(int socket)
{
	struct sockaddr_storage own = { 0 };
	socklen_t length = sizeof(own);
	return getsockname(socket, (struct sockaddr *)&own, &length) == 0
		       ? addr_from_sockaddr((const struct sockaddr *)&own)
		       : (struct addr){ 0 };
}

void running_learn_unreachable(struct running *run, const struct running_icmp *icmp,
			       const struct addr *own)
{
	struct sweep_progress progress;
	if (sweep_icmp_settles(&run->order.target, icmp->type, icmp->code) ||
	    addr_compare(&icmp->from, own) != 0) {
		return;
	}
	sweep_progress(&progress, run->sweep, running_now());
	if (progress.settled == 0) {
		run->error = EHOSTUNREACH;
	}
}

/* ---- all of it ---- */

static int ask_all(struct running *run, const struct sweep_raw *raw)
{
	const int socket = run->order.target.family == ADDR_IPV6 ? raw->ipv6 : raw->ipv4;
	if (run->order.mode == SWEEP_UDP) {
		return sweep_by_datagrams(run);
	}
	if (run->order.mode == SWEEP_RAW && socket < 0) {
		run->order.mode = SWEEP_CONNECT;
	}
	run->sweep = sweep_new(&run->order, running_now());
	if (run->sweep == NULL) {
		return -ENOMEM;
	}
	return run->order.mode == SWEEP_RAW ? sweep_by_packets(run, socket)
					    : sweep_by_connecting(run);
}

int sweep_run(const struct sweep_order *order, const struct sweep_raw *raw, int stop,
	      sweep_tell_function *tell, void *data)
{
	_cleanup_(freep) struct running *run = calloc(1, sizeof(*run));
	if (run == NULL) {
		return -ENOMEM;
	}
	run->order = *order;
	run->stop = stop;
	run->tell = tell;
	run->data = data;
	run->begun = running_now();
	run->states_told = run->begun;
	int r = ask_all(run, raw);
	r = r < 0 ? r : tell_states(run);
	r = r < 0 ? r : tell_end(run);
	run->sweep = sweep_free(run->sweep);
	return r;
}
