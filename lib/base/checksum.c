/* The checksum of the internet. */
#include "base/checksum.h"

#include "base/be.h"

uint32_t checksum_add(uint32_t sum, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i + 1 < length; i += 2) {
		sum += be16_at(bytes + i);
	}
	return length % 2 == 0 ? sum : sum + ((uint32_t)bytes[length - 1] << 8);
}

uint16_t checksum_end(uint32_t sum)
{
	while (sum >> 16 != 0) {
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)~sum;
}
