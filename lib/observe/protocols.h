/* Which protocols have sockets in a namespace, out of /proc/net/protocols. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/protocol.h"

/*
 * Reads the table of net/core/sock.c (proto_seq_show).
 * @return a mask of what has no socket at all and need not be asked for; 0 when the text is none.
 */
uint32_t protocols_idle(const char *text);

/* Has this protocol no socket of the family, by the mask? */
bool protocols_is_idle(uint32_t mask, enum protocol protocol, bool ipv6);
