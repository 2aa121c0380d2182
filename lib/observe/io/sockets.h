/* Network namespaces of the host, and a sock_diag socket in each. */
#pragma once

#include "observe/observe.h"

/* Like observe_sockets_open; finds the namespaces by the pin in `bpf_directory` if there is one. */
int sockets_open(struct observe_sockets *out, bool all, unsigned without, const char *bpf_directory,
		 struct err *e);

/* Can the sockets of this namespace be listed? */
static inline bool sockets_listable(const struct observe_socket *socket)
{
	return socket->fd >= 0 || socket->by_proc;
}

/*
 * Moves the calling thread into a namespace, for good.
 * @return 0; -ENOENT when it is another one by now; -EPERM; other negative errno.
 */
int sockets_enter(const struct observe_socket *socket);
