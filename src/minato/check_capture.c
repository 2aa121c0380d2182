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
static const struct timespec LAST_ONES = { .tv_nsec = 100 * 1000 * 1000L };

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

/* A port that is free in both families now. Until minato-probe has it somebody else may take it:
 * then another one is used, and nothing is captured. @return 0 = none is. */
static uint16_t free_port(bool udp)
{
	_cleanup_(close_fdp) int six = socket(AF_INET6, udp ? SOCK_DGRAM : SOCK_STREAM, 0);
	_cleanup_(close_fdp) int four =
		six >= 0 ? -1 : socket(AF_INET, udp ? SOCK_DGRAM : SOCK_STREAM, 0);
	struct sockaddr_storage at;
	const struct addr any = { .family = six >= 0 ? ADDR_IPV6 : ADDR_IPV4 };
	socklen_t length = sockaddr_from_addr(&at, &any, 0);
	const int fd = six >= 0 ? six : four;
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, length) < 0) {
		return 0;
	}
	length = sizeof(at);
	return getsockname(fd, (struct sockaddr *)&at, &length) < 0
		       ? 0
		       : sockaddr_port((struct sockaddr *)&at);
}

void check_capture_begin(struct check_capture *capture, struct check *check)
{
	struct probe_order *order = &check->order;
	const uint16_t port = free_port(order->udp != 0);
	if (port == 0 || port == order->port) {
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
	}
}

int check_capture_end(struct check_capture *capture, struct check *check, struct err *e)
{
	if (capture->socket < 0) {
		return 0;
	}
	(void)nanosleep(&LAST_ONES, NULL); /* a signal may end it */
	int r = capture_connection_collect(check->packets, &check->packet_count,
					   &check->packets_more, capture->socket,
					   &capture->connection, e);
	close_fdp(&capture->socket);
	check->captured = r == 0 && check->packet_count > 0;
	return r;
}
