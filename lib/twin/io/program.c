/* Running nft and its kin: a text in, a text out, their complaint kept. No shell. */
#include "twin/io/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/io/run.h"

static const usec_t run_timeout = 30 * USEC_PER_SEC;

int program_exists(const char *name)
{
	char path[RUN_PATH_BYTES];
	return run_find(path, name) == 0;
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

int program_run(struct str *out, struct str *complaint, const char *const *words, const char *input)
{
	char path[RUN_PATH_BYTES];
	int ends[2];
	int r = run_find(path, words[0]);
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
	r = run_finish(out, reading, child, run_timeout);
	if (complaint != NULL) {
		first_complaint(complaint, errors);
	}
	return r;
}
