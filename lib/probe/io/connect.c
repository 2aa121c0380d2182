/* Several addresses, the next one tried before the last has failed (RFC 8305). */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/io/socket.h"
#include "base/sockaddr.h"
#include "probe/io/run.h"

/* RFC 8305 section 5: connection attempt delay. */
static const usec_t HEAD_START = 250000;

struct attempt {
	struct probe_record record;
	int socket; /* -1 = not begun, or over */
	bool begun, over;
};

usec_t probing_now(const struct probing *p)
{
	return clock_monotonic() - p->start;
}

int probing_wait(const struct probing *p, short events, usec_t until)
{
	struct pollfd wait = { .fd = p->socket, .events = events };
	int r = 0;
	do {
		const usec_t left = until - probing_now(p);
		if (left <= 0) {
			return 0; /* also when something is there: it may be there without end */
		}
		r = poll(&wait, 1, (int)((left + 999) / 1000));
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

void probing_error(struct probe_record *record, int socket, int error)
{
	struct socket_icmp icmp;
	record->outcome = error == ETIMEDOUT ? PROBE_TIMED_OUT : PROBE_FAILED;
	record->error = error;
	/* errno does not tell from whom an ICMP message came. */
	if (socket_take_icmp(&icmp, socket)) {
		record->icmp = (struct probe_icmp){
			.given = 1, .type = icmp.type, .code = icmp.code, .from = icmp.from
		};
	}
}

/* From the port that is wanted, which each attempt has: their targets differ. Where it is taken the
 * kernel chooses another. */
static void bind_port(int socket, uint8_t family, uint16_t port)
{
	const int on = 1;
	struct sockaddr_storage from;
	const struct addr any = { .family = family };
	const socklen_t length = sockaddr_from_addr(&from, &any, port);
	(void)setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	(void)bind(socket, (struct sockaddr *)&from, length);
}

static int make_socket(const struct probe_order *order, const struct addr *to)
{
	int made = socket(
		to->family == ADDR_IPV6 ? AF_INET6 : AF_INET,
		(order->udp != 0 ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (made >= 0) {
		socket_want_icmp(made, to->family);
		if (order->source_port != 0) {
			bind_port(made, to->family, order->source_port);
		}
	}
	return made < 0 ? -errno : made;
}

static void succeed(struct attempt *a, usec_t now)
{
	a->record.took = now - a->record.begun;
	a->record.outcome = PROBE_OK;
	a->over = true;
	a->record.local = socket_own(a->socket, &a->record.local_port);
}

static void fail(struct attempt *a, usec_t now, int error)
{
	a->record.took = now - a->record.begun;
	a->over = true;
	if (a->socket >= 0) {
		probing_error(&a->record, a->socket, error);
		close_fdp(&a->socket);
	} else {
		a->record.outcome = PROBE_FAILED;
		a->record.error = error;
	}
}

static void begin(const struct probing *p, struct attempt *a)
{
	struct sockaddr_storage to;
	const usec_t now = probing_now(p);
	const socklen_t length = sockaddr_from_addr(&to, &a->record.to, p->order->port);
	a->begun = true;
	a->record.begun = now;
	a->socket = make_socket(p->order, &a->record.to);
	if (a->socket < 0) {
		const int error = -a->socket;
		a->socket = -1;
		fail(a, now, error);
	} else if (connect(a->socket, (struct sockaddr *)&to, length) == 0) {
		succeed(a, probing_now(p));
	} else if (errno != EINPROGRESS) {
		fail(a, probing_now(p), errno);
	}
}

/* What poll(2) says of one. */
static void hear(const struct probing *p, struct attempt *a)
{
	int error = 0;
	socklen_t length = sizeof(error);
	if (getsockopt(a->socket, SOL_SOCKET, SO_ERROR, &error, &length) < 0) {
		error = errno;
	}
	if (error == 0) {
		succeed(a, probing_now(p));
	} else {
		fail(a, probing_now(p), error);
	}
}

static void end_late(const struct probing *p, struct attempt *attempts, size_t count)
{
	const usec_t now = probing_now(p);
	for (size_t i = 0; i < count; i++) {
		if (attempts[i].begun && !attempts[i].over &&
		    now - attempts[i].record.begun >= p->order->connect_time) {
			fail(&attempts[i], now, ETIMEDOUT);
		}
	}
}

static void poll_all(const struct probing *p, struct attempt *attempts, size_t count, usec_t until)
{
	struct pollfd waits[PROBE_ADDRESSES_MAX];
	for (size_t i = 0; i < count; i++) {
		const bool open = attempts[i].begun && !attempts[i].over;
		waits[i] = (struct pollfd){ open ? attempts[i].socket : -1, POLLOUT, 0 };
	}
	const usec_t left = until - probing_now(p);
	if (poll(waits, count, left <= 0 ? 0 : (int)((left + 999) / 1000)) <= 0) {
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (waits[i].fd >= 0 && waits[i].revents != 0) {
			hear(p, &attempts[i]);
		}
	}
}

/* When the next address is tried: at once when none is under way. */
static usec_t next_begin(const struct attempt *attempts, size_t begun)
{
	usec_t next = 0;
	for (size_t i = 0; i < begun; i++) {
		const usec_t at = attempts[i].record.begun + HEAD_START;
		next = !attempts[i].over && at > next ? at : next;
	}
	return next;
}

static usec_t earliest_end(const struct probing *p, const struct attempt *attempts, size_t begun)
{
	usec_t end = INT64_MAX;
	for (size_t i = 0; i < begun; i++) {
		const usec_t at = attempts[i].record.begun + p->order->connect_time;
		end = !attempts[i].over && at < end ? at : end;
	}
	return end;
}

/* @return the one that is connected; NULL when none can be. */
static struct attempt *race(const struct probing *p, struct attempt *attempts, size_t count)
{
	size_t begun = 0;
	for (;;) {
		size_t over = 0;
		for (size_t i = 0; i < begun; i++) {
			if (attempts[i].over && attempts[i].record.outcome == PROBE_OK) {
				return &attempts[i];
			}
			over += attempts[i].over;
		}
		if (begun < count && next_begin(attempts, begun) <= probing_now(p)) {
			begin(p, &attempts[begun++]);
			continue; /* it may be over at once */
		}
		if (over == count) {
			return NULL;
		}
		const usec_t end = earliest_end(p, attempts, begun);
		const usec_t next = begun < count ? next_begin(attempts, begun) : end;
		poll_all(p, attempts, begun, next < end ? next : end);
		end_late(p, attempts, begun);
	}
}

int probing_connect(struct probing *p)
{
	struct attempt attempts[PROBE_ADDRESSES_MAX];
	const size_t count = p->order->address_count;
	memset(attempts, 0, sizeof(attempts));
	for (size_t i = 0; i < count; i++) {
		attempts[i].socket = -1;
		attempts[i].record.step = PROBE_STEP_CONNECT;
		attempts[i].record.to = p->order->addresses[i];
	}
	struct attempt *won = race(p, attempts, count);
	int r = 0;
	for (size_t i = 0; i < count; i++) {
		struct attempt *a = &attempts[i];
		if (a->begun && !a->over) {
			a->record.outcome = PROBE_LEFT;
			a->record.took = probing_now(p) - a->record.begun;
		}
		if (a->begun && r == 0) {
			r = p->tell(p->data, &a->record);
		}
		if (a != won) {
			close_fdp(&a->socket);
		}
	}
	if (won != NULL) {
		p->socket = won->socket;
		p->base.to = won->record.to;
		p->base.local = won->record.local;
		p->base.local_port = won->record.local_port;
	}
	return r < 0 ? r : won == NULL;
}
