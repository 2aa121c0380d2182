/* minatod: the parent of the daemon. Root, small, and it reads nothing that comes from outside. */
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "common/say.h"
#include "daemon.h"
#include "sandbox/sandbox.h"

enum {
	EXIT_USAGE_FAULT = 3,
	EXIT_NEEDS_ROOT = 4,
	PING_SECONDS = 10,
};

static int seal(const struct daemon *daemon, struct err *e)
{
	/* To start the children, to end them, to read the policy wherever it lies; the last is for
	 * the keeper, which is started again when it was killed. */
	static const int kept[] = { CAP_SETUID, CAP_SETGID, CAP_KILL, CAP_DAC_READ_SEARCH,
				    CAP_NET_ADMIN };
	const size_t count = sizeof(kept) / sizeof(kept[0]) - (daemon->options.observe ? 1 : 0);
	int r = sandbox_capabilities(kept, count, e);
	if (r == 0) {
		r = sandbox_no_new_privileges(e);
	}
	return r == 0 ? sandbox_syscalls(SANDBOX_PARENT, e) : r;
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
	(void)source, (void)info;
	(void)sd_notify(0, "STOPPING=1");
	children_stop(data);
	return 0;
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
	(void)source, (void)info;
	children_reload(data);
	return 0;
}

static int on_ping(sd_event_source *source, uint64_t usec, void *data)
{
	(void)usec;
	children_ping(data);
	int r = sd_event_source_set_time_relative(source, PING_SECONDS * (uint64_t)USEC_PER_SEC);
	return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int watch(struct daemon *daemon, struct err *e)
{
	sigset_t signals;
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGHUP);
	(void)sigaddset(&signals, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0) {
		return err_system(e, errno, "cannot block signals");
	}
	int r = sd_event_new(&daemon->loop);
	if (r >= 0) {
		r = sd_event_add_signal(daemon->loop, NULL, SIGTERM, on_stop, daemon);
	}
	if (r >= 0) {
		r = sd_event_add_signal(daemon->loop, NULL, SIGINT, on_stop, daemon);
	}
	if (r >= 0) {
		r = sd_event_add_signal(daemon->loop, NULL, SIGHUP, on_reload, daemon);
	}
	if (r >= 0) {
		r = sd_event_add_time_relative(daemon->loop, &daemon->ping, CLOCK_MONOTONIC,
					       PING_SECONDS * (uint64_t)USEC_PER_SEC, USEC_PER_SEC,
					       on_ping, daemon);
	}
	if (r >= 0) {
		r = sd_event_set_watchdog(daemon->loop, 1);
	}
	if (r < 0) {
		return err_system(e, r, "cannot make the event loop");
	}
	r = requests_watch(daemon, e);
	return r == 0 ? control_watch(daemon, e) : r;
}

/* Everything that needs rights, then the rights go, then the children come. */
static int start(struct daemon *daemon, struct err *e)
{
	int r = identities_find(&daemon->identities, &daemon->options, e);
	if (r == 0) {
		r = children_find(daemon, e);
	}
	if (r == 0) {
		r = runtime_prepare(&daemon->runtime, &daemon->options, &daemon->identities, e);
	}
	if (r == 0) {
		r = loader_run(daemon, e);
	}
	if (r == 0) {
		r = helper_start(daemon, e);
	}
	if (r == 0) {
		r = seal(daemon, e);
	}
	if (r == 0) {
		r = watch(daemon, e);
	}
	(void)str_copy(daemon->rules.reason, sizeof(daemon->rules.reason),
		       daemon->options.observe ? "minatod runs with --observe"
					       : "not looked at yet");
	for (unsigned i = 0; i < CHILD_COUNT && r == 0; i++) {
		if (child_is_wanted(&daemon->children[i])) {
			child_start(&daemon->children[i]);
		}
	}
	return r;
}

static int run(struct daemon *daemon)
{
	struct err e = ERR_INIT;
	int r = start(daemon, &e);
	if (r == 0) {
		r = sd_event_loop(daemon->loop);
	} else {
		say(SAY_ERROR, "%s", err_text(&e));
	}
	children_end(daemon);
	helper_end(daemon);
	runtime_close(&daemon->runtime);
	sd_event_unref(daemon->loop);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	say_init("minatod");
	struct err e = ERR_INIT;
	struct daemon daemon = { .runtime = RUNTIME_INIT,
				 .helper = -1,
				 .attempts_rings = { -1, -1 },
				 .started = clock_now() };
	for (unsigned i = 0; i < WIRE_FDS_MAX; i++) {
		daemon.ring_fds[i] = daemon.tap_fds[i] = -1;
	}
	int r = options_read(&daemon.options, argc, argv, &e);
	if (r != 0) {
		if (r < 0) {
			say(SAY_ERROR, "%s", err_text(&e));
		}
		return r < 0 ? EXIT_USAGE_FAULT : EXIT_SUCCESS;
	}
	if (geteuid() != 0) {
		say(SAY_ERROR,
		    "needs root to start (it gives the rights away at once): sudo minatod");
		return EXIT_NEEDS_ROOT;
	}
	(void)signal(SIGPIPE, SIG_IGN); /* a reader who left is no reason to end */
	return run(&daemon);
}
