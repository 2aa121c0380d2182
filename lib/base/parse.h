/* Numbers from text. The only place where digits become integers. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Reads a whole decimal number: digits only, no sign, no spaces, nothing after it.
 * @param out untouched on failure.
 * @return 0; -EINVAL when it is not such a number; -ERANGE outside [min, max].
 */
int parse_u64(uint64_t *out, const char *text, uint64_t min, uint64_t max);

/* Like parse_u64 over the first `length` bytes of `text`. */
int parse_u64_bytes(uint64_t *out, const char *text, size_t length, uint64_t min, uint64_t max);

/* A port number, 0..65535 (RFC 6335 section 6). @return 0, -EINVAL, -ERANGE. */
int parse_port(uint16_t *out, const char *text);

/* "8000-8100" or "443" (then both ends are equal). @return 0, -EINVAL (also first > last), -ERANGE.
 */
int parse_port_range(uint16_t *first, uint16_t *last, const char *text);

/* Hexadecimal digits only, as in /proc/net. @return 0, -EINVAL, -ERANGE. */
int parse_hex_u64(uint64_t *out, const char *text, size_t length);
