/* Which packets a socket copies; private to lib/tap. */
#pragma once

#include <linux/filter.h>

enum { FILTER_STEPS_MAX = 128, FILTER_BYTES = 256 };

/*
 * The classic BPF program for a packet socket of SOCK_DGRAM, whose packets begin with the IP
 * header. It copies at most FILTER_BYTES of what asks for something: no answers, nothing with data
 * of an established connection; of what goes out only what tells of ports in use.
 * @param out  FILTER_STEPS_MAX. @return how many steps it has.
 */
unsigned filter_write(struct sock_filter *out);
