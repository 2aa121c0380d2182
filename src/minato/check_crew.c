/*
 * Several targets at once: each is asked by a process of its own, which leaves what it found in
 * memory that it shares with this one. Most of the time is waiting, so that more of them cost
 * little.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { AT_ONCE = 16 };

struct member {
	pid_t pid; /* 0 = none */
	struct check check;
};

static _Noreturn void be_member(struct member *self, const struct check_crew *crew,
				const struct probe_target *target, pid_t parent)
{
	/* Both end it: Ctrl-C, and the end of who wants to know. */
	(void)signal(SIGINT, SIG_DFL);          /* cannot fail with a valid signal */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* neither can this */
	if (getppid() != parent) {
		_exit(EXIT_ERROR);
	}
	_exit(crew->ask(&self->check, target, crew->data));
}

static int begin(struct member *member, const struct check_crew *crew,
		 const struct probe_target *target)
{
	const pid_t parent = getpid();
	const pid_t pid = fork();
	if (pid == 0) {
		be_member(member, crew, target, parent);
	}
	member->pid = pid < 0 ? 0 : pid;
	return pid < 0 ? -errno : 0;
}

/* @return its exit code; -EINTR when it has to stop meanwhile. */
static int await(struct member *member, const struct check_crew *crew)
{
	int status = 0;
	pid_t done = 0;
	do {
		done = *crew->stopped != 0 ? 0 : waitpid(member->pid, &status, 0);
	} while (done < 0 && errno == EINTR);
	if (done <= 0) {
		return -EINTR;
	}
	member->pid = 0;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) {
		return -EINTR;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_ERROR;
}

static void end(struct member *member)
{
	if (member->pid > 0) {
		(void)kill(member->pid, SIGKILL); /* ours, and not waited for: cannot fail */
		while (waitpid(member->pid, NULL, 0) < 0 && errno == EINTR) {
		}
	}
}

static int work_through(struct member *members, const struct check_crew *crew,
			const struct probe_target *targets, size_t count)
{
	size_t begun = 0;
	bool more = true;
	int r = 0;
	for (size_t told = 0; told < count && more; told++) {
		while (r == 0 && begun < count && begun < told + AT_ONCE) {
			r = begin(&members[begun % AT_ONCE], crew, &targets[begun]);
			begun += r == 0;
		}
		if (told == begun) {
			return r; /* nobody is left who could be waited for */
		}
		struct member *member = &members[told % AT_ONCE];
		const int code = await(member, crew);
		more = code >= 0 && crew->tell(&member->check, code, crew->data);
		r = 0; /* one has ended, so that another may begin */
	}
	return 0;
}

int check_crew(const struct check_crew *crew, const struct probe_target *targets, size_t count)
{
	const size_t bytes = AT_ONCE * sizeof(struct member);
	struct member *members =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (members == MAP_FAILED) {
		return -errno;
	}
	int r = work_through(members, crew, targets, count);
	for (size_t i = 0; i < AT_ONCE; i++) {
		end(&members[i]);
	}
	(void)munmap(members, bytes); /* cannot fail with what mmap gave */
	return r;
}
