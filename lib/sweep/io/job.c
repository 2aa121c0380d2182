/* Starting minato-sweep, and believing what it says as far as it can be. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "config.h"
#include "sandbox/sandbox.h"
#include "sweep/sweep.h"

enum { CHANNEL = 3 };

/* Beside this program, else where it is installed. */
static int open_program(void)
{
	static const char name[] = "minato-sweep";
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
		program = open(MINATO_LIBEXEC_DIRECTORY "/minato-sweep", O_PATH | O_CLOEXEC);
	}
	return program < 0 ? -errno : program;
}

static _Noreturn void be_child(int channel, int program, pid_t parent)
{
	static char name[] = "minato-sweep";
	char *const words[] = { name, NULL };
	char *const environment[] = { NULL };
	int fds[] = { channel, program };
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* cannot fail with a valid signal */
	/* Ctrl-C is for who started it, which then asks for what is known. */
	(void)signal(SIGINT, SIG_IGN);
	if (getppid() == parent && sandbox_keep_descriptors(fds, 2) == 0) {
		(void)fcntl(CHANNEL + 1, F_SETFD, FD_CLOEXEC); /* the program, once it runs */
		(void)execveat(CHANNEL + 1, "", words, environment, AT_EMPTY_PATH);
	}
	_exit(EXIT_FAILURE);
}

int sweep_job_start(struct sweep_job *job, const struct sweep_order *order, struct err *e)
{
	int ends[2];
	memset(job, 0, sizeof(*job));
	job->order = *order;
	job->channel = -1;
	_cleanup_(close_fdp) int program = open_program();
	if (program < 0) {
		return err_system(e, program, "minato-sweep is not installed");
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		return err_system(e, errno, "cannot start minato-sweep");
	}
	_cleanup_(close_fdp) int mine = ends[0];
	_cleanup_(close_fdp) int its = ends[1];
	const pid_t parent = getpid();
	const pid_t child = fork();
	if (child < 0) {
		return err_system(e, errno, "cannot start minato-sweep");
	}
	if (child == 0) {
		be_child(its, program, parent);
	}
	job->process = child;
	if (send(mine, order, sizeof(*order), MSG_NOSIGNAL) != (ssize_t)sizeof(*order)) {
		sweep_job_deinit(job);
		return err_system(e, EIO, "cannot start minato-sweep");
	}
	job->channel = steal_fd(&mine);
	return 0;
}

static int fail(struct sweep_job *job, int error)
{
	job->ended = true;
	job->error = error;
	return 0;
}

int sweep_job_hear(struct sweep_job *job)
{
	struct sweep_report report;
	const ssize_t length = recv(job->channel, &report, sizeof(report), MSG_TRUNC);
	if (length < 0 && errno == EINTR) {
		return 1;
	}
	if (length <= 0) {
		return fail(job, -EIO); /* gone before its end was told */
	}
	if (length != (ssize_t)sizeof(report) || !sweep_report_valid(&report)) {
		return fail(job, -EBADMSG);
	}
	switch (report.kind) {
	case SWEEP_REPORT_PROGRESS:
		job->progress = report.progress;
		return 1;
	case SWEEP_REPORT_STATES:
		memcpy(job->states + report.part.first, report.part.states, SWEEP_STATES_BYTES);
		return 1;
	default:
		job->end = report.end;
		job->ended = true;
		return 0;
	}
}

void sweep_job_stop(struct sweep_job *job)
{
	static const char word = 0;
	if (job->channel >= 0 && !job->ended) {
		(void)send(job->channel, &word, sizeof(word), MSG_NOSIGNAL | MSG_DONTWAIT);
	}
}

void sweep_job_deinit(struct sweep_job *job)
{
	int status = 0;
	close_fdp(&job->channel);
	job->channel = -1;
	if (job->process > 0) {
		if (!job->ended || job->error < 0) {
			(void)kill(job->process, SIGKILL);
		}
		(void)waitpid(job->process, &status, 0); /* ours, and it ends: cannot fail */
		job->process = 0;
	}
}
