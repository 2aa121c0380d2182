/* Every entry of the kernel's table. */
#include <errno.h>
#include <sys/socket.h>

#include "base/io/netlink.h"
#include "conntrack/io/handle.h"
#include "conntrack/message.h"

static const char reading_words[] = "read the kernel's table of connections";

struct dump {
	conntrack_flow_function *function;
	void *data;
};

static int take(const struct nlmsghdr *message, void *data)
{
	const struct dump *dump = data;
	struct conntrack_flow flow;
	if (message_flow(&flow, message) < 0) {
		return 0; /* of a family or form not known here */
	}
	return dump->function(&flow, dump->data);
}

int conntrack_dump_ask(int fd, uint8_t family, uint32_t sequence, struct err *e)
{
	_Alignas(struct nlmsghdr) char buffer[CONNTRACK_REQUEST_BYTES];
	const struct nlmsghdr *request = message_dump(buffer, family, sequence);
	int r = netlink_send(fd, request);
	return r < 0 ? handle_failure(r, reading_words, e) : 0;
}

int conntrack_dump_read(int fd, uint32_t sequence, conntrack_flow_function *function, void *data,
			struct err *e)
{
	struct dump dump = { .function = function, .data = data };
	const struct netlink_reader reader = { .function = take, .data = &dump };
	int r = netlink_read(fd, sequence, &reader);
	return r < 0 ? handle_failure(handle_errno(r), reading_words, e) : 0;
}

int conntrack_dump(struct conntrack *conntrack, uint8_t family, conntrack_flow_function *function,
		   void *data, struct err *e)
{
	uint32_t sequence = ++conntrack->sequence;
	int r = conntrack_dump_ask(conntrack->dump_fd, family, sequence, e);
	return r < 0 ? r : conntrack_dump_read(conntrack->dump_fd, sequence, function, data, e);
}
