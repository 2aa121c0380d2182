/* What may be asked for, and what is believed. */
#include <string.h>

#include "discover/discover.h"

bool discover_order_valid(const struct discover_order *order)
{
	if (order->count == 0 || order->count > DISCOVER_NETWORKS_MAX || order->rate == 0 ||
	    order->rate > DISCOVER_RATE || order->wait < 0 || order->wait > USEC_PER_MIN) {
		return false;
	}
	for (uint32_t i = 0; i < order->count; i++) {
		const struct prefix *prefix = &order->networks[i].prefix;
		const struct prefix masked = prefix_masked(prefix);
		if (prefix->address.family != ADDR_IPV4 || prefix->bits < DISCOVER_BITS_LEAST ||
		    prefix->bits > 32 || prefix->address.bytes[0] >= 224 ||
		    addr_compare(&masked.address, &prefix->address) != 0 ||
		    !prefix_has(prefix, &order->networks[i].own)) {
			return false;
		}
	}
	return true;
}

/* RFC 3021: both addresses of a /31 are hosts'. */
static size_t hosts_of(const struct prefix *prefix)
{
	const size_t all = (size_t)1 << (32 - prefix->bits);
	return all > 2 ? all - 2 : all;
}

size_t discover_address_count(const struct discover_order *order)
{
	size_t count = 0;
	for (uint32_t i = 0; i < order->count; i++) {
		count += hosts_of(&order->networks[i].prefix);
	}
	return count;
}

struct addr discover_address(const struct discover_order *order, size_t at)
{
	uint32_t i = 0;
	while (i + 1 < order->count && at >= hosts_of(&order->networks[i].prefix)) {
		at -= hosts_of(&order->networks[i++].prefix);
	}
	const struct prefix *prefix = &order->networks[i].prefix;
	const uint8_t *b = prefix->address.bytes;
	uint32_t number = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
	number += (uint32_t)at + (prefix->bits < 31 ? 1 : 0);
	const uint8_t bytes[] = { (uint8_t)(number >> 24), (uint8_t)(number >> 16),
				  (uint8_t)(number >> 8), (uint8_t)number };
	return addr_from_ipv4(bytes);
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.' || c == '/' || c == ' ';
}

bool discover_record_valid(const struct discover_record *record, const struct discover_order *order)
{
	const char *end = memchr(record->text, '\0', sizeof(record->text));
	if (record->kind >= DISCOVER_KINDS || end == NULL || end == record->text ||
	    record->from.family != ADDR_IPV4) {
		return false;
	}
	for (const char *at = record->text; at < end; at++) {
		if (!is_plain(*at)) {
			return false;
		}
	}
	for (uint32_t i = 0; i < order->count; i++) {
		if (prefix_has(&order->networks[i].prefix, &record->from)) {
			return true;
		}
	}
	return false;
}
