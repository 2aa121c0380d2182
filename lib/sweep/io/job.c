/* Starting minato-sweep, and believing what it says as far as it can be. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "sandbox/sandbox.h"
#include "sweep/sweep.h"

static const char program[] = "minato-sweep";

static int fail(struct sweep_job *job, int error)
{
	job->ended = true;
	job->error = error;
	return 0;
}

int sweep_job_start(struct sweep_job *job, const struct sweep_order *order, struct err *e)
{
	memset(job, 0, sizeof(*job));
	job->order = *order;
	job->channel = -1;
	int r = sandbox_start(&job->channel, &job->process, program, NULL, e);
	if (r < 0) {
		return r;
	}
	if (sandbox_send(job->channel, order, sizeof(*order)) < 0) {
		(void)fail(job, -EIO);
		return sweep_job_end(job, e);
	}
	return 0;
}

int sweep_job_hear(struct sweep_job *job)
{
	struct sweep_report report;
	const ssize_t length = recv(job->channel, &report, sizeof(report), MSG_TRUNC);
	/* It ended before it read the last word of ours; what it said is still there. */
	if (length < 0 && (errno == EINTR || errno == ECONNRESET)) {
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
		job->told += report.part.first == sizeof(job->states) - SWEEP_STATES_BYTES;
		return 1;
	default:
		job->end = report.end;
		job->ended = true;
		return 0;
	}
}

void sweep_job_rate(struct sweep_job *job, uint32_t rate)
{
	if (job->channel >= 0 && !job->ended) {
		(void)send(job->channel, &rate, sizeof(rate), MSG_NOSIGNAL | MSG_DONTWAIT);
	}
}

void sweep_job_stop(struct sweep_job *job)
{
	static const char word = 0;
	if (job->channel >= 0 && !job->ended) {
		(void)send(job->channel, &word, sizeof(word), MSG_NOSIGNAL | MSG_DONTWAIT);
	}
}

int sweep_job_end(struct sweep_job *job, struct err *e)
{
	close_fdp(&job->channel);
	if (job->process <= 0) {
		return job->error;
	}
	const int error = job->ended ? job->error : -ECANCELED;
	/* Who told its end has told all, however its process ends then. */
	const int r = sandbox_finish(job->process, error, program, NULL, error < 0 ? e : NULL);
	job->process = 0;
	return error < 0 ? r : 0;
}
