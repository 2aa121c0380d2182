/* Sweeps at work: some at once, progress on stderr, Ctrl-C. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "words.h"

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

struct auditing {
	struct audit_parts *parts;
	const struct context *context;
	size_t next; /* to begin */
	size_t at_work;
	size_t shown; /* columns of the line of progress */
};

/* ---- progress ---- */

static void show_line(struct auditing *a, const char *line)
{
	const size_t width = text_width(line);
	(void)fprintf(stderr, "\r%s%*s\r", line, a->shown > width ? (int)(a->shown - width) : 0,
		      "");
	(void)fflush(stderr);
	a->shown = width;
}

static void show_progress(struct auditing *a)
{
	unsigned total = 0, settled = 0, rate = 0, round = 0;
	usec_t left = 0;
	char span[SPAN_TEXT_BYTES], line[256];
	if (!a->context->err_terminal) {
		return;
	}
	for (size_t i = 0; i < a->next; i++) {
		const struct sweep_job *job = a->parts->items[i].job;
		if (job != NULL && !job->ended) {
			total += job->progress.total;
			settled += job->progress.settled;
			rate += job->progress.rate;
			round = job->progress.round > round ? job->progress.round : round;
			left = job->progress.left > left ? job->progress.left : left;
		}
	}
	const int length = snprintf(
		line, sizeof(line),
		_("%u of %u: %u of %u ports answered, round %u, %u packets/s, about %s left"),
		(unsigned)(a->next - a->at_work + 1), (unsigned)a->parts->count, settled, total,
		round, rate, span_format(left, span));
	if (length > 0 && total > 0) {
		line[text_fit(line, a->context->columns - 1)] = '\0';
		show_line(a, line);
	}
}

/* ---- at work ---- */

static void begin(struct auditing *a)
{
	struct audit_part *part = &a->parts->items[a->next++];
	part->job = malloc(sizeof(*part->job));
	if (part->job == NULL) {
		(void)err_set(&part->fault, -ENOMEM, _("not enough memory"));
	} else if (sweep_job_start(part->job, &part->order, &part->fault) == 0) {
		a->at_work++;
	} else {
		free(part->job);
		part->job = NULL;
	}
}

static void end(struct auditing *a, struct audit_part *part)
{
	struct sweep_job *job = part->job;
	a->at_work--;
	if (sweep_job_end(job, &part->fault) == 0 && job->end.error != 0) {
		(void)err_system(&part->fault, -job->end.error, "nothing can be sent there");
	}
}

static void hear(struct auditing *a)
{
	struct pollfd waits[AUDIT_AT_ONCE];
	struct audit_part *parts[AUDIT_AT_ONCE];
	nfds_t count = 0;
	for (size_t i = 0; i < a->next && count < AUDIT_AT_ONCE; i++) {
		struct audit_part *part = &a->parts->items[i];
		if (part->job != NULL && part->job->channel >= 0) {
			parts[count] = part;
			waits[count++] = (struct pollfd){ part->job->channel, POLLIN, 0 };
		}
	}
	if (poll(waits, count, 1000) <= 0) {
		return; /* a signal, or nothing new */
	}
	for (nfds_t i = 0; i < count; i++) {
		if (waits[i].revents != 0 && sweep_job_hear(parts[i]->job) == 0) {
			end(a, parts[i]);
		}
	}
	show_progress(a);
}

static void stop_all(struct auditing *a)
{
	for (size_t i = 0; i < a->next; i++) {
		if (a->parts->items[i].job != NULL) {
			sweep_job_stop(a->parts->items[i].job);
		}
	}
}

static void compare(struct audit_part *part)
{
	if (part->job == NULL || part->job->error < 0) {
		return;
	}
	part->rows = calloc(65536, sizeof(*part->rows));
	if (part->rows == NULL) {
		(void)err_set(&part->fault, -ENOMEM, _("not enough memory"));
		return;
	}
	part->row_count = audit_compare(part->rows, 65536, part->job->states, part->protocol,
					&part->order.ports, &part->target->declared);
}

bool audit_run(struct audit_parts *parts, const struct context *context)
{
	struct auditing a = { .parts = parts, .context = context };
	/* The second one ends us at once. */
	const struct sigaction action = { .sa_handler = stop, .sa_flags = (int)SA_RESETHAND };
	bool told = false;
	(void)sigaction(SIGINT, &action, NULL); /* cannot fail with a valid signal */
	while (a.at_work > 0 || (a.next < parts->count && stopped == 0)) {
		while (a.at_work < AUDIT_AT_ONCE && a.next < parts->count && stopped == 0) {
			begin(&a);
		}
		if (a.at_work > 0) {
			hear(&a);
		}
		if (stopped != 0 && !told) {
			stop_all(&a);
			told = true;
		}
	}
	if (a.shown > 0) {
		show_line(&a, "");
	}
	for (size_t i = 0; i < parts->count; i++) {
		compare(&parts->items[i]);
	}
	return stopped != 0;
}

void audit_parts_deinit(struct audit_parts *parts)
{
	for (size_t i = 0; i < parts->count; i++) {
		free(parts->items[i].rows);
		free(parts->items[i].changes);
		free(parts->items[i].job);
	}
	*parts = (struct audit_parts){ 0 };
}

void audit_count(struct audit_counts *out, const struct audit_part *part)
{
	*out = (struct audit_counts){ 0 };
	for (int32_t port = portset_next(&part->order.ports, 1); port >= 0 && part->job != NULL;
	     port = portset_next(&part->order.ports, (uint32_t)port + 1)) {
		out->states[part->job->states[port]]++;
	}
}

bool audit_is_whole(const struct audit_part *part)
{
	return part->fault.code == 0 && part->job != NULL && part->job->end.interrupted == 0;
}
