/* Between struct addr and struct sockaddr. */
#include "base/sockaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

socklen_t sockaddr_from_addr(struct sockaddr_storage *out, const struct addr *address,
			     uint16_t port)
{
	memset(out, 0, sizeof(*out));
	if (address->family == ADDR_IPV4) {
		struct sockaddr_in *ipv4 = (struct sockaddr_in *)out;
		ipv4->sin_family = AF_INET;
		ipv4->sin_port = htons(port);
		memcpy(&ipv4->sin_addr, address->bytes, sizeof(ipv4->sin_addr));
		return sizeof(*ipv4);
	}
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)out;
	ipv6->sin6_family = AF_INET6;
	ipv6->sin6_port = htons(port);
	memcpy(&ipv6->sin6_addr, address->bytes, sizeof(ipv6->sin6_addr));
	return sizeof(*ipv6);
}

struct addr addr_from_sockaddr(const struct sockaddr *address)
{
	switch (address == NULL ? AF_UNSPEC : address->sa_family) {
	case AF_INET:
		return addr_from_ipv4(&((const struct sockaddr_in *)address)->sin_addr);
	case AF_INET6:
		return addr_from_ipv6(&((const struct sockaddr_in6 *)address)->sin6_addr);
	default:
		return (struct addr){ 0 };
	}
}

uint16_t sockaddr_port(const struct sockaddr *address)
{
	switch (address->sa_family) {
	case AF_INET:
		return ntohs(((const struct sockaddr_in *)address)->sin_port);
	case AF_INET6:
		return ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
	default:
		return 0;
	}
}
