/*
 * Asking UDP ports. An answer says open, an ICMP error closed, silence nothing by itself: hosts
 * send few ICMP errors (RFC 1812 4.3.2.8; Linux one per second and peer). So each silent port is
 * asked alone and slowly, between questions to a control port that nobody holds: only where the
 * host tells of that one, silence means that this one is not closed.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sockaddr.h"
#include "sweep/io/run.h"

enum { QUESTION_BYTES = 1200 };

/* First all of them, a little apart. */
static const usec_t APART = 20000;
static const usec_t ANSWERS_COME = 1000000;
/* Between questions that an ICMP error may answer: net.ipv4.icmp_ratelimit is a second. */
static const usec_t SLOWLY = 1100000;

struct port {
	int socket;
	uint16_t number;
	enum sweep_state state;
};

struct asking {
	struct running *run;
	struct port ports[SWEEP_UDP_PORTS_MAX + 1]; /* the control port is the last one */
	unsigned count;                             /* with it */
};

static void settle(struct asking *a, struct port *port, enum sweep_state state)
{
	if (port->state <= SWEEP_SILENT) {
		port->state = state;
		a->run->progress.settled += port != &a->ports[a->count - 1];
	}
}

static void note_rejecter(struct running *run, const struct socket_icmp *icmp)
{
	for (uint32_t i = 0; i < run->rejecter_count; i++) {
		struct sweep_rejecter *r = &run->rejecters[i];
		if (r->type == icmp->type && r->code == icmp->code &&
		    addr_compare(&r->from, &icmp->from) == 0) {
			r->count++;
			return;
		}
	}
	if (run->rejecter_count < SWEEP_REJECTERS_MAX) {
		run->rejecters[run->rejecter_count++] =
			(struct sweep_rejecter){ icmp->type, icmp->code, icmp->from, 1 };
	}
}

static void hear_one(struct asking *a, struct port *port)
{
	const struct addr *target = &a->run->order.target;
	struct socket_icmp icmp;
	char byte;
	while (socket_take_icmp(&icmp, port->socket)) {
		if (sweep_icmp_closed(target, icmp.type, icmp.code, &icmp.from)) {
			settle(a, port, SWEEP_CLOSED);
		} else if (sweep_icmp_settles(target, icmp.type, icmp.code)) {
			note_rejecter(a->run, &icmp);
			settle(a, port, SWEEP_REJECTED);
		} else {
			note_rejecter(a->run, &icmp);
		}
	}
	/* Zero bytes are an answer too; what waits as an error was in the queue. */
	if (recv(port->socket, &byte, sizeof(byte), MSG_DONTWAIT | MSG_TRUNC) >= 0) {
		settle(a, port, SWEEP_OPEN);
	}
}

/* @return 0; negative errno of tell. Ends early when it shall end. */
static int hear_until(struct asking *a, usec_t until)
{
	struct pollfd waits[SWEEP_UDP_PORTS_MAX + 1];
	int r = 0;
	do {
		for (unsigned i = 0; i < a->count; i++) {
			waits[i] = (struct pollfd){ a->ports[i].socket, POLLIN, 0 };
		}
		if (poll(waits, a->count, running_wait(until)) > 0) {
			for (unsigned i = 0; i < a->count; i++) {
				if (waits[i].revents != 0) {
					hear_one(a, &a->ports[i]);
				}
			}
		}
		r = running_tell(a->run, running_now());
	} while (r == 0 && running_now() < until && !running_stopped(a->run));
	return r;
}

static void ask(struct asking *a, struct port *port)
{
	uint8_t bytes[QUESTION_BYTES];
	const size_t length = sweep_udp_question(bytes, sizeof(bytes), port->number);
	/* Errors that wait are told by send(2) first, and have nothing to do with it. */
	for (unsigned tries = 0; tries < 3; tries++) {
		if (send(port->socket, bytes, length, MSG_NOSIGNAL) >= 0) {
			a->run->progress.sent++;
			port->state = port->state == SWEEP_UNASKED ? SWEEP_SILENT : port->state;
			return;
		}
		hear_one(a, port);
	}
}

/* All that have not answered, then a wait for answers. */
static int ask_quickly(struct asking *a)
{
	int r = 0;
	bool any = false;
	for (unsigned i = 0; r == 0 && i + 1 < a->count && !a->run->interrupted; i++) {
		if (a->ports[i].state <= SWEEP_SILENT) {
			ask(a, &a->ports[i]);
			any = true;
			r = hear_until(a, running_now() + APART);
		}
	}
	return r < 0 || !any || a->run->interrupted ? r
						    : hear_until(a, running_now() + ANSWERS_COME);
}

/* Whether the host tells that nobody holds the control port. */
static int ask_control(struct asking *a, bool *tells)
{
	struct port *control = &a->ports[a->count - 1];
	control->state = SWEEP_UNASKED;
	ask(a, control);
	const int r = hear_until(a, running_now() + SLOWLY);
	*tells = control->state == SWEEP_CLOSED;
	return r;
}

/* One port after another, none quicker than errors may come. */
static int ask_slowly(struct asking *a)
{
	int r = 0;
	for (unsigned i = 0; r == 0 && i + 1 < a->count && !a->run->interrupted; i++) {
		if (a->ports[i].state == SWEEP_SILENT) {
			ask(a, &a->ports[i]);
			r = hear_until(a, running_now() + SLOWLY);
		}
		a->run->progress.left -= a->run->progress.left > SLOWLY ? SLOWLY : 0;
	}
	return r;
}

static int ask_silent(struct asking *a)
{
	bool before = false, after = false;
	const unsigned silent = a->run->progress.total - a->run->progress.settled;
	if (silent == 0 || a->run->interrupted) {
		return 0;
	}
	a->run->progress.round = 2;
	a->run->progress.left = (usec_t)(2 * silent + 2) * SLOWLY;
	int r = ask_control(a, &before);
	/* Twice: an error may be lost on its way. */
	for (unsigned times = 0; r == 0 && before && times < 2; times++) {
		r = ask_slowly(a);
	}
	r = r < 0 || !before || a->run->interrupted ? r : ask_control(a, &after);
	for (unsigned i = 0; before && after && i + 1 < a->count; i++) {
		if (a->ports[i].state == SWEEP_SILENT) {
			a->ports[i].state = SWEEP_HELD;
		}
	}
	return r;
}

static int open_port(struct asking *a, uint16_t number)
{
	struct sockaddr_storage from, to;
	const struct sweep_order *order = &a->run->order;
	const struct addr any = { .family = order->target.family };
	const socklen_t length = sockaddr_from_addr(&to, &order->target, number);
	struct port *port = &a->ports[a->count];
	port->number = number;
	port->socket = socket(order->target.family == ADDR_IPV6 ? AF_INET6 : AF_INET,
			      SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (port->socket < 0) {
		return -errno;
	}
	a->count++;
	socket_want_icmp(port->socket, order->target.family);
	bool bound = false;
	for (uint32_t i = 0; !bound && i <= (uint32_t)order->source_last - order->source_first;
	     i++) {
		(void)sockaddr_from_addr(&from, &any, (uint16_t)(order->source_first + i));
		bound = order->source_first + i != number &&
			bind(port->socket, (const struct sockaddr *)&from, length) == 0;
	}
	if (!bound) {
		return -EADDRINUSE;
	}
	return connect(port->socket, (const struct sockaddr *)&to, length) < 0 ? -errno : 0;
}

static int open_all(struct asking *a)
{
	const struct sweep_order *order = &a->run->order;
	int r = 0;
	for (int32_t port = portset_next(&order->ports, 1); r == 0 && port >= 0;
	     port = portset_next(&order->ports, (uint32_t)port + 1)) {
		r = open_port(a, (uint16_t)port);
		a->run->progress.total++;
	}
	return r < 0 ? r : open_port(a, order->control);
}

int sweep_by_datagrams(struct running *run)
{
	struct asking a = { .run = run };
	run->progress.round = 1;
	int r = open_all(&a);
	if (r < 0) {
		run->error = -r;
		r = 0;
	}
	/* Twice: an answer may be lost on its way. */
	for (unsigned times = 0; times < 2 && r == 0 && run->error == 0; times++) {
		r = ask_quickly(&a);
	}
	if (r == 0 && run->error == 0) {
		r = ask_silent(&a);
	}
	for (unsigned i = 0; i < a.count; i++) {
		if (portset_has(&run->order.ports, a.ports[i].number)) {
			run->states[a.ports[i].number] = (uint8_t)a.ports[i].state;
		}
		close_fdp(&a.ports[i].socket);
	}
	return r;
}
