/* Sweeps at work: some at once, progress on stderr, Ctrl-C. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "base/io/clock.h"
#include "words.h"

enum { WAIT_MS = 500 };
static const usec_t RATE_EVERY = USEC_PER_SEC;
static const usec_t DRAW_EVERY = USEC_PER_SEC * 3 / 20;

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

const volatile int *audit_stopped(void)
{
	return &stopped; /* sig_atomic_t is int wherever Linux is */
}

struct auditing {
	struct audit_parts *parts;
	const struct context *context;
	size_t next; /* to begin */
	size_t at_work;
	uint32_t kept; /* how often reports of what is known were kept */
	size_t shown;  /* columns of the line of progress */
	/* The rate, from packets that were sent since a moment. */
	uint64_t sent;
	usec_t sent_at, begun, drawn;
	unsigned rate;
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

static void count_rate(struct auditing *a, uint64_t sent, usec_t now)
{
	const bool begins = a->sent_at == a->begun && now > a->begun;
	if (!begins && now - a->sent_at < RATE_EVERY) {
		return;
	}
	/* Who has ended takes his packets along. */
	if (sent >= a->sent) {
		a->rate = (unsigned)((double)(sent - a->sent) * USEC_PER_SEC /
				     (double)(now - a->sent_at));
	}
	if (now - a->sent_at >= RATE_EVERY) {
		a->sent = sent;
		a->sent_at = now;
	}
}

static void add_up(struct sweep_progress *sum, const struct sweep_progress *one)
{
	sum->total += one->total;
	sum->settled += one->settled;
	sum->sent += one->sent;
	sum->canaries += one->canaries;
	sum->lost += one->lost;
	sum->round = one->round > sum->round ? one->round : sum->round;
	sum->left = one->left > sum->left ? one->left : sum->left;
}

/* Those at work, and about as much again for each turn of those that wait. */
static usec_t time_left(const struct auditing *a, usec_t left)
{
	const size_t waiting = a->parts->count - a->next;
	return left + (usec_t)((waiting + AUDIT_AT_ONCE - 1) / AUDIT_AT_ONCE) * left;
}

static void show_progress(struct auditing *a)
{
	struct sweep_progress sum = { 0 };
	char span[SPAN_TEXT_BYTES];
	struct str line = STR_INIT(1024);
	const usec_t now = clock_monotonic();
	if (now - a->drawn < DRAW_EVERY) {
		return; /* what is found comes in many reports, and what is over at once needs no
			   line */
	}
	a->drawn = now;
	for (size_t i = 0; i < a->next; i++) {
		const struct sweep_job *job = a->parts->items[i].job;
		if (job != NULL && !job->ended) {
			add_up(&sum, &job->progress);
		}
	}
	count_rate(a, sum.sent, now);
	const usec_t left = time_left(a, sum.left);
	str_printf(&line, _("%u of %u: %u %%, %u of %u ports answered, round %u, %u packets/s, "),
		   (unsigned)(a->next - a->at_work + 1), (unsigned)a->parts->count,
		   (unsigned)((now - a->begun) * 100 / (now - a->begun + left + 1)), sum.settled,
		   sum.total, sum.round, a->rate);
	if (sum.canaries > 0) {
		str_printf(&line, _("%.1f %% lost, "), 100.0 * sum.lost / sum.canaries);
	}
	str_printf(&line, _("about %s left"), span_format(left, span));
	if (sum.total > 0 && line.error == 0) {
		line.text[text_fit(line.text, a->context->columns - 1)] = '\0';
		show_line(a, line.text);
	}
	str_deinit(&line);
}

/* ---- at work ---- */

/* Those of UDP ask a few times a second: they do not count. */
static void share_rate(struct auditing *a)
{
	uint32_t sharing = 0;
	for (size_t i = 0; i < a->next; i++) {
		const struct audit_part *part = &a->parts->items[i];
		sharing += part->job != NULL && !part->job->ended && part->protocol == PROTOCOL_TCP;
	}
	const uint32_t rate = sharing == 0 ? a->parts->rate : a->parts->rate / sharing;
	for (size_t i = 0; i < a->next; i++) {
		struct audit_part *part = &a->parts->items[i];
		if (part->job != NULL && part->order.rate != rate) {
			part->order.rate = rate == 0 ? 1 : rate;
			sweep_job_rate(part->job, part->order.rate);
		}
	}
}

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
	share_rate(a);
	audit_last(part->target, part, a->context);
}

/* What is known is told now and then, and kept. */
static void keep_under_way(struct auditing *a)
{
	uint32_t told = 0;
	for (size_t i = 0; i < a->next; i++) {
		const struct sweep_job *job = a->parts->items[i].job;
		told += job == NULL || job->ended ? 0 : job->told;
	}
	if (told > a->kept) {
		audit_last_under_way(a->parts, a->context);
	}
	a->kept = told;
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
	if (poll(waits, count, WAIT_MS) <= 0) {
		return; /* a signal, or nothing new */
	}
	for (nfds_t i = 0; i < count; i++) {
		if (waits[i].revents != 0 && sweep_job_hear(parts[i]->job) == 0) {
			end(a, parts[i]);
		}
	}
	keep_under_way(a);
	if (a->context->err_terminal) {
		show_progress(a);
	}
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
	if (part->before != NULL) {
		audit_layer_states(part->job->states, &part->order.ports, part->before);
	}
	part->rows = calloc(65536, sizeof(*part->rows));
	if (part->rows == NULL) {
		(void)err_set(&part->fault, -ENOMEM, _("not enough memory"));
		return;
	}
	part->row_count = audit_compare(part->rows, 65536, part->job->states, part->protocol,
					&part->order.ports, &part->target->declared);
}

/* The second one ends us at once. */
static void catch_signals(void)
{
	const struct sigaction action = { .sa_handler = stop, .sa_flags = (int)SA_RESETHAND };
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		(void)sigaction(signals[i], &action, NULL); /* cannot fail with a valid signal */
	}
}

bool audit_run(struct audit_parts *parts, const struct context *context)
{
	struct auditing a = { .parts = parts, .context = context, .begun = clock_monotonic() };
	bool told = false;
	a.sent_at = a.drawn = a.begun;
	catch_signals();
	while (a.at_work > 0 || (a.next < parts->count && stopped == 0)) {
		while (a.at_work < AUDIT_AT_ONCE && a.next < parts->count && stopped == 0) {
			begin(&a);
			share_rate(&a);
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
		if (i >= a.next) {
			audit_last(parts->items[i].target, &parts->items[i], context);
		}
		compare(&parts->items[i]);
	}
	return stopped != 0;
}

void audit_parts_deinit(struct audit_parts *parts)
{
	for (size_t i = 0; i < parts->count; i++) {
		free(parts->items[i].rows);
		free(parts->items[i].identities);
		free(parts->items[i].changes);
		free(parts->items[i].before);
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
