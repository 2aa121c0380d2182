/* Asking the kernel for sockets through a NETLINK_SOCK_DIAG descriptor. */
#pragma once

#include "base/err.h"
#include "observe/diag.h"
#include "observe/observe.h"

/* Called for each socket; a negative answer ends the dump. */
typedef int dump_function(const struct socket_facts *facts, void *data);

/*
 * Dumps the sockets of one protocol, both families, that are in one of `states`.
 * @param socket with its descriptor; families that are idle in it are not asked for.
 * @param filter local ports to pass; NULL = all. One of length 0 passes none.
 * @return 0; -EOPNOTSUPP when the kernel has no diag for the protocol; what `function` returned;
 *         other negative errno of netlink.
 */
int dump_sockets(const struct observe_socket *socket, enum protocol protocol, uint32_t states,
		 const struct port_filter *filter, dump_function *function, void *data,
		 struct err *e);
