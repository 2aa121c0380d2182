/* Packets of a check's own connection. */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sockaddr.h"
#include "check.h"

/* After the last step: the answer to a FIN, on a line of some length. */
static const struct timespec LAST_ONES = { .tv_nsec = 100L * 1000 * 1000 };

_Static_assert((int)CAPTURE_PEERS_MAX >= (int)PROBE_ADDRESSES_MAX, "every address is a peer");

int check_may_capture(struct err *e)
{
	_cleanup_(close_fdp) int fd = -1;
	const uint8_t loopback[] = { 127, 0, 0, 1 };
	const struct capture_connection any = { .protocol = PROTOCOL_TCP,
						.peer_count = 1,
						.local_port = 1,
						.remote_port = 1,
						.peers = { addr_from_ipv4(loopback) } };
	return capture_connection_open(&fd, &any, e);
}

/*
 * Takes a port that is free in both families. As long as it is held, connections of others are not
 * given it; minato-probe may bind to it too, since both sockets say SO_REUSEADDR and none listens.
 * @return the socket that holds it, or -1.
 */
static int hold_port(uint16_t *port, bool udp)
{
	const int type = (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC;
	const int on = 1;
	struct sockaddr_storage at;
	struct addr any = { .family = ADDR_IPV6 };
	_cleanup_(close_fdp) int fd = socket(AF_INET6, type, 0);
	if (fd < 0) {
		any.family = ADDR_IPV4;
		fd = socket(AF_INET, type, 0);
	}
	socklen_t length = sockaddr_from_addr(&at, &any, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&at, length) < 0) {
		return -1;
	}
	length = sizeof(at);
	if (getsockname(fd, (struct sockaddr *)&at, &length) < 0) {
		return -1;
	}
	*port = sockaddr_port((struct sockaddr *)&at);
	return steal_fd(&fd);
}

void check_capture_begin(struct check_capture *capture, struct check *check)
{
	struct probe_order *order = &check->order;
	uint16_t port = 0;
	capture->held = hold_port(&port, order->udp != 0);
	if (capture->held < 0 || port == order->port) {
		return;
	}
	struct capture_connection *connection = &capture->connection;
	*connection = (struct capture_connection){
		.protocol = order->udp != 0 ? PROTOCOL_UDP : PROTOCOL_TCP,
		.peer_count = order->address_count,
		.local_port = port,
		.remote_port = order->port,
	};
	for (uint32_t i = 0; i < order->address_count; i++) {
		connection->peers[i] = order->addresses[i];
	}
	if (capture_connection_open(&capture->socket, connection, NULL) == 0) {
		order->source_port = port;
	} else {
		close_fdp(&capture->held); /* it may be the last port that is free */
	}
}

/* Whether the connection has another port than the one that was listened for. */
static bool went_elsewhere(const struct check_capture *capture, const struct check *check)
{
	for (size_t i = 0; i < check->count; i++) {
		const struct probe_record *r = &check->records[i];
		if (r->step == PROBE_STEP_CONNECT && r->outcome == PROBE_OK &&
		    r->local_port != capture->connection.local_port) {
			return true;
		}
	}
	return false;
}

static int collect(struct check_capture *capture, struct check *check, struct err *e)
{
	if (capture->socket < 0 || went_elsewhere(capture, check)) {
		return 0; /* what another port's owner sends is not to be read */
	}
	(void)nanosleep(&LAST_ONES, NULL); /* a signal may end it */
	int r = capture_connection_collect(check->packets, &check->packet_count,
					   &check->packets_more, capture->socket,
					   &capture->connection, e);
	check->captured = r == 0 && check->packet_count > 0;
	return r;
}

int check_capture_end(struct check_capture *capture, struct check *check, struct err *e)
{
	int r = collect(capture, check, e);
	close_fdp(&capture->socket);
	close_fdp(&capture->held);
	return r;
}
