/* Orders of people: one word in, one sentence out, root only. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/parse.h"
#include "common/bans.h"
#include "common/say.h"
#include "config.h"
#include "daemon.h"

enum { ORDER_BYTES_MAX = BANS_ORDER_BYTES };

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

/* "fine ID" or "not-fine ID": what a person says of an anomaly, to the engine. */
static const char *take_fine(struct daemon *daemon, const char *id, size_t length, bool fine)
{
	struct wire_message message = { .type = WIRE_FINE };
	const struct child *engine = &daemon->children[CHILD_ENGINE];
	message.fine.fine = fine;
	if (length >= sizeof(message.fine.id) || memchr(id, '\0', length) != NULL) {
		return "no anomaly has such an id";
	}
	memcpy(message.fine.id, id, length);
	if (engine->socket < 0 || wire_send(engine->socket, &message, NULL, 0, NULL) < 0) {
		return "the engine is being started; say it again in a moment";
	}
	return "passed on";
}

static const char *answer(struct daemon *daemon, const char *order, size_t length, int *fd)
{
	static const char fine[] = "fine ";
	static const char not_fine[] = "not-fine ";
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
	if (length > sizeof(fine) - 1 && memcmp(order, fine, sizeof(fine) - 1) == 0) {
		return take_fine(daemon, order + sizeof(fine) - 1, length - sizeof(fine) + 1, true);
	}
	if (length > sizeof(not_fine) - 1 && memcmp(order, not_fine, sizeof(not_fine) - 1) == 0) {
		return take_fine(daemon, order + sizeof(not_fine) - 1,
				 length - sizeof(not_fine) + 1, false);
	}
	if (audits_is_order(order, length)) {
		return audits_take(daemon, order, length);
	}
	return "unknown order; ping, reload, guard, outbound, fine, not-fine, audited, "
	       "port-opened, "
	       "port-closed and bans are known";
}

/* @param fd  receives the descriptor that came beside it, -1 = none. @return as recv(2). */
static ssize_t receive(char order[ORDER_BYTES_MAX + 1], int *fd, int socket)
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

/* ---- orders that the keeper does ---- */

static void reply(int fd, const char *text)
{
	(void)send(fd, text, strlen(text),
		   MSG_NOSIGNAL | MSG_DONTWAIT); /* who does not read has gone */
}

/* Closes the descriptor, it owns it. */
static void end_order(struct order *order)
{
	order->source = sd_event_source_disable_unref(order->source);
	order->request = 0;
}

/* @return false: it was not passed on, and the reason stands in `why`. */
static bool pass_on(struct daemon *daemon, sd_event_source *source, const char *text,
		    const char **why)
{
	struct wire_message message = { .type = WIRE_ORDER };
	const struct child *keeper = &daemon->children[CHILD_KEEPER];
	struct order *free_place = NULL;
	for (unsigned i = 0; i < ORDERS_MAX; i++) {
		free_place = daemon->orders[i].request == 0 ? &daemon->orders[i] : free_place;
	}
	*why = keeper->socket < 0   ? "fault minatod runs without a keeper (--observe), or it is "
				      "just being started"
	       : free_place == NULL ? "fault too many orders at once"
				    : NULL;
	if (*why != NULL) {
		return false;
	}
	message.request = ++daemon->last_order == 0 ? ++daemon->last_order : daemon->last_order;
	(void)str_copy(message.order.text, sizeof(message.order.text), text);
	if (wire_send(keeper->socket, &message, NULL, 0, NULL) < 0) {
		*why = "fault the keeper does not listen";
		return false;
	}
	/* What more comes from there is of no interest. */
	(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
	*free_place = (struct order){ source, message.request };
	return true;
}

void control_ordered(struct daemon *daemon, uint32_t request, const char *text)
{
	for (unsigned i = 0; i < ORDERS_MAX; i++) {
		struct order *order = &daemon->orders[i];
		if (order->request != 0 && (request == 0 || order->request == request)) {
			reply(sd_event_source_get_io_fd(order->source), text);
			end_order(order);
		}
	}
}

/* ---- one packet each way, then the connection ends ---- */

static int on_order(sd_event_source *source, int fd, uint32_t events, void *data)
{
	(void)events;
	char order[ORDER_BYTES_MAX + 1] = "";
	_cleanup_(close_fdp) int beside = -1;
	ssize_t length = receive(order, &beside, fd);
	const char *text = NULL;
	if (length > ORDER_BYTES_MAX) {
		text = "the order is too long";
	} else if (length > 0) {
		order[length] = '\0';
		if (bans_is_order(order) && pass_on(data, source, order, &text)) {
			return 0;
		}
		text = text != NULL ? text : answer(data, order, (size_t)length, &beside);
	}
	if (text != NULL) {
		reply(fd, text);
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
