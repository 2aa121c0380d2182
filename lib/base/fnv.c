/* FNV-1a, in its two widths. */
#include "base/fnv.h"

uint32_t fnv32_add(uint32_t hash, const void *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
		hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x01000193U;
	}
	return hash;
}

uint64_t fnv64_add(uint64_t hash, const void *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
		hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x00000100000001b3ULL;
	}
	return hash;
}
