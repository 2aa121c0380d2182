/* The checksum of IP, TCP, UDP and ICMP (RFC 1071). */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Adds bytes to a sum: the parts of a packet one after the other, in any order.
 * @param sum     0, what the pseudo header has in numbers, or what this function returned.
 * @param length  at most 65535 in all parts together; odd only in the last one.
 */
uint32_t checksum_add(uint32_t sum, const uint8_t *bytes, size_t length);

/* @return what stands in the packet, in host order: 0xffff minus the sum, with carries added. */
uint16_t checksum_end(uint32_t sum);
