/* Asking the kernel for sockets through a NETLINK_SOCK_DIAG descriptor. */
#include "observe/io/dump.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/io/netlink.h"
#include "observe/io/dump-proc.h"
#include "observe/protocols.h"

struct dump {
	enum protocol protocol;
	const struct port_filter *filter;
	dump_function *function;
	void *data;
};

static int take(const struct nlmsghdr *message, void *data)
{
	const struct dump *dump = data;
	struct socket_facts facts;
	int r = diag_decode(&facts, dump->protocol, message);
	return r < 0 ? r : dump->function(&facts, dump->data);
}

static int ask(int fd, struct dump *dump, struct nlmsghdr *request)
{
	const struct netlink_reader reader = { .function = take, .data = dump };
	if (dump->filter != NULL) {
		diag_request_filter(request, dump->filter);
	}
	return netlink_ask(fd, request, &reader);
}

/* No sock_diag for the protocol: /proc/net has the sockets of the own namespace at least. */
static int without_diag(const struct observe_socket *socket, enum protocol protocol,
			uint32_t states, dump_function *function, void *data)
{
	struct stat own;
	bool here = stat("/proc/thread-self/ns/net", &own) == 0 && own.st_ino == socket->inode;
	return here ? dump_proc_net(protocol, states, function, data) : -EOPNOTSUPP;
}

static bool lacks(int r)
{
	return r == -ENOENT || r == -EOPNOTSUPP || r == -EINVAL;
}

int dump_sockets(const struct observe_socket *socket, enum protocol protocol, uint32_t states,
		 const struct port_filter *filter, dump_function *function, void *data,
		 struct err *e)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	_Alignas(struct nlmsghdr) char request[DIAG_REQUEST_BYTES];
	const bool idle[] = { protocols_is_idle(socket->idle, protocol, false),
			      protocols_is_idle(socket->idle, protocol, true) };
	struct dump dump = {
		.protocol = protocol, .filter = filter, .function = function, .data = data
	};
	if (filter != NULL && filter->length == 0) {
		return 0;
	}
	if (socket->by_proc) {
		return without_diag(socket, protocol, states, function, data);
	}
	if (protocol == PROTOCOL_TCP && !idle[0] && !idle[1]) {
		int r = ask(socket->fd, &dump, diag_request_tcp(request, states));
		if (!lacks(r)) {
			return r < 0 ? err_system(e, r, "cannot list tcp sockets") : 0;
		}
	}
	for (size_t i = 0; i < sizeof(families); i++) {
		int r = idle[i] ? 0
				: ask(socket->fd, &dump,
				      diag_request(request, protocol, families[i], states));
		if (lacks(r)) {
			return without_diag(socket, protocol, states, function, data);
		}
		if (r < 0) {
			return err_system(e, r, "cannot list %s sockets", protocol_name(protocol));
		}
	}
	return 0;
}
