/*
 * Loading BPF programs takes a library and 14 MB that nobody needs afterwards: a process of its own
 * does it, hands the descriptors over, and ends.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "common/say.h"
#include "config.h"
#include "daemon.h"
#include "guard/guard.h"
#include "observe/observe.h"

enum {
	RING_BYTES = 1 << 20, /* some seconds of a host that opens 1,000 ports a second */
	LOADER_WAIT_MS = 20000,
};

static void explain(struct wire_ring *ring, const struct err *e)
{
	if (ring->reason[0] == '\0') {
		(void)str_copy(ring->reason, sizeof(ring->reason), err_text(e));
	}
}

/* In the loader: the iterators for whoever reads the inventory, the programs for events. */
static void load(struct wire_ring *ring, struct observe_event_fds *fds, const struct daemon *daemon)
{
	const unsigned without = observe_without_parse(getenv("MINATO_WITHOUT"));
	char directory[WIRE_TEXT_BYTES];
	struct err e = ERR_INIT;
	(void)snprintf(directory, sizeof(directory), "%s/bpf", daemon->runtime.path);
	if ((without & (OBSERVE_WITHOUT_BPF | OBSERVE_WITHOUT_BTF)) != 0) {
		(void)err_set(&e, EOPNOTSUPP, "no BPF here (MINATO_WITHOUT)");
		explain(ring, &e);
		return;
	}
	if ((without & (OBSERVE_WITHOUT_ITERATOR | OBSERVE_WITHOUT_PIN)) == 0) {
		ring->pinned = observe_pin(directory, 0440, daemon->identities.readers, &e) == 0;
		if (!ring->pinned) {
			say(SAY_WARNING, "owners are looked up in /proc: %s", err_text(&e));
		}
	}
	e = ERR_INIT;
	if (observe_events_load(fds, RING_BYTES, without, &e) < 0) {
		explain(ring, &e);
		return;
	}
	ring->sources = fds->sources;
	ring->ring_bytes = (uint32_t)fds->ring_bytes;
}

/* A guard that was loaded before the daemon; later ones are handed over by who loads them. */
static int open_attempts(struct wire_attempts *attempts)
{
	const unsigned without = observe_without_parse(getenv("MINATO_WITHOUT"));
	const char *directory = getenv("MINATO_GUARD_DIRECTORY");
	char outbound[GUARD_DIRECTORY_BYTES];
	const struct guard_place bind = {
		.directory = directory != NULL && directory[0] == '/' ? directory
								      : MINATO_GUARD_DIRECTORY,
		.without_bpf = (without & (OBSERVE_WITHOUT_BPF | OBSERVE_WITHOUT_BTF)) != 0,
	};
	const enum guard_hook hook = attempts->hook;
	const struct guard_place place = guard_place_of(hook, &bind, outbound);
	return guard_ring(&attempts->ring_bytes, hook, &place, NULL);
}

static void send_attempts(int socket, enum guard_hook hook)
{
	struct wire_message message = { .type = WIRE_ATTEMPTS, .attempts = { .hook = hook } };
	struct err e = ERR_INIT;
	_cleanup_(close_fdp) int ring = open_attempts(&message.attempts);
	if (ring < 0) {
		message.attempts.ring_bytes = 0;
	}
	if (wire_send(socket, &message, &ring, ring >= 0 ? 1 : 0, &e) < 0) {
		say(SAY_ERROR, "%s", err_text(&e));
	}
}

static void __attribute__((noreturn)) loader_main(const struct daemon *daemon, int socket)
{
	struct wire_message message = { .type = WIRE_RING };
	struct observe_event_fds fds = { 0 };
	int list[WIRE_FDS_MAX];
	unsigned count = 0;
	struct err e = ERR_INIT;
	say_init("minato-loader");
	load(&message.ring, &fds, daemon);
	if (message.ring.sources != 0) {
		list[count++] = fds.ring;
		list[count++] = fds.counters;
		for (unsigned i = 0; i < fds.link_count && count < WIRE_FDS_MAX; i++) {
			list[count++] = fds.links[i];
		}
	}
	if (wire_send(socket, &message, list, count, &e) < 0) {
		say(SAY_ERROR, "%s", err_text(&e));
	}
	send_attempts(socket, GUARD_HOOK_BIND);
	send_attempts(socket, GUARD_HOOK_CONNECT);
	taps_load(daemon, socket);
	_exit(EXIT_SUCCESS);
}

static int receive(struct wire_message *out, int fds[WIRE_FDS_MAX], int socket, struct err *e)
{
	struct pollfd wait = { socket, POLLIN, 0 };
	if (poll(&wait, 1, LOADER_WAIT_MS) <= 0) {
		return err_set(e, ETIMEDOUT, "loading the BPF programs took too long");
	}
	return wire_receive(out, fds, socket, WIRE_HELPER, e);
}

static int receive_attempts(struct daemon *daemon, int socket, struct err *e)
{
	struct wire_message message = { 0 };
	int fds[WIRE_FDS_MAX] = { -1 };
	int r = receive(&message, fds, socket, e);
	if (r == 0 && message.type == WIRE_ATTEMPTS && message.attempts.hook < GUARD_HOOKS) {
		daemon->attempts_rings[message.attempts.hook] = steal_fd(&fds[0]);
		daemon->attempts_bytes[message.attempts.hook] = message.attempts.ring_bytes;
	}
	wire_close(fds);
	return r;
}

static int receive_all(struct daemon *daemon, int socket, struct err *e)
{
	struct wire_message message = { 0 };
	int r = receive(&message, daemon->ring_fds, socket, e);
	if (r == 0) {
		daemon->ring = message.ring;
	}
	for (unsigned i = 0; r == 0 && i < GUARD_HOOKS; i++) {
		r = receive_attempts(daemon, socket, e);
	}
	if (r == 0) {
		r = receive(&message, daemon->tap_fds, socket, e);
	}
	if (r == 0) {
		daemon->tap = message.tap;
	}
	return r;
}

int loader_run(struct daemon *daemon, struct err *e)
{
	int pair[2] = { -1, -1 };
	struct err fault = ERR_INIT;
	int r = wire_pair(pair, e);
	if (r < 0) {
		return r;
	}
	pid_t pid = fork();
	if (pid == 0) {
		loader_main(daemon, pair[1]);
	}
	close_fdp(&pair[1]);
	r = pid < 0 ? err_system(e, errno, "cannot start the loader") : 0;
	if (r == 0 && receive_all(daemon, pair[0], &fault) < 0) {
		char *reason = daemon->ring.reason;
		(void)str_copy(reason[0] == '\0' ? reason : daemon->tap.reason,
			       sizeof(daemon->ring.reason), err_text(&fault));
	}
	close_fdp(&pair[0]);
	if (pid > 0) {
		(void)kill(pid, SIGKILL); /* it has nothing more to say */
		(void)waitpid(pid, NULL, 0);
	}
	if (r == 0 && daemon->ring.sources == 0) {
		say(SAY_WARNING, "no kernel events, sweeps alone: %s", daemon->ring.reason);
	}
	if (r == 0 && daemon->tap.way != WIRE_TAP_BPF && daemon->options.sentry == SENTRY_AUTO &&
	    !daemon->options.observe) {
		say(SAY_WARNING, "no tap, %s: %s",
		    daemon->tap.way == WIRE_TAP_PACKETS ? "a packet socket alone"
							: "port scans are not seen",
		    daemon->tap.reason);
	}
	return r;
}
