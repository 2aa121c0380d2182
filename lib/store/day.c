/* Names of day files and numbers of events. */
#include "store/day.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "base/str.h"

static const char prefix[] = "events-";
static const char suffix[] = ".sqlite";
static const char aside[] = ".aside-";
enum { DATE_LENGTH = 10 };

int64_t day_of(uint64_t id)
{
	return (int64_t)(id / (uint64_t)USEC_PER_DAY);
}

const char *day_name_format(int64_t day, char *out)
{
	char time[TIME_TEXT_BYTES];
	time_format(day * USEC_PER_DAY, time);
	(void)snprintf(out, DAY_NAME_BYTES, "%s%.*s%s", prefix, DATE_LENGTH, time, suffix);
	return out;
}

static bool is_companion(const char *rest)
{
	return strcmp(rest, "-wal") == 0 || strcmp(rest, "-shm") == 0 ||
	       strcmp(rest, "-journal") == 0;
}

/* What follows events-DATE.sqlite. */
static int parse_rest(enum day_name *kind, const char *rest)
{
	if (*rest == '\0' || is_companion(rest)) {
		*kind = *rest == '\0' ? DAY_NAME_FILE : DAY_NAME_COMPANION;
		return 0;
	}
	if (!str_starts(rest, aside)) {
		return -EINVAL;
	}
	rest += strlen(aside);
	size_t digits = strspn(rest, "0123456789");
	rest += digits;
	if (digits == 0 || (*rest != '\0' && !is_companion(rest))) {
		return -EINVAL;
	}
	*kind = *rest == '\0' ? DAY_NAME_ASIDE : DAY_NAME_ASIDE_COMPANION;
	return 0;
}

int day_name_parse(int64_t *day, enum day_name *kind, const char *name)
{
	if (!str_starts(name, prefix) || strlen(name) < strlen(prefix) + DATE_LENGTH) {
		return -EINVAL;
	}
	name += strlen(prefix);
	char date[DATE_LENGTH + 1];
	memcpy(date, name, DATE_LENGTH);
	date[DATE_LENGTH] = '\0';
	name += DATE_LENGTH;
	int year = 0;
	int month = 0;
	int day_of_month = 0;
	if (date_parse(&year, &month, &day_of_month, date) < 0 || !str_starts(name, suffix) ||
	    parse_rest(kind, name + strlen(suffix)) < 0) {
		return -EINVAL;
	}
	*day = date_to_days(year, month, day_of_month);
	return 0;
}

uint64_t day_next_id(uint64_t last, usec_t time)
{
	uint64_t wanted = (uint64_t)time;
	bool far_back = last > wanted + (uint64_t)USEC_PER_DAY;
	return last < wanted || far_back ? wanted : last + 1;
}
