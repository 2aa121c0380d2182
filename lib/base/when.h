/* Points in time and spans, as numbers. Libraries get "now" as an argument; only programs ask a
 * clock. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Microseconds since 1970-01-01T00:00:00Z, or a span in microseconds. */
typedef int64_t usec_t;

#define USEC_PER_SEC ((usec_t)1000000)
#define USEC_PER_MIN (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MIN)
#define USEC_PER_DAY (24 * USEC_PER_HOUR)

enum {
	TIME_TEXT_BYTES = 32, /* 2026-11-22T01:02:03.000004Z */
	SPAN_TEXT_BYTES = 32,
};

/* RFC 3339 in UTC with microseconds. Years 0..9999; others give "". @return out. */
const char *time_format(usec_t time, char *out);

/*
 * Reads RFC 3339 ("2026-11-22T01:02:03Z", with fraction and offset) or a date ("2026-11-22", its
 * first instant in UTC). @return 0 or -EINVAL.
 */
int time_parse(usec_t *out, const char *text);

/* A civil date without a zone: 2026-11-22. @return 0, -EINVAL (also for 2026-02-30). */
int date_parse(int *year, int *month, int *day, const char *text);

/* Days since 1970-01-01 of a civil date (proleptic Gregorian). */
int64_t date_to_days(int year, int month, int day);

/* Reads "90s", "10m", "2h", "7d", "4w" (integers). @return 0, -EINVAL, -ERANGE. */
int span_parse(usec_t *out, const char *text);

/* Short form for people: "350 ms", "12 s", "5 min", "3 h", "12 d". @return out. */
const char *span_format(usec_t span, char *out);
