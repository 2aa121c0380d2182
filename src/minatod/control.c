/* Orders of people: one word in, one sentence out, root only. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "common/say.h"
#include "config.h"
#include "daemon.h"

enum { ORDER_BYTES_MAX = 64 };

/* "guard BYTES": the ring of the bind guard is beside it, and so large; "guard 0": there is none.
 * "outbound BYTES": likewise that of outbound:. */
static const char *take_guard(struct daemon *daemon, enum guard_hook hook, const char *size,
			      size_t length, int *ring)
{
	uint64_t bytes = 0;
	if (parse_u64_bytes(&bytes, size, length, 0, UINT32_MAX) < 0 ||
	    (bytes > 0) != (*ring >= 0)) {
		return "guard wants the size of its ring, and the ring beside it";
	}
	attempts_take(daemon, hook, ring, (uint32_t)bytes);
	return hook == GUARD_HOOK_BIND ? "the bind guard is listened to"
				       : "the guard of outbound: is listened to";
}

static const char *answer(struct daemon *daemon, const char *order, size_t length, int *fd)
{
	static const char ping[] = "ping";
	static const char *const guards[GUARD_HOOKS] = { "guard ", "outbound " };
	static const char reload[] = "reload";
	if (length == sizeof(ping) - 1 && memcmp(order, ping, length) == 0) {
		return "minatod " MINATO_VERSION;
	}
	if (length == sizeof(reload) - 1 && memcmp(order, reload, length) == 0) {
		children_reload(daemon);
		return "reloading";
	}
	for (unsigned i = 0; i < GUARD_HOOKS; i++) {
		const size_t word = strlen(guards[i]);
		if (length > word && memcmp(order, guards[i], word) == 0) {
			return take_guard(daemon, (enum guard_hook)i, order + word, length - word,
					  fd);
		}
	}
	return "unknown order; ping, reload, guard and outbound are known";
}

/* @param fd  receives the descriptor that came beside it, -1 = none. @return as recv(2). */
static ssize_t receive(char order[ORDER_BYTES_MAX], int *fd, int socket)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} beside;
	struct iovec text = { order, ORDER_BYTES_MAX };
	struct msghdr message = { .msg_iov = &text,
				  .msg_iovlen = 1,
				  .msg_control = &beside,
				  .msg_controllen = sizeof(beside) };
	const ssize_t length =
		recvmsg(socket, &message, MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *header = length < 0 ? NULL : CMSG_FIRSTHDR(&message);
	*fd = -1;
	if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
	    header->cmsg_len == CMSG_LEN(sizeof(int))) {
		memcpy(fd, CMSG_DATA(header), sizeof(*fd));
	}
	return length;
}

/* One packet each way, then the connection ends: an order cannot keep the parent busy. */
static int on_order(sd_event_source *source, int fd, uint32_t events, void *data)
{
	(void)events;
	char order[ORDER_BYTES_MAX];
	_cleanup_(close_fdp) int beside = -1;
	ssize_t length = receive(order, &beside, fd);
	if (length > 0) {
		const char *text = length <= (ssize_t)sizeof(order)
					   ? answer(data, order, (size_t)length, &beside)
					   : "the order is too long";
		(void)send(fd, text, strlen(text),
			   MSG_NOSIGNAL | MSG_DONTWAIT); /* who does not read has gone */
	}
	(void)sd_event_source_unref(source); /* closes the descriptor, it owns it */
	return 0;
}

static bool from_root(int fd)
{
	struct ucred peer = { 0 };
	socklen_t bytes = sizeof(peer);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) < 0 || peer.uid != 0) {
		say(SAY_WARNING, "user %u, process %d may not give orders", peer.uid, peer.pid);
		return false;
	}
	return true;
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *data)
{
	(void)source, (void)events;
	struct daemon *daemon = data;
	_cleanup_(close_fdp) int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (peer < 0 || !from_root(peer)) {
		return 0;
	}
	sd_event_source *order = NULL;
	if (sd_event_add_io(daemon->loop, &order, peer, EPOLLIN, on_order, daemon) >= 0) {
		(void)sd_event_source_set_io_fd_own(order, 1); /* cannot fail on an io source */
		(void)steal_fd(&peer);
	}
	return 0;
}

int control_watch(struct daemon *daemon, struct err *e)
{
	int r = sd_event_add_io(daemon->loop, NULL, daemon->runtime.control, EPOLLIN, on_connection,
				daemon);
	return r < 0 ? err_system(e, r, "cannot watch the control socket") : 0;
}
