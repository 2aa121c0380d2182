/* What a socket tells beside its data: its own address, and ICMP errors about its packets. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

/*
 * The address of our end, as getsockname(2) has it.
 * @param port  gets its port in host order, 0 where the address is none; NULL = not wanted.
 * @return ADDR_NONE when it cannot be told, or is none of the internet.
 */
struct addr socket_own(int fd, uint16_t *port);

/*
 * Has the kernel keep ICMP errors about packets of the socket in its queue (ip(7) IP_RECVERR,
 * ipv6(7) IPV6_RECVERR). Where it cannot, errors lose their origin, and nothing else is lost.
 * @param family  enum addr_family of the socket: ADDR_IPV4 or ADDR_IPV6.
 */
void socket_want_icmp(int fd, uint8_t family);

/* An ICMP error (RFC 792, RFC 4443). */
struct socket_icmp {
	uint8_t type, code;
	struct addr from;   /* who sent it; ADDR_NONE where the kernel does not say */
	uint8_t quoted[64]; /* what it quotes of our packet, from where the kind of socket begins */
	size_t quoted_bytes; /* of them */
};

/*
 * Takes the next ICMP error from the queue, without waiting; errors of other kinds are passed over
 * and gone. A reset of TCP leaves nothing there.
 * @return whether there was one; else `out` may have been written to.
 */
bool socket_take_icmp(struct socket_icmp *out, int fd);
