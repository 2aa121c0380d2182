/* Starting, watching and ending the engine, the face and the keeper. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/io/run.h"
#include "common/process.h"
#include "common/say.h"
#include "config.h"
#include "daemon.h"
#include "sandbox/sandbox.h"

_Static_assert(CHILD_ENGINE == 0 && CHILD_FACE == 1, "send_peers counts on it");

enum {
	/* A child that dies so often, each time within CHILD_QUIET_USEC, ends the daemon: then
	 * something is wrong that starting again does not mend, and systemd's own limit takes over.
	 */
	CHILD_DEATHS_MAX = 6,
	CHILD_DOUBLINGS_MAX = 10, /* of the first wait: 51 s */
};

static const usec_t CHILD_QUIET_USEC = 60 * USEC_PER_SEC;
static const usec_t CHILD_FIRST_WAIT_USEC = 50000; /* doubled with each death in a row */
static const usec_t CHILD_SILENT_USEC = 30 * USEC_PER_SEC;
static const usec_t STOP_USEC = 10 * USEC_PER_SEC;

/* ---- starting ---- */

static int open_program(int *out, const char *name, struct err *e)
{
	*out = run_open_own(name);
	return *out < 0 ? err_system(e, *out, "cannot open %s/%s", MINATO_LIBEXEC_DIRECTORY, name)
			: 0;
}

int children_find(struct daemon *daemon, struct err *e)
{
	daemon->children[CHILD_ENGINE] = (struct child){
		.name = "engine",
		.executable = "minato-engine",
		.role = WIRE_ENGINE,
		.identity = daemon->identities.engine,
	};
	daemon->children[CHILD_FACE] = (struct child){
		.name = "face",
		.executable = "minato-face",
		.role = WIRE_FACE,
		.identity = daemon->identities.face,
	};
	daemon->children[CHILD_SENTRY] = (struct child){
		.name = "sentry",
		.executable = "minato-sentry",
		.role = WIRE_SENTRY,
		.identity = daemon->identities.sentry,
	};
	daemon->children[CHILD_KEEPER] = (struct child){ .name = "keeper", .role = WIRE_KEEPER };
	int r = 0;
	for (unsigned i = 0; i < CHILD_COUNT; i++) {
		struct child *child = &daemon->children[i];
		child->daemon = daemon;
		child->program = child->socket = -1;
		if (r == 0 && child->executable != NULL) {
			r = open_program(&child->program, child->executable, e);
		}
	}
	return r;
}

bool child_is_wanted(const struct child *child)
{
	const struct options *options = &child->daemon->options;
	return (child->role != WIRE_KEEPER || !options->observe) &&
	       (child->role != WIRE_SENTRY || options->sentry != SENTRY_OFF);
}

/* Of the parent's environment only what concerns a child: no socket of systemd's. */
static char **child_environment(char *room[], size_t count)
{
	static const char *const kept[] = { "MINATO_WITHOUT=", "MINATO_DEBUG=", "JOURNAL_STREAM=",
					    "ASAN_OPTIONS=", "UBSAN_OPTIONS=" };
	size_t found = 0;
	for (char **variable = environ; *variable != NULL; variable++) {
		for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
			if (str_starts(*variable, kept[i]) && found + 1 < count) {
				room[found++] = *variable;
			}
		}
	}
	room[found] = NULL;
	return room;
}

/* Leaves 0, 1, 2, the socket at PROCESS_SOCKET and the program, which is closed by its own start.
 */
static int arrange_descriptors(int socket, int program, struct err *e)
{
	enum { PROGRAM = PROCESS_SOCKET + 1, OUT_OF_THE_WAY = 16 };
	const int high_socket = fcntl(socket, F_DUPFD, OUT_OF_THE_WAY);
	const int high_program = fcntl(program, F_DUPFD, OUT_OF_THE_WAY);
	if (high_socket < 0 || high_program < 0 || dup2(high_socket, PROCESS_SOCKET) < 0 ||
	    dup3(high_program, PROGRAM, O_CLOEXEC) < 0 || close_range(PROGRAM + 1, ~0U, 0) < 0) {
		return err_system(e, errno, "cannot arrange the descriptors");
	}
	return PROGRAM;
}

/* In the new process: becomes the child. Says why and ends when it cannot. */
static void __attribute__((noreturn)) become(const struct child *child, int socket)
{
	const struct daemon *daemon = child->daemon;
	struct err e = ERR_INIT;
	const gid_t groups[] = { child->identity.gid, daemon->identities.readers };
	/* Face and sentry have their descriptors already and read nothing else. */
	const size_t group_count = child->role == WIRE_ENGINE ? 2 : 1;
	char *const arguments[] = { (char *)(uintptr_t)child->executable, NULL };
	char *environment[8];
	sigset_t none;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL); /* cannot fail with these arguments */
	(void)setsid(); /* Ctrl-C is for the parent, who ends us in order */
	if (child->role == WIRE_KEEPER) {
		keeper_main(daemon, socket);
	}
	int r = sandbox_become(child->identity.uid, groups, group_count, &e);
	/* After the change of user, which forgets it. */
	if (r == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) {
		r = err_system(&e, errno, "cannot be told of the parent's end");
	}
	if (r == 0) {
		r = arrange_descriptors(socket, child->program, &e);
	}
	if (r >= 0) {
		(void)execveat(r, "", arguments, child_environment(environment, 8), AT_EMPTY_PATH);
		(void)err_system(&e, errno, "cannot run %s", child->executable);
	}
	say(SAY_ERROR, "%s: %s", child->name, err_text(&e));
	_exit(EXIT_FAILURE);
}

static int send_setup(const struct child *child, struct err *e)
{
	const struct daemon *daemon = child->daemon;
	struct wire_message message = {
		.type = WIRE_SETUP,
		.setup = { .started = daemon->started,
			   .sweep_seconds = daemon->options.sweep_seconds,
			   .keep_days = daemon->options.keep_days,
			   .restarts = child->restarts,
			   .group = daemon->identities.readers,
			   .policy_given = daemon->options.policy_given },
	};
	(void)str_copy(message.setup.runtime_directory, sizeof(message.setup.runtime_directory),
		       daemon->runtime.path);
	(void)str_copy(message.setup.state_directory, sizeof(message.setup.state_directory),
		       daemon->options.state_directory);
	(void)str_copy(message.setup.policy, sizeof(message.setup.policy), daemon->options.policy);
	const int engine_fds[] = { daemon->runtime.state, daemon->runtime.directory };
	switch (child->role) {
	case WIRE_ENGINE:
		return wire_send(child->socket, &message, engine_fds, 2, e);
	case WIRE_FACE:
		return wire_send(child->socket, &message, &daemon->runtime.http, 1, e);
	default:
		return wire_send(child->socket, &message, NULL, 0, e);
	}
}

/* The ring outlives an engine: its reader's place is kept in it, so the next one goes on there. */
static int send_ring(const struct child *child, struct err *e)
{
	const struct daemon *daemon = child->daemon;
	struct wire_message message = { .type = WIRE_RING, .ring = daemon->ring };
	return wire_send(child->socket, &message, daemon->ring_fds,
			 daemon->ring.sources != 0 ? 2 : 0, e);
}

/* Both get a new socket to each other whenever one of them is new. */
static int send_peers(struct daemon *daemon, struct err *e)
{
	int pair[2] = { -1, -1 };
	struct wire_message message = { .type = WIRE_PEER };
	if (daemon->children[CHILD_ENGINE].socket < 0 || daemon->children[CHILD_FACE].socket < 0) {
		return 0;
	}
	int r = wire_pair(pair, e);
	for (unsigned i = 0; i < 2 && r == 0; i++) {
		r = wire_send(daemon->children[i].socket, &message, &pair[i], 1, e);
	}
	close_fdp(&pair[0]);
	close_fdp(&pair[1]);
	return r;
}

/* The engine keeps the list of our processes for `status` and the log. */
static void tell_engine(const struct child *child, bool news)
{
	const struct child *engine = &child->daemon->children[CHILD_ENGINE];
	struct wire_message message = {
		.type = WIRE_CHILD,
		.child = { .pid = child->pid, .restarts = child->restarts, .news = news },
	};
	(void)str_copy(message.child.name, sizeof(message.child.name), child->name);
	if (engine->socket >= 0) {
		(void)wire_send(engine->socket, &message, NULL, 0,
				NULL); /* a wedged engine is found by its silence */
	}
}

/* What the keeper told before there was this engine, or that there is none. */
static int send_rules(const struct child *child, struct err *e)
{
	struct wire_message message = { .type = WIRE_RULES };
	message.rules = child->daemon->rules;
	return wire_send(child->socket, &message, NULL, 0, e);
}

/* What they told while there was no engine, or another one, is lost. */
static void let_tell_again(const struct child *teller)
{
	const struct wire_message message = { .type = WIRE_RELOAD };
	if (teller->socket >= 0) {
		(void)wire_send(teller->socket, &message, NULL, 0,
				NULL); /* a wedged one is found by its silence */
	}
}

/* Without a sentry the parent says why there is none. */
static int send_watched(const struct child *engine, struct err *e)
{
	struct wire_message message = { .type = WIRE_WATCHED };
	if (child_is_wanted(&engine->daemon->children[CHILD_SENTRY])) {
		return 0;
	}
	(void)str_copy(message.watched.reason, sizeof(message.watched.reason),
		       engine->daemon->tap.reason);
	return wire_send(engine->socket, &message, NULL, 0, e);
}

static int send_engine(const struct child *engine, struct err *e)
{
	int r = send_ring(engine, e);
	if (r == 0) {
		r = send_rules(engine, e);
	}
	if (r == 0) {
		r = send_watched(engine, e);
	}
	let_tell_again(&engine->daemon->children[CHILD_KEEPER]);
	let_tell_again(&engine->daemon->children[CHILD_SENTRY]);
	return r == 0 ? attempts_send(engine->daemon, e) : r;
}

static int send_first(const struct child *child, struct err *e)
{
	int r = child->role == WIRE_KEEPER ? 0 : send_setup(child, e);
	if (r == 0 && child->role == WIRE_ENGINE) {
		r = send_engine(child, e);
	}
	if (r == 0 && child->role == WIRE_SENTRY) {
		r = tap_send(child->daemon, e);
		decoys_tell(child->daemon);
	}
	return r == 0 && (child->role == WIRE_ENGINE || child->role == WIRE_FACE)
		       ? send_peers(child->daemon, e)
		       : r;
}

static void send_all(struct child *child)
{
	struct daemon *daemon = child->daemon;
	struct err e = ERR_INIT;
	int r = send_first(child, &e);
	if (r < 0) {
		say(SAY_ERROR, "%s: %s", child->name, err_text(&e));
		(void)kill(child->pid, SIGKILL); /* its end starts the next one */
		return;
	}
	for (unsigned i = 0; i < CHILD_COUNT; i++) {
		struct child *other = &daemon->children[i];
		if (other->socket >= 0 && (other == child || child->role == WIRE_ENGINE)) {
			tell_engine(other, other == child);
		}
	}
}

static int on_message(sd_event_source *source, int fd, uint32_t events, void *data);
static int on_end(sd_event_source *source, const siginfo_t *info, void *data);

static int watch(struct child *child, int socket, struct err *e)
{
	sd_event *loop = child->daemon->loop;
	int r = sd_event_add_io(loop, &child->io, socket, EPOLLIN, on_message, child);
	if (r >= 0) {
		r = sd_event_add_child(loop, &child->end, child->pid, WEXITED, on_end, child);
	}
	return r < 0 ? err_system(e, r, "cannot watch the %s", child->name) : 0;
}

/* Forks and watches. */
static int launch(struct child *child, struct err *e)
{
	int pair[2] = { -1, -1 };
	int r = wire_pair(pair, e);
	if (r < 0) {
		return r;
	}
	child->pid = fork();
	if (child->pid == 0) {
		become(child, pair[1]);
	}
	close_fdp(&pair[1]);
	if (child->pid < 0) {
		close_fdp(&pair[0]);
		return err_system(e, errno, "cannot start the %s", child->name);
	}
	child->socket = pair[0];
	return watch(child, pair[0], e);
}

void child_start(struct child *child)
{
	struct err e = ERR_INIT;
	child->started = child->last_pong = clock_monotonic();
	child->state = CHILD_STARTED;
	if (launch(child, &e) < 0) {
		say(SAY_ERROR, "%s", err_text(&e));
		(void)sd_event_exit(child->daemon->loop, EXIT_FAILURE);
		return;
	}
	send_all(child);
}

/* ---- watching ---- */

static void say_status(struct daemon *daemon)
{
	bool ready = true;
	for (unsigned i = 0; i < CHILD_COUNT; i++) {
		ready = ready && (daemon->children[i].state == CHILD_READY ||
				  !child_is_wanted(&daemon->children[i]));
	}
	if (ready && !daemon->told_ready) {
		daemon->told_ready = true;
		(void)sd_notify(0, "READY=1\nSTATUS=watching"); /* without systemd nobody listens */
		say(SAY_INFO, "ready; API at %s/minatod.sock", daemon->runtime.path);
	}
}

/* @return 0; negative: the child broke the rules. */
static int handle(struct child *child, const struct wire_message *message)
{
	switch (message->type) {
	case WIRE_READY:
		child->state = CHILD_READY;
		say_status(child->daemon);
		return 0;
	case WIRE_PONG:
		child->last_pong = clock_monotonic();
		return 0;
	default:
		return request_handle(child->daemon, message);
	}
}

static void drop_socket(struct child *child)
{
	child->io = sd_event_source_disable_unref(child->io);
	close_fdp(&child->socket);
}

static int on_message(sd_event_source *source, int fd, uint32_t events, void *data)
{
	(void)source, (void)events;
	struct child *child = data;
	struct wire_message message;
	int fds[WIRE_FDS_MAX];
	struct err e = ERR_INIT;
	int r = wire_receive(&message, fds, fd, child->role, &e);
	if (r == -EAGAIN) {
		return 0;
	}
	if (r == 0) {
		wire_close(fds); /* no message to the parent brings any */
		r = handle(child, &message);
	}
	if (r < 0) {
		if (r != -ECONNRESET) {
			say(SAY_ERROR, "the %s is ended: %s", child->name, err_text(&e));
		}
		drop_socket(child);
		(void)kill(child->pid, SIGKILL); /* may be gone already; on_end follows */
	}
	return 0;
}

static int on_again(sd_event_source *source, uint64_t usec, void *data)
{
	(void)source, (void)usec;
	struct child *child = data;
	child->restarts++;
	child_start(child);
	return 0;
}

static void start_later(struct child *child)
{
	const uint32_t doublings = child->deaths - 1;
	const usec_t wait = CHILD_FIRST_WAIT_USEC
			    << (doublings < CHILD_DOUBLINGS_MAX ? doublings : CHILD_DOUBLINGS_MAX);
	child->again = sd_event_source_disable_unref(child->again);
	int r = sd_event_add_time_relative(child->daemon->loop, &child->again, CLOCK_MONOTONIC,
					   (uint64_t)wait, 1000, on_again, child);
	if (r < 0) {
		say(SAY_ERROR, "cannot start the %s again: %s", child->name, strerror(-r));
		(void)sd_event_exit(child->daemon->loop, EXIT_FAILURE);
	}
}

/* The loop ends with the last child. */
static void end_when_all_ended(struct daemon *daemon)
{
	for (unsigned i = 0; i < CHILD_COUNT; i++) {
		if (daemon->children[i].state != CHILD_STOPPED) {
			return;
		}
	}
	(void)sd_event_exit(daemon->loop, EXIT_SUCCESS); /* fails only when it ends already */
}

static void give_up(const struct child *child)
{
	say(SAY_ERROR, "the %s ended %u times in a row; giving up", child->name, child->deaths);
	(void)sd_event_exit(child->daemon->loop, EXIT_FAILURE);
}

static int on_end(sd_event_source *source, const siginfo_t *info, void *data)
{
	(void)source;
	struct child *child = data;
	struct daemon *daemon = child->daemon;
	const usec_t now = clock_monotonic();
	child->end = sd_event_source_disable_unref(child->end);
	drop_socket(child);
	child->state = CHILD_STOPPED;
	if (daemon->stopping) {
		end_when_all_ended(daemon);
		return 0;
	}
	if (child->role == WIRE_KEEPER) {
		control_ordered(daemon, 0, "fault the keeper ended");
	}
	say(SAY_WARNING, "the %s ended by %s %d", child->name,
	    info->si_code == CLD_EXITED ? "exit code" : "signal", info->si_status);
	child->deaths = now - child->started < CHILD_QUIET_USEC ? child->deaths + 1 : 1;
	/* What ends a sentry may be a packet that anybody can send: it must not end the others. */
	if (child->deaths >= CHILD_DEATHS_MAX && child->role != WIRE_SENTRY) {
		give_up(child);
	} else {
		start_later(child);
	}
	return 0;
}

void children_ping(struct daemon *daemon)
{
	const struct wire_message ping = { .type = WIRE_PING };
	const usec_t now = clock_monotonic();
	for (unsigned i = 0; i < CHILD_COUNT; i++) {
		struct child *child = &daemon->children[i];
		if (child->socket < 0) {
			continue;
		}
		if (now - child->last_pong > CHILD_SILENT_USEC) {
			say(SAY_ERROR, "the %s does not answer", child->name);
			(void)kill(child->pid, SIGKILL); /* on_end follows */
		} else {
			(void)wire_send(child->socket, &ping, NULL, 0,
					NULL); /* not sent is not answered */
		}
	}
}

/* ---- ending ---- */

static int on_stop_limit(sd_event_source *source, uint64_t usec, void *data)
{
	(void)source, (void)usec;
	struct daemon *daemon = data;
	for (unsigned i = 0; i < CHILD_COUNT; i++) {
		if (daemon->children[i].state != CHILD_STOPPED) {
			say(SAY_WARNING, "the %s did not end in time", daemon->children[i].name);
			(void)kill(daemon->children[i].pid, SIGKILL);
		}
	}
	return 0;
}

void children_stop(struct daemon *daemon)
{
	const struct wire_message stop = { .type = WIRE_STOP };
	daemon->stopping = true;
	for (unsigned i = 0; i < CHILD_COUNT; i++) {
		struct child *child = &daemon->children[i];
		child->again = sd_event_source_disable_unref(child->again);
		if (child->socket >= 0) {
			(void)wire_send(child->socket, &stop, NULL, 0,
					NULL); /* the time limit ends who did not hear */
		}
	}
	(void)sd_event_add_time_relative(daemon->loop, &daemon->stop_limit, CLOCK_MONOTONIC,
					 (uint64_t)STOP_USEC, 0, on_stop_limit,
					 daemon); /* without it systemd's own limit ends us */
	end_when_all_ended(daemon);
}

void children_reload(struct daemon *daemon)
{
	const struct wire_message reload = { .type = WIRE_RELOAD };
	if (daemon->children[CHILD_ENGINE].socket >= 0) {
		(void)wire_send(daemon->children[CHILD_ENGINE].socket, &reload, NULL, 0,
				NULL); /* a new engine reads the policy anyway */
	}
}

void children_end(struct daemon *daemon)
{
	for (unsigned i = 0; i < CHILD_COUNT; i++) {
		struct child *child = &daemon->children[i];
		child->io = sd_event_source_disable_unref(child->io);
		child->end = sd_event_source_disable_unref(child->end);
		child->again = sd_event_source_disable_unref(child->again);
		if (child->state != CHILD_STOPPED && child->pid > 0) {
			(void)kill(child->pid, SIGKILL);
			(void)waitpid(child->pid, NULL, 0); /* gone either way */
		}
		close_fdp(&child->socket);
		close_fdp(&child->program);
	}
	daemon->ping = sd_event_source_disable_unref(daemon->ping);
	daemon->stop_limit = sd_event_source_disable_unref(daemon->stop_limit);
}
