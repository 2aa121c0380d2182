/* Numbers in network order, at any place in a packet. Whoever calls knows that the bytes are there.
 */
#pragma once

#include <stdint.h>

static inline uint16_t be16_at(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t be32_at(const uint8_t *at)
{
	return (uint32_t)be16_at(at) << 16 | be16_at(at + 2);
}

static inline void be16_put(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void be32_put(uint8_t *at, uint32_t value)
{
	be16_put(at, (uint16_t)(value >> 16));
	be16_put(at + 2, (uint16_t)value);
}
