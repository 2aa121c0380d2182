/* A machine's first process: it makes the machine, starts what runs there, and stays. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "harbour/io/world.h"
#include "harbour/words.h"

enum { WORDS_MAX = 16, NUMBER_BYTES = 12 };

static const usec_t ready_timeout = 30 * USEC_PER_SEC;

/* Programs tell that they are ready as they would tell systemd. */
#define NOTICES "@harbour-ready"

struct machine {
	struct harbour_world *world;
	const struct harbour_machine *description;
	usec_t began;
	uint32_t waiting; /* who has not said READY=1 */
	int notices;      /* socket */
	bool started[HARBOUR_PROGRAMS_MAX];
};

/* ---- starting ---- */

static pid_t start(const struct machine *machine, const char *path, const char *const *words,
		   bool notices)
{
	const pid_t child = fork();
	if (child != 0) {
		return child;
	}
	const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int log = open(WORLD_FOLDER "/log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	(void)dup2(nothing, STDIN_FILENO); /* 0, 1, 2 of this process lead nowhere already */
	(void)dup2(log, STDOUT_FILENO);
	(void)dup2(log, STDERR_FILENO);
	world_forget_signals();
	const char *environment[64];
	size_t count = 0;
	for (const char *const *e = machine->world->setup->environment; *e != NULL && count < 62;
	     e++) {
		environment[count++] = *e;
	}
	if (notices) {
		environment[count++] = "NOTIFY_SOCKET=" NOTICES;
	}
	environment[count] = NULL;
	(void)execve(path, (char *const *)(uintptr_t)words, (char *const *)(uintptr_t)environment);
	_exit(127);
}

/* The words of minato-actor: ROLE PORT, or ROLE ADDRESS PORT SECONDS. */
static int start_program(struct machine *machine, uint32_t number)
{
	const struct harbour_program *program = &machine->description->programs[number];
	char path[PATH_BYTES];
	char port[NUMBER_BYTES];
	char every[NUMBER_BYTES];
	char address[ADDR_TEXT_BYTES];
	const bool listens = harbour_does_listen(program->does);
	const bool notices = listens && program->after == 0;
	(void)snprintf(path, sizeof(path), WORLD_PROGRAMS "/%s", program->name);
	(void)snprintf(port, sizeof(port), "%u", program->port);
	(void)snprintf(every, sizeof(every), "%u", program->every);
	const char *const server[] = { program->name, harbour_does_word(program->does), port,
				       program->tls ? "tls" : NULL, NULL };
	const char *const client[] = { program->name,
				       harbour_does_word(program->does),
				       addr_format(&program->address, address),
				       port,
				       every,
				       NULL };
	machine->started[number] = true;
	machine->waiting += notices ? 1 : 0;
	return start(machine, path, listens ? server : client, notices) < 0 ? -errno : 0;
}

static int start_daemon(struct machine *machine)
{
	const char *const words[] = { "minatod", "--sweep-seconds", "1", NULL };
	machine->waiting++;
	return start(machine, machine->world->minatod, words, true) < 0 ? -errno : 0;
}

/* Who listens from the first moment is there before anybody comes. */
static int start_servers(struct machine *machine)
{
	int r = 0;
	for (uint32_t i = 0; r == 0 && i < machine->description->program_count; i++) {
		const struct harbour_program *program = &machine->description->programs[i];
		if (harbour_does_listen(program->does) && program->after == 0) {
			r = start_program(machine, i);
		}
	}
	return r;
}

static int start_due(struct machine *machine)
{
	const usec_t age = clock_monotonic() - machine->began;
	int r = 0;
	for (uint32_t i = 0; r == 0 && i < machine->description->program_count; i++) {
		const usec_t due = machine->description->programs[i].after * USEC_PER_SEC;
		if (!machine->started[i] && due <= age) {
			r = start_program(machine, i);
		}
	}
	return r;
}

/* ---- waiting ---- */

static int next_due_ms(const struct machine *machine)
{
	const usec_t age = clock_monotonic() - machine->began;
	usec_t next = -1;
	for (uint32_t i = 0; i < machine->description->program_count; i++) {
		const usec_t left = machine->description->programs[i].after * USEC_PER_SEC - age;
		if (!machine->started[i] && (next < 0 || left < next)) {
			next = left > 0 ? left : 0;
		}
	}
	return next < 0 ? -1 : (int)(next / 1000 + 1);
}

static int open_notices(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	memcpy(address.sun_path, NOTICES, sizeof(NOTICES) - 1);
	address.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const socklen_t length =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(NOTICES) - 1);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, length) < 0) {
		const int error = errno;
		close_fdp(&fd);
		return -error;
	}
	return fd < 0 ? -errno : fd;
}

static void take_notices(struct machine *machine)
{
	char text[4096];
	ssize_t length;
	while ((length = recv(machine->notices, text, sizeof(text) - 1, 0)) > 0) {
		text[length] = '\0';
		if (str_starts(text, "READY=1") && machine->waiting > 0) {
			machine->waiting--;
		}
	}
}

static int wait_until_ready(struct machine *machine)
{
	const usec_t until = clock_monotonic() + ready_timeout;
	struct pollfd on = { .fd = machine->notices, .events = POLLIN };
	while (machine->waiting > 0) {
		const usec_t left = until - clock_monotonic();
		int r = left <= 0 ? 0 : poll(&on, 1, (int)(left / 1000) + 1);
		if (r < 0 && errno != EINTR) {
			return -errno;
		}
		if (r == 0) {
			return -ETIMEDOUT;
		}
		take_notices(machine);
	}
	return 0;
}

/* The end of each child is taken, also of those whose parents have ended. */
static _Noreturn void stay(struct machine *machine, int signals)
{
	struct pollfd on[] = { { .fd = signals, .events = POLLIN },
			       { .fd = machine->notices, .events = POLLIN } };
	for (;;) {
		(void)start_due(machine); /* one that cannot be started is not there */
		(void)poll(on, 2, next_due_ms(machine));
		struct signalfd_siginfo info;
		while (read(signals, &info, sizeof(info)) > 0) {
		}
		while (waitpid(-1, NULL, WNOHANG) > 0) {
		}
		take_notices(machine);
	}
}

/* ---- the life ---- */

static int make(struct machine *machine, uint32_t number, int link, struct err *e)
{
	const struct harbour *harbour = machine->world->harbour;
	const char *name = machine->description->name;
	if (sethostname(name, strlen(name)) < 0) {
		return err_system(e, errno, _("cannot make %s"), name);
	}
	int r = files_make_machine(machine->world, number, e);
	r = r < 0 ? r : word_say(link, e);
	r = r < 0 ? r : word_hear(link, e); /* its links are there now */
	r = r < 0 ? r : network_settle(harbour, number, e);
	machine->notices = open_notices();
	if (r == 0 && machine->notices < 0) {
		r = err_system(e, machine->notices, _("cannot make %s"), name);
	}
	r = r < 0 ? r : start_servers(machine);
	r = r < 0 ? r : wait_until_ready(machine);
	if (r == 0 && number == harbour->host) {
		r = start_daemon(machine);
		r = r < 0 ? r : wait_until_ready(machine);
	}
	return r < 0 ? err_system(e, r, _("cannot make %s"), name) : 0;
}

_Noreturn void machine_main(struct harbour_world *world, uint32_t machine, int link)
{
	struct err e = ERR_INIT;
	struct machine self = { .world = world,
				.description = &world->harbour->machines[machine],
				.notices = -1 };
	sigset_t ends;
	(void)setsid(); /* Ctrl-C is for who sits at the terminal */
	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &ends, NULL);
	const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		(void)dup2(nothing, fd);
	}
	const int signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
	int r = make(&self, machine, link, &e);
	if (word_say(link, &e) < 0 || r < 0 || word_hear(link, &e) < 0) {
		_exit(EXIT_FAILURE);
	}
	self.began = clock_monotonic(); /* all others are ready too */
	stay(&self, signals);
}
