/* Opening ctnetlink, and what the namespace has set. */
#include "conntrack/io/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/io/netlink.h"
#include "base/parse.h"

enum {
	RECEIVE_BUFFER_BYTES = 1 << 20,
	ANSWER_BYTES = 1280, /* what an acknowledgement of 36 bytes is counted as, and some more */
	SETTING_BYTES = 64,
};

static const struct {
	const char *name; /* in /proc/sys/net/netfilter */
	enum conntrack_tcp_state state;
} timeout_settings[] = {
	{ "nf_conntrack_tcp_timeout_syn_sent", CONNTRACK_TCP_SYN_SENT },
	{ "nf_conntrack_tcp_timeout_syn_recv", CONNTRACK_TCP_SYN_RECV },
	{ "nf_conntrack_tcp_timeout_established", CONNTRACK_TCP_ESTABLISHED },
	{ "nf_conntrack_tcp_timeout_fin_wait", CONNTRACK_TCP_FIN_WAIT },
	{ "nf_conntrack_tcp_timeout_close_wait", CONNTRACK_TCP_CLOSE_WAIT },
	{ "nf_conntrack_tcp_timeout_last_ack", CONNTRACK_TCP_LAST_ACK },
	{ "nf_conntrack_tcp_timeout_time_wait", CONNTRACK_TCP_TIME_WAIT },
	{ "nf_conntrack_tcp_timeout_close", CONNTRACK_TCP_CLOSE },
};

/* Leaves the default where the file is missing or odd. */
static void read_timeout(uint32_t *out, const char *name)
{
	char path[128];
	char text[SETTING_BYTES];
	uint64_t value = 0;
	(void)snprintf(path, sizeof(path), "/proc/sys/net/netfilter/%s", name);
	if (file_read_into(text, sizeof(text), AT_FDCWD, path) > 0 &&
	    parse_u64_bytes(&value, text, strcspn(text, "\n"), 1, INT32_MAX) == 0) {
		*out = (uint32_t)value;
	}
}

static void read_ephemeral(struct conntrack_defaults *defaults)
{
	char text[SETTING_BYTES];
	uint64_t first = 0;
	uint64_t last = 0;
	if (file_read_into(text, sizeof(text), AT_FDCWD,
			   "/proc/sys/net/ipv4/ip_local_port_range") <= 0) {
		return;
	}
	size_t length = strcspn(text, "\t ");
	const char *second = text + length + strspn(text + length, "\t ");
	if (parse_u64_bytes(&first, text, length, 1, UINT16_MAX) == 0 &&
	    parse_u64_bytes(&last, second, strcspn(second, "\n"), first, UINT16_MAX) == 0) {
		defaults->ephemeral_first = (uint16_t)first;
		defaults->ephemeral_last = (uint16_t)last;
	}
}

static struct conntrack_defaults read_defaults(void)
{
	struct conntrack_defaults defaults = conntrack_kernel_defaults();
	for (size_t i = 0; i < sizeof(timeout_settings) / sizeof(timeout_settings[0]); i++) {
		read_timeout(&defaults.tcp_timeout_s[timeout_settings[i].state],
			     timeout_settings[i].name);
	}
	read_timeout(&defaults.udp_stream_timeout_s, "nf_conntrack_udp_timeout_stream");
	read_ephemeral(&defaults);
	return defaults;
}

/* Each may fail: then a batch goes in more rounds. @return how many answers there is room for. */
static unsigned make_room(int fd)
{
	int one = 1;
	int bytes = RECEIVE_BUFFER_BYTES;
	socklen_t length = sizeof(bytes);
	/* A refusal does not bring the whole request back. */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0) {
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	}
	bool known = getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, &length) == 0;
	return known && bytes > ANSWER_BYTES ? (unsigned)bytes / ANSWER_BYTES : 1;
}

int conntrack_open(struct conntrack **out, bool without, struct err *e)
{
	if (without) {
		return err_set(e, EOPNOTSUPP, "this kernel cannot track connections");
	}
	struct conntrack *conntrack = calloc(1, sizeof(*conntrack));
	if (conntrack == NULL) {
		return err_set(e, ENOMEM, "no memory");
	}
	conntrack->dump_fd = netlink_open(NETLINK_NETFILTER);
	conntrack->change_fd =
		conntrack->dump_fd < 0 ? conntrack->dump_fd : netlink_open(NETLINK_NETFILTER);
	if (conntrack->change_fd < 0) {
		int r = handle_errno(conntrack->change_fd);
		(void)conntrack_close(conntrack);
		return handle_failure(r, "open the kernel's table of connections", e);
	}
	conntrack->window = make_room(conntrack->change_fd);
	conntrack->defaults = read_defaults();
	*out = conntrack;
	return 0;
}

struct conntrack *conntrack_close(struct conntrack *conntrack)
{
	if (conntrack != NULL) {
		close_fdp(&conntrack->dump_fd);
		close_fdp(&conntrack->change_fd);
		free(conntrack);
	}
	return NULL;
}

int handle_errno(int r)
{
	return r == -EINVAL || r == -EPROTONOSUPPORT || r == -EAFNOSUPPORT ? -EOPNOTSUPP : r;
}

int handle_failure(int r, const char *what, struct err *e)
{
	switch (r) {
	case -EPERM:
		return err_set(e, r, "cannot %s: that needs CAP_NET_ADMIN", what);
	case -EOPNOTSUPP:
		return err_set(
			e, r,
			"cannot %s: this kernel cannot track connections (nf_conntrack_netlink)",
			what);
	case -ENOSPC:
		return err_set(e, r, "cannot %s: it is full (net.netfilter.nf_conntrack_max)",
			       what);
	default:
		return err_system(e, r, "cannot %s", what);
	}
}
