/* Sockets that never wait. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/sockaddr.h"
#include "tls/io/run.h"

int connection_open(struct subject *s, usec_t now)
{
	struct sockaddr_storage to;
	const struct tls_engine *e = s->engine;
	const socklen_t length = sockaddr_from_addr(&to, &e->order->address, s->record.port);
	const struct linger reset = { .l_onoff = 1 };
	_cleanup_(close_fdp) int fd =
		socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		return -errno;
	}
	/* Hundreds of connections are made; none may stay behind in TIME_WAIT. */
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (connect(fd, (struct sockaddr *)&to, length) < 0 && errno != EINPROGRESS) {
		return -errno;
	}
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT, .data.ptr = s };
	if (epoll_ctl(e->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		return -errno;
	}
	s->socket = steal_fd(&fd);
	s->phase = PHASE_CONNECTING;
	s->deadline = now + e->order->connect_time;
	s->heard = 0;
	s->record.questions++;
	return 0;
}

int connection_opened(struct subject *s)
{
	int error = 0;
	socklen_t length = sizeof(error);
	if (getsockopt(s->socket, SOL_SOCKET, SO_ERROR, &error, &length) < 0) {
		return -errno;
	}
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = s };
	if (error == 0 && epoll_ctl(s->engine->epoll, EPOLL_CTL_MOD, s->socket, &event) < 0) {
		return -errno;
	}
	return -error;
}

long connection_hear(struct subject *s, uint8_t *bytes, size_t room)
{
	const ssize_t r = recv(s->socket, bytes, room, MSG_DONTWAIT);
	return r < 0 ? -errno : r;
}

bool connection_say(struct subject *s, const uint8_t *bytes, size_t length)
{
	/* Questions are shorter than any empty buffer of a socket. */
	return send(s->socket, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length;
}

void connection_close(struct subject *s)
{
	close_fdp(&s->socket); /* epoll forgets it then */
	session_end(&s->session);
}
