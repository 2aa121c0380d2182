/* SipHash (Aumasson, Bernstein 2012): short, keyed, and not to be guessed or made to collide by who
 * does not know the key. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* SipHash-1-3, for tables. @param words  as numbers; bytes count from the lowest on. */
uint64_t sip13(const uint64_t key[2], const uint64_t *words, size_t count);

/* SipHash-2-4, for what is shown to others. */
uint64_t sip24(const uint64_t key[2], const uint64_t *words, size_t count);
