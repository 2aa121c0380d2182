/* Addresses as the calls of sockets take and give them: ip(7), ipv6(7). */
#pragma once

#include <sys/socket.h>

#include "base/addr.h"

/*
 * Makes what bind(2), connect(2) and sendto(2) take.
 * @param out      all of it is written: scope and flow label of IPv6 are 0.
 * @param address  ADDR_IPV4 or ADDR_IPV6.
 * @param port     in host order; 0 = none, or any.
 * @return the length that those calls want.
 */
socklen_t sockaddr_from_addr(struct sockaddr_storage *out, const struct addr *address,
			     uint16_t port);

/*
 * What accept(2), getsockname(2), getaddrinfo(3) or getifaddrs(3) gave.
 * @param address  as long as its family says; NULL is allowed, as an interface may have none.
 * @return the address, IPv4-mapped ones as they are; ADDR_NONE for NULL and every other family.
 */
struct addr addr_from_sockaddr(const struct sockaddr *address);

/* Its port in host order. @param address  AF_INET or AF_INET6; 0 of another family. */
uint16_t sockaddr_port(const struct sockaddr *address);
