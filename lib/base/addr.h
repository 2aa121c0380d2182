/* Internet addresses and prefixes, IPv4 and IPv6, as values. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum addr_family {
	ADDR_NONE = 0,
	ADDR_IPV4 = 4,
	ADDR_IPV6 = 6,
};

/* Bytes in network order; IPv4 uses the first four. Unused bytes are zero, so memcmp compares. */
struct addr {
	uint8_t family; /* enum addr_family */
	uint8_t bytes[16];
};

/* An address with a prefix length: 0..32 or 0..128; host bits are zero after prefix_parse. */
struct prefix {
	struct addr address;
	uint8_t bits;
};

/* Who can reach a socket bound to an address, by the address alone (no firewall considered). */
enum exposure {
	EXPOSURE_LOOPBACK, /* 127.0.0.0/8, ::1 (RFC 1122 3.2.1.3, RFC 4291 2.5.3) */
	EXPOSURE_PRIVATE,  /* RFC 1918, link-local (RFC 3927, RFC 4291), ULA (RFC 4193), RFC 6598 */
	EXPOSURE_PUBLIC,   /* one address that is routed globally */
	EXPOSURE_ANY,      /* 0.0.0.0 or ::, every address of the host */
};

enum {
	ADDR_TEXT_BYTES = 46,     /* INET6_ADDRSTRLEN */
	PREFIX_TEXT_BYTES = 50,   /* address, slash, three digits, NUL */
	ENDPOINT_TEXT_BYTES = 72, /* brackets, zone, colon, five digits, NUL */
};

/* An address from bytes in network order, as they stand in packets and kernel structs. */
struct addr addr_from_ipv4(const void *four_bytes);
struct addr addr_from_ipv6(const void *sixteen_bytes);
/* The family by the length: 4 or 16; ADDR_NONE, and nothing is read, when it is another. */
struct addr addr_from_bytes(const void *bytes, size_t length);

/* Text form of RFC 5952. `out` has ADDR_TEXT_BYTES; "" for ADDR_NONE. @return out. */
const char *addr_format(const struct addr *address, char *out);

/* Address and port: "192.0.2.1:80", "[2001:db8::1]:80". `out` has ENDPOINT_TEXT_BYTES. @return out.
 */
const char *endpoint_format(const struct addr *address, uint16_t port, char *out);

/* Reads either family. @return 0, or -EINVAL with `out` untouched. */
int addr_parse(struct addr *out, const char *text);

/* Reads "address" or "address/bits"; host bits beyond the prefix are an error.
 * @return 0; -EINVAL not an address or host bits set; -ERANGE too many bits. */
int prefix_parse(struct prefix *out, const char *text);

/* "192.0.2.0/24"; a single address without its length. `out` has PREFIX_TEXT_BYTES. @return out. */
const char *prefix_format(const struct prefix *prefix, char *out);
/* Whether the address lies in the prefix; never across families. */
bool prefix_has(const struct prefix *prefix, const struct addr *address);

/* Orders by family, then bytes: <0, 0, >0 as memcmp. */
int addr_compare(const struct addr *a, const struct addr *b);

/* Whether it is 0.0.0.0 or ::, every address of the host; true of ADDR_NONE too. */
bool addr_is_any(const struct addr *address);
/* Who can reach a socket bound there; an IPv4-mapped address counts as the IPv4 one. */
enum exposure addr_exposure(const struct addr *address);

/* IPv4-mapped IPv6 (::ffff:0:0/96, RFC 4291 2.5.5.2) becomes IPv4; others are returned as they are.
 */
struct addr addr_unmap(const struct addr *address);
/* The same network without bits of its hosts: 192.0.2.7/24 becomes 192.0.2.0/24. */
struct prefix prefix_masked(const struct prefix *prefix);
/* A network of IPv4-mapped addresses (/96 or longer) becomes the one of IPv4. */
struct prefix prefix_unmap(const struct prefix *prefix);

/* "loopback", "private", "public", "any": the stable words of the JSON vocabulary. */
const char *exposure_name(enum exposure exposure);
/* The reverse; @return 0 or -EINVAL. */
int exposure_parse(enum exposure *out, const char *name);
