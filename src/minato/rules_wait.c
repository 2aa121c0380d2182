/* What a change leaves to a process of its own: keeping how the kernel lists the new rules, and
 * tidying up when nobody confirms them (the kernel takes them back by itself). */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/io/clock.h"
#include "rules.h"

static void wait_for(unsigned seconds)
{
	/* By the clock of the kernel's timers: nobody sets it back, and sleep counts. */
	struct timespec end = { 0 };
	(void)clock_gettime(CLOCK_MONOTONIC, &end); /* always there */
	end.tv_sec += seconds;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == EINTR) {
	}
}

/* The programs of what is confirmed by now: whoever confirmed it may have died before they were
 * told to the kernel. What was only tried holds no more, and goes. */
static void clean_programs(const struct rules *rules, const struct context *context)
{
	const struct enforce_state *state =
		enforce_states_find(&rules->states, rules->status.confirmed);
	struct policy policy = { 0 };
	if (!programs_stand() || rules->status.candidate != 0) {
		return; /* the next one, if any, has somebody of its own who waits for it */
	}
	programs_cancel(context);
	if (state != NULL &&
	    enforce_states_policy(&policy, &rules->states, state->number, NULL) == 0) {
		(void)programs_hold(&policy, context); /* nobody is left to tell */
		policy_deinit(&policy);
	}
}

/* Another minato may hold the record just then: it tidies up itself. */
static void clean(const struct context *context)
{
	struct rules rules = { RULES_INIT };
	struct err e = ERR_INIT;
	if (enforce_states_open(&rules.states, rules_directory(), true, &e) == 0 &&
	    enforce_status(&rules.status, &e) == 0) {
		(void)enforce_settle(&rules.states, &rules.status, clock_now(),
				     &e); /* nobody is left to tell */
		clean_programs(&rules, context);
	}
	enforce_states_close(&rules.states);
}

static void become_nobody(void)
{
	(void)setsid(); /* the terminal may go away */
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; null >= 0 && fd <= 2; fd++) {
		(void)dup2(null, fd);
	}
	/* The lock of the record, and whatever else was open. */
	(void)close_range(3, ~0U, 0);
}

void rules_leave_behind(void (*work)(void *data), void *data)
{
	pid_t child = fork();
	if (child != 0) {
		return; /* also without one: the next command tidies up */
	}
	become_nobody();
	work(data);
	_exit(0);
}

struct tidying {
	unsigned number;
	const char *text;
	bool outbound;
	unsigned seconds;
	const struct context *context;
};

static void keep_listing(const struct tidying *tidying)
{
	struct enforce_states states;
	if (enforce_states_open(&states, rules_directory(), false, NULL) == 0) {
		/* Without it the lines that another tool changes cannot be told. */
		(void)enforce_keep_listing_of(&states, tidying->number, tidying->text,
					      tidying->outbound, NULL);
	}
	enforce_states_close(&states);
}

/* Listing may end in another network namespace, so that it is not for the one that cleans. */
static void tidy(void *data)
{
	const struct tidying *tidying = data;
	pid_t lister = tidying->seconds == 0 ? 0 : fork();
	if (lister == 0) {
		keep_listing(tidying);
		return;
	}
	wait_for(tidying->seconds + 1);
	clean(tidying->context);
}

void rules_tidy_later(unsigned number, const char *text, bool outbound, unsigned seconds,
		      const struct context *context)
{
	struct tidying tidying = { number, text, outbound, seconds, context };
	rules_leave_behind(tidy, &tidying);
}
