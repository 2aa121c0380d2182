/* Lines of /proc/net/tcp, udp and their like, for kernels without sock_diag. Pure. */
#pragma once

#include "observe/diag.h"

/*
 * Reads one line (net/ipv4/tcp_ipv4.c, get_tcp4_sock; net/ipv6/tcp_ipv6.c, get_tcp6_sock; the
 * same for UDP). The backlog, the cookie and IPV6_V6ONLY are not told.
 * @param line ends with NUL or a newline.
 * @return 0; -EINVAL for the heading and anything else.
 */
int proc_net_parse(struct socket_facts *out, enum protocol protocol, bool ipv6, const char *line);
