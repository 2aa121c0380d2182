/* Running nft and its kin: a text in, a text out, their complaint kept. No shell. */
#include "twin/io/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/io/file.h"

enum { PATH_BYTES = 128, READ_BYTES = 64 * 1024 };

static const usec_t run_timeout = 30 * USEC_PER_SEC;

static int find(char *path, const char *name)
{
	static const char *const folders[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin" };
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		(void)snprintf(path, PATH_BYTES, "%s/%s", folders[i], name);
		if (access(path, X_OK) == 0) {
			return 0;
		}
	}
	return -ENOENT;
}

int program_exists(const char *name)
{
	char path[PATH_BYTES];
	return find(path, name) == 0;
}

/* In the child; only system calls, since other threads may have held locks. */
static void become(const char *path, const char *const *words, const int *streams, pid_t parent)
{
	static char locale[] = "LC_ALL=C";
	static char lock[] = "XTABLES_LOCKFILE=/dev/null"; /* the namespace is ours alone */
	char *environment[] = { locale, lock, NULL };
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* cannot fail with a valid signal */
	if (getppid() != parent) {
		_exit(127);
	}
	for (int i = 0; i < 3; i++) {
		if (dup2(streams[i], i) < 0) {
			_exit(127);
		}
	}
	(void)execve(path, (char *const *)words, environment);
	_exit(127);
}

/* @return a descriptor at the beginning of a memory file with the text, or negative errno. */
static int memory_file(const char *text)
{
	_cleanup_(close_fdp) int fd = memfd_create("minato-input", MFD_CLOEXEC);
	if (fd < 0) {
		return -errno;
	}
	int r = text == NULL ? 0 : write_all(fd, text, strlen(text));
	if (r < 0 || lseek(fd, 0, SEEK_SET) < 0) {
		return r < 0 ? r : -errno;
	}
	return steal_fd(&fd);
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

static void first_complaint(struct str *complaint, int errors)
{
	char text[4096];
	ssize_t length = pread(errors, text, sizeof(text) - 1, 0);
	text[length > 0 ? length : 0] = '\0';
	for (const char *line = text; *line != '\0';) {
		size_t bytes = strcspn(line, "\n");
		if (bytes > 0 && line[0] != '#') {
			(void)str_add_bytes(complaint, line, bytes); /* kept in its error */
			return;
		}
		line += bytes + (line[bytes] == '\n');
	}
}

static int wait_for(pid_t child, int r)
{
	if (r < 0) {
		(void)kill(child, SIGKILL); /* it may have ended by itself */
	}
	int status = 0;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
	}
	if (r < 0) {
		return r;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

int program_run(struct str *out, struct str *complaint, const char *const *words, const char *input)
{
	char path[PATH_BYTES];
	int ends[2];
	int r = find(path, words[0]);
	if (r < 0) {
		return r;
	}
	_cleanup_(close_fdp) int in = memory_file(input);
	_cleanup_(close_fdp) int errors = memory_file(NULL);
	if (in < 0 || errors < 0) {
		return in < 0 ? in : errors;
	}
	if (pipe2(ends, O_CLOEXEC) < 0) {
		return -errno;
	}
	_cleanup_(close_fdp) int reading = ends[0];
	_cleanup_(close_fdp) int writing = ends[1];
	const int streams[] = { in, writing, errors };
	const pid_t parent = getpid();
	pid_t child = fork();
	if (child < 0) {
		return -errno;
	}
	if (child == 0) {
		become(path, words, streams, parent);
	}
	close_fdp(&writing);
	r = wait_for(child, collect(out, reading, clock_monotonic() + run_timeout));
	if (complaint != NULL) {
		first_complaint(complaint, errors);
	}
	return r;
}
