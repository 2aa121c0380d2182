/* Connections that are being made, many at once: what a process without any right may. */
#include "sweep/io/attempts.h"

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

uint32_t attempts_descriptors(void)
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

/* ---- its end ---- */

static void close_attempt(struct attempts *a, struct attempt *attempt)
{
	close_fdp(&attempt->socket);
	attempt->socket = -1;
	a->open--;
}

static void tell(struct attempts *a, const struct attempt *attempt, enum attempt_kind kind,
		 int error, usec_t now)
{
	struct attempt_end end = { .question = attempt->question, .kind = kind, .error = error };
	end.took = now - attempt->sent + 1;
	if (error == 0 || error == ECONNRESET || error == EPIPE) {
		/* Perhaps ended at once, but it was there. With a reset at our end nothing of it
		 * stays behind, at either side. */
		const struct linger reset = { .l_onoff = 1 };
		(void)setsockopt(attempt->socket, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	} else if (socket_take_icmp(&end.icmp, attempt->socket)) {
		end.icmp_heard = true;
		end.own = socket_own(attempt->socket, NULL);
	}
	a->ended(a->data, &end);
}

void attempts_end_late(struct attempts *a, usec_t now)
{
	while (a->count > 0) {
		struct attempt *attempt = &a->ring[a->first];
		if (attempt->socket >= 0 && attempt->question.until > now) {
			return;
		}
		if (attempt->socket >= 0) {
			const struct attempt_end end = { .question = attempt->question,
							 .kind = ATTEMPT_SILENT };
			close_attempt(a, attempt);
			a->ended(a->data, &end);
		}
		a->first = (a->first + 1) % a->room;
		a->count--;
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

int attempts_begin(struct attempts *a, const struct sweep_question *question, usec_t now)
{
	struct attempt *attempt = &a->ring[(a->first + a->count) % a->room];
	*attempt = (struct attempt){ make_socket(a->order), *question, now };
	if (attempt->socket < 0 && is_shortage(errno) && a->open > 0) {
		a->open_most = a->open;
		return ATTEMPTS_SHORT;
	}
	if (attempt->socket < 0) {
		return -errno;
	}
	a->count++;
	a->open++;
	const int error = connect_from(a->order, attempt->socket, question);
	if (error == EINPROGRESS) {
		struct epoll_event event = { .events = EPOLLOUT | EPOLLONESHOT,
					     .data.u32 = (uint32_t)(attempt - a->ring) };
		/* Else it is silent. */
		(void)epoll_ctl(a->epoll, EPOLL_CTL_ADD, attempt->socket, &event);
		return 0;
	}
	tell(a, attempt, ATTEMPT_AT_ONCE, error, running_now());
	close_attempt(a, attempt);
	return 0;
}

/* ---- all ---- */

void attempts_hear(struct attempts *a, int wait_ms)
{
	struct epoll_event events[EVENTS];
	int count = 0;
	do {
		count = epoll_wait(a->epoll, events, EVENTS, wait_ms);
		const usec_t now = running_now();
		for (int i = 0; i < count; i++) {
			struct attempt *attempt = &a->ring[events[i].data.u32];
			int error = 0;
			socklen_t length = sizeof(error);
			if (getsockopt(attempt->socket, SOL_SOCKET, SO_ERROR, &error, &length) <
			    0) {
				error = errno;
			}
			tell(a, attempt, ATTEMPT_ENDED, error, now);
			close_attempt(a, attempt);
		}
		wait_ms = 0;
	} while (count == EVENTS);
}

bool attempts_full(const struct attempts *a)
{
	return a->open >= a->open_most || a->count == a->room;
}

usec_t attempts_until(const struct attempts *a, usec_t otherwise)
{
	return a->count > 0 ? a->ring[a->first].question.until : otherwise;
}

int attempts_init(struct attempts *a, const struct sweep_order *order, attempt_ended *ended,
		  void *data)
{
	*a = (struct attempts){ .order = order, .ended = ended, .data = data };
	a->room = a->open_most = attempts_descriptors();
	a->ring = calloc(a->room, sizeof(*a->ring));
	a->epoll = a->ring != NULL ? epoll_create1(EPOLL_CLOEXEC) : -1;
	if (a->epoll < 0) {
		const int r = a->ring == NULL ? -ENOMEM : -errno;
		attempts_deinit(a);
		return r;
	}
	return 0;
}

void attempts_deinit(struct attempts *a)
{
	for (; a->count > 0; a->count--, a->first = (a->first + 1) % a->room) {
		if (a->ring[a->first].socket >= 0) {
			close_attempt(a, &a->ring[a->first]);
		}
	}
	close_fdp(&a->epoll);
	free(a->ring);
	*a = (struct attempts){ .epoll = -1 };
}
