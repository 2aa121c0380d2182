/* A program for sock_diag that passes sockets with certain local ports alone (inet_diag.h). Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/portset.h"

/* Ports in at most this many ranges are told apart exactly; the last one takes the rest. */
enum { PORT_FILTER_RANGES = 12, PORT_FILTER_BYTES = PORT_FILTER_RANGES * 20 };

struct port_filter {
	size_t length; /* of the program in bytes; 0 = no port can pass */
	_Alignas(4) uint8_t program[PORT_FILTER_BYTES];
};

/* Makes a program that passes every port of the set, and few others. */
void port_filter_make(struct port_filter *out, const struct portset *ports);
