/* Asking the kernel for sockets through a NETLINK_SOCK_DIAG descriptor. */
#include "observe/io/dump.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "observe/io/dump-proc.h"
#include "observe/protocols.h"

/* The kernel fills at most 32 KiB at once (net/netlink/af_netlink.c, max_recvmsg_len). */
enum { RECEIVE_BYTES = 64 * 1024 };

struct dump {
	enum protocol protocol;
	uint32_t sequence;
	const struct port_filter *filter;
	dump_function *function;
	void *data;
};

/* @return 1 = the dump goes on, 0 = it is done, or negative errno. */
static int take(const struct dump *dump, const char *bytes, size_t length)
{
	int left = (int)length;
	for (const struct nlmsghdr *message = (const void *)bytes; diag_is_whole(message, left);
	     message = mnl_nlmsg_next(message, &left)) {
		if (message->nlmsg_seq != dump->sequence) {
			continue; /* rest of a dump that was given up */
		}
		if (message->nlmsg_type == NLMSG_DONE) {
			return 0;
		}
		if (message->nlmsg_type == NLMSG_ERROR) {
			if (mnl_nlmsg_get_payload_len(message) < sizeof(struct nlmsgerr)) {
				return -EBADMSG;
			}
			const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);
			return error->error;
		}
		struct socket_facts facts;
		int r = diag_decode(&facts, dump->protocol, message);
		if (r == 0) {
			r = dump->function(&facts, dump->data);
		}
		if (r < 0) {
			return r;
		}
	}
	return 1;
}

static int ask(int fd, const struct dump *dump, struct nlmsghdr *message)
{
	if (dump->filter != NULL) {
		diag_request_filter(message, dump->filter);
	}
	if (send(fd, message, message->nlmsg_len, 0) < 0) {
		return -errno;
	}
	_Alignas(struct nlmsghdr) char buffer[RECEIVE_BYTES];
	for (;;) {
		ssize_t length = recv(fd, buffer, sizeof(buffer), 0);
		if (length < 0 && errno == EINTR) {
			continue;
		}
		if (length < 0) {
			return -errno;
		}
		int r = take(dump, buffer, (size_t)length);
		if (r <= 0) {
			return r;
		}
	}
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
	static atomic_uint sequences = 1;
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
		dump.sequence = atomic_fetch_add(&sequences, 1);
		int r = ask(socket->fd, &dump, diag_request_tcp(request, states, dump.sequence));
		if (!lacks(r)) {
			return r < 0 ? err_system(e, r, "cannot list tcp sockets") : 0;
		}
	}
	for (size_t i = 0; i < sizeof(families); i++) {
		dump.sequence = atomic_fetch_add(&sequences, 1);
		int r = idle[i] ? 0
				: ask(socket->fd, &dump,
				      diag_request(request, protocol, families[i], states,
						   dump.sequence));
		if (lacks(r)) {
			return without_diag(socket, protocol, states, function, data);
		}
		if (r < 0) {
			return err_system(e, r, "cannot list %s sockets", protocol_name(protocol));
		}
	}
	return 0;
}
