/* Programs of our own that work without rights: their start and what their end says. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/run.h"
#include "sandbox/sandbox.h"

enum {
	NOT_RUN = 126,    /* as a shell says that a program cannot be run */
	NOT_LINKED = 127, /* glibc's ld.so, when a library is missing or too old */
};

static _Noreturn void become(const char *name, const char *role, int channel, int program,
			     pid_t parent)
{
	char *const words[] = { (char *)(uintptr_t)name, (char *)(uintptr_t)role, NULL };
	char *const environment[] = { NULL };
	int fds[] = { channel, program };
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* cannot fail with a valid signal */
	(void)signal(SIGINT, SIG_IGN);          /* neither can this */
	if (getppid() == parent && sandbox_keep_descriptors(fds, 2) == 0) {
		program = SANDBOX_CHANNEL + 1;
		(void)fcntl(program, F_SETFD, FD_CLOEXEC); /* the program, once it runs */
		(void)execveat(program, "", words, environment, AT_EMPTY_PATH);
	}
	_exit(NOT_RUN);
}

int sandbox_start(int *channel, pid_t *child, const char *name, const char *role, struct err *e)
{
	int ends[2];
	_cleanup_(close_fdp) int program = run_open_own(name);
	if (program < 0) {
		return err_system(e, program, "%s is not installed", name);
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		return err_system(e, errno, "cannot start %s", name);
	}
	_cleanup_(close_fdp) int ours = ends[0];
	_cleanup_(close_fdp) int its = ends[1];
	const pid_t parent = getpid();
	const pid_t started = fork();
	if (started < 0) {
		return err_system(e, errno, "cannot start %s", name);
	}
	if (started == 0) {
		become(name, role, its, program, parent);
	}
	*channel = steal_fd(&ours);
	*child = started;
	return 0;
}

static int judge_end(int status, const char *name, const char *library, struct err *e)
{
	if (WIFSIGNALED(status)) {
		return err_set(e, EIO, "%s failed: signal %d ended it", name, WTERMSIG(status));
	}
	switch (WEXITSTATUS(status)) {
	case EXIT_SUCCESS:
		return 0;
	case NOT_RUN:
		return err_set(e, EIO,
			       "%s cannot be run: is the limit of open files (ulimit -n) too low?",
			       name);
	case NOT_LINKED:
		return err_set(
			e, ELIBACC,
			"%s cannot be run: a library that it needs is missing or too old%s%s", name,
			library != NULL ? ", as " : "", library != NULL ? library : "");
	case SANDBOX_EXIT_RIGHTS:
		return err_set(e, EIO, "%s failed: it could not give its rights away", name);
	default:
		return err_set(e, EIO, "%s failed: it ended with exit code %d", name,
			       WEXITSTATUS(status));
	}
}

int sandbox_finish(pid_t child, int error, const char *name, const char *library, struct err *e)
{
	int status = 0;
	if (error < 0) {
		(void)kill(child, SIGKILL); /* it may have ended by itself */
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
	}
	const bool failed = WIFEXITED(status) && WEXITSTATUS(status) != EXIT_SUCCESS;
	return error < 0 && !failed ? err_system(e, error, "%s failed", name)
				    : judge_end(status, name, library, e);
}
