/* Messages of NETLINK_SOCK_DIAG (include/uapi/linux/inet_diag.h): requests out, sockets in. */
#pragma once

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "model/connection.h"
#include "model/listener.h"
#include "model/protocol.h"
#include "observe/port-filter.h"

/* States of include/net/tcp_states.h; UDP uses the first and CLOSE. */
enum socket_state {
	SOCKET_ESTABLISHED = 1,
	SOCKET_SYN_RECV = 3,
	SOCKET_TIME_WAIT = 6,
	SOCKET_CLOSE = 7,
	SOCKET_LISTEN = 10,
	SOCKET_NEW_SYN_RECV = 12,
};

/* One socket as the kernel tells of it. */
struct socket_facts {
	enum protocol protocol;
	uint8_t state; /* enum socket_state */
	bool v6_only;
	struct addr local, remote;
	uint16_t local_port, remote_port;
	uint32_t interface;
	uint32_t uid;
	uint64_t inode;
	uint64_t cookie;
	uint32_t receive_queue; /* LISTEN: connections waiting for accept() */
	uint32_t send_queue;    /* LISTEN: the backlog */
};

enum { DIAG_REQUEST_BYTES = 512 };

/* Which states to ask for: a bit per enum socket_state. */
uint32_t diag_listening_states(enum protocol protocol);
uint32_t diag_connected_states(enum protocol protocol);

/*
 * Writes a dump request.
 * @param buffer  DIAG_REQUEST_BYTES, aligned for struct nlmsghdr.
 * @param family  AF_INET or AF_INET6.
 * @return the message inside `buffer`.
 */
struct nlmsghdr *diag_request(void *buffer, enum protocol protocol, uint8_t family,
			      uint32_t states);

/*
 * Writes a dump request for TCP sockets of both families in the form of before Linux 3.3: the
 * kernel then walks its hash tables once instead of twice (net/ipv4/inet_diag.c,
 * inet_diag_dump_compat).
 */
struct nlmsghdr *diag_request_tcp(void *buffer, uint32_t states);

/* Adds a filter program to a request. */
void diag_request_filter(struct nlmsghdr *request, const struct port_filter *filter);

/*
 * Reads one answer, which is whole. @param protocol what was asked for.
 * @return 0; -EBADMSG when it is too short or of no known family.
 */
int diag_decode(struct socket_facts *out, enum protocol protocol, const struct nlmsghdr *message);

/* The nouns made of it; netns, owners and names are left for the caller. */
struct listener diag_listener(const struct socket_facts *facts);
struct connection diag_connection(const struct socket_facts *facts);
