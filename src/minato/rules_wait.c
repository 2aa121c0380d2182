/* What happens when nobody confirms: the kernel takes the rules back by itself; this tidies up. */
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

/* Another minato may hold the record just then: it tidies up itself. */
static void clean(void *data)
{
	const unsigned *seconds = data;
	wait_for(*seconds + 1);
	struct rules rules = { .states = { .directory = -1, .lock = -1 } };
	struct err e = ERR_INIT;
	if (enforce_states_open(&rules.states, rules_directory(), true, &e) == 0 &&
	    enforce_status(&rules.status, &e) == 0) {
		(void)enforce_settle(&rules.states, &rules.status, clock_now(),
				     &e); /* nobody is left to tell */
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

void rules_clean_later(unsigned seconds)
{
	rules_leave_behind(clean, &seconds);
}
