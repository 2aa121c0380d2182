/* FNV-1a hashes (draft-eastlake-fnv): small, and the same everywhere and for ever. Whoever chooses
 * the bytes can make two collide; against that there is base/sip.h. */
#pragma once

#include <stddef.h>
#include <stdint.h>

static const uint32_t FNV32_BEGIN = 0x811c9dc5;
static const uint64_t FNV64_BEGIN = 0xcbf29ce484222325;

/* @param hash  where it begins, or what was made of the bytes before. */
uint32_t fnv32_add(uint32_t hash, const void *bytes, size_t length);
uint64_t fnv64_add(uint64_t hash, const void *bytes, size_t length);
