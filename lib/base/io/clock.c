/* The clocks. */
#include "base/io/clock.h"

#include <time.h>

static usec_t ask(clockid_t id)
{
	struct timespec ts = { 0 };
	(void)clock_gettime(id, &ts); /* these clocks always exist on Linux */
	return (usec_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

usec_t clock_now(void)
{
	return ask(CLOCK_REALTIME);
}

usec_t clock_monotonic(void)
{
	return ask(CLOCK_MONOTONIC);
}

usec_t clock_boot(void)
{
	return ask(CLOCK_BOOTTIME);
}

usec_t clock_boot_offset(void)
{
	return ask(CLOCK_REALTIME) - ask(CLOCK_BOOTTIME);
}

int64_t clock_local_day(usec_t time)
{
	const time_t seconds = (time_t)(time / USEC_PER_SEC);
	struct tm local = { 0 };
	if (localtime_r(&seconds, &local) == NULL) {
		return time / USEC_PER_DAY;
	}
	return date_to_days(local.tm_year + 1900, local.tm_mon + 1, local.tm_mday);
}
