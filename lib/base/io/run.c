/* Running another program for its output, bounded in time and size. No shell. */
#include "base/io/run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "config.h"

enum { READ_BYTES = 64 * 1024 };

int run_find(char *path, const char *name)
{
	static const char *const folders[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin" };
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		(void)snprintf(path, RUN_PATH_BYTES, "%s/%s", folders[i], name);
		if (access(path, X_OK) == 0) {
			return 0;
		}
	}
	return -ENOENT;
}

static int start(pid_t *child, const char *path, const char *const *words, int output)
{
	static char locale[] = "LC_ALL=C";
	char *environment[] = { locale, NULL };
	posix_spawn_file_actions_t actions;
	int r = posix_spawn_file_actions_init(&actions);
	if (r != 0) {
		return -r;
	}
	if (r == 0) {
		r = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	}
	if (r == 0) {
		r = posix_spawn_file_actions_adddup2(&actions, output, 1);
	}
	if (r == 0) {
		r = posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	}
	if (r == 0) {
		r = posix_spawn(child, path, &actions, NULL, (char *const *)words, environment);
	}
	(void)posix_spawn_file_actions_destroy(&actions); /* cannot fail on Linux */
	return -r;
}

/* @return 1 = more may come, 0 = the end, or negative errno. */
static int take(struct str *out, int input)
{
	char bytes[READ_BYTES];
	ssize_t n = read(input, bytes, sizeof(bytes));
	if (n < 0) {
		return errno == EINTR ? 1 : -errno;
	}
	if (n == 0) {
		return 0;
	}
	return out == NULL || str_add_bytes(out, bytes, (size_t)n) == 0 ? 1 : out->error;
}

static int collect(struct str *out, int input, usec_t deadline)
{
	for (;;) {
		usec_t left = deadline - clock_monotonic();
		struct pollfd waiting = { .fd = input, .events = POLLIN };
		int ready = left <= 0 ? 0 : poll(&waiting, 1, (int)(left / 1000) + 1);
		if (ready == 0) {
			return -ETIMEDOUT;
		}
		int r = ready < 0 ? (errno == EINTR ? 1 : -errno) : take(out, input);
		if (r <= 0) {
			return r;
		}
	}
}

/* One that has closed its output may run on. @return 0 or -ETIMEDOUT. */
static int wait_for_end(pid_t child, usec_t deadline)
{
	_cleanup_(close_fdp) int process = pidfd_open(child, 0);
	struct pollfd waiting = { .fd = process, .events = POLLIN };
	int ready = process < 0 ? 1 : -1; /* before Linux 5.3 it is waited for without a limit */
	while (ready < 0) {
		const usec_t left = deadline - clock_monotonic();
		ready = left <= 0 ? 0 : poll(&waiting, 1, (int)(left / 1000) + 1);
	}
	return ready == 0 ? -ETIMEDOUT : 0;
}

int run_code(int status)
{
	enum { SIGNAL_BASE = 128 };
	return WIFSIGNALED(status) ? SIGNAL_BASE + WTERMSIG(status) : WEXITSTATUS(status);
}

int run_wait(pid_t child)
{
	int status = 0;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
	}
	return run_code(status);
}

int run_finish(struct str *out, int input, pid_t child, usec_t timeout)
{
	const usec_t deadline = clock_monotonic() + timeout;
	int r = collect(out, input, deadline);
	if (r == 0) {
		r = wait_for_end(child, deadline);
	}
	if (r < 0) {
		(void)kill(child, SIGKILL); /* it may have ended by itself */
	}
	const int code = run_wait(child);
	return r < 0 ? r : code == 0 ? 0 : -EIO;
}

int run_program(struct str *out, const char *const *words, usec_t timeout)
{
	char path[RUN_PATH_BYTES];
	int r = run_find(path, words[0]);
	if (r < 0) {
		return r;
	}
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0) {
		return -errno;
	}
	_cleanup_(close_fdp) int input = ends[0];
	_cleanup_(close_fdp) int output = ends[1];
	pid_t child = 0;
	r = start(&child, path, words, output);
	if (r < 0) {
		return r;
	}
	close_fdp(&output);
	return run_finish(out, input, child, timeout);
}

/* @return a descriptor, or -1. */
static int open_beside(const char *name)
{
	char path[PATH_MAX];
	const ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (length <= 0) {
		return -1;
	}
	path[length] = '\0';
	char *slash = strrchr(path, '/');
	if (slash == NULL) {
		return -1;
	}
	const size_t room = sizeof(path) - (size_t)(slash + 1 - path);
	return (size_t)snprintf(slash + 1, room, "%s", name) < room ? open(path, O_PATH | O_CLOEXEC)
								    : -1;
}

int run_open_own(const char *name)
{
	int program = open_beside(name);
	if (program < 0) {
		char path[PATH_MAX];
		(void)snprintf(path, sizeof(path), "%s/%s", MINATO_LIBEXEC_DIRECTORY, name);
		program = open(path, O_PATH | O_CLOEXEC);
	}
	return program < 0 ? -errno : program;
}
