/* Sockets of the own namespace by /proc/net, where the kernel has no sock_diag. */
#include "observe/io/dump-proc.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "observe/proc-net.h"

enum { TABLE_MAX_BYTES = 1 << 30 };

static const struct {
	enum protocol protocol;
	const char *paths[2];
} tables[] = {
	{ PROTOCOL_TCP, { "/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6" } },
	{ PROTOCOL_UDP, { "/proc/thread-self/net/udp", "/proc/thread-self/net/udp6" } },
	{ PROTOCOL_UDPLITE, { "/proc/thread-self/net/udplite", "/proc/thread-self/net/udplite6" } },
};

static int dump_table(enum protocol protocol, bool ipv6, const char *path, uint32_t states,
		      dump_function *function, void *data)
{
	_cleanup_(freep) char *text = NULL;
	int r = file_read(&text, NULL, path, TABLE_MAX_BYTES, NULL);
	if (r < 0) {
		return r == -ENOENT ? 0 : r; /* no IPv6 in this kernel */
	}
	char *rest = text;
	for (const char *line; r == 0 && (line = strsep(&rest, "\n")) != NULL;) {
		struct socket_facts facts;
		if (proc_net_parse(&facts, protocol, ipv6, line) == 0 && facts.state < 32 &&
		    (states & 1U << facts.state) != 0) {
			r = function(&facts, data);
		}
	}
	return r;
}

int dump_proc_net(enum protocol protocol, uint32_t states, dump_function *function, void *data)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		if (tables[i].protocol != protocol) {
			continue;
		}
		int r = dump_table(protocol, false, tables[i].paths[0], states, function, data);
		return r < 0 ? r
			     : dump_table(protocol, true, tables[i].paths[1], states, function,
					  data);
	}
	return -EOPNOTSUPP;
}
