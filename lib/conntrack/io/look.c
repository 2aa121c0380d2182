/* What the kernel can do and does. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/io/netlink.h"
#include "base/parse.h"
#include "conntrack/conntrack.h"
#include "conntrack/message.h"

static int take_statistics(const struct nlmsghdr *message, void *data)
{
	struct conntrack_state *state = data;
	if (message_statistics_of(&state->count, &state->max, message) == 0) {
		state->count_known = true;
	}
	return 0;
}

static int take_hook(const struct nlmsghdr *message, void *data)
{
	struct conntrack_state *state = data;
	state->active |= message_is_tracking_hook(message);
	return 0;
}

static bool read_number(uint64_t *out, const char *path)
{
	char text[64];
	return file_read_into(text, sizeof(text), AT_FDCWD, path) > 0 &&
	       parse_u64_bytes(out, text, strcspn(text, "\n"), 0, UINT32_MAX) == 0;
}

/* For a process without rights; the files are there once the module is loaded. */
static void look_in_proc(struct conntrack_state *state)
{
	uint64_t count = 0;
	uint64_t max = 0;
	if (read_number(&count, "/proc/sys/net/netfilter/nf_conntrack_count")) {
		state->available = true;
		state->count_known = read_number(&max, "/proc/sys/net/netfilter/nf_conntrack_max");
		state->count = state->count_known ? count : 0;
		state->max = max;
	}
}

static void look_for_hooks(struct conntrack_state *state, int fd)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	const struct netlink_reader reader = { .function = take_hook, .data = state };
	_Alignas(struct nlmsghdr) char buffer[CONNTRACK_REQUEST_BYTES];
	state->active_known = true;
	for (size_t i = 0; i < sizeof(families); i++) {
		if (netlink_ask(fd, message_hooks(buffer, families[i]), &reader) < 0) {
			state->active_known = false;
		}
	}
	state->active_known |= state->active;
}

int conntrack_look(struct conntrack_state *out, bool without, struct err *e)
{
	struct conntrack_state state = { 0 };
	_Alignas(struct nlmsghdr) char buffer[CONNTRACK_REQUEST_BYTES];
	_cleanup_(close_fdp) int fd = without ? -EPROTONOSUPPORT : netlink_open(NETLINK_NETFILTER);
	if (fd == -EPROTONOSUPPORT || fd == -EAFNOSUPPORT) {
		*out = state;
		return 0;
	}
	if (fd < 0) {
		return err_system(e, fd, "cannot ask the kernel about its table of connections");
	}
	const struct netlink_reader reader = { .function = take_statistics, .data = &state };
	int r = netlink_ask(fd, message_statistics(buffer), &reader);
	state.available = r == 0;
	if (!state.count_known && (r == 0 || r == -EPERM)) {
		look_in_proc(&state);
	}
	look_for_hooks(&state, fd);
	*out = state;
	return 0;
}
