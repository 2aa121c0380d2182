/* Starting minato-probe, and believing what it says as far as it can be. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "config.h"
#include "probe/probe.h"
#include "sandbox/sandbox.h"

enum {
	CHANNEL = 3,
	NOT_RUN = 126,    /* as a shell says that a program cannot be run */
	NOT_LINKED = 127, /* glibc's ld.so, when a library is missing or too old */
};

/* Of the process itself, beyond the limits of the steps. */
static const usec_t GRACE = 2 * USEC_PER_SEC;

/* Beside this program, else where it is installed. */
static int open_program(void)
{
	static const char name[] = "minato-probe";
	char path[4096];
	const ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - sizeof(name));
	int program = -1;
	if (length > 0) {
		path[length] = '\0';
		char *slash = strrchr(path, '/');
		if (slash != NULL) {
			memcpy(slash + 1, name, sizeof(name));
			program = open(path, O_PATH | O_CLOEXEC);
		}
	}
	if (program < 0) {
		program = open(MINATO_LIBEXEC_DIRECTORY "/minato-probe", O_PATH | O_CLOEXEC);
	}
	return program < 0 ? -errno : program;
}

static _Noreturn void be_child(int channel, int program, pid_t parent)
{
	static char name[] = "minato-probe";
	char *const words[] = { name, NULL };
	char *const environment[] = { NULL };
	int fds[] = { channel, program };
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* cannot fail with a valid signal */
	if (getppid() == parent && sandbox_keep_descriptors(fds, 2) == 0) {
		(void)fcntl(CHANNEL + 1, F_SETFD, FD_CLOEXEC); /* the program, once it runs */
		(void)execveat(CHANNEL + 1, "", words, environment, AT_EMPTY_PATH);
	}
	_exit(NOT_RUN);
}

/* @return 1 there is one; 0 no more will come; negative errno. */
static int receive(struct probe_record *record, int channel, usec_t until)
{
	struct pollfd wait = { .fd = channel, .events = POLLIN };
	int r = 0;
	do {
		const usec_t left = until - clock_monotonic();
		r = poll(&wait, 1, left <= 0 ? 0 : (int)((left + 999) / 1000));
	} while (r < 0 && errno == EINTR);
	if (r <= 0) {
		return r == 0 ? -ETIMEDOUT : -errno;
	}
	const ssize_t length = recv(channel, record, sizeof(*record), MSG_TRUNC);
	if (length <= 0) {
		return 0;
	}
	return length == (ssize_t)sizeof(*record) && probe_record_valid(record) ? 1 : -EBADMSG;
}

static int talk(struct probe_record *records, size_t room, size_t *count, int channel,
		const struct probe_order *order)
{
	const usec_t limit =
		order->connect_time * (order->address_count + 1) + 6 * order->answer_time + GRACE;
	const usec_t until = clock_monotonic() + limit;
	if (send(channel, order, sizeof(*order), MSG_NOSIGNAL) != (ssize_t)sizeof(*order)) {
		return -EIO;
	}
	int r = 1;
	while (r == 1 && *count < room) {
		r = receive(&records[*count], channel, until);
		*count += r == 1;
	}
	return r < 0 ? r : 0;
}

static int judge_end(int status, struct err *e)
{
	if (WIFSIGNALED(status)) {
		return err_set(e, EIO, "minato-probe failed: signal %d ended it", WTERMSIG(status));
	}
	switch (WEXITSTATUS(status)) {
	case EXIT_SUCCESS:
		return 0;
	case NOT_RUN:
		return err_set(e, EIO,
			       "minato-probe cannot be run: is the limit of open files "
			       "(ulimit -n) too low?");
	case NOT_LINKED:
		return err_set(e, ELIBACC,
			       "minato-probe cannot be run: a library that it needs is missing or "
			       "too old, as libssl.so.3 of OpenSSL");
	default:
		return err_set(e, EIO, "minato-probe failed: it could not give its rights away");
	}
}

int probe_ask(struct probe_record *records, size_t room, size_t *count,
	      const struct probe_order *order, struct err *e)
{
	int ends[2];
	*count = 0;
	_cleanup_(close_fdp) int program = open_program();
	if (program < 0) {
		return err_system(e, program, "minato-probe is not installed");
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		return err_system(e, errno, "cannot start minato-probe");
	}
	_cleanup_(close_fdp) int mine = ends[0];
	_cleanup_(close_fdp) int its = ends[1];
	const pid_t parent = getpid();
	const pid_t child = fork();
	if (child < 0) {
		return err_system(e, errno, "cannot start minato-probe");
	}
	if (child == 0) {
		be_child(its, program, parent);
	}
	close_fdp(&its);
	int r = talk(records, room, count, mine, order);
	int status = 0;
	if (r < 0) {
		(void)kill(child, SIGKILL);
	}
	(void)waitpid(child, &status, 0); /* ours, and it ends: cannot fail */
	/* Whoever ended by itself beforehand could not be spoken to: the end tells why. */
	const bool failed = WIFEXITED(status) && WEXITSTATUS(status) != EXIT_SUCCESS;
	return r < 0 && !failed ? err_system(e, r, "minato-probe failed") : judge_end(status, e);
}
