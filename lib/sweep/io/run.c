/* A sweep from its order to its last report. */
#include "sweep/io/run.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/io/clock.h"

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

void running_learn_unreachable(struct running *run, const struct socket_icmp *icmp,
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

static int ask_all(struct running *run, const struct sweep_raw *raw, struct sweep_hands *hands)
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
					    : sweep_by_connecting(run, hands);
}

int sweep_run(const struct sweep_order *order, const struct sweep_raw *raw,
	      struct sweep_hands *hands, int stop, sweep_tell_function *tell, void *data)
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
	int r = ask_all(run, raw, hands);
	r = r < 0 ? r : tell_states(run);
	r = r < 0 ? r : tell_end(run);
	run->sweep = sweep_free(run->sweep);
	return r;
}
