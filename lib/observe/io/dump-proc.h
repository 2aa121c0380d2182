/* Sockets of the own namespace by /proc/net, where the kernel has no sock_diag. */
#pragma once

#include "observe/io/dump.h"

/*
 * Like dump_sockets for the calling thread's namespace. TCP, UDP and UDP-Lite.
 * @return 0; -EOPNOTSUPP for other protocols; -ENOMEM; what `function` returned.
 */
int dump_proc_net(enum protocol protocol, uint32_t states, dump_function *function, void *data);
