/* The namespaces of a world, its first process, and its end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/io/run.h"
#include "harbour/io/world.h"
#include "harbour/words.h"

enum {
	WORLD_FLAGS = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC |
		      CLONE_NEWCGROUP,
	NOT_FOUND = 127,
};

/* ---- words between processes ---- */

int word_say(int link, const struct err *e)
{
	const struct word word = { .e = *e };
	return send(link, &word, sizeof(word), MSG_NOSIGNAL) == sizeof(word) ? 0 : -EIO;
}

int word_hear(int link, struct err *e)
{
	struct word word;
	ssize_t length;
	do {
		length = recv(link, &word, sizeof(word), 0);
	} while (length < 0 && errno == EINTR);
	if (length != sizeof(word)) {
		return err_set(e, EIO, "%s", _("a part of the harbour ended before its time"));
	}
	return word.e.code == 0 ? 0 : err_set(e, word.e.code, "%s", err_text(&word.e));
}

/* As fork(), into new namespaces. */
static pid_t fork_into(int flags)
{
	return (pid_t)syscall(SYS_clone, (unsigned long)(flags | SIGCHLD), NULL, NULL, NULL, NULL);
}

void world_forget_signals(void)
{
	sigset_t none;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGQUIT, SIG_DFL);
	(void)signal(SIGPIPE, SIG_DFL);
}

/* ---- the world's first process ---- */

static int start_machine(struct harbour_world *world, uint32_t number, struct err *e)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		return err_system(e, errno, _("cannot start a machine"));
	}
	const pid_t child = fork_into(WORLD_FLAGS);
	if (child == 0) {
		machine_main(world, number, pair[1]);
	}
	close_fdp(&pair[1]);
	world->links[number] = pair[0];
	world->machines[number] = child;
	world->pidfds[number] =
		child < 0 ? -1 : (int)syscall(SYS_pidfd_open, child, 0); /* close-on-exec */
	return child < 0 || world->pidfds[number] < 0
		       ? err_system(e, errno, _("cannot start a machine"))
		       : 0;
}

static int hear_all(const struct harbour_world *world, struct err *e)
{
	int r = 0;
	for (uint32_t i = 0; r == 0 && i < world->harbour->machine_count; i++) {
		r = word_hear(world->links[i], e);
	}
	return r;
}

static int say_all(const struct harbour_world *world, struct err *e)
{
	int r = 0;
	for (uint32_t i = 0; r == 0 && i < world->harbour->machine_count; i++) {
		r = word_say(world->links[i], e);
	}
	return r;
}

static int make_world(struct harbour_world *world, struct err *e)
{
	const uint32_t count = world->harbour->machine_count;
	int r = files_close_world(world, e);
	r = r < 0 ? r : gate_open(world, e);
	for (uint32_t i = 0; r == 0 && i < count; i++) {
		r = start_machine(world, i, e);
	}
	r = r < 0 ? r : hear_all(world, e);
	r = r < 0 ? r : network_connect(world, e);
	r = r < 0 ? r : say_all(world, e);  /* their links are there */
	r = r < 0 ? r : hear_all(world, e); /* they are ready */
	return r < 0 ? r : say_all(world, e);
}

/* Root inside: without a user namespace it is that already. */
static int become_root(const struct harbour_world *world, struct err *e)
{
	if (!world->user_namespace) {
		return 0;
	}
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0) {
		return err_system(e, errno, _("cannot become root of a user namespace"));
	}
	return 0;
}

/* The death signal is forgotten with a change of user, so it comes after; by then who made us may
 * be gone, and does not say go. */
static int wait_for_go(int link, const struct harbour_world *world, struct err *e)
{
	int r = word_hear(link, e);
	r = r < 0 ? r : become_root(world, e);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* cannot fail with a valid signal */
	r = r < 0 ? r : word_say(link, &ERR_INIT);
	return r < 0 ? r : word_hear(link, e);
}

/* @return -1, or the exit code of the world, whose end has come. */
static int take_ended(const struct harbour_world *world, pid_t inside)
{
	int status = 0;
	for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
		if (ended == inside) {
			return run_code(status);
		}
		for (uint32_t i = 0; i < world->harbour->machine_count; i++) {
			if (ended == world->machines[i]) {
				return EXIT_FAILURE;
			}
		}
	}
	return -1;
}

static int watch(struct harbour_world *world, pid_t inside, int signals)
{
	struct pollfd on[] = { { .fd = signals, .events = POLLIN },
			       { .fd = world->gate, .events = POLLIN } };
	for (;;) {
		struct signalfd_siginfo info;
		(void)poll(on, 2, -1);
		while (read(signals, &info, sizeof(info)) > 0) {
		}
		const int code = take_ended(world, inside);
		if (code >= 0) {
			return code;
		}
		if (on[1].revents != 0) {
			gate_serve(world);
		}
	}
}

static _Noreturn void world_main(struct harbour_world *world, const int pair[2],
				 harbour_inside *inside, void *data)
{
	const int link = pair[1];
	struct err e = ERR_INIT;
	(void)close(pair[0]); /* else the end of who made us would not be heard */
	int r = wait_for_go(link, world, &e);
	r = r < 0 ? r : make_world(world, &e);
	if (r < 0 && e.code == 0) {
		(void)err_system(&e, r, _("cannot make the harbour"));
	}
	if (word_say(link, &e) < 0 || r < 0) {
		_exit(EXIT_FAILURE);
	}
	sigset_t ends;
	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &ends, NULL);
	const int signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
	const pid_t child = fork();
	if (child == 0) {
		world_forget_signals();
		exit(inside(world, data));
	}
	_exit(child < 0 || signals < 0 ? EXIT_FAILURE : watch(world, child, signals));
}

/* ---- who made it ---- */

static int write_map(pid_t child, const char *name, const char *text)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", child, name);
	return file_write_setting(path, text);
}

/* Root keeps every user as it is, so that the daemon's processes have users of their own; who is
 * not root is root inside, and alone (user_namespaces(7)). */
static int write_maps(pid_t child, struct err *e)
{
	char users[64] = "0 0 4294967295";
	char groups[64] = "0 0 4294967295";
	int r = 0;
	if (geteuid() != 0) {
		(void)snprintf(users, sizeof(users), "0 %u 1", geteuid());
		(void)snprintf(groups, sizeof(groups), "0 %u 1", getegid());
		r = write_map(child, "setgroups", "deny");
	}
	r = r < 0 ? r : write_map(child, "gid_map", groups);
	r = r < 0 ? r : write_map(child, "uid_map", users);
	return r < 0 ? err_set(e, EPERM, "%s: %s", _("cannot become root of a user namespace"),
			       strerror(-r))
		     : 0;
}

static pid_t start_world(struct harbour_world *world, const int pair[2], harbour_inside *inside,
			 void *data)
{
	world->user_namespace = true;
	pid_t child = fork_into(WORLD_FLAGS | CLONE_NEWUSER);
	if (child < 0 && geteuid() == 0) {
		world->user_namespace = false;
		child = fork_into(WORLD_FLAGS);
	}
	if (child == 0) {
		world_main(world, pair, inside, data);
	}
	return child < 0 ? -errno : child;
}

static int bring_up(const struct harbour_world *world, pid_t child, int link, struct err *e)
{
	int r = world->user_namespace ? write_maps(child, e) : 0;
	r = r < 0 ? r : word_say(link, &ERR_INIT);
	r = r < 0 ? r : word_hear(link, e); /* from here on it dies with us */
	r = r < 0 ? r : word_say(link, &ERR_INIT);
	return r < 0 ? r : word_hear(link, e);
}

static int run(int *code, struct harbour_world *world, harbour_inside *inside, void *data,
	       struct err *e)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		return err_system(e, errno, _("cannot make the harbour"));
	}
	const pid_t child = start_world(world, pair, inside, data);
	close_fdp(&pair[1]);
	if (child < 0) {
		close_fdp(&pair[0]);
		return err_system(e, child, _("this machine allows no namespaces of one's own"));
	}
	int r = bring_up(world, child, pair[0], e);
	if (r < 0) {
		(void)kill(child, SIGKILL); /* it may have ended by itself */
	}
	/* Its end ends all in its namespace, and the namespaces with them. */
	const int ended = run_wait(child);
	close_fdp(&pair[0]);
	if (r == 0) {
		*code = ended;
	}
	return r;
}

int harbour_run(int *code, const struct harbour *harbour, const struct harbour_setup *setup,
		harbour_inside *inside, void *data, struct err *e)
{
	struct harbour_world world = {
		.harbour = harbour, .setup = setup, .gate = -1, .actor = -1
	};
	int r = files_find(&world, e);
	if (r == 0) {
		/* Nobody but `inside` hears Ctrl-C: its end ends all. */
		void (*interrupt)(int) = signal(SIGINT, SIG_IGN);
		void (*quit)(int) = signal(SIGQUIT, SIG_IGN);
		r = run(code, &world, inside, data, e);
		(void)signal(SIGINT, interrupt);
		(void)signal(SIGQUIT, quit);
	}
	close_fdp(&world.actor);
	return r;
}

const struct harbour *harbour_of(const struct harbour_world *world)
{
	return world->harbour;
}

/* ---- programs at a machine ---- */

/* A terminal that is nobody's yet becomes the one of a session of its own, so that Ctrl-C there is
 * for the program. */
static void take_terminal(void)
{
	if (isatty(STDIN_FILENO) == 1 && tcgetsid(STDIN_FILENO) < 0) {
		(void)setsid();
		(void)ioctl(STDIN_FILENO, TIOCSCTTY, 0); /* fails when it is somebody's */
	}
}

static _Noreturn void become(const struct harbour_world *world, const char *const *words,
			     const int fds[3])
{
	for (int i = 0; i < 3; i++) {
		if (dup2(fds[i], i) < 0) {
			_exit(NOT_FOUND);
		}
	}
	take_terminal();
	(void)!chdir("/root"); /* where it is not there, it begins where it is */
	world_forget_signals();
	environ = (char **)(uintptr_t)world->setup->environment;
	(void)execvp(words[0], (char *const *)(uintptr_t)words);
	_exit(NOT_FOUND);
}

int harbour_enter(const struct harbour_world *world, uint32_t machine, struct err *e)
{
	return setns(world->pidfds[machine], WORLD_FLAGS) < 0
		       ? err_system(e, errno, "cannot enter %s",
				    world->harbour->machines[machine].name)
		       : 0;
}

/* A process enters a namespace of processes with its children only. */
static _Noreturn void enter(const struct harbour_world *world, uint32_t machine,
			    const char *const *words, const int fds[3])
{
	int copies[3];
	if (harbour_enter(world, machine, NULL) < 0) {
		_exit(NOT_FOUND);
	}
	for (int i = 0; i < 3; i++) {
		copies[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
	}
	const pid_t child = fork();
	if (child == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		become(world, words, copies);
	}
	(void)signal(SIGINT, SIG_IGN); /* for the program alone */
	(void)signal(SIGQUIT, SIG_IGN);
	_exit(child < 0 ? NOT_FOUND : run_wait(child));
}

pid_t harbour_start(struct harbour_world *world, uint32_t machine, const char *const *words,
		    const int fds[3])
{
	const pid_t child = fork();
	if (child == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* cannot fail with a valid signal */
		enter(world, machine, words, fds);
	}
	return child < 0 ? -errno : child;
}
