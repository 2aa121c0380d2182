/*
 * The helper: a fork of the parent from before it gave its rights away. It handles no foreign
 * bytes; its one order has no argument.
 */
#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "common/say.h"
#include "daemon.h"
#include "observe/observe.h"
#include "sandbox/sandbox.h"

/* @param tapped  whether there is a tap to be taken off the interfaces. */
static int seal(bool tapped, struct err *e)
{
	static const int kept[] = { CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_NET_ADMIN };
	const size_t count = sizeof(kept) / sizeof(kept[0]) - (tapped ? 0 : 1);
	int r = sandbox_capabilities(kept, count, e);
	if (r == 0) {
		r = sandbox_no_new_privileges(e);
	}
	return r == 0 ? sandbox_syscalls(SANDBOX_HELPER, e) : r;
}

static void send_socket(int parent, const struct observe_socket *socket)
{
	struct wire_message message = {
		.type = WIRE_NETNS,
		.netns = { .inode = socket->inode,
			   .cookie = socket->cookie,
			   .kind = (uint8_t)socket->kind,
			   .pid = socket->pid },
	};
	(void)str_copy(message.netns.name, sizeof(message.netns.name), socket->name);
	(void)wire_send(parent, &message, &socket->fd, socket->fd >= 0 ? 1 : 0,
			NULL); /* the end tells how many should have come */
}

/* Opened for one sweep and closed at once: an open socket keeps its namespace alive. */
static void send_sockets(int parent)
{
	struct wire_message end = { .type = WIRE_NETNS_END };
	struct observe_sockets sockets = { 0 };
	struct err e = ERR_INIT;
	const unsigned without = observe_without_parse(getenv("MINATO_WITHOUT"));
	if (observe_sockets_open(&sockets, true, without, &e) < 0) {
		say(SAY_WARNING, "%s", err_text(&e));
	}
	for (size_t i = 0; i < sockets.list.count; i++) {
		send_socket(parent, &sockets.list.items[i]);
	}
	end.netns_end.count = (uint32_t)sockets.list.count;
	(void)wire_send(parent, &end, NULL, 0, NULL); /* the engine has a time limit */
	observe_sockets_close(&sockets);
}

/* Until the parent closes its end, by itself or by dying. */
static void serve(int socket)
{
	struct wire_message message;
	int fds[WIRE_FDS_MAX];
	int r = 0;
	while (r == 0 || r == -EAGAIN) {
		struct pollfd wait = { socket, POLLIN, 0 };
		if (poll(&wait, 1, -1) < 0) {
			continue; /* only EINTR can be */
		}
		r = wire_receive(&message, fds, socket, WIRE_PARENT, NULL);
		if (r == 0) {
			wire_close(fds);
			if (message.type == WIRE_NETNS_WANTED) {
				send_sockets(socket);
			}
		}
	}
}

static void __attribute__((noreturn)) helper_main(struct daemon *daemon, int socket)
{
	struct err e = ERR_INIT;
	say_init("minato-helper");
	(void)setsid(); /* the terminal's Ctrl-C must not end who cleans up */
	(void)signal(SIGHUP, SIG_IGN);
	close_fdp(&daemon->runtime.http);
	close_fdp(&daemon->runtime.control);
	close_fdp(&daemon->runtime.state);
	for (unsigned i = 0; i < GUARD_HOOKS; i++) {
		close_fdp(&daemon->attempts_rings[i]);
	}
	struct tap *tap = taps_open(daemon);
	if (seal(tap != NULL, &e) < 0) {
		say(SAY_ERROR, "%s", err_text(&e));
	} else {
		serve(socket);
	}
	if (tap != NULL) {
		taps_remove(tap);
	}
	runtime_remove(&daemon->runtime);
	_exit(EXIT_SUCCESS);
}

int helper_start(struct daemon *daemon, struct err *e)
{
	int pair[2] = { -1, -1 };
	int r = wire_pair(pair, e);
	if (r < 0) {
		return r;
	}
	daemon->helper_pid = fork();
	if (daemon->helper_pid == 0) {
		close_fdp(&pair[0]);
		helper_main(daemon, pair[1]);
	}
	close_fdp(&pair[1]);
	daemon->helper = pair[0];
	return daemon->helper_pid < 0 ? err_system(e, errno, "cannot start the helper") : 0;
}

void helper_end(struct daemon *daemon)
{
	int status = 0;
	daemon->helper_io = sd_event_source_disable_unref(daemon->helper_io);
	close_fdp(&daemon->helper);
	const bool cleaned = daemon->helper_pid > 0 &&
			     waitpid(daemon->helper_pid, &status, 0) == daemon->helper_pid &&
			     WIFEXITED(status);
	/* Without the lock the files are another daemon's. */
	if (!cleaned && daemon->runtime.lock >= 0) {
		runtime_remove(&daemon->runtime);
	}
}
