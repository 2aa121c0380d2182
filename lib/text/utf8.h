/* Decoding of UTF-8, one character at a time. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Decodes the character at `bytes` (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF).
 * @return its length 1..4 with `*code` set; 0 when it is not valid (also at the end of the bytes).
 */
size_t utf8_decode(uint32_t *code, const char *bytes, size_t length);
