/* Asking by connect(2): what a process without any right may. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sockaddr.h"
#include "sweep/io/run.h"

enum {
	UNDER_WAY_MAX = 16384, /* the kernel keeps some 2.5 kB for each */
	SPARE_DESCRIPTORS = 16,
	EVENTS = 256,
	SOURCES_TRIED = 64,
};

/* One connection that is being made. */
struct attempt {
	int socket; /* -1 = over */
	struct sweep_question question;
	usec_t sent;
};

struct connecting {
	struct running *run;
	int epoll;
	struct attempt *attempts; /* a ring in the order in which they were begun */
	uint32_t room, first, count;
	uint32_t open, open_most; /* descriptors */
};

/* ---- what became of one ---- */

static void end_attempt(struct connecting *c, struct attempt *attempt)
{
	close_fdp(&attempt->socket);
	attempt->socket = -1;
	c->open--;
}

/* @param error  of connect(2). Silence has none: it is told by time. */
static void settle(struct connecting *c, const struct attempt *attempt, int error, usec_t now)
{
	struct sweep *sweep = c->run->sweep;
	struct socket_icmp icmp;
	enum sweep_state state = SWEEP_SILENT;
	if (error == 0 || error == ECONNRESET || error == EPIPE) {
		/* Perhaps ended at once, but it was there. With a reset at our end nothing of it
		 * stays behind, at either side. */
		const struct linger reset = { .l_onoff = 1 };
		(void)setsockopt(attempt->socket, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		state = SWEEP_OPEN;
	} else if (socket_take_icmp(&icmp, attempt->socket)) {
		/* A reset leaves nothing in the queue, so this was no reset. */
		state = sweep_icmp_settles(&c->run->order.target, icmp.type, icmp.code)
				? SWEEP_REJECTED
				: SWEEP_SILENT;
		sweep_note_rejecter(sweep, icmp.type, icmp.code, &icmp.from);
		const struct addr own = socket_own(attempt->socket, NULL);
		running_learn_unreachable(c->run, &icmp, &own);
	} else if (error == ECONNREFUSED) {
		state = SWEEP_CLOSED;
	}
	if (state != SWEEP_SILENT) {
		sweep_hear(sweep, attempt->question.port, attempt->question.source, state, now,
			   now - attempt->sent + 1);
	}
}

static void end_late(struct connecting *c, usec_t now)
{
	while (c->count > 0) {
		struct attempt *attempt = &c->attempts[c->first];
		if (attempt->socket >= 0 && attempt->question.until > now) {
			return;
		}
		if (attempt->socket >= 0) {
			end_attempt(c, attempt);
		}
		c->first = (c->first + 1) % c->room;
		c->count--;
	}
}

/* ---- one more ---- */

static int make_socket(const struct sweep_order *order)
{
	const int on = 1;
	const int made = socket(order->target.family == ADDR_IPV6 ? AF_INET6 : AF_INET,
				SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (made >= 0) {
		/* Thousands share a source port, as each has another destination. */
		(void)setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		socket_want_icmp(made, order->target.family);
	}
	return made;
}

/* @return 0 or errno of connect(2); EADDRINUSE: no source port is free. */
static int connect_from(const struct sweep_order *order, int socket,
			const struct sweep_question *question)
{
	const struct addr any = { .family = order->target.family };
	struct sockaddr_storage from, to;
	const socklen_t length = sockaddr_from_addr(&to, &order->target, question->port);
	const uint32_t room = (uint32_t)order->source_last - order->source_first + 1;
	for (uint32_t i = 0; i < SOURCES_TRIED; i++) {
		const uint32_t at = (uint32_t)question->source - order->source_first + i;
		const uint16_t source = (uint16_t)(order->source_first + at % room);
		(void)sockaddr_from_addr(&from, &any, source);
		/* Somebody may listen there, and from the port itself it would be the socket's own
		 * question that answers. */
		if (source != question->port &&
		    bind(socket, (const struct sockaddr *)&from, length) == 0) {
			return connect(socket, (const struct sockaddr *)&to, length) == 0 ? 0
											  : errno;
		}
	}
	return EADDRINUSE;
}

static bool is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
	       error == EAGAIN;
}

/* What connect(2) itself says of this side: the packet never left. */
static bool is_local(int error)
{
	return error == ENETUNREACH || error == EACCES || error == EPERM || error == EINVAL ||
	       error == EAFNOSUPPORT || error == EADDRINUSE || error == EADDRNOTAVAIL ||
	       error == EHOSTUNREACH || error == ENETDOWN;
}

static void watch(struct connecting *c, struct attempt *attempt)
{
	struct epoll_event event = { .events = EPOLLOUT | EPOLLONESHOT,
				     .data.u32 = (uint32_t)(attempt - c->attempts) };
	(void)epoll_ctl(c->epoll, EPOLL_CTL_ADD, attempt->socket, &event); /* else it is silent */
}

/* @return false: there is no room for it now, and it was not asked. */
static bool begin(struct connecting *c, const struct sweep_question *question, usec_t now)
{
	struct attempt *attempt = &c->attempts[(c->first + c->count) % c->room];
	*attempt = (struct attempt){ make_socket(&c->run->order), *question, now };
	if (attempt->socket < 0 && is_shortage(errno) && c->open > 0) {
		c->open_most = c->open;
		return false;
	}
	if (attempt->socket < 0) {
		c->run->error = errno;
		return false;
	}
	c->count++;
	c->open++;
	const int error = connect_from(&c->run->order, attempt->socket, question);
	if (error == EINPROGRESS) {
		watch(c, attempt);
		return true;
	}
	struct sweep_progress progress;
	sweep_progress(&progress, c->run->sweep, now);
	if (is_local(error) && progress.settled == 0) {
		c->run->error = error;
	} else {
		settle(c, attempt, error, running_now());
	}
	end_attempt(c, attempt);
	return true;
}

/* ---- all ---- */

static void hear(struct connecting *c, int wait_ms)
{
	struct epoll_event events[EVENTS];
	int count = 0;
	do {
		count = epoll_wait(c->epoll, events, EVENTS, wait_ms);
		const usec_t now = running_now();
		for (int i = 0; i < count; i++) {
			struct attempt *attempt = &c->attempts[events[i].data.u32];
			int error = 0;
			socklen_t length = sizeof(error);
			if (getsockopt(attempt->socket, SOL_SOCKET, SO_ERROR, &error, &length) <
			    0) {
				error = errno;
			}
			settle(c, attempt, error, now);
			end_attempt(c, attempt);
		}
		wait_ms = 0;
	} while (count == EVENTS);
}

static int go(struct connecting *c)
{
	int r = 0;
	unsigned since = 0; /* the last look at the answers */
	while (r == 0 && c->run->error == 0) {
		struct sweep_question question;
		usec_t until = 0;
		usec_t now = running_now();
		const bool full = c->open >= c->open_most || c->count == c->room;
		const enum sweep_step step =
			full ? SWEEP_WAIT : sweep_next(c->run->sweep, now, &question, &until);
		if (step == SWEEP_DONE) {
			break;
		}
		if (full) {
			until = c->attempts[c->first].question.until;
		}
		if (step == SWEEP_SEND && !begin(c, &question, now)) {
			sweep_take_back(c->run->sweep, &question);
			since = EVENTS;
		}
		if (step == SWEEP_WAIT || ++since >= EVENTS) {
			hear(c, step == SWEEP_WAIT ? running_wait(until) : 0);
			since = 0;
			now = running_now();
			end_late(c, now);
			r = running_tell(c->run, now);
			if (running_stopped(c->run)) {
				break;
			}
		}
	}
	return r;
}

static uint32_t descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
		return 256;
	}
	const rlim_t own = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max;
	rlim_t most = setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : own;
	most = most > UNDER_WAY_MAX + SPARE_DESCRIPTORS ? UNDER_WAY_MAX + SPARE_DESCRIPTORS : most;
	return most > (rlim_t)2 * SPARE_DESCRIPTORS ? (uint32_t)most - SPARE_DESCRIPTORS
						    : (uint32_t)SPARE_DESCRIPTORS / 2;
}

int sweep_by_connecting(struct running *run)
{
	struct connecting c = { .run = run, .open_most = descriptors() };
	c.room = c.open_most;
	_cleanup_(freep) struct attempt *attempts = calloc(c.room, sizeof(*attempts));
	_cleanup_(close_fdp) int epoll = epoll_create1(EPOLL_CLOEXEC);
	if (attempts == NULL || epoll < 0) {
		return attempts == NULL ? -ENOMEM : -errno;
	}
	c.attempts = attempts;
	c.epoll = epoll;
	const int r = go(&c);
	for (; c.count > 0; c.count--, c.first = (c.first + 1) % c.room) {
		if (c.attempts[c.first].socket >= 0) {
			end_attempt(&c, &c.attempts[c.first]);
		}
	}
	return r;
}
