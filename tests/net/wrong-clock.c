/* Preloaded into a program: its wall clock is WRONG_CLOCK_SECONDS ahead, or behind when negative.
 * Only what it asks by clock_gettime() and time(); the kernel's own timers know nothing of it. */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

typedef int asking(clockid_t, struct timespec *);

static long long offset(void)
{
	const char *seconds = getenv("WRONG_CLOCK_SECONDS");
	const char *digit = seconds == NULL ? "" : seconds + (seconds[0] == '-');
	long long value = 0;
	for (; *digit >= '0' && *digit <= '9'; digit++) {
		value = 10 * value + (*digit - '0');
	}
	return seconds != NULL && seconds[0] == '-' ? -value : value;
}

/* Under the C library's names; declared so, they would be another declaration of the same. */
int wrong_gettime(clockid_t id, struct timespec *now) __asm__("clock_gettime");
time_t wrong_time(time_t *out) __asm__("time");

int wrong_gettime(clockid_t id, struct timespec *now)
{
	asking *real = NULL;
	*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	int r = real(id, now);
	if (r == 0 && id == CLOCK_REALTIME) {
		now->tv_sec += offset();
	}
	return r;
}

time_t wrong_time(time_t *out)
{
	struct timespec now = { 0 };
	(void)wrong_gettime(CLOCK_REALTIME, &now); /* always there */
	if (out != NULL) {
		*out = now.tv_sec;
	}
	return now.tv_sec;
}
