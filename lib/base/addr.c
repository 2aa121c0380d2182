/* Internet addresses and prefixes. */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"

struct addr addr_from_ipv4(const void *four_bytes)
{
	struct addr address = { .family = ADDR_IPV4 };
	memcpy(address.bytes, four_bytes, 4);
	return address;
}

struct addr addr_from_ipv6(const void *sixteen_bytes)
{
	struct addr address = { .family = ADDR_IPV6 };
	memcpy(address.bytes, sixteen_bytes, 16);
	return address;
}

struct addr addr_from_bytes(const void *bytes, size_t length)
{
	return length == 4    ? addr_from_ipv4(bytes)
	       : length == 16 ? addr_from_ipv6(bytes)
			      : (struct addr){ .family = ADDR_NONE };
}

const char *addr_format(const struct addr *address, char *out)
{
	out[0] = '\0';
	if (address->family != ADDR_NONE) {
		int family = address->family == ADDR_IPV4 ? AF_INET : AF_INET6;
		(void)inet_ntop(family, address->bytes, out, ADDR_TEXT_BYTES); /* room is enough */
	}
	return out;
}

const char *endpoint_format(const struct addr *address, uint16_t port, char *out)
{
	char text[ADDR_TEXT_BYTES];
	addr_format(address, text);
	const char *format = address->family == ADDR_IPV6 ? "[%s]:%u" : "%s:%u";
	(void)snprintf(out, ENDPOINT_TEXT_BYTES, format, text, port); /* room is enough */
	return out;
}

int addr_parse(struct addr *out, const char *text)
{
	unsigned char bytes[16];
	if (inet_pton(AF_INET, text, bytes) == 1) {
		*out = addr_from_ipv4(bytes);
		return 0;
	}
	if (inet_pton(AF_INET6, text, bytes) == 1) {
		*out = addr_from_ipv6(bytes);
		return 0;
	}
	return -EINVAL;
}

static unsigned width_bits(const struct addr *address)
{
	return address->family == ADDR_IPV4 ? 32 : 128;
}

static bool bits_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	if (memcmp(a, b, bits / 8) != 0) {
		return false;
	}
	unsigned rest = bits % 8;
	return rest == 0 || (a[bits / 8] ^ b[bits / 8]) >> (8 - rest) == 0;
}

static bool host_bits_zero(const struct addr *address, unsigned bits)
{
	for (unsigned bit = bits; bit < width_bits(address); bit++) {
		if ((address->bytes[bit / 8] >> (7 - bit % 8) & 1) != 0) {
			return false;
		}
	}
	return true;
}

struct prefix prefix_masked(const struct prefix *prefix)
{
	struct prefix out = *prefix;
	for (unsigned bit = out.bits; bit < width_bits(&out.address); bit++) {
		out.address.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	}
	return out;
}

int prefix_parse(struct prefix *out, const char *text)
{
	char address_text[ADDR_TEXT_BYTES];
	size_t length = strcspn(text, "/");
	if (length >= sizeof(address_text)) {
		return -EINVAL;
	}
	memcpy(address_text, text, length);
	address_text[length] = '\0';
	struct prefix parsed = { 0 };
	if (addr_parse(&parsed.address, address_text) < 0) {
		return -EINVAL;
	}
	uint64_t bits = width_bits(&parsed.address);
	if (text[length] == '/') {
		int r = parse_u64(&bits, text + length + 1, 0, bits);
		if (r < 0) {
			return r;
		}
	}
	if (!host_bits_zero(&parsed.address, (unsigned)bits)) {
		return -EINVAL;
	}
	parsed.bits = (uint8_t)bits;
	*out = parsed;
	return 0;
}

const char *prefix_format(const struct prefix *prefix, char *out)
{
	char text[ADDR_TEXT_BYTES];
	addr_format(&prefix->address, text);
	if (prefix->bits == width_bits(&prefix->address)) {
		(void)snprintf(out, PREFIX_TEXT_BYTES, "%s", text); /* room is enough */
	} else {
		(void)snprintf(out, PREFIX_TEXT_BYTES, "%s/%u", text, prefix->bits); /* likewise */
	}
	return out;
}

bool prefix_has(const struct prefix *prefix, const struct addr *address)
{
	return prefix->address.family == address->family &&
	       bits_equal(prefix->address.bytes, address->bytes, prefix->bits);
}

int addr_compare(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family) {
		return a->family < b->family ? -1 : 1;
	}
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool addr_is_any(const struct addr *address)
{
	static const uint8_t zero[16];
	return memcmp(address->bytes, zero, sizeof(zero)) == 0;
}

struct addr addr_unmap(const struct addr *address)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	if (address->family == ADDR_IPV6 && memcmp(address->bytes, mapped, sizeof(mapped)) == 0) {
		return addr_from_ipv4(address->bytes + 12);
	}
	return *address;
}

struct prefix prefix_unmap(const struct prefix *prefix)
{
	enum { MAPPED_BITS = 96 };
	const struct addr plain = addr_unmap(&prefix->address);
	if (plain.family == prefix->address.family || prefix->bits < MAPPED_BITS) {
		return *prefix;
	}
	return (struct prefix){ plain, (uint8_t)(prefix->bits - MAPPED_BITS) };
}

/* What an address is for; the first match counts. */
static const struct {
	struct prefix prefix;
	enum exposure exposure;
} special_prefixes[] = {
	{ { { ADDR_IPV4, { 127 } }, 8 }, EXPOSURE_LOOPBACK },        /* RFC 1122 3.2.1.3 */
	{ { { ADDR_IPV4, { 10 } }, 8 }, EXPOSURE_PRIVATE },          /* RFC 1918 */
	{ { { ADDR_IPV4, { 172, 16 } }, 12 }, EXPOSURE_PRIVATE },    /* RFC 1918 */
	{ { { ADDR_IPV4, { 192, 168 } }, 16 }, EXPOSURE_PRIVATE },   /* RFC 1918 */
	{ { { ADDR_IPV4, { 169, 254 } }, 16 }, EXPOSURE_PRIVATE },   /* RFC 3927 */
	{ { { ADDR_IPV4, { 100, 64 } }, 10 }, EXPOSURE_PRIVATE },    /* RFC 6598 */
	{ { { ADDR_IPV6, { [15] = 1 } }, 128 }, EXPOSURE_LOOPBACK }, /* RFC 4291 2.5.3 */
	{ { { ADDR_IPV6, { 0xfe, 0x80 } }, 10 }, EXPOSURE_PRIVATE }, /* RFC 4291 2.5.6 */
	{ { { ADDR_IPV6, { 0xfc } }, 7 }, EXPOSURE_PRIVATE },        /* RFC 4193 */
};

enum exposure addr_exposure(const struct addr *address)
{
	struct addr plain = addr_unmap(address);
	if (addr_is_any(&plain)) {
		return EXPOSURE_ANY;
	}
	for (unsigned i = 0; i < sizeof(special_prefixes) / sizeof(special_prefixes[0]); i++) {
		if (prefix_has(&special_prefixes[i].prefix, &plain)) {
			return special_prefixes[i].exposure;
		}
	}
	return EXPOSURE_PUBLIC;
}

static const char *const exposure_names[] = {
	[EXPOSURE_LOOPBACK] = "loopback",
	[EXPOSURE_PRIVATE] = "private",
	[EXPOSURE_PUBLIC] = "public",
	[EXPOSURE_ANY] = "any",
};

const char *exposure_name(enum exposure exposure)
{
	return exposure_names[exposure];
}

int exposure_parse(enum exposure *out, const char *name)
{
	for (unsigned i = 0; i <= EXPOSURE_ANY; i++) {
		if (strcmp(exposure_names[i], name) == 0) {
			*out = (enum exposure)i;
			return 0;
		}
	}
	return -EINVAL;
}
