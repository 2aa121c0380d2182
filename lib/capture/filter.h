/* Which packets a socket copies; private to lib/capture. */
#pragma once

#include <linux/filter.h>

#include "capture/capture.h"

enum { CONNECTION_STEPS_MAX = 1024 };

/*
 * The classic BPF program for a packet socket of SOCK_DGRAM, whose packets begin with the IP
 * header: those of the connection, and ICMP errors that quote one of its packets. On loopback,
 * where each packet is seen twice, the copy that comes in. IPv4 fragments behind the first and IPv6
 * extension headers are not followed.
 * @param out  CONNECTION_STEPS_MAX. @return how many steps it has.
 */
unsigned connection_filter(struct sock_filter *out, const struct capture_connection *connection);
