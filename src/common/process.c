/* Links between the daemon's processes. */
#include "common/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "base/cleanup.h"
#include "common/say.h"

enum {
	SETUP_WAIT_MS = 10000,
	MESSAGES_A_TURN = 64, /* then the other sources of the loop have theirs */
};

/* Reads until the socket is empty, closed by the function, or its turn is over. */
static int drain(struct link *link)
{
	struct wire_message message;
	int fds[WIRE_FDS_MAX];
	struct err e = ERR_INIT;
	int r = 0;
	for (unsigned i = 0; i < MESSAGES_A_TURN && link->socket >= 0 && r == 0; i++) {
		r = wire_receive(&message, fds, link->socket, link->other, &e);
		if (r == 0) {
			r = link->function(&message, fds, link->data);
			wire_close(fds);
		}
	}
	if (r < 0 && r != -EAGAIN && r != -ECONNRESET) {
		say(SAY_ERROR, "link to %s closed: %s",
		    link->other == WIRE_PARENT   ? "the parent"
		    : link->other == WIRE_ENGINE ? "the engine"
						 : "the face",
		    err_text(&e));
	}
	return r == -EAGAIN ? 0 : r;
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *data)
{
	(void)source, (void)fd, (void)events;
	struct link *link = data;
	const int r = drain(link);
	if (link->turn != NULL) {
		link->turn(link->data);
	}
	if (r < 0) {
		link_close(link);
		link->closed(link->data);
	}
	return 0;
}

int link_open(struct link *link, sd_event *loop, int socket, struct err *e)
{
	link->socket = socket;
	int r = sd_event_add_io(loop, &link->source, socket, EPOLLIN, on_readable, link);
	if (r < 0) {
		close_fdp(&link->socket);
		return err_system(e, r, "cannot watch a link");
	}
	return 0;
}

void link_close(struct link *link)
{
	link->source = sd_event_source_disable_unref(link->source);
	close_fdp(&link->socket);
}

int process_setup(struct wire_setup *out, int fds[WIRE_FDS_MAX], struct err *e)
{
	struct pollfd wait = { PROCESS_SOCKET, POLLIN, 0 };
	struct wire_message message;
	int r = poll(&wait, 1, SETUP_WAIT_MS);
	if (r <= 0) {
		return err_set(e, r == 0 ? ETIMEDOUT : errno, "no set-up from the parent");
	}
	r = wire_receive(&message, fds, PROCESS_SOCKET, WIRE_PARENT, e);
	if (r < 0) {
		return r;
	}
	if (message.type != WIRE_SETUP) {
		wire_close(fds);
		return err_set(e, EPROTO, "the first message is %s", wire_type_name(message.type));
	}
	*out = message.setup;
	(void)fcntl(PROCESS_SOCKET, F_SETFD, FD_CLOEXEC); /* nothing is executed from here anyway */
	return 0;
}

void process_tell(const struct link *parent, enum wire_type type)
{
	const struct wire_message message = { .type = type };
	(void)wire_send(parent->socket, &message, NULL, 0, NULL);
}

static int seal(enum sandbox_role role, bool files, struct err *e)
{
	int r = sandbox_capabilities(NULL, 0, e);
	if (r == 0) {
		r = sandbox_no_new_privileges(e);
	}
	if (r == 0 && !files) {
		r = sandbox_no_files(e);
		if (r == -EOPNOTSUPP) {
			say(SAY_INFO,
			    "this kernel has no Landlock; seccomp alone keeps files away");
			r = 0;
		}
	}
	return r == 0 ? sandbox_syscalls(role, e) : r;
}

int process_seal(enum sandbox_role role, struct err *e)
{
	return seal(role, true, e);
}

int process_seal_without_files(enum sandbox_role role, struct err *e)
{
	return seal(role, false, e);
}
